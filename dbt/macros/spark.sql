{# Spark and Databricks. Literals escape by backslash; two literals side by side are one text. -#}

{% macro spark__as_text(expression) %}cast({{ expression }} as string){% endmacro %}
{% macro spark__as_double(expression) %}cast({{ expression }} as double){% endmacro %}
{# Texts with an exponent are read; the cast of a double itself rounds. -#}
{% macro spark__digits_of_double(expression) %}{{ spark_digits(as_text(expression)) }}{% endmacro %}
{% macro spark__digits_of_decimal(expression) %}{{ spark_digits(expression) }}{% endmacro %}
{# The text of a small decimal can have an exponent; that of the whole part has none, nor has that of the rest and 1. -#}
{% macro spark_digits(expression) -%}
    {%- set number = 'try_cast(' ~ expression ~ ' as decimal(38, 15))' -%}
    concat(case when {{ number }} < 0 then '-' else '' end, {{ as_text('cast(floor(abs(' ~ number ~ ')) as decimal(24, 0))') }}, '.', substr({{ as_text('abs(' ~ number ~ ') % 1 + 1') }}, 3))
{%- endmacro %}
{% macro spark__place_of(part, expression) %}instr({{ expression }}, {{ part }}){% endmacro %}
{% macro spark__as_time(expression) %}cast({{ expression }} as timestamp){% endmacro %}
{% macro spark__time_literal(text) %}timestamp '{{ text }}+00:00'{% endmacro %}
{% macro spark__time_as_text(expression) %}date_format({{ expression }}, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'"){% endmacro %}
{% macro spark__microseconds_between(earlier, later) %}unix_micros({{ later }}) - unix_micros({{ earlier }}){% endmacro %}
{% macro spark__whole_minutes(microseconds) %}({{ microseconds }}) div 60000000{% endmacro %}
{% macro spark__holds_nul(expression) %}instr({{ expression }}, char(0)) > 0{% endmacro %}
{% macro spark__text_literal(value) %}'{{ value | replace('\\', '\\\\') | replace("'", "\\'") }}'{% endmacro %}
{% macro spark__identifier(name) %}`{{ name | replace('`', '``') }}`{% endmacro %}
{% macro spark__session_in_utc() %}set time zone 'UTC'{% endmacro %}

{% macro spark__unit_separator() %}char(31){% endmacro %}
{% macro spark__sum_of_hashes(expression) %}sum(cast(xxhash64({{ expression }}) as decimal(38, 0))){% endmacro %}
