{# DuckDB. -#}

{# timestamp_ns is the one type finer than microseconds; its cast cuts. -#}
{% macro duckdb__time_as_text(expression) %}strftime({{ expression }} at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ'){% endmacro %}
{% macro duckdb__microseconds_between(earlier, later) %}epoch_us({{ later }}) - epoch_us({{ earlier }}){% endmacro %}
{% macro duckdb__whole_minutes(microseconds) %}({{ microseconds }}) // 60000000{% endmacro %}
{% macro duckdb__session_in_utc() %}set timezone = 'UTC'{% endmacro %}

{# Texts with an exponent are read; the cast of a double itself rounds. -#}
{% macro duckdb__digits_of_double(expression) %}{{ as_text('try_cast(' ~ as_text(expression) ~ ' as decimal(38, 15))') }}{% endmacro %}
{% macro duckdb__byte_length(expression) %}strlen({{ expression }}){% endmacro %}

{% macro duckdb__sha256_of(expression) %}sha256({{ expression }}){% endmacro %}
{% macro duckdb__sum_of_hashes(expression) %}sum(cast(hash({{ expression }}) as hugeint)){% endmacro %}
