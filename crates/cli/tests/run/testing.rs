//! `tracklet test` on the tables of the example, whole and damaged.

use super::support::{ended, line, shop, tracklet};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A folder with the tables of the example in `out`.
fn of_shop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop().display().to_string();
    assert_eq!(ended(&mut tracklet(folder.path(), &["-q", "run", &shop])).0, 0);
    folder
}

fn stdout(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = tracklet(folder, arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_tables_of_the_example_pass_and_the_users_own_tests_are_run() {
    let folder = of_shop();
    let at = folder.path();
    let (code, printed) = ended(&mut tracklet(at, &["test"]));
    assert_eq!(code, 0, "{printed}");
    assert!(printed.ends_with(" data tests passed, 0 failed\n"), "{printed}");
    let passed: usize = printed.split_whitespace().next().unwrap().parse().unwrap();
    assert!(passed > 40, "{printed}");

    fs::create_dir(at.join("tests")).unwrap();
    let own = |name: &str, text: &str| fs::write(at.join("tests").join(name), text).unwrap();
    own(
        "short_sessions.sql",
        "-- severity: warn\nselect session_id from {{ ref('dbt_session_duration') }} where session_duration < 1;\n",
    );
    own(
        "no_refunds.sql",
        "select event_id, event from dbt_track_facts where event = 'order_refunded' order by event_id",
    );
    own("fine.sql", "{{ config(severity='error') }}\nselect 1 where 1 = 0");
    own("broken.sql", "select no_such_column from dbt_track_facts");
    own("unfinished.sql", "select {{ ref('dbt_track_facts' }}");
    let (code, json, printed) = stdout(at, &["test", "--format", "json", "--junit", "tests.xml"]);
    assert_eq!(code, 1, "{printed}");
    let results: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| results.iter().find(|result| result["test"] == name).unwrap();
    assert_eq!(of("short_sessions")["passed"], true);
    assert_eq!(of("short_sessions")["severity"], "warn");
    assert_eq!(of("fine")["failures"], 0);
    assert!(of("broken")["error"].as_str().unwrap().contains("the query is wrong"));
    assert!(of("unfinished")["error"].as_str().unwrap().contains("can't be rendered"));
    let refunds = of("no_refunds");
    let kept = fs::read_to_string(at.join(refunds["rows"].as_str().unwrap())).unwrap();
    let (_, counted, _) = stdout(
        at,
        &["query", "--format", "csv", "select count(*) from dbt_track_facts where event = 'order_refunded'"],
    );
    let refunded: usize = counted.lines().nth(1).unwrap().parse().unwrap();
    assert!(refunded > 0);
    assert_eq!((refunds["failures"].as_u64(), kept.lines().count()), (Some(refunded as u64), refunded));
    assert!(kept.lines().all(|line| line.contains("\"event\":\"order_refunded\"")), "{kept}");
    assert!(printed.contains("WARNING short_sessions: "), "{printed}");
    assert!(printed.contains("kept in target/failures/no_refunds.jsonl"), "{printed}");
    assert!(
        printed.ends_with(&format!("{} data tests passed, 1 warned, 3 failed\n", passed + 1)),
        "{printed}"
    );
    let junit = fs::read_to_string(at.join("tests.xml")).unwrap();
    assert!(junit.contains(&format!("tests=\"{}\" failures=\"1\" errors=\"2\"", passed + 5)), "{junit}");
    assert!(
        junit.contains("name=\"no_refunds\" time=\"")
            && junit.contains(&format!("<failure message=\"{refunded} rows\">"))
    );

    let (_, json, _) = stdout(at, &["test", "--format", "json", "--select", "dbt_session_duration"]);
    assert!(json.lines().all(|line| !line.contains("no_refunds")), "{json}");
    assert!(
        json.contains("\"short_sessions\"") && json.contains("\"unique_dbt_session_duration_session_id\"")
    );
    let (code, _, printed) = stdout(at, &["test", "--select", "dbt_sesion_duration"]);
    assert_eq!(code, 2);
    assert!(printed.contains("did you mean `dbt_session_duration`?"), "{printed}");
}

/// Every invariant is seen to be broken by some change of the files: a table of another run in the place of its own.
#[test]
fn tables_that_do_not_belong_together_are_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let lines = |minutes: &[u32]| -> String {
        let time = |minute| format!("2026-01-04T{:02}:{:02}:00Z", 10 + minute / 60, minute % 60);
        minutes.iter().map(|minute| line(&format!("m{minute}"), "ann", &time(*minute)) + "\n").collect()
    };
    fs::write(at.join("a.json"), lines(&[0, 5, 50, 55, 120])).unwrap();
    fs::write(at.join("b.json"), lines(&[0, 33, 66, 70])).unwrap();
    for (name, timeout) in [("a", 30), ("b", 20), ("c", 60)] {
        let config = format!("{name}.toml");
        fs::write(at.join(&config), format!("[sessions]\ntimeout = {timeout}\n")).unwrap();
        let input = if name == "b" { "b.json" } else { "a.json" };
        assert_eq!(ended(&mut tracklet(at, &["-q", "run", input, "--out", name, "--config", &config])).0, 0);
        assert_eq!(ended(&mut tracklet(at, &["test", "--out", name])).0, 0, "{name}");
    }
    let failed = |table: &str, from: &str| -> Vec<String> {
        let place = |out: &str| at.join(out).join("current").join(table);
        let whole = at.join("whole");
        fs::rename(place("a"), &whole).unwrap();
        copy(&place(from), &place("a"));
        let (code, json, printed) = stdout(at, &["test", "--out", "a", "--format", "json"]);
        fs::remove_dir_all(place("a")).unwrap();
        fs::rename(&whole, place("a")).unwrap();
        assert_eq!(code, 1, "{table} of {from}: {printed}");
        let results = json.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        results
            .filter(|result| result["passed"] == false)
            .map(|result| result["test"].as_str().unwrap().to_owned())
            .collect()
    };
    let of_tracks = failed("dbt_track_facts", "b");
    for name in ["one_row_per_track", "tables_are_as_written", "tracks_are_in_their_session"] {
        assert!(of_tracks.iter().any(|failed| failed == name), "{name}: {of_tracks:?}");
    }
    // With sessions of another timeout: a gap within a session, and sums that no longer agree.
    let merged = failed("dbt_track_facts", "c");
    assert!(merged.iter().any(|failed| failed == "no_gap_within_a_session"), "{merged:?}");
    let sessions = failed("dbt_session_track_facts", "c");
    assert!(
        sessions.iter().any(|failed| failed == "sessions_are_apart" || failed.starts_with("relationships_")),
        "{sessions:?}"
    );
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
