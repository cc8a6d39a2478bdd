"""Mail through a relay that is not ours, and signatures that others verify.

Postfix is started as an instance of its own: its settings, queue and log lie in the scratch folder, it listens on loopback and
hands everything on to the server that counts. It needs root, as Postfix does.
"""
import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import common
from common import TOP, expect
from posting import Server, Site, all_is_right, stop, wait_for

MAIN = """
compatibility_level = 3.6
queue_directory = {0}/queue
data_directory = {0}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file_prefixes = {0}
maillog_file = {0}/mail.log
myhostname = relay.example
mydestination =
alias_maps =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = none
smtp_tls_security_level = none
disable_dns_lookups = yes
relayhost = [127.0.0.1]:{1}
"""
MASTER = """
127.0.0.1:{0} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
showq unix n - n - - showq
flush unix n - n 1000? 0 flush
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A queue of our own between the sender and the server that counts."""

    def __init__(self, folder, sink):
        self.folder = folder
        for name in ("conf", "queue", "data"):
            (folder / name).mkdir(parents=True)
        shutil.chown(folder / "data", "postfix")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (folder / "conf/main.cf").write_text(MAIN.format(folder, sink))
        (folder / "conf/master.cf").write_text(MASTER.format(self.port))
        self.tell("start")
        assert wait_for(self.answers, 20), (folder / "mail.log").read_text()

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as line:
                return line.recv(3) == b"220"
        except OSError:
            return False

    def tell(self, word):
        done = subprocess.run(["postfix", "-c", str(self.folder / "conf"), word], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    def is_empty(self):
        waiting = ("incoming", "active", "deferred", "maildrop", "hold")
        return not any(path.is_file() for name in waiting for path in (self.folder / "queue" / name).rglob("*"))

    def stop(self):
        self.tell("stop")


def through_postfix(folder):
    if os.geteuid() != 0 or not shutil.which("postfix"):
        print("left out: a queue of Postfix, which needs root and the package")
        return
    with Server("--no-fsync", log=folder / "log") as sink:
        postfix = Postfix(folder / "postfix", sink.port)
        try:
            site = Site(folder / "site", postfix.port, "max_connections = 10").join(200)
            status, _, err = site.send()
            expect(status == 0 and site.totals() == {"accepted": 200, "candidates": 200}, "Postfix takes 200 mails", err)
            expect(wait_for(lambda: postfix.is_empty() and len(sink.mails()) >= 200, 60), "and hands them on", len(sink.mails()))
            got = sink.by_recipient()
            expect(len(got) == 200 and set(got.values()) == {1}, "each recipient has one", got.most_common(3))
            senders = {mail["from"] for mail in sink.mails()}
            expect(len(senders) == 200 and all(re.fullmatch(r"bounces\+[^@]+@example\.org", s) for s in senders), "each with a way back of its own",
                   sorted(senders)[:3])
        finally:
            postfix.stop()
    with Server("--no-fsync", log=folder / "killed-log") as sink:
        postfix = Postfix(folder / "killed", sink.port)
        try:
            site = Site(folder / "again", postfix.port, "max_connections = 4").join(1_000)
            kills = 0
            for _ in range(5):
                run = site.begin()
                before = len(sink.mails())
                wait_for(lambda: len(sink.mails()) >= before + 60 or run.poll() is not None, 20)
                kills += stop(run) == -signal.SIGKILL
            status, _, err = site.until_done()
            wait_for(postfix.is_empty, 60)
            totals = site.totals()
            expect(kills >= 3 and totals.get("uncertain", 0) <= 4 * kills, "killed %d times over a queue: %s" % (kills, totals), err)
            all_is_right(site, sink, "over a queue of Postfix too everybody has one mail, or the ledger says that it does not know")
        finally:
            postfix.stop()


def signed(folder):
    """Every mail of the sample, with keys of both kinds."""
    site = common.copy_sample(folder / "site")
    keys, mails = site / "keys", folder / "mails"
    keys.mkdir()
    mails.mkdir()
    make = {"rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "ed": ["-algorithm", "ED25519"]}
    for name, how in make.items():
        key = keys / (name + ".pem")
        subprocess.run(["openssl", "genpkey", *how, "-out", key], check=True, capture_output=True)
        key.chmod(0o600)
        public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        # RFC 8463, section 4: the key alone.
        kind, public = ("rsa", public) if name == "rsa" else ("ed25519", public[-32:])
        record = "v=DKIM1; k=%s; p=%s" % (kind, base64.b64encode(public).decode())
        (mails / (name + "._domainkey.lindenhof.example.txt")).write_text(record)
    settings = site / "tidings.toml"
    text = settings.read_text().replace("[digest.weekly]", '[digest.weekly]\nreply_to = "office@lindenhof.example"', 1)
    text = re.sub(r"(?ms)^\[mail\]\n.*?(?=^\[|\Z)", "", text)
    text += ('\n[mail]\nreturn_path = "bounces@lindenhof.example"\nunsubscribe_mailto = "leave@lindenhof.example"\ndkim = [\n'
             '  { domain = "lindenhof.example", selector = "rsa", key_file = "keys/rsa.pem" },\n'
             '  { domain = "lindenhof.example", selector = "ed", key_file = "keys/ed.pem" },\n]\n')
    if "[serve]" not in text:
        text += '\n[serve]\npublic_url = "https://news.lindenhof.example"\n'
    settings.write_text(text)
    people = folder / "people.csv"
    people.write_text("email\n" + "".join("r%d@example.com\n" % i for i in range(8)))
    status, _, err = common.run(site, "subscribers", "import", "--consent-source", "a judge", str(people))
    expect(status == 0, "eight people sign up", err)
    status, _, err = common.run(site, "--now", "2026-11-23T09:00:00Z", "send", "weekly")
    found = sorted((site / "outbox").rglob("*.eml"))
    expect(status == 0 and len(found) == 8, "eight mails in the outbox", err)
    for path in found:
        shutil.copy(path, mails)
    done = subprocess.run([sys.executable, str(TOP / "tests/judges/dkim.py"), str(mails)], capture_output=True, text=True)
    wrong = [line for line in done.stdout.splitlines() if not line.startswith("ok")]
    expect(done.returncode == 0 and not wrong, "dkimpy verifies all, and notices every flipped byte (%d things)" % done.stdout.count("ok  "),
           (wrong[:5], done.stderr[-300:]))
    second = TOP.parent / "shared" / "check" / "check_eml.py"
    if not second.exists():
        print("left out: a second judge of the mails, since there is none beside this checkout")
        return
    records = [f"--dkim-key={path}" for path in sorted(mails.glob("*.txt"))]
    for path in sorted(mails.glob("*.eml")):
        done = subprocess.run([sys.executable, str(second), str(path), *records], capture_output=True, text=True)
        expect(done.returncode == 0 and "0 errors, 0 warnings" in done.stdout, "a second judge has nothing to say of %s" % path.name,
               done.stdout[-600:] + done.stderr[-300:])
