"""What all parts of the bench share: processes timed in turn, medians and ratios, the machine, and results kept as JSON.

Rounds are paired, A B A B: what slows the machine for a while slows both. Output of an earlier run is moved out of the way, and
not removed before all is over: for some minutes, ext4 looks through the places of files that were deleted, which would cost each run
some 20 ms.
"""
import datetime
import json
import math
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target"))
TIDINGS = TARGET / "release" / "tidings"
PEERS = TOP / "target" / "peers"
VALUES = ("wall", "cpu", "peak")
# Names a folder that is deleted when all parts are over, by whoever runs them.
LATER = "TIDINGS_BENCH_LATER"

# The settings of a site with a digest; more of the digest, and by which way it leaves, may follow.
MAILING = """
[site]
title = "Bench"
url = "https://example.org/"
[feeds]
id_prefix = "tag:example.org,2026:"
[serve]
public_url = "https://news.example.org"
[mail]
unsubscribe_mailto = "leave@example.org"
return_path = "bounces@example.org"
[digest.weekly]
title = "The week"
from = "Example <news@example.org>"
postal_address = "1 Main St, Springfield"
schedule = "Mon 09:00"
"""
# After that digest's time, and before it.
NOW, BEFORE = "2026-11-23T09:00:00Z", "2026-11-20T00:00:00Z"

class Bench:
    """A folder to work in, with a place for what is no longer wanted on the same file system."""

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tidings-bench-"))
        self.trash = self.folder / "trash"
        self.trash.mkdir()
        self.count, self.full = 0, []
        return self

    def __exit__(self, *_):
        later = os.environ.get(LATER)
        if later:
            self.away(*(path for path in self.folder.iterdir() if path != self.trash))
            self.empty()
            self.folder.rename(Path(later) / self.folder.name)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def away(self, *paths):
        """Moves folders and files out of the way, where they are there; what links lead to stays."""
        for path in paths:
            if os.path.lexists(path):
                self.count += 1
                self.full.append(self.trash / str(self.count))
                os.rename(path, self.full[-1])

    def empty(self):
        """Makes room: what was moved away is cut to nothing, and stays as empty files. Files with two names may be in use."""
        for path in self.full:
            files = [path] if path.is_file() else [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
            for file in files:
                if file.is_file() and not file.is_symlink() and file.stat().st_nlink == 1:
                    os.truncate(file, 0)
        self.full = []
        os.sync()


# Linux counts what a process held before it became another program: a child of this script would be as large as the script. So
# a small one is put between, which holds some 8 MiB; no peak below that can be seen.
LAUNCHER = """
import posix, sys, time
began = time.perf_counter()
child = posix.posix_spawn(sys.argv[2], sys.argv[2:], posix.environ, file_actions=[(posix.POSIX_SPAWN_CLOSE, int(sys.argv[1]))])
_, status, usage = posix.wait4(child, 0)
wall = time.perf_counter() - began
said = "%d %r %r %r" % (posix.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
posix.write(int(sys.argv[1]), said.encode())
"""


def run(command, expect=(0,), stdout=subprocess.DEVNULL, **options):
    """Runs a command: wall time and CPU time in seconds, the peak of memory in MiB."""
    command = [shutil.which(str(command[0])) or str(command[0]), *map(str, command[1:])]
    os.sync()
    read, write = os.pipe()
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(write), *command]
    process = subprocess.Popen(launcher, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, pass_fds=(write,), **options)
    os.close(write)
    _, said = process.communicate()
    with os.fdopen(read) as told:
        found = told.read().split()
    if not found or int(found[0]) not in expect:
        sys.exit("%s: status %s\n%s" % (" ".join(command), found[0] if found else "unknown", said.decode(errors="replace")[:2000]))
    return dict(zip(VALUES, map(float, found[1:])))


def in_turn(bench, rounds, warm=True, **runs):
    """Each of the runs once a round. `runs` are functions that make ready and give back what `run` does.

    One run of each goes before and does not count, unless it was run before: files are then in memory for all.
    """
    for one in runs.values() if warm else ():
        one()
    found = [{name: one() for name, one in runs.items()} for _ in range(rounds)]
    bench.empty()
    return found


def medians(found, name):
    """The medians of one of the runs."""
    return {value: statistics.median(r[name][value] for r in found) for value in VALUES}


def ratios(found, name, other):
    """How many times `other` is what `name` is: the median of the rounds, the least, the most."""
    out = {}
    for value in VALUES:
        each = [r[other][value] / r[name][value] for r in found]
        out[value] = [statistics.median(each), min(each), max(each)]
    return out


def paired(found, ours="tidings"):
    """Everything there is to say of some rounds."""
    others = [name for name in found[0] if name != ours]
    return {"rounds": len(found), "medians": {name: medians(found, name) for name in found[0]},
            "ratios": {name: ratios(found, ours, name) for name in others}}


def exponent(points):
    """The slope of a line through points on log-log axes, by least squares: 1 where time grows as the input does."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(y) for _, y in points]
    x0, y0 = statistics.fmean(xs), statistics.fmean(ys)
    return sum((x - x0) * (y - y0) for x, y in zip(xs, ys)) / sum((x - x0) ** 2 for x in xs)


def machine():
    """What it was measured on."""
    def first(pattern, path):
        found = re.search(pattern, Path(path).read_text(), re.M)
        return found[1].strip() if found else "unknown"
    kind = subprocess.run(["df", "--output=fstype", tempfile.gettempdir()], capture_output=True, text=True).stdout.split()
    return {"cpu": first(r"^model name\s*: (.*)", "/proc/cpuinfo") if platform.machine() == "x86_64" else platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(int(first(r"^MemTotal:\s*(\d+)", "/proc/meminfo")) / 2**20),
            "kernel": platform.release(), "file_system": kind[-1] if kind else "unknown"}


def version(command):
    """The first line with a number of what a program says of itself; nothing where it is not there."""
    try:
        said = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
    except OSError:
        return None
    found = re.search(r"\d+\.\d+(?:\.\d+)?", said.stdout)
    return found[0] if found and said.returncode == 0 else None


def commit():
    """Which tidings it was: the commit, with a `+` where files differ from it."""
    def git(*words):
        return subprocess.run(["git", "-C", str(TOP), *words], capture_output=True, text=True).stdout.strip()
    return git("rev-parse", "--short=10", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")


def keep(folder, part, data):
    """Writes the results of one part, with when and where they were found."""
    folder.mkdir(parents=True, exist_ok=True)
    head = {"part": part, "date": datetime.date.today().isoformat(), "commit": commit(), "load": os.getloadavg()[0], "machine": machine()}
    (folder / (part + ".json")).write_text(json.dumps({**head, **data}, indent=1) + "\n", encoding="utf-8")


def out_of(options):
    """Where the results of a part go: it is named only by `run.py`."""
    return options.out or TOP / "target" / "bench"


def say(text):
    """Progress, on stderr: results are files."""
    print(text, file=sys.stderr, flush=True)


def line(name, values):
    """One run, as a line for whoever watches."""
    return "%-28s %8.3f s wall %8.3f s CPU %8.1f MiB" % (name, values["wall"], values["cpu"], values["peak"])
