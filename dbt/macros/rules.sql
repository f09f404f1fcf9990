{# What SPEC's configuration means in SQL; the same on every warehouse. -#}

{# A visitor's events in their order, for over (..). With duplicates kept, two more keys make it total. -#}
{% macro visitor_order() -%}
partition by dbt_visitor_id order by {{ own_column('timestamp') }}, event_id
{%- if not var('tracklet_dedupe') %}, anonymous_id nulls last, event nulls last{% endif %}
{%- endmacro %}

{# The UTC day of a time as a text like 2026-05-01; none for no time. -#}
{% macro utc_day(expression) %}coalesce(substr({{ time_as_text(expression) }}, 1, 10), 'none'){% endmacro %}

{# The timeout in microseconds. -#}
{% macro timeout_microseconds() -%}
    {%- set timeout = var('tracklet_timeout') | string -%}
    {%- set units = {'us': 1, 'ms': 1000, 's': 1000000, 'm': 60000000, 'h': 3600000000} -%}
    {%- set unit = timeout[-2:] if timeout[-2:] in units else timeout[-1:] -%}
    {%- if unit in units -%}
        {%- set amount = timeout | replace(unit, '') | int -%}
        {%- set microseconds = amount * units[unit] -%}
        {%- set again = amount ~ unit -%}
    {%- else -%}
        {%- set amount = timeout | int -%}
        {%- set microseconds = amount * 60000000 -%}
        {%- set again = amount | string -%}
    {%- endif -%}
    {%- if amount < 1 or again != timeout -%}
        {{ exceptions.raise_compiler_error("tracklet_timeout is '" ~ timeout ~ "': write whole minutes, or a whole number with us, ms, s, m or h") }}
    {%- endif -%}
    {{ microseconds }}
{%- endmacro %}

{#
  Whether an event opens a session, given the columns idle_microseconds (null for the visitor's first) and
  idle_time_minutes. The one place that knows the boundary.
-#}
{% macro opens_session() -%}
    {%- set timeout = timeout_microseconds() | int -%}
    {%- if var('tracklet_boundary') == 'exact' -%}
        idle_microseconds is null or idle_microseconds > {{ timeout }}
    {%- elif var('tracklet_boundary') != 'whole_minutes' -%}
        {{ exceptions.raise_compiler_error("tracklet_boundary is '" ~ var('tracklet_boundary') ~ "': write whole_minutes or exact") }}
    {%- elif timeout % 60000000 != 0 -%}
        {{ exceptions.raise_compiler_error("tracklet_timeout has a part of a minute, which tracklet_boundary: whole_minutes can't see: write exact") }}
    {%- else -%}
        idle_microseconds is null or idle_time_minutes > {{ timeout // 60000000 }}
    {%- endif -%}
{%- endmacro %}

{# Why an event opens a session, null for one that opens none. From the same columns as opens_session. -#}
{% macro start_reason() -%}
case
            when idle_microseconds is null then {{ as_text(text_literal('first')) }}
            when {{ opens_session() }} then {{ as_text(text_literal('idle')) }}
        end
{%- endmacro %}

{#
  An id of the source if it is one, else null: an empty text is none, and neither is what tracklet_ignore names, compared in
  ASCII lower case without spaces around it.
-#}
{% macro known_id(id) -%}
    {%- set entries = [var('tracklet_ignore')] if var('tracklet_ignore') is string else var('tracklet_ignore') -%}
    {%- set known = namespace(words=[], longest=0, is_strict=false, has_zeros=false, entry='') -%}
    {%- for entry in entries -%}
        {%- set known.entry = entry | string | trim(' ') -%}
        {#- The filter alone would change more than ASCII letters. #}
        {%- for letter in 'ABCDEFGHIJKLMNOPQRSTUVWXYZ' -%}
            {%- set known.entry = known.entry | replace(letter, letter | lower) -%}
        {%- endfor -%}
        {%- if known.entry in ['usual', 'strict'] -%}
            {%- set known.words = known.words + ['null', '(null)', 'none', 'nan', 'undefined', 'n/a', '\\n', '[object object]'] -%}
            {%- set known.has_zeros = true -%}
        {%- elif known.entry -%}
            {%- set known.words = known.words + [known.entry] -%}
        {%- endif -%}
        {%- if known.entry == 'strict' -%}
            {%- set known.words = known.words + ['unknown', 'anonymous', 'guest', '(not set)', 'true', 'false', '-1'] -%}
            {%- set known.is_strict = true -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for word in known.words -%}
        {%- set known.longest = [known.longest, word | length] | max -%}
    {%- endfor -%}
    {%- if known.has_zeros -%}
        {%- set known.words = known.words + ['00000000-0000-0000-0000-000000000000', '00000000000000000000000000000000'] -%}
    {%- endif -%}
    {%- if not known.words -%}
        case when length({{ id }}) > 0 then {{ id }} end
    {%- else -%}
        {%- set trimmed = without_spaces_around(id) -%}
        {%- set listed -%}
            {%- for word in known.words -%}{{ text_literal(word) }}{{ ', ' if not loop.last }}{%- endfor -%}
        {%- endset -%}
        {#- Most ids are longer than any word, and need no closer look. -#}
        case
            when length({{ id }}) = 0
                then null
            when (length({{ id }}) <= {{ known.longest }} or {{ id }} like ' %' or {{ id }} like '% '{{ " or " ~ id ~ " like '0%'" if known.has_zeros }}{{ " or " ~ id ~ " like '-%'" if known.is_strict }})
                and (
                    {{ ascii_lower(trimmed) }} in ({{ listed }})
                    {%- if known.is_strict %}
                    or (length({{ trimmed }}) > 0 and length(replace(replace({{ trimmed }}, '0', ''), '-', '')) = 0)
                    {%- endif %}
                )
                then null
            else {{ id }}
        end
    {%- endif -%}
{%- endmacro %}

{# The name of a session, from the columns session_sequence_number and dbt_visitor_id. -#}
{% macro session_id() %}{{ as_text('session_sequence_number') }} || ' - ' || dbt_visitor_id{% endmacro %}

{# Events of a group with the name, or one of the names: 0 if none, never null. -#}
{% macro count_events(names) -%}
    {%- set names = [names] if names is string else names -%}
    {%- if names -%}
        {%- set listed -%}
            {%- for name in names -%}{{ text_literal(name) }}{{ ', ' if not loop.last }}{%- endfor -%}
        {%- endset -%}
        {{ as_integer('sum(case when event in (' ~ listed ~ ') then 1 else 0 end)') }}
    {%- else -%}
        {{ as_integer('0') }}
    {%- endif -%}
{%- endmacro %}

{#
  A column of a source table under its canonical name: quoted as the table spells it, null if the
  table has none (or its columns aren't known yet). Matched without regard to case, the exact
  spelling first.
-#}
{% macro source_column(table, canonical, usual, required=false) -%}
    {%- set mapped = var('tracklet_columns')[canonical] -%}
    {%- set wanted = [mapped] if mapped else usual -%}
    {%- set found = namespace(column=none) -%}
    {%- for name in wanted if table.columns -%}
        {%- for column in table.columns -%}
            {%- if found.column is none and column == name -%}{%- set found.column = column -%}{%- endif -%}
        {%- endfor -%}
        {%- for column in table.columns -%}
            {%- if found.column is none and column | lower == name | lower -%}{%- set found.column = column -%}{%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if found.column is not none -%}
        {{ identifier(found.column) }}
    {%- elif table.columns and (required or mapped) -%}
        {{ exceptions.raise_compiler_error("source table " ~ table.name ~ " has no column " ~ wanted | join(' or ')
            ~ " (" ~ canonical ~ "); its columns are " ~ table.columns | join(', ')
            ~ ". Map it: tracklet_columns: {" ~ canonical ~ ": its name}") }}
    {%- else -%}
        null
    {%- endif -%}
{%- endmacro %}

{# The event's name in the rows of a source table: that of a track stands there, other calls are called as their type. -#}
{% macro event_of_table(table) -%}
    {%- set names = {'page': 'page_view', 'screen': 'screen_view', 'group': 'group', 'identify': 'identify', 'alias': 'alias'} -%}
    {{ text_literal(names[table.event_type]) if table.event_type in names else source_column(table, 'event', ['event']) }}
{%- endmacro %}

{#
  What becomes of a row that is neither rejected nor a duplicate, as the end of a case: 4 of evidence, 0 of an event. And whether a
  column with that has one of the two.
-#}
{% macro fate_of_kept() -%}
    {%- if var('tracklet_evidence') -%}
        when {{ carried_columns()[0].inner }} in (
            {%- for type in var('tracklet_evidence') -%}{{ text_literal(type) }}{{ ', ' if not loop.last }}{%- endfor -%}
        ) then 4 else 0
    {%- else -%}
        else 0
    {%- endif -%}
{%- endmacro %}
{% macro is_kept(fate) %}{{ fate }} {{ 'in (0, 4)' if var('tracklet_evidence') else '= 0' }}{% endmacro %}

{# The most whole minutes between an event and the one before it in its session. -#}
{% macro longest_idle_minutes() %}{{ (timeout_microseconds() | int) // 60000000 }}{% endmacro %}

{# The least gap in microseconds that splits a session, for the tests. -#}
{% macro shortest_splitting_gap() -%}
    {%- set timeout = timeout_microseconds() | int -%}
    {{ timeout + 1 if var('tracklet_boundary') == 'exact' else timeout + 60000000 }}
{%- endmacro %}

{#
  The column of a source table that says when a row was loaded, or null: the one named by tracklet_loaded_at, or else the
  first of the usual ones that every source table has.
-#}
{% macro loaded_at(table) -%}
    {%- if var('tracklet_loaded_at') -%}
        {{ source_column(table, 'loaded_at', [var('tracklet_loaded_at')], required=true) }}
    {%- else -%}
        {%- set chosen = namespace(name=none) -%}
        {%- for name in ['loaded_at', 'uuid_ts', 'received_at'] -%}
            {%- set everywhere = namespace(holds=true) -%}
            {%- for other in source_tables() -%}
                {%- if source_column(other, name, [name]) == 'null' -%}{%- set everywhere.holds = false -%}{%- endif -%}
            {%- endfor -%}
            {%- if chosen.name is none and everywhere.holds -%}{%- set chosen.name = name -%}{%- endif -%}
        {%- endfor -%}
        {{ source_column(table, chosen.name, [chosen.name]) if chosen.name is not none else 'null' }}
    {%- endif -%}
{%- endmacro %}
