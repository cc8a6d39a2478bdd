#!/usr/bin/env python3
"""adopt.py hugo|jekyll    moving here from another tool floods no reader.

The posts of the sample are built by the other tool, its output is adopted, and the feeds of the next build are compared with
the old ones by feedparser: a post that a reader knew keeps its id, and nothing that she knew comes up again. `diff` has to
say the same. Done twice: with the posts' own `id`s, and without them.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

import common
from common import expect

TOOL = sys.argv[1]
URL = "https://lindenhof.example/"
CONFIG = Path(__file__).resolve().parent / TOOL
SETTINGS = """
[site]
title = "Lindenhof Health"
url = "%s"
timezone = "Europe/Berlin"
permalink = "/blog/{slug}/"

[feeds]
items = 100
bytes = "10 MB"
""" % URL


def posts(folder):
    """The posts of a site: file name, front matter, body."""
    for path in sorted(folder.glob("*.md")):
        _, head, body = re.split(r"^---\n", path.read_text(encoding="utf-8"), maxsplit=2, flags=re.M)
        yield path, yaml.safe_load(head), body


def convert(source, to):
    """The same posts as the other tool wants them: its names for the fields, its names for the files."""
    folder = to / ("content/posts" if TOOL == "hugo" else "_posts")
    folder.mkdir(parents=True)
    for path, front, body in posts(source):
        slug = front.get("slug") or path.stem[11:]
        categories = front.get("categories_blog", [])
        head = {"title": front["title"], "date": front["pub_date"], "tags": front.get("tags", []),
                "categories": [categories] if isinstance(categories, str) else categories, "description": front["summary"]}
        if TOOL == "hugo":
            head.update(slug=slug, draft=front.get("draft", False), lastmod=front.get("updated", front["pub_date"]))
        else:
            head.update(slug=slug, published=not front.get("draft", False))
            if "updated" in front:
                head["last_modified_at"] = front["updated"]
        text = "---\n%s---\n%s\n\n%s" % (yaml.safe_dump(head, allow_unicode=True), front.get("lead", ""), body)
        (folder / ("%s-%s.md" % (str(front["pub_date"])[:10], slug))).write_text(text, encoding="utf-8")


def build_with_the_other(to):
    """Builds the site of the other tool; returns its output folder."""
    for path in CONFIG.rglob("*"):
        if path.is_file():
            (to / path.relative_to(CONFIG)).parent.mkdir(parents=True, exist_ok=True)
            (to / path.relative_to(CONFIG)).write_bytes(path.read_bytes())
    hugo = common.TOP / "target" / "judges" / "bin" / "hugo"
    command = {"hugo": [str(hugo), "--source", str(to), "--destination", str(to / "public"), "--noBuildLock", "--quiet"],
               "jekyll": ["jekyll", "build", "--quiet", "--disable-disk-cache", "--source", str(to),
                          "--destination", str(to / "public")]}[TOOL]
    done = subprocess.run(command, capture_output=True, text=True, cwd=to, timeout=300)
    if done.returncode != 0:
        common.wrong("%s: %s%s" % (TOOL, done.stdout, done.stderr))
        common.finish()
    return to / "public"


def count_of_resurfacing(text):
    """How many entries `diff --json` says would come up again."""
    found = {k: v for k, v in json.loads(text).items() if re.search("re.?surfac", k)}
    if len(found) != 1:
        raise ValueError("not exactly one key about re-surfacing in %s" % text)
    value = next(iter(found.values()))
    return value if isinstance(value, int) else len(value)


def move(folder, ids):
    said = "with ids" if ids else "without ids"
    site = common.copy_sample(folder / "site")
    (site / "tidings.lock").unlink(missing_ok=True)
    (site / "tidings.toml").write_text(SETTINGS)
    if not ids:
        for path in (site / "content" / "posts").glob("*.md"):
            path.write_text(re.sub(r"^id: .*\n", "", path.read_text(), count=1, flags=re.M))
    convert(site / "content" / "posts", folder / "other")
    old = build_with_the_other(folder / "other")
    known = {}
    for path in old.rglob("*.xml"):
        if b"<rss" in path.read_bytes()[:400] or b"<feed" in path.read_bytes()[:400]:
            # The feed of a list of terms has pages for entries, which no reader takes for posts.
            known.update((e["link"], e["id"]) for e in common.read_feed(path) if e["link"].startswith(URL + "blog/"))
    if not expect(len(known) >= 15, "%s, %s: its feeds have %d posts" % (TOOL, said, len(known))):
        return

    # The test has a point only if moving without adopting would have flooded somebody.
    common.build(site)
    strange = [e["link"] for e in common.read_feed(site / "public" / "atom.xml") if known.get(e["link"], e["id"]) != e["id"]]
    expect(strange, "%s, %s: without `adopt`, %d ids would be others" % (TOOL, said, len(strange)))
    (site / "tidings.lock").unlink(missing_ok=True)
    status, _, err = common.run(site, "adopt", str(old))
    if not expect(status == 0, "%s, %s: `adopt` reads them" % (TOOL, said), err):
        return
    common.build(site)
    for name in common.FEEDS:
        now = {e["link"]: e["id"] for e in common.read_feed(site / "public" / name)}
        changed = {link: (i, now.get(link)) for link, i in known.items() if link in now and now[link] != i}
        expect(not changed, "%s, %s: %s keeps every id" % (TOOL, said, name), list(changed.items())[:3])
        expect(len(set(now) & set(known)) >= 15, "%s, %s: %s has the old posts" % (TOOL, said, name), sorted(set(known) - set(now)))
        expect(not set(now) - set(known), "%s, %s: %s has no others" % (TOOL, said, name), sorted(set(now) - set(known)))
    status, out, err = common.run(site, "--json", "diff", str(old))
    try:
        expect(status == 0 and count_of_resurfacing(out) == 0, "%s, %s: `diff` says that nothing would re-surface" % (TOOL, said), out + err)
    except ValueError as e:
        common.wrong("%s, %s: `diff --json`: %s%s" % (TOOL, said, e, err))


for with_ids in (True, False):
    with common.Folder() as place:
        move(place, with_ids)
common.finish()
