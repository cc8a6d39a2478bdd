#!/usr/bin/env python3
"""peers.py [--posts N,N] [--rounds R] [--parts cold,items,archives,cores,others]    tidings beside other tools, on the same posts.

All make the feed of the site and one for each category, topic, tag and author, with the full text of the posts; no pages.

  cold      the latest 20 posts: tidings in RSS, Atom and JSON, and in RSS alone, beside Hugo in RSS alone
  items     every post in every feed: the same three; at most 10,000 posts
  archives  tidings with the archives of the site's feed, and with those of all feeds; at most 10,000 posts
  cores     tidings on one core and on two
  others    tidings, Hugo, Eleventy, Pelican and Jekyll in RSS alone (Jekyll in Atom), at 1,000 posts

Whole processes are timed in turn, A B A B, each with its output moved away before; what stands at the end are medians, and the
medians of the ratios within a round. Wall time counts only on a machine that does nothing else; CPU time mostly does. Every feed
is read before anything is timed: one that lacks entries, or text, ends it.

Needs `cargo build --release` and `benches/install.sh`; run it with target/peers/python/bin/python, as `run.py` does.
"""
import argparse
import subprocess
import sys
from pathlib import Path

import adapters
from adapters import FORMATS, OTHERS, Proof, hugo, tidings
from measure import TOP, Bench, in_turn, keep, line, medians, out_of, paired, say

ITEMS = 20
LARGE, LARGEST_OF_ALL, OTHERS_AT = 50_000, 10_000, 1_000
PARTS = ("cold", "items", "archives", "cores", "others")


def plant(posts, to):
    """The corpus of so many posts, made once."""
    if not to.is_dir():
        say("== %d posts" % posts)
        subprocess.run([sys.executable, str(TOP / "benches/corpus.py"), str(posts), str(to)], check=True)
    return to


def show(found):
    """The medians of a pairing, for whoever watches."""
    for name in found[0]:
        say(line(name, medians(found, name)))


class Pairing:
    """Several sites over one corpus: each is built and looked at, then all are built in turn."""

    def __init__(self, bench, corpus, items, rounds, proof=None):
        self.bench, self.corpus, self.items, self.rounds = bench, corpus, items, rounds
        self.sites, self.proof = {}, proof or Proof(corpus, items)

    def add(self, name, tool, formats=("rss",), **more):
        """Another site."""
        folder = self.bench.folder / ("site-%s" % name.lower().replace(" ", "-"))
        self.sites[name] = tool(self.corpus, folder, self.items, formats, **more)

    def run(self, title, before=()):
        """Everything there is to say of it. `before` are words in front of the command, by name."""
        say("-- " + title)
        before = dict(before)
        made = {}
        for name, site in self.sites.items():
            site.build(self.bench, *before.get(name, ()))
            made[name] = self.proof.prove(site)
            say("%-28s %d feeds, %.1f MB" % (name, made[name]["feeds"], made[name]["bytes"] / 1e6))
        runs = {name: (lambda site=site, name=name: site.build(self.bench, *before.get(name, ()))) for name, site in self.sites.items()}
        found = in_turn(self.bench, self.rounds, warm=False, **runs)
        show(found)
        self.bench.away(*(site.folder for site in self.sites.values()))
        self.bench.empty()
        return {"items": self.items, "made": made, **paired(found, next(iter(self.sites)))}


def beside_hugo(bench, corpus, items, rounds, proof=None):
    """Three formats, and one, beside Hugo's one."""
    pairing = Pairing(bench, corpus, items, rounds, proof)
    pairing.add("tidings", tidings, FORMATS)
    pairing.add("tidings RSS", tidings)
    pairing.add("Hugo RSS", hugo)
    return pairing.run("%s, beside Hugo" % ("the latest %d" % items if items else "every post in every feed"))


def archives(bench, corpus, rounds, proof):
    """What archives cost."""
    pairing = Pairing(bench, corpus, ITEMS, rounds, proof)
    for kind in ("none", "site", "all"):
        pairing.add("archives " + kind, tidings, FORMATS, archives=kind)
    return pairing.run("archives")


def cores(bench, corpus, rounds, proof):
    """The same build on two cores and on one."""
    pairing = Pairing(bench, corpus, ITEMS, rounds, proof)
    pairing.add("two cores", tidings, FORMATS)
    pairing.add("one core", tidings, FORMATS)
    return pairing.run("cores", {"two cores": ("taskset", "-c", "0,1"), "one core": ("taskset", "-c", "0")})


def others(bench, corpus, rounds, proof, there):
    """Everybody who could be had."""
    pairing = Pairing(bench, corpus, ITEMS, rounds, proof)
    pairing.add("tidings", tidings)
    pairing.add("Hugo", hugo)
    for name, tool in OTHERS.items():
        if name in there:
            pairing.add(name, tool)
        else:
            say("left out: %s, which is not installed" % name)
    return pairing.run("all tools, RSS alone")


def measured(bench, posts, options, there):
    """All parts at one size."""
    rounds = options.rounds if posts < LARGE else min(options.rounds, 3)
    corpus = plant(posts, bench.folder / ("corpus-%d" % posts))
    proof = Proof(corpus, ITEMS)
    row, parts = {"posts": posts}, options.parts
    if "cold" in parts:
        row["cold"] = beside_hugo(bench, corpus, ITEMS, rounds, proof)
    if "cores" in parts:
        row["cores"] = cores(bench, corpus, rounds, proof)
    if "archives" in parts and posts <= LARGEST_OF_ALL:
        row["archives"] = archives(bench, corpus, rounds, proof)
    if "items" in parts and posts <= LARGEST_OF_ALL:
        row["items"] = beside_hugo(bench, corpus, 0, min(rounds, 3))
    if "others" in parts and posts == OTHERS_AT:
        row["others"] = others(bench, corpus, min(rounds, 3), proof, there)
    bench.away(corpus)
    bench.empty()
    return row


def numbers(text):
    """`1000,10000` as a list."""
    return [int(one.replace("_", "")) for one in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=numbers, default=[1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", type=lambda text: text.split(","), default=PARTS)
    parser.add_argument("--out", type=Path, help="where results go (target/bench)")
    options = parser.parse_args()
    there = adapters.versions()
    if "Hugo" not in there:
        sys.exit("there is no Hugo: run benches/install.sh")
    rows = []
    with Bench() as bench:
        for posts in options.posts:
            rows.append(measured(bench, posts, options, there))
            # What was measured stays, also where a later size takes too long.
            keep(out_of(options), "peers", {"items": ITEMS, "versions": there, "rows": rows})


if __name__ == "__main__":
    main()
