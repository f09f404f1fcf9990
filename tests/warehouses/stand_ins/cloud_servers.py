"""The stand-ins for BigQuery and Snowflake, on free ports of 127.0.0.1.

Each has a Python environment of its own, which clouds.sh makes: TRACKLET_BIGQUERY_PYTHON and
TRACKLET_SNOWFLAKE_PYTHON name their interpreters.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from stand_ins import servers

HERE = Path(__file__).resolve().parent
# A machine that is busy with other things is slow to start a server.
START = 240


def available():
    """The warehouses whose stand-in runs here."""
    return [name for name in ("bigquery", "snowflake") if f"TRACKLET_{name.upper()}_PYTHON" in os.environ]


class Server:
    """A server with a folder that survives its end: it can be killed and started again."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tracklet-cloud-"))
        self.port = servers.free_port()
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Starts it and waits until it listens."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, env=os.environ | self.environment(), cwd=self.folder)
        deadline = time.monotonic() + START
        while True:
            with socket.socket() as connection:
                if connection.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self.name} does not start:\n{self.log()[-2000:]}")
            time.sleep(0.1)

    def kill(self):
        """Ends it as a loss of power would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def log(self):
        return (self.folder / "log").read_text("utf-8", "replace")

    def environment(self):
        return {}


class BigQuery(Server):
    """local-bigquery. Its extensions of DuckDB are in the folder that is its HOME."""

    name = "bigquery"

    def __init__(self):
        super().__init__()
        self.grpc_port = servers.free_port()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def command(self):
        python = Path(os.environ["TRACKLET_BIGQUERY_PYTHON"])
        return [python.parent / "local-bigquery", "--host", "127.0.0.1", "--port", str(self.port),
                "--grpc-port", str(self.grpc_port), "--data-dir", self.folder / "data"]

    def environment(self):
        return {"HOME": str(Path(os.environ["TRACKLET_BIGQUERY_PYTHON"]).parents[1] / "home")}


class Snowflake(Server):
    """fakesnow, answering in JSON."""

    name = "snowflake"

    def command(self):
        return [os.environ["TRACKLET_SNOWFLAKE_PYTHON"], HERE / "snowflake_stand_in.py", str(self.port),
                self.folder / "data"]

    def start(self):
        (self.folder / "data").mkdir(exist_ok=True)
        super().start()
