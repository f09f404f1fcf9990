"""The program `tracklet`, run as its users run it, against a PostgreSQL of the tests."""

import json
import os
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


def binary():
    """TRACKLET_BIN, or the release build; absolute, for it runs in other folders."""
    named = os.environ.get("TRACKLET_BIN")
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    return (Path(named) if named else target / "release" / "tracklet").absolute()


def toml(value):
    """A value as TOML. JSON's texts are TOML's."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k, ensure_ascii=False)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def quoted_table(*parts):
    """A table as `source.tables` names it."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def sessions(config):
    """The section `[sessions]`."""
    return ["[sessions]", *(f"{name} = {toml(own)}" for name, own in config.sessions().items())]


def settings_of_events(config):
    """Lines of `[source]` that say which calls are events, and behind them the sections with what they carry and what sessions say of it."""
    columns = [f"{name} = {toml(own)}" for name, own in config.column_settings.items()]
    types = [name for name in config.types if name not in config.evidence]
    of_sessions = [f"{name} = {toml(own)}" for name, own in config.session_column_settings.items()]
    return [f"types = {toml(types)}"] * (types != ["track"]) + ["[columns]", *columns] * bool(columns) + [
        "[session.columns]", *of_sessions] * bool(of_sessions)


def identity(config):
    """The section `[identity]`."""
    return ["[identity]", f"ignore = {toml(config.ignore)}", *([f"evidence = {toml(config.evidence)}"] if config.evidence else [])]


def source_columns(config):
    """The section `[source.columns]`, where ids are made of rows."""
    return ["[source.columns]", 'event_id = "from_row"'] * config.ids_from_rows


def configuration_of_events(settings):
    """A tracklet.toml of the sections that say what events and sessions have."""
    lines = []
    for section, keys in settings.items():
        # A dictionary is a section of its own, but for a column of events.
        flat = {name: own for name, own in keys.items() if section == "columns" or not isinstance(own, dict)}
        lines += [f"[{section}]", *(f"{name} = {toml(own)}" for name, own in flat.items())]
        for name in keys.keys() - flat:
            lines += [f"[{section}.{name}]", *(f"{key} = {toml(own)}" for key, own in keys[name].items())]
    return "\n".join(lines) + "\n"


def variables_of_events(settings):
    """The package's variables for it."""
    return {
        "tracklet_types": settings.get("source", {}).get("types", ["track"]), "tracklet_event_columns": settings.get("columns", {}),
        "tracklet_session_columns": settings.get("session", {}).get("columns", {}),
        "tracklet_columns": settings.get("source", {}).get("columns", {}),
        "tracklet_evidence": settings.get("identity", {}).get("evidence", [])}


def configuration(config, warehouse, schema, tables, columns=(), where=None, materialize="view", publish="swap"):
    """A tracklet.toml."""
    lines = [
        f"dedupe = {toml(config.dedupe)}",
        "[source]", f"tables = {toml([quoted_table(*table) for table in tables])}",
        *([f"where = {toml(where)}"] if where else []),
        *settings_of_events(config),
        "[source.columns]",
        *(f"{name} = {toml(own)}" for name, own in (dict(columns) | ({"event_id": "from_row"} if config.ids_from_rows else {})).items()),
        *identity(config),
        *sessions(config),
        "[counts]", *(f"{name} = {toml(events)}" for name, events in config.counts.items()),
        "[flow]", f"length = {config.flow_length}",
        "[targets.pg]", f"type = {toml(warehouse.kind)}", 'host = "127.0.0.1"', f"port = {warehouse.program_port}", 'user = "postgres"',
        'dbname = "postgres"', f"schema = {toml(schema)}", f"materialize = {toml(materialize)}",
        f"publish = {toml(publish)}",
    ]
    return "\n".join(lines) + "\n"


class Failed(Exception):
    """The program ended otherwise than it should."""


def run(folder, *arguments, code=0):
    """Runs the program in a folder; gives what it wrote."""
    # Another time zone than UTC: no result may depend on it.
    environment = os.environ | {"TZ": "Asia/Kolkata", "NO_COLOR": "1"}
    done = subprocess.run([binary(), *arguments], cwd=folder, env=environment, text=True, capture_output=True)
    if code is not None and done.returncode != code:
        raise Failed(f"tracklet {' '.join(arguments)} in {folder}: exit code {done.returncode}\n{done.stderr[-3000:]}")
    return done
