//! Input files come and go: they are moved, grow, change and vanish, and their rows stay.

use super::support::{ended, line, manifest, tables, tracklet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

fn event(name: &str, minute: u32) -> String {
    line(name, "a", &format!("2026-01-01T10:{minute:02}:00Z"))
}

/// A folder with `logs`, which holds these files.
fn with_logs(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("logs")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join("logs").join(name), text).unwrap();
    }
    folder
}

/// Runs over `logs`; answers the exit code and what was said.
fn run(folder: &Path, more: &[&str]) -> (i32, String) {
    ended(&mut tracklet(folder, &[&["run", "logs"][..], more].concat()))
}

fn append(folder: &Path, name: &str, text: &str) {
    let mut file = OpenOptions::new().append(true).open(folder.join("logs").join(name)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    // Not the time at which it was read, however quick the test is.
    file.set_modified(SystemTime::now() + Duration::from_secs(5)).unwrap();
}

/// Where the rows of all runs went: read, sessionized, duplicates, rejected.
fn rows(folder: &Path) -> [u64; 4] {
    let rows = manifest(&folder.join("out"))["rows"].clone();
    ["read", "sessionized", "duplicates", "rejected"].map(|key| rows[key].as_u64().unwrap())
}

/// The tables are those of one run over what is there.
fn assert_is_rebuilt(folder: &Path) {
    let (code, said) = ended(&mut tracklet(folder, &["run", "logs", "--out", "whole"]));
    assert!(code < 2, "{said}");
    assert!(tables(&folder.join("out")) == tables(&folder.join("whole")));
    assert_eq!(manifest(&folder.join("out"))["rows"], manifest(&folder.join("whole"))["rows"]);
    fs::remove_dir_all(folder.join("whole")).unwrap();
}

// An inbox that is emptied after each run failed until the next file came.
#[test]
fn when_all_files_are_gone_their_rows_stay_and_nothing_fails() {
    let folder = with_logs(&[("a.json", &event("a", 1)), ("b.json", &event("b", 2))]);
    let at = folder.path();
    assert_eq!(run(at, &[]).0, 0);
    fs::remove_file(at.join("logs/a.json")).unwrap();
    fs::remove_file(at.join("logs/b.json")).unwrap();
    for paths in ["logs", "logs/*.json", "logs/a.json", "logs/**/*.json"] {
        let (code, said) = ended(&mut tracklet(at, &["run", paths]));
        assert!(
            code == 0 && said.contains("no new files") && said.contains("2 files that are gone"),
            "{paths}: {said}"
        );
    }
    assert_eq!(rows(at), [2, 2, 0, 0]);
    // What was never read is a mistake still, and so is a full refresh over nothing.
    for arguments in [&["run", "lgos"][..], &["run", "logs", "--full-refresh", "--yes"]] {
        assert_eq!(ended(&mut tracklet(at, arguments)).0, 2, "{arguments:?}");
    }
    fs::write(at.join("logs/c.json"), event("c", 3)).unwrap();
    assert_eq!(run(at, &[]).0, 0);
    assert_eq!(rows(at), [3, 3, 0, 0]);
}

// Every run after a file was removed failed, and its hint lost the rows.
#[test]
fn a_file_that_is_gone_keeps_its_rows_and_is_counted() {
    let folder = with_logs(&[("a.json", &event("a", 1)), ("b.json", &event("b", 2))]);
    let at = folder.path();
    assert_eq!(run(at, &[]).0, 0);
    fs::remove_file(at.join("logs/b.json")).unwrap();
    let (code, said) = run(at, &[]);
    assert!(code == 0 && said.contains("no new files") && said.contains("1 file that is gone"), "{said}");
    fs::write(at.join("logs/c.json"), event("c", 3)).unwrap();
    let (code, said) = run(at, &[]);
    assert!(code == 0 && said.contains("1 file that is gone by now: its rows stay"), "{said}");
    assert_eq!(rows(at), [3, 3, 0, 0]);
    assert_eq!(manifest(&at.join("out"))["gone"], 1);

    // Other rules rebuild everything from the stored rows.
    fs::write(at.join("tracklet.toml"), "[sessions]\ntimeout = \"30s\"\nboundary = \"exact\"\n").unwrap();
    assert_eq!(run(at, &[]).0, 0);
    assert_eq!(rows(at), [3, 3, 0, 0]);
    assert_eq!(manifest(&at.join("out"))["sessions"], 3);
    // What is read otherwise can't be read again.
    fs::write(at.join("tracklet.toml"), "[source]\nwhere = \"event = 'viewed'\"\n").unwrap();
    let (code, said) = run(at, &[]);
    assert!(code == 0 && said.contains("can't be read again: all rows stay"), "{said}");
    assert_eq!(rows(at), [3, 3, 0, 0]);
    assert_eq!(ended(&mut tracklet(at, &["snapshots", "rollback"])).0, 0);
    assert_eq!(rows(at), [3, 3, 0, 0]);
    fs::remove_file(at.join("tracklet.toml")).unwrap();
    assert_eq!(run(at, &[]).0, 0);
    let (code, said) = ended(&mut tracklet(at, &["forget", "--user-id", "nobody"]));
    assert_eq!(code, 0, "{said}");
    assert_eq!(rows(at), [3, 3, 0, 0]);

    let before = tables(&at.join("out"));
    let (code, said) = run(at, &["--full-refresh"]);
    assert_eq!(code, 2, "{said}");
    for expected in ["would drop 1 row of 1 file", "`logs/b.json` (1 row)", "--yes"] {
        assert!(said.contains(expected), "{said}");
    }
    assert!(before == tables(&at.join("out")));
    let (code, said) = run(at, &["--full-refresh", "--yes"]);
    assert_eq!((code, rows(at)), (0, [2, 2, 0, 0]), "{said}");
    // Nothing is lost, so nothing is asked.
    assert_eq!(run(at, &["--full-refresh"]).0, 0);
}

#[test]
fn a_file_is_known_by_its_content_whatever_it_is_called() {
    let folder = with_logs(&[
        ("a.json", &event("a", 1)),
        ("b.json", &event("bb", 2)),
        ("d.json", &event("ddd", 4)),
        // A second copy of what is read.
        ("e.json", &event("a", 1)),
    ]);
    let at = folder.path();
    let (code, said) = run(at, &[]);
    assert_eq!(code, 0);
    // The copy is not passed over without a word.
    assert!(
        said.contains("warning: not read: `logs/e.json`, with the same content as another file"),
        "{said}"
    );
    assert_eq!(rows(at), [3, 3, 0, 0]);
    let logs = at.join("logs");
    // Renamed, moved, touched, copied, linked.
    fs::rename(logs.join("a.json"), logs.join("z.jsonl")).unwrap();
    fs::create_dir(logs.join("2026")).unwrap();
    fs::rename(logs.join("b.json"), logs.join("2026/b.json")).unwrap();
    let touched = File::options().append(true).open(logs.join("d.json")).unwrap();
    touched.set_modified(SystemTime::now() + Duration::from_secs(100)).unwrap();
    fs::copy(logs.join("d.json"), logs.join("copy.json")).unwrap();
    fs::hard_link(logs.join("d.json"), logs.join("hard.json")).unwrap();
    std::os::unix::fs::symlink("d.json", logs.join("soft.json")).unwrap();
    for _ in 0..2 {
        let (code, said) = run(at, &[]);
        assert!(code == 0 && said.contains("no new files") && !said.contains("gone"), "{said}");
    }
    // A name that another file has had.
    fs::write(logs.join("a.json"), event("other", 9)).unwrap();
    let (code, said) = run(at, &[]);
    assert_eq!((code, rows(at)), (0, [4, 4, 0, 0]), "{said}");
    assert!(run(at, &[]).1.contains("no new files"));
    assert_is_rebuilt(at);
}

// Rotated by hand: the old content under a new name, and new content under the old one.
#[test]
fn a_rotated_log_is_two_files() {
    let folder = with_logs(&[("app.json", &format!("{}\n", event("a", 1)))]);
    let at = folder.path();
    assert_eq!(run(at, &[]).0, 0);
    fs::rename(at.join("logs/app.json"), at.join("logs/app-1.json")).unwrap();
    fs::write(at.join("logs/app.json"), format!("{}\n", event("b", 2))).unwrap();
    assert_eq!((run(at, &[]).0, rows(at)), (0, [2, 2, 0, 0]));
    append(at, "app.json", &event("c", 3));
    assert_eq!((run(at, &[]).0, rows(at)), (0, [3, 3, 0, 0]));
    assert_is_rebuilt(at);
}

#[test]
fn of_a_file_that_grew_the_new_part_is_read() {
    let csv = "id,anonymous_id,event,timestamp\nc1,a,\"two\nlines\",2026-01-01T10:00:00Z\nbad,a,e,never\n";
    let json = format!("{}\nno json\n", event("j1", 1));
    let folder = with_logs(&[("grows.csv", csv), ("grows.json", &json), ("empty.json", "")]);
    let at = folder.path();
    run(at, &[]);
    assert_eq!(rows(at), [4, 2, 0, 2]);
    append(at, "grows.csv", "c2,a,\"more\n\",2026-01-01T10:05:00Z\nbad2,a,e,never\n");
    append(at, "grows.json", &format!("{}\nno json either\n", event("j2", 2)));
    append(at, "empty.json", &event("first", 3));
    let (_, said) = run(at, &[]);
    assert_eq!(rows(at), [9, 5, 0, 4], "{said}");
    assert_eq!(manifest(&at.join("out"))["new"]["rows"]["read"], 5);
    // Also the numbers of the rejected rows.
    assert_is_rebuilt(at);
    assert!(run(at, &[]).1.contains("no new files"));
}

// A run met a line that was half written.
#[test]
fn a_last_line_without_an_end_is_read_again_when_it_goes_on() {
    let (first, second) = (event("a", 1), event("b", 2));
    let folder = with_logs(&[
        ("a.json", &format!("{first}\n{}", &second[..30])),
        ("b.json", &event("whole", 3)),
        ("c.csv", "id,anonymous_id,event,timestamp\nc1,a,e,2026-01-01T10:00:00Z\nc2,a"),
    ]);
    let at = folder.path();
    assert_eq!((run(at, &[]).0, rows(at)), (1, [5, 3, 0, 2]));
    append(at, "a.json", &format!("{}\n", &second[30..]));
    append(at, "b.json", &format!("\n{}", event("next", 4)));
    append(at, "c.csv", ",e,2026-01-01T10:07:00Z\n");
    let (code, said) = run(at, &[]);
    assert_eq!((code, rows(at)), (0, [6, 6, 0, 0]), "{said}");
    assert_is_rebuilt(at);
    // The row that was there was another.
    append(at, "b.json", "more");
    let (code, said) = run(at, &[]);
    assert!(code == 2 && said.contains("`logs/b.json` changed"), "{said}");
}

#[test]
fn a_file_that_changed_is_an_error_that_offers_what_can_be_done() {
    let old = format!("{}\n{}\n", event("a", 1), event("b", 2));
    let folder = with_logs(&[("a.json", &old)]);
    let at = folder.path();
    assert_eq!(run(at, &[]).0, 0);
    let before = tables(&at.join("out"));
    fs::write(at.join("logs/a.json"), format!("{}\n{}\n{}\n", event("x", 1), event("b", 2), event("c", 3)))
        .unwrap();
    let (code, said) = run(at, &[]);
    assert_eq!(code, 2, "{said}");
    for expected in ["`logs/a.json` changed since it was read", "--changed reread", "--changed keep"] {
        assert!(said.contains(expected), "{said}");
    }
    assert!(before == tables(&at.join("out")));
    let (code, said) = run(at, &["--changed", "reread"]);
    assert_eq!((code, rows(at)), (0, [5, 4, 1, 0]), "{said}");
    assert!(run(at, &[]).1.contains("no new files"));

    fs::write(at.join("logs/a.json"), event("shorter", 1)).unwrap();
    assert_eq!(run(at, &[]).0, 2);
    assert_eq!((run(at, &["--changed", "keep"]).0, rows(at)), (0, [5, 4, 1, 0]));
    assert!(run(at, &[]).1.contains("no new files"));
    // From there it grows.
    append(at, "a.json", &format!("\n{}", event("grown", 9)));
    assert_eq!((run(at, &[]).0, rows(at)), (0, [6, 5, 1, 0]));
    // A full refresh drops rows that the file has no more.
    fs::write(at.join("logs/a.json"), event("other", 1)).unwrap();
    let (code, said) = run(at, &["--full-refresh"]);
    assert!(code == 2 && said.contains("would drop 6 rows of 1 file"), "{said}");
}

/// Runs over `logs` before and after each file grew; the tables are those of one run over all.
fn assert_grows(parts: &[(&str, &[u8], &[u8])], configuration: &str) {
    let folder = with_logs(&[]);
    let at = folder.path();
    fs::write(at.join("tracklet.toml"), configuration).unwrap();
    for (name, old, _) in parts {
        fs::write(at.join("logs").join(name), old).unwrap();
    }
    assert!(run(at, &[]).0 < 2);
    for (name, _, new) in parts {
        let mut text = fs::read(at.join("logs").join(name)).unwrap();
        text.extend_from_slice(new);
        fs::write(at.join("logs").join(name), text).unwrap();
        let file = File::options().append(true).open(at.join("logs").join(name)).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(5)).unwrap();
    }
    let (code, said) = run(at, &[]);
    assert!(code < 2, "{said}");
    assert_eq!(manifest(&at.join("out"))["new"]["files"], parts.len(), "{said}");
    assert_is_rebuilt(at);
}

#[test]
fn tables_grow_however_they_are_written() {
    let header = "id;anonymous_id;event;timestamp\n";
    let row = |id: &str| format!("{id};a;e;2026-01-01T10:00:00Z\n");
    let (first, second) = (row("1"), row("2"));
    assert_grows(
        &[
            (
                "mark.csv",
                format!("\u{feff}{header}{first}").as_bytes(),
                b"bad;a\n2;a;e;2026-01-01T10:05:00Z\n",
            ),
            ("blank.csv", b"\n\n", format!("{header}bad\n{second}").as_bytes()),
            ("header.csv", header.trim_end().as_bytes(), format!("\n{second}bad\n").as_bytes()),
            (
                "windows.csv",
                b"id,anonymous_id,timestamp\r\n3,u,2026-01-01T10:00:00Z\r\n",
                b"bad,u\r\n4,u,2026-01-02T10:00:00Z\r\n",
            ),
            // Lines around tables.
            (
                "excel.csv",
                b"sep=;\r\nid;anonymous_id;timestamp\r\n5;u;2026-01-01T10:00:00Z\r\n",
                b"bad;u\r\nid;anonymous_id;timestamp\r\n6;u;2026-01-02T10:00:00Z\r\n",
            ),
            (
                "psql.csv",
                b"# comment\nid|anonymous_id|timestamp\n7|u|2026-01-01T10:00:00Z\n(1 row)\n",
                b"id|anonymous_id|timestamp\nbad|u|\n8|u|2026-01-02T10:00:00Z\n(2 rows)\n",
            ),
            (
                "spaces.csv",
                b"# comment\nid, anonymous_id, timestamp\n9, \"u, v\", 2026-01-01T10:00:00Z\n",
                b"10, \"u, v\", 2026-01-02T10:00:00Z\nbad, u\n",
            ),
            (
                "r.csv",
                b"id,anonymous_id,timestamp\n",
                b"1,11,u,2026-01-01T10:00:00Z\n2,12,u,2026-01-01T10:00:00Z\n",
            ),
            // Nothing was read, so its encoding is not known yet.
            ("utf16.json", b"", b"\xFF\xFE{\0}\0\n\0"),
        ],
        "",
    );
    let configured = "[source.csv]\nheader = false\nquote = \"none\"\ncolumns = [\"id\", \"anonymous_id\", \"timestamp\", \"event\"]\n";
    assert_grows(
        &[
            ("a.csv", b"1,u,2026-01-01T10:00:00Z,5\" pipe\n", b"bad\n2,u,2026-01-02T10:00:00Z,e\n"),
            ("b.csv", b"3,u,20", b"26-01-01T10:00:00Z,e\nbad\n"),
        ],
        configured,
    );
}

// Read alone, its first row was taken for a header.
#[test]
fn a_part_without_a_header_grows_and_comes_alone() {
    let row = |id: &str| format!("{id},a,e,2026-01-01T10:00:00Z\n");
    let first = format!("id,anonymous_id,event,timestamp\n{}", row("1"));
    let folder = with_logs(&[("a.csv", &first), ("b.csv", &row("2"))]);
    let at = folder.path();
    let (code, said) = run(at, &[]);
    assert_eq!((code, rows(at)), (0, [2, 2, 0, 0]), "{said}");
    append(at, "b.csv", &row("3"));
    let (code, said) = run(at, &[]);
    assert_eq!((code, rows(at)), (0, [3, 3, 0, 0]), "{said}");
    fs::write(at.join("logs/c.csv"), row("4")).unwrap();
    let (code, said) = run(at, &[]);
    assert_eq!((code, rows(at)), (0, [4, 4, 0, 0]), "{said}");
    assert_is_rebuilt(at);
    // In another folder it is a part of no table.
    fs::create_dir(at.join("logs/other")).unwrap();
    fs::write(at.join("logs/other/d.csv"), row("5")).unwrap();
    let (code, said) = run(at, &[]);
    assert!(code == 2 && said.contains("`logs/other/d.csv`"), "{said}");
}

// Only the run that met the change said so, and later ones mixed rows of two rules without a word.
#[test]
fn rows_that_follow_an_earlier_setting_are_warned_of_until_they_are_read_again() {
    let track = |id: &str, user: &str| {
        format!(
            r#"{{"type":"track","messageId":"{id}","anonymousId":"d","userId":"{user}","timestamp":"2026-01-01T10:00:00Z"}}"#
        )
    };
    let (first, second) = (track("1", "unknown"), track("2", "ann"));
    let folder = with_logs(&[("a.json", &first), ("b.json", &second)]);
    let at = folder.path();
    assert_eq!(run(at, &[]).0, 0);
    fs::remove_file(at.join("logs/a.json")).unwrap();
    fs::write(at.join("tracklet.toml"), "[identity]\nignore = [\"unknown\"]\n").unwrap();
    let (code, said) = run(at, &[]);
    assert!(code == 0 && said.contains("can't be read again: all rows stay"), "{said}");
    let warning = "rows up to snapshot 000001 follow an earlier identity.ignore";
    // With new files and without.
    fs::write(at.join("logs/c.json"), track("3", "unknown")).unwrap();
    for _ in 0..2 {
        let (code, said) = run(at, &[]);
        assert!(code == 0 && said.contains(warning), "{said}");
        assert_eq!(manifest(&at.join("out"))["older_settings"][0]["setting"], "identity.ignore");
    }
    let (code, said) = ended(&mut tracklet(at, &["forget", "--user-id", "nobody"]));
    assert_eq!(code, 0, "{said}");
    assert!(run(at, &[]).1.contains(warning));
    // The file is back.
    fs::write(at.join("logs/a.json"), &first).unwrap();
    let (code, said) = run(at, &[]);
    assert!(code == 0 && said.contains("can be read again") && !said.contains("warning"), "{said}");
    assert!(manifest(&at.join("out")).get("older_settings").is_none());
    assert_is_rebuilt(at);
    assert!(!run(at, &[]).1.contains("warning"));
}

// What was read of it says nothing of where its new part starts.
#[test]
fn a_file_whose_parts_are_not_the_whole_has_changed() {
    let pretty = "{\n  \"messageId\": \"m\",\n  \"anonymousId\": \"a\"";
    let list = format!("[{},\n{}\n", event("a", 1), event("b", 2));
    let utf16: Vec<u8> = "\u{feff}id,anonymous_id,timestamp\n1,u,2026-01-01T10:00:00Z\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let files: [(&str, &[u8], &[u8]); 4] = [
        ("pretty.json", pretty.as_bytes(), b",\n\"type\": \"track\"}\n"),
        ("list.json", list.as_bytes(), b"]"),
        ("utf16.csv", &utf16, b"2\0\n\0"),
        (
            "single.csv",
            b"'id','anonymous_id','timestamp'\n'1','u','2026-01-01T10:00:00Z'\n",
            b"'2','u','2026-01-02T10:00:00Z'\n",
        ),
    ];
    for (name, old, new) in files {
        let folder = with_logs(&[]);
        let at = folder.path();
        fs::write(at.join("logs").join(name), old).unwrap();
        assert!(run(at, &[]).0 < 2, "{name}");
        let mut text = old.to_vec();
        text.extend_from_slice(new);
        fs::write(at.join("logs").join(name), text).unwrap();
        let (code, said) = run(at, &[]);
        assert!(code == 2 && said.contains("changed since it was read"), "{name}: {said}");
    }
}

#[test]
fn what_a_path_says_of_its_rows_is_part_of_what_they_are() {
    let folder = with_logs(&[]);
    let at = folder.path();
    let write = |name: &str| {
        let path = at.join("logs").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "id,anonymous_id,timestamp\n1,u,2026-01-01T10:00:00Z\n").unwrap();
    };
    write("event=viewed/day=1/a.csv");
    write("event=viewed/day=2/a.csv");
    write("event=bought/day=1/a.csv");
    assert_eq!((run(at, &[]).0, rows(at)), (0, [2, 1, 1, 0]));
    write("event=left/day=1/a.csv");
    write("event=left/day=2/a.csv");
    assert_eq!((run(at, &[]).0, rows(at)), (0, [3, 1, 2, 0]));
    assert_is_rebuilt(at);
}
