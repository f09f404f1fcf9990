"""Whether the SQL rendered for warehouses that can't run here is legal there.

BigQuery's is analyzed by Google's own analyzer, with types, and the scans of the source are counted in its
resolved tree. Snowflake's, Redshift's and Spark's is parsed by sqlglot and calls only functions that
lib/functions.py finds in the vendor's documentation.

    python tests/warehouses statements.legality [--target bigquery|snowflake|redshift|spark]
"""

import argparse
import re
import sys

import sqlglot
from sqlglot import exp

from lib.functions import DOCUMENTED
from lib.render import Renderer

SOURCES = [
    {"relation": "rudder.tracks", "name": "rudder.tracks",
     "columns": ["ID", "ANONYMOUS_ID", "user_id", "event", "timestamp", "received_at", "event_text"]},
    {"relation": "app.tracks", "name": "app's \\ tracks", "columns": ["id", "user_id", "_timestamp"]},
]
OF_EVENTS = [
    {"relation": f"rudder.{table}", "name": f"rudder.{table}", "event_type": event_type, "is_evidence": event_type == "identify", "columns": [
        "id", "anonymous_id", "user_id", "event", "timestamp", "received_at",
        *(["context_page_url", "context_user_agent", "context_os_name", "revenue", "link", "agent", "system"] if event_type != "identify" else [])]}
    for event_type, table in (("track", "tracks"), ("page", "pages"), ("identify", "identifies"))]
HOSTILE = ["it's", 'say "hi"', "back\\slash", "\\'; drop", "new\nline", "naïve", "tab\there", "`", "\\", "😀"]
FORGOTTEN = "rudder.tracklet_forgotten"
CONFIGURATIONS = {
    "defaults": (SOURCES[:1], {}),
    "people forgotten": (SOURCES, {"tracklet_forgotten": FORGOTTEN}),
    "events": (OF_EVENTS, {
        "tracklet_types": ["track", "page"], "tracklet_evidence": ["identify"], "tracklet_event_columns": {
            "preset": "web", "revenue": {"number": "revenue"}, "link_host": {"host": "link"}, "system": {"os": "agent", "os_name": "system"}},
        "tracklet_session_columns": {
            "landing": {"first": "page_url", "of": "page"}, "last_revenue": {"last": "revenue", "of": ["page", "signup"], "at": ["page_url", "system"]},
            "bots": {"any": "is_bot"}, "user": {"first": "user_id"}, "hosts": {"distinct": "link_host"}, "prices": {"distinct": "revenue"},
            "sum": {"sum": "revenue"}, "calls": {"count": "*", "of": "it's"}, "latest": {"max": "timestamp"}, "first_bot": {"first": "is_bot"},
            "least": {"min": "revenue"}}}),
    "ids of rows": (OF_EVENTS[:2], {
        "tracklet_types": ["track", "page"], "tracklet_columns": {"event_id": "from_row"}, "tracklet_event_columns": {
            "preset": "mobile", "revenue": {"number": "revenue"}}}),
    "all else": (SOURCES, {
        "tracklet_dedupe": False, "tracklet_boundary": "exact", "tracklet_timeout": "90s",
        "tracklet_flow_length": 1, "tracklet_where": "id <> 'x' -- not these",
        "tracklet_columns": {"event_id": "Id"},
        "tracklet_counts": {"cnt_hostile": HOSTILE, "cnt_one": "signup", "cnt_none": [], "select": "select"}}),
}
# What BigQuery refuses and a lenient stand-in would not.
REFUSED = [
    "select 'it''s'",
    "select `id` + 1 from rudder.tracks",
    "select datediff(microsecond, `timestamp`, `received_at`) from rudder.tracks",
    "select `event` from rudder.tracks group by `user_id`",
]
# Words before a parenthesis that are no functions.
SYNTAX = {"as", "and", "or", "in", "over", "then", "when", "from", "where", "select", "case", "varchar", "on", "join", "else", "not"}


def rendered(target, sources, variables):
    """(name, SQL) of each model, analysis and data test, in dependency order."""
    renderer = Renderer(target, sources, variables, forgotten=variables.get("tracklet_forgotten"))
    models = renderer.models()
    others = [name for name in sorted(renderer.files) if name not in models]
    for name in [*models, *others]:
        sql, config, _ = renderer.render(name)
        if config.get("enabled", True):
            yield name, sql


def check_parsed(target, sources, variables):
    wrong = []
    for name, sql in rendered(target, sources, variables):
        try:
            trees = sqlglot.parse(sql, read=target, error_level=sqlglot.ErrorLevel.RAISE)
        except sqlglot.errors.SqlglotError as error:
            wrong.append(f"{name}: {error}")
            continue
        if len(trees) != 1 or not isinstance(trees[0], exp.Query):
            wrong.append(f"{name}: is not one query")
            continue
        literals = {literal.this for literal in trees[0].find_all(exp.Literal) if literal.is_string}
        if name == "tracklet_session_facts" and "tracklet_counts" in variables:
            # Redshift's backslashes come from chr(92), so its literals are pieces.
            missing = {text for text in HOSTILE if not (target == "redshift" and "\\" in text)} - literals
            wrong += [f"{name}: lost the event name {text!r}" for text in missing]
        bare = re.sub(r"'(?:[^'\\]|''|\\.)*'|\"[^\"]*\"|`[^`]*`|--[^\n]*", "''", sql) if target != "redshift" else \
            re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*", "''", sql)
        calls = {call.lower() for call in re.findall(r"(\w+)\s*\(", bare)} - SYNTAX
        ctes = {cte.alias.lower() for cte in trees[0].find_all(exp.CTE)}
        wrong += [f"{name}: calls {call}, which lib/functions.py doesn't know for {target}"
                  for call in sorted(calls - ctes - set(DOCUMENTED[target]))]
    return wrong


class BigQuery:
    """Google's analyzer with the features of BigQuery that the models need, and a catalog that grows by
    each model's own output columns."""

    def __init__(self):
        from zetasql.types import (
            AnalyzerOptions,
            LanguageFeature,
            LanguageOptions,
            NameResolutionMode,
            ProductMode,
            TypeKind,
        )

        language = LanguageOptions(
            name_resolution_mode=NameResolutionMode.NAME_RESOLUTION_DEFAULT,
            product_mode=ProductMode.PRODUCT_EXTERNAL,
            enabled_language_features=[
                LanguageFeature.FEATURE_ANALYTIC_FUNCTIONS,
                LanguageFeature.FEATURE_ADDITIONAL_STRING_FUNCTIONS,
                LanguageFeature.FEATURE_NUMERIC_TYPE,
                LanguageFeature.FEATURE_NULLS_FIRST_LAST_IN_ORDER_BY,
            ])
        self.options = AnalyzerOptions(language_options=language)
        self.kinds = TypeKind
        self.tables = {}
        self.scans = 0

    def add(self, name, columns):
        self.tables[name] = columns

    def add_source(self, source):
        times = {"timestamp", "_timestamp", "received_at"}
        self.add(source["relation"], {
            column: self.kinds.TYPE_TIMESTAMP if column.lower() in times else self.kinds.TYPE_STRING
            for column in source["columns"]})

    def analyze(self, sql, sources):
        """The output columns with their types; raises what the analyzer says."""
        from zetasql.api import Analyzer, CatalogBuilder, ResolvedNodeVisitor, TableBuilder
        from zetasql.types import ZetaSQLBuiltinFunctionOptions

        catalog = CatalogBuilder("project").with_builtin_functions(
            ZetaSQLBuiltinFunctionOptions(language_options=self.options.language_options))
        for name, columns in self.tables.items():
            table = TableBuilder(name)
            for column, kind in columns.items():
                table = table.add_column(column, kind)
            catalog = catalog.add_table(table.build())
        # Names with a dot are one name in this catalog.
        for name in self.tables:
            sql = re.sub(rf"\b{re.escape(name)}\b(?![`'])", f"`{name}`", sql)
        statement = Analyzer(self.options, catalog.build()).analyze_statement(sql)
        scans = []

        class Scans(ResolvedNodeVisitor):
            def visit_ResolvedTableScan(self, node):  # noqa: N802, the library's name
                scans.append(node.table.name)

        Scans().visit(statement)
        self.scans += sum(name in sources for name in scans)
        return {column.name: column.column.type.type_kind for column in statement.output_column_list}


def check_bigquery(sources, variables):
    analyzer, wrong = BigQuery(), []
    relations = {source["relation"] for source in sources}
    for source in sources:
        analyzer.add_source(source)
    text, integer = analyzer.kinds.TYPE_STRING, analyzer.kinds.TYPE_INT64
    analyzer.add(FORGOTTEN, {"salt": text, "id_hash": text, "noted_after": integer})
    for sql in REFUSED:
        try:
            analyzer.analyze(sql, ())
            wrong.append(f"the analyzer takes what it should refuse: {sql}")
        except Exception:  # noqa: BLE001, as below
            pass
    for name, sql in rendered("bigquery", sources, variables):
        try:
            # The audit compares the source with what was read of it: that is no read of a run.
            columns = analyzer.analyze(sql, () if name == "tracklet_audit" else relations)
        except Exception as error:  # noqa: BLE001, the binding raises several unrelated kinds
            wrong.append(f"{name}: {error}")
            continue
        analyzer.add(f"sessions.{name}", columns)
    if analyzer.scans != len(sources):
        wrong.append(f"{len(sources)} source tables are scanned {analyzer.scans} times")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=["bigquery", *DOCUMENTED], action="append")
    targets = parser.parse_args().target or ["bigquery", *DOCUMENTED]
    failed = False
    for target in targets:
        for name, (sources, variables) in CONFIGURATIONS.items():
            if target == "bigquery":
                wrong = check_bigquery(sources, variables)
            else:
                wrong = check_parsed(target, sources, variables)
            print(f"{'FAIL' if wrong else 'ok'}: {target}, {name}", *(f"  {line}" for line in wrong), sep="\n", flush=True)
            failed = failed or bool(wrong)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
