//! Runs with a limit of memory.

use super::support::{ended, on_small_disk, shop, snapshot_names, tables, tracklet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// Little, and too little for the rows of [`many_rows`].
const LIMIT: &str = "230MB";

/// A file of more rows than fit into the limit.
fn many_rows(folder: &Path) {
    let mut text = String::from("id,anonymous_id,timestamp\n");
    for row in 0..900_000u32 {
        let (minute, second) = (row / 60 % 60, row % 60);
        let day = 1 + row / 3600 % 28;
        let _ =
            writeln!(text, "m{},d{},2026-01-{day:02}T10:{minute:02}:{second:02}Z", row / 2 * 2, row % 977);
    }
    fs::write(folder.join("many.csv"), text).unwrap();
}

#[test]
fn an_amount_of_memory_must_be_one() {
    let folder = tempfile::tempdir().unwrap();
    for amount in ["4XB", "much", "0", "1.5GB"] {
        let (code, said) = ended(&mut tracklet(folder.path(), &["run", ".", "--memory-limit", amount]));
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("--memory-limit"), "{said}");
    }
}

#[test]
fn too_little_memory_is_an_error_that_says_how_much_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop();
    let run = ["run", shop.to_str().unwrap(), "--memory-limit", "20MB"];
    let (code, said) = ended(&mut tracklet(folder.path(), &run));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("hint: give --memory-limit 2"), "{said}");
    assert!(snapshot_names(&folder.path().join("out")).is_empty(), "something was published");
    let enough = ["run", shop.to_str().unwrap(), "--memory-limit", "1GiB"];
    assert_eq!(ended(&mut tracklet(folder.path(), &enough)).0, 0);
}

#[test]
fn a_limit_changes_no_byte_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    many_rows(folder.path());
    let away = folder.path().join("away");
    fs::create_dir(&away).unwrap();
    let limited = [
        "run",
        "many.csv",
        "--memory-limit",
        LIMIT,
        "--temp-dir",
        "away",
        "--out",
        "limited",
        "--threads",
        "2",
    ];
    let mut killed = tracklet(folder.path(), &limited).spawn().unwrap();
    // Wherever it is then, its files have no name.
    sleep(Duration::from_millis(2500));
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(fs::read_dir(&away).unwrap().count(), 0, "a killed run left something");
    let (code, said) = ended(tracklet(folder.path(), &limited).arg("-v"));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("tracks were spilled to `away`"), "{said}");
    assert_eq!(fs::read_dir(&away).unwrap().count(), 0, "a run left something");
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "many.csv", "--out", "unlimited"])).0, 0);
    let (limited, unlimited) = (folder.path().join("limited"), folder.path().join("unlimited"));
    assert!(tables(&limited) == tables(&unlimited), "the limit changed a table");
}

/// A file system of one megabyte, in a mount name space of its own so that nothing is left behind. A machine that
/// forbids that can't run this test, and says so.
#[test]
fn a_full_disk_for_what_is_put_away_is_an_error_that_publishes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    many_rows(folder.path());
    fs::create_dir(folder.path().join("disk")).unwrap();
    let script = "mount -t tmpfs -o size=1m none disk || exit 77\n\
                  \"$1\" run many.csv --memory-limit \"$2\" --temp-dir disk 2>said; code=$?\n\
                  [ -z \"$(ls -A disk)\" ] || exit 80\n\
                  exit $code";
    let Some(output) = on_small_disk(folder.path(), script, LIMIT) else { return };
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = fs::read_to_string(folder.path().join("said")).unwrap();
    assert!(said.contains("No space left on device") && said.contains("--temp-dir"), "{said}");
    assert!(snapshot_names(&folder.path().join("out")).is_empty(), "something was published");
}
