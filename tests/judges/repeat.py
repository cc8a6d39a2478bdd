#!/usr/bin/env python3
"""The same input gives the same bytes: again, elsewhere, in another order, in another time zone. What is the same is not
touched, and what somebody else put into the output folder stays."""
import os
import shutil

import common
from common import expect

NOW = ("--now", "2026-11-23T12:00:00Z")


def sown_backwards(source, to):
    """Copies a folder, its files made in the opposite order."""
    for path in sorted((p for p in source.rglob("*") if p.is_file()), reverse=True):
        target = to / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


with common.Folder() as folder:
    site = common.copy_sample(folder / "one")
    report = common.build(site, *NOW)
    out = site / "public"
    first = common.hashes(out)
    expect(first and not report["unchanged"] and not report["removed"], "the first build writes and removes nothing")
    missing = sorted(set(report["written"]) ^ set(first))
    expect(not missing, "the report names each file that was written", missing)

    stranger = out / "robots.txt"
    stranger.write_text("User-agent: *\n")
    for path in out.rglob("*"):
        os.utime(path, (1e9, 1e9))
    report = common.build(site, *NOW)
    expect(not report["written"] and not report["removed"], "a second build writes nothing", report["written"][:3])
    touched = [p for p in out.rglob("*") if p.is_file() and p.stat().st_mtime != 1e9]
    expect(not touched, "a second build touches no file", touched[:3])

    post = next((site / "content" / "posts").glob("2026-11-20*.md"))
    post.write_text(post.read_text().replace("212 calls", "213 calls"))
    report = common.build(site, *NOW)
    expect("atom.xml" in report["written"] and report["unchanged"], "an edit writes some files and leaves the others", report)

    settings = site / "tidings.toml"
    settings.write_text(settings.read_text().split("[feed.at-the-bedside]")[0])
    gone = {"feeds/at-the-bedside/" + name for name in common.FEEDS}
    report = common.build(site, *NOW)
    expect(gone <= set(first) and gone <= set(report["removed"]), "the files of a feed that is no longer declared go", report["removed"])
    expect(stranger.exists(), "a file that the program did not write stays")

    for zone in ("UTC", "Asia/Tokyo", "America/St_Johns"):
        other = folder / zone.replace("/", "-") / "a longer path"
        sown_backwards(common.copy_sample(folder / "pattern" / zone.replace("/", "-")), other)
        common.build(other, *NOW, env={"TZ": zone, "LC_ALL": "C", "LANG": "C"})
        differ = [p for p, h in common.hashes(other / "public").items() if first.get(p) != h]
        expect(not differ and len(common.hashes(other / "public")) == len(first), "the same bytes in %s" % zone, differ[:3])
        status, _, err = common.run(other, *NOW, "build", "--locked")
        expect(status == 0, "`build --locked` agrees with the lock in %s" % zone, err)

    status, out_text, err = common.run(site, *NOW, "check")
    expect(status == 0, "`check` passes", err)
common.finish()
