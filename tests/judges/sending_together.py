"""Several runs at once, one that was asleep, and one that is asked to stop."""
import signal
import subprocess
import time

from common import expect
from posting import NAME, Server, Site, all_is_right, go, stop, wait_for

LEASE = 30


def ten_at_once(folder, people=500):
    with Server("--no-fsync", log=folder / "log") as server:
        site = Site(folder / "site", server.port, "max_connections = 4").join(people)
        runs = [site.start(stderr=subprocess.PIPE) for _ in range(10)]
        for run in runs:
            go(run)
        said = [run.communicate(timeout=200)[1] for run in runs]
        codes = [run.returncode for run in runs]
        expect(all(code in (0, 75) for code in codes), "ten runs at once end well", (codes, [s for s in said if "error" in s][:2]))
        froze = [s for s in said if "froze " in s]
        expect(len(froze) == 1 and site.rows("SELECT count(*) FROM issue")[0][0] == 1, "one of them froze the issue", said[:3])
        all_is_right(site, server, "ten runs at once: everybody has one mail")
        expect(site.totals() == {"accepted": people, "candidates": people}, "and the ledger has them all", site.totals())
        expect(server.stop()["most_connections"] <= 40, "each kept to its connections", server.summary)
        expect(not list((site.root / ".tidings" / "workers").iterdir()), "nothing is left of the runs")


def asleep(folder, people=60):
    """One of three runs is stopped past its lease; the others take over, and it sends nothing more of what it lost."""
    with Server("--delay", "0.05", log=folder / "log") as server:
        site = Site(folder / "site", server.port, "max_connections = 2").join(people)
        one = site.begin()
        wait_for(lambda: len(server.mails()) >= 5)
        one.send_signal(signal.SIGSTOP)
        # Whoever falls asleep while it writes has the store to itself: that is another matter, and the others would not wait.
        for _ in range(100):
            if site.is_free():
                break
            one.send_signal(signal.SIGCONT)
            time.sleep(0.002)
            one.send_signal(signal.SIGSTOP)
        expect(site.is_free(), "a run writes to the store for moments only")
        # What it has sent by now arrives, and is not recorded.
        time.sleep(1)
        held = {who for who, in site.rows("SELECT mailbox FROM delivery WHERE state IN ('leased', 'on_wire')")}
        wire = {who for who, in site.rows("SELECT mailbox FROM delivery WHERE state = 'on_wire'")}
        expect(len(held) > 5 and wire, "a run was stopped with %d leased, %d of them on the wire" % (len(held), len(wire)))
        others = [site.begin() for _ in range(2)]
        began = time.monotonic()
        expect(all(run.wait(timeout=150) in (0, 1, 75) for run in others), "the others end", [r.returncode for r in others])
        expect(LEASE - 5 < time.monotonic() - began < LEASE + 30, "they waited for its lease", time.monotonic() - began)
        states = site.states()
        expect({who for who, state in states.items() if state == "uncertain"} == wire, "what was on its wire is uncertain", wire)
        expect(all(states[who] == "accepted" for who in held - wire), "what it had leased went out without it")
        before = server.by_recipient()
        one.send_signal(signal.SIGCONT)
        code = one.wait(timeout=60)
        late = server.by_recipient() - before
        expect(set(late) <= wire, "woken, it sends nothing of what it lost", late)
        all_is_right(site, server, "one asleep: everybody has one mail")
        known = {who for who in wire if site.states()[who] == "accepted"}
        expect(known == {who for who in wire if server.by_recipient()[who]}, "what it knows of its own mails, it says", (wire, known))
        expect(code in (0, 1, 75), "and it ends", code)


def asked_to_stop(folder, people=200):
    for name, how in (("SIGTERM", signal.SIGTERM), ("Ctrl-C", signal.SIGINT)):
        home = folder / name
        with Server("--delay", "0.01", log=home / "log") as server:
            site = Site(home / "site", server.port, "max_connections = 4").join(people)
            run = site.begin(stderr=subprocess.PIPE)
            wait_for(lambda: len(server.mails()) >= 40)
            began = time.monotonic()
            run.send_signal(how)
            _, err = run.communicate(timeout=60)
            expect(run.returncode == 75, "%s: it says that it is not finished" % name, "%s %s" % (run.returncode, err))
            expect(time.monotonic() - began < 5, "%s: at once" % name, time.monotonic() - began)
            totals = site.totals()
            expect(set(totals) == {"accepted", "planned", "candidates"}, "%s: nothing is leased or on the wire" % name, totals)
            expect(len(server.mails()) == totals["accepted"], "%s: what was on the wire is through" % name, totals)
            line = "%s was interrupted: accepted %d of %d; %d stay planned" % (NAME, totals["accepted"], people, totals["planned"])
            expect(line in err, "%s: it says how far it came" % name, err)
            status, _, err = site.until_done()
            expect(status == 0, "%s: the next run ends it" % name, err)
            all_is_right(site, server, "%s: everybody has one mail" % name)
    # Two issues are open: who asks the first to stop does not want the second to begin.
    home = folder / "two"
    with Server("--delay", "0.01", log=home / "log") as server:
        site = Site(home / "site", server.port, "max_connections = 2").join(200)
        late = site.root / "content/posts/late.md"
        late.write_text("---\nid: late\ntitle: Late\ndate: 2026-11-25\nsummary: Late.\n---\nLate.\n")
        nowhere = {"TIDINGS_SMTP_URL": "smtp://127.0.0.1:1"}
        site.send(env=nowhere)
        site.send(env=nowhere, now="2026-11-30T09:00:00Z")
        run = site.begin(now="2026-11-30T09:01:00Z")
        wait_for(lambda: len(server.mails()) >= 20)
        run.send_signal(signal.SIGTERM)
        expect(run.wait(timeout=60) == 75, "two issues: it stops", run.returncode)
        begun = site.rows("SELECT DISTINCT issue_id FROM delivery WHERE state = 'accepted'")
        expect(len(begun) == 1 and len(server.mails()) < 100, "two issues: the second is not begun", (begun, len(server.mails())))
    # The second signal does not wait for a server that says nothing.
    home = folder / "twice"
    with Server("--fault", "dot-slow=60", log=home / "log") as server:
        site = Site(home / "site", server.port, "max_connections = 2").join(20)
        run = site.begin()
        wait_for(lambda: len(server.mails()) >= 2)
        run.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        expect(run.poll() is None, "a mail on the wire is waited for")
        run.send_signal(signal.SIGTERM)
        expect(run.wait(timeout=5) == 75, "the second signal ends it at once", run.returncode)
        stop(run)
        status, out, _ = site.send(env={"TIDINGS_SMTP_URL": "smtp://127.0.0.1:1"})
        totals = site.totals()
        expect(totals == {"planned": 18, "uncertain": 2, "candidates": 20}, "what was on the wire then is uncertain", totals)
        expect(status == 1, "and that is not a success", status)
