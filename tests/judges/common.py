"""What the judges share: a copy of the sample site, the program run on it, and how a verdict is told.

Every judge is a script of its own. It prints a line for each thing it looked at, and leaves with status 1 when one of them
was wrong. The program under test is named by TIDINGS; without it the release build of this checkout is taken.
"""
import datetime
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
TIDINGS = os.environ.get("TIDINGS", str(TOP / "target" / "release" / "tidings"))
PARTS = ("content", "static", "templates", "tidings.toml", "tidings.lock")
FEEDS = ("atom.xml", "rss.xml", "feed.json")

_wrong = 0


def ok(text):
    print("ok    " + text, flush=True)


def wrong(text):
    global _wrong
    _wrong += 1
    print("WRONG " + text, flush=True)


def expect(good, text, why=""):
    """Tells the verdict on one thing, and whether it was good."""
    if good:
        ok(text)
    else:
        wrong(text + (": %s" % (why,) if why else ""))
    return bool(good)


def finish():
    sys.exit(1 if _wrong else 0)


def scratch(suffix=""):
    """A folder that any user can look into; the caller removes it, see `Folder`."""
    path = Path(tempfile.mkdtemp(prefix="tidings-judge-", suffix=suffix))
    path.chmod(0o755)
    return path


class Folder:
    """`with Folder() as path`: a scratch folder, removed at the end whatever happened."""

    def __enter__(self):
        self.path = scratch()
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def copy_sample(to):
    """Copies the sample site of this checkout, without anything that was built."""
    to.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = TOP / part
        if source.is_dir():
            shutil.copytree(source, to / part)
        elif source.exists():
            shutil.copy2(source, to / part)
    return to


def run(site, *args, env=None, tidings=None, **options):
    """Runs the program on a site: (status, standard output, standard error)."""
    done = subprocess.run([tidings or TIDINGS, "--root", str(site), *args], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, env={**os.environ, "NO_COLOR": "1", **(env or {})}, timeout=300, **options)
    return done.returncode, done.stdout, done.stderr


def build(site, *args, **options):
    """Builds a site that has to build, and returns its JSON report."""
    status, out, err = run(site, "--json", "build", *args, **options)
    if status != 0:
        wrong("`build` of %s left with status %d\n%s" % (site, status, err))
        finish()
    return json.loads(out)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hashes(folder):
    """Every file below a folder, by its path from there."""
    return {str(p.relative_to(folder)): digest(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def read_feed(path):
    """The entries of an Atom, RSS or JSON file as a list of dicts: id, title, link, date. Raises where it does not parse."""
    if path.suffix == ".json":
        feed = json.loads(path.read_text(encoding="utf-8"))
        return [{"id": i["id"], "title": i.get("title", ""), "link": i.get("url"), "date": i.get("date_published")}
                for i in feed["items"]]
    import feedparser
    parsed = feedparser.parse(path.read_bytes())
    if parsed.bozo:
        raise ValueError("%s: %s" % (path, parsed.bozo_exception))
    return [{"id": e.get("id"), "title": e.get("title", ""), "link": e.get("link"), "date": moment(e.get("published_parsed"))}
            for e in parsed.entries]


def moment(parsed):
    return parsed and datetime.datetime(*parsed[:6], tzinfo=datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
