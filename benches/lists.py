#!/usr/bin/env python3
"""lists.py [--people N,N] [--rounds R]    what long lists of subscribers take: 10,000, 100,000 and 1,000,000.

  import   a CSV of so many people, as another tool exports it: address, name, date and what they want to read
  freeze   an issue for all of them, up to the first mail: `tidings send` to a server that is not there
  others   commands on the store with the list and the issue in it: `deliveries`, `subscribers` and `status`

Each round begins with an empty store; commands that read are run five times a round. `--help` is timed as well: how long the
program takes to start. Whole processes, medians. Needs `cargo build --release --bin tidings`.
"""
import argparse
import random
import statistics
import subprocess
import sys
from pathlib import Path

from convert import put
from measure import BEFORE, MAILING, NOW, TIDINGS, VALUES, Bench, keep, line, out_of, run, say
from peers import numbers

PERIOD = "weekly/2026-W48"
CATEGORIES = ("engineering", "privacy", "company", "")
DOMAINS = ("gmail.example", "outlook.example", "example.com", "example.org", "mail.example.net")
SETTINGS = MAILING + """approval = "required"
[smtp]
url = "smtp://127.0.0.1:1"
"""
POST = "---\nid: p%02d\ntitle: Post %d\ndate: 2026-11-%d\nsummary: What there is to say of it.\ncategory: %s\n---\nBody.\n"


def address(number):
    """Of the person of this number."""
    return "reader.%d@%s" % (number, DOMAINS[number % len(DOMAINS)])


def write_csv(people, to):
    """A list as another tool exports it, in an order that no index likes."""
    order = list(range(people))
    random.Random("tidings lists").shuffle(order)
    with open(to, "w", encoding="utf-8") as out:
        out.write("Email Address,Name,Subscribed At,Categories\n")
        for number in order:
            out.write('%s,"Reader %d, Jr.",2024-%02d-%02dT08:00:00Z,%s\n' % (
                address(number), number, 1 + number % 12, 1 + number % 28, CATEGORIES[number % len(CATEGORIES)]))


class Site:
    """A site with a digest, and nobody who gets it."""

    def __init__(self, bench):
        self.root = bench.folder / "site"
        put(self.root / "tidings.toml", SETTINGS)
        for number in range(12):
            put(self.root / "content/posts" / ("p%02d.md" % number), POST % (number, number, 17 + number % 4, CATEGORIES[number % 3]))

    def tidings(self, *words, now=NOW, expect=(0,)):
        """Runs a command of tidings on the site."""
        return run([TIDINGS, "--root", self.root, "--now", now, *words], expect)

    def enter(self, csv):
        """The import."""
        return self.tidings("-q", "subscribers", "import", csv, "--digest", "weekly", "--consent-source", "a bench", now=BEFORE)

    def freeze(self):
        """The issue stands, and waits for somebody's yes."""
        return self.tidings("-q", "send", "weekly", expect=(75,))

    def ask(self, *words):
        """What a command says, as text."""
        command = [TIDINGS, "--root", self.root, "--now", NOW, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def commands(people):
    """What is asked of a store, by the name that the results call it."""
    somebody = address(people // 2)
    return {"deliveries": ("deliveries",), "deliveries of an issue": ("deliveries", PERIOD), "deliveries why": ("deliveries", "why", somebody),
            "subscribers show": ("subscribers", "show", somebody), "subscribers list --suppressed": ("subscribers", "list", "--suppressed"),
            "status": ("status",), "subscribers list, all": ("subscribers", "list")}


def prove(site, people):
    """Everybody must be there, and have a delivery."""
    listed = site.ask("subscribers", "list").count("\n")
    planned = site.ask("deliveries")
    if listed != people or ("%d" % people) not in planned.replace(",", "").replace("\u202f", "").replace(" ", ""):
        sys.exit("%d are listed of %d, and `deliveries` says\n%s" % (listed, people, planned))


def one_round(bench, csv, people):
    """From an empty store to an issue, and what can be asked then: runs by name."""
    site = Site(bench)
    found = {"import": [site.enter(csv)], "freeze": [site.freeze()]}
    prove(site, people)
    for name, words in commands(people).items():
        found[name] = [site.tidings(*words) for _ in range(1 if name.endswith("all") else 5)]
    store = site.root / ".tidings" / "tidings.db"
    size = store.stat().st_size
    bench.away(site.root)
    bench.empty()
    return found, size


def measured(bench, people, rounds):
    """All rows of one size."""
    say("== %d people" % people)
    csv = bench.folder / "people.csv"
    write_csv(people, csv)
    runs, size = {}, 0
    for _ in range(rounds):
        found, size = one_round(bench, csv, people)
        for name, each in found.items():
            runs.setdefault(name, []).extend(each)
    middle = {name: {value: statistics.median(r[value] for r in each) for value in VALUES} for name, each in runs.items()}
    for name, values in middle.items():
        say(line(name, values))
    return {"people": people, "rounds": rounds, "csv_bytes": csv.stat().st_size, "store_bytes": size, "medians": middle}


def starting(rounds):
    """How long the program takes to start and to print its help."""
    found = [run([TIDINGS, "--help"]) for _ in range(4 * rounds + 1)][1:]
    middle = {value: statistics.median(r[value] for r in found) for value in VALUES}
    say(line("--help", middle))
    return middle


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=numbers, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="where results go (target/bench)")
    options = parser.parse_args()
    help_, rows = starting(options.rounds), []
    with Bench() as bench:
        for people in options.people:
            rows.append(measured(bench, people, options.rounds))
            keep(out_of(options), "lists", {"help": help_, "rows": rows})


if __name__ == "__main__":
    main()
