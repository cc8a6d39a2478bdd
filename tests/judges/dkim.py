#!/usr/bin/env python3
"""dkim.py DIR    verifies every signature of every mail of a folder with dkimpy, which is not ours.

DIR holds what `TIDINGS_DKIM_OUT=DIR cargo test --test dkim` writes: `*.eml`, and the record of each key under its name in the
DNS, `*.txt`. A mail must have one signature for each record. Then a byte is changed in the body and in each header that must be
covered, one at a time, and no signature may hold any more; nor may one with another From added.
"""
import re
import sys
from pathlib import Path

# This file has the name of the package that it wants.
HERE = str(Path(__file__).resolve().parent)
sys.path = [folder for folder in sys.path if str(Path(folder or ".").resolve()) != HERE]
import dkim
sys.path.insert(0, HERE)
import common
from common import expect

MUST = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]
MAY = ["Reply-To", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Archive", "Feedback-ID",
       "Auto-Submitted"]
LIST = ["List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Archive", "Feedback-ID", "Reply-To"]

folder = Path(sys.argv[1])
records = {path.name[: -len(".txt")] + ".": path.read_bytes() for path in folder.glob("*.txt")}
mails = sorted(folder.glob("*.eml"))
expect(len(records) == 2 and len(mails) >= 4, "there are mails and two records", (mails, list(records)))


def asked(name, timeout=5):
    """What the DNS would say."""
    return records.get(name.decode() if isinstance(name, bytes) else name)


def verified(raw):
    """How many of the signatures hold."""
    count = 0
    for which in range(len(records)):
        try:
            count += dkim.DKIM(raw).verify(idx=which, dnsfunc=asked)
        except dkim.DKIMException:
            pass
    return count


def flipped(raw, at):
    """With another letter at one place, or the next one that is a letter or digit."""
    while not chr(raw[at]).isalnum():
        at += 1
    other = bytearray(raw)
    other[at] ^= 1 if raw[at:at + 1].isdigit() else 2
    return bytes(other)


for path in mails:
    raw = path.read_bytes()
    head, _, body = raw.partition(b"\r\n\r\n")
    expect(len(re.findall(rb"(?m)^DKIM-Signature:", head)) == len(records), "%s: a signature for each key" % path.name, head)
    long = [line for line in head.split(b"\r\nFrom:")[0].split(b"\r\n") if len(line) > 78 or line != line.rstrip()]
    expect(not long, "%s: signatures have short lines" % path.name, long)
    expect(verified(raw) == len(records), "%s: every signature holds" % path.name, verified(raw))
    expect(verified(raw + b" \r\n\r\n") == len(records), "%s: and so with white space at the end" % path.name)
    for place in (0, len(body) // 2, len(body) - 40):
        changed = flipped(raw, len(head) + 4 + place)
        expect(verified(changed) == 0, "%s: a changed byte of the body is noticed" % path.name, place)
    expect(verified(b"From: m@example.net\r\n" + raw) == 0, "%s: another From is noticed" % path.name)
    wanted = MUST + (LIST if path.name != "notice.eml" else ["Auto-Submitted"])
    for name in MUST + MAY:
        found = re.search(rb"(?m)^%s:" % name.encode(), head)
        if expect(bool(found) == (name in wanted), "%s: %s is there or not" % (path.name, name)) and found:
            expect(verified(flipped(raw, found.end())) == 0, "%s: a changed byte of %s is noticed" % (path.name, name))
common.finish()
