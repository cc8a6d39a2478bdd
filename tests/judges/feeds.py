#!/usr/bin/env python3
"""feeds.py DIR --base-url URL    every feed below DIR, read by parsers that are not ours.

XML: a strict parser, without recovery (lxml), and feedparser, which must not be bozo. JSON: the rules of JSON Feed 1.1. All
three: ids, unique and the same in every feed for one link; dates; newest first; self links that say where the file lies;
absolute addresses only, and nothing that runs. The files of one folder must carry the same entries with the same titles,
dates, authors, terms and text. OPML: each outline names a feed that is there. Last line: what was seen.
"""
import argparse
import datetime
import email.utils
import json
import re
import sys
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import feedparser
import lxml.html
from lxml import etree

import common

A = "{http://www.w3.org/2005/Atom}"
ENCODED = "{http://purl.org/rss/1.0/modules/content/}encoded"
CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
ADDRESSES = ("href", "src", "poster", "cite", "data", "action", "background", "formaction")
FORBIDDEN = {"script", "iframe", "object", "embed", "form", "style", "link", "meta", "base", "frame", "applet", "input", "svg"}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
JSON_FEED = {"version", "title", "home_page_url", "feed_url", "description", "user_comment", "next_url", "icon", "favicon",
             "authors", "language", "expired", "hubs", "items"}
JSON_ITEM = {"id", "url", "external_url", "title", "content_html", "content_text", "summary", "image", "banner_image",
             "date_published", "date_modified", "authors", "tags", "language", "attachments"}


class Judge:
    def __init__(self, top, base_url):
        self.top, self.base_url, self.findings, self.ids = top, base_url, [], {}

    def say(self, path, text):
        self.findings.append("%s: %s" % (path.relative_to(self.top), text))

    def where(self, path):
        """The address at which a file is served."""
        return urljoin(self.base_url, str(path.relative_to(self.top)))

    def address(self, path, what, url):
        """An address must be absolute, and written as one."""
        parts = urlsplit(url or "")
        if parts.scheme in ("mailto", "tel", "sms") and what.startswith("href"):
            return
        if parts.scheme not in ("http", "https") or not parts.netloc or re.search(r'[\s<>"{}|\\^`]', url):
            self.say(path, "%s is %r" % (what, url))

    def html(self, path, text):
        """Content must be harmless and complete by itself. Returns what one reads in it."""
        if not text.strip():
            return ""
        root = lxml.html.fragment_fromstring(text, create_parent="div")
        names = [e.get("id") for e in root.iter() if isinstance(e.tag, str) and e.get("id")]
        if len(names) != len(set(names)):
            self.say(path, "an id stands twice in one entry: %s" % sorted({n for n in names if names.count(n) > 1}))
        for element in root.iter():
            if not isinstance(element.tag, str):
                self.say(path, "a comment in content")
                continue
            if element.tag in FORBIDDEN:
                self.say(path, "<%s> in content" % element.tag)
            for name, value in element.attrib.items():
                if name.startswith("on"):
                    self.say(path, "%s= in content" % name)
                if name in ADDRESSES:
                    self.address(path, "%s of <%s>" % (name, element.tag), value)
                if name == "srcset":
                    for candidate in filter(None, (c.strip() for c in value.split(","))):
                        self.address(path, "srcset of <%s>" % element.tag, candidate.split()[0])
        return re.sub(r"\s+", " ", root.text_content()).strip()

    def date3339(self, path, what, text):
        if not text or not RFC3339.fullmatch(text):
            self.say(path, "%s is %r" % (what, text))
            return None
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(datetime.timezone.utc)

    def date822(self, path, what, text):
        date = email.utils.parsedate_to_datetime(text) if text else None
        if date is None or date.tzinfo is None or text[:3] != date.strftime("%a"):
            self.say(path, "%s is %r" % (what, text))
            return None
        return date.astimezone(datetime.timezone.utc)

    def entries(self, path, found):
        """What holds for the entries of a file in any format."""
        ids = [e["id"] for e in found]
        for i in {i for i in ids if ids.count(i) > 1}:
            self.say(path, "id %s stands twice" % i)
        for entry in found:
            if not urlsplit(str(entry["id"] or "")).scheme:
                self.say(path, "id %r is no URI" % entry["id"])
            self.address(path, "link of an entry", entry["url"])
            if not entry["title"]:
                self.say(path, "%s has no title" % entry["id"])
            known = self.ids.setdefault(entry["url"], entry["id"])
            if known != entry["id"]:
                self.say(path, "%s has the id %s, and elsewhere %s" % (entry["url"], entry["id"], known))
        dates = [e["published"] for e in found if e["published"]]
        if dates != sorted(dates, reverse=True):
            self.say(path, "entries are not newest first")
        return found

    def xml(self, path):
        data = path.read_bytes()
        try:
            root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, recover=False))
        except etree.XMLSyntaxError as e:
            self.say(path, "is not well-formed: %s" % e)
            return None
        if not data.startswith(b'<?xml version="1.0" encoding="utf-8"?>') and b'encoding="UTF-8"' not in data[:60]:
            self.say(path, "does not begin with an XML declaration in UTF-8")
        return root

    def bozo(self, path, count):
        parsed = feedparser.parse(path.read_bytes(), response_headers={"content-type": "application/xml; charset=utf-8"})
        if parsed.bozo:
            self.say(path, "feedparser: %s" % parsed.bozo_exception)
        if len(parsed.entries) != count:
            self.say(path, "feedparser sees %d entries of %d" % (len(parsed.entries), count))

    def atom(self, path):
        root = self.xml(path)
        if root is None:
            return None
        for name in ("id", "title", "updated"):
            if len(root.findall(A + name)) != 1:
                self.say(path, "has not exactly one <%s>" % name)
        updated = self.date3339(path, "updated of the feed", root.findtext(A + "updated"))
        selves = [x.get("href") for x in root.findall(A + "link") if x.get("rel") == "self"]
        if selves != [self.where(path)]:
            self.say(path, "self links are %s, it lies at %s" % (selves, self.where(path)))
        for link in root.iter(A + "link"):
            self.address(path, "link rel=%s" % link.get("rel"), link.get("href"))
        found = []
        for e in root.findall(A + "entry"):
            title = e.find(A + "title")
            text = title.text or "" if title is not None else ""
            if title is not None and title.get("type") == "html":
                text = lxml.html.fragment_fromstring(text, create_parent="div").text_content()
            content = e.find(A + "content")
            changed = self.date3339(path, "updated", e.findtext(A + "updated"))
            if changed and updated and changed > updated:
                self.say(path, "the feed is older than its entry %s" % e.findtext(A + "id"))
            found.append({
                "id": e.findtext(A + "id"), "title": " ".join(text.split()),
                "url": next((x.get("href") for x in e.findall(A + "link") if x.get("rel", "alternate") == "alternate"), None),
                "published": self.date3339(path, "published", e.findtext(A + "published")),
                "authors": [x.findtext(A + "name") for x in e.findall(A + "author")],
                "terms": sorted(x.get("label") or x.get("term") for x in e.findall(A + "category")),
                "text": self.html(path, content.text or "") if content is not None else ""})
        self.bozo(path, len(found))
        return self.entries(path, found)

    def rss(self, path):
        root = self.xml(path)
        if root is None:
            return None
        channel = root.find("channel")
        for name in ("title", "link", "description"):
            if not (channel.findtext(name) or "").strip():
                self.say(path, "has no <%s>" % name)
        selves = [x.get("href") for x in channel.findall(A + "link") if x.get("rel") == "self"]
        if selves != [self.where(path)]:
            self.say(path, "self links are %s, it lies at %s" % (selves, self.where(path)))
        found = []
        for item in channel.findall("item"):
            guid = item.find("guid")
            if guid is not None and guid.get("isPermaLink") != "false" and not (guid.text or "").startswith("http"):
                self.say(path, "guid %s passes for a link" % guid.text)
            if len(item.findall("enclosure")) > 1:
                self.say(path, "two enclosures in one item")
            names = [c.tag for c in item]
            if ENCODED in names and "description" in names and names.index("description") > names.index(ENCODED):
                self.say(path, "the content stands before the description")
            found.append({
                "id": guid.text if guid is not None else None, "title": " ".join((item.findtext("title") or "").split()),
                "url": item.findtext("link"), "published": self.date822(path, "pubDate", item.findtext("pubDate")),
                "authors": [x.text for x in item.findall(CREATOR)],
                "terms": sorted(x.text for x in item.findall("category")),
                "text": self.html(path, item.findtext(ENCODED) or "")})
        self.bozo(path, len(found))
        return self.entries(path, found)

    def json(self, path):
        def pairs(items):
            keys = [k for k, _ in items]
            for k in {k for k in keys if keys.count(k) > 1}:
                self.say(path, "key %r stands twice" % k)
            return dict(items)
        try:
            feed = json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=pairs)
        except ValueError as e:
            self.say(path, "is no JSON: %s" % e)
            return None
        if feed.get("version") != "https://jsonfeed.org/version/1.1" or not feed.get("title"):
            self.say(path, "version or title is wrong")
        for key in sorted(set(feed) - JSON_FEED):
            if not key.startswith("_"):
                self.say(path, "unknown key %r" % key)
        if feed.get("feed_url") != self.where(path):
            self.say(path, "feed_url is %s, it lies at %s" % (feed.get("feed_url"), self.where(path)))
        if feed.get("next_url") == feed.get("feed_url"):
            self.say(path, "next_url leads nowhere")
        for key in ("home_page_url", "next_url", "icon", "favicon"):
            if key in feed:
                self.address(path, key, feed[key])
        found = []
        for item in feed.get("items", []):
            for key in sorted(set(item) - JSON_ITEM):
                if not key.startswith("_"):
                    self.say(path, "unknown key %r in an item" % key)
            if not isinstance(item.get("id"), str):
                self.say(path, "id %r is no string" % item.get("id"))
            if not isinstance(item.get("content_html", item.get("content_text")), str):
                self.say(path, "%s has no content" % item.get("id"))
            for key in ("image", "banner_image", "external_url"):
                if key in item:
                    self.address(path, key, item[key])
            for attachment in item.get("attachments", []):
                self.address(path, "attachment", attachment.get("url"))
                if not attachment.get("mime_type"):
                    self.say(path, "an attachment without mime_type")
            if "date_modified" in item:
                self.date3339(path, "date_modified", item["date_modified"])
            found.append({
                "id": item.get("id"), "title": " ".join(item.get("title", "").split()), "url": item.get("url"),
                "published": self.date3339(path, "date_published", item.get("date_published")),
                "authors": [a.get("name") for a in item.get("authors", [])], "terms": sorted(item.get("tags", [])),
                "text": self.html(path, item.get("content_html", ""))})
        return self.entries(path, found)

    def same(self, versions):
        """The three formats of a feed are one truth."""
        (first, wanted), *others = versions.items()
        for path, found in others:
            if [e["id"] for e in found] != [e["id"] for e in wanted]:
                self.say(path, "does not carry the entries of %s" % first.name)
                continue
            for mine, theirs in zip(found, wanted):
                for key in ("title", "url", "published", "authors", "terms"):
                    if mine[key] != theirs[key]:
                        self.say(path, "%s of %s is %r, in %s %r" % (key, mine["id"], mine[key], first.name, theirs[key]))
                # An entry that is carried as a summary has its text in different places in the formats.
                if mine["text"] and theirs["text"] and mine["text"] != theirs["text"]:
                    self.say(path, "the text of %s is not that of %s" % (mine["id"], first.name))

    def opml(self, path):
        root = self.xml(path)
        for outline in root.iter("outline") if root is not None else ():
            url = outline.get("xmlUrl")
            if not outline.get("text"):
                self.say(path, "an outline without text")
            if url and not (self.top / unquote(url[len(self.base_url):])).is_file():
                self.say(path, "%s is not there" % url)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--base-url", required=True, help="where DIR is served, ending in /")
    parser.add_argument("--least", type=int, default=1, help="so many feeds there must be at least")
    options = parser.parse_args()
    judge = Judge(options.dir.resolve(), options.base_url)
    folders, entries = {}, 0
    for path in sorted(judge.top.rglob("*")):
        read = {"atom.xml": judge.atom, "rss.xml": judge.rss, "feed.json": judge.json}.get(path.name)
        if read and path.is_file():
            found = read(path)
            folders.setdefault(path.parent, {})[path] = found
            entries += len(found or ())
        elif path.suffix == ".opml":
            judge.opml(path)
    for folder, versions in folders.items():
        missing = sorted(set(common.FEEDS) - {p.name for p in versions})
        if missing:
            judge.findings.append("%s: no %s" % (folder.relative_to(judge.top), ", ".join(missing)))
        good = {p: f for p, f in versions.items() if f is not None}
        if len(good) > 1:
            judge.same(good)
    if len(folders) < options.least:
        judge.findings.append("%d feeds, at least %d were expected" % (len(folders), options.least))
    for finding in judge.findings:
        print("WRONG " + finding)
    print("%d feeds, %d entries in all their files, %d findings" % (len(folders), entries, len(judge.findings)))
    sys.exit(1 if judge.findings or not entries else 0)


if __name__ == "__main__":
    main()
