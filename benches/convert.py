"""The posts of `corpus.py` for other tools: front matter with their names for the fields, bodies as they are.

Nothing of it is timed. Authors are given by name, so that no tool has to look them up, and the lead is put before the body, where
tidings shows it too. A post need not have tags, topic, category, author, summary or lead. Needs PyYAML.
"""
import json
import re
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
AXES = ("categories", "topics", "tags", "authors")


def put(path, text):
    """Writes a file, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def many(value):
    """A value, a list of them or nothing: as a list."""
    return [str(one) for one in (value if isinstance(value, list) else [value]) if one not in (None, "")]


def loader():
    """Every scalar is a string. PyYAML's own parser in C, where it was built with that."""
    import yaml
    kind = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    return lambda text: yaml.load(text, kind) or {}


def people(corpus, load):
    """The slug of everybody, by id."""
    out = {}
    for path in sorted((corpus / "people").glob("*.md")):
        person = load(path.read_text(encoding="utf-8").removeprefix("---\n").split("\n---\n")[0])
        if "id" in person:
            out[person["id"]] = person.get("slug") or path.stem
    return out


def posts(corpus):
    """Every post as values, by file name: title, date, slug, summary, lead, body and the terms of each axis."""
    load = loader()
    known = people(corpus, load)
    for path in sorted((corpus / "blog").glob("*.md")):
        _, head, body = re.split(r"^---[ \t]*\n", path.read_text(encoding="utf-8"), maxsplit=2, flags=re.M)
        front = load(head)
        name = path.stem
        yield {"file": path.name, "key": front.get("id", name), "title": front.get("title", name), "slug": front.get("slug", name),
               "date": front.get("pub_date", name[:10])[:10], "summary": front.get("summary", "").strip(),
               "body": "\n\n".join(part for part in (front.get("lead", "").strip(), body) if part),
               "categories": many(front.get("categories_blog")), "topics": many(front.get("discovery_topic")),
               "tags": many(front.get("tags")), "authors": [known.get(one, one) for one in many(front.get("author"))]}


def fill(tool, to, values):
    """Copies the configuration of a tool, with `@NAME@` replaced by values."""
    for path in (HERE / "peers" / tool).rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            for name, value in values.items():
                text = text.replace("@%s@" % name, str(value))
            put(to / path.relative_to(HERE / "peers" / tool), text)


def front(values):
    """Front matter as JSON, which is YAML, too."""
    return "---\n%s\n---\n" % json.dumps(values, ensure_ascii=False)


def fresh(to):
    """An empty folder."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
