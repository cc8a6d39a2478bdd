#!/usr/bin/env python3
"""feeds.py has to pass a good set of feeds, and to find each fault that is put into it."""
import subprocess
import sys
from pathlib import Path

import common

ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><id>tag:example.org,2026:site</id><title>News</title>
<updated>2026-11-02T07:00:00Z</updated><link rel="self" href="https://example.org/atom.xml"/><author><name>Ann</name></author>
<entry><id>tag:example.org,2026:b</id><title type="html">B &amp;amp; C</title><link href="https://example.org/b/"/>
<published>2026-11-02T07:00:00Z</published><updated>2026-11-02T07:00:00Z</updated><author><name>Ann</name></author>
<category term="care" label="Care"/><content type="html">&lt;p&gt;&lt;a href="https://example.org/x"&gt;two&lt;/a&gt;&lt;/p&gt;</content></entry>
<entry><id>tag:example.org,2026:a</id><title>A</title><link href="https://example.org/a/"/>
<published>2026-11-01T07:00:00Z</published><updated>2026-11-01T07:00:00Z</updated>
<content type="html">&lt;p&gt;one&lt;/p&gt;</content></entry></feed>
"""
RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>News</title><link>https://example.org/</link>
<description>News</description><atom:link rel="self" href="https://example.org/rss.xml"/>
<item><title>B &#x26; C</title><link>https://example.org/b/</link><guid isPermaLink="false">tag:example.org,2026:b</guid>
<pubDate>Mon, 02 Nov 2026 07:00:00 +0000</pubDate><dc:creator>Ann</dc:creator><category>Care</category>
<content:encoded>&lt;p&gt;&lt;a href="https://example.org/x"&gt;two&lt;/a&gt;&lt;/p&gt;</content:encoded></item>
<item><title>A</title><link>https://example.org/a/</link><guid isPermaLink="false">tag:example.org,2026:a</guid>
<pubDate>Sun, 01 Nov 2026 07:00:00 +0000</pubDate><content:encoded>&lt;p&gt;one&lt;/p&gt;</content:encoded></item></channel></rss>
"""
JSON = """{"version": "https://jsonfeed.org/version/1.1", "title": "News", "feed_url": "https://example.org/feed.json", "items": [
{"id": "tag:example.org,2026:b", "url": "https://example.org/b/", "title": "B & C", "tags": ["Care"],
 "authors": [{"name": "Ann"}], "date_published": "2026-11-02T07:00:00Z",
 "content_html": "<p><a href=\\"https://example.org/x\\">two</a></p>"},
{"id": "tag:example.org,2026:a", "url": "https://example.org/a/", "title": "A", "date_published": "2026-11-01T07:00:00Z",
 "content_html": "<p>one</p>"}]}
"""
GOOD = {"atom.xml": ATOM, "rss.xml": RSS, "feed.json": JSON}

FAULTS = [
    ("a bare ampersand", "rss.xml", "B &#x26; C", "B & C"),
    ("a control character", "atom.xml", "<title>A<", "<title>A\x08<"),
    ("JSON with a comma too many", "feed.json", "}]}", "},]}"),
    ("JSON Feed 1.0", "feed.json", "version/1.1", "version/1"),
    ("a number for an id", "feed.json", '"id": "tag:example.org,2026:a"', '"id": 7'),
    ("an unknown key", "feed.json", '"title": "News"', '"titel": "", "title": "News"'),
    ("an entry without updated", "atom.xml", "<updated>2026-11-01T07:00:00Z</updated>", ""),
    ("a feed older than its entry", "atom.xml", "<updated>2026-11-02T07:00:00Z</updated><link", "<updated>2026-11-01T00:00:00Z</updated><link"),
    ("no self link", "rss.xml", '<atom:link rel="self" href="https://example.org/rss.xml"/>', ""),
    ("a self link elsewhere", "atom.xml", "https://example.org/atom.xml", "https://example.org/feed/atom.xml"),
    ("the wrong weekday", "rss.xml", "Sun, 01 Nov", "Mon, 01 Nov"),
    ("a date without a zone", "feed.json", "2026-11-01T07:00:00Z", "2026-11-01T07:00:00"),
    ("a relative link", "feed.json", "https://example.org/x", "/x"),
    ("a script", "feed.json", "<p>one</p>", "<script>1</script><p>one</p>"),
    ("a handler", "atom.xml", "&lt;p&gt;one", "&lt;p onclick=\"x()\"&gt;one"),
    ("a frame", "rss.xml", "&lt;p&gt;one", "&lt;iframe src=\"https://example.org/\"&gt;&lt;/iframe&gt;&lt;p&gt;one"),
    ("an id twice", "rss.xml", "2026:a</guid>", "2026:b</guid>"),
    ("another id in one format", "rss.xml", "2026:a</guid>", "2026:c</guid>"),
    ("another title in one format", "feed.json", '"title": "A"', '"title": "a"'),
    ("another term in one format", "atom.xml", 'label="Care"', 'label="Caring"'),
    ("another author in one format", "rss.xml", "<dc:creator>Ann<", "<dc:creator>Anna<"),
    ("another text in one format", "feed.json", "<p>one</p>", "<p>eins</p>"),
    ("another date in one format", "rss.xml", "Nov 2026 07:00:00 +0000</pubDate><dc", "Nov 2026 06:00:00 +0000</pubDate><dc"),
    ("a guid that passes for a link", "rss.xml", ' isPermaLink="false">tag:example.org,2026:a', ">tag:example.org,2026:a"),
]


def judge(files):
    with common.Folder() as folder:
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        command = [sys.executable, str(Path(__file__).parent / "feeds.py"), str(folder), "--base-url", "https://example.org/"]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, (done.stdout + done.stderr).strip()


status, said = judge(GOOD)
common.expect(status == 0, "a good set passes", said)
for name, file, old, new in FAULTS:
    assert old in GOOD[file], (name, old)
    status, said = judge({**GOOD, file: GOOD[file].replace(old, new, 1)})
    common.expect(status == 1 and "WRONG" in said, "%s is found" % name, said)
status, said = judge({k: v for k, v in GOOD.items() if k != "rss.xml"})
common.expect(status == 1 and "no rss.xml" in said, "a format that is missing is found", said)
common.finish()
