-- The UTC days of received_at on which the source is not what was made into sessions: its rows there, those that runs
-- have seen, and whether the same number of rows has other contents. Reads both whole.

{%- set row_as_text -%}
    (coalesce(event_id, '') || ' ' || coalesce(anonymous_id, '') || ' ' || coalesce(user_id, '') || ' ' || coalesce(event, ''))
        || (' ' || coalesce({{ time_as_text(own_column('timestamp')) }}, '') || ' ' || coalesce({{ time_as_text('received_at') }}, ''))
        || (' ' || coalesce({{ time_as_text('loaded_at') }}, '') || ' ' || coalesce(reason, ''))
    {#- In groups: analyzers refuse what is nested deep, and each || nests the one before. #}
    {%- for column in carried_columns() %}
        {{ '|| (' if loop.index0 % 4 == 0 else '    || ' }}' ' || coalesce('+' || {{ text_of_carried(column) }}, '-'){{ ')' if loop.last or loop.index % 4 == 0 }}
    {%- endfor %}
{%- endset %}

with {{ canonical_rows() }},

of_source as (
    select
        {{ utc_day('received_at') }} as received_on,
        count(*) as row_count,
        {{ sum_of_hashes(row_as_text) }} as hashes
    from canonical
    group by {{ utc_day('received_at') }}
),

of_runs as (
    select
        {{ utc_day('received_at') }} as received_on,
        count(*) as row_count,
        {{ sum_of_hashes(row_as_text) }} as hashes
    from {{ ref('tracklet_staged') }}
    group by {{ utc_day('received_at') }}
)

select
    coalesce(of_source.received_on, of_runs.received_on) as received_on,
    {{ as_integer('coalesce(of_source.row_count, 0)') }} as rows_in_source,
    {{ as_integer('coalesce(of_runs.row_count, 0)') }} as rows_seen
from of_source
full join of_runs
    on of_runs.received_on = of_source.received_on
where of_source.received_on is null
    or of_runs.received_on is null
    or of_source.row_count <> of_runs.row_count
    or of_source.hashes <> of_runs.hashes
order by received_on
