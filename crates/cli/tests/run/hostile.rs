//! Names and surroundings that work against the program: nothing steers the terminal, nothing ends in a panic.

use super::support::{ended, line, tracklet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A name that clears the screen, turns the line and fakes a message.
const NAME: &str = "a\nerror: all is well\u{1b}[2J\u{202e}\u{9b}31m.csv";

fn is_raw(text: &str) -> bool {
    text.chars().any(|c| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

// The header of a file and its name went to the terminal as they were.
#[test]
fn no_message_passes_on_what_steers_a_terminal_or_fakes_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join(NAME), "x\u{1b}[31m,\u{9b}1m,\u{202e}c\n1,2,3\n").unwrap();
    let commands = [
        (2, vec!["run", NAME]),
        (0, vec!["init", NAME]),
        (2, vec!["-v", "run", NAME]),
        (2, vec!["show", NAME]),
    ];
    for (expected, arguments) in commands {
        let (code, printed) = ended(&mut tracklet(at, &arguments));
        assert!(code == expected && !is_raw(&printed), "{arguments:?}: {code}, {printed:?}");
        let errors = printed.lines().filter(|line| line.starts_with("error:")).count();
        assert_eq!(errors, usize::from(expected == 2), "{arguments:?}: {printed}");
    }
    let (_, printed) = ended(&mut tracklet(at, &["--log-format", "json", "run", NAME]));
    assert!(!is_raw(&printed), "{printed:?}");
    let last: serde_json::Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert!(last["message"].as_str().unwrap().contains("`\u{9b}1m`, `\u{202e}c`"), "{printed}");
}

fn shell(at: &Path, command: &str) -> (i32, String) {
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(at)
        .env("TRACKLET", env!("CARGO_BIN_EXE_tracklet"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

// The subscriber reported that it could not write to stderr, on stderr, which was a panic.
#[test]
fn a_full_or_closed_stderr_ends_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("a.json"), line("m1", "a", "2026-01-04T10:00:00Z") + "\n{\"type\":\"tr").unwrap();
    for stderr in ["2>&-", "2>/dev/full"] {
        for options in ["", "-v", "-vvv", "--log-format json", "--log-format json -vv"] {
            let run = format!("\"$TRACKLET\" {options} run a.json --out out --full-refresh {stderr}");
            // One line is damaged, which is what 1 stands for.
            assert_eq!(shell(at, &run).0, 1, "{run}");
        }
        let show = format!("\"$TRACKLET\" -v export dbt_track_facts --to e.csv {stderr}");
        assert_eq!(shell(at, &show).0, 0, "{show}");
    }
}

// A refused allocation was an abort, a refused thread a panic.
#[test]
fn memory_and_threads_that_the_system_refuses_are_errors_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let events: Vec<String> =
        (0..60_000).map(|n| line(&format!("m{n}"), &format!("a{n}"), "2026-01-04T10:00:00Z")).collect();
    fs::write(at.join("a.json"), events.join("\n")).unwrap();
    let mut refused = 0;
    for kilobytes in [280_000, 300_000, 340_000, 400_000] {
        let (code, printed) =
            shell(at, &format!("ulimit -v {kilobytes}; \"$TRACKLET\" run a.json --out out-{kilobytes}"));
        assert!(code == 0 || (code == 2 && printed.contains("hint:")), "{kilobytes} KB: {code}, {printed}");
        assert!(!printed.contains("panicked"), "{kilobytes} KB: {printed}");
        refused += usize::from(code == 2);
    }
    assert!(refused > 0);
}

// 1,000 threads for ten rows did not end in half a minute, and 99,999 could not be interrupted.
#[test]
fn a_number_of_threads_beyond_all_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), line("m1", "a", "2026-01-01T10:00:00Z")).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.json", "--threads", "99999"]));
    assert!(code == 2 && said.contains("write a whole number from 1 to 256"), "{said}");
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.json", "--threads", "256"]));
    assert_eq!(code, 0, "{said}");
}
