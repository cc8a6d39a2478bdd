"""What is wrong around a run: the server, the certificate, the disk, the store, the key, the clock. A clear message, the right exit
code, and nothing lost: once it is put right, the same command goes on, and everybody has one mail."""
import os
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import common
from common import expect
from posting import NAME, NOW, Server, Site, all_is_right, wait_for

AGAIN = "then run `tidings send weekly` again;\n      whoever has the issue already is skipped\n"


def said(site, want, status=1, text="", err=None, **options):
    """One run that must fail with exactly these words at its end."""
    if err is None:
        code, _, err = site.send(**options)
        expect(code == status, "%s: exit code %d" % (text, status), (code, err))
    expect(want in err, "%s: it says so" % text, err)


def ends_well(site, server, people, text):
    status, _, err = site.until_done()
    expect(status == 0 and site.totals() == {"accepted": people, "candidates": people}, text + ": put right, it ends", err)
    all_is_right(site, server, text + ": everybody has one mail")


def servers(folder):
    with Server(log=folder / "log") as server:
        site = Site(folder / "site", server.port).join(20)
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        site.write_settings(url="smtp://127.0.0.1:%d" % port)
        said(site, "error: cannot send `%s`: `127.0.0.1:%d` cannot be used: connecting failed: connection refused\n"
             "accepted 0 of 20; 20 stay planned\nhint: check `[smtp] url` and that the server runs, %s"
             "%s: 20 subscribers: 20 planned\n" % (NAME, port, AGAIN, NAME), text="the server is down")
        site.write_settings(url="smtp://127.0.0.1:%d?tls=required" % server.port)
        said(site, "error: cannot send `%s`: `127.0.0.1:%d` offers no TLS, and mail and password would be read by others\n"
             "accepted 0 of 20; 20 stay planned\nhint: use a server with TLS; only one on this machine may do without, %s"
             % (NAME, server.port, AGAIN), text="a server without TLS")
        site.write_settings(url="outbox:outbox")
        said(site, "error: `%s` began over `smtp`, and the settings say `outbox`\n"
             "hint: `--change-transport` lets it go on; whoever has it is skipped\n" % NAME, text="another transport")
        site.write_settings(url="smtp://127.0.0.1:%d" % server.port)
        ends_well(site, server, 20, "servers")
    key, certificate = folder / "tls.key", folder / "tls.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-addext", "basicConstraints=critical,CA:FALSE"], check=True, capture_output=True)
    with Server("--tls", "implicit", "--cert", certificate, "--key", key, log=folder / "tls-log") as server:
        site = Site(folder / "tls", "smtps://localhost:%d" % server.port).join(20)
        code, _, err = site.send()
        expect(code == 1 and "error: cannot send `%s`: `localhost:%d` cannot be trusted: " % (NAME, server.port) in err
               and "hint: a certificate that is not public is trusted by `ca_file` in `[smtp]`, " + AGAIN in err,
               "an unknown certificate: it says so", err)
        shutil.copy(certificate, site.root / "ca.pem")
        site.write_settings(smtp='ca_file = "ca.pem"')
        ends_well(site, server, 20, "an unknown certificate")
        expect(all(mail["tls"] for mail in server.mails()), "all of it went over TLS")


def keys_and_clock(folder):
    with Server("--most-mails", 5, log=folder / "log") as server:
        site = Site(folder / "site", server.port, 'max_connections = 1\nmax_per_day = 10').join(40)
        code, _, err = site.send()
        expect(code == 75 and "%s: 10 mails went out in 24 hours, and no more may; run it again later\n" % NAME in err, "a quota ends a run", err)
        key = site.root / ".tidings" / "key"
        old = key.read_bytes()
        key.unlink()
        code, _, err = site.send(now="2026-11-24T10:00:00Z")
        expect(code == 1 and "error: the key file `.tidings/key` cannot be read" in err and "put back the key" in err and not key.exists(),
               "without its key an issue does not go on, and no other is made", err)
        key.write_text(subprocess.run(["openssl", "rand", "-base64", "32"], capture_output=True, text=True).stdout)
        key.chmod(0o600)
        code, _, err = site.send(now="2026-11-24T10:00:00Z")
        expect(code == 1 and "error: the key `" in err and "is not there, which `.tidings/tidings.db` was begun with" in err,
               "another key does not do", err)
        key.write_bytes(key.read_bytes() + old)
        code, _, err = site.send(now="2026-11-24T10:00:00Z")
        expect(code == 75 and site.totals()["accepted"] == 20, "with the old one as a further line it goes on", err)
        # Backwards, before the issue was due; and far ahead.
        code, _, err = site.send(now="2026-11-20T10:00:00Z")
        expect(code in (0, 75) and len(server.mails()) == site.totals()["accepted"], "a clock that jumps back", err)
        site.write_settings(smtp="max_connections = 1")
        code, _, err = site.send("--period", "2026-W48", now="2031-01-01T00:00:00Z")
        expect(code == 0, "a clock that jumps ahead", err)
        ends_well(site, server, 40, "keys and clocks")
    # A run at a time far ahead leaves leases that end far ahead: the next one, at the right time, does not wait for them.
    with Server("--fault", "dot-slow=30", log=folder / "lease-log") as server:
        site = Site(folder / "lease", server.port, "max_connections = 1").join(20)
        run = site.begin(now="2026-11-23T14:00:00Z")
        wait_for(lambda: len(server.mails()) >= 1)
        run.kill()
        run.wait()
        with Server(log=folder / "lease-log") as other:
            site.write_settings(url="smtp://127.0.0.1:%d" % other.port)
            began = time.monotonic()
            code, _, err = site.send()
            totals = site.totals()
            expect(totals == {"accepted": 19, "uncertain": 1, "candidates": 20} and code == 1 and time.monotonic() - began < 10,
                   "leases of a time ahead whose run is dead", (totals, err))
            all_is_right(site, other, "leases of a time ahead: everybody has one mail")


def locked(folder, held=40):
    """Another program has the store: before a run begins, and in its midst for longer than a lease."""
    with Server("--delay", "0.02", log=folder / "log") as server:
        site = Site(folder / "site", server.port, "max_connections = 2").join(100)
        holder = site.open()
        holder.isolation_level = None
        holder.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        code, _, err = site.send()
        took = time.monotonic() - began
        expect(code == 1 and 4 < took < 60, "a run waits for a locked store, and gives up after %d s" % took, (code, err))
        expect("the store `.tidings/tidings.db`" in err and "another program" in err, "a locked store: it says so", err)
        expect(not server.mails(), "a locked store: nothing is sent")
        holder.execute("ROLLBACK")
        run = site.begin(stderr=subprocess.PIPE)
        wait_for(lambda: len(server.mails()) >= 10)
        holder.execute("BEGIN IMMEDIATE")
        time.sleep(1)
        before = len(server.mails())
        time.sleep(held - 1)
        expect(len(server.mails()) == before, "while nothing can be written down, nothing is sent", len(server.mails()) - before)
        holder.execute("ROLLBACK")
        holder.close()
        err = run.communicate(timeout=100)[1]
        expect(run.returncode in (0, 75), "locked for %d s, and let go: the run goes on" % held, (run.returncode, err))
        status, _, err = site.until_done()
        expect(status == 0 and site.totals() == {"accepted": 100, "candidates": 100}, "and what was said meanwhile is not lost", err)
        all_is_right(site, server, "a locked store: everybody has one mail")


def damaged(folder):
    with Server(log=folder / "log") as server:
        site = Site(folder / "site", server.port).join(20)
        whole = site.store.read_bytes()
        site.store.write_bytes(b"this is no database, and never was one. " * 400)
        for rest in ("-wal", "-shm"):
            (site.root / ".tidings" / ("tidings.db" + rest)).unlink(missing_ok=True)
        code, _, err = site.send()
        expect(code == 1 and "the store `.tidings/tidings.db`" in err and "error:" in err and not server.mails(), "a damaged store", err)
        expect("panicked" not in err and err.count("error:") == 1, "it is told in one message", err)
        half = bytearray(whole)
        half[4096 * 3: 4096 * 40] = bytes(len(half[4096 * 3: 4096 * 40]))
        site.store.write_bytes(half)
        code, _, err = site.send()
        expect(code == 1 and "panicked" not in err and not server.mails(), "a store whose pages are gone", err)
        if os.geteuid() == 0:
            program = folder / "tidings"
            shutil.copy2(common.TIDINGS, program)
            who = {"user": 65534, "group": 65534, "extra_groups": []}
            other = Site(folder / "other", server.port).join(20)
            for path in [other.root, *other.root.rglob("*")]:
                path.chmod(0o555 if path.is_dir() else 0o444)
            code, _, err = common.run(other.root, "--now", NOW, "send", "weekly", tidings=str(program), env={"HOME": str(folder)}, **who)
            expect(code == 1 and "cannot be written" in err or "ermission denied" in err or "read-only" in err, "a store that may not be written", err)
            expect(not server.mails(), "and nothing is sent from it")
            for path in [other.root, *other.root.rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o600)
            ends_well(other, server, 20, "a store that may not be written")


def fill(path):
    """Leaves no byte free on the file system of `path`."""
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass


def full(folder):
    """No room on the disk, in the midst of a run."""
    disk = folder / "disk"
    disk.mkdir(parents=True)
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(disk)],
                                                   capture_output=True).returncode == 0
    if not mounted:
        print("left out: sending on a full disk, since this user may not mount a file system in memory")
        return
    try:
        with Server("--delay", "0.005", log=folder / "log") as server:
            site = Site(disk / "site", server.port, "max_connections = 2").join(3_000)
            run = site.begin(stderr=subprocess.PIPE)
            wait_for(lambda: len(server.mails()) >= 50)
            ballast = disk / "ballast"
            fill(ballast)
            try:
                err = run.communicate(timeout=120)[1]
            finally:
                ballast.unlink()
            expect(run.returncode == 1, "a full disk ends a run", (run.returncode, err))
            expect("error: cannot go on with `%s`: the store `.tidings/tidings.db`" % NAME in err and "full" in err,
                   "a full disk: it says so", err)
            totals = site.totals()
            expect(totals.get("on_wire", 0) + totals.get("uncertain", 0) <= 2, "a full disk: one mail a line is in doubt", totals)
            status, _, err = site.until_done()
            expect(site.totals().get("accepted", 0) >= 2_998, "with room again, it goes on", (site.totals(), err))
            all_is_right(site, server, "a full disk: everybody has one mail")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def trouble(folder):
    # Those that wait do so at once.
    with ThreadPoolExecutor() as pool:
        waits = pool.submit(locked, folder / "locked")
        servers(folder / "servers")
        keys_and_clock(folder / "keys")
        damaged(folder / "damaged")
        full(folder / "full")
        waits.result()
