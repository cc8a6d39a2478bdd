#!/usr/bin/env python3
"""A disk that is full: the build says so and fails, no file is half written, and with room again the next build is right.

The site lies on a small file system in memory where this user may mount one; else a limit on the size of files stands in.
"""
import os
import re
import resource
import shutil
import signal
import subprocess

import common
from common import expect

NOW = ("--now", "2026-11-23T12:00:00Z")


def edit(site):
    """Changes every post, so that every feed becomes another, and larger than before."""
    for path in (site / "content" / "posts").glob("*.md"):
        path.write_text(re.sub(r"^title: (['\"]?)", r"title: \1New ", path.read_text(), count=1, flags=re.M) + "\nMore of it. " * 300 + "\n")


def judge(site, wanted, build_without_room, make_room, how):
    common.build(site, *NOW)
    old = common.hashes(site / "public")
    edit(site)
    status, _, err = build_without_room()
    expect(status == 1, "%s: the build fails with status 1" % how, "%s %s" % (status, err))
    expect(re.search(r"no space left|file too large", err, re.I), "%s: it says why" % how, err)
    now = common.hashes(site / "public")
    odd = [p for p in old if now.get(p) not in (old[p], wanted.get(p))]
    expect(not odd, "%s: each file is old or new" % how, odd[:3])
    make_room()
    common.build(site, *NOW)
    after = common.hashes(site / "public")
    expect(after == wanted, "%s: with room again the build is right" % how, sorted(set(after.items()) ^ set(wanted.items()))[:3])


def fill(path, leave):
    """Leaves so many bytes free on the file system of `path`."""
    with open(path, "wb") as f:
        while True:
            left = os.statvfs(path.parent)
            room = left.f_bavail * left.f_frsize - leave
            if room <= 0:
                return
            f.write(b"\0" * min(room, 1 << 20))
            f.flush()


def small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


with common.Folder() as folder:
    target = common.copy_sample(folder / "wanted")
    edit(target)
    common.build(target, *NOW)
    wanted = common.hashes(target / "public")

    disk = folder / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)],
                                                   capture_output=True).returncode == 0
    if mounted:
        try:
            site = common.copy_sample(disk / "site")
            ballast = disk / "ballast"

            def without_room():
                fill(ballast, leave=300_000)
                return common.run(site, *NOW, "build")
            judge(site, wanted, without_room, ballast.unlink, "a full disk")
        finally:
            subprocess.run(["umount", str(disk)], check=True)
    else:
        print("left out: a full disk, since this user may not mount a file system in memory; a limit on files stands in")
    site = common.copy_sample(folder / "site")
    judge(site, wanted, lambda: common.run(site, *NOW, "build", preexec_fn=small_files), lambda: None, "a limit on the size of files")
    shutil.rmtree(site)
common.finish()
