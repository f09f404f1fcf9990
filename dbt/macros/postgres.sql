{# PostgreSQL. -#}

{# The collation travels with the column: every order and comparison downstream is by bytes, not by locale. -#}
{% macro postgres__as_text(expression) %}cast({{ expression }} as text) collate "C"{% endmacro %}

{# Times hold microseconds; the cast of a time without zone needs the session in UTC. -#}
{% macro postgres__session_in_utc() %}set local time zone 'UTC'{% endmacro %}

{# A double's text has all digits that tell it from others; its cast to numeric keeps fifteen. -#}
{% macro postgres__digits_of_double(expression) %}{{ as_text('cast(cast(' ~ expression ~ ' as text) as numeric)') }}{% endmacro %}

{# to_char knows neither infinity nor years before 1. -#}
{% macro postgres__time_as_text(expression) -%}
case
                when isfinite({{ expression }}) and {{ expression }} >= {{ time_literal('0001-01-01 00:00:00') }}
                    then to_char({{ expression }} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                else cast({{ expression }} as text)
            end
{%- endmacro %}

{# extract gives an exact numeric; date_part's double would lose the last microsecond of long gaps. -#}
{% macro postgres__microseconds_between(earlier, later) %}cast(extract(epoch from ({{ later }} - {{ earlier }})) * 1000000 as bigint){% endmacro %}
{% macro postgres__whole_minutes(microseconds) %}({{ microseconds }}) / 60000000{% endmacro %}

{# Text can't hold U+0000. -#}
{% macro postgres__holds_nul(expression) %}false{% endmacro %}

{# E'' reads backslashes the same way under every setting of standard_conforming_strings. -#}
{% macro postgres__text_literal(value) -%}
    {%- if '\\' in value -%}
        E'{{ value | replace('\\', '\\\\') | replace("'", "''") }}'
    {%- else -%}
        '{{ value | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}

{# Autovacuum comes too late for the models that follow: without this the join sorts instead of hashing. -#}
{% macro postgres__gather_statistics(columns) -%}
analyze {{ this }}
    {%- for column in columns -%}
        {{ ' (' if loop.first else ', ' }}{{ own_column(column) }}{{ ')' if loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Windows of one order share one sort here, so that no two looks differ. -#}
{% macro postgres__visitor_order_again() %}{{ visitor_order() }}{% endmacro %}

{# The frame that is meant when none is named; a named one would cost a pass of its own, for lead has none. -#}
{% macro postgres__so_far() %}{% endmacro %}

{# A subquery with an offset stays one; others are merged into the query around, and their expressions copied. -#}
{% macro postgres__computed_once() %}
    offset 0{% endmacro %}

{% macro postgres__sha256_of(expression) %}encode(sha256(convert_to({{ expression }}, 'UTF8')), 'hex'){% endmacro %}
{% macro postgres__sum_of_hashes(expression) %}sum(cast(hashtextextended({{ expression }}, 0) as numeric)){% endmacro %}
