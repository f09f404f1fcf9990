"""Whether the tables in a warehouse are those of the definition: columns, types, kinds, and rows."""

from collections import Counter

from lib.warehouse import quoted

# Tables under every setting of `materialize`.
PHYSICAL = ("tracklet_rejects", "tracklet_duplicates", "dbt_aliases_mapping")
TEXT, INTEGER, NUMBER, TIME, TRUTH = "text", "integer", "number", "time", "truth"
TYPES = {
    "text": TEXT, "VARCHAR": TEXT, "character varying": TEXT,
    "bigint": INTEGER, "BIGINT": INTEGER,
    "numeric": NUMBER, "DECIMAL(28,6)": NUMBER, "DECIMAL(38,6)": NUMBER,
    "boolean": TRUTH, "BOOLEAN": TRUTH,
    "timestamp with time zone": TIME, "TIMESTAMP": TIME, "TIMESTAMP WITH TIME ZONE": TIME,
}


def columns_of(config):
    """The columns of SPEC.md's tables, in order, with their types."""
    return {
        "dbt_aliases_mapping": {"alias": TEXT, "dbt_visitor_id": TEXT},
        "dbt_mapped_tracks": {
            "event_id": TEXT, "anonymous_id": TEXT, "dbt_visitor_id": TEXT, "timestamp": TIME,
            "event": TEXT, "idle_time_minutes": INTEGER},
        "dbt_session_tracks": {
            "session_id": TEXT, "dbt_visitor_id": TEXT, "session_start_at": TIME,
            "session_sequence_number": INTEGER, "next_session_start_at": TIME},
        "dbt_track_facts": {
            "anonymous_id": TEXT, "timestamp": TIME, "event_id": TEXT, "event": TEXT, "session_id": TEXT,
            "dbt_visitor_id": TEXT, "track_sequence_number": INTEGER},
        "dbt_session_track_facts":
            {"session_id": TEXT, "ended_at": TIME, "num_pvs": INTEGER} | dict.fromkeys(config.counts, INTEGER),
        "dbt_user_session_facts": {
            "dbt_visitor_id": TEXT, "first_date": TIME, "last_date": TIME, "number_of_sessions": INTEGER},
        "dbt_session_duration": {"dbt_visitor_id": TEXT, "session_id": TEXT, "session_duration": INTEGER},
        "dbt_tracks_flow": {
            "event_id": TEXT, "session_id": TEXT, "track_sequence_number": INTEGER, "event": TEXT,
            "dbt_visitor_id": TEXT, "timestamp": TIME,
            **{f"event_{k}": TEXT for k in range(2, config.flow_length + 1)}},
        "tracklet_duplicates": {
            "event_id": TEXT, "anonymous_id": TEXT, "user_id": TEXT, "event": TEXT, "timestamp": TIME,
            "received_at": TIME},
        "tracklet_rejects": {
            "source_file": TEXT, "row_number": INTEGER, "reason": TEXT, "event_id": TEXT,
            "anonymous_id": TEXT, "user_id": TEXT, "event": TEXT, "timestamp": TEXT, "received_at": TEXT,
            "raw": TEXT},
    } | (columns_of_events(config) if config.events else {})


def type_of(column):
    """The type of a column that events carry."""
    return NUMBER if column.is_number else TRUTH if column.function == "is_bot" else TEXT


def type_of_session_column(column, config):
    """The type of a column that sessions have of their events."""
    if column.function in ("count", "distinct"):
        return INTEGER
    if column.function == "any":
        return TRUTH
    if column.column == "timestamp":
        return TIME
    return next((type_of(carried) for carried in config.event_columns if carried.name == column.column), TEXT)


def columns_of_events(config):
    """The columns of the tables that there are where events have types or carry columns."""
    return {
        "tracklet_events": {
            "event_id": TEXT, "event_type": TEXT, "event": TEXT, "anonymous_id": TEXT, "user_id": TEXT,
            "dbt_visitor_id": TEXT, "timestamp": TIME, "session_id": TEXT, "session_key": TEXT,
            "event_sequence_number": INTEGER, "start_reason": TEXT,
            **{column.name: type_of(column) for column in config.event_columns}},
        "tracklet_sessions": {
            "session_key": TEXT, "session_id": TEXT, "dbt_visitor_id": TEXT, "session_sequence_number": INTEGER,
            "session_start_at": TIME, "ended_at": TIME, "next_session_start_at": TIME, "start_reason": TEXT, "events": INTEGER,
            **{column.name: type_of_session_column(column, config) for column in config.session_columns}},
    }


def differences(name, expected, actual):
    """Lines that say which rows differ; none if the multisets are equal."""
    missing, extra = Counter(expected), Counter(actual)
    missing, extra = missing - extra, extra - missing
    lines = [f"  {name}: missing {row}" for row in list(missing)[:3]]
    lines += [f"  {name}: not expected {row}" for row in list(extra)[:3]]
    if lines:
        lines.append(f"  {name}: {missing.total()} missing, {extra.total()} not expected, of {len(expected)}")
    return lines


def compare(warehouse, schema, config, kind, expected):
    """Lines that say what differs. `kind` is what the tables over the physical ones should be."""
    _, found = warehouse.query(
        "select table_name, column_name, data_type from information_schema.columns"
        f" where table_schema = '{schema}' order by table_name, ordinal_position")
    _, kinds = warehouse.query(
        f"select table_name, table_type from information_schema.tables where table_schema = '{schema}'")
    known, wrong = TYPES | warehouse.types, []
    for table, columns in columns_of(config).items():
        types = {column: known.get(kind, kind) for name, column, kind in found if name == table}
        if list(types.items()) != list(columns.items()):
            wrong.append(f"  {table}: columns {types}, expected {columns}")
            continue
        physical = table in PHYSICAL
        if dict(kinds)[table] != ("BASE TABLE" if physical else kind):
            wrong.append(f"  {table}: is a {dict(kinds)[table]}")
        # In a warehouse a reject's source is the relation, and it has neither line nor raw text.
        compared = [c for c in columns if c not in ("source_file", "row_number", "raw")]
        _, actual = warehouse.query(f"select {', '.join(map(quoted, compared))} from {quoted(schema, table)}")
        wrong += differences(table, [tuple(row[c] for c in compared) for row in expected[table]], actual)
    return wrong
