#!/usr/bin/env python3
"""What the file system refuses, to a user that is not root: a post that cannot be read, a folder that cannot be written."""
import os
import shutil

import common
from common import expect

NOW = ("--now", "2026-11-23T12:00:00Z")
ROOT = os.geteuid() == 0
WHO = {"user": 65534, "group": 65534, "extra_groups": []} if ROOT else {}


def own(path):
    """Gives a folder with all that is in it to the user that the program runs as."""
    if ROOT:
        for at, _, names in os.walk(path):
            for name in ["", *names]:
                os.chown(os.path.join(at, name), 65534, 65534, follow_symlinks=False)


def forbid(path, mode):
    if ROOT:
        os.chown(path, 0, 0)
    path.chmod(mode)


with common.Folder() as folder:
    # The checkout may lie where only its owner can look.
    program = folder / "tidings"
    shutil.copy2(common.TIDINGS, program)
    program.chmod(0o755)

    def run(site, *args):
        return common.run(site, *NOW, *args, tidings=str(program), env={"HOME": str(folder)}, **WHO)

    def fresh(name):
        site = common.copy_sample(folder / name)
        own(site)
        return site

    site = fresh("plain")
    status, _, err = run(site, "build")
    expect(status == 0, "a user that is not root can build", err)

    site = fresh("unreadable")
    post = site / "content" / "posts" / "2026-11-16.what-a-full-ward-does-to-a-handover.md"
    forbid(post, 0o000)
    for command in ("check", "build"):
        status, _, err = run(site, command)
        expect(status == 1 and "2026-11-16.what-a-full-ward-does-to-a-handover.md" in err and "ermission denied" in err,
               "`%s` names a post that cannot be read" % command, "%s %s" % (status, err))
    expect(not (site / "public" / "atom.xml").exists(), "nothing was written without it")
    status, _, err = run(site, "build", "--keep-going")
    expect(status == 1 and post.name in err and (site / "public" / "atom.xml").exists(),
           "`build --keep-going` leaves it out and says so", "%s %s" % (status, err))
    post.chmod(0o644)

    site = fresh("unreadable-folder")
    forbid(site / "content" / "posts", 0o000)
    status, _, err = run(site, "build")
    expect(status == 1 and "content/posts" in err and "ermission denied" in err, "so it is with a whole folder", "%s %s" % (status, err))
    expect(not (site / "public" / "atom.xml").exists(), "a folder that cannot be read is no folder without posts")
    (site / "content" / "posts").chmod(0o755)

    site = fresh("read-only-output")
    run(site, "build")
    old = common.hashes(site / "public")
    settings = site / "tidings.toml"
    settings.write_text(settings.read_text().replace('"Lindenhof Health"', '"Lindenhof"', 1))
    folders = [site / "public", *(p for p in (site / "public").rglob("*") if p.is_dir())]
    for path in folders:
        forbid(path, 0o555)
    status, _, err = run(site, "build")
    expect(status == 1 and "public" in err and "ermission denied" in err, "`build` says where it may not write", "%s %s" % (status, err))
    expect(common.hashes(site / "public") == old, "the feeds are as they were")
    for path in folders:
        path.chmod(0o755)
    own(site)
    status, _, err = run(site, "build")
    expect(status == 0 and common.hashes(site / "public") != old, "with leave again, it builds", err)

    site = fresh("read-only-site")
    for path in (site, site / "content"):
        forbid(path, 0o555)
    status, _, err = run(site, "build")
    expect(status == 1 and "ermission denied" in err, "a site in a folder that is read-only", "%s %s" % (status, err))
    status, _, err = run(site, "check")
    expect(status == 0, "`check` needs to write nothing", err)
    for path in (site, site / "content"):
        path.chmod(0o755)
common.finish()
