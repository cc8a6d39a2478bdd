#!/usr/bin/env python3
"""sending.py [--mails N] [--rounds R] [--million [--people N] | --memory]    `tidings send` beside nodemailer's pool and smtp-source.

Each sends N mails of 50 KB over 10 connections into the same sink (benches/sink.rs), which is faster than all of them. tidings does
it with its full ledger: every mail is written down on the disk before and after it goes. The issue was frozen before; what is timed
is a whole run of the command. nodemailer composes each mail from the same HTML and text. smtp-source sends bytes that were
made once and remembers nothing: it is how fast a line can be. They run in turn, A B C A B C; what stands at the end are medians,
and medians of the ratios within a round. Wall time counts only on a machine that does nothing else.

`--million` instead: 1,000,000 subscribers, or N, the freezing of their issue and a minute of sending, with the peak of memory.
`--memory` instead: the sender with a ledger in memory (benches/memory.rs) beside smtp-source, plain, through STARTTLS with a
certificate made for it by openssl, and with DKIM.

Needs `cargo build --release --bin tidings --example sink --example memory`, Node with npm, and smtp-source (Debian: postfix).
"""
import argparse
import json
import os
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure
from measure import BEFORE, MAILING, NOW, TARGET, TIDINGS, TOP

SINK = TARGET / "release" / "examples" / "sink"
MEMORY, KEYS = TARGET / "release" / "examples" / "memory", TOP / "tests" / "keys"
NODEMAILER = "nodemailer@10.6.1"
LINES, SIZE = 10, 50_000
SETTINGS = MAILING + """[smtp]
url = "smtp://127.0.0.1:%d"
max_connections = %d
"""
WORDS = "It is a truth universally acknowledged, that a sender in possession of a good list must be in want of a ledger. "
SCRIPT = """
const nodemailer = require("nodemailer"), fs = require("fs");
const [port, mails, lines, folder] = [+process.argv[2], +process.argv[3], +process.argv[4], process.argv[5]];
const html = fs.readFileSync(folder + "/next.html", "utf8"), text = fs.readFileSync(folder + "/next.txt", "utf8");
const pool = nodemailer.createTransport({ pool: true, host: "127.0.0.1", port, maxConnections: lines, maxMessages: Infinity,
  secure: false, ignoreTLS: true });
let next = 0, sent = 0;
async function worker() {
  while (next < mails) {
    const i = next++;
    await pool.sendMail({ from: "Example <news@example.org>", to: `r${i}@example.com`, subject: "The week", html, text,
      envelope: { from: "bounces@example.org", to: [`r${i}@example.com`] },
      list: { unsubscribe: [`https://news.example.org/unsubscribe/${i}`, "mailto:leave@example.org"] } });
    sent++;
  }
}
Promise.all(Array.from({ length: lines * 2 }, worker)).then(() => { pool.close(); if (sent !== mails) process.exit(1); });
"""


class Sink:
    def __init__(self, *tls):
        self.tls = tls

    def __enter__(self):
        self.process = subprocess.Popen([SINK, *self.tls], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        out = self.process.stdout.read()
        _, _, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        self.cpu = usage.ru_utime + usage.ru_stime
        self.mails, self.bytes = map(int, re.findall(r"\d+", out))


def run(command, expect=(0,), **options):
    """Runs a command: (wall s, CPU s, peak MiB)."""
    values = measure.run(list(map(str, command)), expect, **options)
    return values["wall"], values["cpu"], values["peak"]


class Site:
    def __init__(self, root, people):
        self.root = root
        (root / "content" / "posts").mkdir(parents=True)
        # As long as it takes for a mail of that size, whatever the template is.
        words = 4
        for _ in range(6):
            for i in range(12):
                (root / "content" / "posts" / ("p%02d.md" % i)).write_text(
                    "---\nid: p%02d\ntitle: Post %d\ndate: 2026-11-%d\nsummary: %s\n---\n%s\n" % (i, i, 17 + i % 4, WORDS * words, WORDS))
            self.settings(1)
            self.tidings("--now", NOW, "-q", "digest", "weekly")
            self.size = (self.preview / "next.eml").stat().st_size
            if abs(self.size - SIZE) < SIZE // 20:
                break
            words = max(1, round(words * SIZE / self.size))
        # Too early for an issue: that makes the store.
        self.tidings("--now", BEFORE, "-q", "send", "weekly")
        with sqlite3.connect(self.store) as db:
            db.executemany("INSERT INTO subscriber (id, address, mailbox, choice, added_at) VALUES (?, ?, ?, '', 0)",
                           ((i, "r%d@example.com" % i, "r%d@example.com" % i) for i in range(1, people + 1)))
            db.execute("INSERT INTO subscription SELECT 'weekly', id, 'active', 0 FROM subscriber")
        db.close()

    preview = property(lambda self: self.root / ".tidings" / "preview" / "weekly")
    store = property(lambda self: self.root / ".tidings" / "tidings.db")

    def settings(self, port):
        (self.root / "tidings.toml").write_text(SETTINGS % (port, LINES))

    def tidings(self, *args, expect=(0,)):
        return run([TIDINGS, "--root", self.root, *args], expect)

    def freeze(self):
        # Nobody listens there: it is frozen, and nothing is sent.
        self.settings(1)
        return self.tidings("--now", NOW, "-q", "send", "weekly", expect=(1,))

    def plan_again(self):
        with sqlite3.connect(self.store) as db:
            db.execute("UPDATE delivery SET state = 'planned', attempts = 0, code = NULL, reply = NULL")
            db.execute("UPDATE issue SET done_at = NULL")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()


def nodemailer():
    folder = TARGET / "bench-nodemailer"
    if not (folder / "node_modules" / "nodemailer").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), NODEMAILER], check=True)
    (folder / "pool.js").write_text(SCRIPT)
    return folder / "pool.js"


def rounds(folder, mails, count):
    site = Site(folder / "site", mails)
    site.freeze()
    print("%d mails of %d bytes over %d connections\n" % (mails, site.size, LINES), flush=True)
    script = nodemailer()

    def tidings(port):
        site.plan_again()
        site.settings(port)
        return site.tidings("--now", NOW, "-q", "send", "weekly")
    senders = {
        "tidings": tidings,
        "nodemailer": lambda port: run(["node", script, port, mails, LINES, site.preview]),
        "smtp-source": lambda port: run(["smtp-source", "-s", LINES, "-m", mails, "-l", site.size, "-f", "a@example.org", "-t", "b@example.com",
                                         "127.0.0.1:%d" % port]),
    }
    if not shutil.which("smtp-source"):
        del senders["smtp-source"]
        print("left out: smtp-source, which is not installed")
    results = []
    for _ in range(count):
        one = {}
        for name, send in senders.items():
            with Sink() as sink:
                one[name] = send(sink.port)
            if sink.mails != mails:
                sys.exit("%s: %d mails arrived, and not %d" % (name, sink.mails, mails))
            one[name] = (mails / one[name][0], *one[name][1:], sink.bytes / mails)
        results.append(one)
    print("|             | mails/s | CPU s | peak MiB | bytes a mail |\n|-------------|--------:|------:|---------:|-------------:|")
    for name in senders:
        print("| %-11s | %7.0f | %5.1f | %8.0f | %12.0f |" % (name, *(statistics.median(r[name][i] for r in results) for i in range(4))))
    for name in list(senders)[1:]:
        ratios = [r["tidings"][0] / r[name][0] for r in results]
        print("\ntidings / %s: %.2f, from %.2f to %.2f in %d rounds" % (name, statistics.median(ratios), min(ratios), max(ratios), count), end="")
    print()


def million(folder, people):
    site = Site(folder / "site", people)
    _, cpu, peak = site.freeze()
    # How long it takes by the clock, lists.py tells: here a server that is not there is tried for some seconds.
    print("%d subscribers frozen: %.1f s of CPU, peak %.0f MiB" % (people, cpu, peak), flush=True)
    with Sink() as sink:
        site.settings(sink.port)
        process = subprocess.Popen([str(TIDINGS), "--root", str(site.root), "--now", NOW, "-q", "send", "weekly"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        began = time.perf_counter()
        # Few people may all have it before the minute is over.
        while time.perf_counter() - began < 60 and not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            time.sleep(0.05)
        # Not `send_signal`, which would take its end away from us.
        os.kill(process.pid, signal.SIGTERM)
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall, code = time.perf_counter() - began, os.waitstatus_to_exitcode(status)
        process.returncode = code
    report = json.loads(subprocess.run([str(TIDINGS), "--root", str(site.root), "--json", "deliveries"], capture_output=True, text=True).stdout)
    accepted = report["issues"][0]["totals"]["accepted"]
    print("%d sent in %.1f s (%.0f a second), %.1f s of CPU, peak %.0f MiB; status %d; the sink has %d" % (
        accepted, wall, accepted / wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, code, sink.mails))
    if code != (0 if accepted == people else 75) or accepted != sink.mails:
        sys.exit("it should have been through or interrupted, with as many mails here as there\n" + said)


def memory(folder, mails, count):
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)

    def sender(url, *more):
        return lambda port: [MEMORY, url % port, mails, LINES, *more]
    plain, secure = (), (certificate, key)
    senders = {
        "smtp-source": (plain, lambda port: ["smtp-source", "-s", LINES, "-m", mails, "-l", SIZE, "-f", "a@example.org", "-t", "b@example.com",
                                             "127.0.0.1:%d" % port]),
        "plain": (plain, sender("smtp://127.0.0.1:%d")),
        "STARTTLS": (secure, sender("smtp://127.0.0.1:%d?tls=required", certificate)),
        "DKIM, RSA-2048": (plain, sender("smtp://127.0.0.1:%d", "", KEYS / "rsa.pkcs8.pem")),
        "DKIM, Ed25519": (plain, sender("smtp://127.0.0.1:%d", "", KEYS / "ed25519.pem")),
    }
    if not shutil.which("smtp-source"):
        del senders["smtp-source"]
    results = []
    for _ in range(count):
        one = {}
        for name, (tls, command) in senders.items():
            with Sink(*tls) as sink:
                wall, cpu, peak = run(command(sink.port))
            if sink.mails != mails:
                sys.exit("%s: %d mails arrived, and not %d" % (name, sink.mails, mails))
            one[name] = (mails / wall, cpu / mails * 1e6, sink.cpu / mails * 1e6, peak)
        results.append(one)
    print("|                | mails/s | us of CPU a mail | of the sink's | peak MiB |\n|----------------|--------:|-----------------:|--------------:|---------:|")
    for name in senders:
        print("| %-14s | %7.0f | %16.0f | %13.0f | %8.0f |" % (name, *(statistics.median(r[name][i] for r in results) for i in range(4))))
    if "smtp-source" in senders:
        ratios = [r["plain"][0] / r["smtp-source"][0] for r in results]
        print("\nplain / smtp-source: %.2f, from %.2f to %.2f in %d rounds" % (statistics.median(ratios), min(ratios), max(ratios), count))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        if options.million:
            million(Path(folder), options.people)
        elif options.memory:
            memory(Path(folder), options.mails, options.rounds)
        else:
            rounds(Path(folder), options.mails, options.rounds)


if __name__ == "__main__":
    main()
