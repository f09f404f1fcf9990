{{ config(materialized='table', unlogged=true, dist='dbt_visitor_id', post_hook=gather_statistics()) }}

-- The sessions of those events, as tracklet_session_facts has them afterwards.

{{ sessions_of(ref('increment_events')) }}
