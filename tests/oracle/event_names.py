"""Event names as warehouse destinations spell them: one function a convention, None when nothing is left."""

import re

# In a run of ASCII letters and digits, words are found from the left by the first of these that fits.
WITH_DIGITS = [r"[A-Z]?[a-z]+\d+", r"[A-Z]+\d+", r"\d+[A-Z]?[a-z]+", r"\d+[A-Z]+"]
WORDS = [r"[A-Z]?[a-z]+(?=[A-Z]|\Z)", r"[A-Z]+(?=[A-Z][a-z]|\Z)", r"[A-Z]?[a-z]+", r"[A-Z]+", r"\d+"]

# Unicode's White_Space property; Python's `str.strip()` also takes four control characters.
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def rudderstack(name, patterns=tuple(WITH_DIGITS + WORDS)):
    words = []
    for run in re.findall(r"[A-Za-z0-9]+", name):
        words += re.findall("|".join(patterns), run)
    snake = re.match(r"_*", name)[0] + "_".join(words).lower()
    if snake[:1].isdigit():
        snake = "_" + snake
    return snake or None


def rudderstack_divided(name):
    return rudderstack(name, tuple(WORDS))


def blendo(name):
    return name.strip(WHITE_SPACE).lower() or None


def segment(name):
    prefix = re.match(r"(?:[a-z0-9]|_(?=[a-z0-9]))*", name)[0]
    if prefix == name:
        return name or None
    if re.search(r"[0-9]\Z", prefix):
        prefix = prefix[:-1]
    snake, rest = prefix, name[len(prefix):]
    while rest := re.sub(r"\A[^A-Za-z0-9]+", "", rest):
        upper = re.match(r"[A-Z0-9]*", rest)[0]
        lower = re.match(r"[a-z0-9]*", rest[len(upper):])[0]
        snake += ("_" if snake else "") + upper.lower() + lower
        rest = rest[len(upper) + len(lower):]
    return snake or None


def raw(name):
    return name or None


CONVENTIONS = {
    "rudderstack": rudderstack,
    "rudderstack_divided": rudderstack_divided,
    "blendo": blendo,
    "segment": segment,
    "raw": raw,
}
