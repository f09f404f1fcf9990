"""Writes examples/exports: one small history of tracks as warehouses and buckets export it by default.

The files are committed; docs/exports.md runs Tracklet on them. Run this script after a change of the history:

    python tests/through_files/exports.py examples/exports    # needs fastavro, too
"""

import csv
import gzip
import io
import json
import shutil
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = ["id", "anonymous_id", "user_id", "event", "event_text", "timestamp", "received_at"]
DAY = datetime(2026, 1, 5, tzinfo=timezone.utc)

# Minutes after midnight, message, device, user, event. Ann logs in with her sixth event; Bob never does.
HISTORY = [
    (540.0, "m01", "device-2", None, "Viewed Product"),
    (549.5, "m02", "device-2", None, "Product Added"),
    (600.0, "m03", "device-1", None, "Viewed Product"),
    (605.0, "m04", "device-1", None, "Viewed Product"),
    (620.0, "m05", "device-1", None, "Signup"),
    (621.0, "m06", "device-1", "ann", "Product Added"),
    (690.0, "m07", "device-1", "ann", "Viewed Product"),
    (715.0, "m08", "device-3", "ann", "Viewed Product"),
    (800.0, "m09", "device-3", "ann", "Order Completed"),
    (810.0, "m10", "device-2", None, "Viewed Product"),
]


def tracks():
    """The rows of `tracks`, times as datetime in UTC. Every load of a warehouse comes 3 seconds after the event."""
    for minutes, message, device, user, name in HISTORY:
        at = DAY + timedelta(minutes=minutes, milliseconds=250)
        event = name.lower().replace(" ", "_")
        yield dict(zip(COLUMNS, [message, device, user, event, name, at, at + timedelta(seconds=3)]))


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


def gzipped(text):
    """Text compressed without a time, so that the bytes are the same every time."""
    return gzip.compress(text.encode(), mtime=0)


def separated(rows, delimiter=",", header=True, null="", time=str):
    """Rows as delimited text. `time` spells a time as the service does."""
    out = io.StringIO()
    lines = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    if header:
        lines.writerow(COLUMNS)
    for row in rows:
        lines.writerow([null if value is None else time(value) if isinstance(value, datetime) else value for value in row.values()])
    return out.getvalue()


def postgres_time(at):
    return at.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".") + "+00"


def snowflake_time(at):
    return (at - timedelta(hours=8)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " -0800"


def redshift_time(at):
    return at.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".")


def bigquery_time(at):
    return at.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".") + " UTC"


def rfc3339(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def parquet(rows, zone="UTC", upper=False):
    """Rows as a Parquet file; `upper` spells the columns in capitals."""
    types = [pa.timestamp("us", zone) if name in ("timestamp", "received_at") else pa.string() for name in COLUMNS]
    schema = pa.schema([(name.upper() if upper else name, kind) for name, kind in zip(COLUMNS, types)])
    columns = [pa.array([row[name] for row in rows], kind) for name, kind in zip(COLUMNS, types)]
    out = io.BytesIO()
    pq.write_table(pa.table(columns, schema=schema), out, compression="snappy")
    return out.getvalue()


def avro(rows):
    """Rows as an Avro container file of BigQuery's: columns that may be null, and times in microseconds."""
    time = {"type": "long", "logicalType": "timestamp-micros"}
    kinds = {name: time if name in ("timestamp", "received_at") else "string" for name in COLUMNS}
    fields = [{"name": name, "type": ["null", kind]} for name, kind in kinds.items()]
    out = io.BytesIO()
    fastavro.writer(out, {"type": "record", "name": "Root", "fields": fields}, rows, codec="deflate", sync_marker=bytes(range(16)))
    return out.getvalue()


def payload(row, kind="track"):
    """A row as the raw event that RudderStack and Segment keep in a bucket."""
    event = {
        "type": kind,
        "messageId": row["id"],
        "anonymousId": row["anonymous_id"],
        "userId": row["user_id"] or "",
        "channel": "web",
        "context": {"library": {"name": "RudderLabs JavaScript SDK", "version": "3.0.0"}},
        "originalTimestamp": rfc3339(row["timestamp"]),
        "sentAt": rfc3339(row["timestamp"]),
        "receivedAt": rfc3339(row["received_at"]),
        "timestamp": rfc3339(row["timestamp"]),
    }
    if kind == "track":
        event |= {"event": row["event_text"], "properties": {}}
    else:
        event |= {"messageId": row["id"] + "-page", "name": "Shop"}
    return event


def lines(values):
    return "".join(json.dumps(value, separators=(",", ":")) + "\n" for value in values)


def main(folder):
    shutil.rmtree(folder, ignore_errors=True)
    rows = list(tracks())
    half = len(rows) // 2

    # \copy tracks to 'tracks.csv' csv header
    write(folder / "postgres/tracks.csv", separated(rows, time=postgres_time))
    # copy tracks to '/…/tracks.txt'
    write(folder / "postgres-text/tracks.txt", separated(rows, "\t", header=False, null="\\N", time=postgres_time))

    # copy into @stage from tracks; the same with header = true; and to Parquet, which has no time zones.
    unloaded = dict(null="\\N", time=snowflake_time)
    write(folder / "snowflake/data_0_0_0.csv.gz", gzipped(separated(rows[:half], header=False, **unloaded)))
    write(folder / "snowflake/data_0_1_0.csv.gz", gzipped(separated(rows[half:], header=False, **unloaded)))
    write(folder / "snowflake-header/data_0_0_0.csv.gz", gzipped(separated(rows, **unloaded)))
    write(folder / "snowflake-parquet/data_0_0_0.snappy.parquet", parquet(rows, None, upper=True))

    # export data / bq extract, to CSV, JSON lines and Parquet. BigQuery appends a second delivery as a second row.
    write(folder / "bigquery/tracks-000000000000.csv", separated(rows, time=bigquery_time))
    again = [{name: bigquery_time(value) if isinstance(value, datetime) else value for name, value in row.items() if value is not None} for row in [*rows, rows[3]]]
    write(folder / "bigquery-json/tracks-000000000000.json", lines(again))
    write(folder / "bigquery-parquet/tracks-000000000000.parquet", parquet(rows))
    write(folder / "bigquery-avro/tracks-000000000000.avro", avro(rows))

    # unload ('select * from tracks') to 's3://…/tracks_'; and with `format parquet`.
    write(folder / "redshift/tracks_0000_part_00", separated(rows[:half], "|", header=False, time=redshift_time))
    write(folder / "redshift/tracks_0001_part_00", separated(rows[half:], "|", header=False, time=redshift_time))
    write(folder / "redshift-gzip/tracks_0000_part_00.gz", gzipped(separated(rows, "|", header=False, time=redshift_time)))
    write(folder / "redshift-parquet/tracks_0000_part_00.parquet", parquet(rows, None))

    # RudderStack's and Segment's buckets: raw events, a page call before every third track.
    raw = [event for place, row in enumerate(rows) for event in ([payload(row, "page")] if place % 3 == 0 else []) + [payload(row)]]
    source = "2rBb1WYaeiVesrloerkLgk3hLM5"
    write(folder / f"rudderstack-bucket/rudder-logs/{source}/01-05-2026/1767571200.{source}.json.gz", gzipped(lines(raw)))
    day = int(DAY.timestamp() * 1000)
    write(folder / f"segment-bucket/segment-logs/shop/{day}/1767571200.shop.gz", gzipped(lines(raw)))

    # RudderStack's data lake: a folder for every table, the tracks of one event a second time in a table of their own.
    lake = folder / "rudderstack-lake/rudder-datalake/shop"
    write(lake / "tracks/2026/01/05/10/load.parquet", parquet(rows))
    write(lake / "signup/2026/01/05/10/load.parquet", parquet([rows[4]]))

    # A Delta table: a compaction has replaced the first file, which lies beside the second until a vacuum.
    write(folder / "delta/tracks/part-00000.snappy.parquet", parquet([*rows, {**rows[0], "id": "m00"}]))
    write(folder / "delta/tracks/part-00001.snappy.parquet", parquet(rows))
    protocol = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
    added = [{"add": {"path": f"part-0000{n}.snappy.parquet", "partitionValues": {}, "size": 1, "modificationTime": day, "dataChange": not n}} for n in (0, 1)]
    removed = {"remove": {"path": "part-00000.snappy.parquet", "deletionTimestamp": day, "dataChange": False}}
    write(folder / "delta/tracks/_delta_log/00000000000000000000.json", lines([protocol, added[0]]))
    write(folder / "delta/tracks/_delta_log/00000000000000000001.json", lines([added[1], removed]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
