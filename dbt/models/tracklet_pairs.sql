{{ config(materialized='table', cluster_by=['anonymous_id'], dist='anonymous_id', indexes=indexed_by([['anonymous_id'], ['user_id']]), post_hook=gather_statistics()) }}

-- Every device with every user that it was seen with.

{{ pairs_of(ref('tracklet_tracks')) }}
