"""Pictures of growth: lines on log-log axes, as SVG that is readable in light and in dark, made of text alone."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 520, 320
LEFT, RIGHT, TOP, BOTTOM = 62, 34, 58, 48
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 } .title { font-weight: 600; font-size: 13px } .small { fill: #59636e }
.back { fill: #ffffff } .grid { stroke: #d1d9e0; stroke-width: 1 } .line { fill: none; stroke-width: 2 } .mark { stroke: none }
.s0 { stroke: #0969da; fill: #0969da } .s1 { stroke: #bc4c00; fill: #bc4c00 } .s2 { stroke: #1a7f37; fill: #1a7f37 }
.s3 { stroke: #8250df; fill: #8250df }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .small { fill: #9198a1 } .back { fill: #0d1117 } .grid { stroke: #3d444d }
.s0 { stroke: #4493f8; fill: #4493f8 } .s1 { stroke: #f0883e; fill: #f0883e } .s2 { stroke: #3fb950; fill: #3fb950 }
.s3 { stroke: #ab7df8; fill: #ab7df8 }
}
"""
DASHES = ("", "6 3", "2 3", "8 3 2 3")


def number(value):
    """A tick as people read it."""
    if value >= 1000:
        return "{:,.0f}".format(value)
    return ("%.6f" % value).rstrip("0").rstrip(".")


def ticks(low, high):
    """Powers of ten from below to above; with 2 and 5 between where there are few."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    steps = (1, 2, 5) if last - first <= 2 else (1,)
    all_of_them = sorted(step * 10.0**power for power in range(first, last + 1) for step in steps)
    below = [tick for tick in all_of_them if tick <= low * 1.0001] or [low]
    above = [tick for tick in all_of_them if tick >= high * 0.9999] or [high]
    return [tick for tick in all_of_them if below[-1] <= tick <= above[0]]


def marker(kind, x, y):
    """A point: its form tells the lines apart where colours do not."""
    shapes = ("M-4,0 a4,4 0 1,0 8,0 a4,4 0 1,0 -8,0", "M-4,-4 h8 v8 h-8 z", "M0,-5 L5,4 L-5,4 z", "M0,-5 L5,0 L0,5 L-5,0 z")
    return '<path class="mark s%d" transform="translate(%.1f,%.1f)" d="%s"/>' % (kind, x, y, shapes[kind])


def chart(title, x_label, y_label, series):
    """One picture: `series` are points by name. Nothing where no line has a point."""
    series = {name: sorted((x, y) for x, y in points if y > 0) for name, points in series.items()}
    series = {name: points for name, points in series.items() if points}
    if not series:
        return ""
    xs = sorted({x for points in series.values() for x, _ in points})
    ys = [y for points in series.values() for _, y in points]
    if xs[0] == xs[-1]:
        xs = [xs[0] / 10, *xs, xs[0] * 10]
    rows = ticks(min(ys), max(ys))
    if len(rows) < 2:
        rows = [rows[0] / 10, rows[0], rows[0] * 10]

    def across(x):
        return LEFT + (math.log(x) - math.log(xs[0])) / (math.log(xs[-1]) - math.log(xs[0])) * (WIDTH - LEFT - RIGHT - 20) + 10

    def up(y):
        part = (math.log(y) - math.log(rows[0])) / (math.log(rows[-1]) - math.log(rows[0]))
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">' % (WIDTH, HEIGHT, WIDTH, HEIGHT),
           "<title>%s</title>" % escape(title), "<style>%s</style>" % STYLE.strip(),
           '<rect class="back" width="100%" height="100%" rx="6"/>',
           '<text class="title" x="%d" y="20">%s</text>' % (LEFT, escape(title))]
    for row in rows:
        out.append('<path class="grid" d="M%d,%.1f H%d"/>' % (LEFT, up(row), WIDTH - RIGHT))
        out.append('<text class="small" text-anchor="end" x="%d" y="%.1f">%s</text>' % (LEFT - 6, up(row) + 4, number(row)))
    for x in xs:
        out.append('<path class="grid" d="M%.1f,%d V%d"/>' % (across(x), TOP, HEIGHT - BOTTOM))
        out.append('<text class="small" text-anchor="middle" x="%.1f" y="%d">%s</text>' % (across(x), HEIGHT - BOTTOM + 16, number(x)))
    out.append('<text text-anchor="middle" x="%d" y="%d">%s</text>' % ((LEFT + WIDTH - RIGHT) // 2, HEIGHT - 10, escape(x_label)))
    middle = (TOP + HEIGHT - BOTTOM) // 2
    out.append('<text text-anchor="middle" transform="translate(14,%d) rotate(-90)">%s</text>' % (middle, escape(y_label)))
    at = LEFT
    for kind, (name, points) in enumerate(series.items()):
        path = " L".join("%.1f,%.1f" % (across(x), up(y)) for x, y in points)
        out.append('<path class="line s%d" style="fill:none" stroke-dasharray="%s" d="M%s"/>' % (kind, DASHES[kind], path))
        out += [marker(kind, across(x), up(y)) for x, y in points]
        out.append(marker(kind, at + 5, 38))
        out.append('<text x="%d" y="42">%s</text>' % (at + 15, escape(name)))
        at += 40 + 7 * len(name)
    return "\n".join([*out, "</svg>", ""])


def of_posts(peers):
    """Wall time, CPU time and memory over the number of posts."""
    rows = [row for row in peers.get("rows", ()) if "cold" in row]
    pictures = {}
    for value, label, unit in (("wall", "Wall time", "seconds"), ("cpu", "CPU time", "seconds"), ("peak", "Peak of memory", "MiB")):
        series = {}
        for name, told in (("tidings", "tidings, three formats"), ("Hugo RSS", "Hugo, RSS alone")):
            series[told] = [(row["posts"], row["cold"]["medians"][name][value]) for row in rows]
        pictures["posts-%s.svg" % value] = chart("%s of a cold build" % label, "posts", unit, series)
    return pictures


def of_people(lists):
    """Time and memory over the number of subscribers."""
    rows = lists.get("rows", ())
    names = ("import", "freeze", "deliveries", "subscribers show")
    pictures = {}
    for value, title, unit in (("wall", "Wall time over a list", "seconds"), ("peak", "Peak of memory over a list", "MiB")):
        series = {name: [(row["people"], row["medians"][name][value]) for row in rows] for name in names}
        pictures["people-%s.svg" % value] = chart(title, "subscribers", unit, series)
    return pictures
