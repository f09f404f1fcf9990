//! `tracklet check` of the files that a configuration names.

use super::{Severity, examine};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tracklet_analysis::filter::SqlRowFilters;
use tracklet_native::read::RowFilters;

const ROWS: &str = "id,anonymous_id,event,timestamp\n1,a,x,2026-01-04T10:00:00Z\n";

/// What parses filters in a program with its SQL engine.
fn filters() -> Arc<dyn RowFilters> {
    Arc::new(SqlRowFilters)
}

/// Findings as `line:column: severity: message | hint`, in a folder with these files.
fn found(files: &[(&str, &str)], text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tracklet.toml");
    fs::write(&file, text).unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
    }
    let findings = examine(&file, None, &filters()).unwrap();
    let here = folder.path().display().to_string();
    let line = |finding: &super::Finding| {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (place, hint) = (&finding.place, finding.hint.as_deref().unwrap_or_default());
        let message = finding.message.replace(&here, "HERE");
        assert!(Path::new(&place.file).ends_with("tracklet.toml"));
        format!("{}:{}: {severity}: {message} | {hint}", place.line, place.column)
    };
    findings.iter().map(line).collect()
}

/// `found` of one finding.
fn one(name: &str, content: &str, text: &str) -> String {
    let found = found(&[(name, content)], text);
    assert_eq!(found.len(), 1, "{text}: {found:#?}");
    found[0].clone()
}

/// Each of these was "nothing is wrong", and the run then failed.
#[test]
fn what_a_run_would_refuse_is_an_error_at_its_key() {
    let source = "[source]\npaths = \"t.csv\"\n";
    assert_eq!(found(&[("t.csv", ROWS)], source), [""; 0]);
    let lacks = one("t.csv", "anonymous_id,event,timestamp\na,x,2026-01-04T10:00:00Z\n", source);
    assert!(lacks.starts_with("2:9: error: `HERE/t.csv` has no column for `event_id`"), "{lacks}");
    let mapped = one("t.csv", ROWS, &format!("{source}[source.columns]\nuser_id = \"foo\"\n"));
    assert!(
        mapped.starts_with("4:11: error: no file has the column `foo` that `user_id` is mapped to"),
        "{mapped}"
    );
    let filter = one("t.csv", ROWS, &format!("{source}where = \"nosuch = 1\"\n"));
    assert!(filter.starts_with("3:9: error: "), "{filter}");
    let lake = [("lake/_delta_log/0.json", "{}"), ("lake/a.parquet", "PAR1")];
    let delta = found(&lake, "[source]\npaths = \"lake\"\n");
    assert!(delta[0].starts_with("2:9: error: `HERE/lake` is a Delta"), "{delta:#?}");
}

#[test]
fn what_a_run_would_warn_of_is_a_warning() {
    let source = "[source]\npaths = \"t.csv\"\n";
    let times = "id,anonymous_id,event,timestamp\n1,a,x,yesterday\n2,a,x,today\n";
    let rejected = one("t.csv", times, source);
    assert!(
        rejected.starts_with(
            "2:9: warning: in the first rows: 2 of 2 rows of `HERE/t.csv` are rejected as bad_timestamp"
        ),
        "{rejected}"
    );
    let absent = one("t.csv", ROWS, &format!("{source}[columns]\nplan = \"traits_plan\"\n"));
    assert!(absent.contains("warning: in the first rows: no file of this run has `traits_plan`"), "{absent}");
    let empty = one("logs/readme.md", "", "[source]\npaths = \"logs\"\n");
    assert!(empty.starts_with("2:9: warning: `HERE/logs` holds no files to read"), "{empty}");
}

/// A key of JSON may come later than the rows that were looked at.
#[test]
fn what_later_rows_may_have_is_no_error() {
    let mut lines = String::new();
    let text = "x".repeat(1000);
    for row in 0..20_000 {
        let _ = writeln!(
            lines,
            "{{\"type\":\"track\",\"messageId\":\"{row}\",\"anonymousId\":\"a\",\"event\":\"x\",\
             \"originalTimestamp\":\"2026-01-04T10:00:00Z\",\"more\":\"{text}\"}}"
        );
    }
    lines.push_str("{\"type\":\"track\",\"messageId\":\"z\",\"who\":\"a\",\"originalTimestamp\":\"2026-01-04T10:00:00Z\"}\n");
    let source = "[source]\npaths = \"t.json\"\n[source.columns]\nuser_id = \"who\"\n";
    let late = one("t.json", &lines, source);
    assert!(late.starts_with("4:11: warning: no file has the column `who`"), "{late}");
}
