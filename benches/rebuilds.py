#!/usr/bin/env python3
"""rebuilds.py [--posts N,N] [--rounds R]    what `tidings build` takes where little or nothing has changed.

Three formats, the latest 20 posts, no archives, over the output of an earlier build:

  nothing   no post has changed
  one       the newest post has one word more
  walk      benches/walk.rs over the same posts: every file is looked at and none is opened
  copy      `cp` of the files that the change of one post wrote, into an empty folder

In turn, whole processes. Then it is looked at which files the change wrote (those that hold the post, and no others), and whether
everything is byte for byte what a build from nothing makes.

Needs `cargo build --release --example walk`, then `cargo build --release`.
"""
import argparse
import hashlib
import os
import re
import sys
from pathlib import Path

import adapters
from adapters import FORMATS
from measure import TARGET, Bench, in_turn, keep, medians, out_of, paired, run, say
from peers import ITEMS, LARGE, numbers, plant, show

WALK = TARGET / "release/examples/walk"
DAY = 86_400


class Tree:
    """A site that was built, and its newest post."""

    def __init__(self, bench, posts):
        self.bench = bench
        corpus = plant(posts, bench.folder / ("corpus-%d" % posts))
        self.site = adapters.tidings(corpus, bench.folder / "site", ITEMS, FORMATS)
        self.posts = self.site.folder / "content" / "blog"
        self.newest = max(self.posts.iterdir())
        # Nobody builds within a second of writing every post.
        for file in (self.site.folder / "content").rglob("*.md"):
            past = file.stat().st_mtime - DAY
            os.utime(file, (past, past))
        self.site.build(bench)
        self.build()

    def build(self):
        """A build over what is there."""
        return run(self.site.command)

    def change(self):
        """One word more at the end of the newest post, as an editor saves it."""
        text = self.newest.read_text(encoding="utf-8")
        fresh = self.newest.with_name("fresh")
        fresh.write_text(text.rstrip("\n") + " again\n", encoding="utf-8")
        fresh.rename(self.newest)

    def times(self):
        """When each file of the output was written."""
        return {path: path.stat().st_mtime_ns for path in self.site.out.rglob("*") if path.is_file()}

    def bytes(self):
        """A hash of each file of the output."""
        return {str(path.relative_to(self.site.out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in self.times()}

    def nothing(self):
        """A build after one that had changes to note: what it has to learn again is no part of it."""
        self.build()
        return self.build()

    def one(self):
        """A build after a change."""
        self.change()
        return self.build()

    def copy(self, files):
        """What it takes to write the same bytes, and nothing else."""
        to = self.bench.folder / "copy"
        self.bench.away(to)
        to.mkdir()
        names = to / "names"
        names.write_text("".join("%s\n" % path for path in files))
        # All are called `rss.xml` and so on: cp keeps their folders.
        return run(["xargs", "-a", names, "cp", "--parents", "-t", to])


def written(tree):
    """The files that a change of one post writes, which must be those that hold it."""
    key = re.search(r"^id: (\S+)$", tree.newest.read_text(encoding="utf-8"), re.M)[1]
    before = tree.times()
    tree.one()
    files = sorted(path for path, time in tree.times().items() if before.get(path) != time)
    hold = sorted(path for path in tree.times() if key in path.read_text(encoding="utf-8"))
    if files != hold:
        sys.exit("files were written that do not hold the post, or not all that do:\n%s" % "\n".join(map(str, sorted(set(files) ^ set(hold)))))
    return files


def as_from_nothing(tree):
    """The output must be what a build without any memory makes."""
    found = tree.bytes()
    tree.site.build(tree.bench)
    if tree.bytes() != found:
        sys.exit("a build from nothing makes other files than builds of changes did")


def measured(bench, posts, rounds):
    """All rows at one size."""
    tree = Tree(bench, posts)
    files = written(tree)
    say("-- rebuilds of %d posts: a change writes %d files, of %.1f MB" % (posts, len(files), sum(f.stat().st_size for f in files) / 1e6))
    found = in_turn(bench, rounds, nothing=tree.nothing, walk=lambda: run([WALK, tree.site.folder / "content"]), one=tree.one,
                    copy=lambda: tree.copy(files))
    show(found)
    as_from_nothing(tree)
    walk, one = medians(found, "walk")["wall"], medians(found, "one")["wall"]
    say("nothing changed: %.1f times the walk; one changed: %.1f ms" % (medians(found, "nothing")["wall"] / walk, one * 1000))
    bench.away(tree.site.folder, bench.folder / ("corpus-%d" % posts))
    bench.empty()
    return {"posts": posts, "files": [str(f.relative_to(tree.site.out)) for f in files], **paired(found, "walk")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=numbers, default=[1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, help="where results go (target/bench)")
    options = parser.parse_args()
    if not WALK.is_file():
        sys.exit("there is no walk: run `cargo build --release --example walk`")
    rows = []
    with Bench() as bench:
        for posts in options.posts:
            rows.append(measured(bench, posts, options.rounds if posts < LARGE else min(options.rounds, 5)))
            keep(out_of(options), "rebuilds", {"items": ITEMS, "rows": rows})


if __name__ == "__main__":
    main()
