"""`tracklet forget --target` on PostgreSQL: what it would do, ids from standard input, another configuration, and a list of forgotten
ids that is damaged, lost or older than the tables, which ends every run before it publishes anything.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses answers.program_forget
"""

import json
import re
import tempfile
from pathlib import Path

from answers.program_hints import Place, administer
from answers.program_load import tables, write
from lib.answers import Answers
from lib.warehouse import Postgres
from stand_ins import servers

LIST = "sessions.tracklet_forgotten"

# What can happen to the list: statements, and a word of the error.
DAMAGES = {
    "emptied": ([f"delete from {LIST}"], "is empty"),
    "dropped": ([f"drop table {LIST}"], "does not exist"),
    "restored from before the last erasure": ([f"delete from {LIST} where noted_after = (select max(noted_after) from {LIST})"],
                                              "older than the tables"),
    "a row lost": ([f"delete from {LIST} where noted_after = (select min(noted_after) from {LIST})"], "its digest"),
    "another salt": ([f"update {LIST} set salt = repeat('0', 64)"], "its digest"),
    "another salt in a row": ([f"update {LIST} set salt = repeat('0', 64) where id_hash = (select min(id_hash) from {LIST})"],
                              "different salts"),
    "no salt": ([f"update {LIST} set salt = null"], "a salt is not"),
    "half a salt": ([f"update {LIST} set salt = left(salt, 32)"], "a salt is not"),
    "half a hash": ([f"update {LIST} set id_hash = left(id_hash, 32) where id_hash = (select min(id_hash) from {LIST})"],
                    "a hash is not"),
    "rows twice": ([f"insert into {LIST} select * from {LIST}"], "stands twice"),
    "no digests": ([f"update {LIST} set list_digest = null",
                    f"delete from {LIST} where id_hash = (select min(id_hash) from {LIST})"], "older than the tables"),
}


class Person(Place):
    """A place whose commands may have something on standard input."""

    def forget(self, *arguments, ids=None):
        if ids is None:
            return self.run("forget", *arguments, "--target", "pg")
        (self.folder / "ids.txt").write_text(ids)
        with (self.folder / "ids.txt").open() as file:
            return self.run("forget", *arguments, "--target", "pg", stdin=file)


def main():
    answers = Answers()
    expect, wrong = answers.expect, answers.wrong

    def expect_same(what, before, after=None):
        after = tables(warehouse) if after is None else after
        wrong.extend(f"{what}: {name} is not as before" for name in before | after if before.get(name) != after.get(name))

    def rows(table):
        return warehouse.query(f"select count(*) from sessions.{table}")[1][0][0]

    def all_rows():
        """The rows of every table, with those that are only of runs."""
        _, names = warehouse.query("select table_name from information_schema.tables where table_schema = 'sessions'")
        return {name: warehouse.query(f'select * from sessions."{name}"')[1] for (name,) in names}

    def predicted(said):
        found = re.findall(r"^ +(\w+) +([\d,]+) rows before, +([\d,]+) after$", said, re.MULTILINE)
        return {name: (int(before.replace(",", "")), int(after.replace(",", ""))) for name, before, after in found}

    with servers.postgres() as port, tempfile.TemporaryDirectory(prefix="tracklet-forget-") as name:
        warehouse, place = Postgres(port), Person(Path(name), port)
        write(place.folder / "late.jsonl", 0, 1)
        write(place.folder / "old.jsonl", 300, 40)
        # A login: the device's events are the user's.
        (place.folder / "login.jsonl").write_text("".join(
            json.dumps({"type": "track", "messageId": f"login {device}", "anonymousId": f"device {device}", "userId": user,
                        "event": "login", "timestamp": f"2026-02-0{device}T10:00:00Z", "receivedAt": "2026-02-09T10:00:00Z"}) + "\n"
            for device, user in ((3, "ann"), (4, "ann"), (5, "bob"))))
        administer(warehouse, "create role clerk login superuser", "create schema sessions authorization clerk")

        def configure(*more):
            place.configure(tables=["sessions.tracks"], columns="\n".join(more))

        for publish, materialize in (("swap", "view"), ("rows", "table")):
            administer(warehouse, "drop schema sessions cascade", "create schema sessions authorization clerk")
            configure()
            toml = place.folder / "tracklet.toml"
            toml.write_text(toml.read_text() + f'publish = "{publish}"\nmaterialize = "{materialize}"\n')
            place.run("load", "late.jsonl", "old.jsonl", "login.jsonl", "--target", "pg")
            expect("the first run", place.run("run", "--target", "pg"), 0)

            # What would go, and what goes.
            for ids in (["--visitor", "ann"], ["--user-id", "bob"], ["--anonymous-id", "device 7"], ["--visitor", "nobody"]):
                before = all_rows()
                answer = place.forget(*ids, "--dry-run")
                expect("a preview", answer, 0, "would be erased; nothing was changed")
                if before != all_rows():
                    wrong.append(f"{ids}: the preview has changed something: {sorted(before)}, {sorted(all_rows())}")
                counted = {table: (rows(table), None) for table in predicted(answer[1])}
                expect("the erasure", place.forget(*ids), 0, "rows erased")
                counted = {table: (before, rows(table)) for table, (before, _) in counted.items()}
                if predicted(answer[1]) != counted or len(counted) != 14:
                    wrong.append(f"{publish}, {materialize}, {ids}: predicted {predicted(answer[1])}\n  found {counted}")
                expect("a run after it", place.run("run", "--target", "pg"), 0, "incremental run: no new rows")
            erased = tables(warehouse)
            expect("a full run after it", place.run("run", "--target", "pg", "--full-refresh"), 0)
            expect_same("the erasures", erased)

        # From standard input, a line an id.
        expect("ids of a file", place.forget("--anonymous-id", "-", ids="device 8\ndevice 9\n\n"), 0, "rows erased")
        if warehouse.query("select count(*) from sessions.tracklet_event_facts where anonymous_id in ('device 8', 'device 9')")[1][0][0]:
            wrong.append("ids of standard input are still there")
        expect("ids of a file", place.forget("--visitor", "-", "--dry-run", ids="device 10\n"), 0, "would be erased")

        # A list that is not that of the tables. The last erasure is one that the list from before it lacks.
        expect("the last erasure", place.forget("--anonymous-id", "device 11"), 0)
        administer(warehouse, "create schema backup", f"create table backup.list as select * from {LIST}")
        before, runs = tables(warehouse), rows("tracklet_runs where status = 'published'")
        for damage, (statements, word) in DAMAGES.items():
            administer(warehouse, *statements)
            damaged = tables(warehouse)
            for command in (["run"], ["run", "--full-refresh"], ["build"], ["run", "--dry-run"]):
                expect(f"{damage}: {command}", place.run(*command, "--target", "pg"), 2, "tracklet_forgotten", word, "restore")
            for more in ([], ["--dry-run"]):
                expect(f"{damage}: forget {more}", place.forget("--visitor", "device 12", *more), 2, "tracklet_forgotten", word)
            expect_same(damage, damaged)
            administer(warehouse, f"drop table if exists {LIST}", f"create table {LIST} as select * from backup.list")
        expect_same("all damages", before)
        if rows("tracklet_runs where status = 'published'") != runs:
            wrong.append("a run with a damaged list has published")
        expect("the list restored", place.run("run", "--target", "pg"), 0, "incremental run: no new rows")

        # Tables that are older than the list, as from a backup, are made under it by the next run.
        administer(warehouse, "update sessions.tracklet_runs set forgotten_digest = "
                              f"(select min(list_digest) from {LIST} where noted_after = (select min(noted_after) from {LIST}))")
        expect("older tables", place.run("run", "--target", "pg"), 0, "full run: ids were forgotten")
        expect("older tables", place.run("run", "--target", "pg"), 0, "incremental run")

        # Tables of an earlier version get the columns.
        administer(warehouse, "alter table sessions.tracklet_runs drop column forgotten_digest",
                   f"alter table {LIST} drop column list_digest")
        expect("an earlier version", place.forget("--visitor", "device 13", "--dry-run"), 0, "would be rebuilt")
        expect("an earlier version", place.run("run", "--target", "pg"), 0, "full run: ids were forgotten")
        expect("an earlier version", place.run("run", "--target", "pg"), 0, "incremental run")
        expect("an earlier version", place.forget("--visitor", "device 13"), 0, "rows erased")
        expect("an earlier version", place.run("run", "--target", "pg"), 0, "incremental run: no new rows")

        # Another configuration.
        configure("[sessions]", "timeout = 5")
        expect("a preview", place.forget("--visitor", "device 14", "--dry-run"), 0, "would be rebuilt from the source: the configuration",
               "would be erased")
        expect("another configuration", place.forget("--visitor", "device 14"), 0, "all tables were", "rows erased")
        if warehouse.query("select count(*) from sessions.tracklet_event_facts where anonymous_id = 'device 14'")[1][0][0]:
            wrong.append("rows are still there after a change of the configuration")
        expect("a run after it", place.run("run", "--target", "pg"), 0, "incremental run: no new rows")
    answers.end()


if __name__ == "__main__":
    main()
