#!/usr/bin/env python3
"""look.mjs has to pass a good digest, and to find each fault that is put into it."""
import shutil

import common
import look
from common import expect

# What is put into the mail, and what has to be said of it, by which of the measures.
FAULTS = [
    ("pale text", '<p style="color:#999999">Pale words</p>', "light, as it is", "“Pale words” has a contrast of 2.5"),
    ("dark text on a dark ground", '<p class="muted night">Words by night</p>', "dark, as it is", "“Words by night” has a contrast of"),
    ("text that needs the style sheet", '<p class="ground" style="color:#ffffff">White words</p>', "light, no styles", "“White words” has a contrast of 1.1"),
    ("words of a picture that cannot be read", '<img src="https://example.org/images/ward.png" alt="Pale ward" width="20" height="10" style="color:#dddddd">',
     "light, no pictures", "alt “Pale ward” has too little contrast"),
    ("a picture out of shape", '<img src="https://example.org/images/ward.png" alt="" width="100" height="100">', "light, as it is", "is shown 100×100"),
    ("a picture without a size", '<img src="https://example.org/images/ward.png" alt="" style="width:40px">', "light, as it is", "a picture without width"),
    ("a box wider than a phone", '<div style="width:360px">Wide words</div>', "light, as it is", "in a window of 320"),
    ("text that is cut off", '<div style="height:9px;overflow:hidden"><p>Cut words</p></div>', "light, as it is", "“Cut words” is cut off"),
    ("text over other text", '<p>Lower words</p><p style="margin-top:-32px">Upper words</p>', "light, as it is", "lies over"),
    ("text that is cut off when it grows", '<div style="height:30px;overflow:hidden;line-height:24px">Growing words</div>', "text at 200 %", "“Growing words” is cut off"),
    ("a link without words", '<a href="https://example.org/"></a>', "axe on the mail", "link-name"),
    ("an element that is no longer HTML", "<center>Words</center>", "Nu on next.html", "The “center” element is obsolete"),
    ("an attribute that nobody needs", '<p align="left">Words</p>', "Nu on next.html", "The “align” attribute on the “p” element"),
]
STYLE = "<style>.ground { background: #000000 } @media (prefers-color-scheme: dark) { .night { color: #444444 !important } }</style>"
OF_PREVIEW = [
    ("a preview that is too wide", '<div style="width:2000px">Wide words</div>', "preview at", "in a window of 1280"),
    ("a preview with pale text", '<p style="color:#888888">Pale words</p>', "preview at", "“Pale words” has a contrast of"),
    ("a level of headings left out", "<h5>Words</h5>", "axe on the preview", "heading-order"),
    ("an id twice in the preview", '<p id="mail">Words</p>', "Nu on preview.html", "Duplicate ID"),
]


def put(path, texts, head=""):
    html = path.read_text(encoding="utf-8")
    at = html.rindex("</div>" if head else "</main>")
    path.write_text((html[:at] + "\n".join(texts) + html[at:]).replace("</head>", head + "</head>", 1), encoding="utf-8")


with common.Folder() as folder:
    good = look.make(folder, "one")
    bad = folder / "bad" / "a" / "b" / "c"
    shutil.copytree(good, bad)
    shutil.copytree(folder / "one" / "static", folder / "bad" / "static")
    put(bad / "next.html", [text for _, text, _, _ in FAULTS], STYLE)
    put(bad / "preview.html", [text for _, text, _, _ in OF_PREVIEW])
    html = (bad / "next.html").read_text(encoding="utf-8").replace('<meta charset="utf-8">', "", 1)
    (bad / "next.html").write_text(html, encoding="utf-8")

    status, said = look.judge({"good": good, "bad": bad}, "--all", "yes")
    lines = said.splitlines()
    expect(status == 1, "faults are told by the status", status)
    expect(not [line for line in lines if line.startswith("WRONG good")], "a good digest passes", said[:3000])
    for name, _, measure, want in FAULTS + OF_PREVIEW + [("no encoding", "", "the encoding", "none")]:
        found = [line for line in lines if line.startswith("WRONG bad") and measure in line]
        expect(any(want in line for line in found), "%s is found" % name, found or said[:2000])
common.finish()
