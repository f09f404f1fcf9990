use super::{Materialized, Partition, RenderError, Renderer, SourceTable};
use crate::sql::{Dialect, Names, package};
use std::path::Path;
use tracklet_config::Config;

fn sources() -> Vec<SourceTable> {
    let columns = ["ID", "anonymous_id", "user_id", "event", "timestamp", "received_at"];
    vec![SourceTable::of_tracks("\"rudder\".\"tracks\"", "rudder.tracks", columns)]
}

fn renderer(dialect: Dialect, config: &str) -> Renderer {
    let config = Config::parse(config, Path::new("tracklet.toml")).unwrap();
    Renderer::new(dialect, &config, Materialized::View, sources())
}

fn names(dialect: Dialect) -> Names {
    Names::new(dialect, None, "sessions".to_owned())
}

#[test]
fn every_file_renders_in_every_dialect() {
    for dialect in Dialect::ALL {
        let renderer = renderer(dialect, "");
        for file in package::models().chain(package::analyses()).chain(package::singular_tests()) {
            let file_sql = renderer.render(file.name(), &names(dialect)).unwrap();
            assert!(!file_sql.sql.contains("{{") && !file_sql.sql.contains("{%"), "{}", file_sql.sql);
            let start =
                file_sql.sql.lines().find(|line| !line.starts_with("--") && !line.is_empty()).unwrap();
            assert!(start.starts_with("select") || start.starts_with("with"), "{}", file_sql.sql);
        }
    }
}

#[test]
fn a_macro_is_the_dialects_or_else_the_default() {
    let of = |dialect, expression| renderer(dialect, "").expression(expression).unwrap();
    assert_eq!(of(Dialect::Postgres, "as_text('a')"), "cast(a as text) collate \"C\"");
    assert_eq!(of(Dialect::Snowflake, "as_text('a')"), "cast(a as varchar)");
    assert_eq!(of(Dialect::Snowflake, "own_column('timestamp')"), "\"TIMESTAMP\"");
}

#[test]
fn names_and_texts_are_quoted_as_the_macros_quote_them() {
    let hostile =
        ["it's", "say \"hi\"", "back\\slash", "\\'; drop table x; --", "a\nb\rc", "`tick`", "é😀 -;", "E'"];
    for dialect in Dialect::ALL {
        let renderer = renderer(dialect, "");
        for text in hostile {
            let literal = serde_json::to_string(text).unwrap();
            assert_eq!(renderer.expression(&format!("identifier({literal})")).unwrap(), dialect.quoted(text));
            assert_eq!(renderer.expression(&format!("text_literal({literal})")).unwrap(), dialect.text(text));
            assert_eq!(renderer.expression("own_column('event')").unwrap(), dialect.own_column("event"));
        }
    }
}

#[test]
fn a_model_says_what_it_is_and_what_it_needs() {
    let rendered =
        renderer(Dialect::BigQuery, "").render("tracklet_event_facts", &names(Dialect::BigQuery)).unwrap();
    assert_eq!(rendered.options.materialized, Materialized::Table);
    assert_eq!(rendered.options.partition_by, Some(Partition::Month { month: "timestamp".to_owned() }));
    assert_eq!(rendered.options.cluster_by, ["dbt_visitor_id"]);
    assert_eq!(rendered.refs, ["tracklet_tracks", "dbt_aliases_mapping"]);
    assert!(rendered.sql.contains("from `sessions`.`tracklet_tracks` as tracks"), "{}", rendered.sql);
    let staged =
        renderer(Dialect::Postgres, "").render("tracklet_staged", &names(Dialect::Postgres)).unwrap();
    assert_eq!(staged.options.partition_by, Some(Partition::Month { month: "loaded_at".to_owned() }));
    assert_eq!(staged.options.sort, ["event_id"]);
    assert_eq!(
        staged.options.post_hook,
        "analyze \"sessions\".\"tracklet_staged\" (\"event_id\", \"fate\", \"anonymous_id\", \"user_id\", \"loaded_at\")"
    );
}

#[test]
fn the_configuration_is_in_the_sql() {
    let config = "dedupe = false\n[sessions]\ntimeout = \"500ms\"\nboundary = \"exact\"\n[counts]\nlate = \"it's\"\n\
                  [flow]\nlength = 2\n[source]\nwhere = \"a > 1\"\n[source.columns]\nevent_id = \"Id\"";
    let renderer = renderer(Dialect::Postgres, config);
    let sql = |model| renderer.render(model, &names(Dialect::Postgres)).unwrap().sql;
    assert!(sql("tracklet_event_facts").contains("idle_microseconds > 500000"));
    assert!(sql("tracklet_event_facts").contains("as event_2\nfrom"));
    assert!(sql("tracklet_session_facts").contains("event in ('it''s')"));
    assert!(sql("tracklet_staged").contains("cast(\"ID\" as text)"));
    assert!(sql("tracklet_staged").contains("a > 1"));
    assert!(!sql("tracklet_staged").contains("copy_number"));
}

#[test]
fn what_a_model_refuses_is_reported_in_its_own_words() {
    let mut table = sources().remove(0);
    table.columns.remove(0);
    let renderer = Renderer::new(Dialect::Postgres, &Config::default(), Materialized::View, vec![table]);
    let error = renderer.render("tracklet_staged", &names(Dialect::Postgres)).unwrap_err();
    assert!(matches!(error, RenderError::Refused { .. }));
    assert!(
        error.to_string().starts_with("source table rudder.tracks has no column id or event_id"),
        "{error}"
    );
    let error = renderer.render("tracklet_event_fact", &names(Dialect::Postgres)).unwrap_err();
    assert_eq!(
        tracklet_display::error::Hint::hint(&error).as_deref(),
        Some("did you mean `tracklet_event_facts`?")
    );
}
