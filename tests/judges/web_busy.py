"""People come and go by the hundred while an issue is frozen and sent: no write is lost, and who has left gets nothing more."""
import datetime
import random
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import common
from common import expect
from posting import wait_for
from serving import FORM, POST, Broken, Inbox, Site, Web, moment, tail
from web_people import settled

COMING, GOING, LINES = 300, 200, 16
# What may be on its way to the server at the moment at which somebody leaves.
ON_ITS_WAY = 0.5
TOKEN = re.compile(r"/unsubscribe/([A-Za-z0-9_-]{48})")


def first_issue(site, inbox, count):
    """Everybody gets one issue, and so a link to leave by."""
    site.join(*("r%d@readers.example.com" % i for i in range(count)))
    status, _, err = site.send()
    expect(status == 0 and len(inbox.mails()) == count, "%d have the first issue" % count, err)
    return {mail["to"]: TOKEN.search(mail["message"].replace("=\r\n", ""))[1] for mail in inbox.mails()}


class Crowd:
    """Those who come: they sign up, confirm, and every other leaves again. Those who go: they leave by one click."""

    def __init__(self, web, inbox, site):
        self.web, self.inbox, self.site = web, inbox, site
        self.left, self.stayed, self.odd, self.slow = {}, [], [], 0
        self.links, self.over = {}, threading.Event()

    def watch(self):
        """Reads the log as it grows: links by person and kind."""
        seen = len(self.inbox.mails())
        while not self.over.is_set():
            mails = self.inbox.mails()
            for mail in mails[seen:]:
                body = mail["message"].replace("=\r\n", "")
                for kind in ("confirm", "unsubscribe"):
                    if found := re.search(r"/%s/([A-Za-z0-9_-]{48})" % kind, body):
                        self.links.setdefault((mail["to"], kind), found[1])
            seen = len(mails)
            time.sleep(0.02)

    def asked(self, what, path, want, *args):
        began = time.monotonic()
        try:
            answer = self.web.ask("POST", path, {"Content-Type": FORM}, *args, timeout=30)
        except Broken as err:
            self.odd.append("%s: %s" % (what, err))
            return False
        self.slow = max(self.slow, time.monotonic() - began)
        if answer.status != want:
            self.odd.append("%s: %d" % (what, answer.status))
        return answer.status == want

    def come(self, i):
        address = "new%d@newcomers.example.com" % i
        if not self.asked("sign-up", "/subscribe/", 303, b"address=%s&digest=weekly&website=" % address.replace("@", "%40").encode()):
            return
        if not wait_for(lambda: (address, "confirm") in self.links, 60):
            return self.odd.append("%s got no mail to confirm" % address)
        if not self.asked("confirm", "/confirm/" + self.links[address, "confirm"], 200):
            return
        if i % 2:
            return self.stayed.append(address)
        if not wait_for(lambda: (address, "unsubscribe") in self.links, 60):
            return self.odd.append("%s was not welcomed" % address)
        self.go(address, self.links[address, "unsubscribe"])

    def go(self, address, token):
        if self.asked("leave", "/unsubscribe/" + token, 200, b"List-Unsubscribe=One-Click"):
            self.left[address] = time.time()


def busy(folder, count):
    chance = random.Random(7)
    with Inbox("--no-fsync", log=folder / "mails") as inbox:
        site = Site(folder / "site", inbox.port, smtp="max_connections = 10")
        tokens = first_issue(site, inbox, count)
        at = site.due + datetime.timedelta(days=1)
        site.write("next", POST.format(id="next", title="Next", date=moment(at - datetime.timedelta(hours=2)), category="care", topic="forms"))
        site.settings(smtp='max_connections = 10\nrate = "%d/s"' % max(50, count // 12))
        with Web(site) as web:
            crowd = Crowd(web, inbox, site)
            watcher = threading.Thread(target=crowd.watch)
            watcher.start()
            time.sleep(0.2)
            before = len(inbox.mails())
            err = Path(folder / "send.err")
            with open(err, "wb") as said:
                sender = subprocess.Popen([common.TIDINGS, "--root", str(site.root), "--now", moment(at), "send", "weekly"], stdin=subprocess.DEVNULL,
                                          stdout=subprocess.DEVNULL, stderr=said)
            going = chance.sample(sorted(tokens), min(GOING, count))
            tasks = [(crowd.come, (i,)) for i in range(COMING)] + [(crowd.go, (who, tokens[who])) for who in going]
            chance.shuffle(tasks)
            began = time.monotonic()
            with ThreadPoolExecutor(LINES) as pool:
                done = [pool.submit(what, *args) for what, args in tasks]
                midst = 0
                for one in done:
                    one.result()
                    midst += sender.poll() is None
            took = time.monotonic() - began
            status = sender.wait(300)
            settled(inbox)
            crowd.over.set()
            watcher.join()
            told = err.read_text() + web.said.read_text()
            judged(site, crowd, inbox, before, going, count, status, told, midst / len(tasks), took)
            expect(web.stop() == 0, "`serve` ends in order", tail(web.said))


def judged(site, crowd, inbox, before, going, count, status, told, midst, took):
    expect(not crowd.odd, "%d came and %d left in %.1f s, the slowest answer in %.0f ms" % (COMING, len(going), took, crowd.slow * 1000), (len(crowd.odd), crowd.odd[:4]))
    expect(midst > 0.5, "%.0f %% of it in the midst of freezing and sending" % (midst * 100))
    expect(status == 0 and "locked" not in told and "panicked" not in told, "the issue is sent, and nothing was locked", (status, told[-500:]))
    states = site.states()
    lost = [who for who in crowd.left if states.get(who) != "ended"] + [who for who in crowd.stayed if states.get(who) != "active"]
    expect(not lost, "no write is lost: %d left, %d stayed" % (len(crowd.left), len(crowd.stayed)), lost[:5])
    late, copies = [], {}
    for mail in inbox.mails()[before:]:
        moment_left = crowd.left.get(mail["to"])
        is_issue = "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in mail["message"]
        if is_issue:
            copies[mail["to"]] = copies.get(mail["to"], 0) + 1
        if moment_left and is_issue and mail["time"] > moment_left + ON_ITS_WAY:
            late.append("%s %.1f s" % (mail["to"], mail["time"] - moment_left))
    spared = sum(who not in copies for who in going)
    expect(not late, "who left gets nothing more: %d of %d were spared the issue" % (spared, len(going)), late[:5])
    expect(spared > 0, "and some left before their mail", spared)
    twice = {who: n for who, n in copies.items() if n > 1}
    stayed = [who for who in (mail["to"] for mail in inbox.mails()[:before]) if who not in crowd.left]
    none = [who for who in stayed if not copies.get(who)]
    expect(not twice and not none, "everybody else of %d has it once" % count, (list(twice)[:3], none[:3]))
    trail = dict(site.rows("SELECT event, count(*) FROM consent GROUP BY event"))
    expect(trail.get("confirmed", 0) == COMING and trail.get("unsubscribed", 0) == len(crowd.left), "the trail has each of them once", trail)
