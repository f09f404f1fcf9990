"""What the program asks on a terminal, and that it asks nowhere else.

usage: TRACKLET_BIN=path/to/tracklet terminal.py
"""

import fcntl
import json
import os
import pathlib
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios

from check import BINARY

# Longer than any answer takes, so that a program that waits for ever fails its test and not the whole suite.
LIMIT = 60
QUESTION = b"drop them? [y/N]"
END_OF_FILE = b"\x04"


def event(name):
    about = {"type": "track", "messageId": name, "anonymousId": "a", "timestamp": "2026-01-01T10:00:00Z"}
    return json.dumps(about) + "\n"


def folder_with_a_file_gone(folder):
    """An output folder with two rows, of which one is of a file that is gone."""
    logs = folder / "logs"
    logs.mkdir(parents=True)
    for name in ("a", "b"):
        (logs / f"{name}.json").write_text(event(name), "utf-8")
    subprocess.run([BINARY, "run", "logs"], cwd=folder, timeout=LIMIT, check=True, capture_output=True)
    (logs / "b.json").unlink()


def on_terminal(folder, arguments, typed, columns=80):
    """Exit code and all that the terminal showed; `typed` is answered once the question stands there."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    with subprocess.Popen([BINARY, *arguments], cwd=folder, start_new_session=True, **streams) as program:
        os.close(terminal)
        shown, answered = b"", False
        while True:
            if not select.select([controller], [], [], LIMIT)[0]:
                program.kill()
                sys.exit(f"it waits for ever after: {shown.decode()}")
            try:
                read = os.read(controller, 4096)
            except OSError:
                # So Linux says that nobody has the terminal open any more; elsewhere nothing is read.
                read = b""
            if not read:
                break
            shown += read
            if QUESTION in shown and not answered:
                answered = True
                os.write(controller, typed)
        os.close(controller)
        return program.wait(LIMIT), shown.decode()


def off_terminal(folder, arguments):
    done = subprocess.run(
        [BINARY, *arguments], cwd=folder, timeout=LIMIT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return done.returncode, done.stderr


def sessionized(folder):
    return json.loads((folder / "out/current/manifest.json").read_text("utf-8"))["rows"]["sessionized"]


def tables_fit():
    """A table fits the terminal, cut in the middle, unless it is to be wide; what is no terminal gets all of it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        folder_with_a_file_gone(folder)
        show = ["show", "dbt_track_facts"]
        ended = {name: on_terminal(folder, [*show, *more], b"", 80)
                 for name, more in {"fits": [], "wide": ["--wide"]}.items()}
        whole = subprocess.run(
            [BINARY, *show], cwd=folder, timeout=LIMIT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        ).stdout
    lines = {name: [line for line in shown.splitlines() if line.strip()] for name, (_, shown) in ended.items()}
    longest = {name: max(map(len, of)) for name, of in lines.items()}
    passed = all(code == 0 for code, _ in ended.values()) and longest["fits"] <= 80 < longest["wide"]
    passed = passed and any("…" in line for line in lines["fits"]) and not any("…" in line for line in lines["wide"])
    passed = passed and [line.rstrip() for line in lines["wide"]] == [line for line in whole.splitlines() if line.strip()]
    print(f"{'ok' if passed else 'FAILED'}: a table on a terminal of 80 columns: {longest}")
    if not passed:
        print(ended, whole)
    return passed


def main():
    refresh = ["run", "logs", "--full-refresh"]
    yes = (0, 1)
    no = (2, 2)
    cases = {
        "yes": (lambda folder: on_terminal(folder, refresh, b"yes\n"), yes, ["`logs/b.json` (1 row)", "[y/N]"]),
        "y": (lambda folder: on_terminal(folder, refresh, b"Y\n"), yes, ["[y/N]"]),
        "no": (lambda folder: on_terminal(folder, refresh, b"n\n"), no, ["[y/N]", "--yes"]),
        "an empty line": (lambda folder: on_terminal(folder, refresh, b"\n"), no, ["[y/N]", "--yes"]),
        "the end of input": (lambda folder: on_terminal(folder, refresh, END_OF_FILE), no, ["[y/N]", "--yes"]),
        "--yes on a terminal": (lambda folder: on_terminal(folder, [*refresh, "--yes"], b""), yes, []),
        "--quiet on a terminal": (lambda folder: on_terminal(folder, [*refresh, "--quiet"], b""), no, ["--yes"]),
        "no terminal": (lambda folder: off_terminal(folder, refresh), no, ["would drop 1 row", "--yes"]),
        "no terminal and --yes": (lambda folder: off_terminal(folder, [*refresh, "--yes"]), yes, []),
    }
    failed = False
    for name, (run, expected, texts) in cases.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            folder_with_a_file_gone(folder)
            code, shown = run(folder)
            found = (code, sessionized(folder))
        asks = QUESTION.decode() in shown
        passed = found == expected and asks == ("[y/N]" in texts) and all(text in shown for text in texts)
        print(f"{'ok' if passed else 'FAILED'}: {name}: exit code {found[0]}, {found[1]} rows")
        if not passed:
            print(shown)
        failed |= not passed
    failed |= not tables_fit()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
