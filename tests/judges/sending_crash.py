"""`kill -9` of a run that sends: at exact points of a mail, and at any moment.

After each kill the command is run again until it has nothing more to do. Then everybody has one mail; or none, where the ledger
says that nobody can know. Each kill leaves no more uncertain mails than there were connections.
"""
import json
import random
import signal
import subprocess
import time

import common
from common import expect
from posting import NAME, Server, Site, all_is_right, faults, go, stop, wait_for

PEOPLE, CONNECTIONS = 24, 3
# The point, and how many mails may be uncertain after it, on the connection that came to it.
POINTS = {"ehlo": 0, "mail": 0, "rcpt": 0, "data": 0, "intent": 1, "body": 1, "dot": 1, "reply": 1}


def killed_at(folder, point, count, connections=CONNECTIONS, options=(), resend=False, text=""):
    with Server("--store", folder / "site/.tidings/tidings.db", *options, log=folder / "log") as server:
        smtp = "max_connections = %d\n%s" % (connections, 'on_uncertain = "resend"' if resend else "")
        site = Site(folder / "site", server.port, smtp).join(PEOPLE)
        process = site.start()
        server.arm(process.pid, point, count)
        go(process)
        name = "killed at `%s`%s" % (point, text)
        if not expect(process.wait(timeout=60) == -signal.SIGKILL, name, process.returncode):
            return
        status, runs, err = site.until_done()
        totals = site.totals()
        uncertain = totals.get("uncertain", 0)
        most = 0 if resend else connections
        least = POINTS[point] if not resend else 0
        expect(least <= uncertain <= most, "%s: at most one is uncertain for each connection" % name, totals)
        if connections == 1:
            # What was replied to the mail before may not have been recorded yet.
            most = 0 if point == "ehlo" else 1
            expect(least <= uncertain <= most, "%s: %d of them is uncertain at most" % (name, most), totals)
        expect(status == (1 if uncertain else 0), "%s: it ends, after %d more" % (name, runs), "%s %s" % (status, err))
        all_is_right(site, server, "%s: everybody has one mail, but for %d uncertain" % (name, uncertain), resend)
        if uncertain:
            # The log of the relay tells: those are settled, the others are sent.
            got = server.by_recipient()
            for who, state in site.states().items():
                if state == "uncertain":
                    site.run("deliveries", "resolve", NAME, who, "--accepted" if got[who] else "--not-sent")
            status, _, err = site.until_done()
            all_is_right(site, server, "%s: once that is settled, everybody has one" % name)
            expect(status == 0 and site.totals() == {"accepted": PEOPLE, "candidates": PEOPLE}, "%s: and all are accepted" % name, err)


def exact(folder):
    for point in POINTS:
        killed_at(folder / point, point, 2 if point == "ehlo" else 5)
        killed_at(folder / (point + "-one"), point, 1 if point == "ehlo" else 3, connections=1, options=["--no-pipelining"],
                  text=" on one line, step by step")
    for point in ("intent", "body", "dot", "reply"):
        killed_at(folder / (point + "-again"), point, 5, resend=True, text=" with `resend`")


def in_the_freezing(folder, people=200_000):
    """An issue that was half frozen is frozen anew, by the next run and at once."""
    with Server("--no-fsync", log=folder / "log") as server:
        site = Site(folder / "site", server.port).join(people)
        # Frozen only: nobody is there to take the mails.
        nowhere = {"TIDINGS_SMTP_URL": "smtp://127.0.0.1:1"}
        process = site.begin(env=nowhere)
        half = "SELECT count(*) FROM delivery d JOIN issue i ON i.id = d.issue_id WHERE i.state = 'freezing'"
        wait_for(lambda: process.poll() is not None or 0 < site.rows(half)[0][0])
        stop(process)
        planned = site.rows(half)[0][0]
        expect(0 < planned < people, "killed in the freezing, when %d of %d were planned" % (planned, people))
        status, out, _ = site.run("--json", "deliveries")
        expect(status == 0 and json.loads(out)["issues"] == [], "nothing is seen of it", out)
        began = time.monotonic()
        status, _, err = site.send(env=nowhere)
        expect("froze %s: 2 posts for %d subscribers" % (NAME, people) in err and time.monotonic() - began < 30,
               "the next run freezes it anew, and waits for nobody", err)
        expect(site.totals() == {"planned": people, "candidates": people}, "everybody is planned once", site.totals())


def at_random(folder, kills, people=2_000, per_issue=20):
    """Kills at any moment, so many for each issue."""
    chance = random.Random(20261123)
    killed = sending = doubts = mails = issue = 0
    began, left = time.monotonic(), kills
    startup, whole = pace(folder / "pace", people)
    while left > 0:
        issue += 1
        home, here = folder / str(issue), min(left, per_issue)
        with Server("--no-fsync", log=home / "log") as server:
            site = Site(home / "site", server.port, "max_connections = 10").join(people)
            before = 0
            for _ in range(here):
                process = site.begin()
                # From its first moment on: while it reads, freezes, recovers or sends.
                try:
                    process.wait(timeout=chance.uniform(0, startup + 1.4 * whole / here))
                except subprocess.TimeoutExpired:
                    killed += stop(process) == -signal.SIGKILL
                found = len(server.mails())
                sending += found > before
                before = found
            status, _, err = site.until_done()
            totals = site.totals()
            doubts += totals.get("uncertain", 0)
            mails += len(server.mails())
            wrong = faults(site, server)
            if wrong or totals.get("uncertain", 0) > 10 * here or status not in (0, 1) or totals["candidates"] != people:
                common.wrong("issue %d: status %d, %s, %s %s" % (issue, status, totals, wrong[:5], err))
        left -= here
    expect(killed >= kills * 0.7, "%d of %d kills met a run, %d of them in the midst of its mails" % (killed, kills, sending))
    expect(doubts <= 10 * killed, "%d people, %d mails, nobody has two; %d uncertain, %.1f for each kill of 10 connections; %d s" % (
        issue * people, mails, doubts, doubts / max(1, killed), time.monotonic() - began))


def pace(folder, people):
    """How long a run takes that has nothing to do, and how much longer one that sends to all."""
    with Server("--no-fsync", log=folder / "log") as server:
        site = Site(folder / "site", server.port, "max_connections = 10").join(people)
        times = []
        for _ in range(2):
            began = time.monotonic()
            site.send()
            times.append(time.monotonic() - began)
    return times[1], max(0.2, times[0] - times[1])
