"""Kills the program, and the server, at random moments of `tracklet run --target` on PostgreSQL: readers must see the old
tables or the new ones and never a mix, and the next run must work. Also: two runs at once, and a Ctrl-C.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses crashes.program_crashes
        [--redshift] [--rounds N] [--seed N]

With `--redshift` the target's type is that, on its stand-in.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2

from conformance.program_conformance import leftovers
from lib import program
from lib.definition import MINUTE, Config
from lib.histories import SEED
from lib.warehouse import Postgres, quoted
from stand_ins import redshift_stand_in, servers

SCHEMA = "sessions"
TABLES = [
    "dbt_aliases_mapping", "dbt_mapped_tracks", "dbt_session_tracks", "dbt_track_facts", "dbt_session_track_facts",
    "dbt_user_session_facts", "dbt_session_duration", "dbt_tracks_flow", "tracklet_duplicates", "tracklet_rejects"]
# Two configurations with other sessions each, so that a mix of their tables is like neither.
TIMEOUTS = {"thirty": 30, "five": 5}


def configure(folder, warehouse, name, publish):
    config = Config(timeout=TIMEOUTS[name] * MINUTE)
    text = program.configuration(config, warehouse, SCHEMA, [("rudder", "tracks")], publish=publish)
    (folder / "tracklet.toml").write_text(text)


def state(warehouse):
    """What a reader sees in one look at all tables."""
    looks = [
        f"(select count(*)::text || md5(coalesce(string_agg(t::text, '|' order by t::text collate \"C\"), ''))"
        f" from {quoted(SCHEMA, table)} t)" for table in TABLES]
    return warehouse.query(f"select {', '.join(looks)}")[1][0]


class Server:
    """The PostgreSQL of the tests, killed and started again where it lies."""

    def __init__(self, warehouse):
        self.folder = warehouse.query("show data_directory")[1][0][0]
        self.user = {"user": "postgres"} if os.geteuid() == 0 else {}

    def kill(self):
        """Ends every process of the server at once."""
        main = int((Path(self.folder) / "postmaster.pid").read_text().split()[0])
        children = subprocess.run(["pgrep", "-P", str(main)], text=True, capture_output=True).stdout.split()
        for process in [main, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for process in map(int, children):
            wait_until(lambda process=process: not Path(f"/proc/{process}").exists(), "the server's processes end")

    def start(self):
        binaries = servers.postgres_binaries()
        subprocess.run(
            [f"{binaries}/pg_ctl", "-D", self.folder, "-w", "-l", f"{self.folder}/../log", "restart"],
            check=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.user)


def wait_until(holds, what, seconds=30):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(f"waited {seconds} s in vain: {what}")
        time.sleep(0.02)


def start_run(folder):
    return subprocess.Popen(
        [program.binary(), "run", "--target", "pg"], cwd=folder, stderr=subprocess.PIPE, text=True)


def answers(warehouse):
    try:
        warehouse.query("select 1")
    except psycopg2.OperationalError:
        return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seed", default=SEED)
    parser.add_argument("--redshift", action="store_true")
    options = parser.parse_args()
    draw = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="tracklet-crashes-"))
    wrong = []
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        warehouse = stack.enter_context(redshift_stand_in.redshift()) if options.redshift else \
            Postgres(stack.enter_context(servers.postgres()))
        server = Server(warehouse)
        configure(folder, warehouse, "thirty", "swap")
        example = program.REPOSITORY / "examples" / "shop" / "rudder-logs"
        program.run(folder, "load", str(example), "--target", "pg", code=None)
        known, took = {}, 0
        for name in TIMEOUTS:
            configure(folder, warehouse, name, "swap")
            started = time.monotonic()
            program.run(folder, "run", "--target", "pg")
            took = time.monotonic() - started
            known[name] = state(warehouse)
        if known["thirty"] == known["five"]:
            raise SystemExit("the two configurations give the same tables: nothing would be proved")

        def look(what):
            seen = [name for name, tables in known.items() if tables == state(warehouse)]
            print(f"{what}: readers see {seen[0] if seen else 'A MIX'}", flush=True)
            if not seen:
                wrong.append(f"{what}: a mix")

        for number in range(options.rounds):
            name = list(TIMEOUTS)[number % 2]
            publish = draw.choice(["swap", "rows"])
            configure(folder, warehouse, name, publish)
            run = start_run(folder)
            moment = draw.random() * 1.2 * took
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(moment)
            if number % 2 or number % 3:
                victim = "program"
                run.kill()
                run.communicate()
            else:
                victim = "server"
                server.kill()
                _, said = run.communicate()
                if run.returncode not in (0, 2):
                    wrong.append(f"the program ended with {run.returncode} when the server was killed:\n{said}")
                server.start()
                wait_until(lambda: answers(warehouse), "the server answers again")
            look(f"{victim} killed after {moment:.2f} s of {took:.2f}, {publish}")
            program.run(folder, "run", "--target", "pg")
            if state(warehouse) != known[name]:
                wrong.append(f"the run after a kill of the {victim} did not make its tables")

        configure(folder, warehouse, "thirty", "swap")
        together = [start_run(folder) for _ in range(3)]
        said = [run.communicate()[1] for run in together]
        codes = sorted(run.returncode for run in together)
        print(f"three runs at once end with {codes}", flush=True)
        refused = [text for run, text in zip(together, said, strict=True) if run.returncode]
        if codes[0] != 0 or not all("another run" in text for text in refused):
            wrong.append(f"three runs at once: {codes}\n{refused}")
        look("three runs at once")

        configure(folder, warehouse, "five", "swap")
        run = start_run(folder)
        # Its first table says that it listens for the signal.
        wait_until(lambda: leftovers(warehouse, SCHEMA) or run.poll() is not None, "the run makes a table")
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
        print(f"Ctrl-C: exit code {run.returncode}", flush=True)
        if run.returncode != 2 or "interrupted" not in said:
            wrong.append(f"Ctrl-C: exit code {run.returncode}\n{said}")
        look("Ctrl-C")
        wrong += leftovers(warehouse, SCHEMA)
        # What a killed program's statements made later goes away too.
        program.run(folder, "run", "--target", "pg")
        wrong += leftovers(warehouse, SCHEMA)
        _, rows = warehouse.query(
            f"select count(*), count(distinct sequence_number) from {quoted(SCHEMA, 'tracklet_runs')}"
            " where sequence_number is not null")
        if rows[0][0] != rows[0][1]:
            wrong.append(f"numbers of runs are not unique: {rows}")
    print(*(wrong or ["ok: old or new tables, and every next run worked"]), sep="\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
