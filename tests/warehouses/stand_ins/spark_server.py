"""A Spark Connect server with two executors that are processes of their own, in a folder that is removed afterwards."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pyspark

from stand_ins.servers import free_port

# Seconds that a server may take to come up; a busy machine is slow.
PATIENCE = 180


@contextlib.contextmanager
def spark():
    """Gives the port of the server."""
    home = Path(pyspark.__file__).parent
    folder = tempfile.mkdtemp(prefix="tracklet-spark-")
    port = free_port()
    settings = {
        "spark.executor.memory": "1g",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": port,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": 4,
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        # Another zone than UTC: no result may depend on it.
        "spark.sql.session.timeZone": "Asia/Kolkata",
    }
    environment = os.environ | {
        "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "localhost",
        "SPARK_WORKER_DIR": f"{folder}/work", "SPARK_LOCAL_DIRS": f"{folder}/local"}
    command = [
        home / "bin" / "spark-submit", "--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
        "--master", "local-cluster[2,1,1024]", "--driver-memory", "1g",
        *(part for name, value in settings.items() for part in ("--conf", f"{name}={value}"))]
    with open(f"{folder}/log", "w", encoding="utf-8") as log:
        # A session of its own, so that the executors end with it.
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + PATIENCE
        while not listens(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the Spark server did not come up:\n{Path(folder, 'log').read_text()[-3000:]}")
            time.sleep(0.5)
        yield port
    finally:
        for ending in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, ending)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(timeout=15)
        shutil.rmtree(folder, ignore_errors=True)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
