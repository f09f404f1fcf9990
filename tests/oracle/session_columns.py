"""Columns of sessions: what `[session.columns]` says of a session's events."""

from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

import events
from event_times import time_text

FUNCTIONS = ("first", "last", "min", "max", "sum", "count", "distinct", "any")


@dataclass
class SessionColumn:
    """A column of `tracklet_sessions`: a function of a column of the session's events, None for a count of them."""

    name: str
    function: str
    column: str | None
    # The types, and the names, of the events that count; both empty for all.
    types: list
    names: list
    # The columns of which one has a value on the event that is picked.
    at: list


def listed(value):
    return [value] if isinstance(value, str) else list(value)


def columns_of(settings):
    """The columns of a section `[session.columns]`."""
    found = []
    for name, value in settings.items():
        (function,) = [key for key in value if key in FUNCTIONS]
        column = value[function]
        of = listed(value.get("of", []))
        found.append(SessionColumn(
            name, function, None if column == "*" else column,
            [entry for entry in of if entry in events.TYPES], [entry for entry in of if entry not in events.TYPES],
            listed(value.get("at", column))))
    return found


def value_of(track, name):
    """What a row of `tracklet_events` has in a column, times as numbers."""
    if name in ("event_id", "event_type", "event", "anonymous_id", "user_id", "timestamp"):
        return getattr(track, name)
    return next(value for column, value in track.columns.items() if column.lower() == name.lower())


def value(column, tracks):
    """The value of a column for a session of these events, which are in order."""
    if column.types or column.names:
        tracks = [track for track in tracks if track.event_type in column.types or track.event in column.names]
    if column.function in ("first", "last"):
        picked = [track for track in tracks if any(value_of(track, name) is not None for name in column.at)]
        if not picked:
            return None
        return value_of(picked[0 if column.function == "first" else -1], column.column)
    values = [track if column.column is None else value_of(track, column.column) for track in tracks]
    values = [value for value in values if value is not None]
    match column.function:
        case "min":
            return min(values, default=None)
        case "max":
            return max(values, default=None)
        case "sum":
            # The usual context has fewer digits than a sum.
            return reduce(events.EXACT.add, values, Decimal("0.000000"))
        case "count":
            return len(values)
        case "distinct":
            return len(set(values))
        case "any":
            return True in values


def shown(column, tracks):
    """The value as the tables show it."""
    found = value(column, tracks)
    is_time = column.column == "timestamp" and column.function in ("first", "last", "min", "max")
    return time_text(found) if is_time else events.shown(found)
