"""`tracklet init` on a schema of PostgreSQL with tables of every type of calls, as RudderStack and Segment make them: the
configuration that it writes runs unedited, and gives the tables of the definition. Once for a file that names the warehouse, and once for
a profile of dbt.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses answers.program_init
"""

import sys
import tempfile
from pathlib import Path

from lib import calls, definition, program
from lib.comparison import compare
from lib.definition import Config
from lib.histories import SEED, packed
from lib.warehouse import Postgres
from stand_ins import servers

# What init proposes for tables with page and screen calls that have the context of such.
RULES = Config.from_toml({"source": {"types": ["track", "page", "screen"]}, "columns": {"preset": "mobile"}})


def connection(port):
    return {"type": "postgres", "host": "127.0.0.1", "port": port, "user": "postgres", "dbname": "postgres", "schema": "sessions"}


def differences(warehouse, rows):
    return compare(warehouse, "sessions", RULES, "VIEW", definition.tables(rows, RULES))


def main():
    wrong = []
    with servers.postgres() as port, tempfile.TemporaryDirectory(prefix="tracklet-init-") as folder:
        warehouse, folder = Postgres(port), Path(folder)
        rows = warehouse.loadable(packed(f"{SEED}/init", 300))
        rows = calls.of_types(rows, RULES, f"{SEED}/init")
        calls.load(warehouse, calls.tables(("rudder", "tracks"), RULES), RULES, rows)
        warehouse.execute(["create table rudder.identifies as select id, anonymous_id, user_id, timestamp, received_at from rudder.tracks"])

        settings = connection(port)
        lines = [f"{name} = {program.toml(value)}" for name, value in settings.items()]
        (folder / "tracklet.toml").write_text("\n".join(["# Mine.", "[targets.pg]", *lines]) + "\n", "utf-8")
        said = program.run(folder, "init", "--target", "pg", "--schema", "rudder").stderr
        text = (folder / "tracklet.toml").read_text("utf-8")
        for part in ("# Mine.", '\ntables = ["rudder.tracks"]', '\ntypes = ["track", "page", "screen"]', '\npreset = "mobile"', "identify calls as well"):
            wrong += [] if part in text else [f"  the file lacks {part!r}: {said}"]
        program.run(folder, "check")
        program.run(folder, "run", "--target", "pg")
        wrong += differences(warehouse, rows)
        again = program.run(folder, "init", "--target", "pg", "--schema", "rudder", code=2).stderr
        wrong += [] if "says already what is read" in again else [f"  a second time: {again}"]

        (folder / "dbt").mkdir()
        target = "".join(f"      {name}: {value}\n" for name, value in settings.items())
        (folder / "dbt" / "profiles.yml").write_text(f"shop:\n  target: dev\n  outputs:\n    dev:\n{target}", "utf-8")
        warehouse.execute(["drop schema sessions cascade"])
        options = ["--config", "of_dbt.toml", "--profiles-dir", "dbt"]
        program.run(folder, "init", "--target", "dev", "--profile", "shop", "--schema", "rudder", *options)
        program.run(folder, "run", "--target", "dev", *options)
        wrong += differences(warehouse, rows)
        nowhere = program.run(folder, "init", "--target", "pg", "--schema", "nowhere", "--config", "more.toml", "--profile", "shop",
                              "--profiles-dir", "dbt", code=2).stderr
        wrong += [] if "error" in nowhere and not (folder / "more.toml").exists() else [f"  of no schema: {nowhere}"]
    print(*(wrong or [f"ok: {len(rows)} rows of a schema, from init to tables"]), sep="\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
