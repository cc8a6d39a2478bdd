#!/usr/bin/env python3
"""stages.py [--seconds S]    `cargo bench`, with its table kept as results: what each stage takes, from a post to a signed mail.

The table is divan's. What is kept of each stage is the fastest run and the median, and what that means in bytes or deliveries a second.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

from measure import TOP, keep, out_of

UNITS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
BRANCH = re.compile(r"^([│ ]*)[├╰]─ (\S+)\s*(.*)$")
TIME = re.compile(r"(\d[\d.]*) (ns|µs|ms|s)$")


def seconds(cell):
    """A time of the table; nothing where it is none."""
    found = TIME.search(cell.strip())
    return float(found[1]) * UNITS[found[2]] if found else None


def parse(table):
    """The stages of a table, each with its group, fastest time, median and throughput."""
    groups, stages = [], []
    for line in table.splitlines():
        branch = BRANCH.match(line)
        cells = line.split("│")
        if branch:
            depth = len(branch[1]) // 3
            cells = branch[3].split("│")
            groups = [*groups[:depth], branch[2]]
            if seconds(cells[0]) is not None:
                stages.append({"stage": " ".join(groups), "fastest": seconds(cells[0]), "median": seconds(cells[2])})
        elif stages and len(cells) >= 5 and "/s" in line:
            # The second line of a stage: how much that is in a second. The branches before it have a bar, too.
            stages[-1]["rate"] = cells[-4].strip()
    return stages


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, help="how long each stage is run at least (2)")
    parser.add_argument("--out", type=Path, help="where results go (target/bench)")
    options = parser.parse_args()
    more = ["--min-time", str(options.seconds)] if options.seconds else []
    command = ["cargo", "bench", "--locked", "-q", "--bench", "stages", "--", "--color", "never", *more]
    said = subprocess.run(command, cwd=TOP, stdout=subprocess.PIPE, text=True)
    print(said.stdout, file=sys.stderr)
    stages = parse(said.stdout)
    if said.returncode or not stages:
        sys.exit("cargo bench: status %d, %d stages" % (said.returncode, len(stages)))
    keep(out_of(options), "stages", {"stages": stages})


if __name__ == "__main__":
    main()
