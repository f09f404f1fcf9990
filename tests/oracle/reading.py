"""Files to rows: RudderStack's JSON lines, CSV, and Parquet where pyarrow is installed."""

import json
import re
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from event_names import CONVENTIONS

SECOND = 1_000_000
DAY = 86_400 * SECOND
EPOCH = datetime(1970, 1, 1)
FIRST_TIME = 0
LAST_TIME = (datetime(2262, 1, 1) - EPOCH) // timedelta(microseconds=1)
RAW_LIMIT = 64 * 1024

CANONICAL = ("event_id", "anonymous_id", "user_id", "event", "timestamp", "received_at")
JSON_FIELDS = dict(zip(CANONICAL, ("messageId", "anonymousId", "userId", "event", "timestamp", "receivedAt")))
# The first of these that a table has is the column, unless the config maps another.
TABLE_COLUMNS = {
    "event_id": ("id", "event_id"),
    "timestamp": ("timestamp", "_timestamp"),
    **{name: (name,) for name in ("anonymous_id", "user_id", "event", "received_at")},
}
EXTENSIONS = {".json": "json", ".jsonl": "json", ".ndjson": "json", ".csv": "csv", ".parquet": "parquet"}


@dataclass
class Track:
    """A row that could be taken apart. A time is microseconds since 1970, None, or "bad"."""

    source_file: str
    row_number: int
    event_id: str | None
    anonymous_id: str | None
    user_id: str | None
    event: str | None
    timestamp: int | str | None
    received_at: int | str | None
    not_text: bool
    raw: dict


@dataclass
class Reject:
    source_file: str
    row_number: int | None
    reason: str
    columns: dict
    line: str | None


class Unreadable(Exception):
    """A line, or the rest of a file, that can't be taken apart."""


def time_text(micros):
    if micros is None:
        return None
    return (EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds") + "Z"


TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?: ?(?:[Zz]|UTC|([+-])(\d\d)(?::?(\d\d))?))?\Z",
    re.ASCII,
)
NUMBER = re.compile(r"(-?\d+)(?:\.0+)?\Z", re.ASCII)
# What a whole number is multiplied with and divided by to be microseconds.
TIME_UNITS = {"seconds": (SECOND, 1), "milliseconds": (1000, 1), "microseconds": (1, 1), "nanoseconds": (1, 1000)}


def parse_time(text, unit=None):
    """Microseconds since 1970, digits beyond them cut off; "bad" if the text is no time, nor a number with a unit."""
    match = TIME.match(text)
    if not match:
        number = unit and NUMBER.match(text)
        return counted(int(number[1]), unit) if number else "bad"
    year, month, day, hour, minute, second = (int(digits or 0) for digits in match.groups()[:6])
    if hour > 23 or minute > 59 or second > 59:
        return "bad"
    try:
        # Years 0 to 9999, which `datetime` lacks one of: 400 years on the calendar is the same.
        date = datetime(year + 400 if year < 400 else year, month, day)
    except ValueError:
        return "bad"
    days = (date - EPOCH).days - (146_097 if year < 400 else 0)
    micros = days * DAY + (hour * 3600 + minute * 60 + second) * SECOND
    micros += int(((match[7] or "") + "000000")[:6])
    if match[8]:
        hours, minutes = int(match[9]), int(match[10] or 0)
        if hours > 23 or minutes > 59:
            return "bad"
        offset = (hours * 60 + minutes) * 60 * SECOND
        micros -= offset if match[8] == "+" else -offset
    return micros


def counted(number, unit):
    """Microseconds of a number of units, cut off towards the past."""
    up, down = TIME_UNITS[unit]
    return number * up // down


def json_members(line):
    """The members of an object: {name: (value, source text)}; the last of equal names wins."""

    def no_constant(name):
        raise ValueError(f"{name} is not JSON")

    decoder = json.JSONDecoder(parse_constant=no_constant)
    space = re.compile(r"[ \t\r\n]*")
    try:
        if not isinstance(decoder.decode(line), dict):
            raise Unreadable
        members, at = {}, space.match(line, line.index("{") + 1).end()
        while line[at] != "}":
            name, at = decoder.raw_decode(line, at)
            at = space.match(line, space.match(line, at).end() + 1).end()
            value, end = decoder.raw_decode(line, at)
            members[name] = (value, line[at:end])
            at = space.match(line, end).end()
            if line[at] == ",":
                at = space.match(line, at + 1).end()
    except (ValueError, RecursionError) as error:
        raise Unreadable from error
    return members


def has_lone_surrogate(text):
    return any("\ud800" <= character <= "\udfff" for character in text)


def json_track(line, config, source_file, row_number):
    """The track of a line, or None if it is of another type."""
    members = json_members(line)
    kind = members.get("type", (None, ""))[0]
    if not isinstance(kind, str):
        raise Unreadable
    if kind != "track":
        return None
    fields, raw, not_text = {}, {}, False
    for name in CANONICAL:
        value, source = members.get(config.columns.get(name, JSON_FIELDS[name]), (None, ""))
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is None:
            fields[name] = raw[name] = None
        elif isinstance(value, str):
            if has_lone_surrogate(value):
                raise Unreadable
            fields[name] = raw[name] = value
        else:
            raw[name] = source
            fields[name] = source
            not_text = not_text or (name not in ("timestamp", "received_at") and not is_number)
    for name in ("timestamp", "received_at"):
        # No other JSON value than a string looks like a time.
        fields[name] = None if fields[name] is None else parse_time(fields[name], config.time_unit)
    fields["event"] = normalised(fields["event"], config)
    for name in ("event_id", "anonymous_id", "user_id"):
        fields[name] = fields[name] or None
    return Track(source_file, row_number, **fields, not_text=not_text, raw=raw)


def normalised(text, config):
    """A normalised event name; one with U+0000 is left for the reject."""
    if text is None or "\0" in text:
        return text
    return CONVENTIONS[config.event_names](text)


def table_track(row, config, source_file, row_number):
    """The track of a warehouse row {column: text or microseconds}; empty text is no value."""
    by_name = {name.lower(): value for name, value in row.items()}

    def column(*names):
        return next((name.lower() for name in names if name.lower() in by_name), None)

    fields, raw = {}, {}
    for name in CANONICAL:
        names = (config.columns[name],) if name in config.columns else TABLE_COLUMNS[name]
        found = column(*names)
        if name == "event" and found is None and (found := column("event_text")):
            raw[name] = by_name[found]
            fields[name] = normalised(by_name[found], config)
            continue
        value = by_name[found] if found else None
        raw[name] = time_text(value) if isinstance(value, int) else value
        if name in ("timestamp", "received_at") and isinstance(value, str):
            value = parse_time(value, config.time_unit)
        fields[name] = None if value == "" else value
    return Track(source_file, row_number, **fields, not_text=False, raw=raw)


def csv_records(text):
    """(line on which it starts, source text, fields) of every record; quotes as in RFC 4180."""
    at, line = 0, 1
    while at < len(text):
        start, start_line, fields, ended = at, line, [], False
        while not ended:
            if text[at:at + 1] == '"':
                match = re.compile(r'"((?:[^"]|"")*)(?:"|\Z)').match(text, at)
                value, at = match[1].replace('""', '"'), match.end()
                line += match[0].count("\n")
                # What follows the closing quote belongs to the field, as it stands.
                rest = re.compile(r"[^,\r\n]*").match(text, at)
            else:
                value, rest = "", re.compile(r"[^,\r\n]*").match(text, at)
            fields.append(value + rest[0])
            at = rest.end()
            if text[at:at + 1] == ",":
                at += 1
                continue
            ended = True
        source, end = text[start:at], re.compile(r"\r?\n|\r|\Z").match(text, at)
        at, line = end.end(), line + 1
        if source:
            yield start_line, source, fields


NO_COLUMNS = dict.fromkeys(CANONICAL)


def unreadable(source_file, row_number, line):
    text = line[:RAW_LIMIT].decode("utf-8", "replace") if line is not None else None
    return Reject(source_file, row_number, "unreadable", NO_COLUMNS, text)


def content(path):
    """(bytes, whether the file breaks off before its end)."""
    if path.suffix != ".gz":
        return path.read_bytes(), False
    data, packed = b"", path.read_bytes()
    while packed:
        member = zlib.decompressobj(wbits=31)
        try:
            data += member.decompress(packed)
        except zlib.error:
            return data + before_fault(packed), True
        if not member.eof:
            return data, True
        packed = member.unused_data
    return data, False


def before_fault(packed):
    """What a damaged gzip member holds up to its fault, unpacked byte by byte."""
    member, data = zlib.decompressobj(wbits=31), b""
    for byte in packed:
        try:
            data += member.decompress(bytes([byte]))
        except zlib.error:
            break
    return data


def read_json(path, name, config):
    """(tracks, rejects, how many lines are of another type)."""
    data, cut_off = content(path)
    tracks, rejects, skipped = [], [], 0
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    rest = lines.pop() if cut_off else None
    for number, line in enumerate(lines, 1):
        line = line.removesuffix(b"\r")
        if not line.strip():
            continue
        try:
            track = json_track(line.decode("utf-8"), config, name, number)
        except (Unreadable, UnicodeDecodeError):
            rejects.append(unreadable(name, number, line))
            continue
        if track is None:
            skipped += 1
        else:
            tracks.append(track)
    if cut_off:
        rejects.append(unreadable(name, len(lines) + 1, rest or None))
    return tracks, rejects, skipped


def read_csv(path, name, config):
    data, cut_off = content(path)
    # Undecodable bytes pass through as lone surrogates, so that only their record is lost.
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    records = list(csv_records(text))
    rest = records.pop() if cut_off and records and not text.endswith("\n") else None
    tracks, rejects = [], []
    header = records[0][2] if records else []
    for number, source, fields in records[1:]:
        if len(fields) != len(header) or has_lone_surrogate(source):
            rejects.append(unreadable(name, number, source.encode("utf-8", "surrogateescape")))
            continue
        row = {column: value if value != "" else None for column, value in zip(header, fields)}
        tracks.append(table_track(row, config, name, number))
    if cut_off:
        number = rest[0] if rest else text.count("\n") + 1
        rejects.append(unreadable(name, number, rest[1].encode("utf-8", "surrogateescape") if rest else None))
    return tracks, rejects, 0


def read_parquet(path, name, config):
    import pyarrow
    import pyarrow.parquet

    # Not `read_table`, which makes columns of folder names such as `year=2026`.
    table = pyarrow.parquet.ParquetFile(path).read()
    scales = {"s": (1_000_000, 1), "ms": (1000, 1), "us": (1, 1), "ns": (1, 1000)}
    columns = {}
    for column in table.schema:
        values = table.column(column.name)
        if pyarrow.types.is_timestamp(column.type):
            # Floor division cuts off what is finer than microseconds, towards the past.
            up, down = scales[column.type.unit]
            values = values.cast(pyarrow.int64()).to_pylist()
            columns[column.name] = [None if value is None else value * up // down for value in values]
        else:
            # A whole number is its digits: an id, or a time where the configuration has a unit.
            values = [str(value) if type(value) is int else value for value in values.to_pylist()]
            columns[column.name] = [value if isinstance(value, str) else None for value in values]
    tracks = []
    for index in range(table.num_rows):
        row = {column: values[index] for column, values in columns.items()}
        tracks.append(table_track(row, config, name, index + 1))
    return tracks, [], 0


READERS = {"json": read_json, "csv": read_csv, "parquet": read_parquet}


def read_folder(folder, config):
    """(tracks, rejects, skipped) of every file below a folder, in the order of their paths."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise SystemExit(f"error: no files below {folder}")
    tracks, rejects, skipped = [], [], 0
    for path in paths:
        extension = [part for part in path.suffixes if part != ".gz"][-1:]
        kind = config.format or EXTENSIONS.get("".join(extension))
        if kind is None:
            continue
        found = READERS[kind](path, path.relative_to(folder).as_posix(), config)
        tracks += found[0]
        rejects += found[1]
        skipped += found[2]
    return tracks, rejects, skipped
