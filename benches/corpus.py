#!/usr/bin/env python3
"""corpus.py POSTS DIR [--seed N]    invented posts to measure with, in the dialect of a healthcare company's blog.

Writes DIR/blog/*.md, DIR/people/*.md, DIR/cta/*.md and DIR/taxonomies. The same numbers give the same bytes everywhere. The sizes
follow a real blog: bodies are log-normal with a mean of 6.7 KB (half of them under 4.5 KB, a few at 50), heads are 1.2 KB.
Needs Python 3.8 and nothing else.
"""
import argparse
import datetime
import math
import random
from pathlib import Path

LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
SYLLABLES = [a + b for a in "b d f g h k l m n p r s t v w st tr".split() for b in "a e i o u ei au".split()]
CATEGORIES = {"healthcare": 60, "company": 25, "engineering": 10, "compliance": 5}
TOPICS = {"cloud": 30, "interfaces": 25, "privacy": 20, "hosting": 15, "audits": 7, "records": 3}
TAGS = {"tag-%s" % name: 40 - 2 * n for n, name in enumerate(
    "alder ash beech birch cedar elm fir hazel holly juniper larch lime maple oak pine plum rowan spruce willow yew".split())}
PEOPLE, CALLS = 14, 26
FIRST, DAYS = datetime.date(2009, 3, 2), 6300

# A log-normal distribution with a median of 4.5 KB and a mean of 6.7 KB: mean = median * exp(sigma ** 2 / 2).
MEDIAN, SIGMA = 4500, math.sqrt(2 * math.log(6700 / 4500))


class Writer:
    """Words, sentences and Markdown without any sense."""

    def __init__(self, seed):
        self.random = random.Random("tidings bench %d" % seed)
        chance = self.random
        self.words = sorted({"".join(chance.choice(SYLLABLES) for _ in range(chance.choice((1, 2, 2, 3, 3, 4))))
                             + chance.choice(("", "", "n", "s", "l")) for _ in range(2500)})
        # Drawing each word by itself would be most of the work. Slices of a long stream read the same.
        self.stream = [chance.choice(self.words) for _ in range(100_000)]
        for i in range(0, len(self.stream), 71):
            self.stream[i] += chance.choice(("\u2019s", "\u00e9", " \u2014", "\u2026", "\u00fc"))

    def below(self, n):
        return int(self.random.random() * n)

    def some(self, least, most):
        start, count = self.below(len(self.stream) - most), least + self.below(most - least + 1)
        return self.stream[start:start + count]

    def identity(self):
        return str(1 + self.below(7)) + "".join(self.random.choices(LETTERS, k=20 + self.below(2)))

    def one_of(self, weighted):
        return self.random.choices(list(weighted), list(weighted.values()))[0]

    def phrase(self, least, most):
        return " ".join(self.some(least, most))

    def sentence(self):
        text = self.phrase(7, 24)
        return text[0].upper() + text[1:] + "."

    def address(self):
        path = "-".join(self.words[self.below(len(self.words))] for _ in range(3))
        return self.random.choice(("/blog/%s/", "https://example.com/blog/%s/", "https://www.example.org/%s?ref=7", "../%s/")) % path

    def paragraph(self):
        parts = [self.sentence() for _ in range(2 + self.below(4))]
        if self.below(3) == 0:
            parts.append("%s [%s](%s)." % (self.phrase(2, 4).capitalize(), self.phrase(1, 4), self.address()))
        if self.below(5) == 0:
            parts.append("*%s* and **%s**, or `%s`." % (self.phrase(1, 3), self.phrase(1, 2), self.phrase(1, 1)))
        return " ".join(parts)

    def block(self):
        kind = self.below(40)
        if kind < 4:
            return "%s %s" % ("#" * (2 + self.below(3)), self.phrase(2, 7).capitalize())
        if kind < 7:
            return "\n".join("%s %s" % (self.random.choice("-*"), self.sentence()) for _ in range(3 + self.below(4)))
        if kind < 8:
            return "\n".join("%d. %s" % (n, self.sentence()) for n in range(1, 4 + self.below(4)))
        if kind < 9:
            return "```\n%s\n```" % "\n".join("%s = <%s>" % tuple(self.some(2, 2)) for _ in range(4))
        if kind < 10:
            rows = ["| %s | %s | %d |" % (*self.some(2, 2), self.below(1000)) for _ in range(5)]
            return "\n".join(["| A | B | C |", "|---|---|---:|", *rows])
        if kind < 12:
            return "![%s](/assets/blog/%s.jpg)" % (self.phrase(2, 5), self.phrase(1, 1))
        if kind < 13:
            return "> " + self.paragraph()
        if kind < 14:
            return '<div class="note"><p>%s</p></div>' % self.sentence()
        return self.paragraph()

    def body(self):
        size = min(60_000, max(400, self.random.lognormvariate(math.log(MEDIAN), SIGMA)))
        blocks, length = [], 0
        while length + 300 < size:
            blocks.append(self.block())
            length += len(blocks[-1].encode()) + 2
        return "\n\n".join(blocks) + "\n"

    def folded(self, key, sentences):
        """A block scalar, broken at about 80 columns as an editor does it."""
        lines, line = [key + ": >-"], " "
        for word in " ".join(self.sentence() for _ in range(sentences)).split():
            if len(line) + len(word) > 78:
                lines.append(line)
                line = " "
            line += " " + word
        return "\n".join([*lines, line])


def plant(writer, posts, folder):
    def put(path, text):
        path = folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())

    people = [writer.identity() for _ in range(PEOPLE)]
    calls = [writer.identity() for _ in range(CALLS)]
    for n, i in enumerate(people):
        put("people/person-%02d.md" % n, "title: Person %d\nid: %s\nslug: person-%02d\nrole: Writer\n" % (n, i, n))
    for n, i in enumerate(calls):
        put("cta/call-%02d.md" % n, "---\nid: %s\ntitle: Call %d\nbody: %s\nbutton_label: Go\ndestination_url: '/go/%d'\n---\n"
            % (i, n, writer.sentence(), n))
    for axis, names in (("categories", CATEGORIES), ("topics", TOPICS), ("tags", TAGS)):
        for name in names:
            put("taxonomies/%s/%s.yaml" % (axis, name), "title: %s\n" % name.replace("-", " ").capitalize())

    ids = [writer.identity() for _ in range(posts)]
    for n, i in enumerate(ids):
        date = FIRST + datetime.timedelta(days=n * DAYS // max(posts, 1))
        slug = "%s-%d" % ("-".join(writer.words[writer.below(len(writer.words))] for _ in range(4 + writer.below(5))), n)
        tags = sorted({writer.one_of(TAGS) for _ in range(1 + writer.below(4))})
        head = ["id: " + i, "title: '%s'" % writer.phrase(4, 11).capitalize().replace("'", "''"), "slug: " + slug,
                "pub_date: '%s'" % date, "tags:", *("  - " + t for t in tags), "categories_blog: " + writer.one_of(CATEGORIES),
                "author: " + people[min(writer.below(PEOPLE), writer.below(PEOPLE))],
                writer.folded("summary", 1 + writer.below(2)), writer.folded("lead", 2 + writer.below(3))]
        if writer.below(4):
            head.append("featured_image: /assets/general/blog/%s.jpg" % slug)
        if writer.below(20):
            head.append("cta_ref: " + calls[writer.below(CALLS)])
        if writer.below(4):
            head += ["related_entries:", *("  - " + ids[writer.below(posts)] for _ in range(1 + writer.below(4)))]
        if writer.below(3):
            head.append("discovery_topic: " + writer.one_of(TOPICS))
        put("blog/%s.%s.md" % (date, slug), "---\n%s\n---\n%s" % ("\n".join(head), writer.body()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("posts", type=int)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    plant(Writer(options.seed), options.posts, options.dir)


if __name__ == "__main__":
    main()
