"""The steps that both programs in Polars begin with."""

import polars as pl


def kept(rows, key):
    """One row an id, the least by `key`: ids that occur twice are few, only their rows are sorted."""
    twice = rows.group_by("event_id").len().filter(pl.col("len") > 1).select("event_id").collect(engine="streaming")
    if twice.is_empty():
        return rows
    once = rows.join(twice.lazy(), on="event_id", how="anti")
    least = (
        rows.join(twice.lazy(), on="event_id", how="semi")
        .sort(key, nulls_last=True)
        .unique("event_id", keep="first", maintain_order=True)
    )
    return pl.concat([once, least])


def mapping(rows):
    """The visitor of every alias."""
    pairs = rows.group_by("anonymous_id", "user_id").agg(pl.col("timestamp").max()).collect(engine="streaming")
    logins = (
        pairs.drop_nulls(["anonymous_id", "user_id"])
        .sort("timestamp", "user_id")
        .group_by("anonymous_id")
        .agg(pl.col("user_id").last())
    )
    aliases = pl.concat([pairs["anonymous_id"].alias("alias"), pairs["user_id"].alias("alias")]).drop_nulls().unique()
    return (
        aliases.to_frame()
        .join(logins, left_on="alias", right_on="anonymous_id", how="left")
        .select("alias", pl.coalesce("user_id", "alias").alias("dbt_visitor_id"))
    )
