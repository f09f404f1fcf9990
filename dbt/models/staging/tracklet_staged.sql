{{ config(
    materialized='table',
    tags=['aside'],
    partition_by=partition_by_number('fate', 3),
    unlogged=true,
    pre_hook=session_in_utc(),
    post_hook=gather_statistics(['fate', 'anonymous_id', 'user_id'])
) }}

-- Every row of the source and what becomes of it: fate 0 is kept, 1 a duplicate, 2 rejected.
-- The only model that reads the source, and it reads it once.

{%- set earliest = time_literal('1970-01-01 00:00:00') %}
{%- set latest = time_literal('2262-01-01 00:00:00') %}

with source_rows as (
    {%- for table in source_tables() %}
    select
        {{ as_text(source_column(table, 'event_id', ['id', 'event_id'], required=true)) }} as event_id,
        {{ as_text(source_column(table, 'anonymous_id', ['anonymous_id'])) }} as anonymous_id,
        {{ as_text(source_column(table, 'user_id', ['user_id'])) }} as user_id,
        {{ as_text(source_column(table, 'event', ['event'])) }} as event,
        {{ as_time(source_column(table, 'timestamp', ['timestamp', '_timestamp'], required=true)) }} as {{ own_column('timestamp') }},
        {{ as_time(source_column(table, 'received_at', ['received_at'])) }} as received_at,
        {{ as_text(text_literal(table.name)) }} as source_file
    from {{ table.relation }}
    {%- if var('tracklet_where') %}
    where (
        {{ var('tracklet_where') }}
    )
    {%- endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

-- The first reason that holds. An empty text is a missing one.
judged as (
    select
        event_id,
        anonymous_id,
        user_id,
        event,
        {{ own_column('timestamp') }},
        received_at,
        source_file,
        case
            when {{ holds_nul('event_id') }} or {{ holds_nul('anonymous_id') }} or {{ holds_nul('user_id') }} or {{ holds_nul('event') }}
                then 'invalid_text'
            when event_id is null or length(event_id) = 0
                then 'missing_event_id'
            when {{ own_column('timestamp') }} is null
                then 'missing_timestamp'
            when {{ own_column('timestamp') }} < {{ earliest }} or {{ own_column('timestamp') }} >= {{ latest }}
                then 'timestamp_out_of_range'
            when coalesce(length(anonymous_id), 0) = 0 and coalesce(length(user_id), 0) = 0
                then 'missing_ids'
        end as reason
    from source_rows
    {{- computed_once() }}
),

-- Rejected rows stay as they came; in the others what is empty or out of range is null.
canonical as (
    select
        event_id,
        case when reason is not null or length(anonymous_id) > 0 then anonymous_id end as anonymous_id,
        case when reason is not null or length(user_id) > 0 then user_id end as user_id,
        case when reason is not null or length(event) > 0 then event end as event,
        {{ own_column('timestamp') }},
        case
            when reason is not null or (received_at >= {{ earliest }} and received_at < {{ latest }}) then received_at
        end as received_at,
        case when reason is not null then source_file end as source_file,
        reason
    from judged
)

{%- if var('tracklet_dedupe') %},

numbered as (
    select
        event_id,
        anonymous_id,
        user_id,
        event,
        {{ own_column('timestamp') }},
        received_at,
        source_file,
        reason,
        row_number() over (
            partition by event_id, reason
            order by
                {{ own_column('timestamp') }} nulls last,
                received_at nulls last,
                anonymous_id nulls last,
                user_id nulls last,
                event nulls last
        ) as copy_number
    from canonical
)
{%- endif %}

select
    event_id,
    anonymous_id,
    user_id,
    event,
    {{ own_column('timestamp') }},
    received_at,
    source_file,
    reason,
    {%- if var('tracklet_dedupe') %}
    case when reason is not null then 2 when copy_number > 1 then 1 else 0 end as fate
from numbered
    {%- else %}
    case when reason is not null then 2 else 0 end as fate
from canonical
    {%- endif %}
