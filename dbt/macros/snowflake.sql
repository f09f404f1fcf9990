{# Snowflake. -#}

{# Times without zone are read in the session's, hence session_in_utc. Snowflake keeps nanoseconds. -#}
{% macro snowflake__as_time(expression) %}date_trunc('microsecond', convert_timezone('UTC', cast({{ expression }} as timestamp_tz))){% endmacro %}
{% macro snowflake__is_since(column, literal) %}{{ column }} >= {{ literal }}{% endmacro %}
{% macro snowflake__time_literal(text) %}cast('{{ text }} +0000' as timestamp_tz){% endmacro %}
{% macro snowflake__time_as_text(expression) %}to_char({{ expression }}, 'YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"'){% endmacro %}
{% macro snowflake__microseconds_between(earlier, later) %}date_part(epoch_microsecond, {{ later }}) - date_part(epoch_microsecond, {{ earlier }}){% endmacro %}

{% macro snowflake__holds_nul(expression) %}contains({{ expression }}, '\0'){% endmacro %}

{% macro snowflake__without_spaces_around(expression) %}trim({{ expression }}, ' '){% endmacro %}

{# A backslash escapes in a literal. -#}
{% macro snowflake__text_literal(value) %}'{{ value | replace('\\', '\\\\') | replace("'", "''") }}'{% endmacro %}

{# Names without quotes are upper case: so are ours. -#}
{% macro snowflake__own_column(name) %}{{ identifier(name | upper) }}{% endmacro %}

{% macro snowflake__session_in_utc() %}alter session set timezone = 'UTC'{% endmacro %}

{% macro snowflake__sum_of_hashes(expression) %}sum(hash({{ expression }})){% endmacro %}
{# No cast: what stands in for Snowflake takes whole numbers of 38 digits for those of 64 bits. -#}
{% macro snowflake__millionths(expression) %}split_part({{ as_text(expression ~ ' * 1000000') }}, '.', 1){% endmacro %}
