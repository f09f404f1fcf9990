//! Commands of the documents, run, and what they print compared with what stands there.
//!
//! A block `console` holds commands behind `$ ` (a line that ends in `\` goes on in the next) and below each its
//! output. `# exit code N` behind a command is its exit code, else it is 0. A block `toml FILE` is that file.

use super::markdown::{Fence, split};
use super::root;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

struct ConsoleStep {
    command: String,
    printed: String,
}

fn steps(block: &str) -> Vec<ConsoleStep> {
    let mut steps: Vec<ConsoleStep> = Vec::new();
    let mut lines = block.lines();
    while let Some(line) = lines.next() {
        if let Some(command) = line.strip_prefix("$ ") {
            let mut command = command.to_owned();
            while command.ends_with('\\') {
                command.push('\n');
                command.push_str(lines.next().expect("the command goes on"));
            }
            steps.push(ConsoleStep { command, printed: String::new() });
        } else {
            let step = steps.last_mut().expect("a block begins with a command");
            step.printed.push_str(line.trim_end());
            step.printed.push('\n');
        }
    }
    steps
}

/// Without what no two runs share: seconds, and the day.
fn settled(text: &str) -> String {
    let mut settled = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.trim_end().split(' ').collect();
        for (place, word) in words.iter().enumerate() {
            if place > 0 {
                settled.push(' ');
            }
            let is_seconds =
                matches!(words.get(place + 1), Some(&("s" | "s;"))) && word.parse::<f64>().is_ok();
            settled.push_str(if is_seconds { "0.00" } else { word });
        }
        settled.push('\n');
    }
    settled
}

fn run(command: &str, folder: &Path) -> (i32, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_tracklet"));
    let path = std::env::var("PATH").unwrap_or_default();
    // From a checkout the program is run by cargo, which would build another one here.
    let command = command
        .replace("cargo run --release --features full -- ", "tracklet ")
        .replace("cargo run --release -- ", "tracklet ");
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("PATH", format!("{}:{path}", program.parent().unwrap().display()))
        .env("NO_COLOR", "1")
        .env("LC_ALL", "C")
        .output()
        .expect("a shell");
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// Runs all blocks of a page in one folder that has the example; answers how many commands there were.
fn check(page: &str) -> usize {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    symlink(root().join("examples"), folder.path().join("examples")).unwrap();
    let mut commands = 0;
    for Fence { info, text } in split(&text).0 {
        if let Some(file) = info.strip_prefix("toml ") {
            fs::write(folder.path().join(file), text).unwrap();
        } else if info == "console" {
            for ConsoleStep { command, printed } in steps(&text) {
                commands += 1;
                let expected =
                    command.split_once("# exit code ").map_or(0, |(_, code)| code.trim().parse().unwrap());
                let (code, found) = run(&command, folder.path());
                assert_eq!(code, expected, "{page}: {command}\n{found}");
                let (found, wanted) = (settled(&found), settled(&printed));
                assert!(found == wanted, "{page}: {command}\nprints\n{found}\nand the page says\n{wanted}");
            }
        }
    }
    commands
}

#[test]
fn the_commands_of_getting_started_print_what_stands_there() {
    let commands = check("docs/getting-started.md");
    assert!(commands >= 10, "{commands}");
}

#[test]
fn the_commands_of_the_readme_print_what_stands_there() {
    let commands = check("README.md");
    assert!(commands >= 3, "{commands}");
}

#[test]
fn the_commands_about_input_print_what_stands_there() {
    let commands = check("docs/input.md");
    assert!(commands >= 2, "{commands}");
}

#[test]
fn the_commands_about_exports_print_what_stands_there() {
    let commands = check("docs/exports.md");
    assert!(commands >= 15, "{commands}");
}

#[test]
fn the_commands_about_testing_print_what_stands_there() {
    let commands = check("docs/testing.md");
    assert!(commands >= 3, "{commands}");
}
