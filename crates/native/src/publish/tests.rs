//! Publishing on file systems that fail, lack a step, or have readers.

use super::{FAILED, OutputFolder, PublishError};
use crate::disk::memory::{Lack, MemoryDisk};
use crate::disk::{Disk, Hold, write_file};
use crate::manifest::{FORMAT, Manifest};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const OUT: &str = "out";

fn manifest(text: &str) -> Manifest {
    let manifest = serde_json::json!({
        "format": FORMAT, "snapshot": "", "created_at": text, "versions": {"tracklet": "", "writer": ""},
        "config_fingerprint": "", "rows": {"read": 0, "sessionized": 0, "duplicates": 0, "rejected": 0, "skipped": 0},
        "rejects": {}, "tables": {}, "sessions": 0, "visitors": 0, "inputs": [], "warnings": [], "checks": [],
        "written": {"files": 0, "bytes": 0}, "timings": {}
    });
    serde_json::from_value(manifest).unwrap()
}

fn open(disk: &MemoryDisk) -> Result<OutputFolder, PublishError> {
    OutputFolder::open_on(Arc::new(disk.clone()), Path::new(OUT))
}

/// A run that writes one table with this text.
fn publish(disk: &MemoryDisk, text: &str, keep: usize) -> Result<String, PublishError> {
    let folder = open(disk)?;
    let building = folder.begin()?;
    write_table(disk, building.path(), text)?;
    Ok(building.publish(&manifest(text), NonZeroUsize::new(keep).unwrap())?.name)
}

fn write_table(disk: &MemoryDisk, folder: &Path, text: &str) -> Result<(), PublishError> {
    let path = folder.join("table");
    write_file(disk, &path, text.as_bytes()).map_err(|source| PublishError::Io {
        action: "could not write",
        path,
        source,
    })
}

/// What readers find in `current`.
fn seen(disk: &MemoryDisk) -> Option<String> {
    let files = disk.files_below(&Path::new(OUT).join("current"));
    files.get("table").map(|bytes| String::from_utf8(bytes.clone()).unwrap())
}

fn names(disk: &MemoryDisk) -> Vec<String> {
    disk.copy().names(&Path::new(OUT).join("snapshots")).unwrap()
}

fn snapshot(name: &str) -> PathBuf {
    Path::new(OUT).join("snapshots").join(name)
}

// A run whose old snapshot could not be removed ended with exit code 2 and "nothing was published", and readers saw the new
// tables; on exFAT every failed try left a whole snapshot.
#[test]
fn an_error_at_any_step_says_what_readers_see_and_leaves_no_snapshot() {
    let ready = MemoryDisk::default();
    for number in 1..=2 {
        publish(&ready, &number.to_string(), 2).unwrap();
    }
    let steps = {
        let disk = ready.copy();
        let before = disk.steps();
        publish(&disk, "3", 2).unwrap();
        disk.steps() - before
    };
    let mut after_the_switch = 0;
    for step in 0..steps {
        let disk = ready.copy();
        disk.fail_after(step);
        match publish(&disk, "3", 2) {
            Ok(_) => {
                assert_eq!(seen(&disk).as_deref(), Some("3"), "step {step}");
                after_the_switch += 1;
            }
            Err(error) => {
                assert_eq!(seen(&disk).as_deref(), Some("2"), "step {step}: {error}");
                let whole = names(&disk).into_iter().filter(|name| !name.starts_with('.'));
                assert_eq!(whole.collect::<Vec<_>>(), ["000001", "000002"], "step {step}: {error}");
            }
        }
        assert_eq!(publish(&disk, "4", 2).as_deref().map(|_| seen(&disk)).unwrap().as_deref(), Some("4"));
        assert_eq!(names(&disk).len(), 2, "step {step}: {:?}", names(&disk));
    }
    assert!(after_the_switch >= 4, "{after_the_switch} of {steps}");
}

#[test]
fn a_snapshot_that_somebody_reads_outlives_the_runs_and_goes_with_a_later_one() {
    let disk = MemoryDisk::default();
    publish(&disk, "1", 1).unwrap();
    let reader = disk.hold(&snapshot("000001"), Hold::Shared).unwrap().unwrap();
    publish(&disk, "2", 1).unwrap();
    publish(&disk, "3", 1).unwrap();
    assert_eq!(names(&disk), ["000001", "000003"]);
    drop(reader);
    publish(&disk, "4", 1).unwrap();
    assert_eq!(names(&disk), ["000004"]);
}

#[test]
fn a_file_system_without_symbolic_links_is_refused_before_any_work() {
    let disk = MemoryDisk::default();
    disk.lacks(Lack::SymbolicLinks);
    assert!(matches!(open(&disk), Err(PublishError::NoLinks { .. })));
    assert_eq!(names(&disk), [""; 0]);
}

/// Writes snapshot 2 again, as an erasure does.
fn replace(disk: &MemoryDisk, text: &str) -> Result<(), PublishError> {
    let folder = open(disk)?;
    let snapshots = folder.snapshots()?;
    let building = folder.begin_again(snapshots.last().unwrap())?;
    write_table(disk, building.path(), text)?;
    building.replace(&manifest(text))
}

// Without an exchange of two names (NFS), and where folders can't be renamed (a lower layer), an erasure failed.
#[test]
fn a_snapshot_is_replaced_in_two_steps_where_one_is_not_enough() {
    for lack in [Lack::Exchange, Lack::RenamesOfOldFolders] {
        let ready = MemoryDisk::default();
        publish(&ready, "1", 2).unwrap();
        publish(&ready, "2", 2).unwrap();
        ready.lacks(lack);
        let steps = {
            let disk = ready.copy();
            let before = disk.steps();
            replace(&disk, "new").unwrap();
            assert_eq!(
                (seen(&disk).as_deref(), names(&disk)),
                (Some("new"), vec!["000001".into(), "000002".into()])
            );
            disk.steps() - before
        };
        for step in 0..steps {
            let disk = ready.copy();
            disk.stop_after(step);
            // Stopped, it fails; that is what is looked at.
            let _ = replace(&disk, "new");
            disk.restart();
            drop(open(&disk).unwrap());
            let seen = seen(&disk);
            assert!(["2", "new"].contains(&seen.as_deref().unwrap()), "{lack:?}, step {step}: {seen:?}");
            assert_eq!(names(&disk), ["000001", "000002"], "{lack:?}, step {step}");
        }
    }
}

// Pruning a snapshot of an overlay's lower layer failed in every run, so old snapshots were never removed.
#[test]
fn snapshots_of_a_lower_layer_are_removed_where_they_are() {
    let ready = MemoryDisk::default();
    publish(&ready, "1", 1).unwrap();
    ready.lacks(Lack::RenamesOfOldFolders);
    let disk = ready.copy();
    publish(&disk, "2", 1).unwrap();
    assert_eq!(names(&disk), ["000002"]);
    for step in 0..60 {
        let disk = ready.copy();
        disk.stop_after(step);
        // Stopped, it fails; that is what is looked at.
        let _ = publish(&disk, "2", 1);
        disk.restart();
        for snapshot in open(&disk).unwrap().snapshots().unwrap() {
            assert!(disk.files_below(&snapshot.path).contains_key("table"), "step {step}: {}", snapshot.name);
        }
    }
}

#[test]
fn what_breaks_an_invariant_is_kept_until_a_run_publishes() {
    let disk = MemoryDisk::default();
    publish(&disk, "1", 3).unwrap();
    for text in ["bad", "worse"] {
        let folder = open(&disk).unwrap();
        let building = folder.begin().unwrap();
        write_table(&disk, building.path(), text).unwrap();
        let kept = building.keep_failed(&manifest(text)).unwrap();
        assert_eq!(kept, snapshot("failed-000002"));
        assert_eq!(disk.files_below(&kept)["table"], text.as_bytes());
    }
    assert_eq!(
        (seen(&disk).as_deref(), names(&disk)),
        (Some("1"), vec!["000001".into(), format!("{FAILED}000002")])
    );
    publish(&disk, "2", 3).unwrap();
    assert_eq!(names(&disk), ["000001", "000002"]);
}
