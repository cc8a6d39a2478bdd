"""What the judges of the web share: a site with `tidings serve` on a free port, requests byte by byte, and the mails of a server.

A request is written as it is meant, with nothing added but what stands here, so that what no client would send can be sent too.
The site says that it is at https://news.example.org, as behind a proxy; `Site.at` turns a link of a mail into a path.
"""
import datetime
import email
import email.policy
import html
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
from collections import namedtuple
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import common
from posting import Server, wait_for

PUBLIC = "https://news.example.org/"
FORM = "application/x-www-form-urlencoded"
SETTINGS = """
[site]
title = "{title}"
url = "https://example.org/"
language = "{language}"

[feeds]
id_prefix = "tag:example.org,2026:"

[digest.weekly]
title = "{weekly}"
from = "Example <news@example.org>"
postal_address = "1 Main St, Springfield"
schedule = "daily {hour:02}:00"

[digest.letter]
title = "{letter}"
from = "Example <news@example.org>"
postal_address = "1 Main St, Springfield"
schedule = "monthly 1 09:00"
filter = "category=product"

[serve]
public_url = "{public}"
{serve}

[signup]
{signup}

[mail]
unsubscribe_mailto = "leave@example.org"
return_path = "bounces@example.org"

[smtp]
url = "smtp://127.0.0.1:{port}"
{smtp}

{more}
"""
POST = """---
id: {id}
title: {title}
date: {date}
category: {category}
topic: {topic}
summary: What was found about {topic}, and what it costs.
---
It is a truth universally acknowledged, that a reader of this post wants the next one. {id}
"""
POSTS = [("p1", "Beds and corridors", "care", "discharge"), ("p2", "A form with fewer fields", "product", "forms"),
         ("p3", "Who <wrote> & why", "care", "forms"), ("p4", "Logs without names", "engineering", "privacy")]
# Enough for every judge but that of the limits.
PLENTY = 'per_network = "1000000/h"\nwelcome = true\n'

Answer = namedtuple("Answer", "status headers body")


def header(answer, name, default=""):
    """The value of a header; of several, all of them."""
    return ", ".join(value for key, value in answer.headers if key.lower() == name.lower()) or default


def text(answer):
    return answer.body.decode("utf-8", "replace")


def moment(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


class Broken(Exception):
    """There was no answer, or half of one."""


def raw(port, request, timeout=10, method="GET"):
    """The answer to these bytes. Raises `Broken` where there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as line:
            try:
                line.sendall(request)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before the end: the answer may be there
            return read(line, method)
    except (OSError, http.client.HTTPException) as err:
        raise Broken("%s: %s" % (type(err).__name__, err)) from err


def read(line, method="GET"):
    """Reads one answer from a connection, to its end."""
    answer = http.client.HTTPResponse(line, method=method)
    answer.begin()
    return Answer(answer.status, answer.getheaders(), answer.read())


def request(method, path, headers=(), body=b"", close=True):
    """The bytes of a request. Headers are pairs, or a dict; one of the usual with the value None is left out."""
    given = list(headers.items() if isinstance(headers, dict) else headers)
    names = {name.lower() for name, _ in given}
    usual = [("Host", urlsplit(PUBLIC).netloc)] + ([("Connection", "close")] if close else [])
    if body or method in ("POST", "PUT", "PATCH"):
        usual.append(("Content-Length", str(len(body))))
    lines = ["%s %s HTTP/1.1" % (method, path)]
    lines += ["%s: %s" % pair for pair in [u for u in usual if u[0].lower() not in names] + given if pair[1] is not None]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


class Web:
    """`with Web(site) as web`: `tidings serve` on a free port, until it is stopped or killed."""

    def __init__(self, site, port=0, first=(), env=None, name="serve", before=None):
        self.log, self.said = Path("%s.%s.log" % (site.root, name)), Path("%s.%s.err" % (site.root, name))
        command = [common.TIDINGS, "--root", str(site.root), *first, "serve", "--address", "127.0.0.1:%d" % port]
        with open(self.log, "ab") as out, open(self.said, "ab") as err:
            at = self.said.stat().st_size
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, preexec_fn=before,
                                            env={**os.environ, "NO_COLOR": "1", **(env or {})})

        def port_of():
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)/", self.said.read_text()[at:])
            return found and int(found[1])
        wait_for(lambda: port_of() or self.process.poll() is not None, 20)
        self.port = port_of()
        if not self.port:
            self.process.kill()
            common.wrong("`serve` does not start: %s" % self.said.read_text()[at:])
            common.finish()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, how=signal.SIGTERM, seconds=30):
        """Ends it: its status, or none where it had to be killed for it."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def ask(self, method, path, headers=(), body=b"", timeout=10):
        return raw(self.port, request(method, path, headers, body), timeout, method)

    def get(self, path, headers=(), **options):
        return self.ask("GET", path, headers, **options)

    def post(self, path, fields=(), headers=(), **options):
        """Posts a form."""
        given = dict(headers)
        return self.ask("POST", path, {"Content-Type": FORM, **given}, urlencode(fields, doseq=True).encode(), **options)

    def sign_up(self, address, headers=(), **fields):
        return self.post("/subscribe/", {"address": address, "website": "", **fields}, headers)

    def lines(self):
        """The access log."""
        return self.log.read_text(errors="replace").splitlines()

    def memory(self):
        """What it holds in memory, in MiB."""
        status = Path("/proc/%d/status" % self.process.pid).read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


    def sockets(self):
        """How many connections and listeners it holds."""
        held = 0
        for file in Path("/proc/%d/fd" % self.process.pid).iterdir():
            try:
                held += os.readlink(file).startswith("socket:")
            except FileNotFoundError:
                pass
        return held


class Line:
    """A connection that is kept."""

    def __init__(self, port, timeout=10):
        self.port, self.timeout, self.line = port, timeout, None

    def ask(self, method, path, headers=(), body=b""):
        for last in (False, True):
            try:
                if self.line is None:
                    self.line = socket.create_connection(("127.0.0.1", self.port), self.timeout)
                self.line.sendall(request(method, path, headers, body, close=False))
                answer = read(self.line, method)
                if header(answer, "Connection").lower() == "close":
                    self.close()
                return answer
            except (OSError, http.client.HTTPException) as err:
                self.close()
                if last:
                    raise Broken("%s: %s" % (type(err).__name__, err)) from err

    def post(self, path, fields, headers=()):
        return self.ask("POST", path, {"Content-Type": FORM, **dict(headers)}, urlencode(fields, doseq=True).encode())

    def close(self):
        if self.line is not None:
            self.line.close()
            self.line = None


class Site:
    """A site with posts of the last day, two digests, and an issue that is due at the next full hour."""

    def __init__(self, root, port, **parts):
        self.root = Path(root)
        (self.root / "content" / "posts").mkdir(parents=True)
        now = datetime.datetime.now(datetime.timezone.utc).replace(minute=0, second=0, microsecond=0)
        self.due = now + datetime.timedelta(hours=1)
        for i, (name, title, category, topic) in enumerate(POSTS):
            at = moment(now - datetime.timedelta(hours=2 + i))
            self.write(name, POST.format(id=name, title=json.dumps(title), date=at, category=category, topic=topic))
        self.parts = {"title": "Example", "language": "en", "weekly": "The week", "letter": "Letters about products",
                      "public": PUBLIC.rstrip("/"), "serve": "", "signup": PLENTY, "smtp": "", "more": "", "hour": self.due.hour, "port": port}
        self.settings(**parts)
        self.build()
        # Too early for an issue: this makes the store.
        self.must("send", "weekly", now=moment(now))

    def settings(self, **parts):
        self.parts.update(parts)
        (self.root / "tidings.toml").write_text(SETTINGS.format(**self.parts))

    def write(self, name, content):
        (self.root / "content" / "posts" / (name + ".md")).write_text(content)

    @property
    def store(self):
        return self.root / ".tidings" / "tidings.db"

    def run(self, *args, now=None, **options):
        return common.run(self.root, *(["--now", now] if now else []), *args, **options)

    def must(self, *args, now=None, status=0, **options):
        """Runs a command that has to work."""
        code, out, err = self.run(*args, now=now, **options)
        if code != status:
            common.wrong("`%s` left with %d: %s" % (" ".join(args), code, err))
            common.finish()
        return out

    def build(self):
        return self.must("build")

    def send(self, days=0, *args):
        """Sends the issue that is due in so many days."""
        return self.run("send", "weekly", *args, now=moment(self.due + datetime.timedelta(days=days)))

    def join(self, *addresses):
        """Subscribes people, as a list that is imported."""
        people = Path("%s.people.csv" % self.root)
        people.write_text("email\n" + "".join(address + "\n" for address in addresses))
        self.must("subscribers", "import", "--digest", "weekly", "--consent-source", "a judge", str(people))

    def rows(self, sql, *values):
        db = sqlite3.connect(self.store, timeout=30)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def change(self, sql, *values):
        """Changes the store behind its back, such as to let time go by."""
        db = sqlite3.connect(self.store, timeout=30)
        with db:
            db.execute(sql, values)
        db.close()

    def dump(self):
        """Everything in the store, as text."""
        db = sqlite3.connect("file:%s?mode=ro" % self.store, uri=True, timeout=30)
        try:
            return "\n".join(db.iterdump())
        finally:
            db.close()

    def states(self, digest="weekly"):
        """What everybody is to a digest, by address."""
        return dict(self.rows("SELECT s.address, n.state FROM subscriber s JOIN subscription n ON n.subscriber_id = s.id "
                              "WHERE n.digest = ?", digest))

    @staticmethod
    def at(link):
        """The path of a link of this site."""
        assert link.startswith(PUBLIC), link
        return "/" + link[len(PUBLIC):]


class Inbox(Server):
    """The mail server, with the mails as they came."""

    def __init__(self, *options, log):
        super().__init__("--whole", *options, log=log)
        self.read, self.at, self.lock = [], 0, threading.Lock()

    def mails(self):
        """What the log has; only what is new is read."""
        with self.lock:
            if self.log.exists():
                with open(self.log, "rb") as log:
                    log.seek(self.at)
                    for line in log:
                        if not line.endswith(b"\n"):
                            break  # the rest of it comes later
                        self.read.append(json.loads(line))
                        self.at += len(line)
            return list(self.read)

    def to(self, address):
        """The mails to somebody, parsed, in their order."""
        return [parsed(mail) for mail in self.mails() if mail["to"].lower() == address.lower()]

    def link(self, address, kind, seconds=20, after=0):
        """The newest link to `kind/TOKEN` that somebody was sent, besides the first `after` mails; none where none comes."""
        found = []

        def look():
            found[:] = [link for mail in self.to(address)[after:] for link in links(mail) if ("/%s/" % kind) in link]
            return found
        wait_for(look, seconds)
        return found[-1] if found else None


def parsed(mail):
    return email.message_from_bytes(mail["message"].encode("latin-1"), policy=email.policy.default)


def links(mail):
    """Every address on the web in a mail: in its text, its HTML, its headers."""
    found = re.findall(r"<(https?:[^>]+)>", mail.get("List-Unsubscribe", ""))
    for part in mail.walk():
        if part.get_content_maintype() == "text":
            content = part.get_content()
            content = html.unescape(content) if part.get_content_subtype() == "html" else content
            found += re.findall(r"https?://[^\s<>\"')]+", content)
    return found


def tail(path, lines=5):
    return "\n".join(Path(path).read_text(errors="replace").splitlines()[-lines:])
