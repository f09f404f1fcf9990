"""The two wide tables of events and sessions in Polars: one sort, after which neighbors are compared."""

import os
import sys

os.environ["POLARS_MAX_THREADS"] = sys.argv[3]

import polars as pl

from polars_steps import kept, mapping
from wide_columns import COLUMNS, EVENTS, EVIDENCE

MINUTE = 60_000_000
KEY = ["timestamp", "received_at", "anonymous_id", "user_id", "event", "event_type"]


def column(name, table):
    of_context, of_pages = COLUMNS[name]
    value = pl.col(of_context)
    if table == "pages" and of_pages:
        value = pl.coalesce(of_pages, of_context)
    return value.cast(pl.String).alias(name)


def source(folder, table, event_type, event):
    return pl.scan_parquet(f"{folder}/{table}/*.parquet").select(
        pl.col("id").alias("event_id"),
        pl.lit(event_type).alias("event_type"),
        (pl.col("event") if event is None else pl.lit(event)).alias("event"),
        "anonymous_id", "user_id", "timestamp", "received_at",
        *[column(name, table) for name in COLUMNS],
    )


def events(rows, aliases):
    is_first = pl.col("dbt_visitor_id") != pl.col("dbt_visitor_id").shift(1).fill_null("")
    idle = pl.col("timestamp").diff().dt.total_microseconds() // MINUTE
    return (
        rows.filter(~pl.col("event_type").is_in([event_type for event_type, _ in EVIDENCE.values()]))
        .with_columns(alias=pl.coalesce("user_id", "anonymous_id"))
        .join(aliases.lazy(), on="alias")
        .drop("alias", "received_at")
        .collect(engine="streaming")
        .sort("dbt_visitor_id", "timestamp", "event_id")
        .lazy()
        .with_columns(start_reason=pl.when(is_first).then(pl.lit("first")).when(idle > 30).then(pl.lit("idle")))
        .with_columns(place=pl.int_range(pl.len(), dtype=pl.Int64), opens=pl.col("start_reason").is_not_null())
        .with_columns(
            session=pl.col("opens").cast(pl.Int64).cum_sum(),
            session_key=pl.when("opens").then("event_id").forward_fill(),
            event_sequence_number=pl.col("place") - pl.when("opens").then("place").forward_fill() + 1,
        )
        .drop("place", "opens")
        .collect()
    )


def sessions(facts):
    return (
        facts.lazy()
        .select("session", "session_key", "dbt_visitor_id", "timestamp", "start_reason")
        .group_by("session", maintain_order=True)
        .agg(
            pl.col("session_key").first(),
            pl.col("dbt_visitor_id").first(),
            pl.col("start_reason").first(),
            session_start_at=pl.col("timestamp").first(),
            ended_at=pl.col("timestamp").last(),
            events=pl.len().cast(pl.Int64),
        )
        .with_columns(
            session_sequence_number=pl.col("session")
            - pl.when(pl.col("start_reason") == "first").then(pl.col("session")).forward_fill()
            + 1,
            next_session_start_at=pl.when(pl.col("dbt_visitor_id").shift(-1) == pl.col("dbt_visitor_id")).then(
                pl.col("session_start_at").shift(-1)
            ),
        )
        .with_columns(session_id=pl.format("{} - {}", "session_sequence_number", "dbt_visitor_id"))
        .collect()
    )


def main(folder, output, _threads):
    tables = EVENTS | EVIDENCE
    rows = kept(pl.concat([source(folder, name, *tables[name]) for name in tables]), KEY)
    facts = events(rows, mapping(rows))
    per_session = sessions(facts)
    facts.select(
        "event_id", "event_type", "event", "anonymous_id", "user_id", "dbt_visitor_id", "timestamp",
        # Sessions are numbered from 1 in the order of the rows.
        per_session["session_id"].gather(facts["session"] - 1).alias("session_id"),
        "session_key", "event_sequence_number", "start_reason", *COLUMNS,
    ).write_parquet(f"{output}/tracklet_events.parquet", compression="zstd")
    per_session.select(
        "session_key", "session_id", "dbt_visitor_id", "session_sequence_number", "session_start_at", "ended_at",
        "next_session_start_at", "start_reason", "events",
    ).write_parquet(f"{output}/tracklet_sessions.parquet", compression="zstd")


main(*sys.argv[1:])
