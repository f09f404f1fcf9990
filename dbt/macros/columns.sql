{#
  The columns that events carry from the source to tracklet_events. carried_columns() has them in order, each with its name, the
  name that it has on the way (inner), its type (event_type, text, number or truth), the texts that are no value, and its sources. A
  source is a column's name and the type of events that it is read of, none for all; the first that has a value counts. A column with a
  function has no sources: macros/derived.sql says what it is derived from.
-#}

{# The text in a source table for a carried column, null for no value; of a number the text that carried_value reads. -#}
{% macro carried_text(table, column) -%}
    {%- if column.type == 'event_type' -%}
        {{ as_text(text_literal(table.event_type)) }}
    {%- elif table.is_evidence -%}
        {#- No table shows more of evidence than its type. -#}
        {{ as_text('null') }}
    {%- else -%}
        {%- set found = namespace(texts=[]) -%}
        {%- for source in column.sources if source.of is none or source.of == table.event_type -%}
            {%- set name = column_of_table(table, source.name) -%}
            {%- if name != '' -%}
                {%- set text = text_of_column(table, name, column) -%}
                {%- set found.texts = found.texts + [text_if_value(text, column.no_value)] -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if not found.texts -%}
            {{ as_text('null') }}
        {%- elif found.texts | length == 1 -%}
            {{ found.texts[0] }}
        {%- else -%}
            coalesce(
                {%- for text in found.texts %}
            {{ text }}{{ ',' if not loop.last }}
                {%- endfor %}
        )
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# What a carried column holds: from its text in the column of the same name, or from the texts that it is derived from. -#}
{% macro carried_value(column) -%}
    {%- if column.function -%}
        {{ derived_value(column) }}
    {%- elif column.type == 'number' -%}
        {{ number_of_text(column.inner) }}
    {%- else -%}
        {{ column.inner }}
    {%- endif -%}
{%- endmacro %}

{# A carried column as a text, null for no value. -#}
{% macro text_of_carried(column) -%}
    {%- if column.type == 'truth' -%}
        case when {{ column.inner }} then 'true' when not {{ column.inner }} then 'false' end
    {%- else -%}
        {{ as_text(column.inner) }}
    {%- endif -%}
{%- endmacro %}

{# The name of a source table's column as the table spells it, the exact spelling first; the empty text where it has none. -#}
{% macro column_of_table(table, name) -%}
    {%- set found = namespace(column='') -%}
    {%- for column in table.columns or [] -%}
        {%- if found.column == '' and column == name -%}{%- set found.column = column -%}{%- endif -%}
    {%- endfor -%}
    {%- for column in table.columns or [] -%}
        {%- if found.column == '' and column | lower == name | lower -%}{%- set found.column = column -%}{%- endif -%}
    {%- endfor -%}
    {{- found.column -}}
{%- endmacro %}

{#
  The text of a column by its type in the warehouse: numbers are their digits, truths true and false, times as the tables show
  them. What has no text, such as a list, is null in a column of a preset and else an error.
-#}
{% macro text_of_column(table, name, column) -%}
    {%- set type = (table.types or {})[name] | default('text') | lower -%}
    {%- set kind = namespace(name='text') -%}
    {%- for name, starts in {
            'truth': ['bool'],
            'double': ['float', 'double', 'real'],
            'decimal': ['decimal', 'numeric', 'number', 'bignumeric'],
            'time': ['date', 'timestamp'],
            'none': ['json', 'array', 'struct', 'record', 'super', 'variant', 'object', 'map', 'list', 'union', 'geography', 'geometry',
                'bytes', 'bytea', 'binary', 'varbinary', 'varbyte', 'blob', 'hllsketch', 'interval'],
        } | items -%}
        {%- for start in starts if type[:start | length] == start -%}{%- set kind.name = name -%}{%- endfor -%}
    {%- endfor -%}
    {%- set expression = identifier(name) -%}
    {%- if kind.name == 'none' or '[]' in type or 'range' in type -%}
        {%- if column.is_of_preset -%}
            {{ as_text('null') }}
        {%- else -%}
            {{ exceptions.raise_compiler_error("column " ~ name ~ " of source table " ~ table.name ~ " is of type " ~ type ~ ", which has no text for "
                ~ column.name ~ ": name a column of texts, numbers, truths or times, or a view that has one") }}
        {%- endif -%}
    {%- elif kind.name == 'truth' -%}
        case when {{ expression }} then {{ as_text("'true'") }} when not {{ expression }} then {{ as_text("'false'") }} end
    {%- elif kind.name == 'double' -%}
        {%- if column.type == 'number' -%}
            {{ digits_of_double(expression) }}
        {%- else -%}
            case when abs({{ expression }}) < 9007199254740992 and {{ expression }} = floor({{ expression }}) then {{ as_text(as_integer(expression)) }} else {{ as_text(expression) }} end
        {%- endif -%}
    {%- elif kind.name == 'decimal' and column.type == 'number' -%}
        {{ digits_of_decimal(expression) }}
    {%- elif kind.name == 'time' -%}
        {{ as_text(time_as_text(as_time(expression))) }}
    {%- else -%}
        {{ as_text(expression) }}
    {%- endif -%}
{%- endmacro %}

{# A text if it is a value: not empty, not too long, without U+0000 and none of some texts; else null. -#}
{% macro text_if_value(text, no_value) -%}
case when {{ byte_length(text) }} between 1 and 16383 and not ({{ holds_nul(text) }})
        {%- for none_of_them in no_value %} and {{ text }} || 'x' <> {{ text_literal(none_of_them ~ 'x') }}{% endfor %} then {{ text }} end
{%- endmacro %}

{# The decimal number nearest to a text of digits, null where it has more than 22 before the point. -#}
{% macro number_in_range(text) -%}
    {%- set limit = '1' ~ '0' * 22 -%}
    {{ as_number("nullif(nullif(" ~ rounded_number(text) ~ ", " ~ as_decimal("'" ~ limit ~ "'") ~ "), " ~ as_decimal("'-" ~ limit ~ "'") ~ ")") }}
{%- endmacro %}

{# A text without its ASCII digits. -#}
{% macro without_digits(text) %}translate({{ text }}, '0123456789', ''){% endmacro %}

{#
  The decimal number with six digits behind the point that a text is, halves rounded away from zero: an optional minus, digits,
  and at most one point between digits. Null for other texts, and for more than 22 digits before the point.
-#}
{% macro number_of_text(text) -%}
    {%- set unsigned = "replace(" ~ text ~ ", '-', '')" -%}
    {%- set point = place_of("'.'", unsigned) -%}
    {%- set whole = "substr(" ~ unsigned ~ " || '.', 1, " ~ place_of("'.'", unsigned ~ " || '.'") ~ " - 1)" -%}
    {#- Never negative, which substr takes nowhere as a length. -#}
    {%- set too_many = "case when length(" ~ whole ~ ") > 22 then length(" ~ whole ~ ") - 22 else 0 end" -%}
    {%- set last_digits = "substr(" ~ whole ~ ", " ~ too_many ~ " + 1)" -%}
    {%- set fraction = "case when " ~ point ~ " > 0 then substr(substr(" ~ unsigned ~ ", " ~ point ~ " + 1) || '0000000', 1, 7) else '0000000' end" -%}
case
            {#- A letter behind it, for spaces at the end do not count everywhere. #}
            when {{ without_digits(text) }} || 'x' in ('x', '-x', '.x', '-.x')
                and length({{ text }}) > length({{ without_digits(text) }})
                and ({{ text }} like '-%' or {{ text }} not like '%-%')
                and {{ text }} not like '.%'
                and {{ text }} not like '-.%'
                and {{ text }} not like '%.'
                and length(replace(substr({{ whole }}, 1, {{ too_many }}), '0', '')) = 0
                then {{ number_in_range("case when " ~ text ~ " like '-%' then '-' else '' end || " ~ last_digits ~ " || '.' || " ~ fraction) }}
        end
{%- endmacro %}
