"""Types of calls that are events, and the columns that events bring along."""

import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal

import derived
from event_names import CONVENTIONS

# type: (event, table)
TYPES = {
    "track": (None, "tracks"),
    "page": ("page_view", "pages"),
    "screen": ("screen_view", "screens"),
    "group": ("group", "groups"),
    "identify": ("identify", "identifies"),
    "alias": ("alias", "aliases"),
}
TABLE_TYPES = {table: name for name, (_, table) in TYPES.items()}
LONGEST = 16 * 1024 - 1
# More digits than a text has.
EXACT = Context(prec=LONGEST + 10, rounding=ROUND_HALF_UP)


@dataclass
class Column:
    """A column of `tracklet_events`: the source's columns, the first with a value counts, each with the type it is read of or None."""

    name: str
    sources: list
    is_number: bool = False
    no_value: list = field(default_factory=list)
    # The function that derives it from a URL or user agent, and where the name of the operating system is read.
    function: str | None = None
    os_name: list = field(default_factory=list)

    def names(self, event_type):
        return [name for name, of in self.sources if of in (None, event_type)]

    def is_value(self, text):
        return bool(text) and len(text.encode("utf-8", "surrogatepass")) <= LONGEST and "\0" not in text and text not in self.no_value

    def value(self, texts):
        """The value that a track gets from the texts in the source's columns, in their order."""
        text = next((text for text in texts if text is not None and self.is_value(text)), None)
        return number(text) if self.is_number and text is not None else text


def values(columns, event_type, text):
    """The values of all columns; `text` answers that of a column of the source, as a number is written or as a text."""
    found = {}
    for column in columns:
        value = column.value(text(name, column.is_number) for name in column.names(event_type))
        if column.function:
            named = Column(column.name, column.os_name)
            os_name = named.value(text(name, False) for name in named.names(event_type))
            value = derived.derive(column.function, value, os_name)
        found[column.name] = value
    return found


def number(text):
    """A decimal number with six digits behind the point, or None."""
    if not re.match(r"-?[0-9]+(?:\.[0-9]+)?\Z", text, re.ASCII):
        return None
    value = EXACT.quantize(Decimal(text), Decimal("0.000001"))
    if abs(value) >= Decimal(10) ** 22:
        return None
    return abs(value) if value == 0 else value


def shown(value):
    """A decimal number with all six digits behind the point."""
    return f"{value:.6f}" if isinstance(value, Decimal) else value


def preset(name):
    def page(*names):
        return [(name, "page") for name in names]

    def everywhere(name):
        return [(name, None)]

    columns = [
        Column("page_url", page("properties_url", "url") + everywhere("context_page_url")),
        Column("page_path", page("properties_path", "path") + everywhere("context_page_path")),
        Column("page_title", page("properties_title", "title") + everywhere("context_page_title")),
        Column("page_referrer", page("properties_referrer", "referrer") + everywhere("context_page_referrer"), no_value=["$direct"]),
        Column("page_name", page("name", "properties_name")),
    ]
    campaign = {"utm_source": "source", "utm_medium": "medium", "utm_campaign": "name", "utm_term": "term", "utm_content": "content"}
    columns += [Column(column, everywhere(f"context_campaign_{source}")) for column, source in campaign.items()]
    for column in ("user_agent", "os_name", "os_version", "device_type", "app_name", "app_version", "locale"):
        columns.append(Column(column, everywhere(f"context_{column}")))
    columns.append(Column("country", everywhere("context_geo_country")))
    columns.append(Column("context_session_id", everywhere("context_session_id")))
    if name == "mobile":
        columns.append(Column("screen_name", [("name", "screen"), ("properties_name", "screen")]))
        columns += [Column(column, everywhere(f"context_{column}")) for column in ("device_model", "device_manufacturer", "network_carrier")]
    for column, function, of in (
        ("page_host", "host", "page_url"),
        ("referrer_host", "host", "page_referrer"),
        ("is_bot", "is_bot", "user_agent"),
        ("browser", "browser", "user_agent"),
        ("os", "os", "user_agent"),
        ("device_category", "device_category", "user_agent"),
    ):
        # From where is said when all columns are known.
        columns.append(Column(column, of, function=function))
    return columns


def columns_of(settings):
    """The columns of `[columns]`: those of the preset, each replaced where the section has one of its name, then the section's own."""
    columns = preset(settings["preset"]) if "preset" in settings else []
    for name, value in settings.items():
        if name == "preset":
            continue
        fields = value if isinstance(value, dict) else {None: value}
        fields = {key: [names] if isinstance(names, str) else names for key, names in fields.items()}
        fields = {key: [(source, None) for source in names] for key, names in fields.items()}
        function = next((key for key in fields if key in derived.FUNCTIONS), None)
        sources = fields.get("number") or fields.get(function)
        column = Column(name, sources, "number" in fields, function=function, os_name=fields.get("os_name", []))
        places = [place for place, other in enumerate(columns) if other.name.lower() == name.lower()]
        if places:
            columns[places[0]] = column
        else:
            columns.append(column)
    by_name = {column.name.lower(): column for column in columns}
    for column in columns:
        if isinstance(column.sources, str):
            of = by_name[column.sources]
            column.sources, column.no_value = of.sources, of.no_value
            if column.function in ("os", "device_category"):
                column.os_name = by_name["os_name"].sources
    return columns


def type_by_folder(name):
    """The type that the folders of a path say, the last that is called as a table of a type."""
    found = [TABLE_TYPES[folder.lower()] for folder in name.split("/")[:-1] if folder.lower() in TABLE_TYPES]
    return found[-1] if found else None


def flattened(key):
    return CONVENTIONS["rudderstack"](key) or ""


def in_object(members, name, members_of):
    """(value, source) of what an object has under a name of the warehouse, or None. A key of the name goes before."""
    for same in (lambda key: key == name, lambda key: key.lower() == name.lower()):
        found = [(value, source) for key, value, source in members if same(key)]
        if found:
            return found[-1]
    return below(members, name.lower(), members_of)


def below(members, name, members_of):
    found = None
    for key, value, source in members:
        part = flattened(key)
        if part and part == name:
            found = (value, source)
        elif part and name.startswith(f"{part}_") and isinstance(value, dict):
            found = below(members_of(source), name[len(part) + 1:], members_of) or found
    return found


def json_text(value, source, is_number):
    """The text of a JSON value; lists and objects have none."""
    from reading import whole_number

    if isinstance(value, bool):
        return source
    if isinstance(value, (int, float)):
        if is_number:
            if not re.search("[eE]", source) or Decimal(source).adjusted() > 100:
                return source
            return f"{Decimal(source):f}" if Decimal(source).adjusted() > -100 else "0"
        return whole_number(source)
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    return None
