"""The configurations under which the package is proved: the vars, what they mean, a layout of the source,
and the rows with the tables they should give."""

import hashlib
import random

from lib import calls, definition, histories
from lib.definition import MINUTE, Config
from lib.warehouse import quoted, time_for_loading


# What the corpus' cases of one folder change one at a time, all at once: where a run takes half a minute, whatever its rows.
ALL_ELSE = Config(timeout=90_000_000, exact=True, dedupe=False, ignore=["strict"], flow_length=7, counts={"cnt_paid": ["paid"]})


def of_one_text(rows, seed):
    """The rows, some of them twice, and some with others whose ids are put together to the same text."""
    draw = random.Random(seed)
    more = []
    for row in rows:
        if draw.random() < 0.1:
            more += [row] * draw.choice([1, 1, 2, 12])
        device, user = row["anonymous_id"], row["user_id"]
        if device and user and draw.random() < 0.1:
            more += [row | {"user_id": f"{user}\x1f+x"}, row | {"anonymous_id": f"{device}\x1f+{user}", "user_id": "x"}]
    return rows + more


class Case:
    """A configuration: the project's vars, what they mean, and a way to lay out the source."""

    name = "defaults"
    rules = Config()
    variables = {"tracklet_source_tables": ["rudder.tracks"], "tracklet_timeout": 30}
    sources = None
    kind = "VIEW"
    tables = [("rudder", "tracks")]

    def rows(self, seed, tracks):
        """At least so many canonical rows."""
        return histories.packed(f"{seed}/{self.name}", tracks)

    def expected(self, rows):
        """The tables of SPEC.md that these rows give."""
        return definition.tables(rows, self.rules)

    def load(self, warehouse, rows):
        """One table as RudderStack makes it, with a column that nobody asked for."""
        table = quoted("rudder", "tracks")
        warehouse.execute([
            'create schema "rudder"',
            f'create table {table} (id text, received_at timestamptz, anonymous_id text, user_id text,'
            ' event text, "timestamp" timestamptz, event_text text)'])
        warehouse.insert(table, [
            (row["event_id"], time_for_loading(row["received_at"]), row["anonymous_id"], row["user_id"],
             row["event"], time_for_loading(row["timestamp"]), "Other Text") for row in rows])


class KeepsAll(Case):
    """Duplicates kept, exact part-minutes, hostile names, tables; two sources of which one lacks columns."""

    name = "keeps_all"
    rules = Config(
        ignore=["STRICT", " it's ", "o\\n"], timeout=90_000_000, exact=True, dedupe=False, flow_length=3,
        counts={"cnt quote": ["it's", 'say "hi"'], "cnt_backslash": ["back\\slash", "\\'; drop"],
                'cnt"s': ["new\nline", "naïve", "tab\there"], "cnt_none": []})
    variables = {
        "tracklet_source_tables": [
            {"schema": "my shop", "table": "tracks-web"}, {"schema": "my shop", "table": "tracks.app"}],
        "tracklet_columns": {"event_id": "message id"},
        "tracklet_where": '"Keep me" > 0 -- internal traffic',
        "tracklet_ignore": ["STRICT", " it's ", "o\\n"],
        "tracklet_timeout": "90s", "tracklet_boundary": "exact", "tracklet_dedupe": False,
        "tracklet_counts": {
            "cnt quote": ["it's", 'say "hi"'], "cnt_backslash": ["back\\slash", "\\'; drop"],
            'cnt"s': ["new\nline", "naïve", "tab\there"], "cnt_none": []},
        "tracklet_flow_length": 3, "tracklet_materialize": "table"}
    kind = "BASE TABLE"
    tables = [("my shop", "tracks-web"), ("my shop", "tracks.app")]

    @staticmethod
    def other_spelling(warehouse):
        """A name beside `message id` that must not be taken for it."""
        return "Message Id" if warehouse.spelling_counts else "message"

    def load(self, warehouse, rows):
        web, app = quoted("my shop", "tracks-web"), quoted("my shop", "tracks.app")
        warehouse.execute([
            'create schema "my shop"',
            f'create table {web} ("Keep me" int, "MESSAGE ID" text, "Anonymous_Id" text, "USER_ID" text,'
            ' "EVENT" text, "_timestamp" timestamptz, "RECEIVED_AT" timestamp)',
            f'create table {app} ("{self.other_spelling(warehouse)}" text, "message id" text, event text,'
            ' "timestamp" timestamp, anonymous_id text, "Keep me" int)'])

        def without_zone(time):
            text = time_for_loading(time)
            return text and text.removesuffix("+00")

        poor = [row for row in rows if row["user_id"] is None and row["received_at"] is None]
        rich = [row for row in rows if row["user_id"] is not None or row["received_at"] is not None]
        warehouse.insert(app, [
            ("wrong", row["event_id"], row["event"], without_zone(row["timestamp"]), row["anonymous_id"], keep)
            for row in poor for keep in ([1, 0] if row["event"] == "signup" else [1])])
        warehouse.insert(web, [
            (keep, row["event_id"], row["anonymous_id"], row["user_id"], row["event"],
             time_for_loading(row["timestamp"]), without_zone(row["received_at"]))
            for row in rich for keep in ([2, None] if row["event"] == "signup" else [2])])


class Hour(Case):
    """A timeout in hours, no counts, no next events, and a source that the project declares."""

    name = "hour"
    rules = Config(ignore=[], timeout=60 * MINUTE, counts={}, flow_length=1)
    variables = {
        "tracklet_source_tables": [{"source": "clicks", "table": "tracks"}],
        "tracklet_ignore": [], "tracklet_timeout": "1h", "tracklet_counts": {}, "tracklet_flow_length": 1}
    sources = {"version": 2, "sources": [{"name": "clicks", "schema": "rudder", "tables": [{"name": "tracks"}]}]}


class Events(Case):
    """Calls of every type, each type in a table of its own, with texts and numbers that events carry."""

    name = "events"
    settings = {
        "source": {"types": list(definition.events.TYPES)},
        "columns": {
            "preset": "mobile", "locale": ["properties_language", "context_locale"], "plan": "context_traits_plan",
            "it_s": "properties_it_s", "revenue": {"number": ["revenue", "properties_revenue"]}, "tax": {"number": "tax"},
            "link_host": {"host": ["properties_link", "link"]}, "other_bot": {"is_bot": "properties_agent"}, "Browser": {"browser": "properties_agent"},
            "other_device": {"device_category": "properties_agent", "os_name": ["properties_system", "properties_platform"]},
            "os_alone": {"os": "properties_machine"}},
        "session": {"columns": {
            "landing_page": {"first": "page_url", "of": ["page", "screen"]}, "exit_page": {"last": "page_url", "of": "page"},
            "source": {"first": "utm_source", "at": ["utm_source", "utm_campaign"]},
            "campaign": {"first": "utm_campaign", "at": ["utm_source", "utm_campaign"]},
            "views": {"count": "*", "of": ["page", "screen"]}, "revenue_sum": {"sum": "revenue"}, "least_tax": {"min": "tax"},
            "last_revenue": {"last": "revenue", "of": ["page", "signup"]}, "plans": {"distinct": "plan"}, "some_bot": {"any": "other_bot"},
            "first_bot": {"first": "other_bot", "at": "plan"}, "last_call": {"last": "event_type"}, "last_view": {"max": "timestamp", "of": "page"}}},
    }
    rules = Config.from_toml(settings)
    variables = Case.variables | {
        "tracklet_types": settings["source"]["types"], "tracklet_event_columns": settings["columns"],
        "tracklet_session_columns": settings["session"]["columns"]}
    tables = calls.tables(("rudder", "tracks"), rules)

    def rows(self, seed, tracks):
        return calls.of_types(super().rows(seed, tracks), self.rules, f"{seed}/{self.name}")

    def load(self, warehouse, rows):
        calls.load(warehouse, self.tables, self.rules, rows)


class Evidence(Events):
    """Calls of which some types are events and others only say who has a device."""

    name = "evidence"
    settings = {
        "source": {"types": ["track", "page"]}, "identity": {"evidence": ["identify", "alias"]},
        "columns": {"plan": "context_traits_plan", "is_bot": {"is_bot": "context_user_agent"}},
        "session": {"columns": {"bots": {"any": "is_bot"}, "users": {"distinct": "user_id"}}}}
    rules = Config.from_toml(settings)
    variables = Case.variables | {
        "tracklet_types": settings["source"]["types"], "tracklet_evidence": settings["identity"]["evidence"],
        "tracklet_event_columns": settings["columns"], "tracklet_session_columns": settings["session"]["columns"]}
    tables = calls.tables(("rudder", "tracks"), rules)


class IdsOfRows(Events):
    """Data without ids: they are made of rows, some of which are alike, and some of which differ and have one text."""

    name = "ids of rows"
    settings = {
        "source": {"types": ["track", "page"], "columns": {"event_id": "from_row"}},
        "columns": {
            "plan": "properties_plan", "revenue": {"number": "revenue"}, "link_host": {"host": "properties_link"}, "is_bot": {"is_bot": "properties_agent"}}}
    rules = Config.from_toml(settings)
    variables = Case.variables | {
        "tracklet_types": settings["source"]["types"], "tracklet_columns": settings["source"]["columns"],
        "tracklet_event_columns": settings["columns"]}
    tables = calls.tables(("rudder", "tracks"), rules)

    def rows(self, seed, tracks):
        return of_one_text(calls.without_ids(super().rows(seed, tracks)), f"{seed}/{self.name}")


class TracksWithoutIds(Case):
    """The same of tracks alone."""

    name = "tracks without ids"
    rules = Config.from_toml({"source": {"columns": {"event_id": "from_row"}}})
    variables = Case.variables | {"tracklet_columns": {"event_id": "from_row"}}

    def rows(self, seed, tracks):
        return of_one_text(calls.without_ids(super().rows(seed, tracks)), f"{seed}/{self.name}")


class Typed(Case):
    """Tracks that carry columns of types other than text."""

    name = "typed columns"
    # The type of each, and values with the texts that they are.
    kinds = {
        "whole": ("bigint", {"42": "42", "-9007199254740993": "-9007199254740993"}),
        "fraction": ("double precision", {"1": "1", "2.5": "2.5", "-0.125": "-0.125", "1e3": "1000"}),
        "truth": ("boolean", {"true": "true", "false": "false"}),
        "moment": ("timestamp with time zone", {"2026-01-04 10:00:00.5+01": "2026-01-04T09:00:00.500000Z"}),
        "exact": ("decimal(30, 8)", {"1.23456750": "1.23456750", "-0.00000050": "-0.00000050", "0": "0"}),
        "real": ("double precision", {
            "0.1": "0.1", "1e9": "1000000000", "1e22": None, "-2.5e-7": "-0.00000025", "5e-7": "0.0000005",
            "123456789.012345": "123456789.012345", "NaN": None, "Infinity": None}),
    }
    settings = {"columns": {
        **{name: name.upper() for name in ("whole", "fraction", "truth", "moment")}, "exact": {"number": "exact"}, "real": {"number": "real"}}}
    rules = Config.from_toml(settings)
    variables = Case.variables | {"tracklet_event_columns": settings["columns"]}

    def rows(self, seed, tracks):
        draw = random.Random(f"{seed}/{self.name}")
        rows = super().rows(seed, min(tracks, 500))
        return [
            row | {"event_type": "track", "values": {name: draw.choice([None, *values]) for name, (_, values) in self.kinds.items()}}
            for row in rows]

    def expected(self, rows):
        def sources(row):
            return {
                own: values.get(row["values"][name])
                for name, (_, values) in self.kinds.items() for own in (name, name.upper())}

        return super().expected([row | {"sources": sources(row)} for row in rows])

    def load(self, warehouse, rows):
        table = quoted("rudder", "tracks")
        columns = ", ".join(f"{name} {kind}" for name, (kind, _) in self.kinds.items())
        warehouse.execute([
            'create schema "rudder"',
            f'create table {table} (id text, received_at timestamptz, anonymous_id text, user_id text, event text,'
            f' "timestamp" timestamptz, {columns})'])
        warehouse.insert(table, [
            (row["event_id"], time_for_loading(row["received_at"]), row["anonymous_id"], row["user_id"], row["event"],
             time_for_loading(row["timestamp"]), *row["values"].values()) for row in rows])


# Of what events carry one column of each type, for runs that take long by the length of their statements.
FEW_COLUMNS = Config.from_toml({
    "source": {"types": list(definition.events.TYPES)},
    "columns": {
        "plan": ["properties_plan", "context_traits_plan"], "revenue": {"number": "revenue"}, "link_host": {"host": "properties_link"},
        "is_bot": {"is_bot": "properties_agent"}, "system": {"os": "properties_agent", "os_name": "properties_system"}},
    "session": {"columns": {
        "first_plan": {"first": "plan"}, "plan_at_link": {"last": "plan", "at": ["link_host", "plan"]}, "revenue_sum": {"sum": "revenue", "of": "track"},
        "greatest": {"max": "revenue"}, "first_revenue": {"first": "revenue", "of": ["page", "signup"]}, "some_bot": {"any": "is_bot"},
        "hosts": {"distinct": "link_host"}, "pages": {"count": "*", "of": "page"}, "last_page_at": {"last": "timestamp", "of": "page"}}}})


# Few types and columns, and evidence beside them.
# The same, whose ids are made of rows.
FEW_WITHOUT_IDS = Config.from_toml({
    "source": {"types": ["track", "page"], "columns": {"event_id": "from_row"}}, "columns": {"plan": "properties_plan", "revenue": {"number": "revenue"}},
    "session": {"columns": {"first_event": {"first": "event_id"}, "revenue_sum": {"sum": "revenue"}}}})
FEW_WITH_EVIDENCE = Config.from_toml({
    "source": {"types": ["track", "page"]}, "identity": {"evidence": ["identify", "alias"]}, "columns": {"link_host": {"host": "properties_link"}},
    "session": {"columns": {
        "landing": {"first": "link_host", "of": "page"}, "last_host": {"last": "link_host"}, "users": {"distinct": "user_id"},
        "pages": {"count": "*", "of": "page"}}}})


class Nothing(Case):
    """A source without rows."""

    name = "nothing"

    def rows(self, seed, tracks):
        return []

    def load(self, warehouse, rows):
        warehouse.execute([
            'create schema "rudder"',
            'create table "rudder"."tracks" (id text, anonymous_id text, "timestamp" timestamptz)'])


class Forgetful(Case):
    """People who are forgotten though the source has their rows: visitors by the ids that find them, users, devices."""

    name = "forgetful"
    variables = Case.variables | {"tracklet_forgotten": "rudder.forgotten"}
    salt = "5a17"

    def forgotten(self, rows):
        """Some of the ids that the rows have, each as a letter and an id."""
        ids = sorted({found for row in rows for found in definition.ids_of(row, self.rules) if found[1]})
        return set(random.Random(self.name).sample(ids, len(ids) // 6))

    def expected(self, rows):
        forgotten = self.forgotten(rows)
        return super().expected([row for row in rows if not definition.ids_of(row, self.rules) & forgotten])

    def load(self, warehouse, rows):
        super().load(warehouse, rows)
        table = quoted("rudder", "forgotten")
        warehouse.execute([f"create table {table} (salt text, id_hash text, noted_after bigint)"])
        hashes = [hashlib.sha256((self.salt + letter + found).encode()).hexdigest() for letter, found in self.forgotten(rows)]
        warehouse.insert(table, [(self.salt, hashed, 1) for hashed in hashes])


FORGETFUL = Forgetful()
RANDOM = [Case(), KeepsAll(), Hour(), Events(), Evidence(), IdsOfRows(), TracksWithoutIds(), Typed(), Nothing()]
