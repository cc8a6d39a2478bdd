"""The page of figures, `benches/README.md`, made from the results that are there: no figure is written by hand.

A part that was not measured is named as such. Figures of different days or machines say so below their heads.
"""
import json
import re

import charts
import targets

PARTS = {"peers": "Builds beside other tools", "rebuilds": "Builds where little has changed", "lists": "Long lists",
         "sending": "Sending", "serving": "Serving", "stages": "Each stage", "compile": "Compiling"}
HEAD = """# Speed, measured

Made by `benches/run.py`; no figure here was written by hand.

```sh
%s
```

Wall time and CPU time are of whole processes, in turn, A B A B; figures are medians, and ratios are medians of the ratios within a
round, with the least and the most. Peaks are of resident memory, and none below 8 MiB can be seen. Files are in memory already when
they are read (a warm cache). What each part does is said at the top of its script.
"""
NOTES = {
    "peers": """The posts are invented, 6.7 KB of Markdown in the mean, and everybody makes the same feeds: the site's and one for each
category, topic, tag and author, with the full text of the posts and no pages. Every feed was read back before anything was timed.
Hugo's templates are in `benches/peers/hugo`. Zola is left out: no registry has it in a form that runs on Debian 12.""",
    "rebuilds": """Three formats, the latest 20 posts, over the output of an earlier build. The walk is `benches/walk.rs`: every file is
looked at and none is opened. The copy is `cp` of the files that the change wrote. The change wrote the files that hold the post and no
others, and what stood there at the end was byte for byte what a build from nothing makes.""",
    "lists": """A CSV of so many people is imported into an empty store, an issue is frozen for all of them, and then the store is asked.""",
    "stages": """One thread, warm, inputs of the usual size: a post of 6.7 KB, feeds of 20 posts, a mail of 50 KB, batches of 100
deliveries. The ledger is in the machine's temporary folder, each commit synced. `cargo bench` prints the same table.""",
}


def load(folder):
    """The results that are there, by part."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def table(head, rows, figures="---:|"):
    """A table in Markdown; the first column is text, the others are figures unless it is told otherwise."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + figures * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)]) + "\n"


def seconds(value):
    """A time with the unit that fits."""
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return "%.3g %s" % (value / size, unit) if value < 1000 * size else "%.0f %s" % (value / size, unit)
    return "%.3g ns" % (value * 1e9)


def times(three):
    """A ratio: its median, the least and the most."""
    return "%.2f (%.2f to %.2f)" % tuple(three)


def pairing(found, note=""):
    """Medians and ratios of one pairing."""
    names = list(found["medians"])
    ours = next(name for name in names if name not in found["ratios"])
    rows = []
    for name in names:
        values, ratio = found["medians"][name], found["ratios"].get(name)
        beside = [times(ratio["wall"]), times(ratio["cpu"])] if ratio else ["1", "1"]
        rows.append([name, seconds(values["wall"]), seconds(values["cpu"]), "%.1f" % values["peak"], *beside])
    head = ["", "wall", "CPU", "peak MiB", "wall, times %s" % ours, "CPU, times %s" % ours]
    return "%d rounds%s.\n\n%s" % (found["rounds"], note, table(head, rows))


def made(found):
    """How much the builds of a pairing wrote."""
    return "; " + ", ".join("%s %d feeds of %.1f MB" % (name, one["feeds"], one["bytes"] / 1e6) for name, one in found["made"].items())


def peers(result):
    """Cold builds, by size."""
    versions = ", ".join("%s %s" % pair for pair in result["versions"].items())
    out = ["Beside: %s.\n" % versions]
    titles = {"cold": "the latest %d posts in each feed" % result["items"], "items": "every post in every feed",
              "archives": "archives", "cores": "one core and two", "others": "all tools in one format"}
    for row in result["rows"]:
        for part, title in titles.items():
            if part in row:
                out.append("### %s posts, %s\n" % (targets.plain(row["posts"]), title))
                out.append(pairing(row[part], made(row[part])))
    return "\n".join(out)


def rebuilds(result):
    """Rebuilds, by size."""
    out = []
    for row in result["rows"]:
        out.append("### %s posts\n" % targets.plain(row["posts"]))
        out.append(pairing(row, "; one change writes %d files" % len(row["files"])))
    return "\n".join(out)


def lists(result):
    """Lists: a column for each size."""
    rows = result["rows"]
    head = ["", *("%s: wall, peak MiB" % targets.plain(row["people"]) for row in rows)]
    body = [[name, *("%s, %.1f" % (seconds(row["medians"][name]["wall"]), row["medians"][name]["peak"]) for row in rows)]
            for name in rows[0]["medians"]]
    body.append(["store, MB", *("%.0f" % (row["store_bytes"] / 1e6) for row in rows)])
    return "`--help` takes %s.\n\n%s" % (seconds(result["help"]["wall"]), table(head, body))


def stages(result):
    """What each stage takes."""
    return table(["", "median", "fastest", "a second"], [
        [one["stage"].replace("_", " "), seconds(one["median"]), seconds(one["fastest"]),
         one.get("rate", "").replace("Kitem", "thousand deliveries").replace("/s", "")] for one in result["stages"]])


def said(result):
    """What a script of its own said, tables and all."""
    return "\n".join("`%s`\n\n%s" % (one["command"], one["text"].strip() + "\n") for one in result["runs"])


def compiling(result):
    """The release build."""
    return "`%s` took %s of wall time and %s of CPU time; the program has %.1f MB.\n" % (
        result["command"], seconds(result["wall"]), seconds(result["cpu"]), result["bytes"] / 1e6)


SECTIONS = {"peers": peers, "rebuilds": rebuilds, "lists": lists, "stages": stages, "sending": said, "serving": said, "compile": compiling}


def where(results):
    """The machines, each once, with what was measured on it."""
    machines = {}
    for name, one in results.items():
        machines.setdefault(json.dumps(one["machine"]), []).append(name)
    lines = []
    for told, parts in machines.items():
        one = json.loads(told)
        machine = "%s, %d cores, %d GiB of memory, Linux %s, %s" % (one["cpu"], one["cores"], one["memory_gib"], one["kernel"], one["file_system"])
        lines.append("- %s%s" % (machine, "" if len(machines) == 1 else " (%s)" % ", ".join(parts)))
    return "\n".join(lines) + "\n"


def wanted(results):
    """The table of targets."""
    words = {True: "yes", False: "**no**", None: ""}
    lines = targets.all_of_them(results)
    return table(["", "wanted", "measured", "met"], [[one["what"], one["wanted"], one["measured"], words[one["met"]]] for one in lines],
                 "---|")


def pictures(results, folder):
    """Draws what grows; the lines that show it on the page, by part."""
    lines = {}
    for part, draw in (("peers", charts.of_posts), ("lists", charts.of_people)):
        drawn = {name: svg for name, svg in draw(results.get(part, {})).items() if svg}
        for name, svg in drawn.items():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(svg, encoding="utf-8")
        titles = {name: re.search("<title>(.*?)</title>", svg)[1] for name, svg in drawn.items()}
        lines[part] = "\n".join("![%s](%s/%s)" % (titles[name], folder.name, name) for name in drawn)
    return lines


def write(folder, command):
    """The page and its pictures, from `folder`/results."""
    results = load(folder / "results")
    out = [HEAD % command, where(results) if results else "Nothing has been measured yet.\n",
           "## What was wanted\n", wanted(results)]
    drawn = pictures(results, folder / "results")
    for part, title in PARTS.items():
        if part not in results:
            out.append("## %s\n\nNot measured yet: `benches/run.py --only %s`.\n" % (title, part))
            continue
        one = results[part]
        out.append("## %s\n\n%s, commit %s, load %.1f at the end.\n" % (title, one["date"], one["commit"], one["load"]))
        out += [text + "\n" for text in (NOTES.get(part), drawn.get(part)) if text]
        out.append(SECTIONS[part](one))
    (folder / "README.md").write_text("\n".join(out), encoding="utf-8")
