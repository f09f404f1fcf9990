"""Runs the package's SQL, rendered without dbt, on a warehouse: seconds where dbt takes a minute."""

from lib.render import Renderer
from lib.warehouse import quoted


def column_names(warehouse, schema, table):
    return warehouse.query(f"select * from {quoted(schema, table)} limit 0")[0]


def run(warehouse, tables, variables, schema, package=None):
    """Builds every model in `schema`, made anew; `tables` are (schema, table) of the source."""
    sources = [
        {"relation": quoted(*table), "name": ".".join(table), "columns": column_names(warehouse, *table)}
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
