"""Functions, operators, types and casts that a stranger with `create` on `public` has there: the program's tables must be
those that it makes without them, and none of them may run.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses conformance.program_hostile_functions
        [--tracks N] [--seed N]

An overload that fits better than the server's own wins wherever its schema is on the search path: `public` is by default.
"""

import argparse
import contextlib
import itertools
import shutil
import sys
import tempfile
from pathlib import Path

import psycopg2

from conformance import program_conformance
from lib import program
from lib.histories import SEED
from lib.warehouse import Postgres
from stand_ins import redshift_stand_in, servers

# Types of the models' values, and of literals beside them.
TYPES = ["smallint", "integer", "bigint", "numeric", "double precision", "text", "varchar", "name", "boolean",
         "timestamp", "timestamptz", "date", "interval"]
OPERATORS = ["=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "||"]
# Functions of one value and of two that the models, the catalog's queries and the clients call.
ONE = ["length", "lower", "upper", "isfinite", "sha256", "chr", "abs", "floor", "round", "ltrim", "rtrim", "btrim", "md5",
       "min", "max", "sum", "avg", "count", "lag", "lead", "first_value", "last_value", "pg_try_advisory_lock", "sha2",
       "fnv_hash", "has_table_privilege", "format_type"]
TWO = ["mod", "div", "to_char", "replace", "position", "strpos", "convert_to", "encode", "date_part", "timezone", "date_trunc",
       "concat", "has_table_privilege", "format_type", "hashtextextended", "lag", "lead", "repeat", "left", "right", "sha2",
       "datediff_microsecond"]
AGGREGATES = ("min", "max", "sum", "avg", "count", "lag", "lead", "first_value", "last_value")


def statements():
    """What the stranger creates. All of it notes that it ran, and answers something wrong."""
    yield "create sequence public.ran"
    yield """
        create function public.note(anyelement) returns anyelement language sql volatile
        as 'select case when nextval(''public.ran'') > 0 then $1 end'"""
    for name, types in [*((name, (kind,)) for name in ONE for kind in TYPES),
                        *((name, pair) for name in TWO for pair in itertools.product(TYPES, ["integer", "text", "name", "timestamp"]))]:
        if name in AGGREGATES:
            # An aggregate may stand before `over`, as a window function of the server's own does.
            yield f"""
                create function public.step_{name}({types[0]}, {', '.join(types)}) returns {types[0]} language sql volatile
                as 'select public.note($1)'"""
            yield f"create aggregate public.{name}({', '.join(types)}) (sfunc = public.step_{name}, stype = {types[0]})"
        else:
            yield f"""
                create function public.{name}({', '.join(types)}) returns {types[0]} language sql volatile
                as 'select public.note($1)'"""
    yield """create function public.set_config(name, text, boolean) returns text language sql volatile
        as 'select public.note($2)'"""
    for number, (operator, (left, right)) in enumerate(
            itertools.product(OPERATORS, itertools.product(TYPES, TYPES))):
        result = "boolean" if operator[0] in "=<>" else left
        value = "true" if result == "boolean" else "$1"
        yield f"""
            create function public.hostile_{number}({left}, {right}) returns {result} language sql volatile
            as 'select public.note(cast({value} as {result}))'"""
        yield f"create operator public.{operator} (leftarg = {left}, rightarg = {right}, function = public.hostile_{number})"
    # Types and a collation of the server's names, and a cast out of one.
    for name in ("text", "timestamptz", "int8", "numeric"):
        yield f'create type public."{name}" as (hostile pg_catalog.text)'
    yield """create function public.of_hostile(public."text") returns pg_catalog.text language sql volatile
        as 'select public.note(pg_catalog.upper(($1).hostile))'"""
    yield 'create cast (public."text" as pg_catalog.text) with function public.of_hostile(public."text") as implicit'
    yield "create collation public.\"C\" (provider = icu, locale = 'en-US')"


def apart(kind):
    """The warehouse of this class, asked by the tests themselves with nothing but the server's own on the search path."""
    class Apart(kind):
        def connect(self):
            return psycopg2.connect(host="127.0.0.1", port=self.port, user="postgres", dbname="postgres",
                                    options="-c search_path=pg_catalog")
    return Apart


def create(warehouse):
    """Creates all that there is no function or operator of already; gives how much."""
    made = 0
    with contextlib.closing(warehouse.connect()) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in statements():
            try:
                cursor.execute(statement)
                made += 1
            except (psycopg2.errors.DuplicateFunction, psycopg2.errors.InvalidFunctionDefinition,
                    psycopg2.errors.WrongObjectType):
                pass
    return made


def bites(port):
    """Whether the stranger's functions run in a session like anybody's."""
    with contextlib.closing(psycopg2.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres")) as connection:
        with connection.cursor() as cursor:
            cursor.execute("select lag(a) over (order by a) from (values ('b'::text), ('c')) as t (a)")
            cursor.execute("select 2.5 * 2::smallint")
            cursor.execute("select last_value from public.ran")
            return cursor.fetchone()[0] > 2


def check(warehouse, name, folder, options):
    made = create(warehouse)
    if not bites(warehouse.port):
        raise SystemExit("nothing of the stranger's runs where it should")
    before = warehouse.query("select last_value from public.ran")[1]
    print(f"{name}: {made} functions, operators, types and casts in `public`", flush=True)
    chosen = [case for case in program_conformance.CASES if case.name in ("defaults", "keeps_all")]
    assert len(chosen) == 2
    results = [program_conformance.check(warehouse, case, folder, options.tracks, options.seed, publish)
               for case in chosen for publish in ("swap", "rows")]
    example = program.REPOSITORY / "examples" / "shop" / "rudder-logs"
    results.append(program_conformance.check_against_native(
        warehouse, folder, "the example", [str(example)], program_conformance.SCHEMA))
    # What else asks the tables, and a run over new rows, and one that forgets.
    program.run(folder, "run", "--target", "pg")
    for command in (["debug"], ["test"], ["tune", "--format", "json"], ["report", "--file", "report.html"]):
        program.run(folder, command[0], "--target", "pg", *command[1:])
    program.run(folder, "forget", "--visitor", "nobody", "--target", "pg", "--yes", code=None)
    after = warehouse.query("select last_value from public.ran")[1]
    if before != after:
        print(f"FAIL: {name}: the stranger's functions ran {after[0][0] - before[0][0]} times")
        results.append(False)
    return all(results)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=1500)
    parser.add_argument("--seed", default=SEED)
    options = parser.parse_args()
    results = []
    for name, server in (("PostgreSQL", servers.postgres), ("Redshift's stand-in", redshift_stand_in.redshift)):
        folder = Path(tempfile.mkdtemp(prefix="tracklet-hostile-"))
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, folder)
            given = stack.enter_context(server())
            if isinstance(given, int):
                warehouse = apart(Postgres)(given)
            else:
                warehouse = apart(redshift_stand_in.Redshift)(given.port, given.relay)
            results.append(check(warehouse, name, folder, options))
    print(f"{sum(results)} of {len(results)} servers give the same tables with a stranger's functions as without")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
