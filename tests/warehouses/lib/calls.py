"""Calls of every type in a warehouse: a table for each type, with the columns that events carry something of."""

import random

from lib.definition import events
from lib.warehouse import quoted, time_for_loading

# Texts for columns of texts, and of numbers, with what is none among them.
TEXTS = ["a", "B", "é", "", None, "$direct", " a", "it's", "n\0l", "true", "{{ x }}", "back\\slash", "naïve 😀"]
LONG_TEXTS = ["x" * 16_383, "x" * 16_384, "é" * 8_191, "é" * 8_192]
NUMBERS = [
    "1", "1.5", "-2.25", "0.0000005", "-0.0000005", "-0.0000004", "1.2345675", "007", "0" * 30 + "5", "9" * 22 + ".9999994",
    "9" * 22 + ".9999995", "-" + "9" * 22 + ".9999995", "1" + "0" * 22, "1e3", " 1", "1 ", "+1", "1,5", ".5", "-.5", "5.", ".", "-", "", None,
    "1-", "1.2.3", "--1", "x", "0x1", "NaN", "-0", "12345678901234567890.123456",
]
# URLs and what only looks so, and agents and names of systems of which words, their case and their order say something else.
URLS = [
    "https://a.example", "HTTPS://WWW.A.Example:443/P?q#f", "https://www.www.example", "https://wwwa.example", "//a.example/p",
    "//a.example://b.example", "https://a.example?x=/y", "https://a.example#f?", "https://ann:secret@a.example:8080/", "https://a.example/@ann",
    "https://[2001:DB8::1]:443/", "https://ann@[::1]", "https://MÜNCHEN.example/", " https://a.example ", "a.example/p", "/p?u=https://b.example",
    "p#://b.example", "q?://b.example", "mailto:ann@a.example", "://", "https://", "https://www.", "https:///p", "https://:80/", "https://@/",
    "https://a@b@c.example/", "https://[::1/", "https://[::1", "https:/a.example", "://a.example", "x://y://z", "//", "///", "//www.a.example:1@b:2",
]
AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0 Safari/537.36 Edg/120.0", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) "
    "AppleWebKit/605.1.15 Version/17.0 Mobile/15E148 Safari/604.1", "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE) AppleWebKit/537.36 Chrome/99 Mobile",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "cubot googlebot", "CURL/8.0", "Dalvik/2.1.0 (Linux; U; Android 12)",
    "Mozilla/5.0 (Linux; Android 12; SM-T870)", "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; Tablet PC 2.0)", "iPadOS", "IOS", "Windows Mobile", "Android TV",
    "Darwin", "Plan 9", "Version/4 safari/5", "musical_ly", "musicalxly", "lİnux",
]


def type_of(table):
    """The type of the calls in a source table, by its name."""
    return events.TABLE_TYPES.get(table[-1], "track")


def tables(tracks, config):
    """The source tables beside one of tracks, that one first, one for each type that is asked for."""
    return [tracks] * ("track" in config.types) + [
        (*tracks[:-1], events.TYPES[name][1]) for name in config.types if name != "track"]


def sources_of(config, event_type):
    """The columns of the source that events of a type carry something of, or something that is derived from it."""
    columns = [*config.event_columns, *(events.Column(column.name, column.os_name) for column in config.event_columns)]
    return list(dict.fromkeys(name for column in columns for name in column.names(event_type)))


def carried_columns(types, settings, evidence, session_columns):
    """What the models' functions carried_columns and derived_texts give."""
    if types == ["track"] and not settings and not evidence and not session_columns:
        return [], []
    preset = {column.name for column in events.preset(settings["preset"])} - set(settings) if "preset" in settings else set()

    def described(column):
        kind = "number" if column.is_number else "truth" if column.function == "is_bot" else "text"
        return {"name": column.name, "type": kind, "no_value": column.no_value, "is_of_preset": column.name in preset}

    def sources(listed):
        return [{"name": name, "of": of} for name, of in listed]

    found = events.columns_of(settings)
    columns = [{"name": "event_type", "type": "event_type"}]
    columns += [described(column) | ({"function": column.function} if column.function else {"sources": sources(column.sources)}) for column in found]
    columns = [column | {"inner": f"carried_{number}"} for number, column in enumerate(columns, 1)]
    texts = []

    def lowered(derived, listed, no_value, is_url):
        """The name under which a text is looked at."""
        same = [
            other["inner"] for other in [*(column for column in columns if column["type"] == "text" and "sources" in column), *texts]
            if other["sources"] == sources(listed) and other["no_value"] == no_value]
        for text in texts:
            if text["inner"] in same[:1] and text["is_url"] == is_url:
                return text["lowered"]
        number = len(texts) + 1
        texts.append({
            "name": derived["name"], "type": "text", "no_value": no_value, "sources": sources(listed), "is_of_preset": derived["is_of_preset"],
            "inner": same[0] if same else f"derived_from_{number}", "is_read": not same, "is_url": is_url, "lowered": f"lowered_{number}"})
        return texts[-1]["lowered"]

    for column, own in zip(columns[1:], found, strict=True):
        if own.function:
            column["of"] = lowered(column, own.sources, own.no_value, own.function == "host")
            column["os_name"] = lowered(column, own.os_name, [], False) if own.os_name else None
    return columns, texts


def without_ids(rows):
    """The rows where ids are made of them: no column of ids is read."""
    return [row | {"event_id": None} for row in rows]


def of_types(rows, config, seed):
    """The rows as calls of the types of a configuration, with something in the columns that they carry."""
    draw = random.Random(seed)
    numbers = {name for column in config.event_columns if column.is_number for name, _ in column.sources}
    urls = {name for column in config.event_columns if column.function == "host" for name, _ in column.sources}
    agents = {name for column in config.event_columns if column.function and column.function != "host" for name, _ in [*column.sources, *column.os_name]}

    def value(name):
        kinds = [NUMBERS] if name in numbers else [TEXTS, *([URLS] * 3 if name in urls else []), *([AGENTS] * 3 if name in agents else [])]
        return draw.choice(draw.choice(kinds))

    typed = []
    for row in rows:
        event_type = draw.choice(config.types)
        event = events.TYPES[event_type][0] or row["event"]
        sources = {name: value(name) for name in sources_of(config, event_type)}
        if draw.random() < 0.01:
            sources |= {draw.choice([name for name in sources if name not in numbers]): draw.choice(LONG_TEXTS)}
        typed.append(row | {"event": event, "event_type": event_type, "sources": sources})
    return typed


def sources_of_others(config, event_type):
    """The columns of which calls of other types alone carry something."""
    own = sources_of(config, event_type)
    return [name for other in config.types for name in sources_of(config, other) if name not in own and name != "event"]


def columns(config, event_type):
    """The names of a table's columns, as RudderStack has them: also those that are read of calls of other types alone."""
    event = ["event"] if event_type == "track" else []
    others = dict.fromkeys(sources_of_others(config, event_type))
    return ["id", "received_at", "anonymous_id", "user_id", "timestamp", *event, *sources_of(config, event_type), *others]


def loaded_columns(config, event_type):
    """The names that `tracklet load` gives the columns of a table: of each that events carry the first source that is free."""
    names = [*([] if config.ids_from_rows else ["id"]), "anonymous_id", "user_id", *(["event"] if event_type == "track" else []), "timestamp", "received_at"]
    # What is carried comes first, then what is derived from alone; what two are read from alike is there once.
    carried = [column for column in config.event_columns if not column.function]
    for column in config.event_columns:
        if column.function:
            carried += [events.Column(column.name, sources) for sources in (column.os_name, column.sources)]
    distinct = {}
    for column in carried:
        if column.names(event_type):
            distinct.setdefault((column.is_number, *column.names(event_type)), column)
    for column in distinct.values():
        others = {name for other in distinct.values() if other is not column for name in other.names(event_type)}
        names += [name for name in column.names(event_type) if name not in others][:1]
    return names


def values(warehouse, row, config, event_type):
    """A row of such a table."""
    sources = [row["sources"].get(name) for name in sources_of(config, event_type)]
    # A text that the warehouse can't hold is no value anyway.
    sources = [value if warehouse.loadable([row | {"text": value}]) else None for value in sources]
    event = [row["event"]] if event_type == "track" else []
    others = ["Other Text" for _ in dict.fromkeys(sources_of_others(config, event_type))]
    return (
        row["event_id"], time_for_loading(row["received_at"]), row["anonymous_id"], row["user_id"], time_for_loading(row["timestamp"]),
        *event, *sources, *others)


def load(warehouse, tables, config, rows):
    """A table for each type."""
    warehouse.execute([f"create schema {quoted(schema)}" for schema in dict.fromkeys(schema for schema, _ in tables)])
    for table in tables:
        event_type = type_of(table)
        times = {"received_at", "timestamp"}
        kinds = [f"{quoted(name)} {'timestamptz' if name in times else 'text'}" for name in columns(config, event_type)]
        warehouse.execute([f"create table {quoted(*table)} ({', '.join(kinds)})"])
        chosen = [values(warehouse, row, config, event_type) for row in rows if row["event_type"] == event_type]
        if chosen:
            warehouse.insert(quoted(*table), chosen)


