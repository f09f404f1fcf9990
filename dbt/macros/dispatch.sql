{#
  The differences between warehouses, by name. Models call only these; what a name means on a
  warehouse stands in macros/<warehouse>.sql, and in macros/default.sql where standard SQL does.
#}

{# Types. -#}
{% macro as_text(expression) %}{{ adapter.dispatch('as_text', 'tracklet')(expression) }}{% endmacro %}
{% macro as_integer(expression) %}{{ adapter.dispatch('as_integer', 'tracklet')(expression) }}{% endmacro %}
{% macro as_double(expression) %}{{ adapter.dispatch('as_double', 'tracklet')(expression) }}{% endmacro %}

{# A decimal number that fits as decimal(28, 6), the type of the tables. -#}
{% macro as_number(expression) %}{{ adapter.dispatch('as_number', 'tracklet')(expression) }}{% endmacro %}

{# A sum of decimal numbers as decimal(38, 6), or as the type of numbers where it has as many digits. -#}
{% macro as_sum(expression) %}{{ adapter.dispatch('as_sum', 'tracklet')(expression) }}{% endmacro %}

{# A text of digits with at most 22 before the point and seven behind it as a decimal number, and the same rounded to six. -#}
{% macro as_decimal(expression) %}{{ adapter.dispatch('as_decimal', 'tracklet')(expression) }}{% endmacro %}
{% macro rounded_number(expression) %}round({{ as_decimal(expression) }}, 6){% endmacro %}

{# The digits of a floating point number of less than 10^22 as a text without exponent. -#}
{% macro digits_of_double(expression) -%}
case when abs({{ expression }}) < 1e22 then {{ adapter.dispatch('digits_of_double', 'tracklet')(expression) }} end
{%- endmacro %}

{# The digits of a decimal number as a text without exponent. -#}
{% macro digits_of_decimal(expression) %}{{ adapter.dispatch('digits_of_decimal', 'tracklet')(expression) }}{% endmacro %}

{# The number of bytes of a text in UTF-8, and the place of a text in another one, from 1; 0 if it is not in it. -#}
{% macro byte_length(expression) %}{{ adapter.dispatch('byte_length', 'tracklet')(expression) }}{% endmacro %}
{% macro place_of(part, expression) %}{{ adapter.dispatch('place_of', 'tracklet')(part, expression) }}{% endmacro %}

{# A time column of the source as a UTC time, cut to microseconds towards the past. -#}
{% macro as_time(expression) %}{{ adapter.dispatch('as_time', 'tracklet')(expression) }}{% endmacro %}

{# Whether a time column of the source is at a literal or later, said so that the warehouse can leave out what is older. -#}
{% macro is_since(column, literal) %}{{ adapter.dispatch('is_since', 'tracklet')(column, literal) }}{% endmacro %}

{# The column of times by which a source table is partitioned. -#}
{% macro partition_column(table, name) %}{{ adapter.dispatch('partition_column', 'tracklet')(table, name) }}{% endmacro %}

{# The time of a text like 1970-01-01 00:00:00, in UTC. -#}
{% macro time_literal(text) %}{{ adapter.dispatch('time_literal', 'tracklet')(text) }}{% endmacro %}

{# A time as the text 1969-12-31T23:59:59.999999Z. -#}
{% macro time_as_text(expression) %}{{ adapter.dispatch('time_as_text', 'tracklet')(expression) }}{% endmacro %}

{# The sum of hashes of texts, of a whole group, by any function that the warehouse has. -#}
{% macro sum_of_hashes(expression) %}{{ adapter.dispatch('sum_of_hashes', 'tracklet')(expression) }}{% endmacro %}

{# The MD5 of a text's UTF-8 bytes, as 32 hexadecimal digits in lower case, and the character U+001F. -#}
{% macro md5_of(expression) %}{{ adapter.dispatch('md5_of', 'tracklet')(expression) }}{% endmacro %}
{% macro unit_separator() %}{{ adapter.dispatch('unit_separator', 'tracklet')() }}{% endmacro %}

{# The text of the whole number of millionths of a decimal number with six digits behind the point. -#}
{% macro millionths(expression) %}{{ adapter.dispatch('millionths', 'tracklet')(expression) }}{% endmacro %}

{# The SHA-256 of a text's UTF-8 bytes, as 64 hexadecimal digits in lower case. -#}
{% macro sha256_of(expression) %}{{ adapter.dispatch('sha256_of', 'tracklet')(expression) }}{% endmacro %}

{# Microseconds from one time to a later one, as a 64-bit integer. -#}
{% macro microseconds_between(earlier, later) %}{{ adapter.dispatch('microseconds_between', 'tracklet')(earlier, later) }}{% endmacro %}

{# The whole minutes in a number of microseconds that is not negative. Never a count of minute boundaries. -#}
{% macro whole_minutes(microseconds) %}{{ adapter.dispatch('whole_minutes', 'tracklet')(microseconds) }}{% endmacro %}

{# Whether a text holds U+0000. -#}
{% macro holds_nul(expression) %}{{ adapter.dispatch('holds_nul', 'tracklet')(expression) }}{% endmacro %}

{# A text without the spaces (U+0020 alone) at its ends. -#}
{% macro without_spaces_around(expression) %}{{ adapter.dispatch('without_spaces_around', 'tracklet')(expression) }}{% endmacro %}

{# A text with ASCII capitals in lower case; no other letter changes. -#}
{% macro ascii_lower(expression) %}translate({{ expression }}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'){% endmacro %}

{# A value as a text literal, whatever characters are in it. -#}
{% macro text_literal(value) %}{{ adapter.dispatch('text_literal', 'tracklet')(value) }}{% endmacro %}

{# A name spelled exactly so, quoted. -#}
{% macro identifier(name) %}{{ adapter.dispatch('identifier', 'tracklet')(name) }}{% endmacro %}

{# A column of Tracklet's own, quoted so that the name also works without quotes. -#}
{% macro own_column(name) %}{{ adapter.dispatch('own_column', 'tracklet')(name) }}{% endmacro %}

{# A statement that makes the session's time zone UTC, or nothing where times never depend on it. -#}
{% macro session_in_utc() %}{{ adapter.dispatch('session_in_utc', 'tracklet')() }}{% endmacro %}

{#
  The same order as visitor_order, for a second look at events that visitor_order has numbered, and the
  frame of a running sum or maximum in it, with a space in front. With duplicates kept, events may be alike in
  every key, and two sorts would differ in who comes first: there the numbers decide.
-#}
{% macro visitor_order_again() %}{{ adapter.dispatch('visitor_order_again', 'tracklet')() }}{% endmacro %}
{% macro so_far() %}{{ adapter.dispatch('so_far', 'tracklet')() }}{% endmacro %}

{# At the end of a subquery: its columns are computed once, and not again wherever one is used. -#}
{% macro computed_once() %}{{ adapter.dispatch('computed_once', 'tracklet')() }}{% endmacro %}

{#
  A statement after which the planner knows the model's new table, or nothing where it does by itself; of
  these columns, or of all.
-#}
{% macro gather_statistics(columns=[]) %}{{ adapter.dispatch('gather_statistics', 'tracklet')(columns) }}{% endmacro %}
