use super::Queries;
use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use tracklet_display::error::Hint;
use tracklet_native::results::{Formulas, Integers, Layout, ResultsError, Rows, print};

fn part(out: &Path, path: &str, columns: Vec<(&str, ArrayRef)>) {
    let path = out.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn durations(out: &Path, path: &str, rows: &[(&str, i64)]) {
    let visitors = StringArray::from_iter_values(rows.iter().map(|row| row.0));
    let sessions =
        StringArray::from_iter_values((1..).zip(rows).map(|(number, row)| format!("{number} - {}", row.0)));
    let lengths = Int64Array::from_iter_values(rows.iter().map(|row| row.1));
    part(
        out,
        path,
        vec![
            ("dbt_visitor_id", Arc::new(visitors)),
            ("session_id", Arc::new(sessions)),
            ("session_duration", Arc::new(lengths)),
        ],
    );
}

/// An output folder whose name is full of characters that mean something to globs and URLs.
fn output() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("o u[t]*?%20#");
    let snapshot = "snapshots/000002";
    durations(
        &out,
        &format!("{snapshot}/dbt_session_duration/2026.parquet"),
        &[("b", 7), ("a", 1), ("a", 2)],
    );
    durations(&out, &format!("{snapshot}/dbt_session_duration/2025.parquet"), &[("c", 1), ("\u{e9}", 7)]);
    durations(&out, &format!("{snapshot}/state/hashes.parquet"), &[]);
    part(
        &out,
        &format!("{snapshot}/dbt_track_facts/2026.parquet"),
        vec![
            ("event_id", Arc::new(StringArray::from(vec![Some("a,\"b\""), Some(""), None]))),
            (
                "timestamp",
                Arc::new(
                    TimestampMicrosecondArray::from(vec![Some(1_767_520_800_000_001), None, Some(0)])
                        .with_timezone("UTC"),
                ),
            ),
            ("track_sequence_number", Arc::new(Int64Array::from(vec![Some(i64::MAX), None, Some(1)]))),
        ],
    );
    part(
        &out,
        &format!("{snapshot}/tracklet_rejects/all.parquet"),
        vec![("reason", Arc::new(StringArray::from(Vec::<Option<&str>>::new())))],
    );
    fs::create_dir_all(out.join("snapshots/.building-000003")).unwrap();
    symlink(snapshot, out.join("current")).unwrap();
    (folder, out)
}

fn text(rows: Rows, layout: Layout) -> String {
    let mut printed = Vec::new();
    print(&rows.schema(), rows, layout, &mut printed).unwrap();
    String::from_utf8(printed).unwrap()
}

fn csv(rows: Result<Rows, ResultsError>) -> String {
    text(
        rows.unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error))),
        Layout::Csv(Formulas::Kept),
    )
}

#[test]
fn tables_come_with_rows_over_all_parts() {
    let (_folder, out) = output();
    let tables = Queries::open(&out).unwrap().tables().unwrap();
    let seen: Vec<(&str, u64, usize)> =
        tables.iter().map(|table| (table.name.as_str(), table.rows, table.parts)).collect();
    assert_eq!(seen, [("dbt_track_facts", 3, 1), ("dbt_session_duration", 5, 2), ("tracklet_rejects", 0, 1)]);
    let columns: Vec<(&str, &str)> =
        tables[0].columns.iter().map(|column| (column.name.as_str(), column.kind.as_str())).collect();
    assert_eq!(
        columns,
        [("event_id", "text"), ("timestamp", "timestamp"), ("track_sequence_number", "integer")]
    );
}

#[test]
fn a_table_is_shown_in_the_order_of_its_parts() {
    let (_folder, out) = output();
    let results = Queries::open(&out).unwrap();
    let head = "dbt_visitor_id,session_id,session_duration\n";
    assert_eq!(
        csv(results.show("dbt_session_duration", Some(3), None)),
        format!("{head}c,1 - c,1\n\u{e9},2 - \u{e9},7\nb,1 - b,7\n")
    );
    assert_eq!(
        csv(results.show(
            "dbt_session_duration",
            None,
            Some("session_duration > 1 AND dbt_visitor_id = 'a'")
        )),
        format!("{head}a,3 - a,2\n")
    );
    assert_eq!(csv(results.show("dbt_session_duration", Some(0), None)), head);
    assert_eq!(csv(results.show("tracklet_rejects", None, None)), "reason\n");
    assert_eq!(
        csv(results.show("dbt_track_facts", None, Some("timestamp >= '2026-01-01'"))).lines().count(),
        2
    );
}

#[test]
fn top_users_are_the_longest_first_with_ties_by_bytes() {
    let (_folder, out) = output();
    let results = Queries::open(&out).unwrap();
    let head = "dbt_visitor_id,avg_session_duration\n";
    assert_eq!(csv(results.top_users(None)), format!("{head}b,7.0\n\u{e9},7.0\na,1.5\nc,1.0\n"));
    assert_eq!(csv(results.top_users(Some(1))), format!("{head}b,7.0\n"));
}

#[test]
fn every_layout_keeps_nulls_integers_and_times() {
    let (_folder, out) = output();
    let rows = || Queries::open(&out).unwrap().show("dbt_track_facts", None, None).unwrap();
    assert_eq!(
        text(rows(), Layout::Csv(Formulas::Kept)),
        "event_id,timestamp,track_sequence_number\n\
         \"a,\"\"b\"\"\",2026-01-04T10:00:00.000001Z,9223372036854775807\n\
         \"\",,\n\
         ,1970-01-01T00:00:00.000000Z,1\n"
    );
    assert_eq!(
        text(rows(), Layout::Json),
        "{\"event_id\":\"a,\\\"b\\\"\",\"timestamp\":\"2026-01-04T10:00:00.000001Z\",\"track_sequence_number\":9223372036854775807}\n\
         {\"event_id\":\"\",\"timestamp\":null,\"track_sequence_number\":null}\n\
         {\"event_id\":null,\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"track_sequence_number\":1}\n"
    );
    assert_eq!(
        text(rows(), Layout::Table { width: None, integers: Integers::Plain }),
        "event_id  timestamp                    track_sequence_number\n\
         --------  ---------------------------  ---------------------\n\
         a,\"b\"     2026-01-04T10:00:00.000001Z    9223372036854775807\n\
         \u{20}         NULL                                          NULL\n\
         NULL      1970-01-01T00:00:00.000000Z                      1\n"
    );
    let narrow = text(rows(), Layout::Table { width: Some(48), integers: Integers::Plain });
    assert!(narrow.lines().all(|line| line.chars().count() <= 48), "{narrow}");
    assert!(narrow.contains('\u{2026}'), "{narrow}");
}

#[test]
fn times_of_other_zones_and_results_without_rows_are_printed() {
    let (_folder, out) = output();
    let results = Queries::open(&out).unwrap();
    let zoned = "SELECT arrow_cast('2026-01-04T10:00:00+02:00', 'Timestamp(Second, Some(\"+02:00\"))') AS t";
    assert_eq!(csv(results.query(zoned)), "t\n2026-01-04T08:00:00.000000Z\n");
    assert_eq!(csv(results.query("SELECT 1 AS one WHERE false")), "one\n");
    assert_eq!(
        csv(results.query("SELECT timestamp FROM dbt_track_facts WHERE event_id IS NULL")),
        "timestamp\n1970-01-01T00:00:00.000000Z\n"
    );
}

#[test]
fn only_reading_is_allowed() {
    let (_folder, out) = output();
    let results = Queries::open(&out).unwrap();
    let target = out.join("stolen.csv");
    let refused = [
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'".to_owned(),
        "DROP TABLE dbt_track_facts".to_owned(),
        "INSERT INTO dbt_session_duration VALUES ('a', 'b', 1)".to_owned(),
        "DELETE FROM dbt_session_duration".to_owned(),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        format!("COPY dbt_session_duration TO '{}' STORED AS CSV", target.display()),
        "EXPLAIN ANALYZE INSERT INTO dbt_session_duration VALUES ('a', 'b', 1)".to_owned(),
    ];
    for sql in refused {
        let error = results.query(&sql).err().unwrap_or_else(|| panic!("{sql}"));
        assert!(matches!(error, ResultsError::NotAQuery { .. }), "{sql}: {error:?}");
    }
    assert!(!target.exists());
    for sql in ["SELECT 1; SELECT 2", "SELECT * FROM read_csv('/etc/passwd')", "SELEC 1", ""] {
        let error = results.query(sql).err().unwrap_or_else(|| panic!("{sql}"));
        assert!(matches!(error, ResultsError::Sql { .. }), "{sql}: {error:?}");
    }
    // A file is no table.
    let error = results.query("SELECT * FROM '/etc/passwd'").err().expect("an error");
    assert!(matches!(error, ResultsError::NoTable { .. }), "{error:?}");
    for sql in ["SHOW TABLES", "DESCRIBE dbt_track_facts", "EXPLAIN SELECT 1"] {
        assert!(csv(results.query(sql)).lines().count() > 1, "{sql}");
    }
}

#[test]
fn a_filter_is_one_expression() {
    let (_folder, out) = output();
    let results = Queries::open(&out).unwrap();
    for filter in
        ["session_duration >", "nothing = 1", "true; DROP TABLE x", "true) OR (true", "session_duration"]
    {
        let error = results
            .show("dbt_session_duration", None, Some(filter))
            .err()
            .unwrap_or_else(|| panic!("{filter}"));
        assert!(matches!(error, ResultsError::BadFilter { .. }), "{filter}: {error:?}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let (_folder, out) = output();
    let results = Queries::open(&out).unwrap();
    let error = results.show("dbt_trackfacts", None, None).err().unwrap();
    assert_eq!(error.to_string(), "there is no table `dbt_trackfacts`");
    assert_eq!(error.hint().unwrap(), "did you mean `dbt_track_facts`?");
    let error = Queries::open(&out.join("none")).err().unwrap();
    assert!(matches!(error, ResultsError::NoResults { .. }), "{error:?}");
    let error = Queries::open_snapshot(&out, "000009").err().unwrap();
    assert_eq!(error.hint().unwrap(), "it has `000002`");
    assert_eq!(
        Queries::open_snapshot(&out, "000002").unwrap().folder(),
        Queries::open(&out).unwrap().folder()
    );
}

#[test]
fn an_answer_stays_with_the_snapshot_it_began_with() {
    let (_folder, out) = output();
    let results = Queries::open(&out).unwrap();
    durations(&out, "snapshots/000003/dbt_session_duration/2026.parquet", &[("new", 1)]);
    fs::remove_file(out.join("current")).unwrap();
    symlink("snapshots/000003", out.join("current")).unwrap();
    assert_eq!(csv(results.query("SELECT count(*) AS n FROM dbt_session_duration")), "n\n5\n");
    let newer = Queries::open(&out).unwrap();
    assert_eq!(csv(newer.query("SELECT count(*) AS n FROM dbt_session_duration")), "n\n1\n");
}
