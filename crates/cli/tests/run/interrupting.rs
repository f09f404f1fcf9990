//! Ctrl-C during a run.

use super::support::{ended, files_below, line, shop, tracklet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command};

/// A run over the shop, stopped by `signal` when `step` starts; answers the exit code and what was said after that.
fn stopped(folder: &Path, step: &str, signal: &str) -> (Option<i32>, String) {
    let shop = shop();
    let arguments = ["run", shop.to_str().unwrap(), "--log-format", "json", "--threads", "1"];
    let mut child: Child = tracklet(folder, &arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let start = format!(r#""step":"{step}""#);
    lines.find(|line| line.contains("step started") && line.contains(&start)).expect("the step starts");
    let process = child.id().to_string();
    assert!(Command::new("kill").args(["-s", signal, &process]).status().unwrap().success());
    let rest: Vec<String> = lines.collect();
    (child.wait().unwrap().code(), rest.join("\n"))
}

#[test]
fn before_publishing_nothing_changes_and_the_message_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), line("m1", "a", "2026-01-04T10:00:00Z")).unwrap();
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "a.json"])).0, 0);
    let out = folder.path().join("out");
    let before = files_below(&out.join("current"));
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (ended, said) = stopped(folder.path(), "read", signal);
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains("interrupted: nothing was published"), "{said}");
        assert_eq!(files_below(&out.join("current")), before);
    }
    // What the interrupted runs left is no obstacle.
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "a.json"])).0, 0);
}
