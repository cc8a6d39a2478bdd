"""Tokens as `src/subscriber/token.rs` makes them, so that a judge can show some that nobody was sent."""
import base64
import hashlib
import hmac
from pathlib import Path

PURPOSES = {"unsubscribe": 1, "preferences": 2, "confirm": 3, "data": 4}


def key_of(root):
    """The key that signs, of a site."""
    lines = [line.strip() for line in (Path(root) / ".tidings" / "key").read_text().splitlines()]
    return base64.b64decode([line for line in lines if line and not line.startswith("#")][0])


def sign(key, purpose, subscriber, digest=0, issue=0, hours=0):
    """A token. A purpose is a word or a number, `hours` its end in hours since 1970, 0 for none."""
    number = PURPOSES.get(purpose, purpose)
    content = bytes([0x10 | number, hashlib.sha256(b"tidings key id\0" + key).digest()[0]])
    content += subscriber.to_bytes(8, "big") + digest.to_bytes(3, "big") + issue.to_bytes(4, "big") + hours.to_bytes(3, "big")
    mac = hmac.new(key, b"tidings token\0" + content, hashlib.sha256).digest()[:16]
    return base64.urlsafe_b64encode(content + mac).decode()


def read(key, text, purposes, hour):
    """What a token says, (subscriber, issue), where it is good for one of these purposes; else none."""
    try:
        data = base64.urlsafe_b64decode(text)
    except ValueError:
        return None
    if len(data) != 36 or len(text) != 48 or not text.isascii() or any(c not in "-_" and not c.isalnum() for c in text):
        return None
    good = hmac.new(key, b"tidings token\0" + data[:20], hashlib.sha256).digest()[:16]
    end = int.from_bytes(data[17:20], "big")
    if good != data[20:] or data[0] & 15 not in [PURPOSES[p] for p in purposes] or 0 < end <= hour:
        return None
    return int.from_bytes(data[2:10], "big"), int.from_bytes(data[13:17], "big")
