#!/usr/bin/env python3
"""web.py CASE... [--requests N]    holds `tidings serve` to its promises: to feed readers, to people, and against strangers.

Real processes, sockets, clients and mails, on free ports of loopback. With --seed another choice of chance.
"""
import argparse

import common
import web_busy
import web_flow
import web_fuzz
import web_http
import web_limits
import web_people
import web_readers
import web_safe
import web_slow

CASES = {
    "http": lambda folder, options: web_http.http(folder),
    "readers": lambda folder, options: web_readers.readers(folder),
    "slow": lambda folder, options: web_slow.slow(folder, options.long),
    "safe": lambda folder, options: web_safe.safe(folder),
    "people": lambda folder, options: web_people.people(folder, options.samples),
    "fuzz": lambda folder, options: web_fuzz.fuzz(folder, options.requests, options.seed),
    "limits": lambda folder, options: web_limits.limits(folder, options.signups),
    "flow": lambda folder, options: web_flow.flow(folder),
    "busy": lambda folder, options: web_busy.busy(folder, options.people),
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("cases", nargs="+", metavar="CASE", choices=CASES, help=", ".join(CASES))
parser.add_argument("--requests", type=int, default=3_000, help="how many the fuzz sends")
parser.add_argument("--samples", type=int, default=200, help="how many answers of each kind are timed")
parser.add_argument("--people", type=int, default=2_000, help="how many get an issue while others come and go")
parser.add_argument("--signups", type=int, default=10_000, help="how many come from one network")
parser.add_argument("--long", action="store_true", help="wait for what takes a quarter of an hour: slow readers that are cut off")
parser.add_argument("--seed", type=int, default=2026)
options = parser.parse_args()
with common.Folder() as folder:
    for case in options.cases:
        (folder / case).mkdir()
        CASES[case](folder / case, options)
common.finish()
