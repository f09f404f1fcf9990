"""Runs the package's SQL, rendered without dbt, on a warehouse: seconds where dbt takes a minute."""

from lib import calls
from lib.render import Renderer
from lib.warehouse import quoted


def columns(warehouse, schema, table):
    """The columns of a table, and the type of each."""
    _, found = warehouse.query(
        "select column_name, data_type from information_schema.columns"
        f" where table_schema = '{schema}' and table_name = '{table}' order by ordinal_position")
    return {"columns": [name for name, _ in found], "types": dict(found)}


def run(warehouse, tables, variables, schema, package=None):
    """Builds every model in `schema`, which is created again; `tables` are (schema, table) of the source."""
    sources = [
        {"relation": quoted(*table), "name": ".".join(table), "event_type": calls.type_of(table),
         "is_evidence": calls.type_of(table) in variables.get("tracklet_evidence", []), **columns(warehouse, *table)}
        for table in tables]
    forgotten = variables.get("tracklet_forgotten")
    options = ({"package": package} if package else {}) | ({"forgotten": quoted(*forgotten.split("."))} if forgotten else {})
    renderer = Renderer(warehouse.name, sources, variables, schema, **options)
    warehouse.execute([f"drop schema if exists {quoted(schema)} cascade", f"create schema {quoted(schema)}"])
    for name in renderer.models():
        sql, config, _ = renderer.render(name)
        kind = config.get("materialized", "view")
        if config.get("unlogged") and warehouse.name == "postgres":
            kind = f"unlogged {kind}"
        create = f"create {kind} {quoted(schema, name)} as {sql}"
        statements = [config.get("pre_hook"), create, config.get("post_hook")]
        warehouse.execute([warehouse.own(statement) for statement in statements if statement])
    return renderer


def failing_tests(warehouse, renderer):
    """The singular data tests that find a row."""
    failing = []
    for name, path in sorted(renderer.files.items()):
        if path.parent.name == "tests":
            sql, config, _ = renderer.render(name)
            if config.get("enabled", True) and warehouse.query(warehouse.own(sql))[1]:
                failing.append(name)
    return failing
