"""What was wanted of the speed, and whether it was reached: each target as a sentence, a bound, and where its figure is found.

Results are those of `run.py`, by part. A target whose part was not measured is told as such, never as reached.
"""
from measure import exponent

HUGO = {1_000: 8, 10_000: 6, 100_000: 6}
PEAK = {1_000: 40, 10_000: 100, 100_000: 500}
ALL_ITEMS = {10_000: 250}
CPU_EXPONENT, CORES = 1.05, 0.65
WALKS, LEAST_MS = 3, 20
PEOPLE, IMPORT_S, FREEZE_S, ASK_MS, HELP_MS, COMPILE_S = 1_000_000, 20, 20, 100, 10, 480


def row(results, part, key, value):
    """The row of a part for so many posts or people; nothing where there is none."""
    rows = results.get(part, {}).get("rows", ())
    return next((one for one in rows if one[key] == value), {})


def plain(number):
    """Thousands with commas."""
    return "{:,}".format(number)


def told(what, wanted, measured=None, met=None):
    """One line of the table."""
    return {"what": what, "wanted": wanted, "measured": measured or "not measured", "met": met}


def beside_hugo(results):
    """How many times as fast as Hugo, at each size."""
    for posts, least in HUGO.items():
        cold = row(results, "peers", "posts", posts).get("cold")
        what = "%s posts, cold, three formats beside Hugo's RSS alone" % plain(posts)
        if not cold:
            yield told(what, "%d times less wall and CPU time" % least)
            continue
        wall, cpu = (cold["ratios"]["Hugo RSS"][value][0] for value in ("wall", "cpu"))
        yield told(what, "%d times less wall and CPU time" % least, "%.1f times wall, %.1f times CPU" % (wall, cpu), min(wall, cpu) >= least)


def memory(results):
    """Peaks."""
    for part, bounds, what in (("cold", PEAK, "%s posts, cold, three formats: memory"),
                               ("items", ALL_ITEMS, "%s posts, every post in every feed, three formats: memory")):
        for posts, most in bounds.items():
            found = row(results, "peers", "posts", posts).get(part)
            peak = found and found["medians"]["tidings"]["peak"]
            yield told(what % plain(posts), "at most %d MiB" % most, found and "%.0f MiB" % peak, found and peak <= most)


def growth(results):
    """How CPU time grows with posts."""
    rows = [one for one in results.get("peers", {}).get("rows", ()) if "cold" in one]
    wanted = "at most posts^%.2f" % CPU_EXPONENT
    if len(rows) < 2:
        return [told("CPU time over the number of posts", wanted)]
    found = exponent([(one["posts"], one["cold"]["medians"]["tidings"]["cpu"]) for one in rows])
    over = "%s to %s" % (plain(rows[0]["posts"]), plain(rows[-1]["posts"]))
    return [told("CPU time over the number of posts, %s" % over, wanted, "posts^%.2f" % found, found <= CPU_EXPONENT)]


def cores(results):
    """What a second core saves."""
    for posts in PEAK:
        found = row(results, "peers", "posts", posts).get("cores")
        share = found and 1 / found["ratios"]["one core"]["wall"][0]
        yield told("%s posts, cold: two cores beside one" % plain(posts), "at most %.2f of the wall time" % CORES,
                   found and "%.2f" % share, found and share <= CORES)


def rebuilds(results):
    """Builds where little has changed. The bounds follow from what was measured beside them."""
    for posts in PEAK:
        found = row(results, "rebuilds", "posts", posts).get("medians")
        nothing, one = "%s posts, nothing changed" % plain(posts), "%s posts, one changed" % plain(posts)
        wanted = "at most %d walks, or %d ms" % (WALKS, LEAST_MS)
        if not found:
            yield told(nothing, wanted)
            yield told(one, "at most twice that, and its feeds")
            continue
        ms = {name: values["wall"] * 1000 for name, values in found.items()}
        bound = max(WALKS * ms["walk"], LEAST_MS)
        yield told(nothing, "%s: %.0f ms" % (wanted, bound), "%.0f ms" % ms["nothing"], ms["nothing"] <= bound)
        bound = 2 * bound + ms["copy"]
        yield told(one, "at most twice that, and its feeds: %.0f ms" % bound, "%.0f ms" % ms["one"], ms["one"] <= bound)


def lists(results):
    """A million subscribers."""
    found = row(results, "lists", "people", PEOPLE).get("medians")
    for name, most in (("import", IMPORT_S), ("freeze", FREEZE_S)):
        seconds = found and found[name]["wall"]
        yield told("%s subscribers: %s" % (plain(PEOPLE), name), "at most %d s" % most, found and "%.1f s" % seconds, found and seconds <= most)
    for name in ("deliveries", "deliveries of an issue", "deliveries why", "subscribers show", "subscribers list --suppressed"):
        ms = found and found[name]["wall"] * 1000
        yield told("%s subscribers: `%s`" % (plain(PEOPLE), name), "less than %d ms" % ASK_MS, found and "%.0f ms" % ms, found and ms < ASK_MS)
    start = results.get("lists", {}).get("help")
    ms = start and start["wall"] * 1000
    yield told("`tidings --help`", "less than %d ms" % HELP_MS, start and "%.1f ms" % ms, start and ms < HELP_MS)


def compiling(results):
    """The release build from nothing."""
    found = results.get("compile")
    seconds = found and found["wall"]
    yield told("`cargo build --release` from nothing", "at most %d min" % (COMPILE_S // 60),
               found and "%d min %d s" % divmod(round(seconds), 60), found and seconds <= COMPILE_S)


def all_of_them(results):
    """Every target, in the order of the page."""
    return [line for part in (beside_hugo, memory, growth, cores, rebuilds, lists, compiling) for line in part(results)]
