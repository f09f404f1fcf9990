"""Runs the first command of the README as it stands there, and counts what it wrote with DuckDB. Then asks the program that it
built for what needs another build.

The folder that it names is replaced by a temporary one; cargo builds what is not built yet.
"""

import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time

import duckdb

from check import ROOT, TABLES

# What examples/shop/README.md says of its lines.
EXAMPLE = {"read": 15_310, "sessionized": 15_000, "duplicates": 292, "rejected": 18, "skipped": 4_522}


def command(out):
    """The first command of the README, with the folder `out` for its own."""
    first = re.search(r"^(?:\$ |    )(cargo run .*)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    if not first:
        sys.exit("the README has no command that begins with cargo run")
    words = shlex.split(first[1])
    words[words.index("--out") + 1] = str(out)
    # The dependencies are those of Cargo.lock, or the test is of another program.
    return words[:2] + ["--locked"] + words[2:]


def wrong(out):
    """What is not as it should be in the tables."""
    current = out / "current"
    manifest = json.loads((current / "manifest.json").read_text("utf-8"))
    rows = manifest["rows"]
    connection = duckdb.connect()
    one = lambda sql: connection.execute(sql).fetchone()[0]
    counted = {table: one(f"select count(*) from '{current}/{table}/*.parquet'") for table in TABLES}
    folders = sorted(path.name for path in current.iterdir() if path.is_dir() and path.name != "state")
    checks = {
        "the folders are the ten tables": folders == sorted(TABLES),
        "the manifest has each table's rows": counted == manifest["tables"],
        "the rows are those of the example": {key: rows.get(key) for key in EXAMPLE} == EXAMPLE,
        "every row read is in one place": rows["read"] == rows["sessionized"] + rows["duplicates"] + rows["rejected"],
        "a row for every track": all(
            counted[table] == rows["sessionized"] for table in ("dbt_mapped_tracks", "dbt_track_facts", "dbt_tracks_flow")
        ),
        "a row for every duplicate": counted["tracklet_duplicates"] == rows["duplicates"],
        "a row for every reject": counted["tracklet_rejects"] == rows["rejected"] == sum(manifest["rejects"].values()),
        "the sessions' events are all tracks": rows["sessionized"]
        == one(f"select sum(num_pvs) from '{current}/dbt_session_track_facts/*.parquet'"),
        "the visitors' sessions are all sessions": counted["dbt_session_tracks"] == manifest["sessions"]
        == one(f"select sum(number_of_sessions) from '{current}/dbt_user_session_facts/*.parquet'"),
        "every invariant held": manifest["checks"] and all(check["passed"] for check in manifest["checks"]),
    }
    return [what for what, holds in checks.items() if not holds]


def lacking(built, out, folder):
    """What of the commands that this build lacks does not say how to get them, and what of those that it has does not work."""
    where = pathlib.Path(folder, "where.toml")
    where.write_text('[source]\nwhere = "event is not null"\n', "utf-8")
    logs = "examples/shop/rudder-logs"
    target = pathlib.Path(folder, "target.toml")
    target.write_text('[source]\ntables = ["a.tracks"]\n[targets.pg]\ntype = "postgres"\nhost = "localhost"\nuser = "u"\n'
                      'dbname = "d"\nschema = "s"\n', "utf-8")
    failed = []
    for arguments in (
        ["query", "select 1"], ["report"], ["tune"], ["test"], ["docs"], ["show", "dbt_session_tracks", "--where", "true"],
        ["export", "dbt_session_tracks", "--to", "x.csv"], ["show", "top-users"],
        ["run", logs, "--config", str(where)], ["run", "s3://bucket/key"], ["init", "gs://bucket/key"],
        ["run", "--target", "pg", "--config", str(target)], ["debug", "--target", "pg", "--config", str(target)],
    ):
        if arguments[0] == "init":
            place = ["--config", str(pathlib.Path(folder, "new.toml"))]
        elif "--target" in arguments:
            place = []
        else:
            place = ["--out", str(pathlib.Path(folder, "other") if arguments[0] == "run" else out)]
        ended = subprocess.run(built + arguments + place, cwd=ROOT, timeout=120, capture_output=True, text=True)
        said = ended.stderr + ended.stdout
        # `debug` reports what is wrong as its result.
        code = 1 if arguments[0] == "debug" else 2
        if ended.returncode != code or not re.search("`--features [^`]*`, or with `full`|--features full", said):
            failed.append(f"{arguments}: exit code {ended.returncode}: {ended.stderr}")
    for arguments, word in ((["show", "dbt_session_tracks", "--limit", "1"], "session_id"), (["ls"], "dbt_session_tracks")):
        ended = subprocess.run(built + arguments + ["--out", str(out)], cwd=ROOT, timeout=120, capture_output=True, text=True)
        if ended.returncode != 0 or word not in ended.stdout:
            failed.append(f"{arguments}: exit code {ended.returncode}: {ended.stderr}")
    return failed


def main():
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out")
        words = command(out)
        print("+", shlex.join(words), flush=True)
        status = subprocess.run(words, cwd=ROOT, timeout=2600).returncode
        if status != 0:
            print(f"exit code {status}")
            return 1
        # A folder of its own: in the same one there would be nothing new to read.
        again = command(pathlib.Path(folder, "again"))
        started = time.monotonic()
        subprocess.run(again, cwd=ROOT, timeout=120, check=True, capture_output=True)
        print(f"built before, it takes {time.monotonic() - started:.2f} s")
        failed = wrong(out) + lacking(words[: words.index("--") + 1], out, folder)
        for what in failed:
            print(f"NOT SO: {what}")
        print(f"ten tables counted, {len(failed)} things wrong")
        return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
