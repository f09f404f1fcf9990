"""Columns that are derived from URLs and user agents, with the lists of words that the product has."""

import string
import tomllib
from pathlib import Path

LISTS = tomllib.loads((Path(__file__).resolve().parents[2] / "crates/config/src/word_lists.toml").read_text("utf-8"))
FUNCTIONS = ("host", "is_bot", "browser", "os", "device_category")
TO_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def host(url):
    """The host of a URL, or None."""
    if url.startswith("//"):
        rest = url[2:]
    else:
        scheme, mark, rest = url.partition("://")
        if not mark or set(scheme) & set("/?#"):
            return None
    for end in "/?#":
        rest = rest.partition(end)[0]
    if "@" in rest:
        rest = rest.partition("@")[2]
    if rest.startswith("["):
        if "]" not in rest:
            return None
        found = rest.partition("]")[0] + "]"
    else:
        found = rest.partition(":")[0]
    found = found.translate(TO_LOWER).removeprefix("www.")
    return None if not found or "@" in found or " " in found else found


def said(text, name):
    """What the first rule of a list says that holds for a text, or None."""
    text = text.translate(TO_LOWER)

    def some(words):
        return any(word in text for word in words)

    for rule in LISTS[name]:
        if some(rule["words"]) and some(rule.get("with", [""])) and not some(rule.get("without", [])):
            return rule["value"]
    return None


def derive(function, text, os_name):
    """The value of a derived column of a URL or user agent and the name of an operating system, each a text or None."""
    if function == "host":
        return None if text is None else host(text)
    if function == "is_bot":
        return text is not None and said(text, "is_bot") == "true"
    if text is None and os_name is None:
        return None
    text, os_name = text or "", os_name or ""
    if function == "browser":
        return said(text, "browser") or "Other"
    if function == "os":
        return said(os_name, "os_of_name") or said(text, "os") or "Other"
    found = said(os_name, "device_category_of_name") or said(text, "device_category")
    return found or said(os_name, "device_category_of_name_alone") or "other"
