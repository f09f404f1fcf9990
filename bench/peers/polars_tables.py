"""The eight tables in Polars: one sort, after which neighbors are compared."""

import os
import sys

os.environ["POLARS_MAX_THREADS"] = sys.argv[3]

import polars as pl

from polars_steps import kept, mapping

MINUTE = 60_000_000
KEY = ["timestamp", "received_at", "anonymous_id", "user_id", "event"]


def events(tracks, aliases):
    opens = (pl.col("idle_time_minutes") > 30).fill_null(True)
    number = pl.col("opens").cum_sum()
    same = pl.col("session").shift(1) == pl.col("session")
    return (
        tracks.with_columns(alias=pl.coalesce("user_id", "anonymous_id"))
        .join(aliases.lazy(), on="alias")
        .select("event_id", "anonymous_id", "dbt_visitor_id", "timestamp", "event")
        .collect(engine="streaming")
        .sort("dbt_visitor_id", "timestamp", "event_id")
        .lazy()
        .with_columns(
            idle_time_minutes=pl.when(pl.col("dbt_visitor_id") == pl.col("dbt_visitor_id").shift(1)).then(
                pl.col("timestamp").diff().dt.total_microseconds() // MINUTE
            )
        )
        .with_columns(opens=opens)
        .with_columns(session=number.cast(pl.Int64))
        .with_columns(
            place=pl.int_range(pl.len(), dtype=pl.Int64),
            *[
                pl.when(pl.col("session").shift(-by) == pl.col("session"))
                .then(pl.col("event").shift(-by))
                .alias(f"event_{by + 1}")
                for by in range(1, 5)
            ],
        )
        .with_columns(
            track_sequence_number=pl.col("place")
            - pl.when(same.fill_null(False)).then(None).otherwise(pl.col("place")).forward_fill()
            + 1
        )
        .drop("opens", "place")
        .collect()
    )


def sessions(tracks):
    return (
        tracks.lazy()
        .group_by("session", maintain_order=True)
        .agg(
            pl.col("dbt_visitor_id").first(),
            session_start_at=pl.col("timestamp").first(),
            ended_at=pl.col("timestamp").last(),
            num_pvs=pl.len().cast(pl.Int64),
            cnt_viewed_product=(pl.col("event") == "viewed_product").sum().cast(pl.Int64),
            cnt_signup=(pl.col("event") == "signup").sum().cast(pl.Int64),
        )
        .with_columns(first=pl.col("dbt_visitor_id") != pl.col("dbt_visitor_id").shift(1).fill_null(""))
        .with_columns(
            session_sequence_number=pl.col("session")
            - pl.when("first").then(pl.col("session")).otherwise(None).forward_fill()
            + 1,
            next_session_start_at=pl.when(pl.col("dbt_visitor_id").shift(-1) == pl.col("dbt_visitor_id")).then(
                pl.col("session_start_at").shift(-1)
            ),
            session_duration=(pl.col("ended_at") - pl.col("session_start_at")).dt.total_microseconds() // MINUTE,
        )
        .with_columns(session_id=pl.format("{} - {}", "session_sequence_number", "dbt_visitor_id"))
        .collect()
    )


def main(source, output, _threads):
    def write(name, table, *columns):
        table.select(columns).write_parquet(f"{output}/{name}.parquet", compression="zstd")

    tracks = kept(pl.scan_parquet(f"{source}/*.parquet").rename({"id": "event_id"}), KEY)
    aliases = mapping(tracks)
    aliases.write_parquet(f"{output}/dbt_aliases_mapping.parquet", compression="zstd")
    facts = events(tracks, aliases)
    per_session = sessions(facts)
    facts = facts.with_columns(
        # Sessions are numbered from 1 in the order of the rows.
        session_id=per_session["session_id"].gather(facts["session"] - 1)
    )
    write("dbt_mapped_tracks", facts, "event_id", "anonymous_id", "dbt_visitor_id", "timestamp", "event",
          "idle_time_minutes")
    write("dbt_track_facts", facts, "anonymous_id", "timestamp", "event_id", "event", "session_id", "dbt_visitor_id",
          "track_sequence_number")
    write("dbt_tracks_flow", facts, "event_id", "session_id", "track_sequence_number", "event", "dbt_visitor_id",
          "timestamp", "event_2", "event_3", "event_4", "event_5")
    write("dbt_session_tracks", per_session, "session_id", "dbt_visitor_id", "session_start_at",
          "session_sequence_number", "next_session_start_at")
    write("dbt_session_track_facts", per_session, "session_id", "ended_at", "num_pvs", "cnt_viewed_product",
          "cnt_signup")
    write("dbt_session_duration", per_session, "dbt_visitor_id", "session_id", "session_duration")
    visitors = per_session.group_by("dbt_visitor_id").agg(
        first_date=pl.col("session_start_at").min(),
        last_date=pl.col("session_start_at").max(),
        number_of_sessions=pl.len().cast(pl.Int64),
    )
    visitors.write_parquet(f"{output}/dbt_user_session_facts.parquet", compression="zstd")


main(*sys.argv[1:])
