{{ config(materialized='table', unlogged=true, pre_hook=session_in_utc(), post_hook=gather_statistics(['event_id'])) }}

-- The rows of the source that were loaded since a while before the latest run, known or not, and those of days that differ.

with {{ canonical_rows() if days else canonical_rows(since, partitions) }}

select
    {{ row_columns() }}
from canonical
{%- if days %}
where loaded_at >= {{ since }}
    or loaded_at is null
    or {{ utc_day('received_at') }} in ({{ days | join(', ') }})
{%- endif %}
