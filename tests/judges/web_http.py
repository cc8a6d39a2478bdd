"""Feeds over HTTP as the RFCs have them (9110, 9111): validators, ranges, encodings, choices, redirects, and builds under way.

The requests come from curl where it can make them, so that it is not only our own client that is content.
"""
import gzip
import json
import re
import socket
import subprocess
import threading
import time

import brotli

import common
from common import expect
from serving import Broken, Line, Web, header, request

BASE = "https://lindenhof.example/"
HUB = "https://hub.example/"
# Paths of the sample, and their media types.
MEDIA = {"/atom.xml": "application/atom+xml", "/rss.xml": "application/rss+xml", "/feed.json": "application/feed+json",
         "/category/care/atom.xml": "application/atom+xml", "/feeds/engineering-notes/rss.xml": "application/rss+xml",
         "/feeds/feeds.opml": "text/x-opml", "/feeds/": "text/html", "/feeds/style.css": "text/css"}
OF_FEEDS = [path for path in MEDIA if path.endswith((".xml", ".json"))]


class Sample:
    """The sample site, with what a server needs."""

    def __init__(self, root, feeds="", more=""):
        self.root = common.copy_sample(root)
        settings = root / "tidings.toml"
        said = settings.read_text().replace("[feeds]\n", '[feeds]\nhub = "%s"\n%s' % (HUB, feeds), 1)
        settings.write_text(said + '\n[serve]\npublic_url = "https://news.lindenhof.example/"\n[signup]\nper_network = "1000000/h"\n' + more)
        care = root / "content" / "taxonomies" / "categories" / "care.yaml"
        care.write_text(care.read_text().rstrip("\n") + "\naliases: [ward-life]\n")
        common.build(root)

    def change(self, old, new):
        settings = self.root / "tidings.toml"
        settings.write_text(settings.read_text().replace(old, new, 1))


class Curl:
    """curl, with its answer taken apart."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port

    def __call__(self, path, *options):
        head, body = self.folder / "head", self.folder / "body"
        for file in (head, body):
            file.unlink(missing_ok=True)
        command = ["curl", "-sS", "-m", "10", "--path-as-is", "-D", head, "-o", body, "-w", "%{http_code}", *options,
                   "http://127.0.0.1:%d%s" % (self.port, path)]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=20)
        if done.returncode:
            raise Broken("curl %s: %s" % (path, done.stderr))
        lines = [line.partition(":") for line in head.read_text(errors="replace").splitlines() if ":" in line]
        # With -I the output is the head once more.
        got = body.read_bytes() if body.exists() and "-I" not in options else b""
        return Answered(int(done.stdout), [(name, value.strip()) for name, _, value in lines], got)


def everything(port, sent):
    """All bytes that come back."""
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(sent)
        got = b""
        while piece := line.recv(65_536):
            got += piece
    return got


class Answered:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __getattr__(self, name):
        return header(self, name.replace("_", "-"))

    def __repr__(self):
        return "%d %s, %d bytes" % (self.status, self.headers, len(self.body))


def validators(curl, file_of):
    """ETag, Last-Modified and all that asks by them."""
    for path, media in MEDIA.items():
        a = curl(path)
        expect(a.status == 200 and a.content_type.split(";")[0] == media, "%s is %s" % (path, media), a)
        expect(a.content_type.lower().replace(" ", "").endswith("charset=utf-8"), "%s comes with its charset" % path, a.content_type)
        expect(a.body == file_of(path).read_bytes(), "%s has the bytes of the file" % path, len(a.body))
        expect(re.fullmatch(r'(W/)?"[\x21\x23-\x7e]+"', a.etag) and a.last_modified, "%s has validators" % path, a)
        expect("max-age" in a.cache_control or "no-cache" in a.cache_control, "%s says how long it keeps" % path, a.cache_control)
        expect("accept-encoding" in a.vary.lower(), "%s says that it differs by Accept-Encoding" % path, a.vary)
        h = curl(path, "-I")
        same = lambda x: sorted((k.lower(), v) for k, v in x.headers if k.lower() not in ("date", "x-request-id"))
        expect(h.status == 200 and not h.body and same(h) == same(a), "%s: HEAD is GET without a body" % path, set(same(h)) ^ set(same(a)))
        for headers in ({}, {"If-None-Match": a.etag}):
            bare = everything(curl.port, request("HEAD", path, headers)), everything(curl.port, request("GET", path, headers))
            expect(bare[0].endswith(b"\r\n\r\n") and (not headers or bare[1].endswith(b"\r\n\r\n")), "%s: nothing follows the head%s" % (path, " of a 304" if headers else ""), bare[0][-60:])
        tag, date = a.etag, a.last_modified
        later, sooner = "Fri, 01 Jan 2100 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 GMT"
        if not tag or not date:
            continue
        cases = [
            (304, "its ETag", ["If-None-Match: " + tag]), (304, "a list", ['If-None-Match: "a", W/"b,c", %s , "d"' % tag]),
            (304, "`*`", ["If-None-Match: *"]), (304, "the weak form", ["If-None-Match: W/" + tag.removeprefix("W/")]),
            (304, "two headers", ['If-None-Match: "a"', "If-None-Match: " + tag]),
            (200, "another ETag", ['If-None-Match: "other"']), (200, "no list at all", ["If-None-Match: nonsense"]),
            (200, "an ETag in a longer one", ['If-None-Match: "x%s' % tag.strip('W/"') + '"']),
            (304, "its Last-Modified", ["If-Modified-Since: " + date]), (304, "a later time", ["If-Modified-Since: " + later]),
            (200, "a time before", ["If-Modified-Since: " + sooner]), (200, "no time at all", ["If-Modified-Since: yesterday"]),
            # RFC 9110, section 13.2.2: the second is not looked at where the first is there.
            (200, "another ETag with its time", ['If-None-Match: "other"', "If-Modified-Since: " + later]),
            (304, "its ETag with a time before", ["If-None-Match: " + tag, "If-Modified-Since: " + sooner]),
        ]
        wrong = []
        for status, name, headers in cases:
            for method in ([], ["-I"]):
                b = curl(path, *method, *(part for line in headers for part in ("-H", line)))
                if b.status != status or status == 304 and (b.body or b.etag != tag or b.vary != a.vary or b.cache_control != a.cache_control):
                    wrong.append("%s%s: %r" % (name, " with HEAD" if method else "", b))
        expect(not wrong, "%s: %d ways to ask whether it changed" % (path, len(cases)), "; ".join(wrong))
    save = curl.folder / "etag"
    curl("/atom.xml", "--etag-save", save)
    expect(curl("/atom.xml", "--etag-compare", save).status == 304, "curl's own --etag-compare")
    kept = curl.folder / "kept"
    subprocess.run(["curl", "-sSR", "-o", kept, "http://127.0.0.1:%d/atom.xml" % curl.port], check=True)
    expect(curl("/atom.xml", "-z", kept).status == 304, "curl's own --time-cond")


def encodings(curl):
    """Copies by gzip and brotli: the same content, an ETag of their own."""
    decoders = {"gzip": gzip.decompress, "br": brotli.decompress}
    for path in OF_FEEDS[:4] + ["/feeds/"]:
        plain = curl(path)
        tags = {"": plain.etag}
        for coding, decode in decoders.items():
            a = curl(path, "-H", "Accept-Encoding: " + coding)
            good = a.content_encoding == coding and decode(a.body) == plain.body and int(a.content_length or -1) == len(a.body)
            expect(good and len(a.body) < len(plain.body), "%s: %s is the same content in fewer bytes" % (path, coding), a)
            tags[coding] = a.etag
            b = curl(path, "-H", "Accept-Encoding: " + coding, "-H", "If-None-Match: " + a.etag)
            expect(b.status == 304 and b.etag == a.etag, "%s: 304 by the ETag of %s" % (path, coding), b)
        expect(len(set(tags.values())) == 3, "%s: each encoding has an ETag of its own" % path, tags)
    cases = {"identity": "", "": "", "gzip;q=0": "", "br;q=0, gzip;q=0": "", "deflate, compress": "", "gzip;q=0.5, br;q=0": "gzip",
             "GZIP": "gzip", "gzip, deflate, br, zstd": "br", "br;q=0.1, gzip;q=0.9": "gzip", "x-gzip": None, "*;q=0": None, "gzip; q=1.000": "gzip"}
    wrong = []
    for asked, want in cases.items():
        a = curl("/atom.xml", "-H", "Accept-Encoding: " + asked if asked else "Accept-Encoding;")
        if a.status >= 500 or want is not None and (a.status != 200 or a.content_encoding != want):
            wrong.append("%r: %r" % (asked, a.content_encoding))
    expect(not wrong, "the encoding is the one that was asked for", wrong)
    a = curl("/atom.xml", "--compressed")
    expect(a.body == curl("/atom.xml").body and a.content_encoding, "curl's own --compressed", a)


def ranges(curl, file_of):
    whole = file_of("/atom.xml").read_bytes()
    n, tag = len(whole), curl("/atom.xml").etag
    for asked, start, end in (("0-99", 0, 100), ("100-", 100, n), ("-50", n - 50, n), ("0-%d" % (10 * n), 0, n), ("-%d" % (2 * n), 0, n)):
        a = curl("/atom.xml", "-H", "Range: bytes=" + asked)
        good = a.status == 206 and a.body == whole[start:end] and a.content_range == "bytes %d-%d/%d" % (start, end - 1, n)
        # A range of all may be answered by all.
        expect(good or (start, end) == (0, n) and a.status == 200 and a.body == whole, "a part of a file: bytes=%s" % asked, a)
    a = curl("/atom.xml", "-H", "Range: bytes=%d-" % n)
    expect(a.status == 416 and a.content_range == "bytes */%d" % n, "a part behind its end: 416", a)
    for asked in ("lines=0-9", "bytes=9-0", "bytes=a-b", "bytes="):
        a = curl("/atom.xml", "-H", "Range: " + asked)
        expect(a.status in (200, 416) and (a.status == 416 or a.body == whole), "no range at all: %r" % asked, a)
    a = curl("/atom.xml", "-H", "Range: bytes=0-9,20-29")
    expect(a.status in (200, 206), "two parts", a)
    a = curl("/atom.xml", "-H", "Range: bytes=" + ",".join(["0-"] * 1_000))
    expect(a.status in (200, 400, 416, 431) and len(a.body) <= n, "a thousand parts are not a thousand files", a)
    a = curl("/atom.xml", "-H", "Range: bytes=0-9", "-H", "If-Range: " + tag)
    expect(a.status == (206 if not tag.startswith("W/") else 200), "If-Range with its ETag", a)
    a = curl("/atom.xml", "-H", "Range: bytes=0-9", "-H", 'If-Range: "other"')
    expect(a.status == 200 and a.body == whole, "If-Range with another: the whole", a)
    a = curl("/atom.xml", "-I", "-H", "Range: bytes=0-9")
    expect(a.status in (200, 206) and not a.body, "HEAD with a range", a)
    a = curl("/atom.xml", "-H", "Accept-Encoding: gzip", "-H", "Range: bytes=0-9")
    zipped = curl("/atom.xml", "-H", "Accept-Encoding: gzip").body
    good = a.status == 200 or a.status == 206 and a.body == (zipped if a.content_encoding else whole)[:10]
    expect(good, "a part of what is compressed is a part of that", a)


def places(curl, site):
    """What is served and what is not, redirects, and what is gone."""
    (site.root / "public" / "stray.txt").write_text("nobody's")
    (site.root / "public" / "link.txt").symlink_to(site.root / "tidings.toml")
    for path in ("/stray.txt", "/link.txt", "/tidings.toml", "/.tidings/written.json", "/.tidings/tidings.db", "/atom.xml/", "/atom.xml.gz",
                 "/atom.xml.br", "/ATOM.XML", "/feeds/index.html/x", "/nothing"):
        a = curl(path)
        expect(a.status == 404, "%s is not served" % path, a)
    a = curl("/feeds")
    expect(a.status in (301, 308) and a.location in ("/feeds/", BASE + "feeds/"), "a folder without its slash leads to the one with it", a)
    for name in ("atom.xml", "rss.xml", "feed.json"):
        a = curl("/category/ward-life/" + name)
        expect(a.status in (301, 308) and a.location.removeprefix(BASE.rstrip("/")) == "/category/care/" + name,
               "a renamed term leads on: %s" % name, a)
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
        a = curl("/atom.xml", "-X", method)
        expect(a.status == 405 and "GET" in a.allow or method in ("OPTIONS", "BREW") and a.status in (200, 204, 400, 405, 501),
               "%s to a feed: 405" % method, a)
    before = curl("/feeds/at-the-bedside/atom.xml")
    site.change(re.search(r"(?s)\[feed\.at-the-bedside\].*?\n\n", (site.root / "tidings.toml").read_text())[0], "")
    common.build(site.root)
    a, other = curl("/feeds/at-the-bedside/atom.xml"), curl("/feeds/engineering-notes/atom.xml")
    expect(before.status == 200 and a.status == 410 and other.status == 200, "a feed that was taken out is gone: 410", a)
    a = curl("/atom.xml")
    rels = {rel: url for url, rel in re.findall(r'<([^>]+)>\s*;[^,]*?rel="?(\w+)', a.link)}
    expect(rels.get("hub") == HUB and rels.get("self") == BASE + "atom.xml", "the Link header names hub and self", a.link)


def builds(site, web, rounds=6, readers=50):
    """Builds while many read: each answer is one of the two versions, whole, and a new one is there when `build` is done."""
    title, seen, faults = ["Lindenhof Health", "Lindenhof Heath"], set(), []
    versions = {}
    over = threading.Event()

    def keep():
        for name in ("atom.xml", "feed.json"):
            versions.setdefault(name, set()).add((site.root / "public" / name).read_bytes())
    keep()

    def look(number):
        line = Line(web.port)
        decoders = {"": bytes, "gzip": gzip.decompress, "br": brotli.decompress}
        headers = {"Accept-Encoding": ["identity", "gzip", "br"][number % 3]}
        name = ("atom.xml", "feed.json")[number % 2]
        while not over.is_set():
            try:
                a = line.ask("GET", "/" + name, headers)
                # A copy that is not of this build is not sent: then it is the file itself.
                coding = header(a, "content-encoding")
                seen.add((name, coding, decoders[coding](a.body), a.status, header(a, "etag")))
            except Exception as err:  # whatever it is, it is a fault of what was sent
                faults.append("%s: %r" % (name, err))
            time.sleep(0.005)  # the build needs a processor, too
        line.close()
    threads = [threading.Thread(target=look, args=(i,)) for i in range(readers)]
    for thread in threads:
        thread.start()
    late = []
    for i in range(rounds):
        site.change('"%s"' % title[i % 2], '"%s"' % title[(i + 1) % 2])
        common.build(site.root)
        want = (site.root / "public" / "atom.xml").read_bytes()
        keep()
        got = web.get("/atom.xml")
        if got.body != want:
            late.append(i)
    over.set()
    for thread in threads:
        thread.join()
    statuses = {status for _, _, _, status, _ in seen}
    expect(not faults and statuses == {200}, "%d readers during %d builds: every answer is whole" % (readers, rounds), (faults[:3], statuses))
    half = [len(body) for name, _, body, _, _ in seen if body not in versions[name]]
    expect(not half, "and each is one of the %d versions" % len(versions["atom.xml"]), half[:5])
    expect(not late, "what was built is served at once", late)
    by_tag = {}
    for name, coding, body, _, tag in seen:
        by_tag.setdefault((name, coding, tag), set()).add(body)
    expect(all(len(bodies) == 1 for bodies in by_tag.values()), "no ETag stands for two contents", len(by_tag))
    expect({body for name, _, body, _, _ in seen if name == "atom.xml"} == versions["atom.xml"], "both versions were seen")
    expect({coding for _, coding, _, _, _ in seen} == set(("", "gzip", "br")), "and all encodings", {coding for _, coding, _, _, _ in seen})


def below_a_path(folder):
    """Feeds below a path of the site."""
    site = Sample(folder / "below", feeds='url = "https://lindenhof.example/read/it/"\n')
    with Web(site) as web:
        a = web.get("/read/it/atom.xml")
        expect(a.status == 200 and header(a, "content-type").startswith("application/atom+xml"), "feeds below a path are served there", a.status)


def http(folder):
    site = Sample(folder / "site")
    public = site.root / "public"

    def file_of(path):
        return public / (path.lstrip("/") + ("index.html" if path.endswith("/") else ""))
    with Web(site) as web:
        curl = Curl(folder, web.port)
        validators(curl, file_of)
        encodings(curl)
        ranges(curl, file_of)
        builds(site, web)
        places(curl, site)
        a = web.get("/healthz")
        expect(a.status == 200 and json.loads(a.body) == {"live": True, "ready": True}, "/healthz says that it is ready", a)
        a = web.get("/metrics")
        samples = [line for line in a.body.decode().splitlines() if line and not line.startswith("#")]
        expect(a.status == 200 and samples and all(re.fullmatch(r"[a-z_:]+(\{.*\})? \S+", line) for line in samples),
               "/metrics is what Prometheus reads", a)
        expect(web.stop() == 0, "and it ends when it is asked to")
    below_a_path(folder)
