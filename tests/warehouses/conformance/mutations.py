"""One-line mistakes in the package's SQL: the twins of the kernel's mutations."""

import shutil

from lib.render import PACKAGE

EVENTS = "models/tracklet_event_facts.sql"
PAIRS = "models/tracklet_pairs.sql"
STEPS = "macros/steps.sql"
RULES = "macros/rules.sql"
POSTGRES = "macros/postgres.sql"
DUCKDB = "macros/duckdb.sql"
COLUMNS = "macros/columns.sql"
DISPATCH = "macros/dispatch.sql"

DERIVED = "macros/derived.sql"
FROM_ROW = "macros/from_row.sql"
SESSION_COLUMNS = "macros/session_columns.sql"

# (name, file, what stands there, what stands there by mistake, the warehouses that can notice)
ALL = ("duckdb", "postgres")
MUTATIONS = [
    ("text ordered by locale", POSTGRES, ' collate "C"', "", ("postgres",)),
    (
        "minute boundaries counted",
        POSTGRES,
        "({{ later }} - {{ earlier }})",
        "(date_trunc('minute', {{ later }}) - date_trunc('minute', {{ earlier }}))",
        ("postgres",),
    ),
    (
        "minutes rounded",
        DUCKDB,
        "({{ microseconds }}) // 60000000",
        "cast(({{ microseconds }}) / 60000000 as bigint)",
        ("duckdb",),
    ),
    ("every session starts for idleness", RULES, "when idle_microseconds is null then {{ as_text(text_literal('first'))", "when idle_microseconds is null then {{ as_text(text_literal('idle'))", ALL),
    ("a session is known by the visitor's first event", STEPS, "max(case when opens_session = 1 then {{ as_text(", "min(case when opens_session = 1 then {{ as_text(", ALL),
    ("the last event that is picked stands for the first", SESSION_COLUMNS, "{{ 'min' if function == 'first' else 'max' }}(case", "max(case", ALL),
    ("an event is picked by its own value alone", SESSION_COLUMNS, "settings.at or [name]", "[name]", ALL),
    ("a pick looks at events of every kind", SESSION_COLUMNS, "~ ' and (' ~ is_set ~ ')') if settings.of else", "~ ' and (' ~ is_set ~ ')') if false else", ALL),
    ("functions look at events of every kind", SESSION_COLUMNS, "{%- if settings.of -%}case when", "{%- if false -%}case when", ALL),
    ("a sum of nothing is null", SESSION_COLUMNS, "'coalesce(sum(' ~ where_looked_at(settings, field) ~ '), 0)'", "'sum(' ~ where_looked_at(settings, field) ~ ')'", ALL),
    ("values that are alike are counted each", SESSION_COLUMNS, "'count(distinct '", "'count('", ALL),
    ("what is of page calls is read of all", COLUMNS, " if source.of is none or source.of == table.event_type", "", ALL),
    ("words for no value are kept", COLUMNS, "and {{ text }} || 'x' <> {{ text_literal(none_of_them ~ 'x') }}", "", ALL),
    ("a minus stands anywhere in a number", COLUMNS, "and ({{ text }} like '-%' or {{ text }} not like '%-%')", "", ALL),
    ("numbers are cut to five digits", DISPATCH, "round({{ as_decimal(expression) }}, 6)", "round({{ as_decimal(expression) }}, 5)", ALL),
    ("evidence is in sessions", RULES, ") then 4 else 0", ") then 0 else 0", ALL),
    ("evidence names nobody", PAIRS, "ref('tracklet_staged'), is_kept('fate')", "ref('tracklet_tracks')", ALL),
    ("duplicates of evidence name users", PAIRS, "is_kept('fate')", "'fate <> 2'", ALL),
    ("tracks say nothing beside evidence", PAIRS, "is_kept('fate')", "'fate = 4'", ALL),
    ("hosts end with slashes alone", DERIVED, "replace(replace({{ text }}, '?', '/'), '#', '/')", "{{ text }}", ALL),
    ("hosts behind any ://", DERIVED, " and {{ place_of(\"'/'\", with_slashes(text)) }} = {{ mark }} + 1", "", ALL),
    ("hosts keep their user", DERIVED, " ~ ', ' ~ place_of(\"'@'\", authority) ~ ' + 1)'", " ~ ', 1)'", ALL),
    ("hosts keep their port", DERIVED, "else {{ up_to(address, ':') }}", "else {{ address }}", ALL),
    ("addresses in brackets end with a colon", DERIVED, "when {{ address }} like '[%'", "when {{ address }} like '[]%'", ALL),
    ("hosts keep www.", DERIVED, "when {{ host }} like 'www.%'", "when {{ host }} like 'wwww.%'", ALL),
    ("hosts may hold spaces", DERIVED, " or {{ place_of(\"' '\", host) }} > 0", "", ALL),
    ("words have one case", DERIVED, "{{ ascii_lower(text.inner) }} as", "{{ text.inner }} as", ALL),
    ("words of exceptions are not looked at", DERIVED, "{%- if rule['without'] %}", "{%- if false %}", ALL),
    ("words that must stand beside others are not looked at", DERIVED, "{%- if rule['with'] %}", "{%- if false %}", ALL),
    ("who has no agent is no person", DERIVED, "= 'true', false)", "= 'true', true)", ALL),
    ("the agent goes before the SDK", DERIVED, "{{ said_of('os_of_name', column.os_name) }},", "{{ said_of('os', column.of) }},", ALL),
    ("an SDK alone says no device", DERIVED, "{{ said_of('device_category_of_name_alone', column.os_name) }},", "", ALL),
    ("what says nothing is null", DERIVED, "{{ if_any_text([column.of], 'Other') }}", "null", ALL),
    ("ids without the user", FROM_ROW, "['anonymous_id', 'user_id', 'event']", "['anonymous_id', 'event']", ALL),
    ("ids of seconds", FROM_ROW, "as_text(microseconds_between(epoch, time))", "as_text('(' ~ microseconds_between(epoch, time) ~ ') / 1000000')", ALL),
    ("nothing is a minus in ids", FROM_ROW, "'+' || {{ text }}", "{{ text }}", ALL),
    ("a number is told by its text in ids", FROM_ROW, "millionths(column.inner)", "as_text(column.inner)", ALL),
    ("columns are not in ids", FROM_ROW, "{%- for column in carried_columns() -%}", "{%- for column in [] -%}", ALL),
    ("rows alike have one id", FROM_ROW, "case when {{ number }} = 1 then", "case when {{ number }} > 0 then", ALL),
    ("ids are numbered from -1 on", FROM_ROW, "case when {{ number }} = 1 then", "case when {{ number }} = 0 then", ALL),
    ("rows alike are duplicates", STEPS, "'when copy_number > 1 then 1 ' if not ids_from_rows()", "'when copy_number > 1 then 1 '", ALL),
    ("page calls are tracks", RULES, "{'page': 'page_view', ", "{", ALL),
    ("timeout reached is enough", RULES, "idle_time_minutes > {{", "idle_time_minutes >= {{", ALL),
    ("exact timeout reached is enough", RULES, "idle_microseconds > {{", "idle_microseconds >= {{", ALL),
    (
        "exact compares minutes",
        RULES,
        "idle_microseconds > {{ timeout }}",
        "idle_time_minutes > {{ timeout // 60000000 }}",
        ALL,
    ),
    (
        "ties by event id backwards",
        RULES,
        "{{ own_column('timestamp') }}, event_id\n",
        "{{ own_column('timestamp') }}, event_id desc\n",
        ALL,
    ),
    (
        "ties with nulls first",
        RULES,
        "anonymous_id nulls last, event nulls last",
        "anonymous_id nulls first, event nulls first",
        ALL,
    ),
    (
        "ties by event before device",
        RULES,
        ", anonymous_id nulls last, event nulls last",
        ", event nulls last, anonymous_id nulls last",
        ALL,
    ),
    (
        "dedupe keeps the greatest",
        STEPS,
        "{{ own_column('timestamp') }} nulls last,",
        "{{ own_column('timestamp') }} desc nulls last,",
        ALL,
    ),
    ("dedupe with unknown arrival first", STEPS, "received_at nulls last,", "received_at nulls first,", ALL),
    ("dedupe without arrival", STEPS, "                received_at nulls last,\n", "", ALL),
    (
        "dedupe with null device first",
        STEPS,
        "                anonymous_id nulls last,",
        "                anonymous_id nulls first,",
        ALL,
    ),
    ("dedupe without user", STEPS, "                user_id nulls last,\n", "", ALL),
    (
        "dedupe with null event first",
        STEPS,
        "                event nulls last\n",
        "                event nulls first\n",
        ALL,
    ),
    ("rejects displace rows", STEPS, "partition by event_id, reason", "partition by event_id", ALL),
    ("empty text is an id", RULES, "when length({{ id }}) = 0\n", "when length({{ id }}) < 0\n", ALL),
    ("words for no value are ids", RULES, "{%- if not known.words -%}", "{%- if true -%}", ALL),
    ("words for no value have one case", RULES, "{{ ascii_lower(trimmed) }} in", "{{ trimmed }} in", ALL),
    ("empty event is a name", STEPS, "length(event) > 0 then", "event is not null then", ALL),
    (
        "ids before times in the reasons",
        STEPS,
        "when {{ own_column('timestamp') }} is null\n",
        "when known_anonymous_id is null and known_user_id is null then 'missing_ids'\n            when {{ own_column('timestamp') }} is null\n",
        ALL,
    ),
    (
        "range open below",
        STEPS,
        "when {{ own_column('timestamp') }} < {{ earliest }}",
        "when {{ own_column('timestamp') }} <= {{ earliest }}",
        ALL,
    ),
    (
        "range closed above",
        STEPS,
        "{{ own_column('timestamp') }} >= {{ latest }}",
        "{{ own_column('timestamp') }} > {{ latest }}",
        ALL,
    ),
    (
        "out-of-range arrival kept",
        STEPS,
        "reason is not null or (received_at >= {{ earliest }} and received_at < {{ latest }})",
        "true",
        ALL,
    ),
    ("aliases before dedupe", PAIRS, "ref('tracklet_tracks')", "ref('tracklet_staged')", ALL),
    ("alias of the earliest track", STEPS, "last_at desc,", "last_at,", ALL),
    ("alias tie to the least", STEPS, "user_id desc nulls last", "user_id nulls last", ALL),
    (
        "users are no aliases",
        STEPS,
        "where length(alias) > 0",
        "where length(alias) > 0 and (user_id is not null or last_at is null)",
        ALL,
    ),
    (
        "device before user",
        EVENTS,
        "coalesce(tracks.user_id, tracks.anonymous_id)",
        "coalesce(tracks.anonymous_id, tracks.user_id)",
        ALL,
    ),
    ("flow past the session", STEPS, "case when {% for", "case when 0 * {% for", ALL),
    ("flow over a session between", STEPS, "range(2, number + 1)", "range(number, number + 1)", ALL),
    ("track numbers go on", STEPS, "place - first_place + 1", "place", ALL),
    ("track numbers from zero", STEPS, "place - first_place + 1", "place - first_place", ALL),
    (
        "start of the visitor",
        STEPS,
        "max(case when opens_session = 1 then {{",
        "min(case when opens_session = 1 then {{",
        ALL,
    ),
    ("rows for distinct ids", STEPS, "count(distinct event_id)", "count(*)", ALL),
    ("next session by time before", STEPS, "lead(session_start_at)", "lag(session_start_at)", ALL),
]


def packages(warehouse, folder):
    """(name, a copy of the package with that mistake) of each mutation that the warehouse can notice."""
    for number, (name, file, right, wrong, warehouses) in enumerate(MUTATIONS):
        if warehouse not in warehouses:
            continue
        package = folder / f"mutation-{number}"
        shutil.copytree(PACKAGE, package, dirs_exist_ok=True)
        text = (package / file).read_text()
        if right not in text:
            raise SystemExit(f"mutation {name!r}: {file} has no {right!r}")
        (package / file).write_text(text.replace(right, wrong))
        yield name, package
