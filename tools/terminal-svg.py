#!/usr/bin/env python3
"""terminal-svg.py [--title TEXT] [--shown PATH=NAME] FILE.svg COMMAND... - runs the commands on a pseudo-terminal and draws what stands there at the end.

As much of a terminal as reinject uses: newlines, carriage returns, 'erase to the end of the line', and colours. Ends with a command's exit status when one
fails, and writes nothing then.
"""
import argparse
import fcntl
import html
import os
import pty
import re
import struct
import sys
import termios

COLUMNS, LINE_HEIGHT, CHAR_WIDTH, MARGIN = 96, 19, 8.45, 18
NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
STYLE = """
svg { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
text { fill: #d4d7dd; white-space: pre; }
.frame { fill: #16191f; stroke: #3a3f4a; } .prompt { fill: #7d8590; } .typed { fill: #ffffff; font-weight: 600; }
.bold { font-weight: 600; } .dim { opacity: .7; } .red { fill: #ff7b72; } .green { fill: #7ee787; } .yellow { fill: #e3b341; } .blue { fill: #79c0ff; }
.magenta { fill: #d2a8ff; } .cyan { fill: #76e3ea; } .white, .black { fill: #ffffff; }
"""


def run(command):
    """What the command writes to a terminal, as text."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
        os.execvp("bash", ["bash", "-c", command])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    said = b""
    while True:
        try:
            part = os.read(fd, 65536)
        except OSError:  # Linux says so when the last writer has gone
            break
        if not part:
            break
        said += part
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status != 0:
        sys.exit(f"terminal-svg: '{command}' ended with {status}:\n{said.decode(errors='replace')}")
    return said.decode()


def styled(style, codes):
    """The style after an escape sequence with these numbers."""
    for code in (int(c or 0) for c in codes.split(";")):
        if code == 0:
            style = frozenset()
        elif code == 1:
            style |= {"bold"}
        elif code == 2:
            style |= {"dim"}
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style = (style - set(NAMES)) | {NAMES[code % 10]}
        elif code == 39:
            style -= set(NAMES)
    return style


def screen(said):
    """The lines that stand there at the end: lists of (character, style)."""
    lines, column, style = [[]], 0, frozenset()
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|.", said, re.S):
        line = lines[-1]
        if token == "\n":
            lines.append([])
            column = 0
        elif token == "\r":
            column = 0
        elif token.startswith("\x1b"):
            if token.endswith("m"):
                style = styled(style, token[2:-1])
            elif token.endswith("K"):
                del line[column:]
            else:
                sys.exit(f"terminal-svg: an escape sequence that is not known here: {token!r}")
        else:
            line[column:column + 1] = [(token, style)]
            column += 1
    if not lines[-1]:
        lines.pop()
    return lines


def spans(line):
    """The line as tspans, one for each run of one style."""
    out, text, last = "", "", frozenset()
    for char, style in line + [("", None)]:
        if style != last:
            if text:
                out += f'<tspan class="{" ".join(sorted(last))}">{html.escape(text)}</tspan>' if last else html.escape(text)
            text, last = "", style
        text += char
    return out


def draw(title, lines):
    width, height = COLUMNS * CHAR_WIDTH + 2 * MARGIN, len(lines) * LINE_HEIGHT + 2 * MARGIN
    out = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}" role="img">\n'
    out += f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n"
    out += f'<rect class="frame" x=".5" y=".5" width="{width - 1:.0f}" height="{height - 1}" rx="8"/>\n'
    for i, line in enumerate(lines):
        if line:
            out += f'<text x="{MARGIN}" y="{MARGIN + (i + 1) * LINE_HEIGHT - 5}" xml:space="preserve">{line}</text>\n'
    return out + "</svg>\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--title", default="A terminal session")
    parser.add_argument("--shown", default="=")
    parser.add_argument("file")
    parser.add_argument("commands", nargs="+")
    args = parser.parse_args()
    path, name = args.shown.split("=", 1)
    lines = []
    for command in args.commands:
        said = run(command)
        if path:
            said = said.replace(path, name)
        lines.append(f'<tspan class="prompt">$ </tspan><tspan class="typed">{html.escape(command)}</tspan>')
        lines += [spans(line) for line in screen(said)]
    with open(args.file, "w", encoding="utf-8") as file:
        file.write(draw(args.title, lines))


main()
