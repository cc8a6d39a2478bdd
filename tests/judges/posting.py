"""What the judges of sending share: a site with an issue that is due, its subscribers, and a mail server that counts.

The server is `fault_smtpd.py`: each mail that it takes is on the disk before its reply leaves. So what a recipient has got
is what its log says, whatever the sender believes.
"""
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import common
from common import expect

HERE = Path(__file__).resolve().parent
NOW, BEFORE, NAME = "2026-11-23T09:00:00Z", "2026-11-20T00:00:00Z", "weekly/2026-W48"
SETTINGS = """
[site]
title = "Example"
url = "https://example.org/"

[feeds]
id_prefix = "tag:example.org,2026:"

[digest.weekly]
title = "The week"
from = "Example <news@example.org>"
postal_address = "1 Main St, Springfield"
schedule = "Mon 09:00"
%s

[serve]
public_url = "https://news.example.org"

[mail]
unsubscribe_mailto = "leave@example.org"
return_path = "bounces@example.org"
%s

[smtp]
url = "%s"
%s
"""
POST = "---\nid: {0}\ntitle: Post {0}\ndate: 2026-11-{1}\nsummary: About {0}.\n---\n{2}\n"


class Server:
    """`with Server(OPTION...) as server`: the mail server on a free port."""

    def __init__(self, *options, log):
        self.log = Path(log)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(HERE / "fault_smtpd.py"), "--log", str(log), *map(str, options)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.summary = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it: what it counted."""
        if self.summary is None:
            out, _ = self.process.communicate(timeout=30)
            self.summary = defaultdict(int, json.loads(out.splitlines()[-1]))
        return self.summary

    def arm(self, pid, point, count):
        """The process is killed when a connection comes to that point for that time."""
        self.process.stdin.write("kill %d %s %d\n" % (pid, point, count))
        self.process.stdin.flush()
        while self.process.stdout.readline().strip() != "armed":
            pass

    def mails(self):
        """What it took so far. A line still being written has no end yet, and counts when it has one."""
        lines = self.log.read_text().splitlines(True) if self.log.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def by_recipient(self):
        return Counter(mail["to"] for mail in self.mails())


class Site:
    """A site whose issue of 2026-W48 is due at NOW, over a server on loopback."""

    def __init__(self, folder, url, smtp="", digest="", mail="", posts=2):
        self.root = Path(folder)
        self.url = "smtp://127.0.0.1:%d" % url if isinstance(url, int) else url
        self.parts = dict(digest=digest, mail=mail, smtp=smtp)
        (self.root / "content" / "posts").mkdir(parents=True)
        for i in range(posts):
            name, body = "p%02d" % i, "It is a truth. " * 40
            (self.root / "content" / "posts" / (name + ".md")).write_text(POST.format(name, 17 + i % 4, body))
        self.write_settings()
        # Too early for an issue: this makes the store.
        status, _, err = self.send(now=BEFORE)
        if status != 0:
            common.wrong("a site cannot be made: %s" % err)
            common.finish()

    def write_settings(self, **parts):
        self.parts.update(parts)
        p = self.parts
        (self.root / "tidings.toml").write_text(SETTINGS % (p["digest"], p["mail"], p.get("url", self.url), p["smtp"]))

    @property
    def store(self):
        return self.root / ".tidings" / "tidings.db"

    def join(self, *addresses):
        """Subscribes people; a number stands for so many of them at example.com."""
        if len(addresses) == 1 and isinstance(addresses[0], int):
            addresses = ["r%d@example.com" % i for i in range(1, addresses[0] + 1)]
        people = self.root / "people.csv"
        people.write_text("email\n" + "".join(address + "\n" for address in addresses))
        status, _, err = self.run("subscribers", "import", "--consent-source", "a judge", str(people), now=BEFORE)
        if status != 0:
            common.wrong("people cannot sign up: %s" % err)
            common.finish()
        return self

    def open(self):
        return sqlite3.connect(self.store, timeout=30)

    def is_free(self):
        """Whether nobody is writing to the store."""
        db = self.open()
        try:
            db.execute("PRAGMA busy_timeout = 100")
            db.execute("BEGIN IMMEDIATE")
            db.rollback()
            return True
        except sqlite3.OperationalError:
            return False
        finally:
            db.close()

    def rows(self, sql, *values):
        db = self.open()
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def change(self, *statements):
        with self.open() as db:
            db.execute("PRAGMA foreign_keys = on")
            for sql in statements:
                db.execute(sql)
        db.close()

    def run(self, *args, now=NOW, env=None, **options):
        return common.run(self.root, "--now", now, *args, env=env, **options)

    def send(self, *args, now=NOW, env=None, **options):
        return self.run("send", "weekly", *args, now=now, env=env, **options)

    def start(self, *args, now=NOW, first=(), stderr=subprocess.DEVNULL, env=None):
        """A run that begins when it is told to: its process id is that of the program."""
        command = [common.TIDINGS, "--root", str(self.root), "--now", now, *first, "send", "weekly", *args]
        return subprocess.Popen(["/bin/sh", "-c", 'read -r go; exec "$@" </dev/null', "sh", *command], stdin=subprocess.PIPE,
                                stdout=subprocess.DEVNULL, stderr=stderr, text=True, env={**os.environ, "NO_COLOR": "1", **(env or {})})

    def begin(self, *args, **options):
        process = self.start(*args, **options)
        go(process)
        return process

    def deliveries(self):
        status, out, err = self.run("--json", "deliveries", NAME, "--limit", "1000000")
        if status != 0:
            common.wrong("`deliveries` left with %d: %s" % (status, err))
            common.finish()
        return json.loads(out)

    def totals(self):
        return {word: n for word, n in self.deliveries()["totals"].items() if n}

    def states(self):
        return {row["address"]: row["state"] for row in self.deliveries()["deliveries"]}

    def until_done(self, most=20, **options):
        """Runs it again until it has nothing more to do: the last status, and how often it ran."""
        for count in range(1, most + 1):
            status, _, err = self.send(**options)
            if status != 75:
                return status, count, err
        return status, most, err


def go(process):
    process.stdin.write("\n")
    process.stdin.close()
    process.stdin = None


def wait_for(condition, seconds=30):
    """Whether something came true in this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def faults(site, server, resend=False):
    """What is wrong with what people got, by the server's log and the ledger; empty where it is right."""
    report = site.deliveries()
    got = server.by_recipient()
    found = [] if report["balances"] else ["the totals do not balance: %s" % report["totals"]]
    for row in report["deliveries"]:
        count, state, who = got.pop(row["address"], 0), row["state"], row["address"]
        if state == "accepted" and resend:
            good = count >= 1
        elif state == "accepted":
            good = count == 1
        elif state == "uncertain":
            good = count <= 1 and not resend
        else:
            good = count == 0 and state in ("planned", "deferred", "rejected", "skipped", "cancelled")
        if not good:
            found.append("%s is %s and has %d mails" % (who, state, count))
    found += ["%s was never planned and has %d mails" % item for item in got.items()]
    copies = defaultdict(set)
    for mail in server.mails():
        copies[mail["to"]].add((mail["message_id"], mail["sha256"]))
    found += ["%s has different mails" % who for who, kinds in copies.items() if len(kinds) > 1]
    ids = Counter(message_id for kinds in copies.values() for message_id, _ in kinds)
    found += ["%s is the Message-ID of %d people" % item for item in ids.items() if item[1] > 1]
    return found


def all_is_right(site, server, text, resend=False):
    found = faults(site, server, resend)
    return expect(not found, text, "; ".join(found[:5]))


def no_secret(text, words):
    """The first line with an address or a password, if there is one."""
    for line in text.splitlines():
        for word in words:
            if word in line:
                return line
    return None


def stop(process, how=signal.SIGKILL):
    if process.poll() is None:
        process.send_signal(how)
    return process.wait(timeout=60)
