//! `tracklet check` of `[source] where`.

use super::{Severity, examine};
use std::fs;
use std::sync::Arc;
use tracklet_analysis::filter::SqlRowFilters;
use tracklet_native::read::RowFilters;

const PG: &str =
    "[targets.pg]\ntype = \"postgres\"\nhost = \"h\"\nuser = \"u\"\ndbname = \"d\"\nschema = \"s\"\n";

/// What parses filters in a program with its SQL engine.
fn filters() -> Arc<dyn RowFilters> {
    Arc::new(SqlRowFilters)
}

/// Findings as `line:column: severity: message | hint`.
fn found(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tracklet.toml");
    fs::write(&file, text).unwrap();
    let findings = examine(&file, None, &filters()).unwrap();
    let lines = findings.iter().map(|finding| {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (place, hint) = (&finding.place, finding.hint.as_deref().unwrap_or_default());
        format!("{}:{}: {severity}: {} | {hint}", place.line, place.column, finding.message)
    });
    lines.collect()
}

#[test]
fn a_filter_that_is_no_expression_is_found() {
    let found = found("[source]\nwhere = \"a = = 'b'\"");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("2:9: error: `source.where` is no SQL expression"), "{}", found[0]);
}

/// Each of these failed in the run alone.
#[test]
fn a_filter_that_no_file_can_have_is_found() {
    let deep = format!("{}a = 1{}", "(".repeat(3000), ")".repeat(3000));
    let long = vec!["a = 'x'"; 700].join(" or ");
    let all = vec!["a"; 100_000].join(" || ");
    for (filter, message) in [
        ("no_such_function(a) = 1", "can't be evaluated: there is no function `no_such_function`"),
        ("lower(a)", "can't be evaluated: it yields text, not true or false"),
        ("1", "can't be evaluated: it yields bigint, not true or false"),
        ("count(a) > 1", "can't be evaluated: "),
        ("a in (select 1)", "can't be evaluated: a query in the expression looks at several rows"),
        (
            "event in (select event from t)",
            "can't be evaluated: a query in the expression looks at several rows",
        ),
        (
            "regexp_like(a, '(')",
            "can't be evaluated: it has a pattern that is no regular expression: unclosed group",
        ),
        (
            "a ~ '['",
            "can't be evaluated: it has a pattern that is no regular expression: unclosed character class",
        ),
        ("length(a, b, c) = 1", "can't be evaluated: the function `character_length` takes other arguments"),
        (
            "a collate c = 'x'",
            "can't be evaluated: it has a form of SQL that is not evaluated here (`collate`)",
        ),
        // These hung, and so did the run.
        (
            "lpad(a, 2000000000, 'x') is null",
            "can't be evaluated: it makes texts of more than 65,536 characters",
        ),
        ("repeat(repeat('x', 60000), 60000) = a", "can't be evaluated: it makes texts of more than 65,536"),
        (
            "rpad('x', 2 * 1000000000) || repeat(a, 2000000000) = a",
            "can't be evaluated: it makes texts of more",
        ),
        ("received_at > now()", "can't be evaluated: `now` depends on more than the row"),
        ("random() < 0.5", "can't be evaluated: `random` depends on more than the row"),
        (deep.as_str(), "can't be evaluated: it has conditions more than 200 deep"),
        (long.as_str(), "can't be evaluated: it has conditions more than 200 deep"),
        (all.as_str(), "can't be evaluated: it has conditions more than 200 deep"),
    ] {
        let found = found(&format!("[source]\nwhere = \"{filter}\""));
        let expected = format!("2:9: error: `source.where` {message}");
        assert_eq!(found.len(), 1, "{filter}: {found:#?}");
        assert!(found[0].starts_with(&expected) && !found[0].ends_with("| "), "{}", found[0]);
    }
}

#[test]
fn a_filter_may_be_in_the_words_of_the_warehouse() {
    let filter = "[source]\nwhere = \"a::text ~ 'b' and c->>'d' = 'e'\"\n";
    assert_eq!(found(&format!("{filter}{PG}")), [""; 0]);
}
