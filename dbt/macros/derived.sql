{#
  Columns that are derived from URLs and user agents, by ASCII lower case, positions and substrings alone. The rules are those of
  docs/events.md, the lists of words those of macros/word_lists.sql.

  derived_texts() has the texts that columns are derived from: inner is the name that a text has in source_rows, and lowered the one under
  which macros here find it. A derived column has function, of and os_name: how it is derived, and lowered names of texts, none for no text.
-#}

{# The columns of a row of source_rows, but for those that are derived, and the texts that these are derived from. -#}
{% macro columns_before_derived() -%}
event_id,
        anonymous_id,
        user_id,
        event,
        {{ own_column('timestamp') }},
        received_at,
        {%- for column in carried_columns() if not column.function %}
        {{ column.inner }},
        {%- endfor %}
        loaded_at,
        source_file
{%- endmacro %}

{#
  CTEs after source_rows, each with a comma, where columns are derived: texts in lower case, and of URLs the hosts. A step of its own
  for each use of what the step before found: written into each other they would be copied many times.
-#}
{% macro texts_to_derive_from() -%}
    {%- set urls = namespace(some=false) -%}
    {%- for text in derived_texts() if text.is_url -%}{%- set urls.some = true -%}{%- endfor -%}
    {%- if derived_texts() %}

lowered as (
    select
        {{ columns_before_derived() }}
        {%- for text in derived_texts() %},
        {{ ascii_lower(text.inner) }} as {{ text.lowered }}
        {%- endfor %}
    from source_rows
    {{- computed_once() }}
),
    {%- endif %}
    {%- if urls.some %}

-- Of a URL what stands between :// and the path.
authorities as (
    select
        {{ columns_before_derived() }}
        {%- for text in derived_texts() %},
        {{ authority_of(text.lowered) if text.is_url else text.lowered }} as {{ text.lowered }}
        {%- endfor %}
    from lowered
    {{- computed_once() }}
),

-- Of that what stands between user and port.
hosts as (
    select
        {{ columns_before_derived() }}
        {%- for text in derived_texts() %},
        {{ address_of(text.lowered) if text.is_url else text.lowered }} as {{ text.lowered }}
        {%- endfor %}
    from authorities
    {{- computed_once() }}
),
    {%- endif %}
{%- endmacro %}

{# The last of the CTEs with the rows of the source. -#}
{% macro rows_to_derive_from() -%}
    {%- set last = namespace(name='source_rows') -%}
    {%- for text in derived_texts() -%}
        {%- set last.name = 'hosts' if text.is_url or last.name == 'hosts' else 'lowered' -%}
    {%- endfor -%}
    {{- last.name -}}
{%- endmacro %}

{# A text with a slash in the place of each question mark and number sign: what ends a host. -#}
{% macro with_slashes(text) %}replace(replace({{ text }}, '?', '/'), '#', '/'){% endmacro %}

{#
  What follows //, at the start of a text, or its first ://, where nothing that ends a host stands before that; up to what ends it. Null for
  another text.
-#}
{% macro authority_of(text) -%}
    {%- set mark = place_of("'://'", text) -%}
case
            when {{ text }} like '//%'
                then {{ up_to(with_slashes('substr(' ~ text ~ ', 3)'), '/') }}
            when {{ mark }} > 0 and {{ place_of("'/'", with_slashes(text)) }} = {{ mark }} + 1
                then {{ up_to(with_slashes('substr(' ~ text ~ ', ' ~ mark ~ ' + 3)'), '/') }}
        end
{%- endmacro %}

{# A text up to the first of a character, or whole where it does not stand there. -#}
{% macro up_to(text, character) %}substr({{ text }}, 1, {{ place_of("'" ~ character ~ "'", text ~ " || '" ~ character ~ "'") }} - 1){% endmacro %}

{# Of an authority what follows the first @, without the port. In brackets stands an address that itself has colons. -#}
{% macro address_of(authority) -%}
    {%- set address = 'substr(' ~ authority ~ ', ' ~ place_of("'@'", authority) ~ ' + 1)' -%}
case
            when {{ address }} like '[%'
                then substr({{ address }}, 1, {{ place_of("']'", address) }})
            else {{ up_to(address, ':') }}
        end
{%- endmacro %}

{# The value of a derived column, from what the CTEs before have made of its texts. -#}
{% macro derived_value(column) -%}
    {%- if column.function == 'host' -%}
        {%- set host = column.of -%}
case
            when length({{ host }}) = 0 or {{ host }} = 'www.' or {{ place_of("'@'", host) }} > 0 or {{ place_of("' '", host) }} > 0
                then null
            when {{ host }} like 'www.%'
                then substr({{ host }}, 5)
            else {{ host }}
        end
    {%- elif column.function == 'is_bot' -%}
coalesce({{ said_of('is_bot', column.of) }} = 'true', false)
    {%- elif column.function == 'browser' -%}
coalesce(
            {{ said_of('browser', column.of) }},
            {{ if_any_text([column.of], 'Other') }}
        )
    {%- elif column.function == 'os' -%}
coalesce(
            {%- if column.os_name %}
            {{ said_of('os_of_name', column.os_name) }},
            {%- endif %}
            {{ said_of('os', column.of) }},
            {{ if_any_text([column.os_name, column.of], 'Other') }}
        )
    {%- else -%}
coalesce(
            {%- if column.os_name %}
            {{ said_of('device_category_of_name', column.os_name) }},
            {%- endif %}
            {{ said_of('device_category', column.of) }},
            {%- if column.os_name %}
            {{ said_of('device_category_of_name_alone', column.os_name) }},
            {%- endif %}
            {{ if_any_text([column.os_name, column.of], 'other') }}
        )
    {%- endif -%}
{%- endmacro %}

{# A value where one of some texts is not null; of these names those that are none stand for no text. -#}
{% macro if_any_text(texts, value) -%}
case when {% for text in texts if text %}{{ text }} is not null{{ ' or ' if not loop.last }}{% endfor %} then {{ as_text(text_literal(value)) }} end
{%- endmacro %}

{# The value of the first rule that holds for a text in lower case; null where none does. -#}
{% macro first_that_holds(rules, text) -%}
case
    {%- for rule in rules %}
                when ({{ has_one_of(text, rule['words']) }})
                {%- if rule['with'] %} and ({{ has_one_of(text, rule['with']) }}){% endif %}
                {%- if rule['without'] %} and not ({{ has_one_of(text, rule['without']) }}){% endif %}
                    then {{ as_text(text_literal(rule['value'])) }}
    {%- endfor %}
            end
{%- endmacro %}

{% macro has_one_of(text, words) -%}
    {%- for word in words -%}
        {{ place_of(text_literal(word), text) }} > 0{{ ' or ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
