#!/usr/bin/env python3
"""mail.py DIR    reads the mail of a preview back with a parser that is not ours, and holds it against its parts.

The headers that a list must have are there once, all lines are ASCII and at most 998 long with CRLF, the text comes first, and
HTML and text lead to the same places.
"""
import email
import email.policy
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import common
from common import expect

ONCE = ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"]

folder = Path(sys.argv[1])
raw = (folder / "next.eml").read_bytes()
lines = raw.split(b"\r\n")
expect(all(b"\n" not in line and b"\r" not in line for line in lines), "lines end in CRLF only", "")
expect(max(map(len, lines)) <= 998 and raw.isascii(), "lines are short and ASCII", max(map(len, lines)))
mail = email.message_from_bytes(raw, policy=email.policy.default)
for name in ONCE:
    expect(len(mail.get_all(name, [])) == 1, "%s stands once" % name, mail.get_all(name))
expect(not mail.defects, "no defects", mail.defects)
expect(mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click", "one click is offered", mail["List-Unsubscribe-Post"])
expect(mail.get_content_type() == "multipart/alternative", "two ways to read it", mail.get_content_type())
parts = list(mail.iter_parts())
expect([p.get_content_type() for p in parts] == ["text/plain", "text/html"], "text first", [p.get_content_type() for p in parts])
text, html = (part.get_content().replace("\r\n", "\n") for part in parts)
# In a sentence an address stands in brackets, and a full stop may follow.
addresses = {found.rstrip(").,") for found in re.findall(r"https?://[^\s<>\"]+", text)}
links = {link.replace("&amp;", "&") for link in re.findall(r'<a [^>]*href="(https?://[^"]+)"', html)}
expect(links and links == addresses, "both parts lead to the same places", links ^ addresses)
expect(text.strip() == (folder / "next.txt").read_text().strip(), "the text is the text", "")
expect(html.strip() == (folder / "next.html").read_text().strip(), "the HTML is the HTML", "")
common.finish()
