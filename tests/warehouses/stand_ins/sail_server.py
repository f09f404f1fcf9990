"""A server of Sail, which speaks Spark Connect and has Delta tables, in a process of its own and a folder that is removed
afterwards."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from pyspark.sql import SparkSession

from stand_ins.servers import free_port
from stand_ins.spark_server import listens

# Seconds that a server may take to come up; a busy machine is slow.
PATIENCE = 120


class Sail:
    """A server. Its catalog is one session's, so everybody shares that session, by its id in the address."""

    def __init__(self, port, folder):
        self.port, self.folder = port, folder
        self.session = str(uuid.uuid4())
        self.spark = SparkSession.builder.remote(self.remote()).create()
        # Tables without a place of their own need one that is absolute.
        self.spark.conf.set("spark.sql.warehouse.dir", str(folder / "tables"))

    def remote(self, port=None):
        return f"sc://127.0.0.1:{port or self.port}/;user_id=tests;session_id={self.session}"


@contextlib.contextmanager
def sail():
    """Gives a `Sail`."""
    folder = Path(tempfile.mkdtemp(prefix="tracklet-sail-"))
    port = free_port()
    # Another zone than UTC: no result may depend on it.
    environment = os.environ | {"SAIL_MODE": "local", "RUST_LOG": "warn", "TZ": "Asia/Kolkata"}
    command = [sys.executable, "-m", "pysail", "spark", "server", "--ip", "127.0.0.1", "--port", str(port)]
    with open(folder / "log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + PATIENCE
        while not listens(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"Sail did not come up:\n{(folder / 'log').read_text()[-3000:]}")
            time.sleep(0.1)
        running = Sail(port, folder)
        try:
            yield running
        finally:
            # A client that finds its server gone would wait for it.
            running.spark.stop()
    finally:
        for ending in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, ending)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(timeout=15)
        shutil.rmtree(folder, ignore_errors=True)
