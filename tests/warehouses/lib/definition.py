"""What SPEC.md says of canonical rows: the oracle of tests/oracle, asked without files.

A row is a dict of the six canonical columns as a warehouse has them; times are microseconds since 1970 in
UTC, or the texts "infinity" and "-infinity" that some warehouses know. Where events have types it has `event_type` too, and
`sources`, the texts in the columns that events carry something of.
"""

import sys
from datetime import date, datetime, timedelta
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "oracle"))

import event_times  # noqa: E402
import events  # noqa: E402
import oracle  # noqa: E402
import reading  # noqa: E402
from oracle import MINUTE, Config  # noqa: E402

DAY = event_times.DAY
COLUMNS = reading.CANONICAL
RANGE = (event_times.FIRST_TIME, event_times.LAST_TIME)
INFINITE = {"infinity": 2**62, "-infinity": -(2**62)}


def time_as_text(time):
    """RFC 3339 with six digits; years over 9999 have five."""
    if time is None or isinstance(time, str):
        return time
    days, rest = divmod(time, DAY)
    # Whole cycles of 400 years bring every year into what `date` can hold.
    cycles, days = divmod(days, 146_097)
    day = date(1970, 1, 1) + timedelta(days)
    clock = datetime.min + timedelta(microseconds=rest)
    return f"{day.year + 400 * cycles:04}-{day:%m-%d}T{clock:%H:%M:%S.%f}Z"


def ids_of(row, config):
    """The ids by which a person is forgotten: of the one that finds the row's visitor, of its user, of its device."""
    device, user = (oracle.known_id(row[name] or None, config) for name in ("anonymous_id", "user_id"))
    return {("v", user or device), ("u", user), ("a", device)}


def tables(rows, config):
    """Every table of a history, times as text: {table: [{column: value}]}."""
    tracks = []
    for number, row in enumerate(rows, 1):
        texts = {name: row[name] or None for name in COLUMNS[:4]}
        times = {name: INFINITE.get(row[name], row[name]) for name in COLUMNS[4:]}
        raw = {name: row[name] for name in COLUMNS[:4]} | {name: time_as_text(row[name]) for name in COLUMNS[4:]}
        event_type, sources = row.get("event_type", "track"), row.get("sources", {})
        carried = reading.carried(lambda name, _, sources=sources: sources.get(name), event_type, config)
        tracks.append(reading.Track(
            "", number, **texts, **times, not_text=False, raw=raw, texts=texts, event_type=event_type, **carried))
    return oracle.build_tables(tracks, [], config)[0]


def top_users(tables):
    """The analysis: visitors by average duration, longest first."""
    durations = {}
    for row in tables["dbt_session_duration"]:
        durations.setdefault(row["dbt_visitor_id"], []).append(row["session_duration"])
    averages = [(visitor, sum(minutes) / len(minutes)) for visitor, minutes in durations.items()]
    return sorted(averages, key=lambda row: (-row[1], row[0].encode()))


__all__ = ["COLUMNS", "DAY", "MINUTE", "RANGE", "Config", "events", "oracle", "reading", "tables", "time_as_text", "top_users"]
