//! Input as it comes: what is good, what is damaged, and what becomes of each.

use super::support::{ended, line, manifest, tracklet};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs;
use std::io::Write;
use std::path::Path;

const TIME: &str = "2026-01-04T10:00:00Z";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A file's name and bytes, and how many of its rows are sessionized and unreadable or otherwise rejected.
type InputCase = (&'static str, Vec<u8>, u64, &'static [(&'static str, u64)]);

fn cases() -> Vec<InputCase> {
    let good = line("m1", "a", TIME);
    let next = line("m2", "a", TIME);
    let both = format!("{good}\n{next}\n");
    let long = good.replace(r#""type""#, &format!(r#""x":"{}","type""#, "y".repeat(10 << 20)));
    let header = "id,anonymous_id,event,timestamp";
    // Random ids: what compresses well has no middle to break.
    let many: String = (0..5_000u32)
        .map(|row| line(&format!("{:x}", row.wrapping_mul(2_654_435_761)), "a", TIME) + "\n")
        .collect();
    let whole = gzip(many.as_bytes());
    vec![
        ("mark.json", format!("\u{feff}{good}\r\n\r\n  \r\n{next}\r\n").into_bytes(), 2, &[]),
        ("long.json", format!("{long}\n{next}\n").into_bytes(), 2, &[]),
        ("lines.ndjson.gz", gzip(both.as_bytes()), 2, &[]),
        ("table.csv.gz", gzip(format!("{header}\r\nm1,a,viewed,{TIME}\r\n").as_bytes()), 1, &[]),
        ("half.json", format!("{good}\n{}", &next[..40]).into_bytes(), 1, &[("unreadable", 1)]),
        (
            "utf8.json",
            [good.as_bytes(), b"\n{\"type\":\"track\",\"x\":\"\xFF\"}\n"].concat(),
            1,
            &[("unreadable", 1)],
        ),
        ("nul.json", both.replace("m2", "m\0").into_bytes(), 1, &[("unreadable", 1)]),
        ("escaped-nul.json", both.replace("m2", "m\\u0000").into_bytes(), 1, &[("invalid_text", 1)]),
        ("not.parquet", b"PAR1 and then something else".to_vec(), 0, &[("unreadable", 1)]),
        ("not.json.gz", b"no gzip at all".to_vec(), 0, &[("unreadable", 1)]),
        ("cut.json.gz", whole[..whole.len() - 9].to_vec(), u64::MAX, &[("unreadable", 1)]),
        ("fields.csv", format!("{header}\nm1,a,viewed,{TIME}\nm2,a\n").into_bytes(), 1, &[("unreadable", 1)]),
    ]
}

/// Reads every file again, whatever was read before.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    ended(&mut tracklet(folder, &[&["run", "--full-refresh", "--yes"], arguments].concat()))
}

#[test]
fn good_rows_count_and_the_damaged_are_listed_and_reported() {
    for (name, bytes, sessionized, rejected) in cases() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        let (code, said) = run(folder.path(), &[name]);
        assert_eq!(code, i32::from(!rejected.is_empty()), "{name}: {said}");
        let manifest = manifest(&folder.path().join("out"));
        let found = manifest["rows"]["sessionized"].as_u64().unwrap();
        if sessionized == u64::MAX {
            assert!((1..5_000).contains(&found) || found == 5_000, "{name}: {found}");
        } else {
            assert_eq!(found, sessionized, "{name}: {said}");
        }
        let found: Vec<(&str, u64)> = manifest["rejects"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(reason, rows)| (reason.as_str(), rows.as_u64().unwrap()))
            .collect();
        assert_eq!(found, rejected, "{name}");
        for (reason, rows) in rejected {
            assert!(
                said.contains(&format!("{rows} {reason}), listed in tracklet_rejects")),
                "{name}: {said}"
            );
            let sql = "SELECT source_file, reason FROM tracklet_rejects";
            let output = tracklet(folder.path(), &["query", sql, "--format", "csv"]).output().unwrap();
            let listed = String::from_utf8(output.stdout).unwrap();
            assert_eq!(listed, format!("source_file,reason\n{name},{reason}\n"), "{name}");
        }
    }
}

#[test]
fn strict_publishes_what_is_good_and_nothing_that_is_not() {
    for (name, bytes, _, rejected) in cases() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        let (code, said) = run(folder.path(), &[name, "--strict"]);
        let is_good = rejected.is_empty();
        assert_eq!(code, if is_good { 0 } else { 2 }, "{name}: {said}");
        assert_eq!(folder.path().join("out/current").exists(), is_good, "{name}");
        assert_eq!(said.contains(name) && said.contains("hint:"), !is_good, "{name}: {said}");
    }
}

#[test]
fn rows_that_are_read_well_and_are_no_tracks_leave_the_code_at_0_unless_strict() {
    let folder = tempfile::tempdir().unwrap();
    let lines =
        [line("m1", "a", TIME), line("m2", "a", "yesterday"), line("", "a", TIME), line("m4", "", TIME)];
    fs::write(folder.path().join("a.json"), lines.join("\n")).unwrap();
    let (code, said) = run(folder.path(), &["a.json"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 rejected (1 bad_timestamp, 1 missing_event_id, 1 missing_ids)"), "{said}");
    assert_eq!(run(folder.path(), &["a.json", "--strict"]).0, 2);
}

#[test]
fn formats_are_mixed_in_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let mixed = folder.path().join("mixed");
    fs::create_dir(&mixed).unwrap();
    fs::write(mixed.join("a.json"), line("m1", "a", TIME)).unwrap();
    fs::write(mixed.join("b.csv"), format!("ID,ANONYMOUS_ID,EVENT_TEXT,TIMESTAMP\nm2,a,Viewed,{TIME}\n"))
        .unwrap();
    fs::write(mixed.join("c.jsonl.gz"), gzip(line("m3", "a", TIME).as_bytes())).unwrap();
    assert_eq!(run(folder.path(), &["mixed"]).0, 0);
    let sql = "SELECT event, count(*) AS n FROM dbt_track_facts GROUP BY event ORDER BY event";
    let output = tracklet(folder.path(), &["query", sql, "--format", "csv"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "event,n\nviewed,3\n");
}

#[test]
fn a_longest_line_can_be_set_and_where_leaves_rows_out() {
    let folder = tempfile::tempdir().unwrap();
    let long = line("m2", &"a".repeat(3000), TIME);
    fs::write(folder.path().join("a.json"), [line("m1", "a", TIME), long].join("\n")).unwrap();
    assert_eq!(run(folder.path(), &["a.json", "--max-line", "4KiB"]).0, 0);
    assert_eq!(run(folder.path(), &["a.json", "--max-line", "2KiB"]).0, 1);
    let (code, said) = run(folder.path(), &["a.json", "--max-line", "2 miles"]);
    assert!(code == 2 && said.contains("512MiB"), "{said}");

    fs::write(folder.path().join("tracklet.toml"), "[source]\nwhere = \"anonymous_id <> 'a'\"\n").unwrap();
    assert_eq!(run(folder.path(), &["a.json"]).0, 0);
    let rows = &manifest(&folder.path().join("out"))["rows"];
    assert_eq!((rows["read"].as_u64(), rows["skipped"].as_u64()), (Some(1), Some(1)));
    for (filter, expected) in [("nothing = 1", "hint: texts stand in"), ("a = = 1", "hint: an example")] {
        fs::write(folder.path().join("tracklet.toml"), format!("[source]\nwhere = \"{filter}\"\n")).unwrap();
        let (code, said) = run(folder.path(), &["a.json"]);
        assert!(code == 2 && said.contains(expected), "{filter}: {said}");
    }
}

// Every row of a file was rejected, and the exit code was 0.
#[test]
fn r16_a_file_that_is_mostly_rejected_is_a_warning_with_what_helps() {
    let cases = [
        (
            "a.csv",
            "id,anonymous_id,timestamp\nm1,a,1767520800000\nm2,a,1767520801000\n",
            "1767520800000",
            "time_unit = \"milliseconds\"",
        ),
        (
            "a.csv",
            "id,anonymous_id,timestamp\nm1,a,4.1.2026\nm2,a,5.1.2026\n",
            "4.1.2026",
            "[source.columns] timestamp",
        ),
        (
            "a.csv",
            "id,anonymous_id,timestamp\n,a,2026-01-04T10:00Z\n,a,2026-01-04T10:00Z\n",
            "missing_event_id",
            "[source.columns] event_id",
        ),
        (
            "a.json",
            "{\"event_timestamp\": \"1\", \"event_name\": \"x\", \"user_pseudo_id\": \"1.2\"}\n",
            "unreadable",
            "GA4's export",
        ),
    ];
    for (name, text, example, hint) in cases {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), text).unwrap();
        let (code, said) = run(folder.path(), &[name]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(&format!("rows of `{name}` are rejected")), "{said}");
        assert!(said.contains(example) && said.contains(hint), "{said}");
        let output = tracklet(folder.path(), &["test"]).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("no rows to test"), "{output:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let half = [line("m1", "a", TIME), line("m2", "a", "yesterday")].join("\n");
    fs::write(folder.path().join("a.json"), half).unwrap();
    assert_eq!(run(folder.path(), &["a.json"]).0, 0);
}

#[test]
fn a_lake_folder_yields_its_tracks_and_says_what_it_left() {
    let folder = tempfile::tempdir().unwrap();
    for table in ["tracks", "pages", "signup"] {
        fs::create_dir_all(folder.path().join("lake/shop").join(table)).unwrap();
        let csv = format!("id,anonymous_id,event,timestamp\nm1,a,viewed,{TIME}\n");
        fs::write(folder.path().join("lake/shop").join(table).join("a.csv"), csv).unwrap();
    }
    let (code, said) = run(folder.path(), &["lake"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains(
            "not read: 2 files of `lake/shop`, of other calls (pages; source.types takes calls in), and of single events (signup)"
        ),
        "{said}"
    );
    assert_eq!(manifest(&folder.path().join("out"))["rows"]["read"], 1);
    fs::create_dir(folder.path().join("lake/shop/tracks/_delta_log")).unwrap();
    fs::rename(
        folder.path().join("lake/shop/tracks/a.csv"),
        folder.path().join("lake/shop/tracks/a.parquet"),
    )
    .unwrap();
    let (code, said) = run(folder.path(), &["lake"]);
    assert!(code == 2 && said.contains("Delta Lake") && said.contains("hint: "), "{said}");
}

// 999 of 1,000 rows were lost as duplicates of each other without a word.
#[test]
fn an_event_id_that_most_rows_have_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let header = "id,anonymous_id,timestamp".to_owned();
    let rows = (0..1000).map(|row| format!("NULL,d{},2026-01-01T10:{:02}:00Z", row % 300, row % 60));
    let lines: Vec<String> = std::iter::once(header).chain(rows).collect();
    fs::write(folder.path().join("a.csv"), lines.join("\n")).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.csv"]));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1,000 of 1,000 rows have the event id `NULL`, and one of them is kept"), "{said}");
}
