//! What a run says while it runs: to people, to machines, on a terminal and on a pipe.

use super::support::{ended, line, shop, tracklet};
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), line("m1", "a", "2026-01-04T10:00:00Z")).unwrap();
    folder
}

/// Runs with warnings about counts out of the way; answers stderr.
fn said(folder: &Path, arguments: &[&str]) -> String {
    fs::write(folder.join("tracklet.toml"), "[counts]\ncnt_viewed = \"viewed\"\n").unwrap();
    let (code, said) = ended(&mut tracklet(folder, arguments));
    assert_eq!(code, 0, "{said}");
    said
}

#[test]
fn a_pipe_sees_the_summary_alone() {
    let folder = folder();
    let said = said(folder.path(), &["run", "a.json"]);
    assert!(said.starts_with("1 row from 1 file in ") && said.lines().count() == 5, "{said}");
    assert!(!said.contains('\u{1b}') && !said.contains('\r'), "{said}");
}

#[test]
fn quiet_says_nothing_and_verbose_tells_steps_then_files_and_checks() {
    let folder = folder();
    assert_eq!(said(folder.path(), &["run", "a.json", "-q"]), "");
    let once = said(folder.path(), &["run", "a.json", "--full-refresh", "--yes", "-v"]);
    for step in ["info: read: 1 rows in ", "info: sessionize: ", "info: write: 1 rows in ", "info: publish: "]
    {
        assert!(once.contains(step), "{step}: {once}");
    }
    assert!(!once.contains("debug:"), "{once}");
    let twice = said(folder.path(), &["run", "a.json", "--full-refresh", "--yes", "-vv"]);
    assert!(twice.contains("debug: read `a.json` rows=1 rejected=0 skipped=0"), "{twice}");
    assert!(twice.contains("debug: holds: "), "{twice}");
}

#[test]
fn machines_get_one_object_a_line() {
    let folder = folder();
    let said = said(folder.path(), &["run", "a.json", "--log-format", "json"]);
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<&str> = lines
        .iter()
        .filter(|line| line["message"] == "step finished")
        .map(|line| line["step"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["read", "sessionize", "write", "publish"]);
    let last = lines.last().unwrap();
    assert_eq!((&last["message"], &last["sessionized"]), (&"run finished".into(), &1.into()));
}

#[test]
fn an_error_for_machines_has_its_cause_and_its_hint() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["run", "a.json", "--config", "none.toml", "--log-format", "json"];
    let (code, said) = ended(&mut tracklet(folder.path(), &arguments));
    assert_eq!(code, 2);
    let error: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(error["message"], "cannot read the configuration file `none.toml`");
    assert!(error["cause"].as_str().unwrap().contains("No such file"), "{said}");
    let (_, said) = ended(&mut tracklet(folder.path(), &["run", "nowhere", "--log-format", "json"]));
    let error: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(error["hint"].is_string() && error.get("cause").is_none(), "{said}");
}

#[test]
fn a_terminal_sees_a_bar_with_rows_a_second_and_it_is_gone_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_tracklet");
    let shop = shop();
    // A terminal of Python's making; what it shows comes out of the other end.
    let script = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
    let output = Command::new("python3")
        .args(["-c", script, program, "run", shop.to_str().unwrap()])
        .current_dir(folder.path())
        .env("TERM", "xterm")
        .output()
        .expect("Python 3, which all tests need");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains(" rows  ") && shown.contains("/s"), "{shown:?}");
    assert!(shown.contains("      read [") && shown.contains("left"), "{shown:?}");
    let end = shown.find("15,310 rows from 41 files").unwrap_or_else(|| panic!("{shown:?}"));
    assert!(!shown[end..].contains("/s"), "{shown:?}");
}

// Every first run warned that nothing was called `signup`, which nobody had asked for.
#[test]
fn counts_that_nobody_configured_are_no_warning() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), line("m1", "ann", "2026-01-04T10:00:00Z")).unwrap();
    let run = || ended(&mut tracklet(folder.path(), &["run", "a.json", "--full-refresh", "--yes"])).1;
    assert!(!run().contains("no event is called"), "{}", run());
    fs::write(folder.path().join("tracklet.toml"), "[counts]\ncnt_paid = \"paid\"\n").unwrap();
    assert!(run().contains("cnt_paid counts `paid`, and no event is called that"), "{}", run());
}
