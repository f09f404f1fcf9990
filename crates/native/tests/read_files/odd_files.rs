//! Files whose names lie or say nothing, and things in folders that are no files.

use super::parquet::{ids, parquet, times};
use super::support::{Files, gzip, line, outcome, zstd};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use tracklet_kernel::event_type::EventTypes;
use tracklet_native::read::inputs::{Compression, Format, InputError, discover};

const CSV: &str = "id,user_id,timestamp\n1,u,2026-01-04T10:00:00Z\n";

fn table() -> Vec<u8> {
    parquet(&[("id", ids(1)), ("user_id", ids(1)), ("timestamp", times(1))], 10)
}

fn kind(name: &str, bytes: &[u8]) -> Option<(Format, Compression)> {
    let files = Files::new();
    files.write(&format!("d/{name}"), bytes);
    files.write("d/x.json", line("x"));
    let inputs = discover(&[files.name("d")], None, EventTypes::default()).expect("a folder");
    let mut found = inputs.files.iter().filter(|file| file.name.ends_with(name));
    found.next().map(|file| (file.format, file.compression))
}

// A gzip called .json was one unreadable row, and files without an extension were passed over.
#[test]
fn r16_the_first_bytes_tell_what_a_file_holds() {
    use Compression::{Gzip, None as Plain, Zstd};
    use Format::{Csv, Json, Parquet};
    let json = line("1");
    let (packed, packed_csv) = (gzip(json.as_bytes()), gzip(CSV.as_bytes()));
    for (name, bytes, expected) in [
        ("a.json", packed.as_slice(), Some((Json, Gzip))),
        ("a.json", &zstd(json.as_bytes()), Some((Json, Zstd))),
        ("a.json.gz", json.as_bytes(), Some((Json, Plain))),
        ("a.csv", &packed_csv, Some((Csv, Gzip))),
        ("a.csv", &table(), Some((Parquet, Plain))),
        ("a.json", &table(), Some((Parquet, Plain))),
        ("a.csv", json.as_bytes(), Some((Json, Plain))),
        ("a.json", CSV.as_bytes(), Some((Csv, Plain))),
        ("a.parquet", json.as_bytes(), Some((Json, Plain))),
        ("a.gz", &packed_csv, Some((Csv, Gzip))),
        ("a.zst", &zstd(json.as_bytes()), Some((Json, Zstd))),
        // Athena, Trino and Redshift write no extension.
        ("20260104_144951_00037_v74wa_1ad6f92e", &table(), Some((Parquet, Plain))),
        ("part_00", CSV.as_bytes(), Some((Csv, Plain))),
        ("part_01", json.as_bytes(), Some((Json, Plain))),
        ("part_02", &packed, Some((Json, Gzip))),
        // What says nothing of tracks is none.
        ("manifest", br#"{"entries": [{"url": "s3://b/part_00"}]}"#, None),
        ("README", b"id, please", None),
        ("a.txt", CSV.as_bytes(), None),
        // What claims to be packed and is not stays what it claims.
        ("a.json.gz", b"no gzip", Some((Json, Gzip))),
        ("a.json", b"", Some((Json, Plain))),
        ("a.parquet", b"PAR1 and no more", Some((Parquet, Plain))),
    ] {
        assert_eq!(kind(name, bytes), expected, "{name}");
    }
    // A file that is named is looked into whatever it is called.
    let files = Files::new();
    files.write("a.txt", CSV);
    let inputs = discover(&[files.name("a.txt")], None, EventTypes::default()).expect("its bytes tell");
    assert_eq!(inputs.files[0].format, Csv);
}

#[test]
fn files_that_lie_are_read() {
    let files = Files::new();
    files.write("a.json", gzip(line("1").as_bytes()));
    files.write("b.csv", table());
    files.write("c.json", CSV);
    files.write("d.json.gz", line("4"));
    assert_eq!(outcome(&files.read()), (4, 0, vec![]));
}

// Opening a named pipe waits for ever.
#[test]
fn r16_pipes_sockets_devices_and_circles_end_nothing() {
    let files = Files::new();
    files.write("d/a.json", line("1"));
    let _socket = UnixListener::bind(files.path().join("d/b.json")).expect("a socket");
    rustix::fs::mknodat(CWD, files.path().join("d/c.json"), rustix::fs::FileType::Fifo, Mode::RWXU, 0)
        .expect("a pipe");
    symlink("e.json", files.path().join("d/e.json")).expect("a link to itself");
    symlink("g.json", files.path().join("d/f.json")).expect("a link");
    symlink("f.json", files.path().join("d/g.json")).expect("a link back");
    symlink("/dev/null", files.path().join("d/h.json")).expect("a link to a device");
    let inputs = discover(&[files.name("d")], None, EventTypes::default()).expect("one file");
    assert_eq!(
        (inputs.files.len(), inputs.ignored.len(), inputs.notes.len()),
        (1, 0, 6),
        "{:?}",
        inputs.notes
    );
    let is_noted = |end: &str| inputs.notes.iter().any(|note| note.ends_with(end));
    assert!(is_noted("d/c.json`, a named pipe") && is_noted("d/e.json`, a link that leads nowhere"));
    for (name, kind) in [("d/b.json", "a socket"), ("d/c.json", "a named pipe"), ("d/h.json", "a device")] {
        let error = discover(&[files.name(name)], None, EventTypes::default()).expect_err("it is no file");
        assert!(matches!(error, InputError::NoFile { kind: found, .. } if found == kind), "{error}");
    }
    let error = discover(&[files.name("d/e.json")], None, EventTypes::default()).expect_err("a circle");
    assert!(matches!(error, InputError::Io { .. }), "{error}");
}

// Two links in circles made 2^40 paths under `**`, and a link to nothing ended the run.
#[test]
fn patterns_end_at_circles_and_pass_over_dead_links() {
    let files = Files::new();
    files.write("c/a/x.json", line("1"));
    files.write("c/y.json", line("2"));
    files.write("c/.hidden/z.json", line("3"));
    symlink(".", files.path().join("c/itself")).expect("a circle");
    symlink("../c", files.path().join("c/up")).expect("another circle");
    symlink("nowhere", files.path().join("c/dead.json")).expect("a link to nothing");
    for (pattern, expected) in [
        ("c/**/*.json", &["c/a/x.json", "c/y.json"][..]),
        ("**/a/*.json", &["c/a/x.json"]),
        ("c/**", &["c/a/x.json", "c/y.json"]),
        ("*/**/[xz].json", &["c/a/x.json"]),
        ("c/**/.hidden/*.json", &["c/.hidden/z.json"]),
        ("c/*.json", &["c/y.json"]),
    ] {
        let inputs = discover(&[files.name(pattern)], None, EventTypes::default()).expect("files");
        let mut names: Vec<&str> = inputs.files.iter().map(|file| file.name.as_str()).collect();
        names.sort_unstable();
        let mut expected: Vec<String> = expected.iter().map(|name| files.name(name)).collect();
        expected.sort();
        assert_eq!(names, expected, "{pattern}");
    }
}

// A run over a folder with the output of another run stopped at one of its tables, with a hint about ids.
#[test]
fn tables_that_a_run_has_written_are_no_input() {
    let files = Files::new();
    files.write("d/a.json", line("1"));
    files.write("d/old/current/manifest.json", "{}");
    files.write("d/old/snapshots/000001/dbt_track_facts/all.json", line("2"));
    files.write("d/no_output/snapshots/b.json", line("3"));
    let inputs = discover(&[files.name("d")], None, EventTypes::default()).expect("files");
    let names: Vec<&str> = inputs.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, [files.name("d/a.json"), files.name("d/no_output/snapshots/b.json")]);
}

#[test]
fn a_path_that_the_system_does_not_take_is_rejected_by_its_name() {
    let files = Files::new();
    files.write("d/a.json", line("1"));
    let part = "x".repeat(250);
    let mut folder = openat(CWD, files.path().join("d"), OFlags::DIRECTORY, Mode::empty()).expect("a folder");
    for _ in 0..20 {
        mkdirat(&folder, &part, Mode::RWXU).expect("a folder");
        folder = openat(&folder, &part, OFlags::DIRECTORY, Mode::empty()).expect("a folder");
    }
    let read = files.read();
    assert_eq!(outcome(&read), (1, 0, vec![(None, "unreadable")]));
    assert!(read.rejects[0].source_file.ends_with(&part) && read.rejects[0].source_file.len() > 4096);
}
