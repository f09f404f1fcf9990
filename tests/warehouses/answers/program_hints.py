"""What the program says on a PostgreSQL that does not let it do something: each hint, followed, must help.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses answers.program_hints
"""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from lib import program
from lib.answers import Answers
from lib.warehouse import Postgres
from stand_ins import servers

LINE = {"type": "track", "messageId": "1", "userId": "ann", "event": "paid", "timestamp": "2026-01-04T10:00:00Z",
        "receivedAt": "2026-01-04T10:00:00Z"}


class Place:
    """A folder with a configuration whose role is `clerk`."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port

    def configure(self, *more, host="127.0.0.1", tables=("rudder.tracks",), columns=""):
        (self.folder / "tracklet.toml").write_text("\n".join([
            f"[source]\ntables = {json.dumps(list(tables))}", columns,
            "[targets.pg]", 'type = "postgres"', f'host = "{host}"', f"port = {self.port}", 'user = "clerk"',
            'dbname = "postgres"', 'schema = "sessions"', *more, ""]))

    def run(self, *arguments, stdin=None, **environment):
        kept = {name: value for name, value in os.environ.items() if name != "PGPASSWORD"}
        done = subprocess.run([program.binary(), *arguments], cwd=self.folder, text=True, capture_output=True, stdin=stdin,
                              env=kept | {"NO_COLOR": "1"} | environment)
        return done.returncode, done.stdout + done.stderr


def administer(warehouse, *statements):
    connection = warehouse.connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def main():
    answers = Answers()
    expect, wrong = answers.expect, answers.wrong

    with servers.postgres() as port, tempfile.TemporaryDirectory(prefix="tracklet-hints-") as name:
        warehouse, place = Postgres(port), Place(Path(name), port)
        place.configure()
        (place.folder / "events.jsonl").write_text(json.dumps(LINE) + "\n")
        administer(
            warehouse, "create role clerk login password 'secret'", "create schema rudder",
            "create table rudder.tracks (id text, received_at timestamptz, anonymous_id text, user_id text, event text,"
            " timestamp timestamptz)",
            "insert into rudder.tracks values ('1', now(), null, 'ann', 'paid', now())")

        # A target that is spelled otherwise.
        expect("a slip", place.run("debug", "--target", "pq"), 2, "did you mean `pg`?")

        # A schema that can't be made, and one that exists, empty, made by another.
        expect("no usage", place.run("build", "--target", "pg"), 2, 'grant usage on schema "rudder" to "clerk"')
        administer(warehouse, "grant usage on schema rudder to clerk")
        for command in ("build", "debug"):
            expect("no select", place.run(command, "--target", "pg"), 2 if command == "build" else 1,
                   'grant select on "rudder"."tracks" to "clerk"')
        administer(warehouse, "grant select on rudder.tracks to clerk")
        for command in ("build", "debug"):
            expect("no schema", place.run(command, "--target", "pg"), 2 if command == "build" else 1,
                   "could not be created", 'grant create on database "postgres" to "clerk"')
        administer(warehouse, "create schema sessions")
        expect("no create", place.run("build", "--target", "pg"), 2, 'grant usage on schema "sessions" to "clerk"', "create")
        administer(warehouse, "grant usage, create on schema sessions to clerk")
        expect("all granted", place.run("build", "--target", "pg"), 0)
        expect("all granted", place.run("debug", "--target", "pg"), 0)

        # Commands that look at tables, and those that look at files alone.
        expect("ls", place.run("ls", "--target", "pg", "--format", "json"), 0, '"table":"dbt_session_tracks"', '"rows":1')
        expect("show", place.run("show", "dbt_track_facts", "--target", "pg", "--where", "event = 'paid'", "--format", "json"),
               0, '"event":"paid"')
        expect("show", place.run("show", "dbt_track_fact", "--target", "pg"), 2, "did you mean `dbt_track_facts`?")
        expect("show", place.run("show", "dbt_track_facts", "--target", "pg", "--where", "nothing = 1"), 2, "nothing")
        for command in (["query", "select 1"], ["export", "dbt_track_facts", "--to", "a.csv"], ["snapshots"]):
            expect(command, place.run(*command, "--target", "pg"), 2, "--target", "hint:")

        # `load` into a schema that is there, and empty, without `create` on the database.
        administer(warehouse, "create schema raw", "grant usage, create on schema raw to clerk")
        place.configure(tables=["raw.tracks"])
        expect("load", place.run("load", "events.jsonl", "--target", "pg"), 0)

        # A column that is called otherwise.
        administer(warehouse, "alter table rudder.tracks rename id to message_id")
        place.configure()
        for command in ("build", "debug"):
            answer = place.run(command, "--target", "pg")
            expect("an absent column", answer, 2 if command == "build" else 1, '[source.columns] event_id = "')
            if "tracklet_columns" in answer[1]:
                wrong.append(f"{command} speaks of dbt's variable:\n{answer[1]}")
        place.configure(columns='[source.columns]\nevent_id = "message_id"\n')
        expect("the column mapped", place.run("debug", "--target", "pg"), 0)

        # A password.
        server = warehouse.query("show data_directory")[1][0][0]
        hba = Path(server) / "pg_hba.conf"
        hba.write_text("host all clerk 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n")
        administer(warehouse, "select pg_reload_conf()")
        time.sleep(0.5)
        expect("no password", place.run("debug", "--target", "pg"), 1, "PGPASSWORD", "env_var", "none is given")
        expect("a wrong password", place.run("debug", "--target", "pg", PGPASSWORD="no"), 1, "PGPASSWORD")
        expect("the password", place.run("debug", "--target", "pg", PGPASSWORD="secret"), 0)
    answers.end()


if __name__ == "__main__":
    main()
