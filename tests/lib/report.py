# report.py PAGE: what the page of `reinject report` says, as JSON: its numbers, and under "faults" what is wrong with it as a page.
import json
import re
import sys
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link"}
SVG = {"path", "circle", "rect", "line", "polygon", "polyline"}
WITH_ADDRESS = {"href", "src", "srcset", "data", "action", "poster", "xlink:href"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.ids, self.named, self.links, self.style = [], [], [], [], [], ""
        self.last, self.figures, self.runs, self.packages, self.space, self.boots, self.numbers = None, {}, [], {}, [], [], {}
        self.failures, self.failed_boots, self.consoles, self.text = [], [], [], []
        self.row = None
        self.unnamed_svg = 0
        self.night, self.night_data, self.held = None, [], []

    def fault(self, text):
        self.faults.append("%s at line %d" % (text, self.getpos()[0]))

    def handle_startendtag(self, tag, attributes):
        if tag not in SVG:
            self.fault("<%s/>" % tag)
        self.look(tag, dict(attributes))

    def handle_starttag(self, tag, attributes):
        self.look(tag, dict(attributes))
        if tag not in VOID:
            self.open.append((tag, dict(attributes)))

    def look(self, tag, a):
        if tag in ("script", "link", "iframe", "object", "embed", "base", "form", "img", "image", "use", "foreignobject"):
            self.fault("<%s>" % tag)
        for name, value in a.items():
            if name.startswith("on"):
                self.fault("attribute " + name)
            if name in WITH_ADDRESS:
                self.links.append(value)
        if "id" in a:
            if a["id"] in self.ids:
                self.fault("id %s again" % a["id"])
            self.ids.append(a["id"])
        if "aria-labelledby" in a:
            self.named.append(a["aria-labelledby"])
        if tag == "svg" and not any(t == "svg" for t, _ in self.open):
            hidden = any(x.get("aria-hidden") == "true" for x in [a] + [x for _, x in self.open])
            if not hidden and not (a.get("role") == "img" and a.get("aria-label")):
                self.fault("an svg without a name")
        if tag == "th" and a.get("scope") not in ("row", "col"):
            self.fault("th without scope")
        self.begin(tag, a)

    def begin(self, tag, a):
        if a.get("id") == "last" and "data-run" in a:
            self.last = {"run": int(a["data-run"]), "result": a["data-result"]}
        if "data-night" in a:
            self.night = {"night": int(a["data-night"]), "result": a["data-result"]}
        if "data-held" in a:
            self.held.append(a["data-held"])
        if tag == "tr":
            self.row = {"cells": [], "data": [], "times": [], "keys": a}
        if tag in ("td", "th") and self.row is not None:
            self.row["cells"].append("")
        if tag == "data":
            value = int(a["value"])
            where = [x.get("id") for _, x in self.open if x.get("id", "").startswith("figure-")]
            if any(x.get("id") == "night" for _, x in self.open):
                self.night_data.append(value)
            elif where:
                self.figures[where[-1][7:]] = value
            elif any(x.get("id") == "space-now" for _, x in self.open):
                self.figures.setdefault("space", []).append(value)
            elif self.row is not None:
                self.row["data"].append(value)
        if tag == "time" and self.row is not None:
            self.row["times"].append(a["datetime"])
        if "data-failure" in a:
            self.failures.append(int(a["data-failure"]))
        if "data-failed-boot" in a:
            self.failed_boots.append(int(a["data-failed-boot"]))
        if tag == "pre":
            self.consoles.append("")

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.fault("</%s> where <%s> is open" % (tag, self.open[-1][0] if self.open else ""))
            return
        self.open.pop()
        if tag == "tr" and self.row is not None:
            self.take_row(self.row)
            self.row = None

    def take_row(self, row):
        keys, data, cells = row["keys"], row["data"], [c.strip() for c in row["cells"]]
        if "data-run" in keys:
            self.runs.append({"run": int(keys["data-run"]), "started": row["times"][0], "verb": cells[2], "result": cells[3], "ms": data[0],
                              "what": cells[5]})
        if "data-package" in keys:
            names = ("last", "median", "longest", "builds", "failed")
            self.packages[keys["data-package"]] = dict(zip(names, data))
        if "data-number" in keys:
            self.numbers[keys["data-number"]] = [float(c) for c in cells[2:]]
        if "data-space" in keys:
            self.space.append(dict(zip(("run", "used", "free", "grown", "lost"), [int(keys["data-space"])] + data)))
        if "data-boot" in keys:
            self.boots.append({"boot": int(keys["data-boot"]), "result": cells[2], "ms": data[0], "why": cells[4]})

    def handle_data(self, text):
        tags = [t for t, _ in self.open]
        if "style" in tags:
            self.style += text
            return
        self.text.append(text)
        if "title" in tags and "svg" in tags:
            return
        if self.row is not None and self.row["cells"]:
            self.row["cells"][-1] += text
        if "pre" in tags:
            self.consoles[-1] += text

    def handle_comment(self, text):
        self.fault("a comment")


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(a, b):
    first, second = sorted((luminance(a), luminance(b)), reverse=True)
    return (first + 0.05) / (second + 0.05)


def judge_colours(style):
    faults, schemes = [], re.findall(r":root\{([^}]*)\}", style)
    if len(schemes) != 2 or "prefers-color-scheme:dark" not in style:
        return ["two schemes are wanted"]
    colours = {}
    for scheme in schemes:
        colours.update(re.findall(r"--(\w+):(#[0-9a-f]{6})", scheme))
        for ground in ("ground", "card"):
            for ink in ("ink", "soft", "ok", "bad", "accent"):
                if contrast(colours[ink], colours[ground]) < 4.5:
                    faults.append("%s on %s: %.2f" % (ink, ground, contrast(colours[ink], colours[ground])))
            for sign in ("calm", "lost"):
                if contrast(colours[sign], colours[ground]) < 3:
                    faults.append("%s on %s: %.2f" % (sign, ground, contrast(colours[sign], colours[ground])))
        if contrast(colours["ink"], colours["band"]) < 4.5 or contrast(colours["lost"], colours["fill"]) < 2.5:
            faults.append("band or fill")
    return faults


def main():
    raw = open(sys.argv[1], "rb").read()
    page = Page()
    page.feed(raw.decode("utf-8"))
    page.close()
    for tag, _ in page.open:
        page.faults.append("<%s> is never closed" % tag)
    for name in page.named:
        if name not in page.ids:
            page.faults.append("nothing has the id %s" % name)
    for link in page.links:
        if link.startswith("#") and link[1:] not in page.ids:
            page.faults.append("nothing has the id of %s" % link)
        if re.match(r"(?i)(https?:|javascript:|data:|//)", link):
            page.faults.append("an address elsewhere: %s" % link)
    if re.search(r"(?i)url\(|@import|expression", page.style):
        page.faults.append("the style sheet asks for something")
    page.faults += judge_colours(page.style)
    # After the duration: boots, and images among them.
    if page.night and len(page.night_data) == 3:
        page.night["boots"], page.night["trials"] = page.night_data[1:]
    print(json.dumps({"faults": page.faults, "night": page.night, "held": page.held, "last": page.last, "figures": page.figures, "runs": page.runs, "packages": page.packages,
                      "space": page.space, "boots": page.boots, "numbers": page.numbers, "failures": page.failures, "failed_boots": page.failed_boots,
                      "consoles": page.consoles, "links": page.links, "text": "".join(page.text)}))


main()
