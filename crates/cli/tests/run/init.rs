//! `tracklet init`, and the run that uses what it wrote.

use super::support::{ended, line, manifest, shop, tracklet};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

#[test]
fn the_file_names_the_columns_and_runs_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop();
    let (code, said) = ended(&mut tracklet(folder.path(), &["init", shop.to_str().unwrap()]));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("41 json files"), "{said}");
    let text = fs::read_to_string(folder.path().join("tracklet.toml")).unwrap();
    for expected in
        ["event_id is read from messageId", "received_at is read from receivedAt", "# timeout = 30"]
    {
        assert!(text.contains(expected), "{text}");
    }
    assert_eq!(ended(&mut tracklet(folder.path(), &["run"])).0, 0);
    assert_eq!(manifest(&folder.path().join("out"))["rows"]["sessionized"], 15_000 + 4_232);
    assert!(folder.path().join("out/current/tracklet_sessions").exists());
}

#[test]
fn calls_and_events_that_were_seen_are_listed_and_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let track = |name: &str| format!(r#"{{"type":"track","messageId":"m","userId":"u","event":"{name}"}}"#);
    let row = |name: &str| format!(r#"{{"id":"m","user_id":"u","event":"{name}"}}"#);
    let mut lines: Vec<String> = (0..330).map(|number| track(&format!("E {number:03}"))).collect();
    lines.extend([track("Product Viewed"), track("product_viewed"), row("Product Viewed")]);
    lines.extend([row("\\u001b[31mred\\u202e"), row("\\u001b[31mred\\u202e"), row(&"x".repeat(100_000))]);
    let batch = [r#"{"type":"Page","anonymousId":"a"}"#, r#"{"type":"identify","userId":"u"}"#].join(",");
    lines.push(format!(r#"{{"batch":[{batch},{batch},{}]}}"#, track("E 000")));
    lines.push(r#"{"type":"identify","userId":"u"}"#.to_owned());
    fs::create_dir_all(folder.path().join("logs/event=Left Shop")).unwrap();
    fs::write(folder.path().join("logs/a.json"), lines.join("\n")).unwrap();
    let csv = "id,anonymous_id,timestamp\nc1,a,2026-01-04T10:00:00Z\n";
    fs::write(folder.path().join("logs/event=Left Shop/a.csv"), csv).unwrap();
    fs::write(folder.path().join("logs/b.csv"), "id,user_id,event_text,timestamp\n1,u,E 000,\n2,u,\\N,\n")
        .unwrap();

    let (code, said) = ended(&mut tracklet(folder.path(), &["init", "logs"]));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("calls in the first rows: 337 track, 3 identify, 2 page\n"), "{said}");
    let events = "events in the first rows: 3 e_000, 2 \\u{1b}[31mred\\u{202e}, 2 product_viewed, 1 Left Shop, 1 Product Viewed, \
                  and 330 more\n";
    assert!(said.contains(events), "{said}");
    let text = fs::read_to_string(folder.path().join("tracklet.toml")).unwrap();
    for expected in [
        "# Calls in their first rows: 337 track, 3 identify, 2 page. types says which of them are events.\n",
        "#     e_000                  3\n",
        "#     \\u{1b}[31mred\\u{202e}  2\n",
        "#     and 315 more\n",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains(['\u{1b}', '\u{202e}']) && text.lines().all(|line| line.len() < 130), "{text}");
    assert!(ended(&mut tracklet(folder.path(), &["run"])).0 < 2);
}

#[test]
fn a_file_that_is_there_is_only_replaced_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), line("m1", "a", "2026-01-04T10:00:00Z")).unwrap();
    fs::write(folder.path().join("tracklet.toml"), "# mine\n").unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["init", "a.json"]));
    assert_eq!(code, 2);
    assert!(said.contains("already exists") && said.contains("--force"), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join("tracklet.toml")).unwrap(), "# mine\n");
    assert_eq!(ended(&mut tracklet(folder.path(), &["init", "a.json", "--force"])).0, 0);
    assert!(
        fs::read_to_string(folder.path().join("tracklet.toml")).unwrap().contains("paths = [\"a.json\"]")
    );
}

#[test]
fn a_missing_column_is_reported_with_what_could_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "id,device_id,userid,event,timestamp\nm1,a,,viewed,2026-01-04T10:00:00Z\n";
    fs::write(folder.path().join("a.csv"), csv).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["init", "a.csv"]));
    assert_eq!(code, 0);
    assert!(said.contains("no column was found for anonymous_id"), "{said}");
    let text = fs::read_to_string(folder.path().join("tracklet.toml")).unwrap();
    assert!(text.contains("user_id was NOT found; is it userid?"), "{text}");
}

// Every row of such a file was rejected, at exit code 0.
#[test]
fn times_that_are_numbers_are_read_in_the_unit_that_init_proposes() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "id,anonymous_id,event,timestamp\nm1,a,viewed,1767520800000\nm2,a,viewed,1767520860000\n";
    fs::write(folder.path().join("a.csv"), csv).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["init", "a.csv"]));
    assert_eq!(code, 0, "{said}");
    let (code, said) = ended(&mut tracklet(folder.path(), &["run"]));
    assert_eq!(code, 0, "{said}");
    assert_eq!(manifest(&folder.path().join("out"))["rows"]["sessionized"], 2);
}

#[test]
fn a_configuration_in_another_folder_still_finds_the_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    fs::write(folder.path().join("a.json"), line("m1", "a", "2026-01-04T10:00:00Z")).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["init", "a.json", "--config", "etc/t.toml"]));
    assert_eq!(code, 0);
    // It ended with `tracklet run`, which uses another file.
    assert!(said.ends_with("wrote etc/t.toml: edit it, then `tracklet run --config etc/t.toml`\n"), "{said}");
    let (code, said) =
        ended(&mut tracklet(folder.path(), &["run", "--config", "etc/t.toml", "--out", "out"]));
    assert_eq!(code, 0, "{said}");
}

/// The lines of the configuration that are no comments.
fn set(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("tracklet.toml")).unwrap();
    let is_set = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().filter(is_set).map(str::to_owned).collect()
}

/// Writes files, and runs with what `init` makes of them.
fn init_and_run(files: &[(&str, String)], paths: &[&str]) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (code, said) = ended(&mut tracklet(folder.path(), &[&["init"][..], paths].concat()));
    assert_eq!(code, 0, "{said}");
    let (code, ran) = ended(&mut tracklet(folder.path(), &["run"]));
    assert_eq!(code, 0, "{ran}");
    (folder, said)
}

fn shown(folder: &Path, query: &str) -> String {
    let output = tracklet(folder, &["query", query, "--format", "csv"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn raw_calls(kind: &str, fields: &str, calls: std::ops::Range<u32>) -> String {
    let call = |number: u32| {
        format!(
            r#"{{"type":"{kind}","messageId":"{kind}{number}","anonymousId":"d{}","timestamp":"2026-01-04T10:{:02}:00Z","context":{{"page":{{"url":"https://shop.example/{number}?token=t0psecret","path":"/{number}"}},"traits":{{"email":"ann{number}@example.com","plan":"pro"}},"ip":"10.1.2.{number}","userAgent":"Mozilla/5.0 (Macintosh)"}},"properties":{{{fields}}}}}"#,
            number % 3,
            number % 60,
        ) + "\n"
    };
    calls.map(call).collect()
}

#[test]
fn raw_calls_of_several_types_run_as_init_proposes() {
    let calls = [
        raw_calls("track", r#""total":12.5"#, 0..20),
        raw_calls("page", r#""title":"Home""#, 0..15),
        raw_calls("identify", "", 0..3),
    ];
    // A bucket of RudderStack, and one of Segment.
    for name in ["rudder-logs/2rBb1WYae/01-04-2026/1767571200.json", "segment-logs/x7Yz/1767484800000/a.json"]
    {
        let root = name.split('/').next().unwrap();
        let (folder, said) = init_and_run(&[(name, calls.concat())], &[root]);
        assert!(said.contains("calls in the first rows: 20 track, 15 page, 3 identify\n"), "{said}");
        assert!(
            said.contains("what was found sets types = [\"track\", \"page\"], preset = \"web\"\n"),
            "{said}"
        );
        let paths = format!("paths = [\"{root}\"]");
        let expected = ["[source]", &paths, "types = [\"track\", \"page\"]"];
        let lines = set(folder.path());
        assert!(lines[..3] == expected, "{lines:?}");
        assert!(lines.contains(&"preset = \"web\"".to_owned()), "{lines:?}");
        let text = fs::read_to_string(folder.path().join("tracklet.toml")).unwrap();
        assert!(text.contains("3 identify calls as well: \"identify\" in the list"), "{text}");
        assert!(text.contains("= \"properties_total\" ") && text.contains("#  52 %, 12.5"), "{text}");
        assert!(text.contains("= \"context_traits_plan\" ") && text.contains("# 100 %, pro"), "{text}");
        assert!(text.contains("= \"context_traits_email\" "), "{text}");
        for secret in ["@example", "t0psecret", "10.1.2", "Mozilla"] {
            assert!(!text.contains(secret), "{secret}\n{text}");
        }
        let pages = shown(
            folder.path(),
            "SELECT event_type, count(*), count(page_path), count(page_title) FROM tracklet_events GROUP BY 1 ORDER BY 1",
        );
        assert!(pages.ends_with("\npage,15,15,15\ntrack,20,20,0\n"), "{pages}");
    }
}

#[test]
fn folders_of_a_lake_run_as_init_proposes() {
    let table = |name: &str, columns: &str, values: &str| {
        let row = |number: u32| format!("{name}{number},d,2026-01-04 10:{number:02}:00{values}\n");
        format!("id,anonymous_id,timestamp{columns}\n{}", (0..12).map(row).collect::<String>())
    };
    let files = [
        ("lake/shop/tracks/2026/01/04/10/a.csv", table("t", ",event", ",signup")),
        ("lake/shop/signup/2026/01/04/10/a.csv", table("t", ",event", ",signup")),
        ("lake/shop/screens/2026/01/04/10/a.csv", table("s", ",name,context_os_name", ",Home,iOS")),
        ("lake/shop/identifies/2026/01/04/10/a.csv", table("i", ",email", ",ann@example.com")),
        ("lake/shop/users/2026/01/04/10/a.csv", table("u", ",email", ",ann@example.com")),
    ];
    let (folder, said) = init_and_run(&files, &["lake"]);
    assert!(said.contains("calls in the first rows: 12 track, 12 identify, 12 screen\n"), "{said}");
    assert!(said.contains("of single events (signup)"), "{said}");
    let lines = set(folder.path());
    for expected in ["types = [\"track\", \"screen\"]", "preset = \"mobile\""] {
        assert!(lines.contains(&expected.to_owned()), "{lines:?}");
    }
    let screens = shown(
        folder.path(),
        "SELECT event_type, count(*), min(screen_name), min(os_name) FROM tracklet_events GROUP BY 1 ORDER BY 1",
    );
    assert!(screens.ends_with("\nscreen,12,Home,iOS\ntrack,12,,\n"), "{screens}");
}

#[test]
fn tracks_alone_set_nothing_but_the_paths() {
    let tracks = "id,anonymous_id,event,timestamp\n1,d,a,2026-01-04T10:00:00Z\n2,d,a,2026-01-04T10:00:00Z\n";
    let (folder, said) = init_and_run(&[("tracks.csv", tracks.to_owned())], &["tracks.csv"]);
    assert!(!said.contains("sets"), "{said}");
    let text = fs::read_to_string(folder.path().join("tracklet.toml")).unwrap();
    let config = tracklet_config::Config::parse(&text, Path::new("tracklet.toml")).unwrap();
    let paths = vec!["tracks.csv".to_owned()];
    let source = tracklet_config::Source { paths, ..Default::default() };
    assert_eq!(config, tracklet_config::Config { source, ..Default::default() });
    assert!(!folder.path().join("out/current/tracklet_events").exists());
}

// Following the hint, 32,271 of 32,283 rows were duplicates.
#[test]
fn ids_are_made_of_rows_where_no_column_is_one() {
    let row = |number: u32| {
        format!(
            "{},{},view,2026-01-04T10:{:02}:00Z,s{}\n",
            number % 7,
            number % 5,
            number / 60 % 60,
            number % 3
        )
    };
    let rows: String = (0..600).map(row).collect();
    for (header, why) in [
        (
            "page_id,user_id,event,timestamp,session_id",
            "No column has an id for every event. Ids are made of the rows",
        ),
        (
            "id,user_id,event,timestamp,session_id",
            "id is no id of an event: it has 7 different values in 600 rows.",
        ),
        ("event_id,user_id,event,timestamp,session_id", "event_id is no id of an event"),
    ] {
        let (folder, said) = init_and_run(&[("log.csv", format!("{header}\n{rows}"))], &["log.csv"]);
        assert!(said.contains("what was found sets event_id = \"from_row\"\n"), "{said}");
        assert!(!said.contains("no column was found for event_id"), "{said}");
        let text = fs::read_to_string(folder.path().join("tracklet.toml")).unwrap();
        assert!(text.replace("\n# ", " ").contains(why), "{why}\n{text}");
        let counted = &manifest(&folder.path().join("out"))["rows"];
        assert_eq!((&counted["sessionized"], &counted["duplicates"]), (&600.into(), &0.into()));
    }
}

#[test]
fn a_column_that_is_unique_is_the_id_of_the_event() {
    let row = |number: u32| {
        format!("{:032x},{},view,2026-01-04T10:{:02}:00Z\n", number * 7919, number % 5, number % 60)
    };
    let rows: String = (0..60).map(row).collect();
    let log = format!("event_uuid,user_id,event,timestamp\n{rows}");
    let (folder, said) = init_and_run(&[("log.csv", log)], &["log.csv"]);
    assert!(said.contains("what was found sets event_id = \"event_uuid\"\n"), "{said}");
    let counted = &manifest(&folder.path().join("out"))["rows"];
    assert_eq!((&counted["sessionized"], &counted["duplicates"]), (&60.into(), &0.into()));
}
