"""CSV as people have it: records, and what is found by looking at the first of them."""

import itertools
import re

from event_times import parse_time

# The first of these that a table has is the column, unless the config maps another.
TABLE_COLUMNS = {
    "event_id": ("id", "event_id"),
    "timestamp": ("timestamp", "_timestamp"),
    **{name: (name,) for name in ("anonymous_id", "user_id", "event", "received_at")},
}


def csv_records(text, delimiter=",", quote='"', is_spaced=False, is_escaped=False):
    """(line on which it starts, source text, fields) of every record; quotes as in RFC 4180, behind spaces if there are such."""
    plain = re.compile(rf"[^{re.escape(delimiter)}\r\n]*")
    part = rf"[^{quote}\\]|\\.|{quote}{quote}" if is_escaped else f"[^{quote}]|{quote}{quote}"
    quoted = quote and re.compile(f"{quote}((?:{part})*)(?:{quote}|\\Z)", re.DOTALL)
    at, line = 0, 1
    while at < len(text):
        start, start_line, fields, ended = at, line, [], False
        while not ended:
            value = ""
            if quote and text[at:at + 1] == quote:
                match = quoted.match(text, at)
                value, at = match[1].replace(quote * 2, quote), match.end()
                if is_escaped:
                    value = re.sub(rf"\\(.)|{quote}{quote}", lambda found: found[1] or quote, match[1], flags=re.DOTALL)
                line += match[0].count("\n")
            # What follows a closing quote belongs to the field, as it stands.
            rest = plain.match(text, at)
            fields.append(value + rest[0])
            at = rest.end()
            if text[at:at + 1] == delimiter:
                at += 1
                while is_spaced and text[at:at + 1] == " ":
                    at += 1
                continue
            ended = True
        source, end = text[start:at], re.compile(r"\r?\n|\r|\Z").match(text, at)
        at, line = end.end(), line + 1
        if source:
            yield start_line, source, fields


def csv_known(config):
    known = {name for names in TABLE_COLUMNS.values() for name in names} | {"event_text"}
    return known | {name.lower() for name in config.columns.values()}


def csv_delimiter(text, config):
    """The configured delimiter, or the first of those by which one of the first lines names the most columns."""
    if "delimiter" in config.csv:
        return config.csv["delimiter"]
    known = csv_known(config)

    def named(delimiter):
        first = itertools.islice(csv_records(text, delimiter), 20)
        return max((sum(name.strip().lower() in known for name in names) for _, _, names in first), default=0)

    return max(",\t;|\x01", key=named)


def csv_header_at(records, config):
    """Which record is the header: lines before it begin with `#`, are short, or have nothing where id and time would be."""
    names = {column: [config.columns[column].lower()] if column in config.columns else TABLE_COLUMNS[column]
             for column in ("event_id", "timestamp")}
    for place, (_, _, fields) in enumerate(records[:20]):
        header = [field.strip().lower() for field in fields]
        found = [next((header.index(name) for name in names[column] if name in header), None) for column in names]
        if None in found:
            continue
        for _, _, before in records[:place]:
            has_time = any(parse_time(field) != "bad" for field in before)
            blank = len(before) == len(header) and any(not before[at].strip() for at in found) and not has_time
            short = len(before) < len(header) and (len(before) <= 2 or not has_time)
            if not (before[0].startswith("#") or blank or short):
                return 0
        return place
    return 0


def csv_is_no_row(fields, header):
    """Whether a record is the header again, a line under it, or what a client writes behind rows."""
    first = fields[0].removeprefix("\ufeff").strip('"') if fields[0].startswith("\ufeff") else fields[0]
    again = [field.strip() for field in (first, *fields[1:])] == [name.strip() for name in header]
    line = len(fields) > 1 and all(re.fullmatch("-+", field.strip()) for field in fields)
    count = len(header) > 1 and len(fields) == 1 and re.fullmatch(r"\([0-9]+ rows?( affected)?\)|\\\.", fields[0].strip())
    return bool(again or line or count)


def csv_is_escaped(text, delimiter, quote):
    """Whether backslashes stand before quotes of fields: before one that could close no field, and each that does ends one."""
    if not quote:
        return False
    ends = rf"(?=[{re.escape(delimiter)}\r\n]|\Z)"
    field = re.compile(rf' *{quote}((?:[^{quote}\\]|\\.|{quote}{quote})*)({quote}{ends}|\Z|{quote})|[^{re.escape(delimiter)}\r\n]*', re.DOTALL)
    at, proven, text = 0, False, text[:64 << 10]
    while at <= len(text):
        match = field.match(text, at)
        if match[1] is not None:
            if match[2] == quote and not re.compile(ends).match(text, match.end()):
                return False
            inner = re.sub(r"\\\\", "  ", match[1])
            proven |= bool(re.search(rf"\\{quote}(?!{quote}|[{re.escape(delimiter)}\r\n]|\Z)", inner))
        at = match.end() + 1
    return proven


def csv_is_single_quoted(text, delimiter, config):
    """Whether an id of every one of the first rows stands in single quotes, and no column has texts in quotes and texts in none."""
    if "'" not in text or "quote" in config.csv:
        return False
    end = re.escape(delimiter)
    field = re.compile(rf"'(?:[^']|'')*'(?={end}|\Z)|[^{end}]*", re.DOTALL)
    records = list(itertools.islice(csv_records(text, delimiter, "'"), 20))
    rows = []
    for _, source, _ in records:
        parts, at = [], 0
        while at <= len(source):
            match = field.match(source, at)
            parts.append(match[0])
            at = match.end() + 1
        rows.append(parts)
    header = csv_header_at(records, config)
    names = [name.lower() for name in config.csv.get("columns") or records[header][2]]
    rows = [row for row in rows[header:] if row != records[header][2]]

    def is_quoted(part):
        return len(part) > 1 and part[0] == part[-1] == "'"

    def is_text(part):
        return not re.fullmatch(r"[\d.+-]*|\\N|\d{4}-\d\d-\d\d.*|(?i:null|true|false)", part)

    def column(place):
        parts = [row[place] for row in rows if len(row) > place]
        return any(map(is_quoted, parts)) and any(not is_quoted(part) and is_text(part) for part in parts)

    known = {name for of in ("event_id", "anonymous_id", "user_id")
             for name in ([config.columns[of].lower()] if of in config.columns else TABLE_COLUMNS[of])}
    ids = [place for place, name in enumerate(names) if name in known]
    return bool(rows) and not any(map(column, range(max(map(len, rows))))) and all(
        any(place < len(row) and is_quoted(row[place]) for place in ids) for row in rows)


def csv_is_spaced(records, config):
    """Whether a space stands behind each delimiter of the header and behind the first of the row below."""
    if "columns" in config.csv or not records:
        return False
    place = csv_header_at(records, config)
    names = records[place][2]
    row = records[place + 1][2] if len(records) > place + 1 else None
    is_spaced = len(names) > 1 and all(name.startswith(" ") for name in names[1:])
    return is_spaced and (row is None or len(row) > 1 and row[1].startswith(" "))


def csv_fitted(header, first, config):
    """The names, where the rows have a field more or less than they."""
    name = config.columns.get("timestamp")
    lower = [field.strip().lower() for field in header]
    at = next((lower.index(name) for name in ([name.lower()] if name else TABLE_COLUMNS["timestamp"]) if name in lower), None)
    if first is None or at is None:
        return header

    def is_time(field):
        return parse_time(field) != "bad" or re.fullmatch(r"-?[0-9]+", field)

    if len(first) == len(header) + 1:
        if first[-1] == "" and is_time(first[at]):
            return [*header, ""]
        if is_time(first[at + 1]) and parse_time(first[at]) == "bad" and re.fullmatch("[0-9]+", first[0]):
            return ["", *header]
    if len(first) + 1 == len(header) and header[-1] == "" and is_time(first[at]):
        return header[:-1]
    return header
