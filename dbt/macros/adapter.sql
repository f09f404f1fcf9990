{#
  The macros that need dbt itself: they give values, not text, or ask the warehouse. Tracklet's own
  renderer has functions of these names instead.
-#}

{#
  The source tables: a list of {relation: its quoted name, name: its name as text,
  columns: its column names}. The columns are none while dbt only parses, and knows none.
-#}
{% macro source_tables() %}
    {%- set tables = [] -%}
    {%- for table in var('tracklet_source_tables') -%}
        {%- if table is string -%}
            {%- set parts = table.split('.') -%}
            {%- set relation = api.Relation.create(
                database=parts[-3] if parts | length > 2 else target.database,
                schema=parts[-2] if parts | length > 1 else target.schema,
                identifier=parts[-1]) -%}
        {%- elif table.ref is defined -%}
            {%- set relation = ref(table.ref) -%}
        {%- elif table.source is defined -%}
            {%- set relation = source(table.source, table.table) -%}
        {%- else -%}
            {%- set relation = api.Relation.create(
                database=table.database or target.database,
                schema=table.schema or target.schema,
                identifier=table.table) -%}
        {%- endif -%}
        {%- set columns = none -%}
        {%- if execute -%}
            {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
            {%- if not columns -%}
                {{ exceptions.raise_compiler_error("source table " ~ relation ~ " is not there, or may not be read. Name yours: tracklet_source_tables: [schema.tracks]") }}
            {%- endif -%}
        {%- endif -%}
        {%- do tables.append({
            'relation': relation | string,
            'name': [relation.schema, relation.identifier] | select | join('.'),
            'columns': columns}) -%}
    {%- endfor -%}
    {%- if not tables -%}
        {{ exceptions.raise_compiler_error("tracklet_source_tables is empty. Name the tables that hold the track calls: [schema.tracks]") }}
    {%- endif -%}
    {{ return(tables) }}
{% endmacro %}

{# The table of what is forgotten, quoted; none where there is none. -#}
{% macro forgotten_table() %}
    {%- set table = var('tracklet_forgotten') -%}
    {%- if not table -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set parts = table.split('.') -%}
    {{ return(api.Relation.create(
        database=parts[-3] if parts | length > 2 else target.database,
        schema=parts[-2] if parts | length > 1 else target.schema,
        identifier=parts[-1]) | string) }}
{% endmacro %}

{# What config(partition_by=..) takes: the month of a time, or a small number from 0. None where unused. -#}
{% macro partition_by_month(column) %}{{ return(adapter.dispatch('partition_by_month', 'tracklet')(column)) }}{% endmacro %}
{% macro partition_by_number(column, values) %}{{ return(adapter.dispatch('partition_by_number', 'tracklet')(column, values)) }}{% endmacro %}

{# What config(indexes=..) takes, one of these columns each: dbt makes tables anew, which an index would only make slower. -#}
{% macro indexed_by(columns) %}{{ return([]) }}{% endmacro %}

{% macro default__partition_by_month(column) %}{{ return(none) }}{% endmacro %}
{% macro default__partition_by_number(column, values) %}{{ return(none) }}{% endmacro %}

{# A month, not a day: a job may write 4,000 partitions, and wrong device clocks span centuries. -#}
{% macro bigquery__partition_by_month(column) %}
    {{ return({'field': column, 'data_type': 'timestamp', 'granularity': 'month'}) }}
{% endmacro %}
{% macro bigquery__partition_by_number(column, values) %}
    {{ return({'field': column, 'data_type': 'int64', 'range': {'start': 0, 'end': values, 'interval': 1}}) }}
{% endmacro %}
