"""From the form to the inbox and out again; and mails to one person that arrive once, whatever fails around them."""
import datetime
import random
import re
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from common import expect
from posting import wait_for
from serving import FORM, POST, Broken, Inbox, Site, Web, header, links, moment, tail
from web_people import settled

ANA = "Ana.Souza+news@people.example.com"
# So that a server without a word costs seconds, and not minutes.
SHORT = 'timeouts = { connect = "1s", greeting = "1s", command = "1s", data = "1s", block = "1s", dot = "1s" }'


def whole(folder):
    """One person, from the form to the last mail."""
    with Inbox(log=folder / "mails") as inbox:
        site = Site(folder / "site", inbox.port)
        site.join("somebody.else@people.example.com")
        with Web(site) as web:
            answer = web.sign_up(ANA, digest="weekly", category=["care"], topic=["privacy"], name="Ana")
            link = inbox.link(ANA, "confirm")
            if not expect(answer.status == 303 and link, "a sign-up is followed by a mail with a link", answer):
                return
            mail = inbox.to(ANA)[0]
            expect(mail["Auto-Submitted"] == "auto-generated" and mail["Message-ID"] and mail["Date"] and mail["To"] and not mail["List-Unsubscribe-Post"],
                   "it is a mail of its kind", dict(mail))
            expect(all(ANA not in found and ANA.replace("@", "%40") not in found for found in links(mail)), "no link in it names the address", links(mail))
            site.send()
            expect(len(inbox.to(ANA)) == 1 and site.states()[ANA.lower()] == "pending", "who has not confirmed gets no issue", site.states())
            for _ in range(2):
                expect(web.get(site.at(link)).status == 200 and site.states()[ANA.lower()] == "pending", "a scanner opens the link, and nothing happens")
            for _ in range(2):
                expect(web.post(site.at(link)).status == 200 and site.states()[ANA.lower()] == "active", "the button confirms, also twice")
            wait_for(lambda: len(inbox.to(ANA)) > 1, 10)
            settled(inbox)
            expect(len(inbox.to(ANA)) == 2, "she is welcomed once", [m["Subject"] for m in inbox.to(ANA)])
            choice = site.rows("SELECT choice FROM subscriber WHERE address = ?", ANA.lower())[0][0]
            expect(choice == "category=care;topic=privacy", "her choice is kept", choice)
            trail = [event for (event,) in site.rows("SELECT event FROM consent WHERE subscriber_id = (SELECT id FROM subscriber WHERE address = ?) ORDER BY id", ANA.lower())]
            expect(trail[:2] == ["subscribed", "confirmed"], "the trail says how she agreed", trail)
            again(site, inbox, web)


def again(site, inbox, web):
    """The next issues: it comes, it pauses, it ends."""
    def issue(day):
        at = moment(site.due + datetime.timedelta(days=day, hours=-3))
        site.write("new%d" % day, POST.format(id="new%d" % day, title="New %d" % day, date=at, category="care", topic="forms"))
        site.write("other%d" % day, POST.format(id="other%d" % day, title="Other %d" % day, date=at, category="product", topic="forms"))
        settled(inbox)
        before = len(inbox.to(ANA))
        status, _, err = site.send(day)
        expect(status == 0, "the issue of day %d is sent" % day, err)
        return inbox.to(ANA)[before:]
    mails = issue(1)
    body = mails and mails[0].get_body(("plain",)).get_content()
    expect(len(mails) == 1 and "New 1" in body and "Other 1" not in body, "the next issue comes, with what she chose", len(mails))
    if not mails:
        return
    one_click = mails[0]["List-Unsubscribe"].split(">")[0].strip("<")
    prefs = inbox.link(ANA, "preferences")
    expect(mails[0]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click" and prefs, "with a way out, and one to its preferences", dict(mails[0]))
    seen = len(inbox.to(ANA))
    answer = web.post(site.at(prefs), {"digest": ["weekly", "letter"], "topic": "forms", "pause": "2"})
    expect(answer.status == 303 and re.search(r"\?(saved|asked)$", header(answer, "location")), "preferences are saved", answer)
    choice, states = site.rows("SELECT choice FROM subscriber WHERE address = ?", ANA.lower())[0][0], site.states("letter")
    expect(choice == "topic=forms" and states.get(ANA.lower()) != "active", "and hold; but an issue may have been forwarded, so what is new waits for a yes", (choice, states))
    link = inbox.link(ANA, "confirm", after=seen)
    expect(link and web.post(site.at(link)).status == 200 and site.states("letter").get(ANA.lower()) == "active", "which she is asked for by mail", link)
    expect(issue(2) == [], "in the pause nothing comes")
    answer = web.post(site.at(prefs), {"digest": "weekly", "topic": "forms", "pause": "0"})
    mails = issue(3)
    body = mails and mails[0].get_body(("plain",)).get_content()
    expect(len(mails) == 1 and "Other 3" in body, "after it, it comes again, with the new choice", len(mails))
    answer = web.ask("POST", site.at(one_click), {"Content-Type": FORM}, b"List-Unsubscribe=One-Click")
    expect(answer.status == 200 and site.states()[ANA.lower()] == "ended", "one click, and she has left", answer)
    expect(issue(4) == [], "nothing more comes")
    web.sign_up(ANA, digest="weekly")
    back = inbox.link(ANA, "confirm", after=len(inbox.to(ANA)) - 1)
    expect(back and web.post(site.at(back)).status == 200 and site.states()[ANA.lower()] == "active", "who left may come back")
    expect(len(issue(5)) == 1, "and gets issues again")


def notices(site):
    """What the store says of mails to one person: how many in each state."""
    return Counter(state for (state,) in site.rows("SELECT state FROM notice"))


def due_now(site):
    """Lets the time go by until deferred mails are tried again."""
    site.change("UPDATE notice SET due_at = 1 WHERE state = 'deferred'")


def faults_of(inbox, kind="confirm"):
    """Who got more than one mail of a kind."""
    count = Counter(mail["to"] for mail in inbox.mails() if "/%s/" % kind in mail["message"].replace("=\r\n", ""))
    return {who: n for who, n in count.items() if n > 1}


def failing(folder):
    """A mail server that fails in several ways, and then no longer does."""
    people = {"refused for a time": "once-rcpt-450.4.2.1", "refused after the dot": "once-dot-451", "closed at MAIL": "once-mail-drop", "closed in DATA": "once-data-drop",
              "no word at RCPT": "once-rcpt-mute", "closed after the dot": "dot-drop", "no word after the dot": "dot-mute", "nobody there": "rcpt-550.5.1.1", "no fault": "plain"}
    with Inbox(log=folder / "mails") as inbox:
        site = Site(folder / "site", inbox.port, smtp=SHORT)
        with Web(site) as web:
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda fault: web.sign_up("ana+%s@people.example.com" % fault, digest="weekly"), people.values()))
            wait_for(lambda: not {"planned", "leased", "on_wire"} & set(notices(site)), 30)
            expect(web.get("/healthz").status == 200, "while mails fail, it serves")
            for _ in range(5):
                if "deferred" not in notices(site):
                    break
                web.stop()
                due_now(site)
                web = Web(site, name="serve")
                wait_for(lambda: not {"planned", "leased", "on_wire", "deferred"} & set(notices(site)), 15)
            web.stop()
        got = inbox.by_recipient()
        wrong = {name: got["ana+%s@people.example.com" % fault] for name, fault in people.items()
                 if got["ana+%s@people.example.com" % fault] != (0 if "550" in fault else 1)}
        expect(not wrong, "each of %d sign-ups has one mail, whatever the server did" % (len(people) - 1), (wrong, notices(site)))
        states = notices(site)
        expect(states["uncertain"] == 2 and states["rejected"] == 1 and states["accepted"] == len(people) - 3, "two are uncertain, since nobody can know", states)
    # No server at all, and then there is one: also a second process of it.
    dark = folder / "dark"
    with Inbox(log=dark / "mails") as inbox:
        site = Site(dark / "site", 1)
        with Web(site) as web:
            began = time.monotonic()
            answer = web.sign_up("late@people.example.com", digest="weekly")
            expect(answer.status == 303 and time.monotonic() - began < 1, "without a mail server a sign-up is answered at once", answer.status)
            time.sleep(1)
            expect(web.get("/healthz").status in (200, 503) and web.process.poll() is None, "and it serves on")
        site.settings(port=inbox.port)
        due_now(site)
        with Web(site, name="one"), Web(site, name="two"):
            expect(inbox.link("late@people.example.com", "confirm", 60), "the mail comes when there is a server again", notices(site))
            settled(inbox)
        expect(not faults_of(inbox), "from two processes of `serve` at once it comes once", faults_of(inbox))


def killed(folder, kills=10, people=120):
    """`kill -9` of the server, at any moment, while people sign up."""
    chance, answered, met = random.Random(5), [], 0
    with Inbox(log=folder / "mails") as inbox:
        site = Site(folder / "site", inbox.port)
        web = Web(site)
        port, over = web.port, threading.Event()

        def come(i):
            address = "k%d@people.example.com" % i
            # Whoever gets no answer presses the button again, as people do; what was answered must not be lost.
            while not over.is_set():
                try:
                    if web.sign_up(address, digest="weekly").status == 303:
                        return answered.append(address)
                except Broken:
                    time.sleep(0.05)
        with ThreadPoolExecutor(8) as pool:
            coming = [pool.submit(come, i) for i in range(people)]
            for _ in range(kills):
                time.sleep(chance.uniform(0.1, 1))
                met += web.stop(signal.SIGKILL) == -signal.SIGKILL
                web = Web(site, port=port)
            wait_for(lambda: all(one.done() for one in coming), 60)
            over.set()
        wait_for(lambda: set(answered) <= set(site.states()), 5)
        # What a dead process held is free when its lease is over, at the latest.
        wait_for(lambda: not {"planned", "leased", "on_wire", "deferred"} & set(notices(site)), 20)
        if {"leased", "on_wire"} & set(notices(site)):
            site.change("UPDATE notice SET lease_until = 1 WHERE lease_until IS NOT NULL")
            wait_for(lambda: not {"planned", "leased", "on_wire", "deferred"} & set(notices(site)), 20)
        settled(inbox)
        status = web.stop()
        states, got = notices(site), inbox.by_recipient()
        lost = [address for address in answered if address not in site.states()]
        expect(len(answered) == people and not lost, "%d people signed up while it was killed %d times, and none is lost" % (people, met), (len(answered), lost[:3]))
        none = [address for address in answered if got[address] == 0]
        # Somebody who pressed twice may have asked for two mails; one sign-up that was answered once has no more than one.
        twice = {who: n for who, n in got.items() if n > 1}
        expect(len(none) <= states["uncertain"], "each has a mail, but for %d that are uncertain" % states["uncertain"], (none[:3], states))
        expect(not twice, "nobody has two", twice)
        different = [who for who in got if len({mail["sha256"] for mail in inbox.mails() if mail["to"] == who}) > 1]
        expect(status == 0 and set(states) <= {"accepted", "uncertain"} and not different, "nothing is left over", (status, states, tail(web.said)))


def flow(folder):
    for name, case in (("whole", whole), ("failing", failing), ("killed", killed)):
        (folder / name).mkdir()
        case(folder / name)
