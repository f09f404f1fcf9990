//! Bugs that were, each with its story.

use super::support::{ended, manifest, printed, tracklet};
use std::fs;
use std::path::Path;

/// An input that the fuzzer found.
fn found(target: &str, name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions");
    fs::read(folder.join(target).join(name)).unwrap()
}

/// The decoder asserts that a damaged page's bit width fits the type. The panic was caught and the file rejected, but
/// the user saw a line about a thread that panicked as if the program had failed.
#[test]
fn r1_a_decoder_that_gives_up_is_told_as_a_reject_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.parquet"), found("parquet", "001-bit-width-over-the-type")).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.parquet"]));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("25 unreadable") && !said.contains("panicked"), "{said}");
    assert_eq!(manifest(&folder.path().join("out"))["rejects"]["unreadable"], 25);
}

/// A bare header above rows in single quotes: the quotes were taken for the texts' own, so that `''` was one visitor of all devices, at
/// exit code 0.
#[test]
fn r17_single_quotes_in_rows_join_no_strangers() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "id,anonymous_id,user_id,event,timestamp\n'm1','d1','','a',2026-01-04 10:00:00\n\
                'm2','d2','','b',2026-01-04 10:01:00\n";
    fs::write(folder.path().join("a.csv"), rows).unwrap();
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "a.csv"])).0, 0);
    let sql = "SELECT dbt_visitor_id FROM dbt_user_session_facts ORDER BY 1";
    assert_eq!(printed(folder.path(), &["query", sql, "--format", "csv"]), "dbt_visitor_id\nd1\nd2\n");

    // Where the first rows do not show it, the times do, and the hint helps.
    let mixed = "id,anonymous_id,event,timestamp\nm0,d0,a,'2026-01-04 10:00:00'\n'm1','d1','a','2026-01-04 10:00:00'\n";
    fs::write(folder.path().join("b.csv"), mixed).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "b.csv", "--out", "b"]));
    assert!(code == 1 && said.contains("[source.csv] quote = \"'\""), "{said}");
    fs::write(folder.path().join("tracklet.toml"), "[source.csv]\nquote = \"'\"\n").unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "b.csv", "--out", "c"]));
    assert!(code == 0 && said.contains("0 rejected"), "{said}");
}
