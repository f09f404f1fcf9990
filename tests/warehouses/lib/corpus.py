"""The shared corpus as warehouse cases: all cases of one configuration packed into one source table.

The ids of a case get its number in front, in the rows and in the expected tables. What no typed table can
hold is left out: unreadable lines, texts that are no time, times that no timestamp holds, ids that are no text or too long. Expected rejects come from
the oracle, since a table has times where a file has texts; all other tables from the checked-in files.
"""

import json
import tomllib
from pathlib import Path

from lib import calls, definition
from lib.cases import Case
from lib.definition import COLUMNS, Config, oracle, reading

CORPUS = Path(__file__).resolve().parents[3] / "corpus"
IDS = ("event_id", "anonymous_id", "user_id", "alias", "dbt_visitor_id", "session_key")


def prefixed(row, prefix, config):
    """A row, of a table or of the source, with the prefix before each id in it, but for those that stand for none."""
    stays = {name for name in ("anonymous_id", "user_id") if oracle.known_id(row.get(name), config) is None}
    of_sessions = [
        column.name for column in config.session_columns if column.column in IDS and column.function in ("first", "last", "min", "max")]
    changed = {name: f"{prefix}{row[name]}" for name in (*IDS, *of_sessions) if row.get(name) and name not in stays}
    if "session_id" in row:
        number, visitor = row["session_id"].split(" - ", 1)
        changed["session_id"] = f"{number} - {prefix}{visitor}"
    return row | changed


def is_held(time):
    """Whether the timestamps of every warehouse can hold a time, in microseconds: years 1 to 9999."""
    return time in (None, "bad") or -62_135_596_800_000_000 <= time < 253_402_300_800_000_000


def canonical_rows(folder, config):
    """The rows that a warehouse would have: what the reader makes of the files, empty text left as it is."""
    rows = []
    for track in reading.read_folder(folder, config)[0]:
        if track.not_text or track.too_long or track.timestamp == "bad" or not is_held(track.timestamp):
            continue
        row = {name: "" if track.raw[name] == "" else getattr(track, name) for name in COLUMNS[:4]}
        received_at = None if track.received_at == "bad" or not is_held(track.received_at) else track.received_at
        row |= {"timestamp": track.timestamp, "received_at": received_at}
        rows.append(row | ({"event_type": track.event_type, "sources": track.sources} if config.events else {}))
    return rows


class CorpusCase(Case):
    """Some cases of the corpus that share a configuration."""

    def __init__(self, folders, config):
        self.folders, self.rules = folders, config
        self.name = f"corpus of {len(folders)}: {folders[0].name}{' ..' if folders[1:] else ''}"
        self.variables = {
            "tracklet_source_tables": ["rudder.tracks"],
            **{f"tracklet_{name}": own for name, own in config.sessions().items()},
            "tracklet_ignore": config.ignore,
            "tracklet_dedupe": config.dedupe,
            "tracklet_counts": config.counts,
            "tracklet_flow_length": config.flow_length,
            "tracklet_types": [name for name in config.types if name not in config.evidence],
            "tracklet_evidence": config.evidence,
            "tracklet_event_columns": config.column_settings,
            "tracklet_session_columns": config.session_column_settings,
            **({"tracklet_columns": {"event_id": "from_row"}} if config.ids_from_rows else {}),
        }
        self.tables = calls.tables(("rudder", "tracks"), config)

    def load(self, warehouse, rows):
        if self.rules.events:
            calls.load(warehouse, self.tables, self.rules, rows)
        else:
            super().load(warehouse, rows)

    def rows(self, seed, tracks):
        rows = [
            prefixed(row, self.prefix(number), self.rules)
            for number, folder in enumerate(self.folders)
            for row in canonical_rows(folder / "input", self.config_of(folder))]
        return calls.without_ids(rows) if self.rules.ids_from_rows else rows

    def prefix(self, number):
        """What stands before the ids of a case. Ids that are made of rows have the others in them: such a case is alone."""
        return "" if self.rules.ids_from_rows else f"{number}|"

    def expected(self, rows):
        tables = {table: [] for table in oracle.tables_of(self.rules)}
        for number, folder in enumerate(self.folders):
            for table in tables:
                for line in (folder / "expected" / f"{table}.jsonl").read_text("utf-8").split("\n"):
                    if line:
                        tables[table].append(prefixed(json.loads(line), self.prefix(number), self.rules))
        tables["tracklet_rejects"] = definition.tables(rows, self.rules)["tracklet_rejects"]
        return tables

    @staticmethod
    def config_of(folder):
        return Config.from_toml(tomllib.loads((folder / "case.toml").read_text("utf-8")).get("config", {}))


def cases(corpus=CORPUS):
    """The corpus by configuration, the most common first."""
    groups = {}
    for path in sorted(corpus.glob("*/case.toml")):
        config = CorpusCase.config_of(path.parent)
        key = repr((
            path if config.ids_from_rows else "",
            config.sessions(), config.ignore, config.dedupe, config.counts, config.flow_length, config.types, config.evidence,
            config.column_settings, config.session_column_settings))
        groups.setdefault(key, (config, []))[1].append(path.parent)
    found = [CorpusCase(folders, config) for config, folders in groups.values()]
    return sorted(found, key=lambda case: -len(case.folders))
