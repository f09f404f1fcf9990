{{ config(materialized='table', unlogged=true) }}

-- What is to be forgotten, as hashes: of the ids that were named, and of all ids that belong to a visitor who was. The visitor
-- is found by a hash too, so that no statement has an id in it.

select
    {{ as_text(salt) }} as salt,
    id_hash
from (
    {%- for hash in named %}
    select {{ as_text(hash) }} as id_hash
    {%- if not loop.last or visitors %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- if visitors %}
    select {{ forgotten_as(as_text(salt), 'v', 'alias') }} as id_hash
    from {{ ref('dbt_aliases_mapping') }}
    where {{ forgotten_as(as_text(salt), 'v', 'dbt_visitor_id') }} in ({{ visitors | join(', ') }})
    {%- endif %}
) as all_hashes
group by id_hash
