{# Standard SQL. Text is compared by its bytes; literals know no escape but the doubled quote. -#}

{% macro default__as_text(expression) %}cast({{ expression }} as varchar){% endmacro %}
{% macro default__as_integer(expression) %}cast({{ expression }} as bigint){% endmacro %}
{% macro default__as_double(expression) %}cast({{ expression }} as double precision){% endmacro %}
{% macro default__as_number(expression) %}cast({{ expression }} as decimal(28, 6)){% endmacro %}
{% macro default__as_sum(expression) %}cast({{ expression }} as decimal(38, 6)){% endmacro %}
{% macro default__as_decimal(expression) %}cast({{ expression }} as decimal(38, 7)){% endmacro %}
{% macro default__digits_of_double(expression) %}{{ as_text('cast(' ~ expression ~ ' as decimal(38, 15))') }}{% endmacro %}
{% macro default__digits_of_decimal(expression) %}{{ as_text(expression) }}{% endmacro %}
{% macro default__byte_length(expression) %}octet_length({{ expression }}){% endmacro %}
{% macro default__place_of(part, expression) %}position({{ part }} in {{ expression }}){% endmacro %}
{% macro default__as_time(expression) %}cast({{ expression }} as timestamp with time zone){% endmacro %}
{% macro default__time_literal(text) %}timestamp with time zone '{{ text }}+00:00'{% endmacro %}

{% macro default__md5_of(expression) %}md5({{ expression }}){% endmacro %}
{% macro default__unit_separator() %}chr(31){% endmacro %}
{% macro default__millionths(expression) %}{{ as_text('cast(' ~ expression ~ ' * 1000000 as decimal(38, 0))') }}{% endmacro %}
{% macro default__sha256_of(expression) %}sha2({{ expression }}, 256){% endmacro %}

{# The cast does nothing to a column of that type. -#}
{% macro default__is_since(column, literal) %}{{ as_time(column) }} >= {{ literal }}{% endmacro %}

{% macro default__partition_column(table, name) %}{{ source_column(table, 'partition_time', [name], required=true) }}{% endmacro %}

{# Some engines divide integers into rounded decimals, 30.99999998 into 31: divide only what is divisible. -#}
{% macro default__whole_minutes(microseconds) %}cast((({{ microseconds }}) - mod({{ microseconds }}, 60000000)) / 60000000 as bigint){% endmacro %}

{% macro default__holds_nul(expression) %}position(chr(0) in {{ expression }}) > 0{% endmacro %}
{% macro default__without_spaces_around(expression) %}trim(both ' ' from {{ expression }}){% endmacro %}
{% macro default__text_literal(value) %}'{{ value | replace("'", "''") }}'{% endmacro %}
{% macro default__identifier(name) %}"{{ name | replace('"', '""') }}"{% endmacro %}
{% macro default__own_column(name) %}{{ identifier(name) }}{% endmacro %}
{% macro default__session_in_utc() %}{% endmacro %}
{% macro default__gather_statistics(columns) %}{% endmacro %}
{% macro default__visitor_order_again() -%}
    {%- if var('tracklet_dedupe') -%}
        {{ visitor_order() }}
    {%- else -%}
        partition by dbt_visitor_id order by visitor_sequence_number
    {%- endif -%}
{%- endmacro %}
{% macro default__so_far() %} rows between unbounded preceding and current row{% endmacro %}
{% macro default__computed_once() %}{% endmacro %}
