#!/usr/bin/env python3
"""peers.py [--posts N] [--rounds R] [--formats rss|all]    tidings beside Hugo, on the same posts, in turn.

Both make the feed of the site and one for each category, topic, tag and author: the latest 20 posts with their full text, no
archives, no pages. Whole processes are timed, A B A B, with their output removed before; what stands at the end are medians,
and the medians of the ratios within a round. Wall time counts only on a machine that does nothing else; CPU time mostly does.

Needs `cargo build --release`, and Hugo and PyYAML from tests/requirements.txt (tests/run installs them into target/judges).
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

TOP = Path(__file__).resolve().parents[1]
ITEMS = 20
URL = "https://example.com/"

TIDINGS = """
[site]
title = "Bench"
url = "%s"

[content]
posts = ["blog"]

[feeds]
formats = %s
items = %d
bytes = "100 MB"
archives = "none"
id_prefix = "tag:example.com,2026:"
"""

HUGO = """
baseURL = "%s"
title = "Bench"
disableKinds = ["sitemap", "robotsTXT", "404", "section"]

[taxonomies]
category = "categories"
topic = "topics"
tag = "tags"
author = "authors"

[outputs]
home = %s
taxonomy = []
term = %s

[outputFormats.atom]
mediaType = "application/atom+xml"
baseName = "atom"

[outputFormats.jsonfeed]
mediaType = "application/feed+json"
baseName = "feed"
isPlainText = true

[mediaTypes."application/atom+xml"]
suffixes = ["xml"]

[mediaTypes."application/feed+json"]
suffixes = ["json"]

[markup.goldmark.renderer]
unsafe = true

[markup.highlight]
codeFences = false
"""

RSS = """{{- $posts := first %d (cond .IsHome site.RegularPages .RegularPages) -}}
{{- printf `<?xml version="1.0" encoding="utf-8"?>` | safeHTML }}
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>{{ .Title }}</title><link>{{ .Permalink }}</link><description>{{ .Title }}</description>
{{- range $posts }}
<item><title>{{ .Title }}</title><link>{{ .Permalink }}</link><guid isPermaLink="false">{{ .Params.key }}</guid>
<pubDate>{{ .Date.Format "Mon, 02 Jan 2006 15:04:05 -0700" | safeHTML }}</pubDate><description>{{ .Description }}</description>
{{- range .Params.tags }}<category>{{ . }}</category>{{ end }}
<content:encoded>{{ .Content | html }}</content:encoded></item>
{{- end }}
</channel></rss>
""" % ITEMS

ATOM = """{{- $posts := first %d (cond .IsHome site.RegularPages .RegularPages) -}}
{{- printf `<?xml version="1.0" encoding="utf-8"?>` | safeHTML }}
<feed xmlns="http://www.w3.org/2005/Atom"><title>{{ .Title }}</title><id>{{ .Permalink }}</id>
{{- range $posts }}
<entry><title>{{ .Title }}</title><link href="{{ .Permalink }}"/><id>{{ .Params.key }}</id>
<updated>{{ .Date.Format "2006-01-02T15:04:05Z07:00" | safeHTML }}</updated><summary>{{ .Description }}</summary>
{{- range .Params.tags }}<category term="{{ . }}"/>{{ end }}
<content type="html">{{ .Content | html }}</content></entry>
{{- end }}
</feed>
""" % ITEMS

JSON = """{{- $posts := first %d (cond .IsHome site.RegularPages .RegularPages) -}}
{{- $items := slice }}{{ range $posts }}{{ $items = $items | append (dict "id" .Params.key "url" .Permalink "title" .Title
 "date_published" (.Date.Format "2006-01-02T15:04:05Z07:00") "summary" .Description "tags" .Params.tags
 "content_html" (string .Content)) }}{{ end -}}
{{ dict "version" "https://jsonfeed.org/version/1.1" "title" .Title "items" $items | jsonify }}
""" % ITEMS


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def hugo_site(corpus, to, formats):
    """The same posts, with Hugo's names for the fields. Authors are resolved here, so that Hugo need not."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    people = {}
    for path in (corpus / "people").glob("*.md"):
        person = yaml.load(path.read_text(), loader)
        people[person["id"]] = person["slug"]
    wanted = json.dumps(["rss"] if formats == "rss" else ["rss", "atom", "jsonfeed"])
    put(to / "hugo.toml", HUGO % (URL, wanted, wanted))
    put(to / "layouts/_default/rss.xml", RSS)
    put(to / "layouts/_default/list.atom.xml", ATOM)
    put(to / "layouts/_default/list.jsonfeed.json", JSON)
    # Posts are listed, and have an address, but no page: with `render: never` Hugo would make no feed of a term.
    put(to / "content/blog/_index.md", "---\ntitle: Blog\ncascade:\n  build: {list: always, render: link}\n---\n")
    for path in (corpus / "blog").glob("*.md"):
        _, head, body = re.split(r"^---\n", path.read_text(encoding="utf-8"), maxsplit=2, flags=re.M)
        front = yaml.load(head, loader)
        topic = front.get("discovery_topic")
        head = {"title": front["title"], "date": front["pub_date"], "slug": front["slug"], "description": front["summary"],
                "categories": [front["categories_blog"]], "tags": front["tags"], "topics": [topic] if topic else [],
                "authors": [people[front["author"]]], "params": {"key": front["id"]}}
        put(to / "content/blog" / path.name, "---\n%s\n---\n%s\n\n%s" % (json.dumps(head, ensure_ascii=False), front["lead"], body))


def measure(command, *stale):
    """Runs a command after removing what an earlier run left: (wall s, CPU s, peak MiB)."""
    for path in stale:
        shutil.rmtree(path, ignore_errors=True)
    os.sync()
    started = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit("%s: status %d\n%s" % (command[0], process.returncode, said.decode()))
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def feeds(folder):
    """How many feeds there are in a folder, and how large they are together."""
    found = [p for p in folder.rglob("*") if p.name in ("rss.xml", "index.xml", "atom.xml", "feed.json")]
    return len(found), sum(p.stat().st_size for p in found)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--formats", choices=("rss", "all"), default="rss")
    parser.add_argument("--tidings", default=str(TOP / "target/release/tidings"))
    parser.add_argument("--hugo", default=str(TOP / "target/judges/bin/hugo"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        ours, theirs = Path(folder) / "tidings", Path(folder) / "hugo"
        subprocess.run([sys.executable, str(TOP / "benches/corpus.py"), str(options.posts), str(ours / "content")], check=True)
        put(ours / "tidings.toml", TIDINGS % (URL, json.dumps(["rss"] if options.formats == "rss" else ["atom", "rss", "json"]), ITEMS))
        hugo_site(ours / "content", theirs, options.formats)
        commands = {
            "tidings": ([options.tidings, "--root", str(ours), "-q", "build"], ours / "public", ours / ".tidings"),
            "Hugo": ([options.hugo, "--source", str(theirs), "--noBuildLock", "--quiet"], theirs / "public", theirs / "resources"),
        }
        for name, (command, out, cache) in commands.items():
            measure(command, out, cache)
            count, size = feeds(out)
            print("%-8s %d feeds, %.1f MB" % (name, count, size / 1e6), flush=True)
        rounds = [{name: measure(*what) for name, what in commands.items()} for _ in range(options.rounds)]
    print("\n%d posts, %d items a feed, %s; %d rounds\n" % (options.posts, ITEMS, options.formats, options.rounds))
    print("|         | wall s | CPU s | peak MiB |\n|---------|-------:|------:|---------:|")
    for name in commands:
        print("| %-7s | %6.2f | %5.2f | %8.0f |" % (name, *(statistics.median(r[name][i] for r in rounds) for i in range(3))))
    ratios = [[r["Hugo"][i] / r["tidings"][i] for r in rounds] for i in range(3)]
    print("| ratio   | %6.1f | %5.1f | %8.1f |" % tuple(statistics.median(x) for x in ratios))
    print("\nratios from %s" % ", ".join("%.1f to %.1f" % (min(x), max(x)) for x in ratios))


if __name__ == "__main__":
    main()
