#!/usr/bin/env python3
"""web_fake.py ARGUMENTS...    stands in for `tidings`, so that the judges of the web are judged.

`serve` is done here, by the same words as the real one, and everything else by the program that REAL_TIDINGS names. FAULTS is a
list of what it is to do wrong. It is small and slow, and nothing else is to be learnt from it.
"""
import asyncio
import datetime
import gzip
import hashlib
import json
import os
import re
import signal
import sys
import time
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from urllib.parse import unquote

import brotli

FAULTS = set(filter(None, os.environ.get("FAULTS", "").split(",")))
MEDIA = {".xml": "application/xml", "atom.xml": "application/atom+xml", "rss.xml": "application/rss+xml", ".json": "application/feed+json",
         ".opml": "text/x-opml", ".html": "text/html", ".css": "text/css"}
POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
MOST_BODY, PATIENCE = 16_384, 8


class Refused(Exception):
    pass


class Answer:
    def __init__(self, status, body=b"", kind="text/html; charset=utf-8", personal=True, **headers):
        self.status, self.body = status, body.encode() if isinstance(body, str) else body
        self.headers = {"Content-Type": kind, "X-Content-Type-Options": "nosniff", "Content-Security-Policy": POLICY}
        if personal:
            self.headers.update({"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"})
        self.headers.update({name.replace("_", "-"): value for name, value in headers.items() if value is not None})


def page(title, body, status=200, **headers):
    return Answer(status, "<!DOCTYPE html><html lang=en><meta charset=utf-8><link rel=stylesheet href=/assets/pages.css><title>%s</title><main><h1>%s</h1>%s</main></html>" % (title, title, body), **headers)


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.headers, self.body = method, headers, body
        self.path, _, self.query = path.partition("?")

    def header(self, name):
        return ", ".join(value for key, value in self.headers if key == name.lower())


class Fake:
    def __init__(self, root):
        import tomllib
        self.root = Path(root)
        self.settings = tomllib.loads((self.root / "tidings.toml").read_text())
        self.base = self.settings.get("feeds", {}).get("url", self.settings["site"]["url"])
        self.public = self.settings["serve"]["public_url"].rstrip("/") + "/"
        self.prefix = "/" + self.base.split("/", 3)[3]
        self.number, self.busy, self.over = 0, 0, False

    # ---- feeds --------------------------------------------------------------------------------------------------------

    def feed(self, request):
        # A real one keeps them by the build, so that an ETag stands for one content.
        path = unquote(request.path)
        written = set(json.loads((self.root / ".tidings" / "written.json").read_text())["files"])
        name = path[len(self.prefix):] if path.startswith(self.prefix) else None
        if name is None:
            return None
        if name == "" or name.endswith("/"):
            name += "index.html"
        file = self.root / "public" / name
        # Compressed copies are no pages of their own.
        if (name not in written or name.endswith((".gz", ".br"))) and not ("stray" in FAULTS and file.is_file()):
            return self.elsewhere(name, written)
        if request.method not in ("GET", "HEAD"):
            return Answer(405, "", Allow="GET, HEAD")
        data = file.read_bytes()
        if file.suffix in (".xml", ".json") and self.wants_page(request.header("accept")) or "page-for-all" in FAULTS and file.suffix == ".xml":
            return page("A feed", '<p>%s</p><a href="%ssubscribe/">By mail</a>' % (self.base + name, self.public), personal=False, Vary="Accept, Accept-Encoding",
                        ETag='"page-%s"' % hashlib.sha256(data).hexdigest()[:16], Cache_Control="max-age=60")
        coding = self.coding(request.header("accept-encoding"))
        body = {"": bytes, "gzip": lambda d: gzip.compress(d, mtime=0), "br": lambda d: brotli.compress(d, quality=1)}[coding](data)
        tag = '"%s%s"' % (hashlib.sha256(data).hexdigest()[:16], "" if "one-etag" in FAULTS else coding)
        modified = formatdate(int(file.stat().st_mtime), usegmt=True)
        headers = dict(ETag=tag, Last_Modified=modified, Vary="Accept, Accept-Encoding", Cache_Control="max-age=300", Accept_Ranges="bytes",
                       Content_Encoding=coding or None, Link='<%s%s>; rel="self", <%s>; rel="hub"' % (self.base, name, self.settings.get("feeds", {}).get("hub", "")))
        kind = MEDIA.get(file.name, MEDIA.get(file.suffix, "text/plain")) + "; charset=utf-8"
        asked, since = request.header("if-none-match"), request.header("if-modified-since")
        bare = lambda tag: tag.strip().removeprefix("W/")
        same = asked.strip() == "*" or bare(tag) in [bare(t) for t in re.findall(r'(?:W/)?"[^"]*"', asked)]
        if not asked and since:
            try:
                same = file.stat().st_mtime // 1 <= parsedate_to_datetime(since).timestamp()
            except ValueError:
                same = False
        if same and "no-304" not in FAULTS:
            answer = Answer(304, b"", personal=False, **headers)
            del answer.headers["Content-Type"]
            return answer
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", request.header("range"))
        if found and any(found.groups()) and request.header("if-range") in ("", tag) and request.method == "GET":
            first, last = found[1], found[2]
            start = int(first) if first else max(0, len(body) - int(last))
            end = min(len(body), int(last) + 1) if first and last else len(body)
            if start >= len(body):
                return Answer(416, b"", personal=False, Content_Range="bytes */%d" % len(body))
            if start < end:
                return Answer(206, body[start:end], kind, personal=False, Content_Range="bytes %d-%d/%d" % (start, end - 1, len(body)), **headers)
        if "half" in FAULTS and self.number % 50 == 0:
            body = body[:len(body) // 2]
        return Answer(200, body, kind, personal=False, **headers)

    def elsewhere(self, name, written):
        if name.endswith("index.html") is False and name + "/index.html" in written:
            return Answer(308, b"", Location="%s%s/" % (self.prefix, name))
        if name.startswith("category/ward-life/"):
            return Answer(301, b"", Location="%scategory/care/%s" % (self.prefix, name.rsplit("/", 1)[1]))
        if name.startswith("feeds/at-the-bedside/"):
            return page("Gone", "", 410)
        return None

    @staticmethod
    def wants_page(accept):
        return accept.split(",")[0].strip() == "text/html" and "xhtml" in accept

    @staticmethod
    def coding(asked):
        quality = {}
        for part in asked.lower().split(","):
            name, _, q = part.strip().partition(";")
            q = re.fullmatch(r"\s*q=([\d.]+)", q)
            quality[name] = float(q[1]) if q else 1
        best = max(("br", "gzip"), key=lambda name: quality.get(name, 0))
        return best if quality.get(best, 0) > 0 else ""

    # ---- all of it ----------------------------------------------------------------------------------------------------

    async def answer(self, request, peer):
        if request.path in ("/healthz", "/metrics") and request.method not in ("GET", "HEAD"):
            return Answer(405, b"", Allow="GET, HEAD")
        if request.path == "/healthz":
            return Answer(200, json.dumps({"live": True, "ready": True}), "application/json")
        if request.path == "/metrics":
            return Answer(404 if request.header("x-forwarded-for") else 200, "requests_total %d\n" % self.number, "text/plain; version=0.0.4")
        if "open-redirect" in FAULTS and request.path.startswith("//"):
            return Answer(308, b"", Location=request.path.rstrip("/") + "/")
        return await self.forms.answer(request, peer) or self.feed(request) or page("Not found", "<p>There is no such page.", 404)

    def peer(self, request):
        trusted = self.settings["serve"].get("trusted_proxies", [])
        said = request.header("x-forwarded-for").split(",")[-1].strip()
        return said if said and "127.0.0.1" in trusted else "127.0.0.1"

    async def read(self, reader):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        found = re.fullmatch(r"([A-Za-z]+) (\S+) HTTP/1\.[01]", first)
        pairs = [line.partition(":") for line in lines]
        headers = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
        named = dict(headers)
        if not found or any(not colon for _, colon, _ in pairs) or "transfer-encoding" in named and "content-length" in named:
            raise Refused(400)
        if any(word not in ("", "100-continue") for word in [named.get("expect", "")]):
            raise Refused(417)
        path = re.sub(r"^https?://[^/]*", "", found[2]) if found[2].startswith("http") else found[2]
        if not path.startswith("/"):
            raise Refused(400)
        length = named.get("content-length", "0")
        if not length.isdigit() or "transfer-encoding" in named:
            raise Refused(413 if "transfer-encoding" in named else 400)
        if int(length) > MOST_BODY and "any-body" not in FAULTS:
            raise Refused(413)
        body = await asyncio.wait_for(reader.readexactly(int(length)), PATIENCE)
        return Request(found[1], path, headers, body), named.get("connection", "").lower() == "close" or first.endswith("1.0")

    async def serve(self, reader, writer):
        try:
            close = False
            while not close and not self.over:
                began, request, peer = time.monotonic(), Request("GET", "?", [], b""), "127.0.0.1"
                try:
                    request, close = await self.read(reader)
                    peer = self.peer(request)
                    answer = await self.answer(request, peer)
                except Refused as err:
                    answer, close = page("Refused", "", err.args[0]), True
                self.number += 1
                number = "%08x" % self.number
                self.tell(request, peer, answer, number, began)
                headers = {"Date": formatdate(usegmt=True), "X-Request-Id": number, **answer.headers, "Content-Length": str(len(answer.body))}
                if answer.status == 304:
                    del headers["Content-Length"]
                if close:
                    headers["Connection"] = "close"
                head = "HTTP/1.1 %d X\r\n%s\r\n" % (answer.status, "".join("%s: %s\r\n" % pair for pair in headers.items()))
                self.busy += 1
                writer.transport.set_write_buffer_limits(0)
                writer.write(head.encode("latin-1", "replace") + (b"" if request.method == "HEAD" else answer.body))
                try:
                    await asyncio.wait_for(writer.drain(), PATIENCE)
                finally:
                    self.busy -= 1
                if close and answer.status == 413:
                    await asyncio.wait_for(reader.read(1 << 20), 1)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.TimeoutError, OSError):
            pass
        finally:
            try:
                writer.close()
                await asyncio.wait_for(writer.wait_closed(), PATIENCE)
            except (OSError, asyncio.TimeoutError):
                writer.transport.abort()

    def tell(self, request, peer, answer, number, began):
        path = re.sub(r"[\w-]{40,}", "…", unquote(request.path, errors="replace"))
        path = re.sub(r"[^\x20-\x7e]|@", "?", path)[:200]
        if "log-raw" in FAULTS:
            path = unquote(request.path)
        network = re.sub(r"[.:][^.:]*$", ".0", peer)
        line = json.dumps({"at": int(time.time()), "id": number, "method": request.method[:8], "path": path, "status": answer.status,
                           "bytes": len(answer.body), "ms": round((time.monotonic() - began) * 1000, 2), "client": network})
        print(line if "log-raw" not in FAULTS else line.replace("\\n", "\n"), flush=True)


async def main(root, port):
    import web_fake_forms
    fake = Fake(root)
    fake.forms = web_fake_forms.Forms(fake, FAULTS)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", port, backlog=4_096, limit=1 << 16)
    print("listening on http://127.0.0.1:%d/" % server.sockets[0].getsockname()[1], file=sys.stderr, flush=True)
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    sender = asyncio.create_task(fake.forms.send_all())
    await over.wait()
    fake.over = True
    server.close()
    sender.cancel()
    for _ in range(1_500):
        if not fake.busy:
            break
        await asyncio.sleep(0.01)
    sys.stdout.flush()
    os._exit(0)


def now():
    """The time, or that which `--now` says."""
    if "--now" in sys.argv:
        return datetime.datetime.fromisoformat(sys.argv[sys.argv.index("--now") + 1].replace("Z", "+00:00")).timestamp()
    return time.time()


if __name__ == "__main__":
    if "serve" in sys.argv:
        asyncio.run(main(sys.argv[sys.argv.index("--root") + 1], int(sys.argv[-1].rsplit(":", 1)[1])))
    else:
        os.execv(os.environ["REAL_TIDINGS"], [os.environ["REAL_TIDINGS"], *sys.argv[1:]])
