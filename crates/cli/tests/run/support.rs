//! Folders, inputs and the program itself.

use flate2::read::MultiGzDecoder;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The raw files of the shop.
pub fn shop() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap())
        .join("../../examples/shop/rudder-logs")
        .canonicalize()
        .unwrap()
}

/// The program with these arguments, in this working folder.
pub fn tracklet(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tracklet"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env("NO_COLOR", "1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end: exit code and stderr.
pub fn ended(command: &mut Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code().expect("an exit code"), String::from_utf8(stderr).unwrap())
}

/// What it prints on stdout, once it has ended well.
pub fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = tracklet(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every file below `folder` with its bytes, by its path from there.
pub fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// The tables of the current snapshot: all files but the manifest and the list of input files, which have times.
pub fn tables(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files_below(&out.join("current"));
    files.remove("manifest.json").expect("a manifest");
    files.retain(|name, _| !name.starts_with("state/inputs/"));
    files
}

/// The folders of the snapshots of an output folder, as they are called.
pub fn snapshot_names(out: &Path) -> Vec<String> {
    let entries = fs::read_dir(out.join("snapshots")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

pub fn manifest(out: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(out.join("current/manifest.json")).unwrap()).unwrap()
}

/// All lines of the shop, in the order of its files.
pub fn shop_lines() -> Vec<String> {
    let mut lines = Vec::new();
    for (name, _) in files_below(&shop()) {
        let mut text = String::new();
        MultiGzDecoder::new(File::open(shop().join(name)).unwrap()).read_to_string(&mut text).unwrap();
        lines.extend(text.lines().map(str::to_owned));
    }
    lines
}

/// A raw line of a track.
pub fn line(id: &str, device: &str, timestamp: &str) -> String {
    format!(
        r#"{{"type":"track","messageId":"{id}","anonymousId":"{device}","event":"viewed","timestamp":"{timestamp}"}}"#
    )
}

/// Runs a script that may mount a disk of its own below `folder`; `$1` is the program, `$2` the argument. `None`, with a word,
/// where the machine does not allow that; where nothing may be skipped this fails.
pub fn on_small_disk(folder: &Path, script: &str, argument: impl AsRef<std::ffi::OsStr>) -> Option<Output> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_tracklet")]);
    let output = command.arg(argument).current_dir(folder).output();
    let unavailable = match &output {
        Err(_) => true,
        Ok(output) => {
            output.status.code() == Some(77) || String::from_utf8_lossy(&output.stderr).contains("unshare")
        }
    };
    if unavailable {
        assert!(std::env::var_os("TRACKLET_REQUIRE_ALL").is_none_or(|all| all.is_empty()), "{output:?}");
        eprintln!("skipped: this machine does not let a test mount a small disk");
        return None;
    }
    Some(output.unwrap())
}
