"""The short table of speed in the README of the project, between two comments, from the same results as the page."""
import re

import page
from measure import TOP
from targets import plain, row

FROM, TO = "<!-- made by benches/run.py --readme -->\n", "<!-- end -->\n"


def cells(results, part, name):
    """The cells of a row by the head of their column, from a table that a script printed; nothing where there is none."""
    for one in results.get(part, {}).get("runs", ()):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in one["text"].splitlines() if line.startswith("|")]
        found = [cells for cells in rows if cells[0].strip("`") == name]
        if found:
            return dict(zip(rows[0], found[0]))
    return {}


def values(found):
    """Wall time, CPU time and memory in one cell."""
    return "%s, %s of CPU, %.0f MiB" % (page.seconds(found["wall"]), page.seconds(found["cpu"]), found["peak"])


def builds(results):
    """Cold builds beside Hugo."""
    for posts in (1_000, 10_000, 100_000):
        cold = row(results, "peers", "posts", posts).get("cold")
        if cold:
            ratio = cold["ratios"]["Hugo RSS"]
            yield ["%s posts to Atom, RSS and JSON" % plain(posts), values(cold["medians"]["tidings"]),
                   "Hugo, RSS alone: " + values(cold["medians"]["Hugo RSS"]), "%.1f; %.1f; %.1f" % tuple(ratio[v][0] for v in ratio)]


def rebuilds(results):
    """The largest site again, after no change and after one."""
    for found in results.get("rebuilds", {}).get("rows", ())[-1:]:
        middle = found["medians"]
        for name, told in (("nothing", "no post has changed"), ("one", "one has")):
            yield ["%s posts again, %s" % (plain(found["posts"]), told), page.seconds(middle[name]["wall"]),
                   "looking at each file: " + page.seconds(middle["walk"]["wall"]), ""]


def mails(results):
    """Sending, as `sending.py` tells it."""
    ours = cells(results, "sending", "tidings")
    for peer in ("nodemailer", "smtp-source"):
        theirs = cells(results, "sending", peer)
        if "mails/s" in ours and "mails/s" in theirs:
            ratio = float(ours["mails/s"].replace(",", "")) / float(theirs["mails/s"].replace(",", ""))
            yield ["Mails a second over 10 connections, each recorded", ours["mails/s"], "%s: %s" % (peer, theirs["mails/s"]), "%.2f" % ratio]


def answers(results):
    """Serving, as `serving.py` tells it."""
    ours, theirs = cells(results, "serving", "tidings"), cells(results, "serving", "nginx")
    for head in ours:
        if head in theirs and head.endswith("/s"):
            ratio = float(ours[head].replace(",", "")) / float(theirs[head].replace(",", ""))
            yield ["Answers a second to 64 connections, " + head[:-2], ours[head], "nginx: " + theirs[head], "%.2f" % ratio]


def lists(results):
    """The longest list."""
    for found in results.get("lists", {}).get("rows", ())[-1:]:
        for name in ("import", "freeze", "deliveries"):
            value = found["medians"][name]
            told = {"import": "%s subscribers imported", "freeze": "an issue for %s of them frozen", "deliveries": "`deliveries` of %s"}[name]
            yield [told % plain(found["people"]), "%s, %.0f MiB" % (page.seconds(value["wall"]), value["peak"]), "", ""]


def table(results):
    """The rows that there are figures for."""
    rows = [line for part in (builds, rebuilds, mails, answers, lists) for line in part(results)]
    return page.table(["", "tidings", "beside it", "times faster"], rows, "---|") if rows else ""


def write(results):
    """Puts the table into the README, between the comments; where nothing was measured it stays as it is."""
    path, made = TOP / "README.md", table(results)
    text = path.read_text(encoding="utf-8")
    if made:
        pattern = re.escape(FROM) + ".*?" + re.escape(TO)
        text = re.sub(pattern, lambda _: FROM + made + TO, text, flags=re.S)
        path.write_text(text, encoding="utf-8")
