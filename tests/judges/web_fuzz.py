"""Anything at all, to every route: no answer is a fault of the server, no line of the log is broken, and it goes on."""
import random
import socket
from concurrent.futures import ThreadPoolExecutor

from common import expect
from posting import wait_for
from serving import FORM, Broken, Inbox, Site, Web, raw, request
from web_rules import log_faults
from web_safe import ROUTES, Tokens

METHODS = ["GET"] * 4 + ["POST"] * 6 + "HEAD PUT DELETE OPTIONS PATCH TRACE CONNECT PROPFIND get".split()
NAMES = ["address", "name", "digest", "category", "topic", "website", "pause", "erase", "all", "List-Unsubscribe", "saved", "next", ""]
VALUES = ["", "weekly", "letter", "care", "forms", "yes", "no", "0", "2", "8", "-1", "99999999999999999999", "1e9", "NaN", "One-Click", "fuzz@people.example.com",
          "%00", "%0d%0a", "%ff%fe", "%", "%zz", "é", "\u202e", "x" * 300, "x" * 9_000, "<b>&\"'", "../../x", "{{ 1 }}", "%F0%9F%98%80@x.example", "a@" + "b." * 100 + "c"]
TYPES = [FORM] * 8 + ["application/json", "text/plain", "multipart/form-data; boundary=x", "multipart/form-data", "", "x" * 200, "application/x-www-form-urlencoded; charset=\"x"]
HEADERS = {"Accept": ["text/html", "*/*", ";;;q=", "a/b;q=9", "text/html;q=0"], "Accept-Encoding": ["gzip", "br", "*;q=0", "gzip;q=x", ",,,"], "Range": ["bytes=0-1", "bytes=-", "x", "bytes=5-1,0-"],
           "If-None-Match": ["*", '"', 'W/"x"', ","], "If-Modified-Since": ["Thu, 01 Jan 1970 00:00:00 GMT", "x", "Sat, 99 Foo 9999 99:99:99 GMT"], "If-Range": ['"x"', "x"],
           "Host": ["", "x:y", "[::1", "a" * 300], "Origin": ["null", "x", "https://news.example.org"], "X-Forwarded-For": ["x", "1.2.3.4, ::1", "," * 50], "Expect": ["100-continue", "x"],
           "Content-Length": ["-1", "x", "99999999999999999999", "3"], "Transfer-Encoding": ["chunked", "gzip, chunked", "x"], "Cookie": ["a=b", "\xff"], "Content-Encoding": ["gzip", "x"],
           "Connection": ["upgrade", "close, x"], "Upgrade": ["h2c", "websocket"], "Accept-Language": ["de", "x" * 500]}


class Chance(random.Random):
    def path(self, tokens):
        route, kind = self.choice(ROUTES)
        path = route.format(self.choice([tokens.of[kind], "A" * 48, self.noise(48), tokens.of[kind][:-1]])) if kind else route
        if self.random() < 0.3:
            at = self.randrange(1, len(path) + 1)
            path = path[:at] + self.choice(["/", "..", "%", "%2f", "%00", "\\", ";", "é", "//", "?", "#", self.noise(5)]) + path[at:]
        if self.random() < 0.3:
            path += "?" + self.fields()
        return path.replace(" ", "+")

    def noise(self, count):
        return "".join(chr(self.choice([self.randrange(33, 127), self.randrange(161, 1_000)])) for _ in range(count))

    def fields(self):
        return "&".join("%s=%s" % (self.choice(NAMES), self.choice(VALUES)) for _ in range(self.randrange(6)))

    def body(self):
        kind = self.random()
        if kind < 0.6:
            return self.fields().encode("utf-8", "surrogatepass").replace(b" ", b"+")
        if kind < 0.8:
            return self.randbytes(self.randrange(200))
        return b"" if kind < 0.95 else b"x" * self.randrange(16_000, 18_000)

    def headers(self):
        some = {name: self.choice(values) for name, values in HEADERS.items() if self.random() < 0.07}
        if self.random() < 0.05:
            some["X-" + self.choice("abc")] = self.noise(self.randrange(50)).replace("\n", "")
        return some

    def request(self, tokens):
        """A method, and the bytes of a request; or of what is none."""
        if self.random() < 0.05:
            return "GET", garbage(self)
        method, path, headers, body = self.choice(METHODS), self.path(tokens), self.headers(), self.body()
        kind = self.choice(TYPES)
        return method, request(method, path, {**({"Content-Type": kind} if kind else {}), **headers}, body)


def tried(web, method, sent):
    """The status of the answer; none where there was none, and then the client goes away in the midst of it too."""
    try:
        return raw(web.port, sent, 3, method).status
    except Broken:
        try:
            with socket.create_connection(("127.0.0.1", web.port), 5) as line:
                line.sendall(sent)
        except OSError:
            pass
        return None


def garbage(chance):
    """What is not even a request."""
    return chance.choice([chance.randbytes(chance.randrange(1, 500)), b"\r\n" * 50, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                          b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + chance.randbytes(100), b"GET / HTTP/1.1\r\nHost x\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 500 + b"\r\n"])


def fuzz(folder, count, seed):
    chance, wrong = Chance(seed), []
    with Inbox("--no-fsync", log=folder / "mails") as inbox:
        site = Site(folder / "site", inbox.port)
        with Web(site) as web:
            tokens = Tokens(site, web, inbox)
            made = [chance.request(tokens) for _ in range(count)]
            with ThreadPoolExecutor(32) as pool:
                answers = list(pool.map(lambda one: tried(web, *one), made))
            for number, ((method, sent), status) in enumerate(zip(made, answers)):
                # 501 and 505 say that the request is of another kind.
                if status and status >= 500 and status not in (501, 505):
                    wrong.append("%d: %r: %d" % (number, sent[:200], status))
            answered = sum(status is not None for status in answers)
            odd = count - answered
            expect(web.process.poll() is None, "it is still there", web.process.poll())
            expect(not wrong, "%d requests by chance (seed %d), %d answered, %d not worth an answer: no 5xx" % (count, seed, answered, odd), wrong[:5])
            expect(answered > count * 0.8, "most of them are requests", answered)
            wait_for(lambda: len(web.lines()) > answered * 0.9, 5)
            faults = log_faults(web.lines())
            expect(not faults, "each line of the access log is one of JSON", faults[:3])
            said = web.said.read_text(errors="replace")
            expect("panicked" not in said and "example.com" not in said, "nothing panicked, and nobody is named", said[-500:])
            integrity = site.rows("PRAGMA integrity_check")[0][0], site.rows("PRAGMA foreign_key_check")
            expect(integrity == ("ok", []), "the store is sound", integrity)
            expect(web.get("/atom.xml").status == 200 and web.stop() == 0, "it goes on, and ends when asked to")
