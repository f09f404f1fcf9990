"""Servers for the tests, on free ports of 127.0.0.1, in folders that are removed afterwards."""

import contextlib
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def postgres_binaries():
    """Where the server's programs are; Debian keeps them off the PATH."""
    found = shutil.which("initdb") or max(glob.glob("/usr/lib/postgresql/*/bin/initdb"), default=None)
    if not found:
        raise SystemExit("no PostgreSQL server is installed here")
    return os.path.dirname(found)


@contextlib.contextmanager
def postgres(order="english", jit=False):
    """A PostgreSQL of the installed version; gives its port. User `postgres`, no password.

    By `order`, its default collation is English: text sorts unlike bytes, as it does on most people's servers;
    or `bytes`. Without `jit` it does not compile queries, which takes most of the time of small ones; benchmarks measure with it,
    as servers have it by default.
    """
    binaries = postgres_binaries()
    folder = tempfile.mkdtemp(prefix="tracklet-pg-", dir="/tmp")
    # PostgreSQL refuses to run as root.
    user = {"user": "postgres"} if os.geteuid() == 0 else {}
    if user:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    os.chmod(folder, 0o755)

    def control(*arguments):
        subprocess.run(
            [f"{binaries}/pg_ctl", "-D", f"{folder}/db", "-w", *arguments],
            check=True, cwd=folder, stdout=subprocess.DEVNULL, **user,
        )

    try:
        english = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
        subprocess.run(
            [f"{binaries}/initdb", "-D", f"{folder}/db", "-U", "postgres", "-A", "trust", "--no-sync",
             "-E", "UTF8", *(english if order == "english" else ["--locale=C"])],
            check=True, cwd=folder, stdout=subprocess.DEVNULL, **user,
        )
        port = free_port()
        control("-l", f"{folder}/log", "-o",
                f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c jit={'on' if jit else 'off'}"
                " -c timezone=Asia/Kolkata", "start")
        try:
            yield port
        finally:
            control("-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
