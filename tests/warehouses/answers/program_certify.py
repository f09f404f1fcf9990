"""`tracklet certify` on PostgreSQL and on the stand-in for Redshift: it agrees, it leaves nothing, and what a killed one
leaves the next takes away. Also that the live lane does what it says, without any credentials.

    TRACKLET_BIN=target/release/tracklet python tests/warehouses answers.program_certify
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from answers import live
from lib import program
from lib.definition import Config
from lib.warehouse import Postgres
from stand_ins import redshift_stand_in, servers

PATIENCE = 120


def schemas(warehouse):
    _, found = warehouse.query("select nspname from pg_namespace where nspname like 'tracklet_certify%' order by 1")
    return [name for (name,) in found]


def run_live(folder, **variables):
    """The exit code of the live lane, and all that it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRACKLET_LIVE_")}
    done = subprocess.run(
        [sys.executable, program.REPOSITORY / "tests" / "warehouses", "answers.live"],
        cwd=folder, env=environment | variables, text=True, capture_output=True)
    return done.returncode, done.stdout + done.stderr


def killed(folder, warehouse):
    """Ends a certify while its scratch schema is there; gives the schema."""
    running = subprocess.Popen(
        [program.binary(), "certify", "--target", "pg"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE
    while not (found := schemas(warehouse)):
        if running.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("certify made no scratch schema")
        time.sleep(0.02)
    running.kill()
    running.wait()
    return found


def check(folder, warehouse):
    """Lines that say what is wrong."""
    text = program.configuration(Config(), warehouse, "sessions", [("rudder", "tracks")])
    (folder / "tracklet.toml").write_text(text)
    wrong, left = [], killed(folder, warehouse)
    # One of another machine may still be at work.
    elsewhere = f"tracklet_certify_{int(time.time()):08x}" + "f" * 16
    warehouse.execute([f"create schema {elsewhere}"])
    variable = live.variable(warehouse.kind)
    code, said = run_live(folder, **{variable: str(folder / "tracklet.toml")})
    if code != 0 or f"taking away {left[0]}" not in said or not list(folder.glob("certified-pg-*.json")):
        wrong.append(f"exit code {code}\n{said}")
    if schemas(warehouse) != [elsewhere]:
        wrong.append(f"left: {schemas(warehouse)}")
    warehouse.execute([f"drop schema {elsewhere}"])
    return wrong


def refusals(folder):
    """Lines that say which refusal of the live lane is none, or not clear."""
    wrong = []
    keyless = folder / "keyless.toml"
    keyless.write_text('[targets.bq]\ntype = "bigquery"\nproject = "p"\ndataset = "d"\nmethod = "service-account"\n'
                       'keyfile = "/nowhere/key.json"\n')
    for variables, code, words in [
            ({}, 0, "left out: none of TRACKLET_LIVE_BIGQUERY"),
            ({"TRACKLET_LIVE_SNOWFLAKE": "/nowhere.toml"}, 1, "there is no file /nowhere.toml"),
            ({"TRACKLET_LIVE_SNOWFLAKE": str(keyless)}, 1, "must have one target, of type snowflake"),
            ({"TRACKLET_LIVE_BIGQUERY": str(keyless)}, 1, "/nowhere/key.json")]:
        found, said = run_live(folder, **variables)
        if found != code or words not in said:
            wrong.append(f"{variables}: exit code {found}\n{said}")
    return wrong


def main():
    failed = False
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="tracklet-certify-"))
        stack.callback(shutil.rmtree, folder)
        wrong = refusals(folder)
        print(f"{'FAIL' if wrong else 'ok'}: what the live lane refuses", *wrong, sep="\n", flush=True)
        failed |= bool(wrong)
        postgres = Postgres(stack.enter_context(servers.postgres()))
        for warehouse in (postgres, stack.enter_context(redshift_stand_in.redshift())):
            started = time.monotonic()
            wrong = check(folder, warehouse)
            print(f"{'FAIL' if wrong else 'ok'}: certify on {warehouse.kind}, after a killed one, "
                  f"{time.monotonic() - started:.1f} s", *wrong, sep="\n", flush=True)
            failed |= bool(wrong)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
