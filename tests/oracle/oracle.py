#!/usr/bin/env python3
"""A second definition of Tracklet's tables: plain Python, slow and obvious, from files to tables.

    oracle.py INPUT_DIR [--config tracklet.toml] --out DIR      every table as DIR/<table>.jsonl, and DIR/rows.json
    oracle.py --corpus corpus --check|--write [CASE...]         recompute the expected tables of the cases

Shares no code with the product, so that a mistake has to be made twice to go unseen. Reading the files is in
`reading.py`, event names in `event_names.py`. Exit 0: done; 1: a case differs; 2: could not run.
"""

import argparse
import difflib
import hashlib
import json
import re
import sys
import tomllib
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import events
import session_columns
from event_names import CONVENTIONS
from event_times import FIRST_TIME, LAST_TIME, TIME_UNITS, time_text
from reading import Reject, read_folder, start_of

MINUTE = 60_000_000
DURATION_UNITS = {"s": 1_000_000, "m": MINUTE, "h": 60 * MINUTE}


@dataclass
class Config:
    """The settings that change tables. The defaults are the contract's."""

    columns: dict = field(default_factory=dict)
    # Whether event ids are made of the rows.
    ids_from_rows: bool = False
    # Those that are read: of events and of evidence.
    types: list = field(default_factory=lambda: ["track"])
    evidence: list = field(default_factory=list)
    event_columns: list = field(default_factory=list)
    # The section `[columns]` as it is written.
    column_settings: dict = field(default_factory=dict)
    # Whether there are tables of events and sessions.
    events: bool = False
    session_columns: list = field(default_factory=list)
    # The section `[session.columns]` as it is written.
    session_column_settings: dict = field(default_factory=dict)
    ignore: list = field(default_factory=lambda: ["usual"])
    event_names: str = "rudderstack"
    time_unit: str | None = None
    csv: dict = field(default_factory=dict)
    format: str | None = None
    timeout: int = 30 * MINUTE
    exact: bool = False
    dedupe: bool = True
    counts: dict = field(default_factory=lambda: {"cnt_viewed_product": ["viewed_product"], "cnt_signup": ["signup"]})
    flow_length: int = 5

    def sessions(self):
        """The section `[sessions]` that says the same. The package has a variable for each key, called as it is."""
        minutes, rest = divmod(self.timeout, MINUTE)
        return {
            "timeout": f"{self.timeout // 1000}ms" if rest else minutes,
            "boundary": "exact" if self.exact else "whole_minutes",
        }

    @classmethod
    def from_toml(cls, settings):
        config = cls()
        source, sessions = settings.get("source", {}), settings.get("sessions", {})
        if "where" in source:
            raise ValueError("`[source] where` is not known to this oracle")
        config.columns = dict(source.get("columns", {}))
        config.ids_from_rows = config.columns.get("event_id") == "from_row"
        if config.ids_from_rows:
            del config.columns["event_id"]
        types = source.get("types", ["track"])
        types = [types] if isinstance(types, str) else types
        evidence = settings.get("identity", {}).get("evidence", [])
        config.evidence = [evidence] if isinstance(evidence, str) else evidence
        if both := set(types) & set(config.evidence):
            raise ValueError(f"{both} can't be both events and evidence")
        config.types = [name for name in events.TYPES if name in [*types, *config.evidence]]
        config.column_settings = settings.get("columns", {})
        config.event_columns = events.columns_of(config.column_settings)
        config.session_column_settings = settings.get("session", {}).get("columns", {})
        config.session_columns = session_columns.columns_of(config.session_column_settings)
        config.events = config.types != ["track"] or "columns" in settings or "session" in settings
        config.event_names = source.get("event_names", "rudderstack")
        if config.event_names not in CONVENTIONS:
            raise ValueError(f"`event_names = {config.event_names!r}` is none of {', '.join(CONVENTIONS)}")
        config.time_unit = source.get("time_unit")
        if config.time_unit not in (None, *TIME_UNITS):
            raise ValueError(f"`time_unit = {config.time_unit!r}` is none of {', '.join(TIME_UNITS)}")
        config.csv = source.get("csv", {})
        config.format = source.get("format")
        ignore = settings.get("identity", {}).get("ignore", "usual")
        config.ignore = [ignore] if isinstance(ignore, str) else ignore
        config.exact = {"whole_minutes": False, "exact": True}[sessions.get("boundary", "whole_minutes")]
        timeout = sessions.get("timeout", 30)
        if isinstance(timeout, int):
            config.timeout = timeout * MINUTE
        else:
            config.timeout = int(timeout[:-1]) * DURATION_UNITS[timeout[-1]]
        if config.timeout % MINUTE and not config.exact:
            raise ValueError("a timeout of part-minutes needs `boundary = \"exact\"`")
        config.dedupe = settings.get("dedupe", True)
        if "counts" in settings:
            config.counts = {
                column: [names] if isinstance(names, str) else names for column, names in settings["counts"].items()
            }
        config.flow_length = settings.get("flow", {}).get("length", 5)
        return config


def bytes_of(text):
    return text.encode("utf-8")


def nulls_last(value):
    if value is None:
        return (1,)
    return (0, bytes_of(value) if isinstance(value, str) else value)


NAMED_IDS = {"usual": {"null", "(null)", "none", "nan", "undefined", "n/a", "\\n", "[object object]"}}
NAMED_IDS["strict"] = NAMED_IDS["usual"] | {"unknown", "anonymous", "guest", "(not set)", "true", "false", "-1"}
ZEROS = {"usual": r"0{8}-0{4}-0{4}-0{4}-0{12}|0{32}", "strict": r"[0-]+"}


def ascii_lower(text):
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def known_id(value, config):
    """The id, or None if it stands for none."""
    if value is None:
        return None
    plain = ascii_lower(value.strip(" "))
    for entry in (ascii_lower(entry.strip(" ")) for entry in config.ignore):
        if entry in NAMED_IDS:
            if plain in NAMED_IDS[entry] or re.fullmatch(ZEROS[entry], plain):
                return None
        elif entry and plain == entry:
            return None
    return value


def with_known_ids(track, config):
    return replace(track, anonymous_id=known_id(track.anonymous_id, config), user_id=known_id(track.user_id, config))


def reject_reason(track, config):
    """The first reason that a parsed row can't be sessionized, or None."""
    texts = (track.event_id, track.anonymous_id, track.user_id, track.event)
    if track.too_long:
        return track.too_long
    if track.not_text or any(text is not None and "\0" in text for text in texts):
        return "invalid_text"
    if track.event_id is None and not config.ids_from_rows:
        return "missing_event_id"
    if track.timestamp is None:
        return "missing_timestamp"
    if track.timestamp == "bad":
        return "bad_timestamp"
    if not FIRST_TIME <= track.timestamp < LAST_TIME:
        return "timestamp_out_of_range"
    if track.anonymous_id is None and track.user_id is None:
        return "missing_ids"
    return None


def precedence(track):
    """By which the least of tracks with one event id is found."""
    texts = (track.anonymous_id, track.user_id, track.event)
    carried = (track.event_type, *track.columns.values())
    return (track.timestamp, nulls_last(track.received_at), *map(nulls_last, texts), *map(nulls_last, carried))


def text_of_row(track):
    """What the id of a row is the MD5 of."""
    values = [track.anonymous_id, track.user_id, track.event, track.timestamp, track.received_at, track.event_type]
    for value in track.columns.values():
        if isinstance(value, bool):
            values.append("true" if value else "false")
        else:
            values.append(int(value.scaleb(6)) if isinstance(value, Decimal) else value)
    return "\x1f".join("-" if value is None else f"+{value}" for value in values)


def with_ids_of_rows(tracks):
    """The tracks with ids made of themselves, numbered where several have one text."""
    made, rows = [], {}
    for track in sorted(tracks, key=precedence):
        text = text_of_row(track)
        rows[text] = rows.get(text, 0) + 1
        number = "" if rows[text] == 1 else f"-{rows[text]}"
        made.append(replace(track, event_id=hashlib.md5(bytes_of(text)).hexdigest() + number))
    return made


def dedupe(tracks):
    """(kept, dropped): of each event id the least track is kept."""
    kept, dropped = {}, []
    for track in sorted(tracks, key=precedence):
        if track.event_id in kept:
            dropped.append(track)
        else:
            kept[track.event_id] = track
    dropped.sort(key=lambda track: (bytes_of(track.event_id), precedence(track)))
    return list(kept.values()), dropped


def map_aliases(tracks):
    latest = {}
    for track in tracks:
        if track.anonymous_id is not None and track.user_id is not None:
            candidate = (track.timestamp, bytes_of(track.user_id), track.user_id)
            latest[track.anonymous_id] = max(candidate, latest.get(track.anonymous_id, candidate))
    ids = {track.anonymous_id for track in tracks} | {track.user_id for track in tracks}
    return {alias: latest[alias][2] if alias in latest else alias for alias in ids if alias is not None}


@dataclass
class Placed:
    """A track with its place: visitor, idle time, session number, and number within the session."""

    track: object
    visitor: str
    idle: int | None
    session: int
    number: int

    @property
    def session_id(self):
        return f"{self.session} - {self.visitor}"


def sessionize(tracks, aliases, config):
    """Every track with its place, by (visitor, timestamp, event id)."""

    def key(track):
        return (
            bytes_of(aliases[track.user_id if track.user_id is not None else track.anonymous_id]),
            track.timestamp,
            bytes_of(track.event_id),
            nulls_last(track.anonymous_id),
            nulls_last(track.event),
        )

    placed, before = [], None
    for track in sorted(tracks, key=key):
        visitor = key(track)[0].decode("utf-8")
        if before is None or before.visitor != visitor:
            here = Placed(track, visitor, None, 1, 1)
        else:
            gap = track.timestamp - before.track.timestamp
            idle = gap // MINUTE
            new = gap > config.timeout if config.exact else idle > config.timeout // MINUTE
            if new:
                here = Placed(track, visitor, idle, before.session + 1, 1)
            else:
                here = Placed(track, visitor, idle, before.session, before.number + 1)
        placed.append(here)
        before = here
    return placed


def build_tables(tracks, rejects, config):
    """({table: [row]}, how many rows each part has). A row is a dict in column order, times as text."""
    accepted, rejected = [], list(rejects)
    for track in tracks:
        track = with_known_ids(track, config)
        reason = reject_reason(track, config)
        if reason is None:
            accepted.append(track)
        else:
            raw = {name: start_of(text) for name, text in track.raw.items()}
            rejected.append(Reject(track.source_file, track.row_number, reason, raw, None))
    rejected.sort(key=lambda reject: (bytes_of(reject.source_file), reject.row_number or 0))
    for track in accepted:
        if track.received_at == "bad" or not (
            track.received_at is None or FIRST_TIME <= track.received_at < LAST_TIME
        ):
            track.received_at = None
    if config.ids_from_rows:
        kept, dropped = with_ids_of_rows(accepted), []
    else:
        kept, dropped = dedupe(accepted) if config.dedupe else (accepted, [])
    aliases = map_aliases(kept)
    evidence = [track for track in kept if track.event_type in config.evidence]
    kept = [track for track in kept if track.event_type not in config.evidence]
    placed = sessionize(kept, aliases, config)

    sessions = {}
    for place in placed:
        sessions.setdefault((place.visitor, place.session), []).append(place)
    visitors = {}
    for (visitor, _), places in sessions.items():
        visitors.setdefault(visitor, []).append(places[0].track.timestamp)

    tables = {name: [] for name in TABLES}
    for alias in sorted(aliases, key=bytes_of):
        tables["dbt_aliases_mapping"].append({"alias": alias, "dbt_visitor_id": aliases[alias]})
    for place in placed:
        track = place.track
        tables["dbt_mapped_tracks"].append({
            "event_id": track.event_id,
            "anonymous_id": track.anonymous_id,
            "dbt_visitor_id": place.visitor,
            "timestamp": time_text(track.timestamp),
            "event": track.event,
            "idle_time_minutes": place.idle,
        })
        tables["dbt_track_facts"].append({
            "anonymous_id": track.anonymous_id,
            "timestamp": time_text(track.timestamp),
            "event_id": track.event_id,
            "event": track.event,
            "session_id": place.session_id,
            "dbt_visitor_id": place.visitor,
            "track_sequence_number": place.number,
        })
    for (visitor, number), places in sessions.items():
        session_id = f"{number} - {visitor}"
        start, end = places[0].track.timestamp, places[-1].track.timestamp
        following = sessions.get((visitor, number + 1))
        tables["dbt_session_tracks"].append({
            "session_id": session_id,
            "dbt_visitor_id": visitor,
            "session_start_at": time_text(start),
            "session_sequence_number": number,
            "next_session_start_at": time_text(following[0].track.timestamp) if following else None,
        })
        facts = {
            "session_id": session_id,
            "ended_at": time_text(end),
            "num_pvs": len({place.track.event_id for place in places}),
        }
        for column, names in config.counts.items():
            facts[column] = sum(place.track.event in names for place in places)
        tables["dbt_session_track_facts"].append(facts)
        tables["dbt_session_duration"].append({
            "dbt_visitor_id": visitor,
            "session_id": session_id,
            "session_duration": (end - start) // MINUTE,
        })
        for index, place in enumerate(places):
            flow = {
                "event_id": place.track.event_id,
                "session_id": session_id,
                "track_sequence_number": place.number,
                "event": place.track.event,
                "dbt_visitor_id": visitor,
                "timestamp": time_text(place.track.timestamp),
            }
            for ahead in range(1, config.flow_length):
                there = index + ahead
                flow[f"event_{ahead + 1}"] = places[there].track.event if there < len(places) else None
            tables["dbt_tracks_flow"].append(flow)
    if config.events:
        add_events(tables, sessions, config)
    for visitor, starts in visitors.items():
        tables["dbt_user_session_facts"].append({
            "dbt_visitor_id": visitor,
            "first_date": time_text(min(starts)),
            "last_date": time_text(max(starts)),
            "number_of_sessions": len(starts),
        })
    for track in dropped:
        tables["tracklet_duplicates"].append(whole(track))
    if config.evidence:
        tables["evidence"] = [{**whole(track), "event_type": track.event_type} for track in evidence]
    for reject in rejected:
        tables["tracklet_rejects"].append({
            "source_file": reject.source_file,
            "row_number": reject.row_number,
            "reason": reject.reason,
            **reject.columns,
            "raw": reject.line,
        })
    counts = {"sessionized": len(kept), "evidence": len(evidence), "duplicates": len(dropped), "rejected": len(rejected)}
    if not evidence:
        del counts["evidence"]
    return tables, counts


def whole(track):
    """A row as it was accepted."""
    return {
        "event_id": track.event_id,
        "anonymous_id": track.anonymous_id,
        "user_id": track.user_id,
        "event": track.event,
        "timestamp": time_text(track.timestamp),
        "received_at": time_text(track.received_at),
    }


def add_events(tables, sessions, config):
    """The tables of events and sessions."""
    tables["tracklet_events"], tables["tracklet_sessions"] = [], []
    for (visitor, number), places in sessions.items():
        session_id, reason = f"{number} - {visitor}", "first" if number == 1 else "idle"
        following = sessions.get((visitor, number + 1))
        for place in places:
            tables["tracklet_events"].append({
                "event_id": place.track.event_id,
                "event_type": place.track.event_type,
                "event": place.track.event,
                "anonymous_id": place.track.anonymous_id,
                "user_id": place.track.user_id,
                "dbt_visitor_id": visitor,
                "timestamp": time_text(place.track.timestamp),
                "session_id": session_id,
                "session_key": places[0].track.event_id,
                "event_sequence_number": place.number,
                "start_reason": reason if place is places[0] else None,
                **{name: events.shown(value) for name, value in place.track.columns.items()},
            })
        tables["tracklet_sessions"].append({
            "session_key": places[0].track.event_id,
            "session_id": session_id,
            "dbt_visitor_id": visitor,
            "session_sequence_number": number,
            "session_start_at": time_text(places[0].track.timestamp),
            "ended_at": time_text(places[-1].track.timestamp),
            "next_session_start_at": time_text(following[0].track.timestamp) if following else None,
            "start_reason": reason,
            "events": len(places),
            **{
                column.name: session_columns.shown(column, [place.track for place in places])
                for column in config.session_columns
            },
        })


TABLES = (
    "dbt_aliases_mapping",
    "dbt_mapped_tracks",
    "dbt_session_tracks",
    "dbt_track_facts",
    "dbt_session_track_facts",
    "dbt_user_session_facts",
    "dbt_session_duration",
    "dbt_tracks_flow",
    "tracklet_rejects",
    "tracklet_duplicates",
)


def tables_of(config):
    """The names of the tables that a configuration implies."""
    return [*TABLES, *(["tracklet_events", "tracklet_sessions"] if config.events else [])]


def outputs(folder, config):
    """{file name: text} of every table, and of the sum of where each row went."""
    tracks, rejects, skipped = read_folder(folder, config)
    tables, counts = build_tables(tracks, rejects, config)
    rows = {"read": sum(counts.values()), **counts, "skipped": skipped}
    assert rows["read"] == len(tracks) + len(rejects), "a row was lost"
    files = {
        f"{name}.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table)
        for name, table in tables.items()
    }
    return {**files, "rows.json": json.dumps(rows) + "\n"}


def write(files, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode("utf-8"))


def check(case, files):
    """Prints how the expected tables differ, rows as multisets; whether they agree."""
    same = True
    for extra in sorted({path.name for path in (case / "expected").glob("*")} - set(files)):
        print(f"{case.name}: {extra} is no table")
        same = False
    for name, text in files.items():
        path = case / "expected" / name
        expected = path.read_bytes().decode("utf-8") if path.exists() else "(no file)\n"
        # Not `splitlines`: ids may hold U+0085 or U+2028, which it takes for line ends.
        lines = [sorted(line + "\n" for line in part.split("\n") if line) for part in (expected, text)]
        if lines[0] != lines[1]:
            same = False
            sys.stdout.writelines(difflib.unified_diff(*lines, f"{case.name}/{name} expected", "computed", n=0))
    return same


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", nargs="*", metavar="INPUT_DIR|CASE")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--corpus", type=Path)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true")
    mode.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.corpus is None:
        if len(arguments.input) != 1 or arguments.out is None:
            parser.error("one INPUT_DIR and --out are needed")
        settings = tomllib.loads(arguments.config.read_text("utf-8")) if arguments.config else {}
        write(outputs(Path(arguments.input[0]), Config.from_toml(settings)), arguments.out)
        return 0
    if not (arguments.check or arguments.write):
        parser.error("--corpus needs --check or --write")
    cases = [arguments.corpus / name for name in arguments.input]
    cases = cases or sorted(path.parent for path in arguments.corpus.glob("*/case.toml"))
    if not cases:
        parser.error(f"no case below {arguments.corpus}")
    same = True
    for case in cases:
        settings = tomllib.loads((case / "case.toml").read_text("utf-8"))
        files = outputs(case / "input", Config.from_toml(settings.get("config", {})))
        if arguments.write:
            write(files, case / "expected")
        else:
            same = check(case, files) and same
    print(f"{len(cases)} cases {'written' if arguments.write else 'agree' if same else 'checked, some differ'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
