//! The same rows give the same bytes.

use super::support::{ended, shop, shop_lines, tables, tracklet};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn run(folder: &Path, input: &str, threads: &str, out: &str) -> BTreeMap<String, Vec<u8>> {
    let arguments = ["run", input, "--threads", threads, "--out", out];
    assert_eq!(ended(&mut tracklet(folder, &arguments)).0, 0);
    tables(&folder.join(out))
}

/// Rejects name the file and row they come from, so they follow how the input is cut, and the digest of their file with them.
fn without_rejects(mut tables: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    tables.retain(|name, _| !name.starts_with("tracklet_rejects/") && name != "state/digests.json");
    tables
}

#[test]
fn runs_and_threads_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop();
    let first = run(folder.path(), shop.to_str().unwrap(), "1", "a");
    assert!(first.len() >= 10, "{:?}", first.keys());
    for (threads, out) in [("1", "b"), ("2", "c"), ("5", "d")] {
        let next = run(folder.path(), shop.to_str().unwrap(), threads, out);
        assert!(first == next, "{threads} threads give other bytes");
    }
}

#[test]
fn neither_the_order_of_rows_nor_the_cut_into_files_changes_a_byte() {
    let folder = tempfile::tempdir().unwrap();
    let as_found = without_rejects(run(folder.path(), shop().to_str().unwrap(), "2", "as-found"));
    let mut lines = shop_lines();
    lines.reverse();
    fs::write(folder.path().join("one.jsonl"), lines.join("\n")).unwrap();
    assert!(as_found == without_rejects(run(folder.path(), "one.jsonl", "2", "one")), "one file, backwards");
    let many = folder.path().join("many");
    fs::create_dir(&many).unwrap();
    for place in 0..7 {
        // Every seventh line: the rows of a session lie in all files.
        let part: Vec<&str> = lines.iter().skip(place).step_by(7).map(String::as_str).collect();
        fs::write(many.join(format!("{}.json", 7 - place)), part.join("\r\n")).unwrap();
    }
    assert!(as_found == without_rejects(run(folder.path(), "many", "3", "split")), "seven files, dealt out");
}
