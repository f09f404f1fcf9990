{#
  The macros that need dbt itself: they give values, not text, or ask the warehouse. Tracklet's own
  renderer has functions of these names instead.
-#}

{#
  The source tables: a list of {relation: its quoted name, name: its name as text, event_type: of its calls, is_evidence: whether these are
  no events, columns: its column names, types: the type of each}. The columns are none while dbt only parses, and knows none.
-#}
{% macro source_tables() %}
    {%- if execute -%}{%- do check_values() -%}{%- endif -%}
    {%- set tables_of_types = {'page': 'pages', 'screen': 'screens', 'group': 'groups', 'identify': 'identifies', 'alias': 'aliases'} -%}
    {%- set of_tracks = [] -%}
    {%- for table in var('tracklet_source_tables') -%}{%- do of_tracks.append(relation_of(table)) -%}{%- endfor -%}
    {%- if not of_tracks -%}
        {{ exceptions.raise_compiler_error("tracklet_source_tables is empty. Name the tables that hold the track calls: [schema.tracks]") }}
    {%- endif -%}
    {%- set tables = [] -%}
    {%- for event_type in ['track'] + (tables_of_types | list) if event_type in var('tracklet_types') or event_type in var('tracklet_evidence') -%}
        {%- set named = var('tracklet_tables_of')[event_type] -%}
        {%- set relations = [] -%}
        {%- if event_type == 'track' -%}
            {%- do relations.extend(of_tracks) -%}
        {%- elif named -%}
            {%- for table in ([named] if named is string or named is mapping else named) -%}{%- do relations.append(relation_of(table)) -%}{%- endfor -%}
        {%- else -%}
            {%- for relation in of_tracks -%}
                {%- set beside = api.Relation.create(database=relation.database, schema=relation.schema, identifier=tables_of_types[event_type]) -%}
                {%- if beside | string not in relations | map('string') -%}{%- do relations.append(beside) -%}{%- endif -%}
            {%- endfor -%}
        {%- endif -%}
        {%- for relation in relations -%}
            {%- set columns = none -%}
            {%- set types = {} -%}
            {%- if execute -%}
                {%- set found = adapter.get_columns_in_relation(relation) if event_type == 'track' or named or is_there(relation) else [] -%}
                {%- set columns = found | map(attribute='name') | list -%}
                {%- for column in found -%}{%- do types.update({column.name: column.data_type}) -%}{%- endfor -%}
                {%- if not columns and (event_type == 'track' or named) -%}
                    {{ exceptions.raise_compiler_error("source table " ~ relation ~ " is not there, or may not be read. Name yours: "
                        ~ ("tracklet_source_tables: [schema.tracks]" if event_type == 'track' else "tracklet_tables_of: {" ~ event_type ~ ": [schema.table]}")) }}
                {%- endif -%}
            {%- endif -%}
            {#- A loader makes the table of a type with the first call of it. -#}
            {%- if columns or not execute -%}
                {%- do tables.append({
                    'relation': relation | string,
                    'name': [relation.schema, relation.identifier] | select | join('.'),
                    'event_type': event_type,
                    'is_evidence': event_type in var('tracklet_evidence'),
                    'columns': columns,
                    'types': types}) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if not tables -%}
        {{ exceptions.raise_compiler_error("there is none of the tables of tracklet_types and tracklet_evidence: " ~ (var('tracklet_types') + var('tracklet_evidence')) | join(', ')
            ~ ". Name yours: tracklet_tables_of: {page: [schema.pages]}") }}
    {%- endif -%}
    {{ return(tables) }}
{% endmacro %}

{# What an entry of tracklet_source_tables names. -#}
{% macro relation_of(table) %}
    {%- if table is string -%}
        {%- set parts = table.split('.') -%}
        {{ return(api.Relation.create(
            database=parts[-3] if parts | length > 2 else target.database,
            schema=parts[-2] if parts | length > 1 else target.schema,
            identifier=parts[-1])) }}
    {%- elif table.ref is defined -%}
        {{ return(ref(table.ref)) }}
    {%- elif table.source is defined -%}
        {{ return(source(table.source, table.table)) }}
    {%- else -%}
        {{ return(api.Relation.create(
            database=table.database or target.database,
            schema=table.schema or target.schema,
            identifier=table.table)) }}
    {%- endif -%}
{% endmacro %}

{% macro is_there(relation) %}
    {{ return(adapter.get_relation(database=relation.database, schema=relation.schema, identifier=relation.identifier) is not none) }}
{% endmacro %}

{#
  The columns that events carry, as macros/columns.sql describes them: none where tracklet_types, tracklet_evidence,
  tracklet_event_columns and tracklet_session_columns ask for no more than tracks.
-#}
{% macro carried_columns() %}
    {%- set settings = var('tracklet_event_columns') -%}
    {%- if settings is not mapping -%}
        {{ exceptions.raise_compiler_error("tracklet_event_columns is '" ~ settings ~ "': write names with values: {name: value}") }}
    {%- endif -%}
    {%- if var('tracklet_types') == ['track'] and not var('tracklet_evidence') and not settings and not var('tracklet_session_columns') -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set columns = [{'name': 'event_type', 'type': 'event_type'}] -%}
    {%- set own = {} -%}
    {%- for name, value in settings.items() if name != 'preset' -%}
        {%- set value = value if value is mapping else {'text': value} -%}
        {%- set column = {'name': name, 'type': 'number' if 'number' in value else 'truth' if 'is_bot' in value else 'text', 'no_value': [], 'is_of_preset': false} -%}
        {%- for key, names in value.items() -%}
            {%- set sources = [] -%}
            {%- for source in ([names] if names is string else names) -%}{%- do sources.append({'name': source, 'of': none}) -%}{%- endfor -%}
            {%- if key in derived_functions() -%}
                {%- do column.update({'function': key, 'of_sources': sources}) -%}
            {%- else -%}
                {%- do column.update({'os_name_sources' if key == 'os_name' else 'sources': sources}) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do own.update({name | lower: column}) -%}
    {%- endfor -%}
    {%- set taken = [] -%}
    {%- for column in preset_columns(settings.preset) -%}
        {%- do columns.append(own.get(column.name, column)) -%}
        {%- do taken.append(column.name) -%}
    {%- endfor -%}
    {%- for name, column in own.items() if name not in taken -%}{%- do columns.append(column) -%}{%- endfor -%}
    {%- for column in columns -%}{%- do column.update({'inner': 'carried_' ~ loop.index}) -%}{%- endfor -%}
    {#- What a preset derives follows the columns that it is derived from, which a project may have replaced. -#}
    {%- set by_name = {} -%}
    {%- for column in columns -%}{%- do by_name.update({column.name | lower: column}) -%}{%- endfor -%}
    {%- for column in columns if column.follows -%}
        {%- set of = by_name[column.follows] -%}
        {%- do column.update({'of_sources': of.sources or [], 'no_value': of.no_value}) -%}
        {%- if column.function in ['os', 'device_category'] -%}
            {%- do column.update({'os_name_sources': by_name['os_name'].sources or []}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set texts = [] -%}
    {%- for column in columns if column.function -%}
        {%- do column.update({'of': lowered_text(columns, texts, column, column.of_sources, column.no_value, column.function == 'host'), 'os_name': none}) -%}
        {%- if column.os_name_sources -%}
            {%- do column.update({'os_name': lowered_text(columns, texts, column, column.os_name_sources, [], false)}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do columns[0].update({'derived_texts': texts}) -%}
    {{ return(columns) }}
{% endmacro %}

{# How columns are derived. -#}
{% macro derived_functions() %}{{ return(['host', 'is_bot', 'browser', 'os', 'device_category']) }}{% endmacro %}

{# The texts that columns are derived from, as macros/derived.sql describes them. -#}
{% macro derived_texts() %}
    {%- set columns = carried_columns() -%}
    {{ return(columns[0].derived_texts if columns else []) }}
{% endmacro %}

{#
  The name under which macros/derived.sql looks at a text. What events carry is not read twice, nor what another column is derived from;
  a new text is added to texts.
-#}
{% macro lowered_text(columns, texts, derived, sources, no_value, is_url) %}
    {%- set found = namespace(inner=none) -%}
    {%- for column in columns if found.inner is none and column.type == 'text' and not column.function and column.sources == sources and column.no_value == no_value -%}
        {%- set found.inner = column.inner -%}
    {%- endfor -%}
    {%- for text in texts if found.inner is none and text.sources == sources and text.no_value == no_value -%}
        {%- set found.inner = text.inner -%}
    {%- endfor -%}
    {%- for text in texts if text.inner == found.inner and text.is_url == is_url -%}{{ return(text.lowered) }}{%- endfor -%}
    {%- set number = texts | length + 1 -%}
    {%- do texts.append({
        'name': derived.name, 'type': 'text', 'no_value': no_value, 'sources': sources, 'is_of_preset': derived.is_of_preset,
        'inner': found.inner or 'derived_from_' ~ number, 'is_read': found.inner is none, 'is_url': is_url, 'lowered': 'lowered_' ~ number}) -%}
    {{ return('lowered_' ~ number) }}
{% endmacro %}

{# The columns of a preset: web, mobile, or none of both. -#}
{% macro preset_columns(preset) %}
    {%- set columns = [] -%}
    {%- if preset -%}
        {%- for name in ['url', 'path', 'title', 'referrer'] -%}
            {%- do columns.append(preset_column('page_' ~ name, 'page', ['properties_' ~ name, name], 'context_page_' ~ name)) -%}
        {%- endfor -%}
        {%- do columns.append(preset_column('page_name', 'page', ['name', 'properties_name'])) -%}
        {%- for name, source in [['source', 'source'], ['medium', 'medium'], ['campaign', 'name'], ['term', 'term'], ['content', 'content']] -%}
            {%- do columns.append(preset_column('utm_' ~ name, none, [], 'context_campaign_' ~ source)) -%}
        {%- endfor -%}
        {%- for name in ['user_agent', 'os_name', 'os_version', 'device_type', 'app_name', 'app_version', 'locale'] -%}
            {%- do columns.append(preset_column(name, none, [], 'context_' ~ name)) -%}
        {%- endfor -%}
        {%- do columns.append(preset_column('country', none, [], 'context_geo_country')) -%}
        {%- do columns.append(preset_column('context_session_id', none, [], 'context_session_id')) -%}
    {%- endif -%}
    {%- if preset == 'mobile' -%}
        {%- do columns.append(preset_column('screen_name', 'screen', ['name', 'properties_name'])) -%}
        {%- for name in ['device_model', 'device_manufacturer', 'network_carrier'] -%}
            {%- do columns.append(preset_column(name, none, [], 'context_' ~ name)) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if preset -%}
        {%- for name, function, follows in [
                ['page_host', 'host', 'page_url'], ['referrer_host', 'host', 'page_referrer'], ['is_bot', 'is_bot', 'user_agent'],
                ['browser', 'browser', 'user_agent'], ['os', 'os', 'user_agent'], ['device_category', 'device_category', 'user_agent']] -%}
            {%- do columns.append({
                'name': name, 'type': 'truth' if name == 'is_bot' else 'text', 'no_value': [], 'function': function, 'follows': follows, 'is_of_preset': true}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(columns) }}
{% endmacro %}

{% macro preset_column(name, of, sources_of_type, of_all=none) %}
    {%- set sources = [] -%}
    {%- for source in sources_of_type -%}{%- do sources.append({'name': source, 'of': of}) -%}{%- endfor -%}
    {%- if of_all -%}{%- do sources.append({'name': of_all, 'of': none}) -%}{%- endif -%}
    {{ return({'name': name, 'type': 'text', 'no_value': ['$direct'] if name == 'page_referrer' else [], 'sources': sources, 'is_of_preset': true}) }}
{% endmacro %}

{#
  Refuses variables that the package does not know. dbt shows those of the command line, but of a
  project's only whether one of a name is set: so names are tried that differ from a known one by one letter, and names that
  would be guessed.
-#}
{% macro check_names() -%}
    {%- set known = ['source_tables', 'types', 'tables_of', 'event_columns', 'session_columns', 'columns', 'ignore', 'evidence', 'loaded_at', 'where', 'forgotten', 'timeout', 'boundary', 'dedupe', 'counts',
        'flow_length', 'materialize'] -%}
    {%- set guessed = {'session_timeout': 'timeout', 'inactivity_timeout': 'timeout', 'timeout_minutes': 'timeout',
        'source_table': 'source_tables', 'sources': 'source_tables', 'source': 'source_tables', 'tables': 'source_tables',
        'mapping': 'columns', 'filter': 'where', 'deduplicate': 'dedupe', 'duplicates': 'dedupe', 'materialized': 'materialize',
        'event_types': 'types', 'type': 'types', 'evidence_types': 'evidence', 'identity_evidence': 'evidence', 'tables_of_types': 'tables_of', 'properties': 'event_columns',
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
    {%- for name in ['columns', 'counts', 'tables_of', 'event_columns', 'session_columns'] if var('tracklet_' ~ name) is not mapping -%}
        {{ exceptions.raise_compiler_error("tracklet_" ~ name ~ " is '" ~ var('tracklet_' ~ name) ~ "': write names with values: {name: value}") }}
    {%- endfor -%}
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
    {%- set types = ['track', 'page', 'screen', 'group', 'identify', 'alias'] -%}
    {%- for name in ['types', 'evidence'] -%}
        {%- set asked = var('tracklet_' ~ name) -%}
        {%- if asked is string or asked is mapping or asked is not iterable or (not asked and name == 'types') -%}
            {{ exceptions.raise_compiler_error("tracklet_" ~ name ~ " is '" ~ asked ~ "': write a list: " ~ ("[track, page]" if name == 'types' else "[identify]")) }}
        {%- endif -%}
        {%- for type in asked if type not in types -%}
            {%- set near = nearest_of(type, types) -%}
            {{ exceptions.raise_compiler_error("tracklet_" ~ name ~ " has " ~ type ~ ": " ~ ("did you mean " ~ near ~ "?" if near else "it can have " ~ types | join(', '))) }}
        {%- endfor -%}
    {%- endfor -%}
    {%- for type in var('tracklet_evidence') if type in var('tracklet_types') -%}
        {{ exceptions.raise_compiler_error("tracklet_evidence has " ~ type ~ ", and so has tracklet_types: calls are events or evidence") }}
    {%- endfor -%}
    {%- if carried_columns() and not dedupe -%}
        {{ exceptions.raise_compiler_error("tracklet_dedupe is false, and then an event id says of no session which it is: leave tracklet_types, tracklet_evidence, tracklet_event_columns and tracklet_session_columns as they are, or write tracklet_dedupe: true") }}
    {%- endif -%}
    {%- if ids_from_rows() and (var('tracklet_evidence') or not dedupe) -%}
        {{ exceptions.raise_compiler_error("tracklet_columns says {event_id: from_row}, beside which "
            ~ ("tracklet_evidence can't stand: evidence has no row that would be told from another" if var('tracklet_evidence')
                else "tracklet_dedupe says nothing, for no row is a duplicate: leave it as it is")) }}
    {%- endif -%}
    {%- for type in var('tracklet_tables_of') if type not in types or type == 'track' -%}
        {{ exceptions.raise_compiler_error("tracklet_tables_of has " ~ type ~ ": " ~ ("tracks are named by tracklet_source_tables" if type == 'track' else "it can have " ~ types[1:] | join(', '))) }}
    {%- endfor -%}
    {%- if var('tracklet_event_columns').preset is defined and var('tracklet_event_columns').preset not in ['web', 'mobile'] -%}
        {{ exceptions.raise_compiler_error("the preset of tracklet_event_columns is '" ~ var('tracklet_event_columns').preset ~ "': write web or mobile") }}
    {%- endif -%}
    {%- for name, column in var('tracklet_event_columns').items() if name != 'preset' -%}
        {%- set value = column if column is mapping else {'text': column} -%}
        {%- set kinds = ['text', 'number'] + derived_functions() -%}
        {%- set said = [] -%}
        {%- for kind in kinds if kind in value -%}{%- do said.append(kind) -%}{%- endfor -%}
        {%- set takes_name = 'os' in value or 'device_category' in value -%}
        {%- for key, names in value.items() if key not in kinds and (key != 'os_name' or not takes_name) -%}
            {%- set near = nearest_of(key, kinds[1:] + ['os_name']) -%}
            {{ exceptions.raise_compiler_error("tracklet_event_columns." ~ name ~ " has " ~ key ~ ": "
                ~ ("os_name stands beside os or device_category" if key == 'os_name' else "did you mean " ~ near ~ "?" if near
                    else "write a column, a list of columns, or one of " ~ kinds[1:] | join(', ') ~ " with either")) }}
        {%- endfor -%}
        {%- if said | length != 1 or (column is mapping and 'text' in column) -%}
            {{ exceptions.raise_compiler_error("tracklet_event_columns." ~ name ~ " is '" ~ column ~ "': write a column, a list of columns, or one of {"
                ~ kinds[1:] | join(': column}, {') ~ ": column}") }}
        {%- endif -%}
        {%- for key, names in value.items() if names is mapping or names is not iterable or not names -%}
            {{ exceptions.raise_compiler_error("tracklet_event_columns." ~ name ~ " is '" ~ column ~ "': " ~ ("" if key == 'text' else key ~ " takes ") ~ "a column or a list of columns") }}
        {%- endfor -%}
    {%- endfor -%}
    {%- do check_session_columns() -%}
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

{# Whether a value is a text or a list of texts, of one at least. -#}
{% macro is_list_of_names(value) -%}
    {%- if value is mapping or value is not iterable or not value -%}{{ return(false) }}{%- endif -%}
    {%- for entry in ([value] if value is string else value) if entry is not string -%}{{ return(false) }}{%- endfor -%}
    {{ return(true) }}
{%- endmacro %}

{# Raises an error where tracklet_session_columns can't be. -#}
{% macro check_session_columns() -%}
    {%- set functions = ['first', 'last', 'min', 'max', 'sum', 'count', 'distinct', 'any'] -%}
    {%- set known = ['event_id', 'anonymous_id', 'user_id', 'event', 'timestamp'] -%}
    {%- for column in carried_columns() -%}{%- do known.append(column.name) -%}{%- endfor -%}
    {%- for name, settings in var('tracklet_session_columns').items() -%}
        {%- set said = "tracklet_session_columns." ~ name -%}
        {%- set found = [] -%}
        {%- for key in (settings if settings is mapping else []) -%}
            {%- if key in functions -%}
                {%- do found.append(key) -%}
            {%- elif key not in ['of', 'at'] -%}
                {%- set near = nearest_of(key, functions) -%}
                {{ exceptions.raise_compiler_error(said ~ " has " ~ key ~ ": " ~ ("did you mean " ~ near ~ "?" if near
                    else "write one of " ~ functions | join(', ') ~ ", and beside it of and at")) }}
            {%- endif -%}
        {%- endfor -%}
        {%- if found | length != 1 -%}
            {{ exceptions.raise_compiler_error(said ~ " is '" ~ settings ~ "': write one of {" ~ functions | join(': column}, {') ~ ": column}") }}
        {%- endif -%}
        {%- set function = found[0] -%}
        {%- set column = settings[function] -%}
        {%- if column is not string -%}
            {{ exceptions.raise_compiler_error(said ~ " is '" ~ settings ~ "': " ~ function ~ " takes the name of a column of tracklet_events") }}
        {%- endif -%}
        {%- for key in ['of', 'at'] if key in settings and not is_list_of_names(settings[key]) -%}
            {{ exceptions.raise_compiler_error(said ~ " is '" ~ settings ~ "': " ~ key ~ " takes a name or a list of names") }}
        {%- endfor -%}
        {%- if 'at' in settings and function not in ['first', 'last'] -%}
            {{ exceptions.raise_compiler_error(said ~ " has at: it stands beside first and last, and of says which events are looked at") }}
        {%- endif -%}
        {%- set at = settings.at or [] -%}
        {%- for taken in [column] + ([at] if at is string else at) if taken | lower not in known | map('lower') and not (taken == '*' and function == 'count') -%}
            {%- set near = nearest_of(taken, known) -%}
            {{ exceptions.raise_compiler_error(said ~ " takes the column " ~ taken ~ ", which events do not have: "
                ~ ("did you mean " ~ near ~ "?" if near else "add it to tracklet_event_columns; events have " ~ known | join(', '))) }}
        {%- endfor -%}
        {%- set type = type_of_field(column) | trim -%}
        {%- set wanted = {'min': ['number', 'time'], 'max': ['number', 'time'], 'sum': ['number'], 'any': ['truth']}.get(function, [type]) -%}
        {%- if type not in wanted -%}
            {{ exceptions.raise_compiler_error(said ~ " takes the " ~ function ~ " of " ~ column ~ ", which is a " ~ type ~ ": it is of a " ~ wanted | join(' or a ')
                ~ ("; {number: column} in tracklet_event_columns makes one" if 'number' in wanted else "")) }}
        {%- endif -%}
    {%- endfor -%}
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

{# What config(indexes=..) takes, one of these columns each: dbt rebuilds tables, which an index would only make slower. -#}
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
