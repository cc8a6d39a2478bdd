"""Strangers: paths out of the site, tokens that are not theirs, other sites, lies in headers; and GET changes nothing.

Every route stands in `ROUTES`. A route that is added there is tried by all of these, and by the fuzz.
"""
import base64
import json
import re
import time

from common import expect
from posting import wait_for
from serving import FORM, PUBLIC, Broken, Inbox, Site, Web, header, raw, request, text
from web_people import settled
from web_rules import different, leads_away, log_faults, page_faults

# Each route, and what it takes besides GET and HEAD. {} is a token of that kind.
ROUTES = [
    ("/atom.xml", None), ("/feeds/", None), ("/feeds/style.css", None), ("/digest/weekly/", None), ("/subscribe/", ""), ("/subscribe/sent/", None),
    ("/preferences/", ""), ("/preferences/sent/", None), ("/assets/pages.css", None), ("/healthz", None), ("/metrics", None), ("/", None),
    ("/confirm/{}", "confirm"), ("/unsubscribe/{}", "unsubscribe"), ("/preferences/{}", "preferences"), ("/data/{}", "data"),
]
PERSONAL = [path for path, kind in ROUTES if kind]
# Whose they are, and what is in the store for each.
REN, PIA, LEO = "ren@people.example.com", "pia@people.example.com", "leo@people.example.com"
OURS = ("news.example.org", "example.org")


class Tokens:
    """A token of each kind, from the mails that people got."""

    def __init__(self, site, web, inbox):
        site.join(REN, LEO)
        web.sign_up(PIA, digest="weekly")
        web.post("/preferences/", {"address": REN})
        # The link that was asked for opens the preferences, and from there one's data.
        data = self.found(inbox, REN, "preferences")
        status, _, err = site.send()
        expect(status == 0, "an issue is sent", err)
        self.of = {"confirm": self.found(inbox, PIA, "confirm"), "unsubscribe": self.found(inbox, REN, "unsubscribe"),
                   "preferences": self.found(inbox, REN, "preferences"), "data": data}
        expect(self.of["preferences"] != data, "the link of an issue is not the one that was asked for")
        page = text(web.get("/preferences/" + data))
        expect("/data/" + data in page and "/data/" not in text(web.get("/preferences/" + self.of["preferences"])), "the one leads to her data, the other does not")
        self.leo = self.found(inbox, LEO, "unsubscribe")

    @staticmethod
    def found(inbox, address, kind):
        link = inbox.link(address, kind)
        if not expect(link, "%s has a link to %s" % (address.split("@")[0], kind)):
            return "A" * 48
        return link.rsplit("/", 1)[1]

    def path(self, route, kind):
        return route.format(self.of[kind]) if kind else route


def safe(folder):
    with Inbox(log=folder / "mails") as inbox:
        site = Site(folder / "site", inbox.port)
        with Web(site) as web:
            tokens = Tokens(site, web, inbox)
            site.build()
            settled(inbox)
            pages(web, tokens)
            unchanged(site, web, tokens)
            paths(web)
            foreign = foreign_tokens(folder)
            forged(site, web, tokens, foreign)
            other_sites(site, web, tokens)
            away(web, tokens)
            injected(web, tokens)
            lines = web.lines()
            faults = log_faults(lines, [token for token in tokens.of.values()])
            expect(len(lines) > 500 and not faults, "%d lines of the access log are JSON each, and name nobody" % len(lines), faults[:3])
            said = web.said.read_text(errors="replace")
            expect(not any(word in said for word in ("people.example.com", "panicked", *tokens.of.values())), "nor does what it says", said[-500:])
            last(site, web, tokens, inbox)
    proxies(folder)


def pages(web, tokens):
    for route, kind in ROUTES:
        answer = web.get(tokens.path(route, kind))
        if not header(answer, "content-type").startswith("text/html"):
            expect(header(answer, "x-content-type-options") == "nosniff", "%s: nosniff" % route, answer.headers)
            continue
        # What is cached is no secret: feeds, their page, the archive.
        faults = page_faults(answer, personal=bool(kind) or "subscribe" in route or "preferences" in route, own=OURS)
        expect(answer.status in (200, 404) and not faults, "%s: headers and page are safe" % route, (answer.status, faults))
        if kind:
            expect(answer.status == 200, "%s: a good token opens it" % route, answer.status)
            expect(tokens.of[kind] not in header(answer, "location") + header(answer, "link"), "%s: no header repeats its token" % route)


def unchanged(site, web, tokens):
    """GET and HEAD of every route, with all that could be taken for an order."""
    before, tried, odd = site.dump(), 0, []
    queries = ("", "?saved", "?List-Unsubscribe=One-Click", "?all=yes", "?erase=yes", "?_method=POST", "?digest=&pause=8", "?confirm=1", "?address=x%40y.example")
    overriding = {"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "POST", "X-Method-Override": "DELETE"}
    scanners = ({}, overriding, {"Purpose": "prefetch", "Sec-Purpose": "prefetch"}, {"Content-Type": FORM})
    for route, kind in ROUTES:
        for query in queries:
            for headers in scanners:
                for method in ("GET", "HEAD"):
                    body = b"List-Unsubscribe=One-Click&erase=yes&all=yes" if headers.get("Content-Type") else b""
                    answer = web.ask(method, tokens.path(route, kind) + query, headers, body)
                    tried += 1
                    if answer.status >= 500:
                        odd.append((method, route + query, answer.status))
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW", "get", "POST "):
        for route, kind in ROUTES:
            try:
                answer = web.ask(method, tokens.path(route, kind), {"Content-Type": FORM}, b"List-Unsubscribe=One-Click&erase=yes")
                if answer.status not in (200, 204, 400, 403, 404, 405, 501) or answer.status == 200 and method not in ("OPTIONS", "get"):
                    odd.append((method, route, answer.status))
            except Broken:
                pass
            tried += 1
    expect(not odd, "no method but POST does anything", odd[:5])
    time.sleep(0.5)
    expect(site.dump() == before, "%d requests by GET, HEAD and others on %d routes leave every table as it was" % (tried, len(ROUTES)))


def paths(web):
    """Ways out of the folder that is served."""
    secret = [b"application_id", b"SQLite format", b"[smtp]", b"root:x:", b"written"]
    outs = []
    for target in ("tidings.toml", ".tidings/key", ".tidings/tidings.db", ".tidings/written.json", "etc/passwd", "content/posts/p1.md"):
        for up in ("../", "..\\", "%2e%2e/", "%2e%2e%2f", "..%2f", "..%5c", "%252e%252e%252f", "%c0%ae%c0%ae/", "..;/", ".%00./", "%2e%2e%5c", "....//", "..%u2215", "／"):
            for depth in (1, 2, 6):
                outs += ["/%s%s" % (up * depth, target), "/feeds/%s%s" % (up * (depth + 1), target)]
        outs += ["//" + target, "/./" + target, "/%2f" + target, "/feeds/..%00/" + target, "/" + target + "%00.xml", "/atom.xml/../../" + target,
                 "http://127.0.0.1/../" + target, "http://news.example.org/%2e%2e/" + target, "file:///" + target, "/" + target, "/digest/../../" + target,
                 "/assets/../../" + target, "/assets/%2e%2e%2f%2e%2e%2f" + target]
    found = []
    for path in outs:
        try:
            answer = web.get(path)
        except Broken:
            continue
        if answer.status not in (301, 308, 400, 404, 405, 421) or any(word in answer.body for word in secret):
            found.append("%s: %d" % (path, answer.status))
    expect(not found, "%d paths that lead out of the site are not served" % len(outs), found[:5])
    same = web.get("http://news.example.org/atom.xml")
    expect(same.status in (200, 400), "a path in its absolute form", same.status)
    expect(web.get("/atom.xml").status == 200, "while those in it are")


def foreign_tokens(folder):
    """Good tokens of another site."""
    with Inbox(log=folder / "foreign-mails") as inbox:
        site = Site(folder / "foreign", inbox.port)
        with Web(site) as web:
            return Tokens(site, web, inbox).of


def forged(site, web, tokens, foreign):
    """Tokens that are not: one answer for all, and nothing is changed."""
    before = site.dump()
    first = None
    for route, kind in ROUTES:
        if not kind:
            continue
        good = tokens.of[kind]
        data = bytearray(base64.urlsafe_b64decode(good))
        bad = {"empty": "", "a word": "x", "zeros": "A" * 48, "cut": good[:-1], "longer": good + "A", "twice": good + good, "of another site": foreign[kind],
               "encoded once more": "".join("%%%02x" % ord(c) for c in good[:-1]) + "%2541", "with a slash": good[:20] + "/" + good[21:], "very long": "A" * 4_000, "no UTF-8": "%ff%fe" + good[2:], "half an escape": good[:-1] + "%",
               "not ASCII": "é" * 24, "with a NUL": good[:-1] + "%00", "with an end of line": good[:-1] + "%0a", "with a path": good + "/../" + good}
        for at in range(0, len(data), 3):
            changed = bytearray(data)
            changed[at] ^= 1 << at % 8
            bad["byte %d changed" % at] = base64.urlsafe_b64encode(bytes(changed)).decode()
        for other, token in tokens.of.items():
            # A link of an issue opens preferences as well, and nothing else opens anything.
            if other != kind and {kind, other} not in ({"unsubscribe", "preferences"}, {"preferences", "data"}) and token != good:
                bad["for %s" % other] = token
        wrong = []
        for name, token in bad.items():
            for method, headers, body in (("GET", {}, b""), ("HEAD", {}, b""), ("POST", {"Content-Type": FORM}, b"erase=yes&List-Unsubscribe=One-Click")):
                try:
                    answer = web.ask(method, route.format(token), headers, body)
                except Broken as err:
                    wrong.append("%s: %s" % (name, err))
                    continue
                if name == "empty" or "slash" in name or "path" in name:
                    # Those are other paths.
                    if answer.status not in (200, 303, 301, 308, 404, 405, 415, 422):
                        wrong.append("%s: %d" % (name, answer.status))
                    continue
                if answer.status != 404:
                    wrong.append("%s %s: %d" % (method, name, answer.status))
                elif method != "HEAD":
                    first = first or answer
                    wrong += ["%s %s: %s" % (method, name, fault) for fault in different(first, answer)]
        expect(not wrong, "%s: %d tokens that are none get one page and 404" % (route, len(bad)), wrong[:4])
    expect(not page_faults(first, own=OURS), "that page is safe", page_faults(first, own=OURS))
    # An erased person's token, and one whose time is over: the server is asked as of much later.
    expect(site.dump() == before, "and every table is as it was")
    with Web(site, first=["--now", "2036-01-01T00:00:00Z"], name="later") as later:
        answers = {kind: later.get(tokens.path(route, kind)) for route, kind in ROUTES if kind}
        expect(answers["unsubscribe"].status == 200, "ten years later one can still leave", answers["unsubscribe"].status)
        for kind in ("confirm", "data"):
            expect(answers[kind].status == 404 and not different(answers[kind], first), "but a link to %s is over, with the same page" % kind,
                   (answers[kind].status, different(answers[kind], first)))


def other_sites(site, web, tokens):
    """Forms of other sites that a browser sends for somebody."""
    before = site.dump()
    bodies = {"confirm": b"", "unsubscribe": b"all=yes", "preferences": b"digest=letter&pause=8", "data": b"erase=yes"}
    for route, kind in ROUTES:
        if not kind:
            continue
        path, wrong = tokens.path(route, kind), []
        # A page that is not to tell where its reader comes from sends `Origin: null` to itself too: there the other header decides.
        for headers in ({"Origin": "https://other.example"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}, {"Origin": "https://news.example.org.other.example"}, {"Origin": "https://news.example.org:8443"},
                        {"Sec-Fetch-Site": "cross-site"}):
            answer = web.ask("POST", path, {"Content-Type": FORM, **headers}, bodies[kind])
            if answer.status != 403:
                wrong.append("%s: %d" % (headers, answer.status))
        expect(not wrong, "%s: what another site sends is refused: 403" % route, wrong)
    expect(site.dump() == before, "and every table is as it was")


def away(web, tokens):
    """Redirects lead nowhere else, whatever the path, the query or the host says."""
    asked = ["//evil.example", "//evil.example/", "/\\evil.example", "/%5cevil.example/", "///evil.example/feeds", "/%2f%2fevil.example/feeds", "/feeds//evil.example",
             "/subscribe/?next=https://evil.example/", "/subscribe?next=//evil.example", "/feeds?url=https://evil.example", "//evil.example/..;/feeds",
             "/https://evil.example/feeds", "/feeds%2f..%2f%2fevil.example", "//evil.example/subscribe", "//evil.example/feeds", "/\t/evil.example/feeds"]
    found = []
    for path in asked:
        for host in ("news.example.org", "evil.example", "news.example.org:80@evil.example"):
            for more in ({}, {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example", "X-Original-URL": "//evil.example"}):
                try:
                    answer = web.get(path, {"Host": host, **more})
                except Broken:
                    continue
                where = leads_away(answer, PUBLIC.rstrip("/") + path, OURS)
                if where or answer.status >= 500:
                    found.append("%s as %s: %d %s" % (path, host, answer.status, where))
    for path, fields in (("/subscribe/", {"address": "away@people.example.com", "digest": "weekly", "website": "", "next": "https://evil.example/"}),
                         ("/preferences/", {"address": "away@people.example.com", "next": "//evil.example/"})):
        answer = web.post(path + "?next=https://evil.example/", fields, {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Referer": "https://evil.example/"})
        if answer.status != 303 or leads_away(answer, PUBLIC.rstrip("/") + path, OURS):
            found.append("POST %s: %d %s" % (path, answer.status, header(answer, "location")))
    expect(not found, "no redirect leads to another site", found[:5])
    for path in ("/subscribe/", tokens.path("/preferences/{}", "preferences"), tokens.path("/data/{}", "data")):
        answer = web.get(path, {"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
        expect("evil.example" not in text(answer), "%s: a page does not repeat the host" % path[:12], answer.status)


def injected(web, tokens):
    """Ends of lines and other control characters, wherever something can be said."""
    evil = ["%0d%0aX-Injected:%20yes", "%0aX-Injected:%20yes", "%e5%98%8a%e5%98%8dX-Injected:%20yes", "%1b[31mred%1b[0m", "%00", "%7f%80%ff", "\x1b[2J", '","status":200,"x":"', "%22%7d%0a%7b%22at%22:1%7d"]
    found, count = [], 0
    for bad in evil:
        for path in ("/" + bad, "/subscribe/" + bad, "/subscribe/?" + bad, "/category/" + bad + "/atom.xml", "/confirm/" + bad, "/preferences/" + tokens.of["data"] + bad, "/feeds" + bad):
            try:
                answer = raw(web.port, request("GET", path.replace(" ", "%20"), {"User-Agent": "evil" + bad, "Referer": "https://x/" + bad}))
                found += ["%r: %s" % (path, name) for name, value in answer.headers if "injected" in name.lower() or re.search(r"[\r\n]", value)]
                found += ["%r: %d" % (path, answer.status)] if answer.status >= 500 else []
            except Broken:
                pass
            count += 1
    for name in ("User-Agent", "X-Request-Id", "X-Forwarded-For", "Referer", "Accept-Language", "If-None-Match", "Origin", "Host", "Cookie"):
        for value in ("a\x1b[31mb", "é\x00".encode().decode("latin-1"), "x" * 5_000, '"}\n{"', "ana@people.example.com", "<script>", "${jndi:ldap://evil}", "\u202e"):
            try:
                answer = raw(web.port, request("GET", "/subscribe/", {name: value.replace("\n", "\\n")}))
                found += ["%s %r: %d" % (name, value[:20], answer.status)] if answer.status >= 500 else []
                if name == "X-Request-Id" and len(header(answer, "x-request-id")) > 200:
                    found.append("a request id of %d characters" % len(header(answer, "x-request-id")))
            except Broken:
                pass
            count += 1
    for field in ("address", "name", "digest", "category", "topic", "website"):
        for value in ("a\r\nBcc: evil@evil.example", "\x1b[31m", "a\0b", "x" * 10_000, "\ud7ff\ufffe", "{{ 7 * 7 }}", "{% include 'x' %}"):
            answer = web.post("/subscribe/", {"address": "field@people.example.com", "digest": "weekly", "website": "", field: value})
            found += ["%s %r: %d" % (field, value[:20], answer.status)] if answer.status >= 500 else []
            if "49" in text(answer) and "7 * 7" not in text(answer) and "{{" in value:
                found.append("%s is a template" % field)
            count += 1
    smuggled = b"POST /subscribe/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    try:
        answer = raw(web.port, smuggled)
        expect(answer.status in (400, 411, 415, 422), "two lengths of one body", answer.status)
    except Broken:
        pass
    expect(not found, "%d attempts to put something in a header or a log" % count, found[:5])


def last(site, web, tokens, inbox):
    """What the tokens are for, once, at the end: leaving by one click, from any place, also twice."""
    path = "/unsubscribe/" + tokens.of["unsubscribe"]
    for kind, body in ((FORM, b"List-Unsubscribe=One-Click"), ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n')):
        answer = web.ask("POST", path, {"Content-Type": kind, "Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"}, body)
        expect(answer.status == 200 and not header(answer, "location") and site.states()[REN] == "ended", "one click leaves, as %s" % kind.split(";")[0], answer.status)
    answer = web.post("/preferences/" + tokens.of["data"], {"digest": "weekly"}, {"Origin": "null", "Sec-Fetch-Site": "same-origin"})
    expect(answer.status == 303 and site.states()[REN] == "active", "a browser that says no origin, and that it is the same site, is heard", answer.status)
    answer = web.post("/preferences/" + tokens.of["data"], {"digest": "letter"}, {"Origin": PUBLIC.rstrip("/"), "Sec-Fetch-Site": "same-origin"})
    expect(answer.status == 303 and site.states()[REN] == "ended", "so is one that names it", answer.status)
    answer = web.ask("POST", "/unsubscribe/" + tokens.leo, {"Content-Type": FORM})
    expect(answer.status == 200 and site.states()[LEO] == "ended", "so does the button of the page", answer.status)
    erased = web.post("/data/" + tokens.of["data"], {"erase": "no"})
    expect(site.rows("SELECT 1 FROM subscriber WHERE address = ?", REN), "what does not say `erase=yes` erases nothing", erased.status)
    shown = web.get("/data/" + tokens.of["data"])
    expect(REN in text(shown), "one's data has the address", shown.status)
    erased = web.post("/data/" + tokens.of["data"], {"erase": "yes"})
    expect(erased.status in (200, 303) and not site.rows("SELECT 1 FROM subscriber WHERE address = ?", REN), "then it erases", erased.status)
    raw_bytes = b"".join(file.read_bytes() for file in site.store.parent.glob("tidings.db*"))
    expect(REN.encode() not in raw_bytes, "no byte of the address is left in the files of the store")
    for route, kind in ROUTES:
        if kind and kind != "confirm":
            answer = web.get(tokens.path(route, kind))
            expect(answer.status in (200, 404) and REN not in text(answer), "%s: the token of an erased person is no error" % route, answer.status)


def proxies(folder):
    """Who a request comes from is believed of a proxy that is named, and of nobody else."""
    for name, trusted, want in (("nobody", "", "127."), ("a proxy", 'trusted_proxies = ["127.0.0.1"]', "198.51.100."), ("another proxy", 'trusted_proxies = ["192.0.2.1"]', "127.")):
        with Inbox(log=folder / name / "mails") as inbox:
            site = Site(folder / name / "site", inbox.port, serve=trusted)
            with Web(site) as web:
                web.get("/subscribe/", {"X-Forwarded-For": "203.0.113.50, 198.51.100.77", "X-Forwarded-Proto": "http", "Forwarded": "for=192.0.2.9", "X-Real-IP": "192.0.2.8"})
                wait_for(web.lines, 5)
                client = json.loads(web.lines()[-1])["client"]
                expect(client.startswith(want), "X-Forwarded-For is believed of %s: %s" % (name, client))
                expect("77" not in client, "and the log masks it", client)
                here, there = web.get("/metrics").status, web.get("/metrics", {"X-Forwarded-For": "198.51.100.77"}).status
                expect(here == 200 and there in (403, 404), "/metrics is for this machine, and not for whom a proxy here asks (%s)" % name, (here, there))
