"""Whether the whole script that the program would send to Snowflake, with what publishes the tables, parses in sqlglot and
calls only functions that lib/functions.py finds in Snowflake's documentation.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses statements.cloud_scripts
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import sqlglot
from sqlglot import exp

from lib import program
from lib.definition import Config
from lib.functions import DOCUMENTED
from statements.legality import SYNTAX

TARGET = """
[targets.cloud]
type = "snowflake"
account = "test"
user = "tester"
password = "{{ env_var('TRACKLET_TEST_PASSWORD') }}"
database = "shop"
schema = "MY SESSIONS"
"""
HOSTILE = {"cnt_hostile": ["it's", 'say "hi"', "back\\slash", "\\'; drop", "new\nline", "naïve", "tab\there"]}
# What a statement of a script may be.
KINDS = (exp.Create, exp.Drop, exp.Delete, exp.Insert, exp.Update, exp.Transaction, exp.Commit, exp.Alter, exp.Query)
WORDS = SYNTAX | {"by", "distkey", "exists", "join", "sortkey", "values"}


def configuration(materialize, publish):
    config = Config(counts=HOSTILE, flow_length=3)
    lines = ["[source]", 'tables = ["WEB.TRACKS"]', "[counts]",
             *(f"{name} = {program.toml(events)}" for name, events in config.counts.items()),
             TARGET, f'materialize = "{materialize}"', f'publish = "{publish}"']
    return "\n".join(lines) + "\n"


def parsed(script, dialect):
    """The statements of a script."""
    statements = sqlglot.parse(script, read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
    return [statement for statement in statements if statement is not None]


def differences(script):
    """Lines that say what is not legal."""
    statements = parsed(script, "snowflake")
    wrong = [f"  only {len(statements)} statements"] if len(statements) < 15 else []
    wrong += illegal(script, "snowflake")
    literals = {literal.this for statement in statements for literal in statement.find_all(exp.Literal) if literal.is_string}
    return wrong + [f"  lost the event name {text!r}" for text in HOSTILE["cnt_hostile"] if text not in literals]


def illegal(script, dialect):
    """Lines that say what of a script is not legal, as far as a parser and the vendor's list of functions tell."""
    statements, wrong = parsed(script, dialect), []
    # What sqlglot does not understand is a Command: only the session's time zone and Redshift's lock may be.
    for statement in statements:
        known = isinstance(statement, KINDS) or re.search("timezone|^lock ", statement.sql().lower())
        if not known:
            wrong.append(f"  not understood: {statement.sql(dialect)[:200]}")
    bare = re.sub(r"--[^\n]*|'(?:[^'\\]|''|\\.)*'|\"(?:[^\"]|\"\")*\"", "''", script)
    names = {cte.alias.lower() for statement in statements for cte in statement.find_all(exp.CTE)}
    calls = {call.lower() for call in re.findall(r"(\w+)\s*\(", bare)}
    return wrong + [f"  calls {call}, which lib/functions.py doesn't know"
                    for call in sorted(calls - WORDS - names - set(DOCUMENTED[dialect]))]


def main():
    os.environ["TRACKLET_TEST_PASSWORD"] = "none"
    failed = False
    for materialize, publish in (("view", "rows"), ("table", "rows"), ("view", "replace")):
        with tempfile.TemporaryDirectory(prefix="tracklet-clouds-") as folder:
            (Path(folder) / "tracklet.toml").write_text(configuration(materialize, publish), "utf-8")
            for what in ([], ["--increment"]):
                script = program.run(folder, "compile", "--target", "cloud", *what).stdout
                wrong = differences(script)
                print(f"{'FAIL' if wrong else 'ok'}: snowflake's script, {materialize}s, {publish}", *what, *wrong, sep="\n", flush=True)
                failed |= bool(wrong)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
