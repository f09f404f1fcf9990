#!/usr/bin/env python3
"""Makes the mistakes of mutations.toml in a copy of the workspace, one at a time; the corpus must notice each.

    run.py                all mutations
    run.py WORD...        those whose name or file has one of these words
    run.py --list         names them

Exit 0: all were noticed; 1: one was not, or the list is wrong; 2: could not run.
"""

import argparse
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNEL = Path("crates/kernel/src")
# What a build of the kernel's test needs: every member must be there for Cargo to know the workspace.
COPIED = ("Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "crates", "bench", "corpus", "fuzz")
# The kernel is compiled for every mutation and runs the corpus once: it is not worth optimizing.
TEST = ("cargo", "test", "--locked", "--quiet", "-p", "tracklet-kernel", "--test", "corpus",
        "--config", "profile.dev.package.tracklet-kernel.opt-level=0")
# Seconds that the first build and each mutation may take.
FIRST_LIMIT = 900
LIMIT = 120


class BadList(Exception):
    """A mutation that is no mutation."""


def cache():
    target = os.environ.get("CARGO_TARGET_DIR")
    if target:
        return Path(target).resolve() / "mutations"
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "tracklet" / "target" / "mutations"


def copy_workspace(to):
    """Makes `to` equal to the working tree; files that are equal keep their times, so that Cargo builds little."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *COPIED)
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    files = {name for name in listed if name and (ROOT / name).is_file()}
    for path in [path for path in to.rglob("*") if path.is_file()]:
        if path.relative_to(to).as_posix() not in files:
            path.unlink()
    for name in files:
        write(to / name, (ROOT / name).read_bytes())


def write(path, content):
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def mutated(mutation, original):
    """The file with the mistake in it."""
    lines = original.split("\n")
    places = [at for at, line in enumerate(lines) if line.strip() == mutation["before"]]
    if len(places) != 1:
        raise BadList(f"its line stands in {mutation['file']} {len(places)} times, not once")
    if mutation["after"] == mutation["before"]:
        raise BadList("it changes nothing")
    (at,) = places
    indentation = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    lines[at] = indentation + mutation["after"]
    return "\n".join(lines)


def run(command, folder, limit):
    """(exit status, output). Ends whatever was started when the time is over."""
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(folder.parent / "target"),
        "CARGO_TERM_COLOR": "never",
        "RUST_BACKTRACE": "0",
    }
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise BadList(f"took more than {limit} s") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return process.returncode, output


def killers(folder, limit=LIMIT):
    """The cases that fail, in the order of their names; none if the test passes."""
    status, output = run((*TEST, "--no-run"), folder, limit)
    if status != 0:
        raise BadList(f"does not compile\n{output}")
    status, output = run(TEST, folder, limit)
    if status == 0:
        return []
    cases = sorted(set(re.findall(r"^case (\S+) \(", output, re.MULTILINE)))
    if not cases:
        raise BadList(f"the test failed, but no case did\n{output}")
    return cases


def attempt(mutation, folder):
    """The cases that notice the mistake."""
    path = folder / KERNEL / mutation["file"]
    original = path.read_text("utf-8")
    content = mutated(mutation, original)
    try:
        path.write_text(content, "utf-8")
        return killers(folder)
    finally:
        path.write_text(original, "utf-8")


def check_list(mutations):
    names = [mutation["name"] for mutation in mutations]
    for name in {name for name in names if names.count(name) > 1}:
        raise BadList(f"two mutations are called `{name}`")
    for mutation in mutations:
        if set(mutation) != {"name", "file", "before", "after", "harm", "case"}:
            raise BadList(f"`{mutation['name']}` has other keys than the rest")
        if not (ROOT / "corpus" / mutation["case"] / "case.toml").exists():
            raise BadList(f"`{mutation['name']}` names a case `{mutation['case']}` that is not there")


def run_all(mutations, folder):
    """How many were not noticed, and how many are no mutations."""
    survivors, faults = [], 0
    for mutation in mutations:
        started = time.monotonic()
        label = f"{mutation['file']}: {mutation['name']}"
        try:
            cases = attempt(mutation, folder)
        except BadList as error:
            faults += 1
            print(f"ERROR     {label}: {error}", flush=True)
            continue
        took = f"{time.monotonic() - started:.1f} s"
        others = f" and {len(cases) - 1} more" if len(cases) > 1 else ""
        if mutation["case"] in cases:
            print(f"killed    {label} ({took}, {mutation['case']}{others})", flush=True)
        elif cases:
            faults += 1
            print(f"ERROR     {label}: {mutation['case']} passes, {', '.join(cases)} don't", flush=True)
        else:
            survivors.append(mutation)
            print(f"SURVIVED  {label} ({took})\n          {mutation['harm']}", flush=True)
    return len(survivors), faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    with open(Path(__file__).with_name("mutations.toml"), "rb") as file:
        mutations = tomllib.load(file)["mutation"]
    check_list(mutations)
    mutations = [
        mutation for mutation in mutations
        if not arguments.words or any(word in f"{mutation['file']} {mutation['name']}" for word in arguments.words)
    ]
    if arguments.list:
        for mutation in mutations:
            print(f"{mutation['file']}: {mutation['name']}\n    {mutation['harm']}")
        return 0
    if not mutations:
        print("error: no mutation has these words", file=sys.stderr)
        return 2
    folder = cache() / "workspace"
    folder.mkdir(parents=True, exist_ok=True)
    # Two runs would mutate each other's copy.
    with open(cache() / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        copy_workspace(folder)
        started = time.monotonic()
        failing = killers(folder, FIRST_LIMIT)
        if failing:
            print(f"error: the kernel fails {', '.join(failing)} as it is", file=sys.stderr)
            return 2
        print(f"passes    the kernel as it is ({time.monotonic() - started:.1f} s)", flush=True)
        survivors, faults = run_all(mutations, folder)
    killed = len(mutations) - survivors - faults
    print(f"{killed} of {len(mutations)} mutations killed, {survivors} survived, {faults} errors of the list")
    return 0 if killed == len(mutations) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BadList, OSError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
