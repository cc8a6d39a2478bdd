#!/usr/bin/env python3
"""run.py [--quick] [--only PART,PART] [--page] [--readme]    every figure of speed, measured, and the page that tells them.

Builds tidings and what is needed beside it, installs the peers (benches/install.sh), runs the parts one after the other, and writes
benches/results/*.json, pictures of growth, and benches/README.md. On a machine that does nothing else, all of it takes about an
hour. A part that fails is named at the end, and leaves its earlier results as they were.

  stages    what each stage takes, from a post to a signed mail         cargo bench
  peers     cold builds beside Hugo and others, at three sizes           peers.py
  rebuilds  builds where nothing or one post has changed                 rebuilds.py
  lists     imports, issues and questions up to 1,000,000 people         lists.py
  sending   mails beside nodemailer and smtp-source, and a million       sending.py
  serving   feeds over HTTP beside nginx                                 serving.py
  compile   the release build from nothing, dependencies and all

`--quick` measures everything but the last at the smallest size, in two minutes once all is built, into target/bench-quick: it never takes
the place of figures that count. `--page` measures nothing and writes the page again. `--readme` also puts the most telling figures into the
README of the project.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import page
import readme
from measure import LATER, PEERS, TOP, keep, run, say

HERE = Path(__file__).resolve().parent
PYTHON = PEERS / "python/bin/python"
# What each part is run with: in full, and quickly.
SCRIPTS = {
    "stages": ([], ["--seconds", "0.1"]),
    "peers": ([], ["--posts", "1000", "--rounds", "2"]),
    "rebuilds": ([], ["--posts", "1000", "--rounds", "3"]),
    "lists": ([], ["--people", "10000", "--rounds", "1"]),
}
# Scripts that print their tables.
TELLING = {
    "sending": ([[], ["--memory"], ["--million"]], [["--mails", "1000", "--rounds", "1"]]),
    "serving": ([[]], [["--rounds", "1", "--seconds", "1"]]),
}


def prepare(parts):
    """Builds and installs all that the parts need."""
    say("== building")
    # The program comes last and by itself: together with examples, its dependencies would have what only tests ask of them.
    for targets in (["--example", "walk", "--example", "sink", "--example", "memory"], ["--bin", "tidings"]):
        subprocess.run(["cargo", "build", "--release", "--locked", *targets], cwd=TOP, check=True)
    if {"peers", "rebuilds", "lists"} & set(parts):
        subprocess.run([str(HERE / "install.sh")], check=True)


def measured(part, quick, out):
    """Runs a script that keeps its own results."""
    words = [str(PYTHON) if PYTHON.exists() else sys.executable, str(HERE / (part + ".py")), *SCRIPTS[part][quick], "--out", str(out)]
    subprocess.run(words, check=True)


def told(part, quick, out):
    """Runs a script that prints its tables, and keeps them as they are."""
    runs = []
    for words in TELLING[part][quick]:
        command = [sys.executable, str(HERE / (part + ".py")), *words]
        text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        say(text)
        runs.append({"command": " ".join(["benches/%s.py" % part, *words]), "text": text})
    keep(out, part, {"runs": runs})


def compiled(out):
    """The release build in an empty folder; what it downloads is there before."""
    subprocess.run(["cargo", "fetch", "--locked", "-q"], cwd=TOP, check=True)
    folder = Path(tempfile.mkdtemp(prefix="tidings-bench-"))
    try:
        environment = {**os.environ, "CARGO_TARGET_DIR": str(folder)}
        command = ["cargo", "build", "--release", "--locked", "--offline", "-q"]
        values = run(command, cwd=TOP, env=environment)
        keep(out, "compile", {"command": " ".join(command), **values, "bytes": (folder / "release/tidings").stat().st_size})
    finally:
        shutil.rmtree(folder)


def measure(parts, quick, out):
    """Runs the parts; the names of those that failed."""
    failed = []
    for part in parts:
        say("== " + part)
        try:
            if part == "compile":
                compiled(out)
            else:
                (told if part in TELLING else measured)(part, quick, out)
        except (subprocess.CalledProcessError, OSError, SystemExit) as fault:
            say("%s: %s" % (part, fault))
            failed.append(part)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(page.PARTS), metavar="PART,PART")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--readme", action="store_true")
    options = parser.parse_args()
    unknown = set(options.only) - set(page.PARTS)
    if unknown:
        parser.error("there is no part %s; there are %s" % (", ".join(sorted(unknown)), ", ".join(page.PARTS)))
    folder = TOP / "target/bench-quick" if options.quick else HERE
    failed = []
    if not options.page:
        parts = [part for part in options.only if not (options.quick and part == "compile")]
        prepare(parts)
        with tempfile.TemporaryDirectory(prefix="tidings-bench-") as later:
            os.environ[LATER] = later
            failed = measure(parts, options.quick, folder / "results")
    page.write(folder, "python3 benches/run.py" + (" --quick" if options.quick else ""))
    say("== the page is %s" % (folder / "README.md"))
    if options.readme and not options.quick:
        readme.write(page.load(folder / "results"))
    if failed:
        sys.exit("failed: %s" % ", ".join(failed))


if __name__ == "__main__":
    main()
