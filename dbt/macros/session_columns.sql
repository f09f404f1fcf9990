{#
  The columns of tracklet_sessions that are functions of a session's events: tracklet_session_columns has for each its name and
  {function: a column of tracklet_events}, with of, the types and names of the events that are looked at, and at, for first and last the columns
  of which one has a value on the event that is picked. Until tracklet_sessions they are called session_column_1 and so on.
-#}

{# The name of a column's function. -#}
{% macro fold_of(settings) -%}
    {%- for name in ['first', 'last', 'min', 'max', 'sum', 'count', 'distinct', 'any'] if name in settings -%}{{ name }}{%- endfor -%}
{%- endmacro %}

{# The carried column that is called so, by what it has: its name on the way, or its type; nothing for the columns of all events. -#}
{% macro carried_column(name, what) -%}
    {%- for column in carried_columns() if column.name | lower == name | lower -%}{{ column[what] }}{%- endfor -%}
{%- endmacro %}

{# A column of tracklet_events as tracklet_event_facts has it, and its type: text, number, truth or time. -#}
{% macro event_field(name) -%}
    {%- if name | lower == 'timestamp' -%}
        {{ own_column('timestamp') }}
    {%- elif name | lower in ['event_id', 'anonymous_id', 'user_id', 'event'] -%}
        {{ name | lower }}
    {%- else -%}
        {{ carried_column(name, 'inner') }}
    {%- endif -%}
{%- endmacro %}
{% macro type_of_field(name) -%}
    {%- set type = carried_column(name, 'type') -%}
    {{ 'time' if name | lower == 'timestamp' else type if type in ['number', 'truth'] else 'text' }}
{%- endmacro %}

{# Whether an event is looked at, for and; nothing where all are. -#}
{% macro is_looked_at(of) -%}
    {%- set listed = namespace(types='', names='') -%}
    {%- for entry in ([of] if of is string else of) -%}
        {%- if entry in ['track', 'page', 'screen', 'group', 'identify', 'alias'] -%}
            {%- set listed.types = listed.types ~ (', ' if listed.types else '') ~ text_literal(entry) -%}
        {%- else -%}
            {%- set listed.names = listed.names ~ (', ' if listed.names else '') ~ text_literal(entry) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set is_of_type = carried_columns()[0].inner ~ ' in (' ~ listed.types ~ ')' -%}
    {%- set is_called = 'event in (' ~ listed.names ~ ')' -%}
    {%- if listed.types and listed.names -%}
        ({{ is_of_type }} or {{ is_called }})
    {%- elif listed.types -%}
        {{ is_of_type }}
    {%- else -%}
        {{ is_called }}
    {%- endif -%}
{%- endmacro %}

{# A value on the events that are looked at, null on others. -#}
{% macro where_looked_at(settings, value) -%}
    {%- if settings.of -%}case when {{ is_looked_at(settings.of) }} then {{ value }} end{%- else -%}{{ value }}{%- endif -%}
{%- endmacro %}

{# A column of events as a text that says all of it. -#}
{% macro text_of_field(name) -%}
    {%- set field = event_field(name) -%}
    {%- set type = type_of_field(name) -%}
    {%- if type == 'truth' -%}
        case when {{ field }} then 'true' else 'false' end
    {%- elif type == 'number' -%}
        {#- Six digits behind the point make no exponent anywhere. #}
        {{- as_text(field) }}
    {%- else -%}
        {{ field }}
    {%- endif -%}
{%- endmacro %}

{#
  What a group of a session's events gives for a column; folded_value makes the value of it. Of the event that is picked it is the
  place, then 1 and the value or 0 for none: the least or greatest such text is that of the first or last event.
-#}
{% macro folded(settings) -%}
    {%- set function = fold_of(settings) -%}
    {%- set name = settings[function] -%}
    {%- set field = event_field(name) if name != '*' else '1' -%}
    {%- set type = type_of_field(name) if name != '*' else 'all' -%}
    {%- if function in ['first', 'last'] -%}
        {%- set at = settings.at or [name] -%}
        {%- set is_set -%}
            {%- for other in ([at] if at is string else at) -%}{{ event_field(other) }} is not null{{ ' or ' if not loop.last }}{%- endfor -%}
        {%- endset -%}
        {%- set is_picked = (is_looked_at(settings.of) ~ ' and (' ~ is_set ~ ')') if settings.of else is_set -%}
        {%- set value = field if type == 'time'
            else as_text('1000000000000 + track_sequence_number') ~ " || case when " ~ field ~ " is null then '0' else '1' || " ~ text_of_field(name) ~ " end" -%}
        {{ 'min' if function == 'first' else 'max' }}(case when {{ is_picked }} then {{ value }} end)
    {%- elif function in ['min', 'max'] -%}
        {{ function }}({{ where_looked_at(settings, field) }})
    {%- elif function == 'sum' -%}
        {{ as_sum('coalesce(sum(' ~ where_looked_at(settings, field) ~ '), 0)') }}
    {%- elif function == 'any' -%}
        max(case when {{ is_looked_at(settings.of) ~ ' and ' if settings.of }}{{ field }} then 1 else 0 end)
    {%- elif function == 'distinct' -%}
        {#- A letter behind it, for spaces at the end do not count everywhere. #}
        {{- as_integer('count(distinct ' ~ where_looked_at(settings, field ~ " || 'x'" if type == 'text' else field) ~ ')') }}
    {%- else -%}
        {{ as_integer('count(' ~ where_looked_at(settings, field) ~ ')') }}
    {%- endif -%}
{%- endmacro %}

{# The value of a column from what its session's events gave. -#}
{% macro folded_value(settings, folded) -%}
    {%- set function = fold_of(settings) -%}
    {%- set type = type_of_field(settings[function]) if settings[function] != '*' else 'all' -%}
    {%- set is_value = "substr(" ~ folded ~ ", 14, 1) = '1'" -%}
    {%- set text = "substr(" ~ folded ~ ", 15)" -%}
    {%- if function == 'any' -%}
        {{ folded }} = 1
    {%- elif function not in ['first', 'last'] or type == 'time' -%}
        {{ folded }}
    {%- elif type == 'number' -%}
        {{ as_number('case when ' ~ is_value ~ ' then ' ~ text ~ ' end') }}
    {%- elif type == 'truth' -%}
        case when {{ is_value }} then {{ text }} = 'true' end
    {%- else -%}
        case when {{ is_value }} then {{ text }} end
    {%- endif -%}
{%- endmacro %}
