"""House words that readers do not know: documents, messages, comments and names say what the field says.

    python3 tests/words.py

Names each place that has one of the words below, with what to write instead. It is a list, not a linter. What is meant in its
ordinary sense, or is a published name, is an exception below, with its reason; an exception that nothing needs is an error.
Looked at are: prose in documents without what is quoted as code, comments, texts (the string literals of Rust and Python
outside of tests), the comments of SQL, and the parts of identifiers and of file names.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/**/*.md", "crates/*/FORMAT.md", "dbt/*.md", "examples/**/*.md",
             "bench/*.md", "bench/*/README.md", "corpus/*.md", "fuzz/**/*.md", "tests/**/*.md"]
# This list itself, and what others have written.
NOT_OURS = ["tests/words.py", "bench/peers/", "bench/runs/", "bench/warehouse/reference.sql", "crates/analysis/src/report/page/vendor/"]

# What prose does not say, and what it says.
WORDS = {
    r"anew": "rebuilt, again",
    r"put away": "spilled to disk",
    r"taken up again": "read back",
    r"asides?": "staging table",
    r"(is|are|was|were|be|being) told(?! apart)": "reported, printed",
    r"at hand": "in memory",
    r"dealt": "partitioned",
    r"so that their number does not matter": "in constant memory",
    r"mend(ed|ing|s)?": "fixed",
    r"shall": "must, will",
    r"asked of (the )?(tables|warehouses?)": "queried",
    r"heaps?(?! allocat)": "bucket",
    r"stretch(es)?": "block, range",
    r"room": "memory, capacity",
    r"(come|came|comes) of (it|them|the|a|one|every|each|all)": "the outcome of",
    r"beside (a|the|its) snapshot": "incrementally, on top of the last snapshot",
}
# What a message does not say besides.
OF_MESSAGES = {r"(is|are|was|were) (not |no longer )?there(?! (is|are|was|were))": "exists, does not exist"}
# Where comments are messages: help texts are made from them.
HELP = "crates/cli/src/arguments"
# The parts of identifiers that stand for something else.
PARTS = {
    "aside": "staging", "asides": "staging", "came": "inserted", "went": "deleted", "told": "reported, printed",
    "room": "capacity, budget", "piece": "chunk, part", "pieces": "chunks, parts", "heap": "bucket", "heaps": "buckets",
    "dealt": "partitioned", "stretch": "range", "stretches": "ranges", "news": "new batch", "anew": "rebuilt, again",
    "mended": "fixed", "shall": "must", "way": "mode, strategy", "ways": "modes, strategies", "share": "partition, bucket",
    "shares": "partitions, buckets", "at_hand": "in_memory",
}

# Where a word is meant as everybody means it, or is a published name: (file or start of its path, a text of the line) -> why.
EXCEPTIONS = {
    ("bench/flamegraph.py", "share"): "a part of the whole, in percent",
    ("bench/generator/src/options.rs", "share"): "a part of the whole, as the options of the generator call it",
    ("bench/generator/src/random.rs", "share"): "a part of the whole; and two streams that have bits in common",
    ("bench/generator/tests/statistics.rs", "share"): "a part of the whole",
    ("bench/hostile.py", "share"): "a part of the whole",
    ("crates/cli/src/commands/analysis/tune.rs", "share"): "a part of the whole, in percent",
    ("crates/warehouse/src/run/plan.rs", "is no longer there"): "a `reason` of `tracklet_runs`: stored texts stay",
    ("crates/warehouse/src/sql/render.rs", "aside"): "the tag `aside` of the dbt package, which `tag:aside` selects",
    ("tests/warehouses/conformance/", "share"): "a part of the whole",
}


def split_rust(text):
    """(kind, line, text) of a Rust file: `code`, `comment` or `text`."""
    token = re.compile(
        r"(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<text>b?r(?P<h>#*)\".*?\"(?P=h)|b?\"(?:\\.|[^\"\\])*\"|b?'(?:\\.[^']*|[^'\\])')", re.S)
    at = 0
    for match in token.finditer(text):
        yield "code", text.count("\n", 0, at) + 1, text[at:match.start()]
        yield "comment" if match["comment"] else "text", text.count("\n", 0, match.start()) + 1, match[0]
        at = match.end()
    yield "code", text.count("\n", 0, at) + 1, text[at:]


def split_python(text):
    """(kind, line, text) of a Python file; docstrings are comments."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {node.body[0].lineno for node in ast.walk(ast.parse(text)) if isinstance(node, documented) and ast.get_docstring(node)}
    literals = {getattr(tokenize, name) for name in ("STRING", "FSTRING_MIDDLE") if hasattr(tokenize, name)}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or (token.type in literals and token.start[0] in docs):
            yield "comment", token.start[0], token.string
        elif token.type in literals:
            yield "text", token.start[0], token.string
        elif token.type == tokenize.NAME:
            yield "code", token.start[0], token.string


def split_sql(text):
    """(kind, line, text) of a template of SQL. Its texts are values, so they are left out."""
    at = 0
    for match in re.finditer(r"(--[^\n]*|\{#.*?#\})|'(?:''|[^'\n])*'", text, re.S):
        yield "code", text.count("\n", 0, at) + 1, text[at:match.start()]
        if match[1]:
            yield "comment", text.count("\n", 0, match.start()) + 1, match[1]
        at = match.end()
    yield "code", text.count("\n", 0, at) + 1, text[at:]


SPLITTERS = {".rs": split_rust, ".py": split_python, ".sql": split_sql}


def is_test(path):
    return re.search(r"(^|/)tests?(/|\.rs$)|_tests\.rs$|^fuzz/", path) is not None


def prose_of_document(text):
    """The lines without code: blocks, and words between backticks. What a command prints is no prose either."""
    is_code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code and not line.startswith("    "):
            yield number, re.sub(r"`[^`]*`", "", line)


def of_prose(line, words):
    """(what is found, what to write) in a line."""
    for word, better in words.items():
        for match in re.finditer(rf"\b{word}\b", line, re.IGNORECASE):
            yield match[0], better


def of_identifiers(code):
    """(place in the code, identifier, what to write) of a piece of code."""
    for match in re.finditer(r"(?<!')\b[A-Za-z_]\w*", code):
        parts = [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", match[0])]
        for part in [*parts, *("_".join(pair) for pair in zip(parts, parts[1:]))]:
            if part in PARTS:
                yield match.start(), match[0], PARTS[part]


def of_file(path, text):
    """(line, what is found, what to write) in a file of code."""
    split = SPLITTERS[Path(path).suffix]
    # Rust's tests of a module stand at the end of its file.
    tests_from = text.count("\n", 0, text.find("#[cfg(test)]\nmod tests {")) if "#[cfg(test)]\nmod tests {" in text else 10**9
    for kind, first, part in split(text):
        if kind == "code":
            for at, name, better in of_identifiers(part):
                yield first + part.count("\n", 0, at), name, better
            continue
        is_message = (kind == "text" or path.startswith(HELP)) and not is_test(path) and first < tests_from
        if kind == "comment" or is_message:
            for number, line in enumerate(part.splitlines(), first):
                # A tail of code in a comment, and names, which are looked at where they are defined.
                prose = re.sub(r"`[^`]*`", "", line)
                for found, better in of_prose(prose, {**WORDS, **OF_MESSAGES} if is_message else WORDS):
                    yield number, found, better


def check_the_check():
    """What the rest of this file finds, and what it does not."""
    def found(path, text):
        return [name for _, name, _ in of_file(path, text)]

    assert found("crates/a/src/b.rs", "let is_aside = 1; struct PartWay; fn at_hand() {}") == ["is_aside", "PartWay", "at_hand"]
    assert found("crates/a/src/b.rs", 'let a = "`x` is not there"; // made anew\n') == ["is not there", "anew"]
    assert found("crates/a/src/b.rs", '#[error("what shall `aside` hold?")]') == ["shall"]
    assert found("crates/a/src/b.rs", "/// Told apart. `aside` is a name.\nfn away<'way>(always: &str) {}") == []
    assert found("crates/a/tests/b.rs", 'assert!(text == "it is there");') == []
    assert found("tests/a.py", 'def told(x):\n    """Is told."""\n    return f"{x} shall"  # at hand\n') == ["told", "Is told", "at hand"]
    assert found("bench/a.py", 'print("it shall")\n') == ["shall"]
    assert found("dbt/a.sql", "-- made anew\nselect tracks_went, 'aside' from way {# dealt #}") == ["anew", "tracks_went", "way", "dealt"]
    assert [name for name, _ in of_prose("It is told; the two can be told apart; shallow", WORDS)] == ["is told"]


def main():
    check_the_check()
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    ours = [path for path in listed if not path.startswith(tuple(NOT_OURS)) and (ROOT / path).is_file()]
    found, needed, looked_at = [], set(), 0

    def add(path, number, name, better):
        for start, text in EXCEPTIONS:
            if path.startswith(start) and text in name.lower():
                needed.add((start, text))
                return
        found.append(f"{path}{f':{number}' if number else ''}: `{name}`: write {better}")

    for pattern in DOCUMENTS:
        for path in sorted(ROOT.glob(pattern)):
            name_of_page = str(path.relative_to(ROOT))
            if name_of_page.startswith(tuple(NOT_OURS)):
                continue
            for number, line in prose_of_document(path.read_text("utf-8")):
                for name, better in of_prose(line, WORDS):
                    add(name_of_page, number, name, better)
    for path in ours:
        for _, name, better in of_identifiers(re.sub(r"[^A-Za-z0-9_]", " ", path.replace("-", "_"))):
            add(path, None, name, better)
        if Path(path).suffix in SPLITTERS:
            looked_at += 1
            for number, name, better in of_file(path, (ROOT / path).read_text("utf-8")):
                add(path, number, name, better)
    stale = [f"nothing needs the exception {exception}" for exception in EXCEPTIONS if exception not in needed]
    assert looked_at > 300, f"only {looked_at} files of code were looked at"
    print(*found, *stale, f"{len(found)} house words in {looked_at} files of code and in the documents", sep="\n")
    return 1 if found or stale else 0


if __name__ == "__main__":
    sys.exit(main())
