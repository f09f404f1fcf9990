"""House words that readers do not know: documents say what the field says.

    python3 tests/words.py

Names what a document has of the words below, with what to write instead. It is a list, not a linter: what is quoted as code is left out.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/**/*.md", "crates/*/FORMAT.md", "dbt/*.md", "examples/**/*.md"]
# What is not written, and what is.
WORDS = {
    r"(made|makes?|begins?|written) (\w+ ){0,3}anew": "rebuilt",
    r"put away": "spilled to disk",
    r"taken up again": "read back",
    r"aside": "staging table",
    r"(is|are) told": "reported, printed",
    r"at hand": "in memory",
    r"dealt": "partitioned",
    r"so that their number does not matter": "in constant memory",
    r"mended": "fixed",
    r"shall": "must, will",
}


def readable(text):
    """The lines without code: blocks, and words between backticks. What a command prints is no prose either."""
    is_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code and not line.startswith("    "):
            yield number, re.sub(r"`[^`]*`", "", line)


def main():
    found = []
    for pattern in DOCUMENTS:
        for path in sorted(ROOT.glob(pattern)):
            for number, line in readable(path.read_text("utf-8")):
                for word, better in WORDS.items():
                    found += [f"{path.relative_to(ROOT)}:{number}: `{match[0]}`: write {better}"
                              for match in re.finditer(rf"\b{word}\b", line, re.IGNORECASE)]
    print(*found, f"{len(found)} house words", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
