#!/usr/bin/env python3
"""look.py [DIR [OPTION...]]    how digests look in a real browser: makes a site for each hard case, composes its mail, and has
it judged.

The sites are written into a scratch folder, or into DIR, where they stay; the options are those of look.mjs, such as
`--pictures OUT`. What is judged, and by which measures, stands in
look.mjs; here is what can go wrong with posts: none or forty of them, words that do not fit, titles from right to left, a
picture or none.
"""
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import common
from common import expect

JUDGE = Path(__file__).resolve().parent / "look.mjs"
NODE_MODULES = Path(os.environ.get("NODE_MODULES", common.TOP / "target" / "look" / "node_modules"))
NOW = "2026-11-23T09:00:00Z"
SETTINGS = """[site]
title = "{site}"
url = "https://example.org/"
language = "{language}"

[digest.weekly]
title = "{title}"
from = "{site} <news@example.org>"
postal_address = "Lindenstraße 12, 79312 Emmendingen, Germany"
schedule = "Mon 09:00"
"""
SENTENCES = [
    "The printer adds its own margin, and nobody had looked at what the third sheet was for.",
    "Two wards let us sit in on their handovers for a year, twice a week, with a form and a watch.",
    "A morning, a small thing that goes wrong, and the person who notices it first.",
    "What we changed, what it cost, and the two numbers that tell whether it was worth it.",
    "It took us a summer to find the mistake and an afternoon to put it right.",
]
CALL = "id: workbook\ntitle: The handover workbook\nbody: Tally sheets, a card with one sentence, and the page that leaves with the " \
       "patient.\nbutton_label: Get the workbook\ndestination_url: /workbook/\n"


def png(width, height):
    """A picture, drawn row by row: a sky that fades, and nothing else."""
    rows = b"".join(b"\0" + bytes((90 + 120 * y // height, 130 + 90 * y // height, 170)) * width for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def post(n, title=None, **fields):
    """A post of last week; the higher `n`, the newer it is."""
    head = {"id": "p%02d" % n, "title": title or "What we learned about subject number %d" % n, "summary": SENTENCES[n % 5],
            "lead": " ".join(SENTENCES[(n + i) % 5] for i in (1, 2)), "author": "Noor van der Meij",
            "category": ("Care", "Engineering", "Company")[n % 3], "date": "2026-11-%02dT%02d:00:00Z" % (17 + n // 10, 8 + n % 10)}
    head.update(fields)
    lines = ["%s: %s" % (key, json.dumps(value, ensure_ascii=False)) for key, value in head.items() if value is not None]
    return "---\n%s\n---\nWords.\n" % "\n".join(lines)


def several(*hard):
    """Five posts, the newest of them the hard ones."""
    easy = [post(n) for n in range(5 - len(hard))]
    return easy + [post(10 + n, **fields) for n, fields in enumerate(hard)]


LONG = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz und Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
TITLE_300 = ("A title that does not stop where titles stop, because whoever wrote it had more to say than a title has room for, and "
             "went on to explain the whole matter, with its causes and its consequences and the people whom it concerns, before the "
             "first sentence had even begun, as if there were no first sentence to come at all")
TITLE_300 = TITLE_300[:299] + "."
ARABIC = {"title": "مراجعة الأدوية عند الخروج من المستشفى: ما الذي يضيع بين النوبتين؟", "lang": "ar", "author": "ليلى حداد",
          "summary": "في صباح اليوم التالي توجد على الطاولة أدوية جديدة وأدوية قديمة.",
          "lead": "لا أحد يقرر أن يسلّم المريض بشكل سيئ. الوقت أقل، وشيء ما يجب أن يسقط."}
PICTURE = {"featured_image": "/images/ward.png", "cta_ref": "workbook"}

# name: (posts, settings)
SITES = {
    "one": [post(1, **PICTURE)],
    "five": several(PICTURE),
    "forty": [post(n, **(PICTURE if n == 39 else {})) for n in range(40)],
    "long-words": several({"title": LONG, "summary": LONG}, {"title": LONG, "lead": "%s. `%s`" % (LONG, "x" * 120), "author": "A" * 90}),
    "right-to-left": several({**ARABIC, "lang": None}, ARABIC),
    "emoji": several({"title": "🎉🩺 Release 4.8 is out 👩🏽‍⚕️"}),
    "bare": [post(n, summary=None, lead=None, author=None, category=None) for n in range(3)],
    "title-300": several({"title": TITLE_300}, {"title": TITLE_300}),
    "german": several({"title": "Was eine volle Station aus der Übergabe macht", "lang": "de"}),
    "site-right-to-left": several(ARABIC, {**ARABIC, **PICTURE}),
    "logo": several(PICTURE),
}
OF_SITE = {
    "german": {"language": "de", "site": "Lindenhof Gesundheit", "title": "Der Wochenbrief der Lindenhof-Entwicklungsabteilung"},
    "site-right-to-left": {"language": "ar", "site": "ليندنهوف", "title": "رسالة الأسبوع"},
}
THEME = """
[digest.weekly.theme]
width = 560
font = "Georgia, serif"
light = { background = "#eef1f4", accent = "#1b5e8a", border = "#d9dfe5" }
dark = { background = "#0e1216", surface = "#171d23", accent = "#8cc4ea", border = "#2c343c" }
logo = { src = "/images/logo.png", alt = "Lindenhof", width = 120, height = 32 }
"""


def make(folder, name):
    """Writes a site for a hard case, and composes its mail."""
    site = folder / name
    (site / "content" / "posts").mkdir(parents=True)
    (site / "content" / "cta").mkdir()
    (site / "static" / "images").mkdir(parents=True)
    values = {"site": "Lindenhof Health", "title": "Lindenhof weekly", "language": "en", **OF_SITE.get(name, {})}
    (site / "tidings.toml").write_text(SETTINGS.format(**values) + (THEME if name == "logo" else ""))
    for n, text in enumerate(SITES[name]):
        (site / "content" / "posts" / ("%02d.md" % n)).write_text(text)
    (site / "content" / "cta" / "workbook.yaml").write_text(CALL)
    (site / "static" / "images" / "ward.png").write_bytes(png(1120, 560))
    (site / "static" / "images" / "logo.png").write_bytes(png(240, 64))
    return composed(site, name)


def composed(site, name):
    """Composes the mail of a site, and returns the folder that it is in."""
    status, _, err = common.run(site, "--now", NOW, "digest", "weekly")
    if not expect(status == 0, "%s: there is a mail" % name, err):
        common.finish()
    return site / ".tidings" / "preview" / "weekly"


def judge(folders, *options):
    """Has folders judged, by their names: the status, and what was said."""
    command = ["node", str(JUDGE), *("%s=%s" % pair for pair in folders.items()), *options]
    done = subprocess.run(command, env={**os.environ, "NODE_MODULES": str(NODE_MODULES)}, text=True, timeout=600,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def main(folder):
    folders = {name: make(folder, name) for name in SITES}
    folders["sample"] = composed(common.copy_sample(folder / "sample"), "sample")
    status, said = judge(folders, *sys.argv[2:])
    print(said, end="")
    if status not in (0, 1):
        common.wrong("the judge broke off with status %d" % status)
    if status != 0:
        sys.exit(1)
    common.finish()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with common.Folder() as path:
            main(path)
