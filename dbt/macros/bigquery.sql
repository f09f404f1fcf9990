{# BigQuery (GoogleSQL). -#}

{% macro bigquery__as_text(expression) %}cast({{ expression }} as string){% endmacro %}
{% macro bigquery__as_integer(expression) %}cast({{ expression }} as int64){% endmacro %}
{% macro bigquery__as_double(expression) %}cast({{ expression }} as float64){% endmacro %}
{# NUMERIC has 29 digits before the point and 9 behind it, and rounds halves away from zero. -#}
{% macro bigquery__as_number(expression) %}cast({{ expression }} as numeric){% endmacro %}
{% macro bigquery__as_sum(expression) %}cast({{ expression }} as numeric){% endmacro %}
{% macro bigquery__as_decimal(expression) %}cast({{ expression }} as numeric){% endmacro %}
{% macro bigquery__digits_of_double(expression) %}cast(cast(cast({{ expression }} as string) as bignumeric) as string){% endmacro %}
{% macro bigquery__byte_length(expression) %}byte_length({{ expression }}){% endmacro %}
{% macro bigquery__place_of(part, expression) %}strpos({{ expression }}, {{ part }}){% endmacro %}
{% macro bigquery__as_time(expression) %}cast({{ expression }} as timestamp){% endmacro %}
{% macro bigquery__time_literal(text) %}timestamp '{{ text }}+00:00'{% endmacro %}
{% macro bigquery__time_as_text(expression) %}format_timestamp('%E4Y-%m-%dT%H:%M:%E6SZ', {{ expression }}, 'UTC'){% endmacro %}
{% macro bigquery__microseconds_between(earlier, later) %}unix_micros({{ later }}) - unix_micros({{ earlier }}){% endmacro %}
{# The parentheses are for translators that make an operator of it. -#}
{% macro bigquery__whole_minutes(microseconds) %}div(({{ microseconds }}), 60000000){% endmacro %}

{# No list of a table's columns has this one, and quotes are not for it. -#}
{% macro bigquery__partition_column(table, name) -%}
    {%- if name | upper == '_PARTITIONTIME' -%}
        _PARTITIONTIME
    {%- else -%}
        {{ default__partition_column(table, name) }}
    {%- endif -%}
{%- endmacro %}

{# chr(0) is the empty text here. -#}
{% macro bigquery__holds_nul(expression) %}strpos({{ expression }}, code_points_to_string([0])) > 0{% endmacro %}

{% macro bigquery__without_spaces_around(expression) %}trim({{ expression }}, ' '){% endmacro %}

{# Literals and quoted names escape by backslash; a quote is never doubled. -#}
{% macro bigquery__text_literal(value) %}'{{ value | replace('\\', '\\\\') | replace("'", "\\'") | replace('\n', '\\n') | replace('\r', '\\r') }}'{% endmacro %}
{% macro bigquery__identifier(name) %}`{{ name | replace('\\', '\\\\') | replace('`', '\\`') }}`{% endmacro %}

{% macro bigquery__md5_of(expression) %}to_hex(md5({{ expression }})){% endmacro %}
{# Whatever digits behind the point a client shows. -#}
{% macro bigquery__millionths(expression) %}split(cast({{ expression }} * 1000000 as string), '.')[offset(0)]{% endmacro %}
{% macro bigquery__sha256_of(expression) %}to_hex(sha256({{ expression }})){% endmacro %}
{% macro bigquery__sum_of_hashes(expression) %}sum(cast(farm_fingerprint({{ expression }}) as numeric)){% endmacro %}
