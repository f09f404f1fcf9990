{#
  Event ids that are made of rows, for data that has none: where tracklet_columns says {event_id: from_row}. A row's id is the MD5 of its
  values as text, which docs/events.md defines. Of rows with one text the second has the id with -2 behind it, and so on: until
  tracklet_tracks the id stands without its number, which is in copy_number.
-#}

{# Whether ids are made of rows: a text that is empty if they are not. -#}
{% macro ids_from_rows() %}{{ 'yes' if var('tracklet_columns')['event_id'] == 'from_row' }}{% endmacro %}

{# A column with the number of a row among those with its id, under its name or another one, after a comma; nothing where ids are read. -#}
{% macro and_copy_number(name='copy_number', expression='copy_number', indent=4) -%}
    {%- if ids_from_rows() -%}
        {{ ',\n' ~ ' ' * indent }}{{ expression if expression == name else expression ~ ' as ' ~ name }}
    {%- endif -%}
{%- endmacro %}

{# The id of a row by that of its text and its number among the rows with that. -#}
{% macro numbered_id(id, number) -%}
    {%- if ids_from_rows() -%}
case when {{ number }} = 1 then {{ id }} else {{ id }} || '-' || {{ as_text(number) }} end
    {%- else -%}
        {{ id }}
    {%- endif -%}
{%- endmacro %}

{# A value in the text of a row, from its expression as a text: nothing is apart from every value. -#}
{% macro value_in_row(text) %}coalesce('+' || {{ text }}, '-'){% endmacro %}

{# The id of a row of canonical columns, without its number. -#}
{% macro id_of_row() -%}
    {%- set epoch = time_literal('1970-01-01 00:00:00') -%}
    {%- set found = namespace(values=['anonymous_id', 'user_id', 'event']) -%}
    {%- for time in [own_column('timestamp'), 'received_at'] -%}
        {%- set found.values = found.values + [as_text(microseconds_between(epoch, time))] -%}
    {%- endfor -%}
    {%- if not carried_columns() -%}
        {%- set found.values = found.values + ["'track'"] -%}
    {%- endif -%}
    {%- for column in carried_columns() -%}
        {%- if column.type == 'number' -%}
            {%- set found.values = found.values + [millionths(column.inner)] -%}
        {%- elif column.type == 'truth' -%}
            {%- set found.values = found.values + [text_of_carried(column)] -%}
        {%- else -%}
            {%- set found.values = found.values + [column.inner] -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set left = namespace(texts=[]) -%}
    {%- for value in found.values -%}
        {%- set text = value_in_row(value) -%}
        {%- set left.texts = left.texts + [text if loop.first else '(' ~ unit_separator() ~ ' || ' ~ text ~ ')'] -%}
    {%- endfor -%}
    {{ as_text(md5_of(joined(left.texts))) }}
{%- endmacro %}

{# Texts put together, the shortest way from each to the whole: analyzers refuse what is nested deep, and each || nests the one before. -#}
{% macro joined(texts) -%}
    {%- set left = namespace(texts=texts) -%}
    {%- for round in range(10) -%}
        {%- set next = namespace(texts=[]) -%}
        {%- for text in left.texts -%}
            {%- if loop.index0 % 2 == 0 -%}
                {%- set next.texts = next.texts + [text if loop.last else '(' ~ text ~ '\n                || ' ~ left.texts[loop.index] ~ ')'] -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set left.texts = next.texts -%}
    {%- endfor -%}
    {{ left.texts[0] }}
{%- endmacro %}
