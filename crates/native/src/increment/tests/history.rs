//! Files of rows, and runs over them on a disk in memory.

use crate::disk::memory::MemoryDisk;
use crate::forget::{Current, settle};
use crate::increment::Forgotten;
use crate::known_inputs::Earlier;
use crate::manifest::{Input, Manifest};
use crate::observer::Silent;
use crate::pipeline::publish::{Before, DecidedMode, NewBatch, RunSettings, advance};
use crate::pipeline::reading::TimedSteps;
use crate::pipeline::{Refresh, RunError};
use crate::publish::OutputFolder;
use crate::read::{Overflow, Reject, RejectMemory, Rejects};
use crate::spill::{Budget, Gathered, Gatherer, Limit, SpillError, Spilling};
use crate::write::Layout;
use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tracklet_kernel::decimal;
use tracklet_kernel::gate::Gate;
use tracklet_kernel::oracle::{OracleRow, Value};
use tracklet_kernel::rules::{Duplicates, Rules};
use tracklet_kernel::tracks::TracksBuilder;

pub const MINUTE: i64 = 60_000_000;
pub const DAY: i64 = 1440 * MINUTE;
/// 2025-12-28, so that a month and a year end soon.
pub const START: i64 = 1_766_880_000_000_000;
pub const OUT: &str = "out";

/// A file that a run may find.
#[derive(Debug, Clone)]
pub struct File {
    pub name: String,
    pub rows: Vec<OracleRow>,
}

/// A row that is a track.
pub fn track(id: &str, anonymous_id: &str, user_id: &str, timestamp: i64) -> OracleRow {
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    OracleRow {
        event_id: filled(id),
        anonymous_id: filled(anonymous_id),
        user_id: filled(user_id),
        event: Some("viewed".to_owned()),
        timestamp: Some(START + timestamp),
        received_at: Some(START + timestamp),
        carried: Vec::new(),
    }
}

pub fn file(name: &str, rows: Vec<OracleRow>) -> File {
    File { name: name.to_owned(), rows }
}

/// An output folder in memory.
#[derive(Debug, Clone)]
pub struct World {
    pub disk: MemoryDisk,
    pub rules: Rules,
    pub layout: Layout,
    /// How much memory its runs may take.
    pub budget: Option<Budget>,
}

/// Cut small, and never rebuilt because much is touched.
pub fn small(tracks_of_a_part: u64) -> Layout {
    Layout { tracks_of_a_part, rows_of_a_group: 4, touched_percent: 100 }
}

impl World {
    pub fn new(rules: Rules, layout: Layout) -> Self {
        Self { disk: MemoryDisk::default(), rules, layout, budget: None }
    }

    pub fn folder(&self) -> Result<OutputFolder, RunError> {
        Ok(OutputFolder::open_on(Arc::new(self.disk.clone()), Path::new(OUT))?)
    }

    fn spilling(&self) -> Option<Spilling> {
        let folder = std::env::temp_dir();
        self.budget.map(|budget| Spilling { limit: Limit::Exactly(budget), folder })
    }

    pub fn settings(&self) -> RunSettings {
        RunSettings {
            rules: self.rules.clone(),
            layout: self.layout,
            fingerprint: format!("{:?}", self.rules),
            source_fingerprint: String::new(),
            ignored_ids: Gate::default().ignored_ids,
            keep: NonZeroUsize::new(3).unwrap(),
            spilling: self.spilling(),
        }
    }

    /// Reads those of the files that were not read; `None` when there are none.
    pub fn run(&self, files: &[File]) -> Result<Option<Manifest>, RunError> {
        let folder = self.folder()?;
        settle(&folder, Current::Rewritten, self.layout)?;
        let before = Before::find(&folder, Refresh::Incremental)?;
        let known = |file: &&File| {
            let inputs = before.as_ref().map(|before| &before.known.inputs);
            inputs.is_some_and(|inputs| inputs.iter().any(|input| input.path == file.name))
        };
        let new: Vec<&File> = files.iter().filter(|file| !known(file)).collect();
        let settings = self.settings();
        let mode = match &before {
            None => DecidedMode::full(None),
            Some(before) if before.manifest.config_fingerprint != settings.fingerprint => {
                DecidedMode::rebuild("the configuration has changed".to_owned())
            }
            Some(_) if new.is_empty() => return Ok(None),
            Some(_) => DecidedMode::incremental(),
        };
        let mut steps = TimedSteps { observer: &Silent, timings: BTreeMap::new() };
        let limit = settings.spilling.as_ref().map(|spilling| spilling.limit.rejects());
        let memory = Arc::new(RejectMemory::new(std::env::temp_dir(), limit));
        let mut new_batch = read(&new, &memory, &self.rules)?;
        if let Some(spilling) = &settings.spilling {
            let forgotten = Forgotten::load(&self.disk, Path::new(OUT))?;
            let gatherer = Gatherer::new(spilling, &forgotten, &memory, &self.rules.carried, 2);
            let Gathered::InMemory(mut tracks) = new_batch.tracks else { unreachable!("nothing took them") };
            for tracks in &mut tracks {
                gatherer.look(tracks, &mut 0)?;
            }
            new_batch.tracks = gatherer.finish(tracks)?;
            new_batch.skipped += new_batch.tracks.forgotten();
        }
        advance(&folder, before.as_ref(), mode, new_batch, &settings, &mut steps, Instant::now()).map(Some)
    }

    /// Everything that readers and the next run see, but for the manifest and the list of files.
    pub fn tables(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.disk.files_below(&Path::new(OUT).join("current"));
        files.remove("manifest.json");
        files.retain(|name, _| !name.starts_with("state/inputs/"));
        files
    }

    /// One run over the files, elsewhere.
    pub fn rebuilt(&self, files: &[File]) -> Self {
        let other = Self::new(self.rules.clone(), self.layout);
        other.run(files).unwrap();
        other
    }
}

/// What a run finds in the files, which are given in the order in which they are read.
fn read(files: &[&File], memory: &Arc<RejectMemory>, rules: &Rules) -> Result<NewBatch, SpillError> {
    let mut tracks = Vec::new();
    let mut rejects = Rejects::new(Arc::clone(memory)).into_builder();
    let mut new_batch = NewBatch {
        tracks: Gathered::InMemory(Vec::new()),
        rejects: Rejects::new(Arc::clone(memory)),
        skipped: 0,
        ignored_ids: BTreeMap::new(),
        other_calls: BTreeMap::new(),
        inputs: Vec::new(),
        earlier: Earlier::default(),
        older: Vec::new(),
        warnings: Vec::new(),
        mostly_rejected: 0,
        doubtful_times: 0,
        columns: BTreeMap::new(),
    };
    for file in files {
        let ids_from_rows = rules.duplicates == Duplicates::Number;
        let Rules { carried, evidence, .. } = rules.clone();
        let mut builder = TracksBuilder::new(Gate { carried, evidence, ids_from_rows, ..Gate::default() });
        let rejected = builder.push(&batch(&file.rows));
        new_batch.inputs.push(Input {
            path: file.name.clone(),
            bytes: 1,
            modified: None,
            etag: None,
            digest: None,
            event_type: None,
            rows: file.rows.len() as u64,
            rejected: rejected.len() as u64,
            skipped: 0,
        });
        for rejected in rejected {
            let row = &file.rows[rejected.row];
            rejects.push(&Reject {
                source_file: file.name.clone(),
                row_number: Some(rejected.row as u64),
                reason: rejected.reason,
                event_id: row.event_id.clone(),
                anonymous_id: row.anonymous_id.clone(),
                user_id: row.user_id.clone(),
                event: row.event.clone(),
                timestamp: row.timestamp.map(|timestamp| timestamp.to_string()),
                received_at: None,
                raw: None,
            })?;
        }
        tracks.push(builder);
    }
    new_batch.rejects = rejects.finish()?;
    new_batch.tracks = Gathered::InMemory(tracks);
    Ok(new_batch)
}

/// The type of a row, which is that of its event.
fn event_type(row: &OracleRow) -> &'static str {
    match row.event.as_deref() {
        Some("signup") => "page",
        Some("identify") => "identify",
        Some("screen_view") => "screen",
        Some("group") => "group",
        Some("alias") => "alias",
        _ => "track",
    }
}

fn batch(rows: &[OracleRow]) -> RecordBatch {
    let text = |value: fn(&OracleRow) -> &Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(|row| value(row).as_deref()).collect::<StringArray>())
    };
    let time = |value: fn(&OracleRow) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(value).collect::<TimestampMicrosecondArray>())
    };
    let value = |row: &OracleRow, place: usize| row.carried.get(place).cloned().unwrap_or(Value::Null);
    let plans = rows.iter().map(|row| if let Value::Text(plan) = value(row, 0) { Some(plan) } else { None });
    // As text, which the gate reads as numbers.
    let revenues = rows.iter().map(|row| {
        if let Value::Number(revenue) = value(row, 1) { Some(decimal::to_text(revenue)) } else { None }
    });
    RecordBatch::try_from_iter_with_nullable([
        ("event_id", text(|row| &row.event_id), true),
        ("anonymous_id", text(|row| &row.anonymous_id), true),
        ("user_id", text(|row| &row.user_id), true),
        ("event", text(|row| &row.event), true),
        ("timestamp", time(|row| row.timestamp), true),
        ("received_at", time(|row| row.received_at), true),
        (
            "event_type",
            Arc::new(rows.iter().map(|row| Some(event_type(row))).collect::<StringArray>()) as ArrayRef,
            true,
        ),
        ("plan", Arc::new(plans.collect::<StringArray>()) as ArrayRef, true),
        ("revenue", Arc::new(revenues.collect::<StringArray>()), true),
    ])
    .unwrap()
}

/// Fails with the names of the files that differ.
pub fn assert_same(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>) {
    let names: Vec<&String> = found.keys().chain(expected.keys()).collect();
    let mut differ: Vec<&&String> =
        names.iter().filter(|name| found.get(**name) != expected.get(**name)).collect();
    differ.dedup();
    assert!(differ.is_empty(), "these are not those of one run: {differ:?}");
}

/// That the tables are those of one run over the files, and the manifest's figures as well.
pub fn assert_is_rebuilt(world: &World, manifest: &Manifest, files: &[File]) {
    let other = world.rebuilt(files);
    assert_same(&world.tables(), &other.tables());
    let folder = other.folder().unwrap();
    let expected = Before::find(&folder, Refresh::Incremental).unwrap().unwrap().manifest;
    assert_eq!(manifest.rows, expected.rows);
    assert_eq!(manifest.tables, expected.tables);
    assert_eq!(manifest.rejects, expected.rejects);
    assert_eq!((manifest.sessions, manifest.visitors), (expected.sessions, expected.visitors));
    assert_eq!(manifest.counted, expected.counted);
    let failed: Vec<_> = manifest.checks.iter().filter(|check| !check.passed).collect();
    assert!(failed.is_empty(), "{failed:?}");
}
