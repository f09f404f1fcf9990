"""Renders the package without dbt, through minijinja: the engine and the few names that Tracklet's own
renderer gives the models. Macros that need dbt itself (macros/adapter.sql) are replaced by these names.
"""

import re
from pathlib import Path

import minijinja
import yaml

from lib import calls

PACKAGE = Path(__file__).resolve().parents[3] / "dbt"
# The macros of the second are tried where the first has none.
PREFIXES = {"spark": ["spark"], "databricks": ["databricks", "spark"]}


class RenderError(Exception):
    """What a model says is wrong with the configuration."""


class Renderer:
    """One target type and one configuration; `sources` as the macro source_tables describes them, `forgotten` as forgotten_table."""

    def __init__(self, target, sources, variables=None, schema="sessions", package=PACKAGE, forgotten=None):
        self.package, self.forgotten = package, forgotten
        project = yaml.safe_load((package / "dbt_project.yml").read_text())
        self.variables = project["vars"] | (variables or {})
        self.prefixes = [*PREFIXES.get(target, [target]), "default"]
        self.target, self.sources, self.schema = target, sources, schema
        self.carried, self.derived_texts = calls.carried_columns(
            self.variables["tracklet_types"], self.variables["tracklet_event_columns"], self.variables["tracklet_evidence"],
            self.variables["tracklet_session_columns"])
        macros = [p for p in sorted((package / "macros").glob("*.sql")) if p.name != "adapter.sql"]
        self.macros = self.dispatched("".join(p.read_text() for p in macros))
        self.files = {p.stem: p for f in ("models", "analyses", "tests") for p in (package / f).rglob("*.sql")}

    def dispatched(self, macros):
        """Each `adapter.dispatch` as the macro it finds: minijinja's Python binding can't hand macros on."""
        defined = set(re.findall(r"macro (\w+)\(", macros))

        def find(match):
            candidates = [f"{prefix}__{match[1]}" for prefix in self.prefixes]
            found = [name for name in candidates if name in defined]
            if not found:
                raise RenderError(f"no macro {match[1]} for {self.target}")
            return found[0]

        return re.sub(r"adapter\.dispatch\('(\w+)', 'tracklet'\)", find, macros)

    def relation(self, model):
        """What a model is called in the SQL of others."""
        return f"{self.schema}.{model}"

    def render(self, name):
        """The SQL of a model, its config, and the names it refers to."""
        config, refs = {}, []
        environment = minijinja.Environment(undefined_behavior="lenient")

        class Exceptions:
            @staticmethod
            def raise_compiler_error(message):
                raise RenderError(message)

        def ref(model):
            refs.append(model)
            return self.relation(model)

        def configure(**options):
            config.update(options)
            return ""

        names = {
            "exceptions": Exceptions(), "ref": ref, "config": configure,
            "var": self.variables.__getitem__, "source_tables": lambda: self.sources,
            "forgotten_table": lambda: self.forgotten,
            "carried_columns": lambda: self.carried,
            "derived_texts": lambda: self.derived_texts,
            "this": self.relation(name),
            "partition_by_month": lambda column: {"month": column},
            "indexed_by": lambda columns: [],
            "partition_by_number": lambda column, values: {"number": column, "values": values},
        }
        sql = environment.render_str(self.macros + self.files[name].read_text(), name, **names)
        return sql.strip() + "\n", config, refs

    def models(self):
        """The names of the models, each after those it refers to."""
        ordered = []

        def add(name):
            if name not in ordered:
                _, config, needed = self.render(name)
                if not config.get("enabled", True):
                    return
                for other in needed:
                    add(other)
                ordered.append(name)

        for name, path in sorted(self.files.items()):
            if (self.package / "models") in path.parents:
                add(name)
        return ordered
