"""Event names as warehouse destinations spell them: one function a convention, None when nothing is left."""

import re

# In a run of ASCII letters and digits, words are found from the left by the first of these that fits.
WITH_DIGITS = [r"[A-Z]?[a-z]+\d+", r"[A-Z]+\d+", r"\d+[A-Z]?[a-z]+", r"\d+[A-Z]+"]
WORDS = [r"[A-Z]?[a-z]+(?=[A-Z]|\Z)", r"[A-Z]+(?=[A-Z][a-z]|\Z)", r"[A-Z]?[a-z]+", r"[A-Z]+", r"\d+"]

# Where digits stand apart, ordinals are words all the same: the last digit alone chooses the ending.
ORDINALS = [r"\d*(?:1st|2nd|3rd|[04-9]th)(?![a-z0-9])", r"\d*(?:1ST|2ND|3RD|[04-9]TH)(?![A-Z0-9])"]

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
    return rudderstack(name, tuple(ORDINALS + WORDS))


def blendo(name):
    return name.strip(WHITE_SPACE).lower() or None


def segment(name):
    """As the last release (1.2.0) of Segment's library spells names."""
    prefix = re.match(r"(?:[a-z0-9]+(?:_[a-z0-9]+)*)?", name)[0]
    rest = name[len(prefix):]
    words = [word.lower() for word in re.findall(r"[A-Z0-9]*[a-z0-9]*", rest) if word]
    if re.match(r"[A-Z]", rest) and not re.search(r"[a-z]", prefix.split("_")[-1]):
        return "_".join([prefix + words[0]] + words[1:])
    return "_".join([prefix] * (prefix != "") + words) or None


def raw(name):
    return name or None


CONVENTIONS = {
    "rudderstack": rudderstack,
    "rudderstack_divided": rudderstack_divided,
    "blendo": blendo,
    "segment": segment,
    "raw": raw,
}
