-- A row is dropped for another with its event id: an event, or evidence.

select duplicates.event_id
from {{ ref('tracklet_duplicates') }} as duplicates
left join {{ ref('tracklet_event_facts') }} as events
    on events.event_id = duplicates.event_id
{%- if var('tracklet_evidence') %}
left join {{ ref('tracklet_staged') }} as evidence
    on evidence.event_id = duplicates.event_id
    and evidence.fate = 4
{%- endif %}
where events.event_id is null
    {%- if var('tracklet_evidence') %}
    and evidence.event_id is null
    {%- endif %}
