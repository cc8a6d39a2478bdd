"""What servers do: few connections, refusals, silence, mail that comes back later, a provider that will have none of ours."""
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from common import expect
from posting import NAME, NOW, Server, Site, all_is_right, no_secret, stop, wait_for

# So that a server without a word costs a judge a second and not ten minutes.
SHORT = 'timeouts = { connect = "1s", greeting = "1s", command = "1s", data = "1s", block = "1s", dot = "1s" }'


def few_lines(folder):
    with Server("--no-fsync", log=folder / "cap-log") as server:
        site = Site(folder / "cap", server.port, "max_connections = 4").join(1_000)
        status, _, err = site.send()
        expect(status == 0, "1,000 over 4 connections", err)
        all_is_right(site, server, "1,000 over 4 connections: everybody has one mail")
        counted = server.stop()
        expect(counted["most_connections"] == 4, "the server never saw more than 4 at once", dict(counted))
        expect(counted["connections"] == 4, "and no connection was made in vain", dict(counted))
    with Server(log=folder / "half-log") as server:
        people = ["r%d%s@example.com" % (i, "+rcpt-550.5.1.1" if i % 2 else "") for i in range(200)]
        site = Site(folder / "half", server.port, "max_connections = 4").join(*people)
        status, _, err = site.send()
        expect(status == 0 and site.totals() == {"accepted": 100, "rejected": 100, "candidates": 200}, "half of them refused", err)
        all_is_right(site, server, "half of them refused: the others have one mail")
        counted = server.stop()
        expect(counted["connections"] <= 4, "a refused recipient costs no connection", dict(counted))
    for name, options in {
        "421 after 7 mails": ["--most-mails", 7], "two connections and no more": ["--most-connections", 2],
        "an idle line is closed with a word": ["--idle", 0.3], "an idle line is closed without a word": ["--idle-silent", 0.3],
    }.items():
        home = folder / re.sub(r"\W", "-", name)
        # Half a second between two mails, so that lines are idle.
        slow = 'max_connections = 3\nrate = "%s"' % ("4/s" if "idle" in name else "1000/s")
        with Server(*options, log=home / "log") as server:
            site = Site(home / "site", server.port, slow).join(16 if "idle" in name else 80)
            began = time.monotonic()
            status, _, err = site.send()
            expect(status == 0 and time.monotonic() - began < 15, "%s: it ends, in %.1f s" % (name, time.monotonic() - began), err)
            all_is_right(site, server, name + ": everybody has one mail")


def mute(folder):
    """A server that says nothing more. What became of the mail, how the run ends, and what it says."""
    before = "cannot send `%s`: `127.0.0.1:PORT` cannot be used: %%s failed: no answer within 1 second\naccepted 0 of 6; 6 stay planned" % NAME
    cases = {
        "greeting-mute": (1, {"planned": 6}, before % "the greeting"),
        "ehlo-mute": (1, {"planned": 6}, before % "`EHLO`"),
        "mail-mute": (75, {"deferred": 6}, "6 deferred"),
        "rcpt-mute": (75, {"deferred": 6}, "6 deferred"),
        "data-mute": (75, {"deferred": 6}, "6 deferred"),
        "dot-mute": (1, {"uncertain": 6}, "nobody knows whether the uncertain ones were taken, so they are held"),
        "dot-drop": (1, {"uncertain": 6}, "6 uncertain"),
        "dot-garbage": (1, {"uncertain": 6}, "6 uncertain"),
        "mail-drop": (75, {"deferred": 6}, "6 deferred"),
        "data-drop": (75, {"deferred": 6}, "6 deferred"),
        "greeting-drop": (1, {"planned": 6}, "the greeting failed: the server closed the connection"),
        "greeting-554": (1, {"planned": 6}, "cannot be used: the greeting failed\nserver said: 554 5.0.0"),
        "quit-mute": (0, {"accepted": 6}, "6 accepted"),
    }

    def one(fault, status, totals, text):
        with Server("--fault", fault, log=folder / fault / "log") as server:
            site = Site(folder / fault / "site", server.port, "max_connections = 2\n" + SHORT).join(6)
            began = time.monotonic()
            code, _, err = site.send()
            took = time.monotonic() - began
            found = site.totals()
            expect(code == status and found == {**totals, "candidates": 6}, "%s: %s, exit %d" % (fault, totals, status), (code, found, err))
            expect(text.replace("PORT", str(server.port)) in err, "%s: it says so" % fault, err)
            expect(took < 30, "%s: it ends in time" % fault, took)
            all_is_right(site, server, "%s: nobody has two mails" % fault)
    # All at once: they only wait.
    with ThreadPoolExecutor(len(cases)) as pool:
        for done in [pool.submit(one, fault, *case) for fault, case in cases.items()]:
            done.result()


def later(folder):
    """4yz waits and comes back, and is given up at the next cutoff; 5.1.1 is remembered, 5.7.x is not held against anybody."""
    with Server(log=folder / "log") as server:
        people = ["ana+once-rcpt-450.4.2.1@example.com", "ben+once-dot-451@example.com", "carl+rcpt-450@example.com",
                  "dora+rcpt-550.5.1.1@example.com", "emil+rcpt-550.5.7.1@example.com", "fay@example.com"]
        site = Site(folder / "site", server.port, "max_connections = 2").join(*people)
        status, _, err = site.send()
        expect(status == 75 and "%s: 6 subscribers: 1 accepted, 3 deferred, 2 rejected" % NAME in err, "4yz is deferred, 5yz rejected", err)
        status, _, err = site.send(now="2026-11-23T09:10:00Z")
        expect(status == 75 and len(server.mails()) == 1, "ten minutes later nothing is due", err)
        status, _, err = site.send(now="2026-11-23T09:40:00Z")
        expect(status == 75 and site.totals()["accepted"] == 3, "after half an hour they are taken", err)
        all_is_right(site, server, "later: everybody has one mail")
        suppressed = dict(site.rows("SELECT address, suppressed FROM subscriber WHERE suppressed IS NOT NULL"))
        expect(suppressed == {people[3]: "bounced"}, "5.1.1 is not written to again, 5.7.1 is", suppressed)
        status, _, err = site.send("--period", "2026-W48", now="2026-11-30T08:59:00Z")
        expect(status in (0, 75), "before the next cutoff it is tried", err)
        status, _, err = site.send("--period", "2026-W48", now="2026-11-30T09:00:01Z")
        row = [row for row in site.deliveries()["deliveries"] if row["address"] == people[2]][0]
        expect((row["state"], row["reason"]) == ("rejected", "expired"), "after it, it is given up", row)
        status, out, _ = site.run("deliveries", "why", people[2])
        expect(status == 0 and "try 1 at 2026-11-23 09:00:0" in out and "450" in out, "and why is told", out)
        expect(site.until_done(now="2026-11-30T09:00:02Z")[0] == 0, "then the issue is done")
    with Server(log=folder / "policy-log") as server:
        people = ["r%d+once-rcpt-550.5.7.26@example.com" % i for i in range(8)] + ["s%d@example.org" % i for i in range(4)]
        site = Site(folder / "policy", server.port, "max_connections = 1").join(*people)
        status, _, err = site.send()
        want = ("error: `%s` stops: example.com refused 5 mails in a row by policy: 550 5.7.26" % NAME)
        expect(status == 1 and want in err and "`tidings deliveries resume %s` lets it go on" % NAME in err, "a provider that repeats itself stops it", err)
        status, _, err = site.send()
        expect(status == 1 and "%s is paused: example.com refused 5 mails in a row" % NAME in err and not server.mails(),
               "and it stays so", err)
        for command in ("resume", "retry"):
            status, _, err = site.run("deliveries", command, NAME)
            expect(status == 0, "`deliveries %s`" % command, err)
        status, _, err = site.send()
        # Three were not tried before, and are refused once.
        expect(status == 0 and site.totals() == {"accepted": 9, "rejected": 3, "candidates": 12}, "it goes on", (err, site.totals()))
        all_is_right(site, server, "after the pause: everybody has one mail")
        expect(not site.rows("SELECT 1 FROM subscriber WHERE suppressed IS NOT NULL"), "nobody is blamed for a policy")


def gone(folder):
    """Who leaves, is suppressed or is erased while the issue goes out gets nothing more."""
    with Server("--delay", "0.02", log=folder / "log") as server:
        site = Site(folder / "site", server.port, "max_connections = 1").join(60)
        run = site.begin()
        wait_for(lambda: len(server.mails()) >= 3)
        # Far from the one on the wire; number 20 and its like are claimed by now, 50 and its like are not.
        site.change(*["UPDATE subscription SET state = 'ended' WHERE subscriber_id = %d" % i for i in (14, 50)],
                    *["UPDATE subscriber SET suppressed = 'asked' WHERE id = %d" % i for i in (15, 51)],
                    *["UPDATE delivery SET mailbox = '' WHERE subscriber_id = %d" % i for i in (16, 52)],
                    *["DELETE FROM subscriber WHERE id = %d" % i for i in (16, 52)])
        before = site.rows("SELECT subscriber_id, state FROM delivery WHERE subscriber_id IN (14, 50) ORDER BY 1")
        expect([state for _, state in before] == ["leased", "planned"], "one was claimed, one was not", before)
        expect(run.wait(timeout=100) == 0, "the run ends", run.returncode)
        found = site.rows("SELECT subscriber_id, state, reason FROM delivery WHERE state <> 'accepted' ORDER BY 1")
        reasons = {14: "unsubscribed", 50: "unsubscribed", 15: "suppressed", 51: "suppressed", 16: "erased", 52: "erased"}
        expect(found == [(i, "skipped", reasons[i]) for i in sorted(reasons)], "who left is skipped, and why", found)
        expect(sum(server.by_recipient().values()) == 54, "and got nothing", server.by_recipient())
    # People sign up while an issue is frozen and sent.
    with Server("--no-fsync", log=folder / "up-log") as server:
        site = Site(folder / "up", server.port, "max_connections = 4").join(20_000)
        over, signed, failures = threading.Event(), [], []

        def sign_up():
            db = site.open()
            while not over.is_set():
                address = "late%d@example.com" % len(signed)
                try:
                    with db:
                        db.execute("BEGIN IMMEDIATE")
                        db.execute("INSERT INTO subscriber (address, mailbox, choice, added_at) VALUES (?, ?, '', 0)", (address, address))
                        db.execute("INSERT INTO subscription VALUES ('weekly', last_insert_rowid(), 'active', 0)")
                    signed.append(address)
                except Exception as error:
                    failures.append(error)
                time.sleep(0.003)
        thread = threading.Thread(target=sign_up)
        thread.start()
        run = site.begin(stderr=subprocess.PIPE)
        wait_for(lambda: len(server.mails()) >= 300, 60)
        run.terminate()
        err = run.communicate(timeout=60)[1]
        over.set()
        thread.join()
        there = site.rows("SELECT count(*) FROM subscriber")[0][0]
        expect(not failures and there == 20_000 + len(signed), "%d signed up meanwhile, and none was lost" % len(signed), failures[:2])
        expect(run.returncode == 75 and "locked" not in err, "and the run did not mind", err)
        totals = site.totals()
        expect(20_000 <= totals["candidates"] <= there and site.deliveries()["balances"], "the issue has who was there", totals)


def silent(folder):
    """At `-vv` no line holds an address or the password."""
    user, password = "sender-of-news", "Xq7-secret-0451"
    with Server("--auth", "%s:%s" % (user, password), log=folder / "log") as server:
        ways = ["once-rcpt-450.4.2.1", "rcpt-550.5.1.1", "dot-554.5.7.1", "dot-drop", "data-anyway+rcpt-550", "body-552",
                "rcpt-utf8", "dot-long", "mail-drop", "rcpt-garbage", "x"]
        site = Site(folder / "site", server.port, "max_connections = 2\n" + SHORT)
        site.join(*["ana.sousa+%s@hidden.example" % way.replace("=", "~") for way in ways])
        site.write_settings(url="smtp://%s@127.0.0.1:%d" % (user, server.port))
        words = ["ana.sousa", "hidden.example", password]
        # The second try meets a login that is refused.
        for said, now in ((password, NOW), (password + "-not", "2026-11-23T10:00:00Z")):
            status, out, err = site.run("-vv", "send", "weekly", now=now, env={"TIDINGS_SMTP_PASSWORD": said})
            expect(status == 1, "it ends at -vv", err)
            leak = no_secret(out + err, words)
            expect(leak is None, "no line at -vv holds an address or a password", leak)
            if said == password:
                expect(err.count("a***@h***") >= len(ways), "and yet each mail is told of", err)
            else:
                want = "error: cannot send `%s`: `127.0.0.1:%d` refused the login\nserver said: 535 5.7.8" % (NAME, server.port)
                expect(want in err and "TIDINGS_SMTP_PASSWORD" in err, "a wrong password is said to be one", err)
        stored = "".join(str(row) for row in site.rows("SELECT reply FROM delivery UNION ALL SELECT reply FROM attempt"))
        expect(no_secret(stored, words) is None, "nor does a stored reply", no_secret(stored, words))


def held_back(folder):
    """An issue that is paused by hand, or taken back, while it goes out; and many in a row who have left."""
    for word, ends in (("pause", {"planned"}), ("cancel", {"cancelled"})):
        with Server("--delay", "0.02", log=folder / word / "log") as server:
            site = Site(folder / word / "site", server.port, "max_connections = 2").join(100)
            run = site.begin(stderr=subprocess.PIPE)
            wait_for(lambda: len(server.mails()) >= 10)
            status, _, err = site.run("deliveries", word, NAME)
            began = time.monotonic()
            expect(status == 0, "`deliveries %s` while it goes out" % word, err)
            try:
                err = run.communicate(timeout=15)[1]
            except subprocess.TimeoutExpired:
                stop(run)
                err = "it goes on for ever"
            expect(run.returncode in (0, 1, 75), "%s: the run ends, after %.1f s" % (word, time.monotonic() - began), err)
            totals = site.totals()
            expect(set(totals) == {"accepted", "candidates"} | ends and totals["accepted"] == len(server.mails()) < 40,
                   "%s: nothing more goes out, and nothing is in doubt" % word, totals)
            if word == "pause":
                status, _, err = site.send()
                expect(status == 1 and "%s is paused: by hand" % NAME in err, "paused, it stays so", err)
                site.run("deliveries", "resume", NAME)
                expect(site.until_done()[0] == 0 and site.totals()["accepted"] == 100, "resumed, it goes on", site.totals())
            else:
                expect(site.send()[0] == 0 and len(server.mails()) == totals["accepted"], "taken back, it stays so", site.totals())
            all_is_right(site, server, "%s: everybody has one mail at most" % word)
    with Server("--no-fsync", log=folder / "left-log") as server:
        site = Site(folder / "left", server.port, "max_connections = 2").join(1_000)
        site.send(env={"TIDINGS_SMTP_URL": "smtp://127.0.0.1:1"})
        site.change("UPDATE subscription SET state = 'ended' WHERE subscriber_id <= 900")
        status, _, err = site.send()
        expect(status == 0 and site.totals() == {"accepted": 100, "skipped": 900, "candidates": 1_000},
               "900 in a row have left, and the others are reached in one run", err)
        all_is_right(site, server, "and have one mail")
