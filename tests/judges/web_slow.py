"""Clients that are slow, idle, many or too large, and a server that is asked to stop while some are being served."""
import os
import resource
import signal
import socket
import time

import common
from common import expect
from posting import wait_for
from serving import FORM, Broken, Line, Web, raw, read, request
from web_http import Sample

IDLE = 2_000
# Who reads slowly is cut off within this time, and who sends slowly within 75 seconds.
PATIENCE = 700


def latest(web, count=20, path="/atom.xml"):
    """The slowest of some ordinary requests, in seconds."""
    slowest = 0
    for _ in range(count):
        began = time.monotonic()
        try:
            good = web.get(path).status == 200
        except Broken:
            good = False
        slowest = max(slowest, time.monotonic() - began if good else 99)
    return slowest


def connected(port, count):
    lines = []
    for _ in range(count):
        line = socket.create_connection(("127.0.0.1", port), 10)
        lines.append(line)
    return lines


def close(lines):
    for line in lines:
        line.close()


def idle(web):
    """Idle connections: those that said nothing yet, and those that are kept after an answer."""
    for name, first in (("that said nothing", b""), ("kept after an answer", request("GET", "/feeds/style.css", close=False))):
        latest(web)
        before = web.memory()
        began = time.monotonic()
        lines = connected(web.port, IDLE)
        # One that finds no place in the queue of the kernel comes again after a second.
        expect(time.monotonic() - began < 0.9, "%d connections one upon another are all taken at once" % IDLE, "after %.1f s" % (time.monotonic() - began))
        if first:
            for line in lines:
                line.sendall(first)
            for line in lines:
                read(line)
        time.sleep(0.5)
        more, slowest = web.memory() - before, latest(web)
        expect(more < 50, "%d idle connections %s add %.1f MiB" % (IDLE, name, more))
        expect(slowest < 1, "others are served meanwhile, the slowest in %.0f ms" % (slowest * 1000))
        close(lines)
        time.sleep(0.5)


def slow(folder, long):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 10_000), hard))
    site = Sample(folder / "site", feeds='bytes = "50 MB"\n')
    # More than the kernel keeps of what is on its way.
    big = os.urandom(6_000_000).hex()
    with Web(site) as web:
        idle(web)
        dawdlers(web, long)
        too_large(web)
        kept(web)
    descriptors(site)
    expect(not panics(web), "no panic", panics(web))
    at_the_end(folder, site, big, long)


def panics(web):
    return [line for line in web.said.read_text(errors="replace").splitlines() if "panicked" in line]


class Dawdler:
    """Sends, or reads, a byte a second, until it is cut off."""

    def __init__(self, port, what, first):
        self.what, self.cut_after, self.began = what, None, time.monotonic()
        self.line = socket.socket()
        if what == "reads":
            # So that what was not read waits at the server, and not on the way.
            self.line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        self.line.connect(("127.0.0.1", port))
        self.line.setblocking(False)
        self.rest = first

    def step(self):
        """One byte. Whether it goes on."""
        if self.cut_after is not None:
            return False
        try:
            if self.what == "reads" and self.rest:
                self.line.send(self.rest)
                self.rest = b""
            elif self.what == "reads":
                if self.line.recv(1) == b"":
                    raise ConnectionResetError
            else:
                self.line.send(self.rest[:1])
                self.rest = self.rest[1:]
                if self.line.recv(4_096) == b"":
                    raise ConnectionResetError
        except BlockingIOError:
            pass
        except OSError:
            self.cut_after = time.monotonic() - self.began
            self.line.close()
        return self.cut_after is None


def dawdlers(web, long):
    """Clients that send a byte a second, in the head or in the body, and clients that read one."""
    head = request("GET", "/atom.xml", {"X-Long": "x" * 10_000})
    body = request("POST", "/subscribe/", {"Content-Type": FORM, "Content-Length": "10000"})
    wait_for(lambda: web.sockets() < 15, 30)
    before, held = web.memory(), web.sockets()
    slowly = [Dawdler(web.port, "sends", head) for _ in range(200)]
    in_body = [Dawdler(web.port, "sends", b"a" * 10_000) for _ in range(50)]
    for one in in_body:
        one.line.send(body)
    readers = [Dawdler(web.port, "reads", request("GET", "/atom.xml", {"Accept-Encoding": "identity"}, close=False) * 200) for _ in range(50)]
    all_of_them, slowest, end = slowly + in_body + readers, 0, time.monotonic() + (PATIENCE if long else 75)
    seen, most = 0, web.sockets()
    # Who reads has much to read before it sees the end, so what the server holds is counted.
    while time.monotonic() < end and (any([one.step() for one in all_of_them if one.what == "sends"]) or long and web.sockets() > held + 2):
        most = max(most, web.sockets())
        for one in readers:
            one.step()
        if seen < 10:
            slowest, seen = max(slowest, latest(web, 5)), seen + 1
            grown = web.memory() - before
        time.sleep(1)
    expect(slowest < 1, "while 250 send and 50 read a byte a second, others are served, the slowest in %.0f ms" % (slowest * 1000))
    expect(grown < 100, "and they hold %.1f MiB" % grown)
    for group, name in ((slowly, "200 that send their head a byte a second"), (in_body, "50 that send their body so")):
        cut = [one.cut_after for one in group if one.cut_after is not None]
        expect(len(cut) == len(group), "%s are cut off, after %.0f s at most" % (name, max(cut, default=0)), "%d of %d" % (len(cut), len(group)))
    expect(most >= held + 290, "the server had all of them at once", most - held)
    # The kernel takes much of an answer, so that who reads slowly costs little, and may stay for long.
    expect(not long or web.sockets() <= held + 2, "50 that read so %s, after %.0f s" % ("are cut off" if long else "may stay", time.monotonic() - slowly[0].began),
           "%d connections at first, %d at the end" % (most - held, web.sockets() - held))
    close([one.line for one in all_of_them])


def too_large(web):
    """Bodies of 100 MB: announced, in pieces without an end, and to a path that takes none."""
    before, block = web.memory(), b"a" * 65_536
    for name, path, headers in (
            ("announced", "/subscribe/", {"Content-Length": "100000000"}), ("in chunks", "/subscribe/", {"Transfer-Encoding": "chunked", "Content-Length": None}),
            ("announced, to the preferences", "/preferences/", {"Content-Length": "100000000"}),
            ("announced, to a token", "/unsubscribe/" + "A" * 48, {"Content-Length": "100000000"}), ("announced, to a feed", "/atom.xml", {"Content-Length": "100000000"})):
        sent, answer, began = 0, None, time.monotonic()
        chunk = b"10000\r\n" + block + b"\r\n" if "chunks" in name else block
        with socket.create_connection(("127.0.0.1", web.port), 10) as line:
            line.sendall(request("POST", path, {"Content-Type": FORM, **headers}))
            try:
                line.settimeout(5)
                while sent < 100_000_000:
                    line.sendall(chunk)
                    sent += len(chunk)
            except OSError:
                pass
            try:
                line.settimeout(10)
                answer = read(line, "POST")
            except Exception:  # reset before it could be read
                pass
        took, most = time.monotonic() - began, 20_000_000
        expect(sent < most and took < 10, "100 MB %s: it takes %.1f MB of them and %.1f s" % (name, sent / 1e6, took), (sent, took))
        if answer is not None:
            expect(answer.status in (413,) or "feed" in name and answer.status == 405 or "token" in name and answer.status in (404, 413),
                   "and answers %d" % answer.status)
    # Whoever waits for an answer before it sends has one.
    for headers, want in (({"Content-Length": "100000000", "Expect": "100-continue"}, 413), ({"Content-Length": "16385"}, 413)):
        answer = raw(web.port, request("POST", "/subscribe/", {"Content-Type": FORM, **headers}) + (b"" if "Expect" in headers else b"a" * 16_385), method="POST")
        expect(answer.status == want, "a body of %s bytes: %d" % (headers["Content-Length"], want), answer.status)
    just = raw(web.port, request("POST", "/subscribe/", {"Content-Type": FORM}, b"address=no&name=" + b"a" * (16_384 - 16)), method="POST")
    expect(just.status == 422, "one of 16 KiB is read", just.status)
    for name, sent in (("a head of 1 MB", request("GET", "/atom.xml", {"X-Long": "x" * 1_000_000})), ("a path of 200 KB", request("GET", "/" + "a" * 200_000))):
        try:
            status = raw(web.port, sent).status
        except Broken as err:
            # Reset before the answer could be read, since more was sent than it took.
            status = 0 if "Reset" in str(err) or "reset" in str(err) else str(err)
        expect(status in (0, 400, 404, 414, 431), "%s is refused" % name, status)
    expect(web.memory() - before < 20, "its memory grows by %.1f MiB" % (web.memory() - before))
    expect(latest(web) < 1, "and it goes on")


def kept(web):
    line = Line(web.port)
    first = line.ask("GET", "/atom.xml").status
    socket_then = line.line
    rest = [line.ask(method, path).status for method, path in (("HEAD", "/rss.xml"), ("GET", "/nothing"), ("GET", "/feed.json"))]
    expect(first == 200 and rest == [200, 404, 200] and line.line is socket_then, "a connection is kept for the next request", rest)
    line.close()
    two = socket.create_connection(("127.0.0.1", web.port), 10)
    two.sendall(request("GET", "/rss.xml", close=False) + request("GET", "/feeds/style.css"))
    got = b""
    while piece := two.recv(65_536):
        got += piece
    two.close()
    expect(got.count(b"HTTP/1.1 200") == 2, "two requests at once are answered in turn", got[:60])
    old = raw(web.port, b"GET /atom.xml HTTP/1.0\r\n\r\n")
    expect(old.status == 200 and len(old.body) > 1_000, "HTTP/1.0 is spoken too", old.status)


def descriptors(site):
    """With few file descriptors it does not die or spin when they run out."""
    with Web(site, name="few", before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))) as web:
        lines = connected(web.port, 150)
        time.sleep(0.5)
        ticks = lambda: sum(map(int, open("/proc/%d/stat" % web.process.pid).read().rpartition(")")[2].split()[11:13]))
        before = ticks()
        time.sleep(1)
        burnt = (ticks() - before) / os.sysconf("SC_CLK_TCK")
        close(lines)
        time.sleep(1.5)
        expect(web.process.poll() is None and burnt < 0.5 and latest(web) < 1.5, "out of file descriptors it waits, and goes on afterwards", burnt)


def at_the_end(folder, site, big, long):
    """SIGTERM: what is under way is finished, nothing new begins, idle connections do not hold it up."""
    for i in range(3):
        post = site.root / "content" / "posts" / ("2026-11-01.big-%d.md" % i)
        post.write_text("---\ntitle: Big %d\npub_date: '2026-11-01'\nsummary: Big.\ntags: [big]\n---\n%s\n" % (i, "\n\n".join(big[j:j + 4_000] for j in range(i * 4_000_000, (i + 1) * 4_000_000, 4_000))))
    common.build(site.root)
    path, web = "/tag/big/atom.xml", Web(site, name="end")
    whole = (site.root / "public" / path.lstrip("/")).read_bytes()
    expect(len(whole) > 11_000_000, "there is a feed of %d KB" % (len(whole) // 1000))
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.connect(("127.0.0.1", web.port))
    line.sendall(request("GET", path, {"Accept-Encoding": "identity"}))
    got = line.recv(1_000)
    waiting = connected(web.port, 20)
    time.sleep(0.2)
    web.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    try:
        web.get("/atom.xml", timeout=2)
        began = True
    except Broken:
        began = False
    expect(not began, "after SIGTERM nothing new begins")
    pieces = [got]
    while piece := line.recv(65_536):
        pieces.append(piece)
        time.sleep(0.02 if len(pieces) < 100 else 0)
    line.close()
    body = b"".join(pieces).partition(b"\r\n\r\n")[2]
    expect(body == whole, "a download that is under way is finished", "%d of %d bytes" % (len(body), len(whole)))
    began = time.monotonic()
    status = web.stop()
    expect(status == 0 and time.monotonic() - began < 10, "then it ends with status 0, whoever is still connected", status)
    close(waiting)
    again = Web(site, port=web.port, name="again")
    expect(again.port == web.port and again.get("/atom.xml").status == 200, "and starts again at the same port")
    if not long:
        return expect(again.stop() == 0, "and ends again")
    # Somebody who never reads on does not hold it up for ever.
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    stuck.connect(("127.0.0.1", again.port))
    stuck.sendall(request("GET", path, {"Accept-Encoding": "identity"}) * 20)
    time.sleep(0.3)
    began, status = time.monotonic(), again.stop(seconds=85)
    expect(status == 0, "who never reads on holds up the end for %.0f s and no more" % (time.monotonic() - began), status)
    stuck.close()
