//! Which of the files found are new, and what became of those read before.

use crate::manifest::Input;
use crate::read::InputFile;
use chrono::{DateTime, SecondsFormat};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// What the files found are to those read before.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// Never read.
    pub(crate) new: Vec<InputFile>,
    /// Names of files that are not as they were when they were read.
    pub(crate) changed: Vec<String>,
    /// Names of files that were read and are gone.
    pub(crate) vanished: Vec<String>,
    /// Names of files that were read and are there, though the paths given don't name them.
    pub(crate) elsewhere: Vec<String>,
}

/// Compares by size and tag, or time of change where there is no tag.
///
/// A file is the one read before when its name is, or the file that both names mean. `paths` are those given: an object
/// below one of them that was not found is gone.
pub(crate) fn compare(known: &[Input], found: Vec<InputFile>, paths: &[String]) -> Compared {
    let mut compared = Compared::default();
    let by_name: HashMap<&str, usize> =
        known.iter().enumerate().map(|(place, input)| (input.path.as_str(), place)).collect();
    // Only asked for when a name is new: it costs a look at every file.
    let mut by_file: Option<BTreeMap<PathBuf, usize>> = None;
    let mut seen = vec![false; known.len()];
    for file in found {
        let place = by_name.get(file.name.as_str()).copied().or_else(|| {
            let real = real_path(&file.name)?;
            let by_file = by_file.get_or_insert_with(|| {
                let real = known.iter().enumerate();
                real.filter_map(|(place, input)| Some((real_path(&input.path)?, place))).collect()
            });
            by_file.get(&real).copied()
        });
        let Some(place) = place else {
            compared.new.push(file);
            continue;
        };
        seen[place] = true;
        let before = &known[place];
        let same_content = match (&before.etag, &file.etag) {
            (Some(before), Some(now)) => before == now,
            _ => before.modified == modified(&file),
        };
        if before.bytes != file.size || !same_content {
            compared.changed.push(before.path.clone());
        }
    }
    for (input, _) in known.iter().zip(seen).filter(|(_, seen)| !seen) {
        compared.look_for(input, paths);
    }
    compared
}

impl Compared {
    /// A file read before that the paths don't name.
    fn look_for(&mut self, input: &Input, paths: &[String]) {
        if input.path.contains("://") {
            let is_below =
                paths.iter().any(|path| path.contains("://") && input.path.starts_with(path.as_str()));
            let names = if is_below { &mut self.vanished } else { &mut self.elsewhere };
            names.push(input.path.clone());
            return;
        }
        let names = match std::fs::metadata(&input.path) {
            Err(_) => &mut self.vanished,
            Ok(metadata) => {
                let time =
                    metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
                let now = time.and_then(|time| rfc3339(time.as_micros() as i64));
                let is_same = metadata.len() == input.bytes && now == input.modified;
                if is_same { &mut self.elsewhere } else { &mut self.changed }
            }
        };
        names.push(input.path.clone());
    }
}

fn real_path(name: &str) -> Option<PathBuf> {
    if name.contains("://") { None } else { Path::new(name).canonicalize().ok() }
}

/// When a file was changed last, as the manifest has it.
pub(crate) fn modified(file: &InputFile) -> Option<String> {
    file.modified.and_then(rfc3339)
}

fn rfc3339(micros: i64) -> Option<String> {
    DateTime::from_timestamp_micros(micros).map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true))
}
