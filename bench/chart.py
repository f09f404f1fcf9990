"""Bars as SVG, readable on light and dark pages."""

from html import escape

WIDTH, LABEL, BAR, STEP, TOP = 720, 190, 22, 36, 48


def svg(title, bars):
    """`bars`: (name, seconds, gigabytes), in the order to draw them; the first is ours."""
    longest = max(seconds for _, seconds, _ in bars)
    height = TOP + STEP * len(bars) + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="14">',
        "<style>text{fill:#24292f}.o{fill:#0b7a75}.p{fill:#9aa4ae}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.o{fill:#2fb3aa}.p{fill:#59636e}}</style>",
        f'<text x="8" y="24" font-weight="bold">{escape(title)}: seconds (peak memory)</text>',
    ]
    for place, (name, seconds, gigabytes) in enumerate(bars):
        y = TOP + STEP * place
        width = max(2, (WIDTH - LABEL - 150) * seconds / longest)
        kind = "o" if name.startswith("tracklet") else "p"
        lines.append(f'<text x="8" y="{y + 16}">{escape(name)}</text>')
        lines.append(f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" rx="3"/>')
        lines.append(
            f'<text x="{LABEL + width + 8:.1f}" y="{y + 16}">{seconds:.1f} s ({gigabytes:.1f} GB)</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"
