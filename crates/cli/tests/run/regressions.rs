//! Bugs that were, each with its story.

use super::support::{ended, line, manifest, printed, tracklet};
use std::fs;
use std::io::Write;
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

/// The hint for a file of numbers of two magnitudes, followed, put the others into January 1970 at exit code 0, and so did a unit that
/// is none of the file's.
#[test]
fn r18_numbers_too_small_for_the_unit_of_times_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let config = |unit: &str| {
        fs::write(folder.path().join("tracklet.toml"), format!("[source]\ntime_unit = \"{unit}\"\n"))
            .unwrap();
    };
    let row = |id: u8, time: &str| line(&format!("m{id}"), "a", time);
    let mixed = [row(1, "1767520800000"), row(2, "1767523260"), row(3, "1767521100000")].join("\n");
    fs::write(folder.path().join("mixed.json"), &mixed).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["init", "mixed.json", "--config", "i.toml"]));
    let units = "milliseconds (1767520800000) and seconds (1767523260)";
    assert!(code == 0 && said.contains(units), "{said}");
    assert!(!fs::read_to_string(folder.path().join("i.toml")).unwrap().contains("\ntime_unit"));

    config("milliseconds");
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "mixed.json", "--out", "a"]));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the times of 1 event are numbers too small for milliseconds"), "{said}");
    assert!(said.contains("`1767523260` counts seconds"), "{said}");

    // All in one unit: what the warning says helps.
    fs::write(folder.path().join("b.csv"), "id,user_id,timestamp\n1,u,1767523260\n2,u,1767523261\n").unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "b.csv", "--out", "b"]));
    assert!(
        code == 1 && said.contains("the times of 2 events") && said.contains("time_unit = \"seconds\""),
        "{said}"
    );
    config("seconds");
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "b.csv", "--out", "c"]));
    assert!(code == 0 && !said.contains("warning"), "{said}");
    // Times of before 2001, and texts, are as they are.
    fs::write(folder.path().join("d.csv"), "id,user_id,timestamp\n1,u,900000000\n2,u,1970-01-02 00:00:00\n")
        .unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "d.csv", "--out", "d"]));
    assert!(code == 0 && !said.contains("warning"), "{said}");
}

/// `unload ... gzip` writes rows without a header into files whose name ends in `.gz` alone: they were taken for JSON.
#[test]
fn r20_compressed_rows_without_a_header_are_known_as_the_plain_ones_are() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "m1|d1||viewed|2026-01-04 10:00:00\nm2|d1||viewed|2026-01-04 10:01:00\n";
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(rows.as_bytes()).unwrap();
    fs::create_dir(folder.path().join("unload")).unwrap();
    fs::write(folder.path().join("unload/0000_part_00.gz"), encoder.finish().unwrap()).unwrap();
    let sentence = "rows with `|` between their fields and no header: run with --format csv";
    for arguments in [
        &["run", "unload"][..],
        &["init", "unload"],
        &["run", "unload/0000_part_00.gz"],
        &["init", "unload/*"],
    ] {
        let (code, said) = ended(&mut tracklet(folder.path(), arguments));
        assert!(code == 2 && said.contains(sentence), "{arguments:?}: {said}");
    }
    let columns = "[source.csv]\nheader = false\ncolumns = [\"id\", \"anonymous_id\", \"user_id\", \"event\", \"timestamp\"]\n";
    fs::write(folder.path().join("tracklet.toml"), columns).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "unload", "--format", "csv"]));
    assert!(code == 0 && said.contains("2 sessionized"), "{said}");
}
