"""How PostgreSQL goes about a run that takes the new rows alone: by its plans, as the server logs them, no statement reads a
large table from one end to the other, neither the source nor what is kept.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses statements.increment_plans
"""

import re
import sys
import tempfile
from pathlib import Path

from lib import program
from lib.definition import Config
from lib.warehouse import Postgres, quoted
from stand_ins import servers

VISITORS, EVENTS_OF_EACH = 4_000, 30
LARGE = ["tracks", "tracklet_staged", "tracklet_event_facts", "tracklet_session_facts"]
FIRST_ROW = re.compile(r"Limit [^\n]*\n[^\n]*Seq Scan")
SETTINGS = ["session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0"]


def insert(warehouse, first_day, days, visitors, since):
    """Each visitor's events over some days, loaded in their order; every tenth visitor has logged in."""
    warehouse.execute([f"""
        insert into rudder.tracks
        select md5(visitor || ' ' || place || ' {since}'), 'device ' || visitor,
            case when visitor % 10 = 0 then 'user ' || visitor end, 'viewed', at, at
        from generate_series(1, {visitors}) as visitor,
            lateral (select place, timestamptz '2026-01-01' + interval '1 day' * {first_day}
                + interval '1 second' * ((visitor * 7919 + place * 104729) % ({days} * 86400)) as at
                from generate_series(1, {EVENTS_OF_EACH if days > 1 else 3}) as place) as events
        order by at""", "analyze rudder.tracks"])


def plans(log, since):
    """The statements that the server has run since then, with their plans."""
    text = log.read_text(errors="replace")[since:]
    return re.findall(r"plan:\n\tQuery Text: (.*?)(?=\n\d{4}-\d\d-\d\d )", text, re.DOTALL)


def main():
    with tempfile.TemporaryDirectory(prefix="tracklet-plans-") as folder, servers.postgres() as port:
        folder, warehouse = Path(folder), Postgres(port)
        warehouse.execute([
            "create schema rudder",
            'create table rudder.tracks (id text, anonymous_id text, user_id text, event text,'
            ' "timestamp" timestamptz, received_at timestamptz)', "create index on rudder.tracks (received_at)"])
        text = program.configuration(Config(), warehouse, "sessions", [("rudder", "tracks")])
        # Beside a day's rows again, a table of this size would be read whole at less cost.
        (folder / "tracklet.toml").write_text(text.replace("[source]", '[source]\noverlap = "30m"'))
        insert(warehouse, 0, 90, VISITORS, "history")
        program.run(folder, "run", "--target", "pg")
        insert(warehouse, 90, 1, 40, "day")
        connection = warehouse.connect()
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("load 'auto_explain'")
            for setting in SETTINGS:
                cursor.execute(f"alter system set {setting}")
            cursor.execute("select pg_reload_conf()")
        connection.close()
        log = Path(warehouse.query("show data_directory")[1][0][0]) / ".." / "log"
        since = log.stat().st_size
        program.run(folder, "run", "--target", "pg")
        mode = warehouse.query(
            f"select mode from {quoted('sessions', 'tracklet_runs')} order by sequence_number desc limit 1")[1][0][0]
        found = plans(log, since)
    wrong = [] if mode == "incremental" else [f"the run was {mode}"]
    seen = {name for name in LARGE for plan in found if re.search(rf"Index \S*\s?Scan[^\n]* {name}\b|Bitmap Heap Scan on {name}\b", plan)}
    for plan in found:
        # Whether there is a row at all is seen at the first.
        scans = [name for name in LARGE if re.search(rf"Seq Scan on {name}\b", FIRST_ROW.sub("", plan))]
        if scans:
            wrong.append(f"reads all of {', '.join(scans)}: {plan[:1500]}")
    # By these the test would notice if nothing was logged.
    missing = set(LARGE) - seen
    if missing:
        wrong.append(f"no plan looks into {', '.join(sorted(missing))}")
    print(f"{'FAIL' if wrong else 'ok'}: {len(found)} plans, by index into {', '.join(sorted(seen))}", *wrong, sep="\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
