//! Plans over files that exist nowhere but here.

use super::*;
use crate::pipeline::RunError;
use crate::read::{Grown, Hashed, InputError, ReadError};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use tracklet_config::Config;
use tracklet_kernel::event_type::EventTypes;
use tracklet_kernel::ignored_ids::IgnoredIds;

/// Files by their names, with what they hold.
#[derive(Default)]
struct FilesWorld {
    texts: HashMap<&'static str, &'static str>,
    /// Names that lead to another file.
    links: HashMap<&'static str, &'static str>,
    rejected: HashSet<(String, u64)>,
    ignores_otherwise: bool,
    /// The files that were looked into.
    looked_into: RefCell<Vec<String>>,
}

impl FilesWorld {
    fn new(texts: &[(&'static str, &'static str)]) -> Self {
        Self { texts: texts.iter().copied().collect(), ..Self::default() }
    }

    fn text(&self, name: &str) -> &'static str {
        self.looked_into.borrow_mut().push(name.to_owned());
        self.texts[name]
    }

    /// The files of these names, each of them changed at this time.
    fn found(&self, files: &[(&str, i64)]) -> Vec<InputFile> {
        let file = |(name, time): &(&str, i64)| {
            InputFile::of_size(name, self.texts.get(name).map_or(0, |text| text.len() as u64), Some(*time))
        };
        files.iter().map(file).collect()
    }

    fn looked_into(&self) -> Vec<String> {
        let mut names = self.looked_into.take();
        names.sort();
        names.dedup();
        names
    }
}

impl Facts for FilesWorld {
    fn content(&self, file: &InputFile) -> Result<Option<Content>, ReadError> {
        Ok(Some(content(self.text(&file.name))))
    }

    fn grown_since(&self, file: &InputFile, old: Content) -> Result<Option<Grown>, ReadError> {
        let text = self.text(&file.name);
        let Some(start) = text.get(..old.bytes as usize).filter(|start| content(start) == old) else {
            return Ok(None);
        };
        let offset = start.rfind('\n').map_or(0, |end| end + 1);
        let line = start[..offset].matches('\n').count() as u64 + 1;
        let rereads_line = offset < start.len();
        Ok(Some(Grown { offset: offset as u64, line, rereads_line, hashed: Hashed::default() }))
    }

    fn real_path(&self, name: &str) -> Option<PathBuf> {
        Some(PathBuf::from(self.links.get(name).copied().unwrap_or(name)))
    }

    fn size(&self, path: &str) -> Option<u64> {
        self.texts.get(path).map(|text| text.len() as u64)
    }

    fn files(&self, names: &[String]) -> Result<Vec<InputFile>, InputError> {
        Ok(names.iter().map(|name| InputFile::of_size(name, self.size(name).unwrap(), Some(1))).collect())
    }

    fn ignores_otherwise(&self, _: &IgnoredIds) -> Result<bool, RunError> {
        Ok(self.ignores_otherwise)
    }

    fn rejected(&self, lines: &HashSet<(String, u64)>) -> Result<HashSet<(String, u64)>, RunError> {
        Ok(self.rejected.intersection(lines).cloned().collect())
    }
}

fn content(text: &str) -> Content {
    let mut hashed = Hashed::default();
    hashed.update(text.as_bytes());
    hashed.content()
}

/// A file that was read when it held `text` and was changed at this time.
fn read(name: &str, text: &str, time: i64) -> Input {
    Input {
        path: name.to_owned(),
        bytes: text.len() as u64,
        modified: modified(&InputFile::of_size(name, 0, Some(time))),
        etag: None,
        digest: Some(content(text).digest),
        event_type: None,
        rows: 1,
        rejected: 0,
        skipped: 0,
    }
}

/// A plan over a snapshot that has read `inputs` as the request would.
fn planned(
    request: &RunRequest,
    inputs: &[Input],
    found: Vec<InputFile>,
    world: &FilesWorld,
) -> Result<RunPlan, RunError> {
    with(request, inputs, found, world, |_| {})
}

fn with(
    request: &RunRequest,
    inputs: &[Input],
    found: Vec<InputFile>,
    world: &FilesWorld,
    change: impl FnOnce(&mut ReadBefore<'_>),
) -> Result<RunPlan, RunError> {
    let fingerprints = (request.config.fingerprint(), request.config.source_fingerprint());
    let mut before = ReadBefore {
        snapshot: "000001",
        inputs,
        is_readable: true,
        older_settings: &[],
        config_fingerprint: &fingerprints.0,
        source_fingerprint: &fingerprints.1,
        writer: WRITER,
        evidence: EventTypes::NONE,
        left_out: BTreeSet::new(),
    };
    change(&mut before);
    plan(request, Some(&before), found, world)
}

fn request() -> RunRequest {
    RunRequest::new(Config::default())
}

fn names(files: &[InputFile]) -> Vec<&str> {
    files.iter().map(|file| file.name.as_str()).collect()
}

#[test]
fn the_first_run_reads_each_content_once() {
    let world =
        FilesWorld::new(&[("a.json", "one"), ("b.json", "one"), ("c.json", "two"), ("d.json", "three")]);
    let found = world.found(&[("a.json", 1), ("b.json", 2), ("c.json", 3), ("d.json", 4)]);
    let plan = plan(&request(), None, found, &world).unwrap();
    assert_eq!(plan.mode, DecidedMode::full(None));
    assert_eq!(names(&plan.files), ["a.json", "c.json", "d.json"]);
    assert_eq!(plan.copies, ["b.json"]);
    // A size that no other file has needs no look.
    assert_eq!(world.looked_into(), ["a.json", "b.json", "c.json"]);
}

#[test]
fn files_that_look_as_they_did_are_not_looked_into() {
    let world = FilesWorld::new(&[("a.json", "one"), ("b.json", "other")]);
    let plan = planned(
        &request(),
        &[read("a.json", "one", 1)],
        world.found(&[("a.json", 1), ("b.json", 1)]),
        &world,
    );
    let plan = plan.unwrap();
    assert_eq!((plan.mode.mode, names(&plan.files)), (RunMode::Incremental, vec!["b.json"]));
    assert!(world.looked_into().is_empty() && plan.earlier.replaced.is_empty());
}

#[test]
fn a_file_is_the_same_elsewhere_and_touched_and_by_a_link() {
    let mut world =
        FilesWorld::new(&[("new.json", "one"), ("touched.json", "other"), ("link.json", "third one")]);
    world.links.insert("link.json", "real.json");
    let inputs =
        [read("old.json", "one", 1), read("touched.json", "other", 1), read("real.json", "third one", 1)];
    let found = world.found(&[("new.json", 5), ("touched.json", 6), ("link.json", 1)]);
    let plan = planned(&request(), &inputs, found, &world).unwrap();
    assert_eq!((plan.mode.mode, plan.files.len(), plan.earlier.gone), (RunMode::Incremental, 0, 0));
    let replaced: Vec<&str> = plan.earlier.replaced.values().map(|input| input.path.as_str()).collect();
    assert_eq!(replaced, ["new.json", "touched.json", "link.json"]);
    assert_eq!(world.looked_into(), ["new.json", "touched.json"]);
}

#[test]
fn of_a_file_that_grew_the_new_part_is_read() {
    let world = FilesWorld::new(&[("a.json", "one\ntwo\n")]);
    let plan =
        planned(&request(), &[read("a.json", "one\n", 1)], world.found(&[("a.json", 2)]), &world).unwrap();
    let grown = plan.files[0].grown.as_ref().unwrap();
    assert_eq!((grown.offset, grown.line, plan.earlier.known["a.json"]), (4, 2, 0));
}

#[test]
fn a_last_line_without_an_end_is_read_again_where_it_was_rejected() {
    let mut world = FilesWorld::new(&[("a.json", "one\ntwo\n")]);
    let inputs = [read("a.json", "one\nt", 1)];
    let found = world.found(&[("a.json", 2)]);
    let refused = planned(&request(), &inputs, found.clone(), &world);
    assert!(matches!(refused, Err(RunError::Changed { files }) if files == ["a.json"]));
    world.rejected.insert(("a.json".to_owned(), 2));
    let plan = planned(&request(), &inputs, found, &world).unwrap();
    assert_eq!(plan.earlier.superseded, world.rejected);
    assert_eq!(plan.files[0].grown.as_ref().unwrap().offset, 4);
}

#[test]
fn what_becomes_of_a_file_that_changed_is_asked_for() {
    let world = FilesWorld::new(&[("a.json", "another")]);
    let inputs = [read("a.json", "one", 1)];
    let found = world.found(&[("a.json", 2)]);
    let refused = planned(&request(), &inputs, found.clone(), &world);
    assert!(matches!(refused, Err(RunError::Changed { files }) if files == ["a.json"]));
    let reread = RunRequest { changed: Changed::Reread, ..request() };
    let plan = planned(&reread, &inputs, found.clone(), &world).unwrap();
    assert_eq!((names(&plan.files), plan.earlier.known["a.json"]), (vec!["a.json"], 0));
    assert!(plan.files[0].grown.is_none() && !is_decided(&plan.earlier, Changed::Reread));
    let keep = RunRequest { changed: Changed::Keep, ..request() };
    let plan = planned(&keep, &inputs, found, &world).unwrap();
    assert!(plan.files.is_empty() && is_decided(&plan.earlier, Changed::Keep));
    assert_eq!(plan.earlier.replaced[&0].digest, Some(content("another").digest));
    assert_eq!(plan.earlier.replaced[&0].rows, 1);
}

#[test]
fn a_new_file_under_the_name_of_one_that_moved_is_new() {
    let world = FilesWorld::new(&[("a.json", "another"), ("a.json.1", "one")]);
    let found = world.found(&[("a.json", 2), ("a.json.1", 1)]);
    let plan = planned(&request(), &[read("a.json", "one", 1)], found, &world).unwrap();
    assert_eq!((names(&plan.files), plan.earlier.replaced[&0].path.as_str()), (vec!["a.json"], "a.json.1"));
}

#[test]
fn files_that_are_gone_are_counted_and_their_types_matter() {
    let world = FilesWorld::new(&[("new.json", "new"), ("elsewhere.json", "seen")]);
    let mut page = read("pages.csv", "page", 1);
    page.event_type = Some("page".to_owned());
    // What the paths of this run do not name is not gone while it exists, and neither is a type that is not asked for.
    let inputs = [read("gone.json", "gone", 1), read("elsewhere.json", "seen", 1), page];
    let plan = planned(&request(), &inputs, world.found(&[("new.json", 1)]), &world).unwrap();
    assert_eq!(
        (plan.mode.mode, plan.earlier.gone, names(&plan.files)),
        (RunMode::Incremental, 1, vec!["new.json"])
    );
}

#[test]
fn objects_are_gone_where_a_path_would_find_them() {
    let world = FilesWorld::new(&[]);
    let inputs = [read("s3://shop/logs/a.json", "one", 1), read("s3://shop/other/b.json", "two", 1)];
    let request = RunRequest { paths: vec!["s3://shop/logs/".to_owned()], ..request() };
    assert_eq!(planned(&request, &inputs, Vec::new(), &world).unwrap().earlier.gone, 1);
}

/// Whether this is the mode, for a reason with these words.
fn is(decided: &DecidedMode, mode: RunMode, words: &str) -> bool {
    decided.mode == mode && decided.reason.as_ref().is_some_and(|reason| reason.contains(words))
}

#[test]
fn a_changed_configuration_reads_all_files_again_where_it_can() {
    let world = FilesWorld::new(&[("a.json", "one"), ("elsewhere.json", "seen")]);
    let inputs = [read("a.json", "one", 1), read("elsewhere.json", "seen", 1)];
    let found = world.found(&[("a.json", 1)]);
    let plan = with(&request(), &inputs, found.clone(), &world, |before| before.source_fingerprint = "other")
        .unwrap();
    let DecidedMode { mode: RunMode::Full, reason: Some(reason) } = &plan.mode else {
        panic!("{:?}", plan.mode)
    };
    assert!(reason.contains("[source]"), "{reason}");
    assert_eq!(names(&plan.files), ["a.json", "elsewhere.json"]);
    // With other rules the rows as they were read do.
    let plan = with(&request(), &inputs, found.clone(), &world, |before| before.config_fingerprint = "other");
    assert_eq!(plan.unwrap().mode, DecidedMode::rebuild("the configuration has changed".to_owned()));
    let plan =
        with(&request(), &inputs, found.clone(), &world, |before| before.writer = "tracklet 0, build 0");
    assert!(is(&plan.unwrap().mode, RunMode::Rebuild, "tracklet 0, build 0"));
    let world = FilesWorld { ignores_otherwise: true, ..world };
    let plan = planned(&request(), &inputs, found, &world).unwrap();
    assert!(is(&plan.mode, RunMode::Full, "identity.ignore"));
}

#[test]
fn rows_of_files_that_are_gone_stay_as_they_were_read() {
    let world = FilesWorld { ignores_otherwise: true, ..FilesWorld::new(&[("a.json", "one")]) };
    let inputs = [read("a.json", "one", 1), read("gone.json", "gone", 1)];
    let found = world.found(&[("a.json", 1)]);
    let plan = planned(&request(), &inputs, found.clone(), &world).unwrap();
    assert!(is(&plan.mode, RunMode::Rebuild, "identity.ignore"));
    let older = OlderSetting { setting: "identity.ignore".to_owned(), snapshot: "000001".to_owned() };
    assert_eq!(plan.older, std::slice::from_ref(&older));
    assert!(plan.files.is_empty() && plan.warnings[0].contains("can't be read again"), "{:?}", plan.warnings);
    // Once the files are back, all are read.
    let world = FilesWorld::new(&[("a.json", "one"), ("gone.json", "gone")]);
    let back = world.found(&[("a.json", 1), ("gone.json", 1)]);
    let settings: &[OlderSetting] = Vec::leak(vec![older]);
    let plan = with(&request(), &inputs, back, &world, |before| before.older_settings = settings).unwrap();
    assert!(is(&plan.mode, RunMode::Full, "") && plan.files.len() == 2);
    // A snapshot that can't be read loses its rows, and that is an error.
    let lost = with(&request(), &inputs, found, &world, |before| {
        before.is_readable = false;
    });
    // All its files exist.
    assert!(is(&lost.unwrap().mode, RunMode::Full, "000001"));
    let world = FilesWorld::new(&[("a.json", "one")]);
    let lost = with(&request(), &inputs, world.found(&[("a.json", 1)]), &world, |before| {
        before.is_readable = false;
    });
    assert!(matches!(lost, Err(RunError::Lost { files, .. }) if files == ["gone.json"]));
}

#[test]
fn tables_that_may_have_the_header_of_a_new_part_are_named() {
    let world = FilesWorld::new(&[("a.csv", "id\n1\n"), ("b.csv", "2\n"), ("c.json", "three")]);
    let inputs = [read("a.csv", "id\n1\n", 1), read("c.json", "three", 1)];
    let found = world.found(&[("a.csv", 1), ("b.csv", 1), ("c.json", 1)]);
    let plan = planned(&request(), &inputs, found, &world).unwrap();
    assert_eq!((names(&plan.files), names(&plan.tables)), (vec!["b.csv"], vec!["a.csv"]));
}

#[test]
fn a_full_refresh_drops_what_is_gone_or_changed() {
    let world = FilesWorld::new(&[("a.json", "one"), ("b.json", "changed")]);
    let inputs = [read("a.json", "one", 1), read("b.json", "two", 1), read("gone.json", "gone", 1)];
    let found = world.found(&[("a.json", 1), ("b.json", 2)]);
    let dropped = dropped(&request(), &inputs, &found, &world).unwrap();
    assert_eq!(dropped, [("b.json".to_owned(), 1), ("gone.json".to_owned(), 1)]);
}
