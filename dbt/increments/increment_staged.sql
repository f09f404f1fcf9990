{{ config(materialized='table', unlogged=true, dist='event_id', post_hook=gather_statistics(['event_id', 'anonymous_id', 'user_id', 'fate', 'old_fate'])) }}

-- What becomes of the new rows, and again of known ones with the same event id. What became of those before is old_fate.

with candidates as (
    select
        {{ row_columns() }},
        {{ as_integer('null') }} as old_fate
        {{- and_copy_number('old_copy_number', as_integer('null'), 8) }}
    from {{ ref('increment_incoming') }}
    {%- if var('tracklet_dedupe') %}
    union all
    select
        {{ row_columns() }},
        {{ as_integer('fate') }} as old_fate
        {{- and_copy_number('old_copy_number', as_integer('copy_number'), 8) }}
    from {{ ref('tracklet_staged') }}
    where event_id in (
        select event_id
        from {{ ref('increment_incoming') }}
        where reason is null
    )
    {%- endif %}
)

{{ rows_with_fates('candidates', goes_on=true) }}
