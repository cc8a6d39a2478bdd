"""Somebody who signs up thousands: few mails leave, and a person on another network gets through in the midst of it."""
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from common import expect
from posting import wait_for
from serving import Inbox, Line, Site, Web, header, text
from web_people import settled

TRUST = 'trusted_proxies = ["127.0.0.1"]'
PER_HOUR = 30


def from_network(address):
    return {"X-Forwarded-For": address}


def flood(folder, count):
    """Thousands of sign-ups from one network; of IPv6, where each has another address of it."""
    with Inbox("--no-fsync", log=folder / "mails") as inbox:
        # What is there without a setting: 30 an hour.
        site = Site(folder / "site", inbox.port, serve=TRUST, signup="")
        with Web(site) as web:
            statuses, waits, memory = {}, set(), web.memory()
            lock = threading.Lock()

            def many(part):
                line = Line(web.port)
                for i in range(part, count, 8):
                    network = "2001:db8:1:2:%x:%x:%x:%x" % (i % 7, i % 11, i // 256, i % 256)
                    a = line.post("/subscribe/", {"address": "flood%d@flood.example.com" % i, "digest": "weekly", "website": ""}, from_network(network))
                    with lock:
                        statuses[a.status] = statuses.get(a.status, 0) + 1
                        if a.status == 429:
                            waits.add(header(a, "retry-after"))
                line.close()
            threads = [threading.Thread(target=many, args=(part,)) for part in range(8)]
            began = time.monotonic()
            for thread in threads:
                thread.start()
            wait_for(lambda: sum(statuses.values()) > count // 4, 60)
            asked = time.monotonic()
            answer = web.sign_up("ana@people.example.com", from_network("198.51.100.9"), digest="weekly")
            link = inbox.link("ana@people.example.com", "confirm", 20)
            got, midst = time.monotonic() - asked, any(thread.is_alive() for thread in threads)
            done = web.post(site.at(link), headers=from_network("198.51.100.9")).status if link else None
            for thread in threads:
                thread.join()
            took = time.monotonic() - began
            settled(inbox)
            mails = sum(count for who, count in inbox.by_recipient().items() if "flood" in who)
            rows = site.rows("SELECT count(*) FROM subscriber WHERE address LIKE 'flood%'")[0][0]
            most = PER_HOUR + took / 3600 * PER_HOUR + 1
            expect(set(statuses) == {303, 429} and statuses[303] <= most, "%d sign-ups from one network in %.0f s: %s" % (count, took, statuses), most)
            expect(mails <= most and rows <= most, "they cost %d mails, and %d rows" % (mails, rows))
            good = waits and all(re.fullmatch(r"\d+", wait) and 1 <= int(wait) <= 3_600 for wait in waits)
            expect(good, "429 says when to come again: in %s s" % "/".join(sorted(waits)[:3]), sorted(waits)[:5])
            expect(answer.status == 303 and link and done == 200 and site.states().get("ana@people.example.com") == "active",
                   "a person on another network signs up and confirms, with the mail after %.1f s%s" % (got, " in the midst of it" if midst else ""), (answer.status, link, done))
            for other in ("2001:db8:1:302::1", "203.0.113.7"):
                a = web.sign_up("x%d@people.example.com" % len(other), from_network(other), digest="weekly")
                expect(a.status == 303, "so does one from %s" % other, a.status)
            page = web.get("/subscribe/", from_network("2001:db8:1:2::9"))
            refused = web.sign_up("late@people.example.com", from_network("2001:db8:1:2::9"), digest="weekly")
            expect(page.status == 200 and refused.status == 429 and "<html" in text(refused), "who is refused can still read, and gets a page", (page.status, refused.status))
            expect(web.memory() - memory < 30, "it grew by %.1f MiB" % (web.memory() - memory))
            limited = [web.post("/preferences/", {"address": "p%d@flood.example.com" % i}, from_network("2001:db8:1:2::9")).status for i in range(200)]
            expect(429 in limited or set(limited) == {303}, "asking for links is limited too: %d of 200 were refused" % limited.count(429))
            leave = web.ask("POST", "/unsubscribe/" + "A" * 48, from_network("2001:db8:1:2::9"))
            expect(leave.status == 404, "leaving is not", leave.status)


def spread(folder, count):
    """From ever other networks: what is remembered of them does not grow for ever, and one address gets three mails."""
    with Inbox("--no-fsync", log=folder / "mails") as inbox:
        site = Site(folder / "site", inbox.port, serve=TRUST, signup="")
        with Web(site) as web:
            def type_in(i):
                web.sign_up("Victim@people.example.com" if i % 2 else "victim@PEOPLE.example.com", from_network("10.%d.0.1" % i), digest="weekly")
                web.post("/preferences/", {"address": "victim@people.example.com"}, from_network("10.%d.1.1" % i))
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(type_in, range(16)))
            settled(inbox)
            mails = len(inbox.to("victim@people.example.com"))
            expect(1 <= mails <= 3, "one address gets %d mails, however often and from wherever it is typed" % mails)
            line, memory = Line(web.port), web.memory()
            for i in range(count):
                line.post("/subscribe/", {"address": "not one"}, from_network("%d.%d.%d.1" % (11 + i // 65_536, i // 256 % 256, i % 256)))
            line.close()
            expect(web.memory() - memory < 30, "%d networks add %.1f MiB" % (count, web.memory() - memory))
        # Without a proxy that is trusted, nobody can say that they are somebody else.
        site.settings(serve="")
        with Web(site, name="plain") as web:
            with ThreadPoolExecutor(8) as pool:
                statuses = list(pool.map(lambda i: web.sign_up("lie%d@lies.example.com" % i, from_network("10.0.%d.1" % i), digest="weekly").status, range(100)))
            expect(statuses.count(303) <= PER_HOUR + 1 and 429 in statuses, "who lies about where they are is counted as one", {s: statuses.count(s) for s in set(statuses)})


def limits(folder, count):
    for name, case in (("flood", flood), ("spread", spread)):
        (folder / name).mkdir()
        case(folder / name, count)
