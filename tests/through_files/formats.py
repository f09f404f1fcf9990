"""Snapshots as earlier versions have left them: the next run goes on from each, or says why it is a rebuild.

corpus/formats/<number>/ holds `out`, a snapshot of that format made from `input/first.csv`, and `input/second.csv`, which
came later. Whatever the program makes of the old snapshot, its tables must be those of one run over both files.

usage: TRACKLET_BIN=path/to/tracklet formats.py
"""

import datetime
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import duckdb

from check import BINARY, ROOT

FORMATS = ROOT / "corpus" / "formats"


def manifest(out):
    return json.loads((out / "current" / "manifest.json").read_text("utf-8"))


def inputs(out):
    """The files that a snapshot has read: in its manifest, or from format 3 on in segments beside the state."""
    listed = manifest(out)["inputs"]
    if isinstance(listed, list):
        return listed
    segments = [str(out / "current" / "state" / "inputs" / f"{one['name']}.jsonl.zst") for one in listed["segments"]]
    found = duckdb.sql(f"select path, modified::varchar from read_json({segments}, columns = {{path: 'varchar', modified: 'varchar'}})")
    return [{"path": path, "modified": modified} for path, modified in found.fetchall()]


def run(folder, out):
    command = [BINARY, "run", "input", "--out", out, "--log-format", "json"]
    done = subprocess.run(command, cwd=folder, timeout=120, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{folder}: exit code {done.returncode}\n{done.stderr}")


def files(out):
    """By their names the bytes of all files of the tables and of the state, but for the list of files."""
    current = (out / "current").resolve()
    found = {str(path.relative_to(current)): path.read_bytes() for path in current.rglob("*") if path.is_file()}
    del found["manifest.json"]
    return {name: content for name, content in found.items() if not name.startswith("state/inputs/")}


def check(frozen, folder):
    """Answers how the run went on, or what is wrong."""
    shutil.copytree(frozen, folder, symlinks=True)
    # A clone gives files the time at which it was made; the snapshot knows theirs.
    for known in inputs(folder / "out"):
        modified = datetime.datetime.fromisoformat(known["modified"].replace("Z", "+00:00")).timestamp()
        os.utime(folder / known["path"], (modified, modified))
    before = manifest(folder / "out")
    run(folder, "out")
    run(folder, "whole")
    after, whole = manifest(folder / "out"), manifest(folder / "whole")
    ours, theirs = files(folder / "out"), files(folder / "whole")
    wrong = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    if wrong:
        return False, f"not the bytes of one run over everything: {', '.join(wrong)}"
    if after["rows"] != whole["rows"] or after["rows"]["read"] <= before["rows"]["read"]:
        return False, f"rows are {after['rows']}"
    if after["mode"] == "full" and not after.get("reason"):
        return False, "rebuilt, and the manifest does not say why"
    return True, after["mode"] if after["mode"] != "full" else f"rebuilt: {after['reason']}"


def main():
    failed = False
    frozen = sorted(path for path in FORMATS.iterdir() if path.is_dir())
    if not frozen:
        sys.exit(f"no snapshot in {FORMATS}")
    for path in frozen:
        with tempfile.TemporaryDirectory() as temporary:
            passed, what = check(path, pathlib.Path(temporary) / "copy")
        print(f"{'ok' if passed else 'FAILED'}: a snapshot of format {path.name}: {what}")
        failed |= not passed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
