#!/usr/bin/env python3
"""`kill -9` at random moments of a build: each file is the old one or the new one, whole, and the next build is right.

Two versions of a site of 2,000 posts, which differ in every post, are built in turn over each other. Half of the kills come at any
moment of a build, the others when the first file has just been replaced, since that part is short.
"""
import json
import os
import random
import signal
import subprocess
import sys
import time

from lxml import etree

import common
from common import expect

KILLS, POSTS = 20, 2000
NOW = ("--now", "2026-11-23T12:00:00Z")
SETTINGS = """
[site]
title = "Killed"
url = "https://example.org/"

[content]
posts = ["blog"]

[feeds]
id_prefix = "tag:example.org,2026:"
"""


def parses(path):
    try:
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix in (".xml", ".opml"):
            etree.parse(str(path))
        return True
    except (ValueError, etree.XMLSyntaxError):
        return False


def plant(site):
    """A site with the posts of `benches/corpus.py`."""
    site.mkdir()
    (site / "tidings.toml").write_text(SETTINGS)
    subprocess.run([sys.executable, str(common.TOP / "benches" / "corpus.py"), str(POSTS), str(site / "content")], check=True)
    return site


def change_every_post(content):
    for path in (content / "blog").glob("*.md"):
        path.write_text(path.read_text(encoding="utf-8").replace("\ntitle: ", "\ntitle: New ", 1).rstrip("\n")
                        + "\n\nOne paragraph more.\n", encoding="utf-8")


def first_replaced(process, files):
    """Waits until one of the files is another one than before, or the process has ended."""
    before = [os.stat(p).st_ino for p in files]
    while process.poll() is None:
        for path, inode in zip(files, before):
            if os.stat(path).st_ino != inode:
                return


with common.Folder() as folder:
    site = plant(folder / "site")
    other = plant(folder / "other")
    change_every_post(other / "content")
    started = time.monotonic()
    common.build(site, *NOW)
    whole = time.monotonic() - started
    common.build(other, *NOW)
    versions = [common.hashes(site / "public"), common.hashes(other / "public")]
    differ = sum(versions[0].get(p) != h for p, h in versions[1].items())
    expect(differ > 30, "the two versions differ in %d of %d files" % (differ, len(versions[1])))

    chance = random.Random(20261123)
    killed = mixed = half = wrong_after = 0
    for i in range(1, KILLS + 1):
        new, old = versions[i % 2], versions[(i + 1) % 2]
        os.rename(site / "content", folder / "spare")
        os.rename(other / "content", site / "content")
        os.rename(folder / "spare", other / "content")
        process = subprocess.Popen([common.TIDINGS, "--root", str(site), *NOW, "-q", "build"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if i % 4 < 2:
            time.sleep(chance.uniform(0, whole))
        else:
            first_replaced(process, [site / "public" / p for p in old if old[p] != new.get(p)])
            time.sleep(chance.uniform(0, 0.004))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        found = common.hashes(site / "public")
        feeds = {p: h for p, h in found.items() if p in old or p in new}
        broken = [p for p, h in feeds.items() if h not in (old.get(p), new.get(p)) or not parses(site / "public" / p)]
        lost = [p for p in old if p in new and p not in found]
        half += len(broken) + len(lost)
        for path in broken + lost:
            common.wrong("kill %d: %s is neither old nor new" % (i, path))
        states = {h == new.get(p) for p, h in feeds.items() if old.get(p) != new.get(p)}
        mixed += len(states) == 2
        common.build(site, *NOW)
        after = common.hashes(site / "public")
        if after != new:
            wrong_after += 1
            common.wrong("kill %d: the next build is not right: %s" % (i, sorted(set(after.items()) ^ set(new.items()))[:4]))
    expect(killed >= KILLS // 4, "%d of %d builds were killed before their end, %d of them between two files" % (killed, KILLS, mixed))
    expect(not half, "each file was old or new, and whole")
    expect(not wrong_after, "each build after a kill was right")
common.finish()
