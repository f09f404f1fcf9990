//! Lists of files over many runs.

use super::{FOLDER, KnownInputs, damaged_segments};
use crate::disk::Disk;
use crate::disk::memory::MemoryDisk;
use crate::known_inputs::Earlier;
use crate::manifest::{Input, Inputs};
use crate::write::STATE;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn input(path: &str, rows: u64) -> Input {
    Input {
        path: path.to_owned(),
        bytes: 10,
        modified: None,
        etag: None,
        digest: None,
        event_type: None,
        rows,
        rejected: 0,
        skipped: 0,
    }
}

/// An output folder whose snapshots have nothing but their lists.
struct ListsWorld {
    disk: MemoryDisk,
    number: usize,
    inputs: Inputs,
    written: u64,
}

impl ListsWorld {
    fn new() -> Self {
        Self { disk: MemoryDisk::default(), number: 0, inputs: Inputs::default(), written: 0 }
    }

    fn folder(&self) -> PathBuf {
        Path::new("out").join(format!("{:06}", self.number))
    }

    fn known(&self) -> KnownInputs {
        KnownInputs::load(&self.disk, &self.folder(), &self.inputs).unwrap()
    }

    /// A run that has read these files.
    fn run(&mut self, new: Vec<Input>, earlier: &Earlier) {
        let known = self.known();
        self.number += 1;
        self.disk.create_folders(&self.folder().join(STATE)).unwrap();
        let name = format!("{:06}", self.number);
        let changes = known.with(new, earlier);
        let written = known.write(&self.disk, &self.folder(), &name, changes).unwrap();
        (self.inputs, self.written) = (written.inputs, written.bytes);
    }

    fn segments(&self) -> Vec<u64> {
        let Inputs::Segments(list) = &self.inputs else { panic!("{:?}", self.inputs) };
        assert_eq!(list.files, list.segments.iter().map(|segment| segment.files).sum::<u64>());
        list.segments.iter().map(|segment| segment.files).collect()
    }
}

// The whole list stood in the manifest of every snapshot: each run wrote it again.
#[test]
fn a_run_writes_what_is_new_to_the_list_and_the_segments_stay_few() {
    let mut world = ListsWorld::new();
    world.run(
        (0..10_000).map(|number| input(&format!("logs/{number}.json"), 1)).collect(),
        &Earlier::default(),
    );
    let whole = world.written;
    let mut all = 0;
    for run in 0..300 {
        world.run(vec![input(&format!("new/{run}.json"), 1)], &Earlier::default());
        assert!(world.segments().len() <= 12 && world.segments()[0] == 10_000, "{:?}", world.segments());
        all += world.written;
    }
    // Each entry is written about as often as the list behind the first segment has doubled.
    assert!(all < 3 * whole, "300 runs wrote {all} bytes, the first one {whole}");
    let known = world.known().inputs;
    assert_eq!((known.len(), known[9_999].path.as_str()), (10_300, "logs/9999.json"));
    assert_eq!(known[10_299].path, "new/299.json");
}

#[test]
fn whatever_runs_change_of_files_read_before_is_what_the_list_has() {
    let mut world = ListsWorld::new();
    let mut expected: Vec<Input> = Vec::new();
    for run in 0..200_usize {
        let mut earlier = Earlier::default();
        let mut new = Vec::new();
        for number in 0..run * 7 % 5 {
            new.push(input(&format!("{run}-{number}"), 2));
        }
        if run % 3 == 1 && !expected.is_empty() {
            let place = run * 31 % expected.len();
            let renamed = Input { path: format!("renamed-{run}"), ..expected[place].clone() };
            earlier.replaced.insert(place, renamed.clone());
            expected[place] = renamed;
        }
        if run % 4 == 3 && !expected.is_empty() {
            let place = run * 17 % expected.len();
            let grown = expected[place].path.clone();
            new.push(input(&grown, 3));
            earlier.known.insert(grown, place);
            expected[place].rows += 3;
        }
        expected.extend(new.iter().filter(|input| !earlier.known.contains_key(&input.path)).cloned());
        world.run(new, &earlier);
        assert_eq!(world.known().inputs, expected, "run {run}");
        assert!(world.segments().len() <= 11, "{:?}", world.segments());
    }
}

#[test]
fn a_list_in_the_manifest_becomes_a_segment() {
    let mut world = ListsWorld::new();
    world.inputs = Inputs::Listed(vec![input("a", 1), input("b", 1)]);
    assert_eq!((world.inputs.files(), world.inputs.bytes()), (2, 20));
    world.run(Vec::new(), &Earlier::default());
    assert_eq!(world.segments(), [2]);
    assert_eq!((world.inputs.files(), world.inputs.bytes()), (2, 20));
    // Nothing is new: a link is all.
    world.run(Vec::new(), &Earlier::default());
    assert_eq!((world.segments(), world.written), (vec![2], 0));
}

#[test]
fn damage_is_found() {
    let mut world = ListsWorld::new();
    world.run((0..9).map(|number| input(&format!("{number}"), 1)).collect(), &Earlier::default());
    world.run(vec![input("new", 1)], &Earlier::default());
    assert_eq!(damaged_segments(&world.disk, &world.folder(), &world.inputs).unwrap(), []);
    let files: BTreeMap<String, Vec<u8>> = world.disk.files_below(&world.folder());
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        ["state/inputs/000001.jsonl.zst", "state/inputs/000002.jsonl.zst"]
    );
    for (name, bytes) in &files {
        for bit in 0..bytes.len() * 8 {
            world.disk.flip(&world.folder().join(name), bit);
            let error = KnownInputs::load(&world.disk, &world.folder(), &world.inputs).unwrap_err();
            assert!(error.is_damage() && error.to_string().contains(name), "{error}");
            let found = damaged_segments(&world.disk, &world.folder(), &world.inputs).unwrap();
            assert_eq!(found.len(), 1, "bit {bit} of {name}");
            world.disk.flip(&world.folder().join(name), bit);
        }
    }
    world.disk.remove(&world.folder().join(STATE).join(FOLDER).join("000001.jsonl.zst")).unwrap();
    let found = damaged_segments(&world.disk, &world.folder(), &world.inputs).unwrap();
    assert_eq!(found, [("state/inputs/000001.jsonl.zst".to_owned(), "it is missing".to_owned())]);
}
