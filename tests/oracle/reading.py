"""Files to rows: JSON, CSV, and Parquet where pyarrow is installed."""

import json
import re
import urllib.parse
import zlib
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

import events
from csv_forms import (
    TABLE_COLUMNS, csv_delimiter, csv_fitted, csv_header_at, csv_is_escaped, csv_is_no_row, csv_is_single_quoted, csv_is_spaced, csv_records)
from event_names import CONVENTIONS
from event_times import parse_time, time_text

RAW_LIMIT = 64 * 1024
LONGEST = 64 * 1024

CANONICAL = ("event_id", "anonymous_id", "user_id", "event", "timestamp", "received_at")
JSON_FIELDS = dict(zip(CANONICAL, ("messageId", "anonymousId", "userId", "event", "timestamp", "receivedAt")))
# Without configuration only these tell calls as they were sent from rows of a table.
ONLY_IN_CALLS = ("messageId", "anonymousId", "userId", "receivedAt")
ONLY_IN_ROWS = ("id", "event_id", "anonymous_id", "user_id", "event_text", "received_at")
CALLS = ("track", "page", "screen", "identify", "group", "alias")
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

    # What ids and the name are before anything is made of them, where they are texts.
    texts: dict
    event_type: str = "track"
    # What the source has in the columns that are asked for, {name: text}, and what the event carries of it.
    sources: dict = field(default_factory=dict)
    columns: dict = field(default_factory=dict)

    @property
    def too_long(self):
        """The reason that an id or name over 64 KiB is, or None."""

        def is_long(name):
            return len((self.texts.get(name) or "").encode("utf-8", "surrogatepass")) > LONGEST

        if any(map(is_long, ("event_id", "anonymous_id", "user_id"))):
            return "id_too_long"
        return "name_too_long" if is_long("event") else None


@dataclass
class Reject:
    source_file: str
    row_number: int | None
    reason: str
    columns: dict
    line: str | None


class Unreadable(Exception):
    """A line, or the rest of a file, that can't be taken apart."""


def json_value(text, at):
    """The value at a place of a text, and where it ends."""

    def no_constant(name):
        raise ValueError(f"{name} is not JSON")

    decoder = json.JSONDecoder(parse_constant=no_constant, parse_int=float)
    value, end = decoder.raw_decode(text, at)
    if has_undecodable_bytes(text[at:end]):
        raise ValueError("not UTF-8")
    return value, end


SPACE = re.compile(r"[ \t\r\n]*")


def json_members(text):
    """The members of an object, in order: (name, value, source text)."""
    members, at = [], SPACE.match(text, text.index("{") + 1).end()
    while text[at] != "}":
        name, at = json_value(text, at)
        at = SPACE.match(text, SPACE.match(text, at).end() + 1).end()
        value, end = json_value(text, at)
        members.append((name, value, text[at:end]))
        at = SPACE.match(text, end).end()
        if text[at] == ",":
            at = SPACE.match(text, at + 1).end()
    return members


def member(members, name):
    """(value, source text) of the last member called so, or else of the last that differs in case alone."""
    for same in (lambda other: other == name, lambda other: other.lower() == name.lower()):
        for other, value, source in reversed(members):
            if same(other):
                return value, source
    return None


def has_lone_surrogate(text):
    return any("\ud800" <= character <= "\udfff" for character in text)


def has_undecodable_bytes(text):
    """Whether a text that was decoded with `surrogateescape` holds bytes that are not UTF-8."""
    return any("\udc80" <= character <= "\udcff" for character in text)


def json_events(text, cut_off):
    """(line, kind, source text) of what a file of JSON holds, kind being "object" or "unreadable".

    An object may stand anywhere: on a line, behind another one, over many lines, in an array. One that can't be taken apart ends
    where a line starts that is indented no more than its own and holds more than its closing brace.
    """
    at, array, behind_value = 0, "none", False
    line_of = lambda place: text.count("\n", 0, place) + 1
    while True:
        at = SPACE.match(text, at).end()
        if at == len(text):
            break
        if text[at] in "\ufeff\x1e":
            at += 1
            continue
        if text[at] == "," and behind_value:
            at, behind_value = at + 1, False
            continue
        if text[at] == "]" and array != "none":
            at, array, behind_value = at + 1, "none", True
            continue
        if text[at] == "[" and array == "none" and text[SPACE.match(text, at + 1).end():][:1] in ("{", "]"):
            at, array, behind_value = at + 1, "open", False
            continue
        if text[at] in "{[" or array != "none":
            try:
                _, end = json_value(text, at)
                if not (cut_off and end == len(text)):
                    yield line_of(at), "object" if text[at] == "{" else "unreadable", text[at:end]
                    at, behind_value = end, True
                    continue
            except (ValueError, RecursionError):
                pass
        line_start = text.rfind("\n", 0, at) + 1
        indent = len(re.compile(r"[ \t\r]*").match(text, line_start)[0])
        nexts = re.compile(rf"^(?=[ \t\r]{{0,{indent}}}[^ \t\r\n}}])", re.MULTILINE)
        following = text.find("\n", at)
        found = nexts.search(text, following + 1) if following >= 0 else None
        end = found.start() if found else len(text)
        yield line_of(at), "unreadable", text[at:end].rstrip(" \t\r\n")
        if cut_off and not found:
            return
        at, behind_value, array = end, False, "none" if array == "none" else "damaged"
    if cut_off or array == "open":
        yield line_of(at), "unreadable", ""


def batch_of(members):
    """(calls, receivedAt) of a batch as SDKs send it, or of one in a field as the gateway keeps it; None if there is none."""
    inner = None
    for _, value, source in members:
        if isinstance(value, dict):
            inner = batch_in(json_members(source)) or inner
    own = batch_in(members)
    if own is None and inner is not None:
        own = (inner[0], inner[1] or member(members, "receivedAt"))
    return own


def batch_in(members):
    found = member(members, "batch")
    if found is None or not isinstance(found[0], list):
        return None
    calls, source, at = [], found[1], SPACE.match(found[1], 1).end()
    while source[at] != "]":
        _, end = json_value(source, at)
        calls.append(source[at:end])
        at = SPACE.match(source, end).end()
        if source[at] == ",":
            at = SPACE.match(source, at + 1).end()
    return calls, member(members, "receivedAt")


def partitions(name):
    """The columns in a file's path, outermost first: {name: value}."""
    found = {}
    for folder in name.split("/")[:-1]:
        match = re.match(r"([A-Za-z0-9_.-]+)=(.*)\Z", folder)
        if match:
            value = urllib.parse.unquote(match[2])
            found = {other: old for other, old in found.items() if other.lower() != match[1].lower()}
            found[match[1]] = None if value in ("", "__HIVE_DEFAULT_PARTITION__") else value
    return {name.lower(): value for name, value in found.items()}


def json_form(members, config):
    """"call", "row", or None if the object has no name that either has."""
    if any(member(members, name) for name in ONLY_IN_CALLS):
        return "call"
    names = (*ONLY_IN_ROWS, *config.columns.values())
    return "row" if any(member(members, name) for name in names) else None


def json_call(members, config, name):
    """What an object is: (its type, form), "other", or "unknown"."""
    form, row = json_form(members, config), "unknown"
    if form == "row":
        event_type = type_of_rows(name, config)
        row = (event_type, "row") if event_type in config.types else "other"
    kind = (member(members, "type") or (None, ""))[0]
    if kind is None:
        kind = partitions(name).get("type")
    if not isinstance(kind, str):
        return row
    if kind.lower() in config.types:
        return kind.lower(), form or "call"
    if form == "row" and kind.lower() not in CALLS:
        return row
    batch = member(members, "batch")
    return "unknown" if batch and isinstance(batch[0], list) else "other"


def type_of_rows(name, config):
    """The type of the rows of a table in a file."""
    return "track" if config.types == ["track"] else events.type_by_folder(name) or "track"


def carried(text, event_type, config):
    """What an event carries, {column: value}, and the texts in the source that it comes of, {name: text}. `text` gives the text for a
    name of the source, as a number is written or as a text."""
    sources = {}

    def noted(name, is_number):
        sources[name] = text(name, is_number)
        return sources[name]

    return {"columns": events.values(config.event_columns, event_type, noted), "sources": sources}


def json_carried(members, event_type, config, in_path):
    """What the event of an object carries."""
    def text(name, is_number):
        found = events.in_object(members, name, json_members)
        return events.json_text(*found, is_number) if found else in_path.get(name.lower())

    return carried(text, event_type, config)


def json_track(members, event_type, form, received_at, config, source_file, row_number):
    """The event of an object."""
    in_path = partitions(source_file)
    fields, raw, texts, not_text, nested = {}, {}, {}, False, {}
    warehouse_name = False
    for name in CANONICAL:
        mapped = config.columns.get(name)
        if name == "event_id" and config.ids_from_rows:
            fields[name] = raw[name] = None
            continue
        if name == "event" and events.TYPES[event_type][0]:
            fields[name] = raw[name] = texts[name] = events.TYPES[event_type][0]
            continue
        if mapped:
            names = (mapped,)
        elif form == "call":
            names = (JSON_FIELDS[name],)
        else:
            names = (*TABLE_COLUMNS[name], *(["event_text"] if name == "event" else []))
        found = next(((key, member(members, key)) for key in names if member(members, key)), (None, None))
        key, (value, source) = found[0], found[1] or (None, "")
        if found[1] is None and name == "received_at" and not mapped and received_at:
            value, source = received_at
        elif found[1] is None and (mapped or name == "event"):
            value = in_path.get((mapped or name).lower())
        if name == "event" and form == "row":
            warehouse_name = key is None or key.lower() != "event_text"
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is None:
            fields[name] = raw[name] = None
        elif isinstance(value, str):
            if has_lone_surrogate(value):
                # Half a character: nothing is lost of a name; of two ids one could be made.
                value = re.sub("[\ud800-\udfff]", "\ufffd", value)
                not_text = not_text or name in ("event_id", "anonymous_id", "user_id")
            fields[name] = raw[name] = texts[name] = value
        else:
            raw[name] = source
            fields[name] = source
            texts[name] = source if is_number else None
            if name in ("event_id", "anonymous_id", "user_id") and is_number:
                fields[name] = whole_number(source)
            if isinstance(value, (list, dict)) and name in ("anonymous_id", "event"):
                nested[name] = True
            else:
                not_text = not_text or (name not in ("timestamp", "received_at") and not is_number)
    user = fields["user_id"]
    user_is_good = bool(user) and "\0" not in user and not not_text
    if nested and not user_is_good:
        not_text = True
    elif nested:
        # As the warehouse has it.
        fields.update(dict.fromkeys(nested))
    for name in ("timestamp", "received_at"):
        # No other JSON value than a string looks like a time.
        fields[name] = None if fields[name] is None else parse_time(fields[name], config.time_unit)
    if not warehouse_name:
        fields["event"] = normalised(fields["event"], config)
    for name in ("event_id", "anonymous_id", "user_id", "event"):
        fields[name] = fields[name] or None
    return Track(
        source_file, row_number, **fields, not_text=not_text, raw=raw, texts=texts, event_type=event_type,
        **json_carried(members, event_type, config, in_path))


def whole_number(text):
    """The digits of a number that is whole and below 2^53, else its text."""
    try:
        number = Decimal(text)
        if abs(number) < 2**53 and number == number.to_integral_value():
            return str(int(number))
    except InvalidOperation:
        pass
    return text


def whole_text(text):
    """As `whole_number`, of a text that is digits and a fraction of zeros alone."""
    return whole_number(text) if text and re.match(r"-?(?:0|[1-9][0-9]*)\.0+\Z", text) else text


def normalised(text, config):
    """A normalised event name; one with U+0000 is left for the reject."""
    if text is None or "\0" in text:
        return text
    return CONVENTIONS[config.event_names](text)


def table_track(row, config, source_file, row_number):
    """The track of a warehouse row {column: text or microseconds}; empty text is no value."""
    by_name = {name.lower(): value for name, value in row.items()}
    mapped = {name.lower() for name in config.columns.values()}
    for name, value in partitions(source_file).items():
        if name == "event" or name in mapped:
            by_name.setdefault(name, value)

    def column(*names):
        return next((name.lower() for name in names if name.lower() in by_name), None)

    fields, raw, event_type = {}, {}, type_of_rows(source_file, config)
    for name in CANONICAL:
        if name == "event_id" and config.ids_from_rows:
            fields[name] = raw[name] = None
            continue
        if name == "event" and events.TYPES[event_type][0]:
            fields[name] = raw[name] = events.TYPES[event_type][0]
            continue
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
    in_path = partitions(source_file)
    own = {name.lower(): value for name, value in row.items()}

    def text(name, _):
        return own[name.lower()] if name.lower() in own else in_path.get(name.lower())

    return Track(
        source_file, row_number, **fields, not_text=False, raw=raw, texts=raw, event_type=event_type,
        **carried(text, event_type, config))


NO_COLUMNS = dict.fromkeys(CANONICAL)


def start_of(text):
    """The first 64 KiB of a text, up to the end of a character."""
    if text is None:
        return None
    return text.encode("utf-8", "surrogatepass")[:RAW_LIMIT].decode("utf-8", "ignore")


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


def decoded(data):
    """A file's text. Bytes that are no text are lone surrogates, so that only their part is lost."""
    for name, mark, start in (("utf-16-le", b"\xff\xfe", rb"[\x01-\x7f]\0[\x01-\x7f]\0"), ("utf-16-be", b"\xfe\xff", rb"\0[\x01-\x7f]\0[\x01-\x7f]")):
        if data.startswith(mark) or re.match(start, data):
            text = data.removeprefix(mark).decode(name, "surrogatepass")
            return re.sub("[\ud800-\udfff]", "\udc80", text)
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def read_json(path, name, config):
    """(tracks, rejects, how many calls are of another type)."""
    data, cut_off = content(path)
    tracks, rejects, skipped = [], [], 0

    def refuse(line, text):
        rejects.append(unreadable(name, line, text.encode("utf-8", "surrogateescape") or None))

    def take(line, text, received_at, in_batch):
        nonlocal skipped
        members = json_members(text)
        call = json_call(members, config, name)
        if call == "other":
            skipped += 1
        elif call != "unknown":
            tracks.append(json_track(members, *call, received_at, config, name, line))
        elif not in_batch and (batch := batch_of(members)):
            calls, received_at = batch
            start = 0
            for source in calls:
                start = text.index(source, start)
                here = line + text.count("\n", 0, start)
                start += len(source)
                if source.startswith("{"):
                    take(here, source, received_at, True)
                else:
                    refuse(here, source)
        else:
            refuse(line, text)

    for line, kind, text in json_events(decoded(data), cut_off):
        if kind == "object":
            take(line, text, None, False)
        else:
            refuse(line, text)
    return tracks, rejects, skipped


def read_csv(path, name, config):
    data, cut_off = content(path)
    # Undecodable bytes pass through as lone surrogates, so that only their record is lost.
    text = decoded(data)
    quote = {"none": None}.get(config.csv.get("quote"), config.csv.get("quote", '"'))
    declared = re.match(r'"?sep=(\\t|[^\w\r\n])"?(?:\r\n|\r|\n)', text, re.I)
    if declared:
        text = text[declared.end():]
    delimiter = csv_delimiter(text, config)
    if declared and "delimiter" not in config.csv:
        delimiter = declared[1].replace("\\t", "\t")
    quote = "'" if csv_is_single_quoted(text, delimiter, config) else quote
    is_escaped = csv_is_escaped(text, delimiter, quote)
    records = list(csv_records(text, delimiter, quote, False, is_escaped))
    if csv_is_spaced(records, config):
        records = list(csv_records(text, delimiter, quote, True, is_escaped))
    lines = 1 if declared else 0
    records = [(number + lines, source, fields) for number, source, fields in records]
    rest = records.pop() if cut_off and records and not text.endswith("\n") else None
    tracks, rejects = [], []
    columns = config.csv.get("columns")
    if columns:
        no_comment = next((at for at, record in enumerate(records) if not record[2][0].startswith("#")), 0)
        fits = [len(record[2]) == len(columns) for record in records]
        records = records[no_comment:] if fits and not fits[0] and fits[no_comment] else records
    else:
        records = records[csv_header_at(records, config):]
    if config.csv.get("header", columns is None):
        header, records = (columns or records[0][2] if records else []), records[1:]
        header = header if columns else csv_fitted(header, records[0][2] if records else None, config)
    else:
        is_header = records and [name.strip().lower() for name in records[0][2]] == [name.lower() for name in columns]
        header, records = columns, records[1:] if is_header else records
    null = config.csv.get("null", ["", "\\N"])
    null = [null] if isinstance(null, str) else null
    for number, source, fields in records:
        if csv_is_no_row(fields, header):
            continue
        if len(fields) != len(header) or has_lone_surrogate(source):
            rejects.append(unreadable(name, number, source.encode("utf-8", "surrogateescape")))
            continue
        row = {column.strip(): None if value in null else value for column, value in zip(header, fields)}
        track = table_track(row, config, name, number)
        for column in ("event_id", "anonymous_id", "user_id"):
            setattr(track, column, whole_text(getattr(track, column)))
        tracks.append(track)
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
            # A number is its digits: an id, or a time where the configuration has a unit.
            columns[column.name] = [
                whole_number(str(value)) if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) else value
                if isinstance(value, str) else None
                for value in values.to_pylist()
            ]
    tracks = []
    for index in range(table.num_rows):
        row = {column: values[index] for column, values in columns.items()}
        tracks.append(table_track(row, config, name, index + 1))
    return tracks, [], 0


def is_passed_over(name, root, config):
    """Whether a table holds what is no event, or tracks that `tracks` beside it holds too."""
    event_type = events.type_by_folder(name)
    if config.types != ["track"] and (event_type or "track") not in config.types:
        return True
    if event_type:
        return False
    folders = name.split("/")[:-1]
    return any((root / "/".join(folders[:place]) / "tracks").is_dir() for place in range(len(folders)))


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
        name = path.relative_to(folder).as_posix()
        if kind != "json" and is_passed_over(name, folder, config):
            continue
        found = READERS[kind](path, name, config)
        tracks += found[0]
        rejects += found[1]
        skipped += found[2]
    return tracks, rejects, skipped
