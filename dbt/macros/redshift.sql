{# Amazon Redshift. dbt falls back to the postgres macros here, so each of those has its own below. -#}

{# TEXT would be VARCHAR(256). Text is compared by bytes, but for trailing spaces. -#}
{% macro redshift__as_text(expression) %}cast({{ expression }} as varchar(65535)){% endmacro %}

{# RudderStack's times are TIMESTAMP: no zone, in UTC, microseconds. -#}
{% macro redshift__as_time(expression) %}cast({{ expression }} as timestamp){% endmacro %}
{% macro redshift__time_literal(text) %}timestamp '{{ text }}'{% endmacro %}
{% macro redshift__time_as_text(expression) %}to_char({{ expression }}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'){% endmacro %}

{# datediff counts boundaries, which is exact at the unit the times are kept in. extract gives whole numbers. -#}
{% macro redshift__microseconds_between(earlier, later) %}datediff(microsecond, {{ earlier }}, {{ later }}){% endmacro %}
{% macro redshift__whole_minutes(microseconds) %}({{ microseconds }}) / 60000000{% endmacro %}

{% macro redshift__digits_of_double(expression) %}{{ default__digits_of_double(expression) }}{% endmacro %}

{# Text can't hold U+0000. -#}
{% macro redshift__holds_nul(expression) %}false{% endmacro %}

{# chr(92) is a backslash however the server reads one in a literal. -#}
{% macro redshift__text_literal(value) %}'{{ value | replace("'", "''") | replace('\\', "' || chr(92) || '") }}'{% endmacro %}

{% macro redshift__session_in_utc() %}set timezone to 'UTC'{% endmacro %}

{# create table as gathers statistics by itself. -#}
{% macro redshift__gather_statistics(columns) %}{% endmacro %}

{# Its planner is another: nothing is known to be computed twice. -#}
{% macro redshift__computed_once() %}{% endmacro %}

{% macro redshift__sha256_of(expression) %}sha2({{ expression }}, 256){% endmacro %}
{% macro redshift__sum_of_hashes(expression) %}sum(cast(fnv_hash({{ expression }}) as decimal(38, 0))){% endmacro %}
