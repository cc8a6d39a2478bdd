"""Nobody learns from an answer, or from its time, whether an address is known; and what the forms take and refuse."""
import random
import time
from concurrent.futures import ThreadPoolExecutor

from common import expect
from posting import wait_for
from serving import Inbox, Site, Web, header, text
from web_rules import Page, different, log_faults, page_faults, time_faults, times_told

# How many ask at once: an answer may take its time, so that none tells more than another.
LINES = 16
KINDS = ("unknown", "known", "pending", "left", "suppressed", "erased")


def of_kind(kind, count):
    return ["%s%d@%s.example.com" % (kind[:2], i, kind) for i in range(count)]


def prepared(site, web, count):
    """Makes so many people of each kind, and gives their addresses."""
    people = {kind: of_kind(kind, count) for kind in KINDS}
    site.join(*people["known"], *people["left"], *people["erased"], *people["suppressed"])
    for address in people["left"]:
        site.must("subscribers", "remove", address)
    for address in people["erased"]:
        site.must("subscribers", "erase", address)
    gone = site.root / "suppress.csv"
    gone.write_text("email\n" + "".join(a + "\n" for a in people["suppressed"]))
    site.must("subscribers", "suppress", str(gone))
    with ThreadPoolExecutor(LINES) as pool:
        list(pool.map(lambda address: web.sign_up(address, digest="weekly"), people["pending"]))
    return people


def settled(inbox, seconds=20):
    """Waits until no mail came for a second."""
    seen = [-1, 0.0]

    def quiet():
        count = len(inbox.mails())
        if count != seen[0]:
            seen[:] = [count, time.monotonic()]
        return time.monotonic() - seen[1] > 1
    return wait_for(quiet, seconds)


def people(folder, count):
    with Inbox("--no-fsync", log=folder / "mails") as inbox:
        site = Site(folder / "site", inbox.port)
        with Web(site) as web:
            forms(web)
            them = prepared(site, web, count)
            settled(inbox, 60)
            known = [address for (address,) in site.rows("SELECT address FROM subscriber")]
            got = inbox.by_recipient()
            expect(got["honest@people.example.com"] == 1 and not got["robot@people.example.com"] and "robot@people.example.com" not in known,
                   "but gets no mail, and is not remembered", dict(got.most_common(3)))
            alike(web, inbox, site, them)
            faults = log_faults(web.lines(), ["example.com"])
            expect(not faults, "the access log names nobody", faults[:3])
            said = web.said.read_text()
            expect("@" not in said.replace("@***", ""), "and neither does what it says", said[-500:])


def alike(web, inbox, site, them):
    chance = random.Random(2026)
    before = len(inbox.mails())
    for name, path, fields in (("a sign-up", "/subscribe/", {"digest": "weekly", "website": ""}), ("asking for one's link", "/preferences/", {})):
        order = [(kind, address) for kind in KINDS for address in them[kind]]
        chance.shuffle(order)
        times, answers, wrong = {kind: [] for kind in KINDS}, {}, []

        def asked(one):
            kind, address = one
            if kind == "unknown":
                # Whoever signed up before is no longer unknown.
                address = path.strip("/") + "." + address
            began = time.perf_counter()
            answer = web.post(path, {"address": address, **fields})
            return kind, time.perf_counter() - began, answer
        with ThreadPoolExecutor(LINES) as pool:
            for kind, took, answer in pool.map(asked, order):
                times[kind].append(took)
                answers.setdefault(kind, answer)
                wrong += ["%s: %s" % (kind, fault) for fault in different(next(iter(answers.values())), answer)]
        expect(not wrong, "%s: %d answers to %d kinds of people are the same, byte for byte" % (name, len(order), len(KINDS)), wrong[:4])
        expect(answers["unknown"].status == 303, "%s: 303" % name, answers["unknown"])
        faults = time_faults(times, "unknown")
        expect(not faults, "%s: their times are the same: %s" % (name, times_told(times)), "; ".join(faults))
        settled(inbox, 60)
    got = inbox.by_recipient()
    bad = [address for address in them["suppressed"] + them["erased"] if got[address.lower()] > 3]
    expect(not bad, "nobody who may get no mail got many", bad[:3])
    # What the mails say does differ, and only their owner sees it.
    kinds = {"pending": "confirm", "left": "confirm"}
    for kind, link in kinds.items():
        expect(inbox.link(them[kind][0], link, 5), "somebody who is %s gets a link to confirm" % kind, got[them[kind][0]])
    known = inbox.to(them["known"][0])
    expect(known and not any("/confirm/" in str(mail) for mail in known), "somebody who is known is told so by mail", len(known))
    unknown = "preferences." + them["unknown"][0]
    asked = [mail for mail in inbox.to(unknown)]
    expect(not asked, "an address that is not known gets no mail for asking for its link", len(asked))
    states = site.states()
    silenced = dict(site.rows("SELECT address, suppressed FROM subscriber"))
    moved = [a for a in them["left"] if states.get(a) == "active"] + [a for a in them["suppressed"] if not silenced.get(a)] + [a for a in them["known"] if states.get(a) != "active"]
    expect(not moved, "and nobody was subscribed, or left, by that", moved[:3])
    expect(len(inbox.mails()) > before, "mails did go out")


def forms(web):
    """What the form offers, takes, and refuses."""
    page = web.get("/subscribe/")
    faults = page_faults(page)
    fields = Page(text(page)).forms[-1][2] if Page(text(page)).forms else {}
    expect(page.status == 200 and not faults, "the form is well made", faults)
    expect({"address", "website", "digest", "category", "topic"} <= set(fields) and set(fields["digest"]) == {"weekly", "letter"},
           "it offers both digests, categories and topics", fields)
    good = {"address": "ana@people.example.com", "digest": "weekly", "website": ""}
    a = web.post("/subscribe/", {**good, "category": ["care", "product"], "topic": "forms", "name": "Ana"})
    expect(a.status == 303 and header(a, "location").endswith("/subscribe/sent/"), "a sign-up is answered by 303", a)
    sent = web.get("/subscribe/sent/")
    expect(sent.status == 200 and not page_faults(sent), "and the page after it", page_faults(sent))
    for name, address in {"none": "", "a word": "ana", "two": "a@example.com, b@example.com", "a line more": "a@example.com\r\nBcc: b@example.com",
                          "a NUL": "a\0@example.com", "spaces": "a b@example.com", "too long": "a" * 300 + "@example.com", "no host": "a@", "markup": "<a@example.com"}.items():
        a = web.post("/subscribe/", {**good, "address": address})
        expect(a.status == 422 and not page_faults(a) and "<form" in text(a), "an address that is none (%s) is told: 422" % name, a.status)
        if name == "markup":
            expect("<a@example.com" not in text(a), "and comes back escaped")
    a = web.post("/subscribe/", {**good, "address": '"><script>alert(1)</script>@x', "name": "<b>&\"'"})
    expect(a.status == 422 and "<script>alert" not in text(a) and not Page(text(a)).faults, "what came in comes back escaped", a.status)
    a = web.post("/subscribe/", {**good, "digest": "nothing"})
    expect(a.status == 422, "a digest that is not offered", a.status)
    trap = web.post("/subscribe/", {**good, "address": "robot@people.example.com", "website": "https://spam.example/"})
    honest = web.post("/subscribe/", {**good, "address": "honest@people.example.com"})
    expect(not different(trap, honest), "who fills the hidden field is answered like others", different(trap, honest))
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
        a = web.ask("POST", "/subscribe/", {"Content-Type": kind or None}, b"address=ana@people.example.com")
        expect(a.status == 415, "a form of type %r: 415" % kind, a.status)
    a = web.ask("POST", "/subscribe/", {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}, b"address=nobody&website=")
    expect(a.status == 422, "a charset does no harm", a.status)
    for origin in ("https://other.example", "null"):
        a = web.post("/subscribe/", good, {"Origin": origin, "Sec-Fetch-Site": "cross-site"})
        expect(a.status == 303, "a form that is embedded at %s may be sent" % origin, a.status)
    for body in (b"%", b"&&&=&", b"address", b"address=%ff%fe", b"\xff\xfe\x00", b"address=a@b.example&address=c@d.example", b"a=1&" * 4_000):
        a = web.ask("POST", "/subscribe/", {"Content-Type": "application/x-www-form-urlencoded"}, body)
        expect(a.status in (303, 400, 413, 422), "a body like %r" % body[:30], a.status)
