"""The forms and mails of `web_fake.py`: what a person does, with the store of the real program and a mail server."""
import asyncio
import html
import json
import os
import re
import smtplib
import sqlite3
import time
import urllib.parse
from collections import defaultdict
from email.message import EmailMessage
from email.utils import formatdate

import web_token
from web_fake import Answer, now as the_time, page

PERSONAL = {"confirm": ["confirm"], "unsubscribe": ["unsubscribe"], "preferences": ["unsubscribe", "preferences", "data"], "data": ["data"]}
PER_HOUR = 30


def button(words, fields=""):
    return '<form method="post">%s<button>%s</button></form>' % (fields, words)


class Forms:
    def __init__(self, fake, faults):
        self.fake, self.faults = fake, faults
        self.store = fake.root / ".tidings" / "tidings.db"
        self.prefix = "/" + fake.public.split("/", 3)[3]
        settings = fake.settings
        self.digests = list(settings.get("digest", {}))
        self.per_network = int(settings.get("signup", {}).get("per_network", "30/h").split("/")[0])
        self.welcome = settings.get("signup", {}).get("welcome", False)
        self.asked = defaultdict(list)
        self.least = float(os.environ.get("LEAST", "0"))

    def db(self):
        db = sqlite3.connect(self.store, timeout=30)
        db.execute("PRAGMA foreign_keys = on")
        db.execute("PRAGMA secure_delete = on")
        return db

    # ---- requests -----------------------------------------------------------------------------------------------------

    async def answer(self, request, peer):
        if not request.path.startswith(self.prefix):
            return None
        path = request.path[len(self.prefix):]
        kind, _, token = path.partition("/")
        if path == "assets/pages.css" and self.reads(request):
            return Answer(200, ".trap { display: none }", "text/css; charset=utf-8", personal=False)
        if path in ("subscribe/sent/", "preferences/sent/"):
            return page("Look at your mail", "<p>If it can be mailed to, a mail is on its way.</p>") if self.reads(request) else Answer(405, "", Allow="GET")
        if path in ("subscribe/", "preferences/"):
            if request.method == "POST":
                return await self.posted(request, kind, peer)
            return self.form(kind) if self.reads(request) else Answer(405, "", Allow="GET, POST")
        if kind in PERSONAL and token and "/" not in token:
            return self.personal(request, kind, urllib.parse.unquote(token, errors="replace"))
        return None

    @staticmethod
    def reads(request):
        return request.method in ("GET", "HEAD")

    def form(self, kind, fault="", fields=None, status=200):
        shown = html.escape((fields or {}).get("address", [""])[0])
        choices = "".join('<label><input type=checkbox name=%s value=%s>%s</label>' % (name, value, value) for name, values in (
            ("digest", self.digests), ("category", ["care", "product"]), ("topic", ["forms", "privacy"])) for value in values) if kind == "subscribe" else ""
        return page("By mail", '<p>%s</p><form method="post" action="%s%s/"><label>Address <input name=address value="%s"></label>%s<label class=trap>Stay out <input name=website tabindex=-1></label>'
                    "<button>Go on</button></form>" % (fault, self.prefix, kind, shown, choices), status)

    async def posted(self, request, kind, peer):
        if not request.header("content-type").startswith("application/x-www-form-urlencoded"):
            return page("Not a form", "", 415)
        network = ":".join(peer.split(":")[:4]) if ":" in peer else peer
        recent = self.asked[network] = [at for at in self.asked[network] if at > time.time() - 3_600]
        if len(recent) >= self.per_network and "no-limit" not in self.faults:
            return page("Too often", "", 429, Retry_After=str(max(1, int(recent[0] + 3_600 - time.time()))))
        fields = urllib.parse.parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        address = fields.get("address", [""])[0]
        digests = fields.get("digest", ["weekly"])
        if not re.fullmatch(r"[\w.+=-]{1,64}@[\w-]+(\.[\w-]+)+", address, re.A) or not set(digests) <= set(self.digests):
            return self.form(kind, "That is none.", fields, 422)
        self.asked[network].append(time.time())
        if not fields.get("website", [""])[0]:
            began = time.monotonic()
            known = self.ask(address, kind, digests, fields)
            # So that nobody learns anything from how long it took.
            await asyncio.sleep(began + self.least - time.monotonic())
            if known and "slow-known" in self.faults:
                await asyncio.sleep(0.3)
            if known and "tells" in self.faults:
                return Answer(303, b"", Location=self.prefix + kind + "/known/")
        return Answer(303, b"", Location=self.prefix + kind + "/sent/")

    def ask(self, address, kind, digests, fields):
        """Plans a mail. Whether the address was active."""
        now, mailbox = int(time.time()), address
        address = address.lower()
        choice = ";".join("%s=%s" % (axis, ",".join(sorted(fields[axis]))) for axis in ("category", "topic") if axis in fields)
        with self.db() as db:
            row = db.execute("SELECT id, suppressed FROM subscriber WHERE address = ?", (address,)).fetchone()
            active = row and db.execute("SELECT 1 FROM subscription WHERE subscriber_id = ? AND state = 'active'", row[:1]).fetchone()
            if kind == "preferences" and not row or row and row[1]:
                return bool(active)
            if not row:
                row = (db.execute("INSERT INTO subscriber (address, mailbox, choice, added_at) VALUES (?, ?, ?, ?)", (address, mailbox, choice, now)).lastrowid, None)
            unsettled = db.execute("SELECT count(*) FROM notice WHERE subscriber_id = ? AND settled_at IS NULL AND created_at > ?", (row[0], now - 86_400)).fetchone()[0]
            if unsettled >= 3 and "no-limit" not in self.faults:
                return bool(active)
            if not active and kind == "subscribe":
                for digest in digests:
                    db.execute("INSERT OR IGNORE INTO subscription VALUES (?, ?, 'pending', ?)", (digest, row[0], now))
                    db.execute("INSERT INTO consent (subscriber_id, digest, event, source, at) VALUES (?, ?, 'subscribed', 'form', ?)", (row[0], digest, now))
            what = "link" if kind == "preferences" else "known" if active else "confirm"
            if what == "confirm" and db.execute("SELECT 1 FROM notice WHERE subscriber_id = ? AND kind = 'confirm' AND settled_at IS NULL", row[:1]).fetchone():
                return False
            self.plan(db, row[0], mailbox, what, {"digests": digests, "choice": choice})
        return bool(active)

    def plan(self, db, subscriber, mailbox, kind, request=None):
        for _ in range(2 if "two-mails" in self.faults else 1):
            db.execute("INSERT INTO notice (subscriber_id, kind, request, mailbox, state, created_at, updated_at) VALUES (?, ?, ?, ?, 'planned', ?, ?)",
                       (subscriber, kind, json.dumps(request), mailbox, int(time.time()), int(time.time())))

    def none(self):
        return page("No such link", "<p>This link is not valid, or not any more.</p>", 404)

    def personal(self, request, kind, token):
        now = int(the_time())
        key = web_token.key_of(self.fake.root)
        said = web_token.read(key, token, PERSONAL[kind], now // 3_600)
        if not said and "forged" in self.faults and len(token) == 48:
            said = (1, 1)
        with self.db() as db:
            row = said and db.execute("SELECT id, address, choice FROM subscriber WHERE id = ?", said[:1]).fetchone()
            if not row:
                return self.none()
            one_click = kind == "unsubscribe"
            fields = urllib.parse.parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
            if request.method == "POST" and "no-csrf" not in self.faults:
                origin, site = request.header("origin"), request.header("sec-fetch-site")
                foreign = origin not in ("", "null") and origin + "/" != self.fake.public or site == "cross-site"
                if foreign and not (one_click and b"One-Click" in request.body):
                    return page("Not from here", "", 403)
            acts = request.method == "POST" or "get-acts" in self.faults and request.method == "GET" and kind == "confirm"
            if not acts:
                return self.shown(kind, row, token, key) if self.reads(request) else Answer(405, "", Allow="GET, POST")
            return getattr(self, "do_" + kind)(db, row, said[1], fields, now)

    def shown(self, kind, row, token="", key=b""):
        checked = "".join("<input type=checkbox name=digest value=%s>" % name for name in self.digests)
        return page(kind, {"confirm": button("Yes"), "unsubscribe": button("Leave"), "preferences": button("Save", checked) + ('<a href="%sdata/%s">Data</a>' % (self.prefix, token)
                                                                if kind == "preferences" and web_token.read(key, token, ["data"], 0) else ""),
                           "data": "<p>%s</p>" % row[1] + button("Erase", "<input type=hidden name=erase value=yes>")}[kind])

    def do_confirm(self, db, row, notice, fields, now):
        asked = db.execute("SELECT request, mailbox, settled_at FROM notice WHERE id = ?", (notice,)).fetchone()
        if asked and asked[2] is None:
            request = json.loads(asked[0])
            for digest in request["digests"]:
                db.execute("INSERT OR REPLACE INTO subscription VALUES (?, ?, 'active', ?)", (digest, row[0], now))
                db.execute("INSERT INTO consent (subscriber_id, digest, event, source, at) VALUES (?, ?, 'confirmed', 'form', ?)", (row[0], digest, now))
            if not db.execute("SELECT 1 FROM subscriber WHERE id = ? AND choice <> ''", row[:1]).fetchone():
                db.execute("UPDATE subscriber SET choice = ? WHERE id = ?", (request["choice"], row[0]))
            db.execute("UPDATE notice SET settled_at = ? WHERE id = ?", (now, notice))
            if self.welcome:
                self.plan(db, row[0], asked[1], "welcome")
        return page("Confirmed", "")

    def do_unsubscribe(self, db, row, issue, fields, now):
        if db.execute("UPDATE subscription SET state = 'ended', changed_at = ? WHERE subscriber_id = ? AND state <> 'ended'", (now, row[0])).rowcount:
            db.execute("INSERT INTO consent (subscriber_id, digest, event, source, at) VALUES (?, 'weekly', 'unsubscribed', 'link', ?)", (row[0], now))
        return page("You have left", "")

    def do_preferences(self, db, row, issue, fields, now):
        before = dict(db.execute("SELECT digest, state FROM subscription WHERE subscriber_id = ?", row[:1]))
        for digest in self.digests:
            wanted = digest in fields.get("digest", [])
            # An issue may have been forwarded: what is new waits for a yes.
            if wanted and issue and before.get(digest) != "active":
                self.plan(db, row[0], row[1], "confirm", {"digests": [digest], "choice": row[2]})
            elif wanted or digest in before:
                db.execute("INSERT OR REPLACE INTO subscription VALUES (?, ?, ?, ?)", (digest, row[0], "active" if wanted else "ended", now))
        choice = ";".join("%s=%s" % (axis, ",".join(sorted(fields[axis]))) for axis in ("category", "topic") if axis in fields)
        weeks = int(fields.get("pause", ["0"])[0])
        # Nothing else knows of a pause yet: the time is kept, and the subscriptions are not.
        db.execute("UPDATE subscriber SET choice = ?, paused_until = ? WHERE id = ?", (choice, now + weeks * 604_800 if weeks else None, row[0]))
        return Answer(303, b"", Location="?saved")

    def do_data(self, db, row, issue, fields, now):
        if fields.get("erase") != ["yes"]:
            return self.shown("data", row)
        db.execute("UPDATE notice SET mailbox = '', request = NULL, letter = NULL WHERE subscriber_id = ?", row[:1])
        db.execute("UPDATE delivery SET mailbox = '' WHERE subscriber_id = ?", row[:1])
        db.execute("DELETE FROM subscriber WHERE id = ?", row[:1])
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return page("Erased", "")

    # ---- mails --------------------------------------------------------------------------------------------------------

    async def send_all(self):
        """Sends what is planned, one at a time."""
        db = self.db()
        with db:
            db.execute("UPDATE notice SET state = 'uncertain' WHERE state = 'on_wire'")
        while True:
            row = db.execute("SELECT id, subscriber_id, kind, mailbox FROM notice WHERE state = 'planned' OR state = 'deferred' AND due_at < ? LIMIT 1",
                             (int(time.time()),)).fetchone()
            if not row:
                await asyncio.sleep(0.02)
                continue
            state = await asyncio.to_thread(self.send, *row)
            with db:
                db.execute("UPDATE notice SET state = ?, due_at = ? WHERE id = ?", (state, int(time.time()) + 1_800 if state == "deferred" else None, row[0]))

    def send(self, number, subscriber, kind, mailbox):
        def record(state):
            with self.db() as db:
                db.execute("UPDATE notice SET state = ? WHERE id = ?", (state, number))
        key, hour = web_token.key_of(self.fake.root), int(time.time()) // 3_600
        sign = lambda purpose, issue=0, hours=0: "%s%s/%s" % (self.fake.public, purpose, web_token.sign(key, purpose, subscriber, 0, issue, hours))
        data = web_token.sign(key, "data", subscriber, 0, 0, hour + 24)
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "news@example.org", mailbox, kind
        mail["Message-ID"], mail["Date"], mail["Auto-Submitted"] = "<%d.%s@example.org>" % (number, kind), formatdate(number), "auto-generated"
        mail.set_content({"confirm": sign("confirm", number, hour + 168), "known": "You get it already.", "welcome": sign("unsubscribe"),
                          "link": "%spreferences/%s" % (self.fake.public, data)}[kind] + "\n")
        port, at_dot = int(self.fake.settings["smtp"]["url"].rsplit(":", 1)[1]), False
        try:
            with smtplib.SMTP("127.0.0.1", port, timeout=1) as line:
                line.ehlo()
                for code, _ in (line.mail("bounces@example.org"), line.rcpt(mailbox)):
                    if code >= 400:
                        return "rejected" if code >= 500 else "deferred"
                record("on_wire")
                code = line.docmd("DATA")[0]
                if code != 354:
                    return "deferred"
                at_dot = True
                line.send(smtplib._fix_eols(mail.as_string()).encode() + b".\r\n")
                code, _ = line.getreply()
                return "accepted" if code == 250 else "deferred" if code < 500 else "rejected"
        except (OSError, smtplib.SMTPException):
            return "uncertain" if at_dot else "deferred"
