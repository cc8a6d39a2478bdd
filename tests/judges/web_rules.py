"""What has to be true of an answer, of a page, of a log: functions of values, that name what is wrong.

Each returns a list of sentences, empty where nothing is wrong. `test_web.py` shows each of them something wrong.
"""
import json
import re
import statistics
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from serving import header, text

PUBLIC_HEADERS = {"x-content-type-options": r"nosniff", "content-security-policy": r"default-src 'none'|default-src 'self'"}
PERSONAL_HEADERS = {"cache-control": r"no-store", "referrer-policy": r"no-referrer", "x-robots-tag": r"noindex"}
# What may not stand in a policy. What was built brings its style with it, and pictures of posts.
UNSAFE = re.compile(r"unsafe-inline|unsafe-eval|unsafe-hashes|data:|\*|http:|https:")
# What differs between two answers that are the same: the moment, and the number of the request.
OF_MOMENT = ("date", "x-request-id", "content-length", "age")
ADDRESS = re.compile(r"[\w.+%-]+(?:@|%40|&#64;|\\u0040)[\w-]+(?:\.[\w-]+)+", re.I)
TOKEN = re.compile(r"(?<![\w-])[A-Za-z0-9_-]{48}(?![\w-])")
LOG_KEYS = {"at", "id", "method", "path", "status", "bytes", "ms", "client"}


class Page(HTMLParser):
    """What stands in a page that a browser would act on."""

    def __init__(self, content):
        super().__init__()
        self.faults, self.forms, self.links, self.loads, self.lang = [], [], [], [], None
        self.feed(content)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "html":
            self.lang = values.get("lang")
        if tag == "script":
            self.faults.append("a script")
        for name, value in attributes:
            if name.startswith("on"):
                self.faults.append("a handler `%s`" % name)
            if name in ("href", "src", "action", "formaction") and re.match(r"\s*(javascript|vbscript|data):", value or "", re.I):
                self.faults.append("`%s` is %s" % (name, value[:40]))
        if tag == "form":
            self.forms.append((values.get("method", "get").lower(), values.get("action", ""), {}))
        if tag in ("input", "select", "textarea", "button") and self.forms and values.get("name"):
            self.forms[-1][2].setdefault(values["name"], []).append(values.get("value", "on"))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in ("img", "script", "iframe", "source", "embed") and values.get("src"):
            self.loads.append(values["src"])
        if tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(values.get("href", ""))
        if tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self.faults.append("a refresh")


def page_faults(answer, personal=True, own=()):
    """What is wrong with a page for people. `own` are the origins that it may load from."""
    found = []
    for name, want in {**PUBLIC_HEADERS, **(PERSONAL_HEADERS if personal else {})}.items():
        if not re.search(want, header(answer, name)):
            found.append("%s is %r" % (name, header(answer, name)))
    policy = header(answer, "content-security-policy")
    for part in policy.split(";"):
        if UNSAFE.search(part) and (personal or part.split()[:1] not in (["style-src"], ["img-src"])):
            found.append("the policy allows %r" % part.strip())
    for part in ("frame-ancestors", "base-uri", "form-action"):
        if part not in policy:
            found.append("the policy says nothing of %s" % part)
    if not header(answer, "content-type").lower().startswith("text/html; charset=utf-8"):
        found.append("the media type is %r" % header(answer, "content-type"))
    if header(answer, "set-cookie"):
        found.append("a cookie")
    if header(answer, "server"):
        found.append("it says what it is made of: %s" % header(answer, "server"))
    page = Page(text(answer))
    found += page.faults
    if not page.lang:
        found.append("the page has no language")
    for load in page.loads:
        where = urlsplit(load)
        if where.netloc and where.netloc not in own:
            found.append("it loads %s" % load)
    return found


def different(one, other):
    """How two answers differ that should be the same, but for the moment and the request."""
    found = []
    if one.status != other.status:
        found.append("status %d and %d" % (one.status, other.status))
    first, second = ([(k.lower(), v) for k, v in a.headers if k.lower() not in OF_MOMENT] for a in (one, other))
    if first != second:
        found.append("headers %s" % sorted(set(first) ^ set(second)))
    bodies = [without_numbers(a) for a in (one, other)]
    if bodies[0] != bodies[1]:
        at = next((i for i, (a, b) in enumerate(zip(*bodies)) if a != b), min(map(len, bodies)))
        found.append("bodies from %r and %r on" % tuple(body[max(0, at - 20):at + 40] for body in bodies))
    return found


def without_numbers(answer):
    """A body without the number of its request."""
    number = header(answer, "x-request-id")
    return text(answer).replace(number, "…") if number else text(answer)


def log_faults(lines, secrets=()):
    """What is wrong with an access log: lines that are not one JSON object, addresses, tokens, these words."""
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            found.append("no JSON: %r" % line[:120])
            continue
        if not isinstance(entry, dict) or not LOG_KEYS <= set(entry):
            found.append("no access: %r" % line[:120])
        if re.search(r"[\x00-\x1f\x7f-\x9f]", line):
            found.append("control characters: %r" % line[:120])
        if ADDRESS.search(line):
            found.append("an address: %r" % line[:160])
        if TOKEN.search(line):
            found.append("a token: %r" % line[:160])
        found += ["`%s`: %r" % (secret, line[:120]) for secret in secrets if secret in line]
    return found


def time_faults(samples, usual, least=0.0005):
    """Whose answers can be told from those of `usual` by their time: by how far medians lie apart, in parts of the spread.

    A difference counts that is larger than `least` seconds, than half the spread of the usual samples between their quartiles, and than
    chance makes it: the error of a median is about 1.3 of that spread by the root of their number.
    """
    def spread(values):
        quarters = statistics.quantiles(values, n=4)
        return quarters[2] - quarters[0]
    middle, noise = statistics.median(samples[usual]), spread(samples[usual])
    found = []
    for name, values in samples.items():
        apart = abs(statistics.median(values) - middle)
        if apart > max(least, noise / 2, 4 * 1.3 * noise / len(values) ** 0.5):
            found.append("%s: %.2f ms apart, with a spread of %.2f ms" % (name, apart * 1000, noise * 1000))
    return found


def times_told(samples):
    return "; ".join("%s %.2f ms (%.2f to %.2f)" % (name, statistics.median(v) * 1000, *(q * 1000 for q in statistics.quantiles(v, n=4)[::2]))
                     for name, v in samples.items())


def leads_away(answer, base, own):
    """Where a redirect leads that is not ours; none where it is, or where there is none."""
    where = header(answer, "location")
    if not where:
        return None
    # A browser takes backslashes for slashes, and leaves out tabs and ends of lines.
    target = urlsplit(urljoin(base, re.sub(r"[\t\r\n]", "", where).replace("\\", "/")))
    return None if target.netloc in own and target.scheme in ("http", "https") else where
