#!/usr/bin/env python3
"""fault_smtpd.py [--log FILE] [OPTION...]    a mail server that misbehaves on request.
fault_smtpd.py --count FILE                  what a log says: mails, recipients, and who got more than one.

It listens on loopback, prints `PORT n`, and goes on until its standard input ends; then it prints one line of JSON: how many
connections there were, how many at once, how many mails. Each mail that it takes is one line of JSON in the log, on the disk
before the reply leaves, so that losses and copies can be counted whoever is killed.

A fault is PHASE-WHAT. The phases are greeting ehlo starttls auth rset mail rcpt data body dot quit. WHAT is

  NNN        that code; 421 closes as well                 554, 5.7.1 and so on: `rcpt-550.5.7.1`
  drop       the connection is closed without a word       after a `dot` the mail has been taken
  mute       no word ever, the line stays open
  slow=S     S seconds later, then as usual
  drip=S     the usual reply, a byte every S seconds
  garbage    bytes that are no reply        codes    a reply with two codes
  utf8       the usual reply, its text no UTF-8      long     the usual reply, its text 100 KB long
  endless    a reply that never ends                 354      a reply with no sense there, but for `data`
  early      the usual reply, and one more 250 that nobody asked for

and these: `dot-lost` closes and has not taken the mail; `data-anyway` asks for a message that has no recipient;
`body-552` refuses in the middle of the message and closes; `starttls-strip` does not offer it; `starttls-inject` sends
a reply behind its 220, which belongs to nobody.

`--fault` sets one for all; a sender or a recipient has one for its mail in its local part: `ana+rcpt-550@example.com`,
`rcpt-550@example.com`, `dot-slow~2@example.com`, two as `ana+rcpt-550+data-anyway@...`. With `once-` before it, it holds the
first time for this address only: `ana+once-dot-451@example.com`. An address has `~` for `=`.

A sender can be killed at an exact point. A line `kill PID POINT N` on standard input, answered by `armed`, ends the process
with SIGKILL when a connection comes to that point for the Nth time, and prints `killed`. The points:

  ehlo mail rcpt data   the command was read, and is not answered
  intent                354 was said, and the ledger in `--store` has the mail on the wire; the connection is closed
  body                  some of the message was read; the connection is closed, and nothing is taken
  dot                   the message was taken, and nothing was said
  reply                 the reply was said and read, while the ledger in `--store` was kept locked; it is let go after the kill
"""
import argparse
import asyncio
import base64
import binascii
import hashlib
import json
import os
import re
import signal
import sqlite3
import ssl
import sys
import time
from collections import Counter

PHASES = "greeting ehlo starttls auth rset mail rcpt data body dot quit".split()
FAULT = re.compile(r"(once-)?(%s)-((\d{3})(\.\d+\.\d+\.\d+)?|drop|mute|lost|anyway|strip|inject|early|garbage|codes|utf8|long|endless"
                   r"|(slow|drip)=[\d.]+)" % "|".join(PHASES))
POINTS = "ehlo mail rcpt data intent body dot reply".split()
USUAL = {"greeting": "220 fault.example ESMTP", "starttls": "220 2.0.0 go on", "auth": "235 2.7.0 welcome",
         "rset": "250 2.0.0 forgotten", "mail": "250 2.1.0 sender taken", "rcpt": "250 2.1.5 recipient taken",
         "data": "354 end with a dot", "dot": "250 2.0.0 taken", "quit": "221 2.0.0 bye"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--count", metavar="FILE", help="count what a log says")
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0)
    add("--log", metavar="FILE", help="a line for each mail that was taken; added to what is there")
    add("--fault", action="append", default=[], metavar="PHASE-WHAT")
    add("--no-pipelining", action="store_true")
    add("--no-ehlo", action="store_true", help="EHLO is not known, HELO is")
    add("--no-fsync", action="store_true", help="faster, and less sure")
    add("--whole", action="store_true", help="the log holds each mail as it came, as `message`")
    add("--size", type=int, default=35_000_000, help="the largest mail; 0 says SIZE without a number")
    add("--tls", choices=["starttls", "implicit"])
    add("--cert", metavar="FILE")
    add("--key", metavar="FILE")
    add("--auth", metavar="USER:PASSWORD", help="needed before MAIL")
    add("--mechanisms", default="PLAIN LOGIN")
    add("--idle", type=float, metavar="S", help="421 and close after so long without a command")
    add("--idle-silent", type=float, metavar="S", help="the same without the 421")
    add("--most-mails", type=int, metavar="N", help="421 to MAIL after so many on a connection")
    add("--most-connections", type=int, metavar="N", help="421 to those beyond")
    add("--store", metavar="FILE", help="the ledger of the sender, for two of the points at which it is killed")
    add("--delay", type=float, default=0, metavar="S", help="before each reply")
    add("--linger", type=float, default=0, metavar="S", help="with a mute: close after so long")
    return parser.parse_args()


class Gone(Exception):
    """The connection is over."""


class Trap:
    """Where a sender is to be killed."""

    def __init__(self, line):
        word, pid, self.point, left = line.split()
        assert word == "kill" and self.point in POINTS, line
        self.pid, self.left = int(pid), int(left)

    def spring(self):
        os.kill(self.pid, signal.SIGKILL)
        # The process is gone when its sockets and locks are.
        while state_of(self.pid) not in ("Z", ""):
            time.sleep(0.001)
        print("killed", flush=True)


def state_of(pid):
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Server:
    def __init__(self, options):
        self.options = options
        self.log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if options.log else None
        self.seen = set()
        self.trap = None
        self.open = 0
        self.count = Counter()
        self.tls = None
        if options.tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(options.cert, options.key)

    async def serve(self, reader, writer):
        self.open += 1
        self.count["connections"] += 1
        self.count["most_connections"] = max(self.count["most_connections"], self.open)
        session = Session(self, reader, writer, self.count["connections"])
        try:
            await session.run()
        except (Gone, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            session.abort()

    def take(self, record):
        self.count["mails"] += 1
        if self.log is not None:
            os.write(self.log, (json.dumps(record) + "\n").encode())
            if not self.options.no_fsync:
                os.fsync(self.log)


class Session:
    def __init__(self, server, reader, writer, number):
        self.server, self.options, self.number = server, server.options, number
        self.reader, self.writer = reader, writer
        self.buffer = b""
        self.is_tls = self.options.tls == "implicit"
        self.is_known = not self.options.auth
        self.mails = 0
        self.forget()

    def forget(self):
        self.sender, self.recipient, self.here = None, None, {}

    def abort(self):
        self.writer.transport.abort()

    # ---- faults -------------------------------------------------------------------------------------------------------

    def learn(self, address):
        """The faults in the local part of an address."""
        for part in address.rsplit("@", 1)[0].replace("~", "=").split("+"):
            found = FAULT.fullmatch(part)
            if found and not (found[1] and (part, address) in self.server.seen):
                if found[1]:
                    self.server.seen.add((part, address))
                self.here.setdefault(found[2], []).append(found[3])

    def faults(self, phase):
        for fault in self.options.fault:
            found = FAULT.fullmatch(fault)
            if found[2] == phase:
                yield found[3]
        yield from self.here.get(phase, [])

    def has(self, phase, what):
        return what in self.faults(phase)

    async def reply(self, phase, usual=None):
        """The reply of a phase, with what is wrong with it. True if it was the usual one."""
        usual = usual or USUAL[phase]
        if self.options.delay:
            await asyncio.sleep(self.options.delay)
        for what in self.faults(phase):
            code = re.fullmatch(r"(\d{3})(?:\.(\d+\.\d+\.\d+))?", what)
            if code:
                enhanced = code[2] or (code[1][0] + ".0.0" if code[1][0] in "245" else "")
                await self.say("%s %s said on request to %s" % (code[1], enhanced, self.recipient or "nobody"))
                if code[1] == "421":
                    await self.leave()
                return False
            if what in ("drop", "lost"):
                self.server.count["drops"] += 1
                raise Gone
            if what == "mute":
                await asyncio.sleep(self.options.linger or 10_000)
                raise Gone
            if what.startswith("slow="):
                await asyncio.sleep(float(what[5:]))
            elif what.startswith("drip="):
                for byte in usual.encode() + b"\r\n":
                    await self.send(bytes([byte]))
                    await asyncio.sleep(float(what[5:]))
                return True
            elif what == "early":
                await self.send(usual.encode() + b"\r\n250 2.0.0 taken before it was there\r\n")
                return True
            elif what == "garbage":
                await self.send(b"\x00\xffthis is no reply\r\n")
                return False
            elif what == "codes":
                await self.send(b"250-one\r\n251 two\r\n")
                return False
            elif what == "endless":
                while True:
                    await self.send(b"250-and so on\r\n" * 100)
            elif what == "utf8":
                await self.send(usual.encode() + b" caf\xe9 \xff\xfe\r\n")
                return True
            elif what == "long":
                await self.send(usual.encode() + b" " + b"x" * 100_000 + b"\r\n")
                return True
        await self.say(usual)
        return True

    # ---- traps --------------------------------------------------------------------------------------------------------

    def trapped(self, point):
        """The trap that is set at this point, if it is its time."""
        trap = self.server.trap
        if trap is None or trap.point != point:
            return None
        trap.left -= 1
        if trap.left > 0:
            return None
        self.server.trap = None
        return trap

    def kill_at(self, point):
        trap = self.trapped(point)
        if trap:
            trap.spring()
        return bool(trap)

    async def kill_at_intent(self):
        """Once 354 was said: the sender writes down that this mail goes, and has not been told anything more."""
        trap = self.trapped("intent")
        if not trap:
            return
        sql = "SELECT count(*) FROM delivery WHERE state = 'on_wire' AND mailbox = ?"
        store = sqlite3.connect("file:%s?mode=ro" % self.options.store, uri=True, timeout=10)
        while not store.execute(sql, (self.recipient,)).fetchone()[0]:
            await asyncio.sleep(0)
        store.close()
        trap.spring()
        raise Gone

    async def kill_at_reply(self):
        """Says that a mail was taken while nobody can write that down."""
        trap = self.trapped("reply")
        if not trap:
            return await self.reply("dot")
        store = sqlite3.connect(self.options.store, timeout=10, isolation_level=None)
        store.execute("BEGIN IMMEDIATE")
        await self.reply("dot")
        await asyncio.sleep(0.1)
        trap.spring()
        store.execute("ROLLBACK")
        store.close()
        raise Gone

    # ---- the line -----------------------------------------------------------------------------------------------------

    async def send(self, raw):
        self.writer.write(raw)
        await self.writer.drain()

    async def say(self, text):
        await self.send(text.encode("utf-8", "surrogateescape") + b"\r\n")

    async def leave(self):
        """Closes in order: what was said is read by the other side."""
        self.writer.close()
        await asyncio.wait_for(self.writer.wait_closed(), 5)
        raise Gone

    async def more(self):
        got = await self.reader.read(1 << 18)
        if not got:
            raise Gone
        self.buffer += got

    async def line(self):
        while b"\r\n" not in self.buffer:
            if len(self.buffer) > 10_000:
                await self.say("500 5.5.2 line too long")
                raise Gone
            await self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        self.server.count["commands"] += 1
        return line.decode("utf-8", "surrogateescape")

    async def command(self):
        limit = self.options.idle or self.options.idle_silent
        try:
            return await asyncio.wait_for(self.line(), limit)
        except asyncio.TimeoutError:
            if self.options.idle:
                await self.say("421 4.4.2 idle for too long")
            await self.leave()

    # ---- the session --------------------------------------------------------------------------------------------------

    async def run(self):
        most = self.options.most_connections
        if most and self.server.open > most:
            await self.say("421 4.7.0 too many connections")
            await self.leave()
        if not await self.reply("greeting") and not self.options.linger:
            await self.leave()
        while True:
            verb, _, rest = (await self.command()).partition(" ")
            handler = getattr(self, "on_" + verb.lower(), None)
            if handler is None:
                await self.say("500 5.5.1 unknown command")
            else:
                await handler(rest.strip())

    async def on_helo(self, rest):
        await self.reply("ehlo", "250 fault.example")

    async def on_ehlo(self, rest):
        self.kill_at("ehlo")
        if self.options.no_ehlo:
            return await self.say("502 5.5.1 unknown command")
        self.forget()
        lines = ["fault.example greets " + rest, "8BITMIME", "ENHANCEDSTATUSCODES"]
        lines += ["SIZE %d" % self.options.size if self.options.size else "SIZE"]
        if not self.options.no_pipelining:
            lines.append("PIPELINING")
        if self.options.tls == "starttls" and not self.is_tls and not self.has("starttls", "strip"):
            lines.append("STARTTLS")
        if self.options.auth:
            lines.append("AUTH " + self.options.mechanisms)
        await self.reply("ehlo", "\r\n".join("250-" + line for line in lines[:-1]) + "\r\n250 " + lines[-1])

    async def on_starttls(self, rest):
        if self.options.tls != "starttls" or self.is_tls:
            return await self.say("502 5.5.1 not here")
        if self.has("starttls", "inject"):
            await self.send(USUAL["starttls"].encode() + b"\r\n250-fault.example\r\n250 AUTH PLAIN\r\n")
        elif not await self.reply("starttls"):
            return
        self.buffer = b""
        await self.writer.start_tls(self.server.tls)
        self.is_tls = True
        self.server.count["tls"] += 1
        self.forget()

    async def on_auth(self, rest):
        mechanism, _, first = rest.partition(" ")

        async def ask(challenge):
            await self.say("334 " + base64.b64encode(challenge).decode())
            return base64.b64decode(await self.line())

        try:
            if mechanism.upper() == "PLAIN":
                _, user, password = (base64.b64decode(first) if first else await ask(b"")).split(b"\0")
            elif mechanism.upper() == "LOGIN":
                user, password = await ask(b"Username:"), await ask(b"Password:")
            else:
                return await self.say("504 5.5.4 unknown mechanism")
        except (binascii.Error, ValueError):
            return await self.say("501 5.5.2 not understood")
        self.server.count["auth_" + mechanism.lower()] += 1
        if b"%s:%s" % (user, password) != (self.options.auth or "").encode():
            return await self.say("535 5.7.8 wrong user or password for " + user.decode("utf-8", "replace"))
        self.is_known = await self.reply("auth")

    async def on_mail(self, rest):
        self.kill_at("mail")
        found = re.fullmatch(r"(?i)FROM:<([^>]*)>((?: \S+)*)", rest)
        if not found:
            return await self.say("501 5.5.4 what sender?")
        if not self.is_known:
            return await self.say("530 5.7.0 log in first")
        if self.sender is not None:
            return await self.say("503 5.5.1 there is a sender already")
        if self.options.most_mails and self.mails >= self.options.most_mails:
            await self.say("421 4.7.0 enough for one connection")
            await self.leave()
        self.here = {}
        self.learn(found[1])
        self.parameters = found[2].split()
        if await self.reply("mail"):
            self.sender = found[1]

    async def on_rcpt(self, rest):
        self.kill_at("rcpt")
        found = re.fullmatch(r"(?i)TO:<([^>]+)>", rest)
        if not found:
            return await self.say("501 5.5.4 what recipient?")
        if self.sender is None:
            return await self.say("503 5.5.1 no sender")
        self.recipient = found[1]
        self.learn(found[1])
        if not await self.reply("rcpt", USUAL["rcpt"] + " for <%s>" % self.recipient):
            self.server.count["refused"] += 1
            self.recipient = None

    async def on_data(self, rest):
        if self.recipient is None and not self.has("data", "anyway"):
            return await self.say("503 5.5.1 no recipient")
        self.kill_at("data")
        if not await self.reply("data"):
            return
        await self.kill_at_intent()
        message = await self.message()
        if len(message) > self.options.size > 0:
            self.forget()
            return await self.say("552 5.3.4 too large")
        await self.finish(message)

    async def message(self):
        """The message, its dots taken away again."""
        self.buffer = b"\r\n" + self.buffer
        scanned = 0
        if self.server.trap and self.server.trap.point == "body":
            await self.more()
            if self.kill_at("body"):
                raise Gone
        while (end := self.buffer.find(b"\r\n.\r\n", scanned)) < 0:
            scanned = max(0, len(self.buffer) - 4)
            if self.here.get("body") and len(self.buffer) > 2000:
                await self.spoil()
            await self.more()
        if self.here.get("body"):
            await self.spoil()
        message, self.buffer = self.buffer[2:end + 2], self.buffer[end + 5:]
        return (b"\r\n" + message).replace(b"\r\n.", b"\r\n")[2:]

    async def spoil(self):
        if not await self.reply("body", "250 2.0.0 as usual"):
            await self.leave()

    async def finish(self, message):
        faults = list(self.faults("dot"))
        refuses = any(what == "lost" or what[:1] in "45" and what[:3].isdigit() for what in faults)
        if not refuses:
            whole = {"message": message.decode("latin-1")} if self.options.whole else {}
            head = re.sub(rb"\r\n[ \t]+", b" ", message.split(b"\r\n\r\n")[0])
            found = re.search(rb"(?im)^Message-ID:[ \t]*(\S+)", head)
            self.server.take({
                "time": round(time.time(), 6), "to": self.recipient, "from": self.sender, "parameters": self.parameters,
                "message_id": found[1].decode("ascii", "replace") if found else None, "size": len(message),
                "sha256": hashlib.sha256(message).hexdigest(), "connection": self.number, "tls": self.is_tls,
                "bare": bool(re.search(rb"(?<!\r)\n|\r(?!\n)", message)),
                "longest_line": max(map(len, message.split(b"\r\n"))), **whole})
            self.mails += 1
            if self.kill_at("dot"):
                raise Gone
        await self.kill_at_reply()
        self.forget()

    async def on_rset(self, rest):
        self.forget()
        self.server.count["resets"] += 1
        await self.reply("rset")

    async def on_noop(self, rest):
        await self.say("250 2.0.0 nothing done")

    async def on_quit(self, rest):
        self.server.count["quits"] += 1
        await self.reply("quit")
        await self.leave()


def count(path):
    """What a log says, as JSON; 1 if anybody got more than one mail with one Message-ID."""
    copies, recipients, mails = {}, Counter(), 0
    with open(path, "rb") as log:
        for line in log:
            try:
                record = json.loads(line)
            except ValueError:
                continue  # cut off by a kill
            mails += 1
            recipients[record["to"]] += 1
            copies.setdefault((record["to"], record["message_id"]), []).append(record["sha256"])
    doubled = {key: hashes for key, hashes in copies.items() if len(hashes) > 1}
    print(json.dumps({"mails": mails, "recipients": len(recipients), "doubled": len(doubled),
                      "doubled_and_different": sum(len(set(hashes)) > 1 for hashes in doubled.values()),
                      "first_doubled": sorted(map(str, doubled))[:10]}))
    return 1 if doubled else 0


def listen(server, over):
    """What is said on standard input, until it ends."""
    for line in sys.stdin:
        server.trap = Trap(line)
        print("armed", flush=True)
    over()


async def main(options):
    server = Server(options)
    listening = await asyncio.start_server(
        server.serve, options.host, options.port, limit=1 << 20, backlog=512,
        ssl=server.tls if options.tls == "implicit" else None)
    print("PORT %d" % listening.sockets[0].getsockname()[1], flush=True)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    # Whoever started it may die without a word: then it must not stay behind.
    loop.run_in_executor(None, listen, server, lambda: loop.call_soon_threadsafe(over.set))
    await over.wait()
    print(json.dumps(server.count), flush=True)
    os._exit(0)


if __name__ == "__main__":
    options = arguments()
    if options.count:
        sys.exit(count(options.count))
    for fault in options.fault:
        if not FAULT.fullmatch(fault):
            sys.exit("unknown fault: " + fault)
    asyncio.run(main(options))
