//! One flipped bit in a snapshot, anywhere: no run publishes tables made from it, and `tracklet test` finds it.

use super::history::{DAY, File, MINUTE, World, assert_same, file, small, track};
use crate::digests::damage;
use crate::disk::{Disk, Stored};
use crate::increment::{StoredSnapshot, damaged_files};
use crate::publish::Snapshot;
use rayon::prelude::*;
use tracklet_kernel::rules::Rules;

fn files() -> Vec<File> {
    let rows = |day: i64| {
        let row = |event: i64| {
            let user = if event == 4 { "ann" } else { "" };
            track(
                &format!("d{day}e{event}"),
                &format!("a{}", event % 3),
                user,
                day * DAY + event * 20 * MINUTE,
            )
        };
        (0..6).map(row).collect()
    };
    let mut files: Vec<File> = (0..6).map(|day| file(&format!("{day}.json"), rows(day))).collect();
    let mut bad = track("bad", "a", "", 0);
    bad.timestamp = None;
    files[1].rows.extend([bad, track("d1e1", "a1", "", DAY + 20 * MINUTE)]);
    files
}

/// Three runs over the first files, and the current snapshot.
fn world(files: &[File]) -> (World, Snapshot) {
    let world = World::new(Rules::default(), small(1));
    for read in 3..=5 {
        world.run(&files[..read]).unwrap();
    }
    let snapshot = world.folder().unwrap().current().unwrap().unwrap();
    (world, snapshot)
}

// Builds between releases had digests of another kind, by which a whole snapshot would be damaged.
#[test]
fn digests_of_the_first_format_damage_nothing_and_lead_to_a_rebuild() {
    let files = files();
    let (world, snapshot) = world(&files);
    let path = snapshot.path.join("state/digests.json");
    let json = world.disk.open(&path).and_then(Stored::bytes).unwrap();
    let mut digests: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(digests["format"], 2);
    digests["format"] = 1.into();
    for (_, digest) in digests["files"].as_object_mut().unwrap() {
        digest["rest"] = "0123456789abcdef0123456789abcdef".into();
    }
    let replace = |path: &std::path::Path, bytes: &[u8]| {
        world.disk.remove(path).unwrap();
        crate::disk::write_file(&world.disk, path, bytes).unwrap();
    };
    let older = serde_json::to_vec(&digests).unwrap();
    let mut manifest = snapshot.manifest_on(&world.disk).unwrap();
    manifest.digests = Some(crate::digests::seal(&older));
    replace(&path, &older);
    replace(&snapshot.path.join("manifest.json"), &manifest.to_bytes().unwrap());

    assert_eq!(damaged_files(&world.disk, &snapshot.path, &manifest).unwrap(), []);
    // A plan takes it for one that can't be read, and reads all files.
    assert!(StoredSnapshot::open(&world.disk, &snapshot.path, &manifest).unwrap().is_none());
    let rebuilt = world.rebuilt(&files);
    let next = rebuilt.folder().unwrap().current().unwrap().unwrap();
    let json = rebuilt.disk.open(&next.path.join("state/digests.json")).and_then(Stored::bytes).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&json).unwrap()["format"], 2);
    // Digests of this format that are others are damage.
    digests["format"] = 2.into();
    let damaged = serde_json::to_vec(&digests).unwrap();
    manifest.digests = Some(crate::digests::seal(&damaged));
    replace(&path, &damaged);
    assert!(!damaged_files(&world.disk, &snapshot.path, &manifest).unwrap().is_empty());
}

// A bit flipped in the tables or the state was in the tables of the next run in four of ten tries.
#[test]
fn a_flipped_bit_is_never_published() {
    let files = files();
    let (world, snapshot) = world(&files);
    let expected = world.rebuilt(&files).tables();
    let stored = world.disk.files_below(&snapshot.path);
    let mut flips: Vec<(&String, usize)> = Vec::new();
    for (name, bytes) in &stored {
        let step = (bytes.len() / 24).max(1);
        flips.extend((0..bytes.len()).step_by(step).map(|byte| (name, byte * 8 + byte % 8)));
    }
    let refused: usize = flips
        .par_iter()
        .map(|(name, bit)| {
            let damaged = World { disk: world.disk.copy(), ..world.clone() };
            damaged.disk.flip(&snapshot.path.join(name), *bit);
            match damaged.run(&files) {
                Ok(_) => {
                    assert_same(&damaged.tables(), &expected);
                    0
                }
                Err(_) => 1,
            }
        })
        .sum();
    assert!(refused * 2 > flips.len(), "{refused} of {} were read at all", flips.len());
}

#[test]
fn every_flipped_bit_is_found_by_who_looks_for_it() {
    let files = files();
    let (world, snapshot) = world(&files);
    let manifest = snapshot.manifest_on(&world.disk).unwrap();
    assert_eq!(damaged_files(&world.disk, &snapshot.path, &manifest).unwrap(), []);
    let json = world.disk.open(&snapshot.path.join("state/digests.json")).and_then(Stored::bytes).unwrap();
    let digests = serde_json::from_slice(&json).unwrap();
    let stored = world.disk.files_below(&snapshot.path);
    stored.par_iter().for_each(|(name, bytes)| {
        let disk = world.disk.copy();
        for byte in (0..bytes.len()).step_by(1 + bytes.len() / 400) {
            let bit = byte * 8 + byte % 8;
            disk.flip(&snapshot.path.join(name), bit);
            match name.as_str() {
                "manifest.json" => assert!(snapshot.manifest_on(&disk).is_err(), "bit {bit} of {name}"),
                "state/digests.json" => {
                    assert!(damaged_files(&disk, &snapshot.path, &manifest).is_err(), "bit {bit} of {name}");
                }
                name if name.starts_with("state/inputs/") => {
                    let found = damaged_files(&disk, &snapshot.path, &manifest).unwrap();
                    assert!(found.iter().any(|(damaged, _)| damaged == name), "bit {bit} of {name}");
                }
                name => {
                    let found = damage(&disk, &snapshot.path, name, &digests).unwrap();
                    assert!(found.is_some(), "bit {bit} of {name}");
                }
            }
            disk.flip(&snapshot.path.join(name), bit);
        }
    });
    let name = stored.keys().find(|name| name.starts_with("dbt_session_duration/")).unwrap().as_str();
    world.disk.flip(&snapshot.path.join(name), 333);
    let found = damaged_files(&world.disk, &snapshot.path, &manifest).unwrap();
    assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), [name]);
    world.disk.remove(&snapshot.path.join(name)).unwrap();
    let found = damaged_files(&world.disk, &snapshot.path, &manifest).unwrap();
    assert_eq!(found, [(name.to_owned(), "it is missing".to_owned())]);
}
