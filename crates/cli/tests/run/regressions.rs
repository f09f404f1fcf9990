//! Bugs that were, each with its story.

use super::support::{ended, line, manifest, printed, tracklet};
use std::fs;
use std::io::Write;
use std::path::Path;

/// An input that the fuzzer found.
fn found(target: &str, name: &str) -> Vec<u8> {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../fuzz/regressions");
    fs::read(folder.join(target).join(name)).unwrap()
}

/// The decoder asserts that a damaged page's bit width fits the type. The panic was caught and the file rejected, but
/// the user saw a line about a thread that panicked as if the program had failed.
#[test]
fn r1_a_decoder_that_gives_up_is_reported_as_a_reject_alone() {
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
    for arguments in [&["run", "unload"][..], &["init", "unload"], &["run", "unload/0000_part_00.gz"]] {
        let (code, said) = ended(&mut tracklet(folder.path(), arguments));
        assert!(code == 2 && said.contains(sentence), "{arguments:?}: {said}");
    }
    let columns = "[source.csv]\nheader = false\ncolumns = [\"id\", \"anonymous_id\", \"user_id\", \"event\", \"timestamp\"]\n";
    fs::write(folder.path().join("tracklet.toml"), columns).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "unload", "--format", "csv"]));
    assert!(code == 0 && said.contains("2 sessionized"), "{said}");
}

/// A path that leaves out the list on its way got a hint that names the list, and followed it made every row a reject without a word
/// on what to write.
#[test]
fn r22_hints_of_paths_lead_into_lists() {
    let folder = tempfile::tempdir().unwrap();
    let call =
        line("m1", "a", "2026-01-04T10:00:00Z").replace('}', r#","contexts":{"session":[{"userId":"u"}]}}"#);
    fs::write(folder.path().join("a.json"), call).unwrap();
    let run = |name: &str| {
        let config = format!("[source.columns]\nuser_id = \"{name}\"\n");
        fs::write(folder.path().join("tracklet.toml"), config).unwrap();
        ended(&mut tracklet(folder.path(), &["run", "a.json", "--full-refresh", "--yes"]))
    };
    let right = "[source.columns] user_id = \"contexts.session[0].userId\"";
    for (name, code, what) in [
        ("contexts.session.userId", 2, "that `user_id` is mapped to"),
        ("contexts_session", 1, "`contexts_session` is a list, and an id or name is a value inside it"),
        ("contexts", 1, "`contexts` is an object, and an id or name is a value inside it"),
    ] {
        let (found, said) = run(name);
        assert!(found == code && said.contains(what) && said.contains(right), "{name}: {said}");
    }
    assert_eq!(run("contexts.session[0].userId").0, 0);
}

/// Of a table with all names in lower case a run refused one column after the other, and `init` set the event's id alone though it had
/// found the rest.
#[test]
fn r23_all_columns_with_other_names_are_named_at_once_and_set() {
    let folder = tempfile::tempdir().unwrap();
    let table = "messageid,anonymousid,userid,event,timestamp,receivedat\nm1,d,u,x,2026-01-04 10:00:00,2026-01-04 10:00:01\n";
    fs::write(folder.path().join("a.csv"), table).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.csv"]));
    assert!(
        code == 2 && said.contains("for `event_id`, `anonymous_id`, `user_id` and `received_at`"),
        "{said}"
    );
    let hint = said.split("[source.columns] ").nth(1).unwrap().trim();
    let config = format!("[source.columns]\n{}\n", hint.replace(", ", "\n"));
    fs::write(folder.path().join("hint.toml"), config).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.csv", "--config", "hint.toml"]));
    assert!(code == 0 && said.contains("1 sessionized"), "{said}");

    let (code, said) = ended(&mut tracklet(folder.path(), &["init", "a.csv"]));
    let sets = "anonymous_id = \"anonymousid\", user_id = \"userid\", received_at = \"receivedat\"";
    assert!(code == 0 && said.contains(sets) && !said.contains("warning"), "{said}");
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "--out", "b"]));
    assert!(code == 0 && said.contains("1 sessionized"), "{said}");
}

/// For GA4's export the hint named one of four columns, and the next message said that such files are not read.
#[test]
fn r24_ga4_exports_are_read_as_their_hint_says() {
    let folder = tempfile::tempdir().unwrap();
    let row = |id: u8| {
        format!(
            r#"{{"event_timestamp":"176752080000000{id}","event_name":"page_view","user_pseudo_id":"1.{id}"}}"#
        )
    };
    fs::write(folder.path().join("a.json"), [row(1), row(2)].join("\n")).unwrap();
    let csv = "event_timestamp,event_name,user_pseudo_id\n1767520800000001,x,1.2\n1767520800000002,x,1.3\n";
    fs::write(folder.path().join("a.csv"), csv).unwrap();
    for (name, code) in [("a.json", 1), ("a.csv", 2)] {
        let out = format!("hint-{name}");
        let (found, said) = ended(&mut tracklet(folder.path(), &["run", name, "--out", &out]));
        assert_eq!(found, code, "{said}");
        let keys = said.split("and [source.columns] ").nth(1).unwrap().lines().next().unwrap();
        assert!(
            said.contains("[source] time_unit = \"microseconds\"") && !said.contains("not read"),
            "{said}"
        );
        let config = format!(
            "[source]\ntime_unit = \"microseconds\"\n[source.columns]\n{}\n",
            keys.replace(", ", "\n")
        );
        fs::write(folder.path().join("hint.toml"), config).unwrap();
        let arguments = ["run", name, "--out", &out, "--config", "hint.toml"];
        let (found, said) = ended(&mut tracklet(folder.path(), &arguments));
        assert!(found == 0 && said.contains("2 sessionized"), "{name}: {said}");

        let (found, said) = ended(&mut tracklet(folder.path(), &["init", name, "--force"]));
        assert_eq!(found, 0, "{said}");
        let (found, said) = ended(&mut tracklet(folder.path(), &["run", "--out", &format!("init-{name}")]));
        assert!(found == 0 && said.contains("2 sessionized") && !said.contains("warning"), "{name}: {said}");
        fs::remove_file(folder.path().join("tracklet.toml")).unwrap();
    }
}

/// Functions of numbers, and `-`, which the documents list, passed the check and failed in the run on texts; lengths hung both.
#[test]
fn r25_filters_of_numbers_hold_on_texts() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "id,user_id,timestamp,price\n1,u,2026-01-04 10:00:00,-12.4\n2,u,2026-01-04 10:00:00,3\n3,u,2026-01-04 10:00:00,\n";
    fs::write(folder.path().join("a.csv"), rows).unwrap();
    let run = |filter: &str| {
        let config = format!("[source]\npaths = [\"a.csv\"]\nwhere = \"{filter}\"\n");
        fs::write(folder.path().join("tracklet.toml"), config).unwrap();
        let checked = ended(&mut tracklet(folder.path(), &["check"]));
        let (code, said) = ended(&mut tracklet(folder.path(), &["run", "--full-refresh", "--yes"]));
        (checked.0, code, said)
    };
    for (filter, kept) in [
        ("-price < -2", 1),
        ("-price > 2", 1),
        ("abs(price) > 10", 1),
        ("round(price) = -12", 1),
        ("round(price, 1) = -12.4", 1),
        ("isnan(price)", 0),
        ("not isnan(price)", 2),
        ("power(price, 2) = 9", 1),
        ("sqrt(price) > 1", 1),
        ("ceil(price) = 3 or floor(price) = -13", 2),
        ("lpad(id, 3, '0') = '001'", 1),
        ("rpad(id, length(id) + 1, '0') = '10'", 1),
        ("repeat(id, 2) = '22'", 1),
    ] {
        let (checked, code, said) = run(filter);
        assert!(
            checked == 0 && code == 0 && said.contains(&format!("  {kept} sessionized")),
            "{filter}: {said}"
        );
    }
    for filter in ["lpad(id, 2000000000, 'x') is null", "repeat(id, 2000000000) is null"] {
        let (checked, code, said) = run(filter);
        assert!(
            checked != 0 && code == 2 && said.contains("texts of more than 65,536 characters"),
            "{filter}: {said}"
        );
    }
    let (_, code, said) = run("md5(id) is not null");
    assert!(
        code == 2 && said.matches("there is no function `md5`").count() == 1 && !said.contains("planning"),
        "{said}"
    );
    let (_, code, said) = run("event =");
    assert!(code == 2 && said.matches("caused by").count() == 1 && said.contains("found: the end"), "{said}");
}

/// A list of forgotten ids that was no object named a type of the program.
#[test]
fn r26_a_list_of_forgotten_ids_that_is_none_is_said_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), line("m1", "a", "2026-01-04T10:00:00Z")).unwrap();
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "a.json"])).0, 0);
    fs::write(folder.path().join("out/forgotten.json"), "[]").unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.json"]));
    assert!(code == 2 && said.contains("it is no JSON object") && !said.contains("struct"), "{said}");
}

/// The hints of files that are mostly rejected did not name what helps.
#[test]
fn r27_mostly_rejected_files_get_the_hint_that_helps() {
    let twice = |text: &str| {
        let pack = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        pack(&pack(text.as_bytes()))
    };
    let time = "2026-01-04T10:00:00Z";
    let good = line("m1", "a", time);
    let named = "[source.csv]\nheader = false\ncolumns = [\"id\", \"anonymous_id\", \"user_id\", \"event\", \"timestamp\"]\n";
    for (name, bytes, config, hint) in [
        (
            "a.csv",
            format!("m1|d||x|{time}|1\nm2|d||x|{time}|1\n").into_bytes(),
            named,
            "rows have 6 fields, and [source.csv] columns in tracklet.toml names 5",
        ),
        (
            "a.csv",
            format!("m1|d||a\\|b|{time}\nm2|d||a\\|b|{time}\n").into_bytes(),
            named,
            "backslashes stand before `|`",
        ),
        (
            "a.csv",
            format!("id,user_id,timestamp\nm1,\"u,{time}\nm2,u,{time}\n").into_bytes(),
            "",
            "[source.csv] quote = \"none\"",
        ),
        (
            "a.csv",
            format!("id,user_id,timestamp\nm1, u, {time}\nm2, u, {time}\n").into_bytes(),
            "",
            "a space stands before it",
        ),
        (
            "a.json",
            format!(r#"{{"message_id":"m","anonymous_id":"a","timestamp":"{time}"}}"#).into_bytes(),
            "",
            "event_id = \"message_id\"",
        ),
        (
            "a.json",
            format!(r#"{{"type":"track","messageId":"m","anonymous_id":"a","timestamp":"{time}"}}"#)
                .into_bytes(),
            "",
            "anonymous_id = \"anonymous_id\"",
        ),
        ("a.json.gz", twice(&good), "", "compressed twice, the second time with gzip"),
        ("a.json", format!("\"{}\"", good.replace('"', "\\\"")).into_bytes(), "", "`jq -r . FILE > NEW`"),
        ("a.json", good.replace('"', "'").into_bytes(), "", "json.dumps"),
        ("a.json", format!("2026-01-04 INFO sent {good}").into_bytes(), "", "sed 's/^[^{]*//'"),
        ("a.json", good.replace('}', ",\"x\":NaN}").into_bytes(), "", "`NaN` is no JSON"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        fs::write(folder.path().join("tracklet.toml"), config).unwrap();
        let (code, said) = ended(&mut tracklet(folder.path(), &["run", name]));
        assert!(
            code == 1 && said.contains(hint) && !said.contains("--format names another"),
            "{name}, {hint}: {said}"
        );
    }
    // What the columns' hints say helps.
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("a.json"),
        format!(r#"{{"message_id":"m","anonymous_id":"a","timestamp":"{time}"}}"#),
    )
    .unwrap();
    fs::write(folder.path().join("tracklet.toml"), "[source.columns]\nevent_id = \"message_id\"\n").unwrap();
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "a.json"])).0, 0);
}

/// An archive that is stored uncompressed was read in part: the lines in it that begin behind its own bytes.
#[test]
fn r28_a_stored_archive_called_json_is_named_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let time = "2026-01-04T10:00:00Z";
    let lines = [line("m1", "a", time), line("m2", "a", time), line("m3", "a", time)].join("\n");
    let archive =
        [b"PK\x03\x04\x0A\0\0\0\0\0events.json\n".as_slice(), lines.as_bytes(), b"\nPK\x05\x06\0\0"].concat();
    fs::write(folder.path().join("a.json"), archive).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.json"]));
    assert!(code == 1 && said.contains("a ZIP archive") && said.contains("0 sessionized"), "{said}");
}

/// Four zeros before good JSON made UTF-32 of all of it, and one reject.
#[test]
fn r29_some_zeros_before_good_lines_lose_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let good = line("m1", "a", "2026-01-04T10:00:00Z");
    fs::write(folder.path().join("a.json"), format!("\0\0\0\n{good}\n")).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.json"]));
    assert!(code == 1 && said.contains("1 sessionized") && said.contains("1 unreadable"), "{said}");
}

/// Settings of CSV that no run could use passed the check.
#[test]
fn r30_the_check_finds_settings_that_no_run_could_use() {
    let folder = tempfile::tempdir().unwrap();
    for (config, code, message) in [
        ("[source.csv]\ndelimiter = '\"'\n", 2, "are the same character"),
        ("[source.csv]\ndelimiter = \"é\"\n", 2, "is one ASCII character, not `é`"),
        ("[source.csv]\nheader = false\ncolumns = []\n", 2, "names no columns"),
        (
            "[source.csv]\nheader = false\ncolumns = [\"a\", \"event\"]\n",
            2,
            "no column for `event_id`, `anonymous_id` and `timestamp`",
        ),
        ("[source.columns]\nevent_id = \"from_rows\"\n", 0, "did you mean `from_row`"),
    ] {
        fs::write(folder.path().join("tracklet.toml"), config).unwrap();
        let output = tracklet(folder.path(), &["check"]).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(message), "{config}: {said}");
        assert_eq!(output.status.code() == Some(0), code == 0, "{config}: {said}");
    }
    let good = "[source.csv]\nheader = false\ncolumns = [\"m\", \"USER_ID\", \"at\"]\n[source.columns]\nevent_id = \"m\"\ntimestamp = \"at\"\n";
    fs::write(folder.path().join("tracklet.toml"), good).unwrap();
    assert_eq!(ended(&mut tracklet(folder.path(), &["check"])).0, 0);
}
