"""Runs the Rust tests of the BigQuery and Snowflake clients against the stand-ins.

    clouds.sh answers.cloud_clients [--warehouse bigquery|snowflake]
"""

import argparse
import os
import subprocess
import sys

from stand_ins import cloud_servers
from stand_ins.cloud_servers import BigQuery, Snowflake


def run(test, environment):
    command = ["cargo", "test", "--locked", "--quiet", "--workspace", "--features", "full,spark", "--test", test]
    return subprocess.run(command, env=os.environ | environment, check=False).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warehouse", choices=["bigquery", "snowflake"], action="append")
    chosen = parser.parse_args().warehouse or cloud_servers.available()
    failed = 0
    if "bigquery" in chosen:
        with BigQuery() as server:
            failed |= run("on_bigquery", {"TRACKLET_TEST_BIGQUERY": server.endpoint})
    if "snowflake" in chosen:
        with Snowflake() as server:
            failed |= run("on_snowflake", {"TRACKLET_TEST_SNOWFLAKE_PORT": str(server.port)})
    sys.exit(failed)


if __name__ == "__main__":
    main()
