{#
  The macros that need dbt itself: they give values, not text, or ask the warehouse. Tracklet's own
  renderer has functions of these names instead.
-#}

{#
  The source tables: a list of {relation: its quoted name, name: its name as text,
  columns: its column names}. The columns are none while dbt only parses, and knows none.
-#}
{% macro source_tables() %}
    {%- if execute -%}{%- do check_values() -%}{%- endif -%}
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

{#
  Refuses variables that the package does not know. dbt shows those of the command line, but of a
  project's only whether one of a name is set: so names are tried that differ from a known one by one letter, and names that
  would be guessed.
-#}
{% macro check_names() -%}
    {%- set known = ['source_tables', 'columns', 'loaded_at', 'where', 'forgotten', 'timeout', 'boundary', 'dedupe', 'counts',
        'flow_length', 'materialize'] -%}
    {%- set guessed = {'session_timeout': 'timeout', 'inactivity_timeout': 'timeout', 'timeout_minutes': 'timeout',
        'source_table': 'source_tables', 'sources': 'source_tables', 'source': 'source_tables', 'tables': 'source_tables',
        'mapping': 'columns', 'filter': 'where', 'deduplicate': 'dedupe', 'duplicates': 'dedupe', 'materialized': 'materialize',
        'materialization': 'materialize', 'flow': 'flow_length', 'event_counts': 'counts'} -%}
    {%- set refused = "the package tracklet has no variable " -%}
    {%- for name in (invocation_args_dict.get('vars') or {}) if name[:9] == 'tracklet_' and name[9:] not in known -%}
        {%- set near = guessed.get(name[9:]) or nearest_of(name[9:], known) -%}
        {{ exceptions.raise_compiler_error(refused ~ name ~ ": "
            ~ ("did you mean tracklet_" ~ near ~ "?" if near else "it has tracklet_" ~ known | join(', tracklet_'))) }}
    {%- endfor -%}
    {%- for name, meant in guessed.items() if var.has_var('tracklet_' ~ name) -%}
        {{ exceptions.raise_compiler_error(refused ~ "tracklet_" ~ name ~ ": did you mean tracklet_" ~ meant ~ "?") }}
    {%- endfor -%}
    {%- for name in known -%}
        {%- for slip in slips_of('tracklet_' ~ name) if slip[9:] not in known and var.has_var(slip) -%}
            {{ exceptions.raise_compiler_error(refused ~ slip ~ ": did you mean tracklet_" ~ name ~ "?") }}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}

{# Refuses values of variables that are of the wrong kind. -#}
{% macro check_values() -%}
    {%- set dedupe = var('tracklet_dedupe') -%}
    {%- if dedupe is not boolean -%}
        {{ exceptions.raise_compiler_error("tracklet_dedupe is '" ~ dedupe ~ "': write true or false") }}
    {%- endif -%}
    {%- set length = var('tracklet_flow_length') -%}
    {%- if length is not integer or length < 1 -%}
        {{ exceptions.raise_compiler_error("tracklet_flow_length is '" ~ length ~ "': write a whole number from 1 on") }}
    {%- endif -%}
    {%- set tables = var('tracklet_source_tables') -%}
    {%- if tables is string or tables is mapping or tables is not iterable -%}
        {{ exceptions.raise_compiler_error("tracklet_source_tables is '" ~ tables ~ "': write a list: [schema.tracks]") }}
    {%- endif -%}
    {%- for name in ['columns', 'counts'] if var('tracklet_' ~ name) is not mapping -%}
        {{ exceptions.raise_compiler_error("tracklet_" ~ name ~ " is '" ~ var('tracklet_' ~ name) ~ "': write names with values: {name: value}") }}
    {%- endfor -%}
    {%- set canonical = ['event_id', 'anonymous_id', 'user_id', 'event', 'timestamp', 'received_at'] -%}
    {%- for name in var('tracklet_columns') if name not in canonical -%}
        {%- set near = nearest_of(name, canonical) -%}
        {{ exceptions.raise_compiler_error("tracklet_columns has no column " ~ name ~ ": "
            ~ ("did you mean " ~ near ~ "?" if near else "it can map " ~ canonical | join(', '))) }}
    {%- endfor -%}
    {%- if var('tracklet_materialize') not in ['view', 'table'] -%}
        {{ exceptions.raise_compiler_error("tracklet_materialize is '" ~ var('tracklet_materialize') ~ "': write view or table") }}
    {%- endif -%}
{%- endmacro %}

{# All texts that differ from a name by a letter that lacks, is too much, is another, or has changed places with the next. -#}
{% macro slips_of(name) -%}
    {%- set letters = 'abcdefghijklmnopqrstuvwxyz_-' -%}
    {%- set slips = [name | upper] -%}
    {%- for at in range(name | length + 1) -%}
        {%- set before = name[:at] -%}
        {%- set rest = name[at:] -%}
        {%- for letter in letters -%}
            {%- do slips.append(before ~ letter ~ rest) -%}
            {%- if rest -%}{%- do slips.append(before ~ letter ~ rest[1:]) -%}{%- endif -%}
        {%- endfor -%}
        {%- if rest -%}{%- do slips.append(before ~ rest[1:]) -%}{%- endif -%}
        {%- if rest | length > 1 -%}{%- do slips.append(before ~ rest[1] ~ rest[0] ~ rest[2:]) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(slips) }}
{%- endmacro %}

{# The one of some names that is so by a slip, or begins or ends as the name does; none if none does. -#}
{% macro nearest_of(name, known) -%}
    {%- for candidate in known if name in slips_of(candidate) -%}{{ return(candidate) }}{%- endfor -%}
    {%- for candidate in known if name[:4] == candidate[:4] or name[-4:] == candidate[-4:] -%}{{ return(candidate) }}{%- endfor -%}
    {{ return(none) }}
{%- endmacro %}

{# The table of what is forgotten, quoted; none where there is none. -#}
{% macro forgotten_table() %}
    {#- It is asked for once, by the model that reads the source: trying names takes a moment. -#}
    {%- if execute and model.name == 'tracklet_staged' -%}{%- do check_names() -%}{%- endif -%}
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
