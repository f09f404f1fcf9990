{{ config(materialized='table', cluster_by=['anonymous_id'], dist='anonymous_id', indexes=indexed_by([['anonymous_id'], ['user_id']]), post_hook=gather_statistics()) }}

-- Every device with every user that it was seen with, by events and by evidence.

{% if var('tracklet_evidence') -%}
{{ pairs_of(ref('tracklet_staged'), is_kept('fate')) }}
{%- else -%}
{{ pairs_of(ref('tracklet_tracks')) }}
{%- endif %}
