#!/usr/bin/env python3
"""make bench-report: docs/benchmarks.md and its charts, from what the benchmarks wrote into build/bench/results (tests/bench/results.bash says how).

report.py RESULTS DOCS. Each benchmark has a place in docs/benchmarks.md, between `<!-- bench NAME -->` and `<!-- end -->`, that is written anew; the words
around it are a person's, and stay, as does the place of a benchmark that has no results. Charts are docs/benchmarks-CHART.svg, light and dark, drawn with
nothing but text. Exit status: 0; 1 when a place is missing."""

import html
import pathlib
import re
import statistics
import sys

CHARTS = {
    "inject": "From cargo's exit to the driver in the image, ms",
    "ready": "Watching 56,000 files: from start to ready, ms",
    "latency": "From the last write of a save to the command, ms",
    "look": "Nothing has changed in 56,000 files, ms",
    "small": "What a hook adds to git commit, 21 files, ms",
    "big": "What a hook adds to git commit, 56,000 files, ms",
}
WIDTH, LABEL, ROW, TOP = 760, 250, 34, 46


class Row:
    def __init__(self, line):
        self.chart, self.unit, self.bar, self.text, values = line.rstrip("\n").split("\t")
        self.n = None
        if values.startswith("="):
            # What a program of ours has worked out itself.
            self.median, self.low, self.high = (float(v) for v in values[1:].split())
        else:
            numbers = [float(v) for v in values.split()]
            self.n = len(numbers)
            self.median, self.low, self.high = statistics.median(numbers), min(numbers), max(numbers)

    def missed(self):
        return self.bar != "-" and self.median > float(self.bar)


def read(path):
    head, versions, rows = {}, [], []
    for line in path.read_text().splitlines():
        if line.startswith("#version"):
            versions.append(" ".join(line.split("\t")[1:3]))
        elif line.startswith("#"):
            key, value = line[1:].split("\t", 1)
            head[key] = value
        else:
            rows.append(Row(line))
    return head, versions, rows


def short(value):
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def table(rows):
    lines = ["| | median | min - max | n | bar |", "|---|---|---|---|---|"]
    for row in rows:
        unit = "" if row.unit == "-" else f" {row.unit}"
        bar = "" if row.bar == "-" else row.bar + (" (missed)" if row.missed() else "")
        spread = "" if row.n == 1 or row.low == row.high else f"{short(row.low)} - {short(row.high)}"
        lines.append(f"| {row.text} | {short(row.median)}{unit} | {spread} | {row.n or ''} | {bar} |")
    return "\n".join(lines)


def names_of(rows):
    """What stands before the colon of each: its name. Where all have the same (the size of a repository), what stands behind it."""
    parts = [row.text.split(": ", 1) for row in rows]
    if all(len(part) == 2 for part in parts) and len({part[0] for part in parts}) == 1:
        return [part[1].removesuffix(", over no hook") for part in parts]
    return [part[0] for part in parts]


def draw(chart, rows):
    title = CHARTS[chart]
    longest = max(max(row.high for row in rows), 0.001)
    room = WIDTH - LABEL - 90
    height = TOP + ROW * len(rows) + 14
    place = lambda value: LABEL + room * max(value, 0) / longest
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-labelledby="title">',
        f"<title id=\"title\">{html.escape(title)}: "
        + html.escape("; ".join(f"{name} {short(row.median)}" for name, row in zip(names_of(rows), rows)))
        + "</title>",
        "<style>text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;font-size:15px}.b{fill:#b9c2cc}.o{fill:#1f6feb}.w{stroke:#57606a;stroke-width:1.5}"
        ".bg{fill:#fff}.v{font-variant-numeric:tabular-nums}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#4a545f}.o{fill:#4493f8}.w{stroke:#9198a1}"
        ".bg{fill:#0d1117}}</style>",
        f'<rect class="bg" width="{WIDTH}" height="{height}" rx="6"/><text class="t" x="14" y="26">{html.escape(title)}</text>',
    ]
    for i, (name, row) in enumerate(zip(names_of(rows), rows)):
        y = TOP + ROW * i
        ours = name.startswith(("reinject", "ours"))
        label = name if len(name) <= 32 else name.split(",")[0]
        out.append(f'<text x="{LABEL - 10}" y="{y + 17}" text-anchor="end">{html.escape(label)}</text>')
        out.append(f'<rect class="{"o" if ours else "b"}" x="{LABEL}" y="{y + 3}" width="{max(place(row.median) - LABEL, 1):.1f}" height="20" rx="2"/>')
        if row.high > row.low:
            low, high = place(row.low), place(row.high)
            out.append(f'<path class="w" d="M{low:.1f} {y + 13}H{high:.1f}M{low:.1f} {y + 9}v8M{high:.1f} {y + 9}v8"/>')
        out.append(f'<text class="v" x="{max(place(row.high), place(row.median)) + 8:.1f}" y="{y + 18}">{short(row.median)}</text>')
    out.append("</svg>\n")
    return "\n".join(out)


def section(name, docs, head, versions, rows):
    charts = []
    for chart in dict.fromkeys(row.chart for row in rows if row.chart != "-"):
        drawn = [row for row in rows if row.chart == chart]
        (docs / f"benchmarks-{chart}.svg").write_text(draw(chart, drawn))
        charts.append(f"![{CHARTS[chart]}](benchmarks-{chart}.svg)")
    said = f"`{head['command']}`, {head['date']}: {head['machine']}; processors at most {head['busy']} % busy before it; {', '.join(versions)}."
    return "\n\n".join([said, *charts, table(rows)])


def main():
    results, docs = (pathlib.Path(argument) for argument in sys.argv[1:3])
    page = docs / "benchmarks.md"
    text, missing = page.read_text(), []
    for path in sorted(results.glob("*.tsv")):
        name = path.stem
        place = re.compile(rf"(<!-- bench {re.escape(name)} -->\n).*?(<!-- end -->)", re.S)
        if not place.search(text):
            missing.append(name)
            continue
        made = section(name, docs, *read(path))
        text = place.sub(lambda match: match.group(1) + "\n" + made + "\n\n" + match.group(2), text)
    page.write_text(text)
    for name in missing:
        print(f"report: '{page}' has no place for '{name}': a line <!-- bench {name} -->, and <!-- end --> below it", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
