{#
  The steps from the source to the tables, as parts of queries: the models take them over everything, increments
  over what changes. CTEs come without the word with, the last without a comma.
-#}

{# The columns of a row of the source as canonical_rows gives them, what becomes of it apart. -#}
{% macro row_columns() -%}
event_id, anonymous_id, user_id, event, {{ own_column('timestamp') }}, received_at
    {%- for column in carried_columns() %}, {{ column.inner }}{% endfor %}, loaded_at, source_file, reason
{%- endmacro %}

{#
  The columns that events carry beside those that every track has, after a comma, each on a line of its own: event_type and
  those of tracklet_event_columns, of a relation where it is named. Nothing where no event carries any. They have names of their
  own until tracklet_events, so that none is called as a column of these steps.
-#}
{% macro and_carried(relation='', indent=8) -%}
    {%- for column in carried_columns() -%}
        {{ ',\n' ~ ' ' * indent ~ relation ~ column.inner }}
    {%- endfor -%}
{%- endmacro %}

{#
  What an id is forgotten as: the hash of a salt, a letter and the id; null for no id. The letter says what the id is in a
  row: v finds its visitor (the user's, or the device's in a row without one), u is the user's, a the device's.
-#}
{% macro forgotten_as(salt, letter, id) %}{{ sha256_of(salt ~ " || '" ~ letter ~ "' || " ~ id) }}{% endmacro %}

{#
  Joins of a relation of rows with the hashes of what is forgotten; a row is not of a forgotten person where the hash of each
  of of_alias, of_user and of_device is null.
-#}
{% macro joined_with_forgotten(rows, hashes) -%}
    {%- set user = known_id(rows ~ '.user_id') -%}
    {%- set device = known_id(rows ~ '.anonymous_id') -%}
cross join (
        select max(salt) as salt
        from {{ hashes }}
    ) as salted
    left join {{ hashes }} as of_alias
        on of_alias.id_hash = {{ forgotten_as('salted.salt', 'v', 'coalesce(' ~ user ~ ', ' ~ device ~ ')') }}
    left join {{ hashes }} as of_user
        on of_user.id_hash = {{ forgotten_as('salted.salt', 'u', user) }}
    left join {{ hashes }} as of_device
        on of_device.id_hash = {{ forgotten_as('salted.salt', 'a', device) }}
{%- endmacro %}

{#
  CTEs up to canonical: every row of the source, with the first reason against it, but those of forgotten people. With since, a time as a literal,
  only the rows that were loaded at that time or later, or at no known time; with partitions as well, only those of these.
-#}
{% macro canonical_rows(since=none, partitions=none) -%}
    {%- set earliest = time_literal('1970-01-01 00:00:00') -%}
    {%- set latest = time_literal('2262-01-01 00:00:00') -%}
source_rows as (
    {%- for table in source_tables() %}
    select
        {{ as_text('null' if ids_from_rows() else source_column(table, 'event_id', ['id', 'event_id'], required=true)) }} as event_id,
        {{ as_text(source_column(table, 'anonymous_id', ['anonymous_id'])) }} as anonymous_id,
        {{ as_text(source_column(table, 'user_id', ['user_id'])) }} as user_id,
        {{ as_text(event_of_table(table)) }} as event,
        {{ as_time(source_column(table, 'timestamp', ['timestamp', '_timestamp'], required=true)) }} as {{ own_column('timestamp') }},
        {{ as_time(source_column(table, 'received_at', ['received_at'])) }} as received_at,
        {%- for column in carried_columns() if not column.function %}
        {{ carried_text(table, column) }} as {{ column.inner }},
        {%- endfor %}
        {%- for text in derived_texts() if text.is_read %}
        {{ carried_text(table, text) }} as {{ text.inner }},
        {%- endfor %}
        {{ as_time(loaded_at(table)) }} as loaded_at,
        {{ as_text(text_literal(table.name)) }} as source_file
    from {{ table.relation }}
    {%- if var('tracklet_where') %}
    where (
        {{ var('tracklet_where') }}
    )
    {%- endif %}
    {%- if since is not none %}
    {{ 'and' if var('tracklet_where') else 'where' }} ({{ is_since(loaded_at(table), since) }} or {{ loaded_at(table) }} is null)
    {%- if partitions %}
    and ({{ partition_column(table, partitions.column) }} >= {{ partitions.since }} or {{ partition_column(table, partitions.column) }} is null)
    {%- endif %}
    {%- endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),
{{- texts_to_derive_from() }}

-- An id that stands for none is none.
known as (
    select
        event_id,
        anonymous_id,
        user_id,
        event,
        {{ own_column('timestamp') }},
        received_at,
        {%- for column in carried_columns() %}
        {{ carried_value(column) }} as {{ column.inner }},
        {%- endfor %}
        loaded_at,
        source_file,
        {{ known_id('anonymous_id') }} as known_anonymous_id,
        {{ known_id('user_id') }} as known_user_id
    from {{ rows_to_derive_from() }}
    {{- computed_once() }}
),

-- The first reason that holds. An empty text is a missing one.
judged as (
    select
        event_id,
        anonymous_id,
        user_id,
        known_anonymous_id,
        known_user_id,
        event,
        {{ own_column('timestamp') }},
        received_at
        {{- and_carried() }},
        loaded_at,
        source_file,
        case
            when {{ holds_nul('event_id') }} or {{ holds_nul('anonymous_id') }} or {{ holds_nul('user_id') }} or {{ holds_nul('event') }}
                then 'invalid_text'
            {%- if not ids_from_rows() %}
            when event_id is null or length(event_id) = 0
                then 'missing_event_id'
            {%- endif %}
            when {{ own_column('timestamp') }} is null
                then 'missing_timestamp'
            when {{ own_column('timestamp') }} < {{ earliest }} or {{ own_column('timestamp') }} >= {{ latest }}
                then 'timestamp_out_of_range'
            when known_anonymous_id is null and known_user_id is null
                then 'missing_ids'
        end as reason
    from known
    {{- computed_once() }}
),

-- Rejected rows stay as they came; in the others what is empty or out of range is null.
{{ 'without_ids' if ids_from_rows() else 'canonical' }} as (
    select
        event_id,
        case when reason is not null then anonymous_id else known_anonymous_id end as anonymous_id,
        case when reason is not null then user_id else known_user_id end as user_id,
        case when reason is not null or length(event) > 0 then event end as event,
        {{ own_column('timestamp') }},
        case
            when reason is not null or (received_at >= {{ earliest }} and received_at < {{ latest }}) then received_at
        end as received_at
        {{- and_carried() }},
        loaded_at,
        case when reason is not null then source_file end as source_file,
        reason
    from judged
    {%- if forgotten_table() %}
    {{ joined_with_forgotten('judged', forgotten_table()) }}
    where of_alias.id_hash is null
        and of_user.id_hash is null
        and of_device.id_hash is null
    {%- endif %}
    {{- computed_once() if ids_from_rows() }}
)
{%- if ids_from_rows() %},

canonical as (
    select
        case when reason is null then {{ id_of_row() }} end as event_id,
        anonymous_id,
        user_id,
        event,
        {{ own_column('timestamp') }},
        received_at
        {{- and_carried() }},
        loaded_at,
        source_file,
        reason
    from without_ids
    {{- computed_once() }}
)
{%- endif %}
{%- endmacro %}

{#
  A query for the rows of a relation like canonical, with what becomes of each; it may use CTEs before it. With
  goes_on, the relation has a column old_fate, null for new rows, which stays; of rows alike in all else the old one is kept. Where ids
  are made of rows, none is dropped: each has a copy_number, and with goes_on an old_copy_number, which stays too where it can.
-#}
{% macro rows_with_fates(relation, goes_on=false) -%}
select
    {{ row_columns() }},
    {%- if goes_on %}
    old_fate
    {{- and_copy_number('old_copy_number', 'old_copy_number') }},
    {%- endif %}
    {%- if var('tracklet_dedupe') %}
    case when reason is not null then 2 {{ 'when copy_number > 1 then 1 ' if not ids_from_rows() }}{{ fate_of_kept() }} end as fate
    {{- and_copy_number(expression='case when reason is null then copy_number end') }}
from (
    select
        {{ row_columns() }},
        {%- if goes_on %}
        old_fate
        {{- and_copy_number('old_copy_number', 'old_copy_number', 8) }},
        {%- endif %}
        row_number() over (
            partition by event_id, reason
            order by
                {{ own_column('timestamp') }} nulls last,
                received_at nulls last,
                anonymous_id nulls last,
                user_id nulls last,
                event nulls last
                {%- for column in carried_columns() %},
                {{ column.inner }} nulls last
                {%- endfor %}
                {%- if goes_on and ids_from_rows() %},
                old_copy_number nulls last
                {%- elif goes_on %},
                old_fate nulls last
                {%- endif %}
        ) as copy_number
    from {{ relation }}
) as numbered
    {%- else %}
    case when reason is not null then 2 {{ fate_of_kept() }} end as fate
from {{ relation }}
    {%- endif %}
{%- endmacro %}

{#
  The CTE changed_pairs: the pairs of ids of tracks and of evidence that came with is_new 1, and of those that went with 0.
-#}
{% macro changed_pairs() -%}
changed as (
    select
        event_id,
        anonymous_id,
        user_id,
        {{ own_column('timestamp') }},
        case when {{ is_kept('fate') }} then 1 else 0 end as is_new
    from {{ ref('increment_staged') }}
    where ({{ is_kept('fate') }} and coalesce(old_fate, 1) not in (0, 4))
        or (fate not in (0, 4) and old_fate in (0, 4))
)
{%- endmacro %}

{#
  The CTE changed: the tracks that an increment inserts, with is_new 1, and those that it deletes, with 0.
-#}
{% macro changed_tracks() -%}
    {%- if ids_from_rows() -%}
{#- A track whose number is another one goes, and one with the other id comes. -#}
changed as (
    select
        {{ numbered_id('event_id', 'copy_number') }} as event_id,
        anonymous_id,
        user_id,
        event,
        {{ own_column('timestamp') }}
        {{- and_carried() }},
        1 as is_new
    from {{ ref('increment_staged') }}
    where fate = 0
        and (coalesce(old_fate, 1) <> 0 or old_copy_number <> copy_number)
    union all
    select
        {{ numbered_id('event_id', 'old_copy_number') }} as event_id,
        anonymous_id,
        user_id,
        event,
        {{ own_column('timestamp') }}
        {{- and_carried() }},
        0 as is_new
    from {{ ref('increment_staged') }}
    where old_fate = 0
        and (fate <> 0 or old_copy_number <> copy_number)
)
    {%- else -%}
changed as (
    select
        event_id,
        anonymous_id,
        user_id,
        event,
        {{ own_column('timestamp') }}
        {{- and_carried() }},
        case when fate = 0 then 1 else 0 end as is_new
    from {{ ref('increment_staged') }}
    where (fate = 0 and coalesce(old_fate, 1) <> 0)
        or (fate <> 0 and old_fate = 0)
)
    {%- endif -%}
{%- endmacro %}

{#
  A query for the pairs of ids in rows of a relation that are kept as tracks or as evidence, with the time of the latest of each. No id is
  the empty text here: a row has no such id, and pairs can be compared without regard to null.
-#}
{% macro pairs_of(relation, condition=none) -%}
select
    coalesce(anonymous_id, '') as anonymous_id,
    coalesce(user_id, '') as user_id,
    max({{ own_column('timestamp') }}) as last_at
from {{ relation }}
{%- if condition %}
where {{ condition }}
{%- endif %}
group by coalesce(anonymous_id, ''), coalesce(user_id, '')
{%- endmacro %}

{#
  CTEs up to ranked: for each alias in a relation like tracklet_pairs its users, the one that it belongs to first. Right
  for those aliases of which all pairs are there.
-#}
{% macro ranked_aliases(relation) -%}
-- A pair makes its device an alias of its user, and its user an alias that by itself says nothing.
sides as (
    select 'device' as side
    union all
    select 'user' as side
),

candidates as (
    select
        case when sides.side = 'device' then pairs.anonymous_id else pairs.user_id end as alias,
        case when sides.side = 'device' and length(pairs.user_id) > 0 then pairs.user_id end as user_id,
        pairs.last_at
    from {{ relation }} as pairs
    cross join sides
),

ranked as (
    select
        alias,
        user_id,
        row_number() over (
            partition by alias
            order by
                case when user_id is null then 1 else 0 end,
                last_at desc,
                user_id desc nulls last
        ) as candidate_number
    from candidates
    where length(alias) > 0
)
{%- endmacro %}

{#
  CTEs up to numbered, over the CTE visited: event_id, anonymous_id, user_id, dbt_visitor_id, timestamp, event and the carried
  columns. With goes_on, visited has the end of a visitor's events from the start of a session on, and two columns more, the same in all
  rows of a visitor: last_before, the time of the visitor's event before them or null, and sessions_before, its sessions
  before them or 0.

  All windows are over a visitor's events in their order, so one sort serves them all: what is past the end of a
  session is decided by where sessions open.
-#}
{% macro numbered_events(goes_on=false) -%}
    {%- set before = 'lag(' ~ own_column('timestamp') ~ ') over (' ~ visitor_order() ~ ')' -%}
    {%- set before = 'coalesce(' ~ before ~ ', last_before)' if goes_on else before -%}
-- The gap is computed beside its window, and so only once: a planner may copy what stands further out into each use.
in_order as (
    select
        event_id,
        anonymous_id,
        user_id,
        dbt_visitor_id,
        {{ own_column('timestamp') }},
        event
        {{- and_carried() }},
        {%- if goes_on %}
        sessions_before,
        {%- endif %}
        {{ microseconds_between(before, own_column('timestamp')) }} as idle_microseconds,
        row_number() over ({{ visitor_order() }}) as visitor_sequence_number
    from visited
),

idle as (
    select
        event_id,
        anonymous_id,
        user_id,
        dbt_visitor_id,
        {{ own_column('timestamp') }},
        event
        {{- and_carried() }},
        {%- if goes_on %}
        sessions_before,
        {%- endif %}
        visitor_sequence_number,
        idle_microseconds,
        {{ whole_minutes('idle_microseconds') }} as idle_time_minutes
    from in_order
),

split as (
    select
        event_id,
        anonymous_id,
        user_id,
        dbt_visitor_id,
        {{ own_column('timestamp') }},
        event
        {{- and_carried() }},
        {%- if goes_on %}
        sessions_before,
        {%- endif %}
        idle_time_minutes,
        visitor_sequence_number,
        {%- if carried_columns() %}
        {{ start_reason() }} as start_reason,
        {%- endif %}
        case when {{ opens_session() }} then 1 else 0 end as opens_session
    from idle
),

-- A session's number is how many have been opened so far; it started when and where the latest was opened.
numbered as (
    select
        event_id,
        anonymous_id,
        user_id,
        dbt_visitor_id,
        {{ own_column('timestamp') }},
        event
        {{- and_carried() }},
        idle_time_minutes,
        {%- if carried_columns() %}
        start_reason,
        -- The greatest number is the latest opening's, and the event's id stands behind it.
        max(case when opens_session = 1 then {{ as_text('1000000000000 + visitor_sequence_number') }} || event_id end) over ({{ visitor_order_again() }}{{ so_far() }}) as opened_by,
        {%- endif %}
        sum(opens_session) over ({{ visitor_order_again() }}{{ so_far() }}){{ ' + sessions_before' if goes_on }} as session_sequence_number,
        max(case when opens_session = 1 then {{ own_column('timestamp') }} end) over ({{ visitor_order_again() }}{{ so_far() }}) as session_start_at,
        max(case when opens_session = 1 then visitor_sequence_number end) over ({{ visitor_order_again() }}{{ so_far() }}) as first_place,
        row_number() over ({{ visitor_order_again() }}) as place
        {%- for number in range(2, var('tracklet_flow_length') + 1) %},
        lead(event, {{ number - 1 }}) over ({{ visitor_order_again() }}) as next_{{ number }},
        lead(opens_session, {{ number - 1 }}) over ({{ visitor_order_again() }}) as opens_{{ number }}
        {%- endfor %}
    from split
)
{%- endmacro %}

{# The query for tracklet_event_facts over the CTE numbered. -#}
{% macro events_of_numbered() -%}
select
    event_id,
    anonymous_id,
    user_id,
    dbt_visitor_id,
    {{ own_column('timestamp') }},
    event,
    {{ as_integer('idle_time_minutes') }} as idle_time_minutes,
    {{ as_integer('session_sequence_number') }} as session_sequence_number,
    session_start_at
    {{- and_carried(indent=4) }},
    {%- if carried_columns() %}
    start_reason,
    substr(opened_by, 14) as session_key,
    {%- endif %}
    {{ as_integer('place - first_place + 1') }} as track_sequence_number
    {%- for number in range(2, var('tracklet_flow_length') + 1) %},
    case when {% for between in range(2, number + 1) %}{{ 'opens_' ~ between }}{{ ' + ' if not loop.last }}{% endfor %} = 0 then next_{{ number }} end as event_{{ number }}
    {%- endfor %}
from numbered
{%- endmacro %}

{#
  The query for tracklet_session_facts over a relation like tracklet_event_facts, which has the end of a visitor's events from
  the start of a session on.
-#}
{% macro sessions_of(relation) -%}
with grouped as (
    select
        dbt_visitor_id,
        session_sequence_number,
        min({{ own_column('timestamp') }}) as session_start_at,
        max({{ own_column('timestamp') }}) as ended_at,
        {#- Without duplicates every row has its own event_id. #}
        {%- if var('tracklet_dedupe') %}
        {{ as_integer('count(*)') }} as num_pvs
        {%- else %}
        {{ as_integer('count(distinct event_id)') }} as num_pvs
        {%- endif %}
        {%- if carried_columns() %},
        min(session_key) as session_key,
        min(start_reason) as start_reason
        {%- endif %}
        {%- for column, names in var('tracklet_counts') | items %},
        {{ count_events(names) }} as {{ own_column(column) }}
        {%- endfor %}
        {%- for column, settings in var('tracklet_session_columns') | items %},
        {{ folded(settings) }} as session_column_{{ loop.index }}
        {%- endfor %}
    from {{ relation }}
    group by dbt_visitor_id, session_sequence_number
)

select
    {{ session_id() }} as session_id,
    dbt_visitor_id,
    session_start_at,
    session_sequence_number,
    lead(session_start_at) over (partition by dbt_visitor_id order by session_sequence_number) as next_session_start_at,
    ended_at,
    {{ whole_minutes(microseconds_between('session_start_at', 'ended_at')) }} as session_duration,
    num_pvs
    {%- if carried_columns() %},
    session_key,
    start_reason
    {%- endif %}
    {%- for column, names in var('tracklet_counts') | items %},
    {{ own_column(column) }}
    {%- endfor %}
    {%- for column, settings in var('tracklet_session_columns') | items %},
    {{ folded_value(settings, 'session_column_' ~ loop.index) }} as session_column_{{ loop.index }}
    {%- endfor %}
from grouped
{%- endmacro %}
