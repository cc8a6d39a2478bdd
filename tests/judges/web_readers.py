"""Feed readers over HTTP: which of them gets the feed and which the page, and what feedparser and newsboat make of it."""
import re
import sqlite3
import subprocess
import time

import feedparser

import common
from common import expect
from serving import Web, header
from web_http import Sample
from web_rules import Page, page_faults

# What readers and browsers say that they accept, as they are in use.
READERS = {
    "nothing": None, "curl, newsboat, Feedly": "*/*",
    "FreshRSS and SimplePie": "application/atom+xml, application/rss+xml, application/rdf+xml;q=0.9, application/xml;q=0.8, text/xml;q=0.8, "
                              "text/html;q=0.7, unknown/unknown;q=0.1, application/unknown;q=0.1, */*;q=0.1",
    "Miniflux": "application/xml, application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, text/html, */*;q=0.9",
    "feedparser": feedparser.http.ACCEPT_HEADER if hasattr(feedparser, "http") else
    "application/atom+xml,application/rdf+xml,application/rss+xml,application/x-netcdf,application/xml;q=0.9,text/xml;q=0.2,*/*;q=0.1",
    "NewsBlur": "application/atom+xml, application/rss+xml, application/xml;q=0.8, text/xml;q=0.6, */*;q=0.2",
    "NetNewsWire": "application/rss+xml, application/rdf+xml;q=0.8, application/atom+xml;q=0.6, application/xml;q=0.4, text/xml;q=0.4",
    "Inoreader": "application/rss+xml, application/xml, text/xml, application/atom+xml, text/html;q=0.5, */*;q=0.1",
    "a JSON reader": "application/feed+json, application/json;q=0.9, */*;q=0.1", "a careful one": "text/xml", "Akregator": "text/html, */*;q=0.1",
}
BROWSERS = {
    "Chrome": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
    "Firefox": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,image/svg+xml,*/*;q=0.8",
    "Safari": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
}
# What asks for HTML before all else and is a reader all the same: a browser's list is longer.
OF_NEITHER = ("Akregator",)


def choices(web):
    for path in ("/atom.xml", "/rss.xml", "/feed.json", "/category/care/atom.xml"):
        wrong = []
        plain = web.get(path)
        for name, accept in READERS.items():
            a = web.get(path, {"Accept": accept})
            if a.status != 200 or "html" in header(a, "content-type") and name not in OF_NEITHER:
                wrong.append("%s: %d %s" % (name, a.status, header(a, "content-type")))
        expect(not wrong, "%s: %d readers get the feed" % (path, len(READERS) - len(OF_NEITHER)), wrong)
        for name, accept in BROWSERS.items():
            a = web.get(path, {"Accept": accept})
            expect(a.status == 200 and header(a, "content-type").startswith("text/html"), "%s: %s gets a page" % (path, name),
                   (a.status, header(a, "content-type")))
        expect("accept" in [part.strip() for part in header(a, "vary").lower().split(",")] and "accept" in
               [part.strip() for part in header(plain, "vary").lower().split(",")], "%s: both say that they differ by Accept" % path, header(a, "vary"))
        expect(header(a, "etag") != header(plain, "etag"), "%s: the page has no ETag of the feed" % path, header(a, "etag"))
        b = web.get(path, {"Accept": accept, "If-None-Match": header(plain, "etag")})
        expect(b.status == 200, "%s: the ETag of the feed is not that of the page" % path, b.status)
        faults = page_faults(a, personal=False)
        expect(not faults, "%s: the page is well made" % path, faults)
        page = Page(a.body.decode())
        expect(any(link.endswith(path) for link in page.links) or path in a.body.decode(), "%s: the page names its address" % path, page.links[:5])
        expect(any("subscribe/" in link for link in page.links), "%s: and leads to the form" % path, page.links)


def with_feedparser(site, web):
    count = len(common.read_feed(site.root / "public" / "atom.xml"))
    for name in ("atom.xml", "rss.xml"):
        url = "http://127.0.0.1:%d/%s" % (web.port, name)
        first = feedparser.parse(url)
        good = first.status == 200 and len(first.entries) == count and not first.bozo
        expect(good, "feedparser reads %s" % name, (first.get("status"), len(first.entries), first.get("bozo_exception")))
        for by in ("etag", "modified"):
            again = feedparser.parse(url, **{by: first.get(by)})
            expect(first.get(by) and again.get("status") == 304 and not again.entries, "feedparser: 304 by its %s" % by, again.get("status"))
    moved = feedparser.parse("http://127.0.0.1:%d/feeds/engineering-notes/atom.xml" % web.port)
    expect(moved.get("status") == 200 and moved.entries, "feedparser reads a feed that was declared", moved.get("status"))


def with_newsboat(folder, site, web):
    """newsboat reloads until it hears that nothing is new; then there is a new post."""
    home = folder / "newsboat"
    home.mkdir()
    names = ("atom.xml", "rss.xml", "category/care/atom.xml")
    (home / "urls").write_text("".join("http://127.0.0.1:%d/%s\n" % (web.port, name) for name in names))
    (home / "config").write_text("")

    def reload():
        time.sleep(0.3)  # lines of the log come a little later
        before = len(web.lines())
        done = subprocess.run(["newsboat", "-u", home / "urls", "-C", home / "config", "-c", home / "cache.db", "-x", "reload"],
                              capture_output=True, text=True, timeout=60, env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})
        time.sleep(0.3)
        statuses = [int(found[1]) for line in web.lines()[before:] if (found := re.search(r'"status":\s*(\d+)', line))]
        db = sqlite3.connect(home / "cache.db")
        rows = db.execute("SELECT feedurl, title, guid, content, url FROM rss_item").fetchall()
        db.close()
        return done, statuses, rows
    done, statuses, rows = reload()
    expect(done.returncode == 0 and statuses == [200] * 3, "newsboat loads three feeds", (done.stderr, statuses))
    # An article that stands in several feeds is kept once.
    posts = {row[2]: row for row in rows}.values()
    count = len(common.read_feed(site.root / "public" / "atom.xml"))
    expect(len(posts) == count and all(title and content and url.startswith("https://lindenhof.example/blog/") for _, title, _, content, url in posts),
           "newsboat has %d articles with title, content and link" % count, len(posts))
    done, statuses, again = reload()
    # It forgets the validators of a feed that it meets for the first time, so that only the third time counts.
    done, statuses, again = reload()
    expect(statuses == [304] * 3 and sorted(again) == sorted(rows), "then it is told that nothing is new", statuses)
    post = site.root / "content" / "posts" / "2026-11-24.a-new-one.md"
    post.write_text("---\nid: brand-new\ntitle: A new one\npub_date: '2026-11-24'\nsummary: New.\n---\nWords.\n")
    common.build(site.root)
    done, statuses, third = reload()
    new = {row[1] for row in third} - {row[1] for row in again}
    expect(sorted(statuses) == [200, 200, 304] and new == {"A new one"}, "after a build it gets the new post, and no other", (statuses, new))


def readers(folder):
    site = Sample(folder / "site")
    with Web(site) as web:
        choices(web)
        with_feedparser(site, web)
        with_newsboat(folder, site, web)
