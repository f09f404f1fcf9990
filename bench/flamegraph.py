"""A flame graph of `perf script`: where a run's processor time goes, as one SVG that needs nothing else.

    perf record -F 199 --call-graph dwarf,16384 -o perf.data tracklet run DATA --out OUT -q
    perf script -i perf.data --no-inline | python3 bench/flamegraph.py --title "10 million tracks" > flame.svg

Callers stand above what they call, wider is longer, and hovering tells the whole name and the share. The machinery of
threads, closures and unwinding is left out, so that a step's frames stand together whichever thread did them.
"""

import argparse
import re
import sys
from html import escape

WIDTH, ROW, TOP, LETTER = 1200, 17, 40, 6.6
MACHINERY = re.compile(
    r"^<?(alloc::(vec|boxed|collections|raw_vec|fmt)|core::(iter|ops|panic|fmt)|std::(panic|panicking|rt|sys|thread))::"
    r"|rayon|crossbeam|catch_unwind|__rust_begin_short_backtrace|^(_start|main|__libc_start.*|start_thread|(__)?clone3?)$"
    r"|^\[unknown\]$"
)


def plain(symbol):
    """A name without its hash, offset, parameters of types and closures' numbers."""
    symbol = re.sub(r"\+0x[0-9a-f]+$", "", symbol)
    symbol = re.sub(r"::h[0-9a-f]{16}$", "", symbol)
    symbol = re.sub(r"\{\{closure\}\}|\{closure#\d+\}", "closure", symbol)
    inner = None
    while inner != symbol:
        inner, symbol = symbol, re.sub(r"(?<=\w)(::)?<[^<>]*>", "", symbol)
    symbol = re.sub(r"(::closure)+", "", symbol)
    return symbol.strip()


def stacks(lines):
    """(frames from the outermost, weight) of every sample; the weight is its period where perf prints one."""
    frames, weight = [], 0
    for line in lines:
        if not line.strip():
            if weight:
                yield frames[::-1], weight
            frames, weight = [], 0
        elif line[0] in " \t" and re.match(r"\s+[0-9a-f]+ ", line):
            symbol = line.split(None, 1)[1].rsplit(" (", 1)[0]
            frames.append(plain(symbol))
        else:
            found = re.search(r":\s+(\d+)\s+[\w\-]+:", line)
            weight = int(found[1]) if found else 1
    if weight:
        yield frames[::-1], weight


def tree(samples, left_out):
    """Nested {name: [weight, children]}; a frame that calls itself is one."""
    root = [0, {}]
    for frames, weight in samples:
        root[0] += weight
        node, last = root, None
        for name in frames:
            if name == last or left_out.search(name):
                continue
            node = node[1].setdefault(name, [0, {}])
            node[0] += weight
            last = name
    return root


def short(name, width):
    """The last words of a path that fit; nothing when hardly any would."""
    letters = int(width / LETTER)
    if letters < 4:
        return ""
    while len(name) > letters and "::" in name:
        name = name.split("::", 1)[1]
    return name if len(name) <= letters else name[: letters - 1] + "…"


def colour(name):
    """Warm for our own code, cool for libraries, grey for the system."""
    spread = sum(map(ord, name)) % 24
    if "tracklet" in name:
        return f"hsl({20 + spread},75%,68%)"
    return f"hsl({195 + spread},45%,74%)" if "::" in name or "ZSTD" in name else f"hsl(0,0%,{74 + spread // 3}%)"


def drawn(root, least):
    """(depth, x, width, name, weight) of every frame that is at least `least` of the whole."""
    total = root[0]
    waiting = [(0, 0.0, "all", root)]
    while waiting:
        depth, x, name, (weight, children) = waiting.pop()
        yield depth, x, WIDTH * weight / total, name, weight
        for child, node in sorted(children.items()):
            if node[0] >= least * total:
                waiting.append((depth + 1, x, child, node))
            x += WIDTH * node[0] / total


def svg(root, title, least):
    frames = sorted(drawn(root, least))
    height = TOP + ROW * (1 + max(depth for depth, *_ in frames)) + 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">',
        "<style>rect{stroke:#fff;stroke-width:.5}text{fill:#111;pointer-events:none}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="8" y="24" font-size="15">{escape(title)}</text>',
    ]
    for depth, x, width, name, weight in frames:
        y = TOP + ROW * depth
        share = 100 * weight / root[0]
        lines.append(
            f'<g><title>{escape(name)} {share:.1f} %</title><rect x="{x:.1f}" y="{y}" width="{width:.1f}"'
            f' height="{ROW - 1}" fill="{colour(name)}"/>'
        )
        text = short(name, width - 6)
        lines.append((f'<text x="{x + 3:.1f}" y="{y + 12}">{escape(text)}</text>' if text else "") + "</g>")
    return "\n".join([*lines, "</svg>"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--title", default="Processor time")
    parser.add_argument("--least", type=float, default=0.002, help="frames below this share are cut [0.002]")
    parser.add_argument("--without", type=re.compile, default=MACHINERY, help="frames left out, a regular expression")
    options = parser.parse_args()
    root = tree(stacks(sys.stdin), options.without)
    if not root[0]:
        sys.exit("no samples on stdin")
    print(svg(root, options.title, options.least))


if __name__ == "__main__":
    main()
