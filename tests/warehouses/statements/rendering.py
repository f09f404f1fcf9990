"""Whether the program renders the models as lib/render.py does, to the byte: in every dialect, for a few
configurations.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses statements.rendering
"""

import sys
import tempfile
from pathlib import Path

from lib import calls, dialects, program
from lib.definition import Config
from lib.render import Renderer

COLUMNS = ["id", "anonymous_id", "user_id", "event", "timestamp", "received_at"]
HOSTILE = ["it's", 'say "hi"', "back\\slash", "\\'; drop", "new\nline", "naïve", "tab\there", "`", "\\", "😀"]
EVENTS = {
    "source": {"types": ["track", "page"]},
    "columns": {
        "preset": "web", "Page_Url": ["properties_link", "context_page_url"], "revenue": {"number": "revenue"}, "link_host": {"host": "context_page_url"},
        "shop_host": {"host": ["properties_shop", "context_shop"]}, "system": {"os": "properties_agent", "os_name": "properties_system"},
        "bot": {"is_bot": ["properties_agent"]}, "kind": {"device_category": "properties_shop"}},
    "session": {"columns": {
        "landing": {"first": "Page_Url", "of": ["page", "screen"]}, "last_revenue": {"last": "revenue", "of": ["page", "signup"], "at": ["system", "kind"]},
        "bots": {"any": "bot", "of": "it's"}, "user": {"first": "user_id"}, "hosts": {"distinct": "shop_host"}, "sum": {"sum": "revenue"},
        "events_of_all": {"count": "*"}, "latest": {"max": "timestamp"}, "first_bot": {"first": "bot"}, "greatest": {"max": "revenue"}}}}
EVIDENCE = {"identity": {"evidence": ["identify", "alias"]}, "columns": {"plan": "plan", "is_bot": {"is_bot": "agent"}}}
OF_TRACKS = {"source": {"types": ["page"]}, "identity": {"evidence": ["track"]}}
NO_IDS = {
    "source": {"types": ["track", "page"], "columns": {"event_id": "from_row"}},
    "columns": {"plan": "plan", "revenue": {"number": "revenue"}, "is_bot": {"is_bot": "agent"}, "kind": {"device_category": "agent"}}}
NO_IDS_OF_TRACKS = {"source": {"columns": {"event_id": "from_row"}}}
DERIVED = {"columns": {"browser": {"browser": "context_user_agent"}}}
OF_SESSIONS = {"session": {"columns": {"names": {"distinct": "event"}}}}
# The file, and the same in the package's variables.
CONFIGURATIONS = {
    "defaults": ("", {}),
    "all else": (
        f"""
        dedupe = false
        [source]
        tables = ["rudder.tracks", '"my shop"."tracks.app"']
        where = "id <> 'x' -- not these"
        [source.columns]
        event_id = "Id"
        [sessions]
        timeout = "500ms"
        boundary = "exact"
        [counts]
        cnt_hostile = {program.toml(HOSTILE)}
        cnt_one = "signup"
        [flow]
        length = 1
        """,
        {"tracklet_dedupe": False, "tracklet_boundary": "exact", "tracklet_timeout": "500ms",
         "tracklet_flow_length": 1, "tracklet_where": "id <> 'x' -- not these", "tracklet_columns": {"event_id": "Id"},
         "tracklet_counts": {"cnt_hostile": HOSTILE, "cnt_one": ["signup"]}}),
    "events": (program.configuration_of_events(EVENTS), program.variables_of_events(EVENTS)),
    "evidence": (program.configuration_of_events(EVIDENCE), program.variables_of_events(EVIDENCE)),
    "evidence of tracks": (program.configuration_of_events(OF_TRACKS), program.variables_of_events(OF_TRACKS)),
    "ids of rows": (program.configuration_of_events(NO_IDS), program.variables_of_events(NO_IDS)),
    "ids of tracks": (program.configuration_of_events(NO_IDS_OF_TRACKS), program.variables_of_events(NO_IDS_OF_TRACKS)),
    "columns of sessions alone": (program.configuration_of_events(OF_SESSIONS), program.variables_of_events(OF_SESSIONS)),
    "derived alone": (program.configuration_of_events(DERIVED), program.variables_of_events(DERIVED)),
}
SOURCES = {
    "defaults": [("sessions", "tracks")], "all else": [("rudder", "tracks"), ("my shop", "tracks.app")],
    "events": [("sessions", "tracks"), ("sessions", "pages")], "derived alone": [("sessions", "tracks")], "columns of sessions alone": [("sessions", "tracks")],
    "evidence": [("sessions", "tracks"), ("sessions", "identifies"), ("sessions", "aliases")],
    "evidence of tracks": [("sessions", "tracks"), ("sessions", "pages")],
    "ids of rows": [("sessions", "tracks"), ("sessions", "pages")], "ids of tracks": [("sessions", "tracks")]}
RULES = {
    name: Config.from_toml(settings) for name, settings in {
        "events": EVENTS, "evidence": EVIDENCE, "evidence of tracks": OF_TRACKS, "ids of rows": NO_IDS, "ids of tracks": NO_IDS_OF_TRACKS, "derived alone": DERIVED,
        "columns of sessions alone": OF_SESSIONS}.items()}


def quoted(dialect, *names):
    mark = "`" if dialect in ("bigquery", "spark") else '"'
    return ".".join(f"{mark}{name}{mark}" for name in names)


def spelled(dialect, name):
    plain = all(c.isalnum() or c == "_" for c in name)
    return name.upper() if dialect == "snowflake" and plain else name


def renderer(dialect, name):
    mapped = CONFIGURATIONS[name][1].get("tracklet_columns", {})
    made = mapped.get("event_id") == "from_row"
    columns = [*([] if made else [spelled(dialect, mapped.get("event_id", "id"))]), *(spelled(dialect, c) for c in COLUMNS[1:])]
    sources = []
    for schema, table in SOURCES[name]:
        event_type = calls.type_of((schema, table))
        own = [spelled(dialect, column) for column in calls.sources_of(RULES[name], event_type)] if name in RULES else []
        names = (spelled(dialect, schema), spelled(dialect, table))
        sources.append({
            "relation": quoted(dialect, *names), "name": ".".join(names), "event_type": event_type,
            "is_evidence": event_type in CONFIGURATIONS[name][1].get("tracklet_evidence", []),
            "columns": [*columns, *(column for column in own if column not in columns)]})
    found = Renderer(dialect, sources, CONFIGURATIONS[name][1])
    found.relation = lambda model: quoted(dialect, *(spelled(dialect, part) for part in ("sessions", model)))
    return found


def main():
    wrong = compared = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, (text, _) in CONFIGURATIONS.items():
            (Path(folder) / "tracklet.toml").write_text(text)
            for dialect in dialects.rendered():
                expected = renderer(dialect, name)
                for file in sorted(expected.files):
                    actual = program.run(folder, "compile", file, "--dialect", dialect).stdout
                    compared += 1
                    if actual != expected.render(file)[0]:
                        wrong += 1
                        print(f"FAIL: {dialect}, {name}, {file}:\n{actual}\nbut\n{expected.render(file)[0]}")
    print(f"{compared - wrong} of {compared} files are rendered alike")
    sys.exit(1 if wrong or not compared else 0)


if __name__ == "__main__":
    main()
