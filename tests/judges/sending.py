#!/usr/bin/env python3
"""sending.py CASE... [--kills N]    holds `tidings send` to its promise: everybody gets an issue once.

Real processes and real sockets, on free ports of loopback; who got what is counted in the log of a server that is not ours.
"""
import argparse

import common
import sending_crash
import sending_faults
import sending_relay
import sending_together
import sending_trouble

CASES = {
    "exact": lambda folder, options: sending_crash.exact(folder),
    "freezing": lambda folder, options: sending_crash.in_the_freezing(folder),
    "random": lambda folder, options: sending_crash.at_random(folder, options.kills),
    "ten": lambda folder, options: sending_together.ten_at_once(folder),
    "asleep": lambda folder, options: sending_together.asleep(folder),
    "stop": lambda folder, options: sending_together.asked_to_stop(folder),
    "lines": lambda folder, options: sending_faults.few_lines(folder),
    "mute": lambda folder, options: sending_faults.mute(folder),
    "later": lambda folder, options: sending_faults.later(folder),
    "gone": lambda folder, options: sending_faults.gone(folder),
    "held": lambda folder, options: sending_faults.held_back(folder),
    "silent": lambda folder, options: sending_faults.silent(folder),
    "trouble": lambda folder, options: sending_trouble.trouble(folder),
    "postfix": lambda folder, options: sending_relay.through_postfix(folder),
    "signed": lambda folder, options: sending_relay.signed(folder),
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("cases", nargs="+", metavar="CASE", choices=CASES, help=", ".join(CASES))
parser.add_argument("--kills", type=int, default=3, help="how often a run is killed at random")
options = parser.parse_args()
with common.Folder() as folder:
    for case in options.cases:
        CASES[case](folder / case, options)
common.finish()
