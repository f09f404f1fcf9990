//! `tracklet init`, and the run that uses what it wrote.

use super::support::{ended, line, manifest, shop, tracklet};
use std::fs;

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
    assert_eq!(manifest(&folder.path().join("out"))["rows"]["sessionized"], 15_000);
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
    assert!(said.contains("is there already") && said.contains("--force"), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join("tracklet.toml")).unwrap(), "# mine\n");
    assert_eq!(ended(&mut tracklet(folder.path(), &["init", "a.json", "--force"])).0, 0);
    assert!(
        fs::read_to_string(folder.path().join("tracklet.toml")).unwrap().contains("paths = [\"a.json\"]")
    );
}

#[test]
fn a_missing_column_is_told_with_what_could_be_meant() {
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
