-- The way of the reference project "Sessionization using DBT and RudderStack", put into PostgreSQL's words: windows over
-- all tracks, then a range join of tracks and sessions; every table of the project written. One statement a table.

create table dbt_aliases_mapping as
with pairs as (
    select anonymous_id as alias, user_id, "timestamp" from rudder.tracks
    union
    select user_id, null, "timestamp" from rudder.tracks
)
select distinct
    alias,
    coalesce(
        -- Latest known user. PostgreSQL has no IGNORE NULLS: the unknown come last.
        first_value(user_id) over (
            partition by alias order by user_id is null, "timestamp" desc
            rows between unbounded preceding and unbounded following),
        alias) as dbt_visitor_id
from pairs;

create table dbt_mapped_tracks as
select
    *,
    cast(trunc(extract(epoch from (
        "timestamp" - lag("timestamp") over (partition by dbt_visitor_id order by "timestamp"))) / 60) as bigint)
        as idle_time_minutes
from (
    select tracks.id as event_id, tracks.anonymous_id, mapping.dbt_visitor_id, tracks."timestamp", tracks.event
    from rudder.tracks as tracks
    inner join dbt_aliases_mapping as mapping on mapping.alias = coalesce(tracks.user_id, tracks.anonymous_id)
) as mapped;

create table dbt_session_tracks as
select
    cast(row_number() over (partition by dbt_visitor_id order by "timestamp") as text) || ' - ' || dbt_visitor_id as session_id,
    dbt_visitor_id,
    "timestamp" as session_start_at,
    row_number() over (partition by dbt_visitor_id order by "timestamp") as session_sequence_number,
    lead("timestamp") over (partition by dbt_visitor_id order by "timestamp") as next_session_start_at
from dbt_mapped_tracks
where idle_time_minutes > 30 or idle_time_minutes is null;

create table dbt_track_facts as
select
    tracks.anonymous_id,
    tracks."timestamp",
    tracks.event_id,
    tracks.event,
    sessions.session_id,
    tracks.dbt_visitor_id,
    row_number() over (partition by sessions.session_id order by tracks."timestamp") as track_sequence_number
from dbt_mapped_tracks as tracks
inner join dbt_session_tracks as sessions
    on sessions.dbt_visitor_id = tracks.dbt_visitor_id
    and tracks."timestamp" >= sessions.session_start_at
    and (tracks."timestamp" < sessions.next_session_start_at or sessions.next_session_start_at is null);

create table dbt_session_track_facts as
select
    sessions.session_id,
    max(facts."timestamp") as ended_at,
    count(distinct facts.event_id) as num_pvs,
    count(case when facts.event = 'viewed_product' then facts.event_id end) as cnt_viewed_product,
    count(case when facts.event = 'signup' then facts.event_id end) as cnt_signup
from dbt_session_tracks as sessions
left join dbt_track_facts as facts on facts.session_id = sessions.session_id
group by sessions.session_id;

create table dbt_user_session_facts as
select
    sessions.dbt_visitor_id,
    min(sessions.session_start_at) as first_date,
    max(sessions.session_start_at) as last_date,
    count(*) as number_of_sessions
from dbt_session_tracks as sessions
left join dbt_session_track_facts as facts on facts.session_id = sessions.session_id
group by sessions.dbt_visitor_id;

create view dbt_session_duration as
select
    sessions.dbt_visitor_id,
    sessions.session_id,
    cast(trunc(extract(epoch from (facts.ended_at - sessions.session_start_at)) / 60) as bigint) as session_duration
from dbt_session_tracks as sessions
left join dbt_session_track_facts as facts on facts.session_id = sessions.session_id;

create table dbt_tracks_flow as
select
    event_id,
    session_id,
    track_sequence_number,
    first_value(event) over by_number as event,
    dbt_visitor_id,
    "timestamp",
    nth_value(event, 2) over by_number as event_2,
    nth_value(event, 3) over by_number as event_3,
    nth_value(event, 4) over by_number as event_4,
    nth_value(event, 5) over by_number as event_5
from dbt_track_facts
window by_number as (partition by session_id order by track_sequence_number);
