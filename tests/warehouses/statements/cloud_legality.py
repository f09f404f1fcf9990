"""Whether all that the program sent to the stand-in for BigQuery is legal on the real one: its jobs, whose texts the
stand-in keeps, through Google's analyzer in the order in which they ran.

Scripts are taken apart; what a statement creates is known to those after it. Also counts how often a source is scanned.
"""

import json
import re
import urllib.request

from sqlglot.dialects.bigquery import BigQuery as Dialect
from sqlglot.tokens import TokenType
from zetasql.api import Analyzer, CatalogBuilder, ResolvedNodeVisitor, TableBuilder
from zetasql.types import (
    AnalyzerOptions,
    LanguageFeature,
    LanguageOptions,
    NameResolutionMode,
    ProductMode,
    ResolvedNodeKind,
    TypeKind,
    ZetaSQLBuiltinFunctionOptions,
)

from lib import calls
from lib.cases import FEW_COLUMNS

RELATION = re.compile(r"`(\w+)`\.`(\w+)`\.`(\w+)`")
# What differs from run to run: the name of the run, and of the source.
OF_RUN = [(re.compile(r"tracklet_aside_[0-9a-f]{24}_"), "tracklet_aside_"), (re.compile(r"`raw_\d+`"), "`raw`"),
          (re.compile(r"'[0-9a-f]{24}'"), "'run'"), (re.compile(r"cast\('?[\d:. +-]+'? as (\w+)\)"), r"cast(null as \1)")]
STATEMENTS = ["BEGIN", "COMMIT", "CREATE_SCHEMA", "CREATE_TABLE", "CREATE_TABLE_AS_SELECT", "CREATE_VIEW", "DELETE", "DROP",
              "INSERT", "QUERY", "UPDATE"]
# What BigQuery refuses and the stand-in does not.
REFUSED = [
    "create table `p`.`d`.`t` as select 'it''s' as x",
    "insert into `p`.`d`.`known` select 'text'",
    "delete from `p`.`d`.`known`",
    "create table `p`.`d`.`t` partition by nothing as select 1 as x",
    "update `p`.`d`.`known` set x = 'y' where true",
]


def jobs(reader):
    """(id, text) of the program's queries, the oldest first."""
    found, page = [], ""
    while True:
        url = f"{reader.server.endpoint}/bigquery/v2/projects/local/jobs?projection=full&maxResults=500&pageToken={page}"
        with urllib.request.urlopen(url) as answer:
            listed = json.load(answer)
        found += listed.get("jobs", [])
        page = listed.get("nextPageToken")
        if not page:
            break
    ours = [job for job in found if job["jobReference"]["jobId"].startswith("tracklet_")]
    ours = [job for job in ours if "query" in job["configuration"] and "errorResult" not in job["status"]]
    # The stand-in tells milliseconds, which later statements of one run may share: the sort keeps its own order.
    ours = sorted(reversed(ours), key=lambda job: int(job["statistics"]["creationTime"]))
    return [(job["jobReference"]["jobId"], job["configuration"]["query"]["query"]) for job in ours]


def statements(text):
    """The statements of a script."""
    start = 0
    for token in Dialect().tokenize(text):
        if token.token_type == TokenType.SEMICOLON:
            yield text[start : token.start].strip()
            start = token.end + 1
    if text[start:].strip():
        yield text[start:].strip()


class BigQuery:
    """Google's analyzer with a catalog that each statement changes."""

    def __init__(self):
        language = LanguageOptions(
            name_resolution_mode=NameResolutionMode.NAME_RESOLUTION_DEFAULT,
            product_mode=ProductMode.PRODUCT_EXTERNAL,
            supported_statement_kinds=[getattr(ResolvedNodeKind, f"RESOLVED_{kind}_STMT") for kind in STATEMENTS],
            enabled_language_features=[
                LanguageFeature.FEATURE_ANALYTIC_FUNCTIONS,
                LanguageFeature.FEATURE_ADDITIONAL_STRING_FUNCTIONS,
                LanguageFeature.FEATURE_NUMERIC_TYPE,
                LanguageFeature.FEATURE_NULLS_FIRST_LAST_IN_ORDER_BY,
                LanguageFeature.FEATURE_CREATE_TABLE_PARTITION_BY,
                LanguageFeature.FEATURE_CREATE_TABLE_CLUSTER_BY,
                LanguageFeature.FEATURE_WITH_ON_SUBQUERY,
                LanguageFeature.FEATURE_OMIT_INSERT_COLUMN_LIST,
            ])
        self.options = AnalyzerOptions(language_options=language)
        self.functions = ZetaSQLBuiltinFunctionOptions(language_options=language)
        self.tables = {}
        self.scans = {}
        self.known = {}

    def analyze(self, statement):
        """Takes a statement into account; raises what the analyzer says. One that another run sent too, over tables
        with the same columns, is not analyzed again."""
        for pattern, same in OF_RUN:
            statement = pattern.sub(same, statement)
        # Names of three parts are one name in this catalog.
        text = RELATION.sub(r"`\1.\2.\3`", statement)
        tables = {name: columns for name, columns in self.tables.items() if f"`{name}`" in text}
        key = (text, repr(tables))
        if key not in self.known:
            self.known[key] = self.resolved(text, tables)
        created, scanned = self.known[key]
        self.tables |= created
        for name in scanned:
            self.scans[name] = self.scans.get(name, 0) + 1

    def resolved(self, text, tables):
        """What a statement creates, and the tables that it scans."""
        catalog = CatalogBuilder("project").with_builtin_functions(self.functions)
        for name, columns in tables.items():
            table = TableBuilder(name)
            for column, kind in columns.items():
                table = table.add_column(column, kind)
            catalog = catalog.add_table(table.build())
        resolved = Analyzer(self.options, catalog.build()).analyze_statement(text)
        scanned = []

        class Scans(ResolvedNodeVisitor):
            def visit_ResolvedTableScan(self, node):  # noqa: N802, the library's name
                scanned.append(node.table.name)

        Scans().visit(resolved)
        kind = type(resolved).__name__
        if kind in ("ResolvedCreateTableAsSelectStmt", "ResolvedCreateViewStmt"):
            columns = {column.name: column.column.type.type_kind for column in resolved.output_column_list}
        elif kind == "ResolvedCreateTableStmt":
            columns = {column.name: column.type.type_kind for column in resolved.column_definition_list}
        else:
            return {}, scanned
        return {".".join(resolved.name_path): columns}, scanned


# A table of tracks that the program did not make.
TRACKS = dict.fromkeys(["id", "anonymous_id", "user_id", "event"], TypeKind.TYPE_STRING) | dict.fromkeys(
    ["timestamp", "received_at", "loaded_at"], TypeKind.TYPE_TIMESTAMP)

# What calls of any type may have besides.
CARRIED = dict.fromkeys(
    [name for event_type in FEW_COLUMNS.types for name in calls.sources_of(FEW_COLUMNS, event_type)], TypeKind.TYPE_STRING)


def differences(reader, runs=None):
    """Lines that say what is not legal, or scans a source other than once in each of the runs. Without their number the
    source is a table that was there before the program."""
    analyzer, wrong = BigQuery(), []
    if runs is None:
        analyzer.tables |= {f"local.raw.{table}": TRACKS | CARRIED for _, table in calls.tables(("raw", "tracks"), FEW_COLUMNS)}
    analyzer.tables["p.d.known"] = {"x": TypeKind.TYPE_INT64}
    for statement in REFUSED:
        try:
            analyzer.analyze(statement)
            wrong.append(f"  the analyzer takes what it should refuse: {statement}")
        except Exception:  # noqa: BLE001, the binding raises several unrelated kinds
            pass
    count = 0
    for identity, text in jobs(reader):
        for statement in statements(text):
            count += 1
            try:
                analyzer.analyze(statement)
            except Exception as error:  # noqa: BLE001, as above
                wrong.append(f"  {identity}: {error}\n{statement[:2000]}")
    scans = analyzer.scans.get("local.raw.tracks", 0)
    if runs is not None and scans != runs:
        wrong.append(f"  the source is scanned {scans} times in {runs} runs")
    if count < 50:
        wrong.append(f"  only {count} statements were found")
    print(f"{'FAIL' if wrong else 'ok'}: bigquery, Google's analyzer: {count} statements, "
          f"{len(analyzer.known)} of them different, {scans} scans of the source", *wrong[:10], sep="\n", flush=True)
    return wrong
