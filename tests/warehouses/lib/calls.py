"""Calls of every type in a warehouse: a table for each type, with the columns that events carry something of."""

import dataclasses
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


def in_warehouses(config):
    """The configuration without the columns that runs from files alone derive."""
    return dataclasses.replace(config, event_columns=[column for column in config.event_columns if not column.function])


def type_of(table):
    """The type of the calls in a source table, by its name."""
    return events.TABLE_TYPES.get(table[-1], "track")


def tables(tracks, config):
    """The source tables beside one of tracks, that one first, one for each type that is asked for."""
    return [tracks] * ("track" in config.types) + [
        (*tracks[:-1], events.TYPES[name][1]) for name in config.types if name != "track"]


def sources_of(config, event_type):
    """The columns of the source that events of a type carry something of."""
    return list(dict.fromkeys(name for column in config.event_columns for name in column.names(event_type)))


def carried_columns(types, settings):
    """What the models' function of this name gives."""
    if types == ["track"] and not settings:
        return []
    preset = {column.name for column in events.preset(settings["preset"])} - set(settings) if "preset" in settings else set()
    columns = [{"name": "event_type", "type": "event_type"}] + [
        {
            "name": column.name, "type": "number" if column.is_number else "text", "no_value": column.no_value,
            "sources": [{"name": name, "of": of} for name, of in column.sources], "is_of_preset": column.name in preset,
        } for column in events.columns_of(settings) if not column.function]
    return [column | {"inner": f"carried_{number}"} for number, column in enumerate(columns, 1)]


def of_types(rows, config, seed):
    """The rows as calls of the types of a configuration, with something in the columns that they carry."""
    draw = random.Random(seed)
    numbers = {name for column in config.event_columns if column.is_number for name, _ in column.sources}
    typed = []
    for row in rows:
        event_type = draw.choice(config.types)
        event = events.TYPES[event_type][0] or row["event"]
        sources = {name: draw.choice(NUMBERS if name in numbers else TEXTS) for name in sources_of(config, event_type)}
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
    names = ["id", "anonymous_id", "user_id", *(["event"] if event_type == "track" else []), "timestamp", "received_at"]
    for column in config.event_columns:
        others = {name for other in config.event_columns if other is not column for name in other.names(event_type)}
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


