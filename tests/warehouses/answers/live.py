"""Runs `tracklet certify` on real services: the corpus and a generated history of 20,000 tracks, row for row, in a schema
of their own that is dropped afterwards.

    TRACKLET_LIVE_BIGQUERY=/secrets/bigquery.toml TRACKLET_BIN=target/release/tracklet
        python tests/warehouses answers.live

The variable names a tracklet.toml with one target, of that type, which signs in by itself (keys as files, passwords from
the environment). TRACKLET_LIVE_SNOWFLAKE, _REDSHIFT, _POSTGRES and _SPARK likewise; those that are not set are left out.
The outcome is kept as certified-NAME-DATE.json in the working folder. Queries cost money where they are billed.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from lib import dialects, program

KINDS = dialects.rendered()


def variable(kind):
    return f"TRACKLET_LIVE_{kind.upper()}"


def target(kind, file):
    """The name of the one target, of this type."""
    name = variable(kind)
    if not file.is_file():
        raise SystemExit(f"{name}: there is no file {file}")
    try:
        targets = tomllib.loads(file.read_text("utf-8")).get("targets", {})
    except tomllib.TOMLDecodeError as error:
        raise SystemExit(f"{name}: {file} is no TOML: {error}") from None
    kinds = [section.get("type") for section in targets.values()]
    if kinds != [kind]:
        raise SystemExit(f"{name}: {file} must have one target, of type {kind}; it has {kinds or 'none'}")
    return next(iter(targets))


def main():
    asked = {kind: Path(os.environ[variable(kind)]) for kind in KINDS if os.environ.get(variable(kind))}
    if not asked:
        print(f"left out: none of {', '.join(map(variable, KINDS))} is set")
        return
    # Every mistake in what was asked for shows before anything is sent.
    names = {kind: target(kind, file) for kind, file in asked.items()}
    failed = []
    for kind, file in asked.items():
        command = [program.binary(), "certify", "--config", file, "--target", names[kind]]
        print(f"{kind}, as {file} has it:", flush=True)
        if subprocess.run(command).returncode != 0:
            failed.append(kind)
    if failed:
        raise SystemExit(f"not certified: {', '.join(failed)}")


if __name__ == "__main__":
    sys.exit(main())
