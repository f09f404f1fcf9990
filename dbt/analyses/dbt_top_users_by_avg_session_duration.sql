-- Visitors by the average length of their sessions in minutes, longest first.

select
    dbt_visitor_id,
    {{ as_double('sum(session_duration)') }} / {{ as_double('count(*)') }} as avg_session_duration
from {{ ref('dbt_session_duration') }}
group by dbt_visitor_id
order by avg_session_duration desc, dbt_visitor_id
