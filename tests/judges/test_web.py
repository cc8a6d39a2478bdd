#!/usr/bin/env python3
"""test_web.py [--sound]    the judges of the web have to find each fault that is put before them.

The rules are shown answers, pages and logs that are wrong. Then the judges run on a server that is told what to do wrong; with
`--sound` on one without a fault too, which they have to pass.
"""
import os
import subprocess
import sys
from pathlib import Path

import common
import web_rules
from common import expect
from serving import Answer

HERE = Path(__file__).resolve().parent
SAFE = [("Content-Type", "text/html; charset=utf-8"), ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"),
        ("X-Robots-Tag", "noindex"), ("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")]
# What each judge is to find in a server that does this wrong.
FAULTS = {
    "http": {"no-304": "ways to ask whether it changed", "one-etag": "each encoding has an ETag of its own", "stray": "/stray.txt is not served",
             "half": "every answer is whole"},
    "readers": {"page-for-all": "readers get the feed"},
    "people": {"tells": "the same, byte for byte", "slow-known": "their times are the same", "two-mails": "but gets no mail, and is not remembered"},
    "safe": {"get-acts": "leave every table as it was", "no-csrf": "what another site sends is refused", "forged": "tokens that are none",
             "open-redirect": "no redirect leads to another site", "log-raw": "JSON each"},
    "limits": {"no-limit": "sign-ups from one network"},
}


def page(body="", headers=SAFE, lang=' lang="en"'):
    return Answer(200, headers, ("<!DOCTYPE html><html%s><title>x</title>%s</html>" % (lang, body)).encode())


def without(name, *instead):
    return [pair for pair in SAFE if pair[0] != name] + [(name, value) for value in instead]


def rules():
    expect(not web_rules.page_faults(page("<p>Words")), "a good page passes", web_rules.page_faults(page()))
    policy = dict(SAFE)["Content-Security-Policy"]
    for name, answer, want in (
            ("a script", page("<script src=/x.js></script>"), "a script"), ("a handler", page('<p onclick="x()">'), "a handler"),
            ("a script as a link", page('<a href=" javascript:x()">x</a>'), "javascript"), ("a picture from elsewhere", page('<img src="https://e.example/x.png">'), "e.example"),
            ("no language", page(lang=""), "no language"), ("no nosniff", page(headers=without("X-Content-Type-Options")), "x-content-type-options"),
            ("a cache", page(headers=without("Cache-Control", "public")), "cache-control"), ("a cookie", page(headers=SAFE + [("Set-Cookie", "a=b")]), "cookie"),
            ("no policy", page(headers=without("Content-Security-Policy")), "content-security-policy"),
            ("inline styles", page(headers=without("Content-Security-Policy", policy + "; style-src 'unsafe-inline'")), "unsafe-inline"),
            ("frames", page(headers=without("Content-Security-Policy", policy.replace("frame-ancestors", "x"))), "frame-ancestors")):
        expect(any(want in fault for fault in web_rules.page_faults(answer)), "%s is found" % name, web_rules.page_faults(answer))
    one = Answer(404, [("Date", "a"), ("X-Request-Id", "00aa11")], b"No. 00aa11")
    expect(not web_rules.different(one, Answer(404, [("Date", "b"), ("X-Request-Id", "00bb22")], b"No. 00bb22")), "the same answer at another time is the same")
    for name, other in (("a status", one._replace(status=410)), ("a header", one._replace(headers=one.headers + [("X", "y")])), ("a letter", one._replace(body=b"No: 00aa11"))):
        expect(web_rules.different(one, other), "%s that differs is found" % name)
    good = '{"at":"x","id":"1","method":"GET","path":"/confirm/…","status":200,"bytes":1,"ms":1,"client":"127.0.0.0/24"}'
    expect(not web_rules.log_faults([good]), "a good line passes", web_rules.log_faults([good]))
    for name, line in (("no JSON", good[:-1]), ("an address", good.replace("GET", "ana@example.com")), ("one that is encoded", good.replace("GET", "ana%40example.com")),
                       ("a token", good.replace("…", "A" * 48)), ("a field less", good.replace('"id":"1",', "")), ("an escape", good.replace("GET", "\x1b[2J"))):
        expect(web_rules.log_faults([line]), "%s is found in a log" % name)
    noise = [0.001 + i % 20 / 100_000 for i in range(200)]
    expect(not web_rules.time_faults({"a": noise, "b": noise[::-1]}, "a"), "equal times are equal")
    expect(web_rules.time_faults({"a": noise, "b": [t + 0.001 for t in noise]}, "a"), "a millisecond more is found")
    for where in ("//evil.example/", "/\\evil.example", "https://evil.example", "\t//evil.example",):
        expect(web_rules.leads_away(Answer(308, [("Location", where)], b""), "https://example.org/a", ("example.org",)), "%r leads away" % where)
    for where in ("/feeds/", "?saved", "https://example.org/x", "//example.org/"):
        expect(not web_rules.leads_away(Answer(308, [("Location", where)], b""), "https://example.org/a", ("example.org",)), "%r does not" % where)


def judged(case, faults=""):
    env = {**os.environ, "TIDINGS": str(HERE / "web_fake.py"), "REAL_TIDINGS": common.TIDINGS, "FAULTS": faults, "LEAST": "0" if case != "people" else "0.02" if faults else "0.1",
           "PATH": "%s:%s" % (Path(sys.executable).parent, os.environ["PATH"])}
    done = subprocess.run([sys.executable, str(HERE / "web.py"), case, "--samples", "12", "--requests", "300", "--people", "300", "--signups", "500"], env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    return done.returncode, done.stdout


rules()
for case, faults in FAULTS.items():
    status, said = judged(case, ",".join(faults))
    expect(status == 1, "`web.py %s` fails where faults are" % case, said[-2000:])
    for fault, want in faults.items():
        expect(any(line.startswith("WRONG") and want in line for line in said.splitlines()), "%s: `%s` is found" % (case, fault), said[-1500:])
if "--sound" in sys.argv:
    for case in (*FAULTS, "flow", "fuzz"):
        status, said = judged(case)
        expect(status == 0, "`web.py %s` passes where nothing is wrong" % case, "\n".join(line for line in said.splitlines() if not line.startswith("ok"))[:4000])
common.finish()
