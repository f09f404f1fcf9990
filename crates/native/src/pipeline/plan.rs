//! What a run reads, of the files that it finds, and what becomes of their rows.
//!
//! A file is known by its content; its path is only a name. Where name, size and time are those of a file that was read, nothing is
//! looked at; else its bytes decide.
//!
//! ```text
//! files found --name, size, time or tag--> as they were
//!     --size and digest of a file that was read--> the same file, elsewhere or touched
//!     --they begin with all that it was--> grown: the new part is read
//!     --neither, and the old content is nowhere--> changed: --changed says what becomes of it
//!     --> new
//! ```
//!
//! A plan is a function of the request, the files found, the base snapshot and what it asks of [`Facts`]: nothing here touches a disk.

use super::compare::{Compared, Origin, compare, each_once};
use super::facts::{Facts, ReadBefore};
use super::publish::DecidedMode;
use super::{RunError, RunRequest};
use crate::known_inputs::Earlier;
use crate::manifest::{Input, OlderSetting, modified};
use crate::read::may_lack_header;
use crate::read::{Content, InputFile, would_find};
use crate::write::WRITER;
use std::collections::HashSet;
use tracklet_config::RunMode;
use tracklet_kernel::event_type::EventType;

#[cfg(test)]
mod tests;

/// How a run treats a file that was read before and has other content now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Changed {
    /// Nothing: the run ends with an error that names it.
    #[default]
    Refused,
    /// The file is read again, as a new delivery: its rows are added to those that were read before.
    Reread,
    /// The rows that were read stay, and it counts as read as it is now.
    Keep,
}

/// Whether a snapshot must say what became of the files, also without new rows.
pub(super) fn is_decided(earlier: &Earlier, changed: Changed) -> bool {
    changed == Changed::Keep && !earlier.replaced.is_empty()
}

/// What a run does.
pub(crate) struct RunPlan {
    pub(crate) mode: DecidedMode,
    pub(crate) files: Vec<InputFile>,
    /// Files that are not read since another one has the same content.
    pub(crate) copies: Vec<String>,
    pub(crate) earlier: Earlier,
    pub(crate) warnings: Vec<String>,
    /// What rows of the snapshot were read by, where it is not what the configuration says now.
    pub(crate) older: Vec<OlderSetting>,
    /// Tables that are not read: files without a header may be parts of them.
    pub(crate) tables: Vec<InputFile>,
}

impl RunPlan {
    /// Reads each of these files once and nothing of a snapshot.
    fn full(
        reason: Option<String>,
        files: Vec<InputFile>,
        origin: &Origin<'_>,
        facts: &dyn Facts,
    ) -> Result<Self, RunError> {
        let (files, copies) = each_once(files, origin, facts)?;
        Ok(Self {
            mode: DecidedMode::full(reason),
            files,
            copies,
            earlier: Earlier::default(),
            warnings: Vec::new(),
            older: Vec::new(),
            tables: Vec::new(),
        })
    }
}

/// Decides what to read and what to do with it.
/// # Errors
/// Files that changed, unless the request says what becomes of them; files that can't be read.
pub(crate) fn plan(
    request: &RunRequest,
    before: Option<&ReadBefore<'_>>,
    found: Vec<InputFile>,
    facts: &dyn Facts,
) -> Result<RunPlan, RunError> {
    let origin = Origin::new(&request.config);
    let Some(before) = before else {
        return RunPlan::full(None, found, &origin, facts);
    };
    let mut compared = compare(before.inputs, found.clone(), &origin, facts)?;
    if !compared.changed.is_empty() && request.changed == Changed::Refused {
        let files = compared.changed.into_iter().map(|(_, file)| file.name).collect();
        return Err(RunError::Changed { files });
    }
    let mut elsewhere = Vec::new();
    let mut gone = Vec::new();
    for (place, input) in before.inputs.iter().enumerate() {
        let is_asked = (input.event_type.as_deref().and_then(EventType::of_call))
            .is_none_or(|event_type| request.config.types_read().contains(event_type));
        // What is of a type that is not asked for any more is neither looked for nor missed.
        if !compared.found[place] && is_asked {
            let names = if still_exists(input, &request.paths, facts) { &mut elsewhere } else { &mut gone };
            names.push(input.path.clone());
        }
    }
    let can_be_read_again = gone.is_empty() && compared.changed.is_empty();
    let mut warnings: Vec<String> = before.older_settings.iter().map(ToString::to_string).collect();
    let mut older = before.older_settings.to_vec();
    let unreadable =
        || format!("snapshot {} has no state that this version of the program can read", before.snapshot);
    let mode = if !before.is_readable {
        if !can_be_read_again {
            gone.extend(compared.changed.into_iter().map(|(_, file)| file.name));
            return Err(RunError::Lost { why: unreadable(), files: gone });
        }
        DecidedMode::full(Some(unreadable()))
    } else if let Some((reason, changed)) = read_otherwise(request, before, facts)? {
        if can_be_read_again {
            DecidedMode::full(Some(reason.to_owned()))
        } else if let Some(why) = evidence_without_a_key(request, before) {
            gone.extend(compared.changed.into_iter().map(|(_, file)| file.name));
            return Err(RunError::Lost { why, files: gone });
        } else {
            warnings.push(format!(
                "{reason}, and {} of the files that were read can't be read again: all rows stay as they were read, and \
                 files that are read from now on follow the new {changed}; --full-refresh drops what is gone",
                gone.len() + compared.changed.len()
            ));
            if older.iter().all(|older| older.setting != changed) {
                older
                    .push(OlderSetting { setting: changed.to_owned(), snapshot: before.snapshot.to_owned() });
            }
            DecidedMode::rebuild(reason.to_owned())
        }
    } else if let Some(older) = older.first().filter(|_| can_be_read_again) {
        DecidedMode::full(Some(format!(
            "rows follow an earlier {}, and their files can be read again",
            older.setting
        )))
    } else if before.config_fingerprint != request.config.fingerprint() {
        let what = if before.left_out == request.config.rules.left_out {
            "the configuration"
        } else {
            "`output.tables`"
        };
        DecidedMode::rebuild(format!("{what} has changed"))
    } else if before.writer != WRITER {
        DecidedMode::rebuild(format!("the tables were written by {}", before.writer))
    } else {
        DecidedMode::incremental()
    };
    if mode.mode == RunMode::Full {
        let mut files = found;
        // Everything seen counts, also what these paths don't name.
        if !elsewhere.is_empty() {
            files.extend(facts.files(&elsewhere).map_err(RunError::Input)?);
            files.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        }
        return RunPlan::full(mode.reason, files, &origin, facts);
    }
    let mut earlier = Earlier { gone: gone.len() as u64, ..Earlier::default() };
    settle_grown(before.inputs, &mut compared, &mut earlier, request.changed, facts)?;
    for (place, file) in std::mem::take(&mut compared.changed) {
        let known = &before.inputs[place];
        if request.changed == Changed::Keep {
            let content = facts.content(&file)?;
            compared.replaced.insert(place, kept(known, &file, content));
        } else {
            earlier.known.insert(file.name.clone(), place);
            compared.new.push(file);
        }
    }
    earlier.replaced = compared.replaced;
    compared.new.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let tables = tables_alongside(&compared.new, found);
    Ok(RunPlan { mode, files: compared.new, copies: compared.copies, earlier, warnings, older, tables })
}

/// Of the files found those that are not read and can have the header that one which is read lacks.
fn tables_alongside(read: &[InputFile], found: Vec<InputFile>) -> Vec<InputFile> {
    let is_table = |file: &InputFile| may_lack_header(file.format) && file.is_local();
    if !read.iter().any(is_table) {
        return Vec::new();
    }
    let read: HashSet<&str> = read.iter().map(|file| file.name.as_str()).collect();
    found.into_iter().filter(|file| is_table(file) && !read.contains(file.name.as_str())).collect()
}

/// Why the rows of the snapshot may not be what they would be if their files were read now, and what of the configuration says so.
fn read_otherwise(
    request: &RunRequest,
    before: &ReadBefore<'_>,
    facts: &dyn Facts,
) -> Result<Option<(&'static str, &'static str)>, RunError> {
    if facts.ignores_otherwise(&request.config.gate().ignored_ids)? {
        return Ok(Some(("the tables were made with another identity.ignore", "identity.ignore")));
    }
    let is_same = before.source_fingerprint == request.config.source_fingerprint();
    Ok((!is_same).then_some(("[source] of the configuration has changed", "[source]")))
}

/// What became of evidence in the snapshot that neither key has any more: its rows are nothing that tables are made of.
fn evidence_without_a_key(request: &RunRequest, before: &ReadBefore<'_>) -> Option<String> {
    let read = request.config.types_read();
    let gone = before.evidence.iter().find(|of| !read.contains(*of))?;
    Some(format!(
        "rows of {} calls are evidence of an earlier identity.evidence, which has them no more",
        gone.name()
    ))
}

/// What a full refresh would drop: files that were read and are not among those found, each with its rows.
/// # Errors
/// A file that can't be read.
pub(crate) fn dropped(
    request: &RunRequest,
    inputs: &[Input],
    found: &[InputFile],
    facts: &dyn Facts,
) -> Result<Vec<(String, u64)>, RunError> {
    let compared = compare(inputs, found.to_vec(), &Origin::new(&request.config), facts)?;
    let changed: HashSet<usize> = compared.changed.iter().map(|(place, _)| *place).collect();
    let is_dropped = |place: &usize| !compared.found[*place] || changed.contains(place);
    let dropped = (0..inputs.len()).filter(is_dropped).map(|place| &inputs[place]);
    Ok(dropped.map(|input| (input.path.clone(), input.rows)).collect())
}

/// The new parts of files: a last line that had no end is read again only where it was rejected, as the start of a line is.
fn settle_grown(
    inputs: &[Input],
    compared: &mut Compared,
    earlier: &mut Earlier,
    changed: Changed,
    facts: &dyn Facts,
) -> Result<(), RunError> {
    let reread = |(place, file): &(usize, InputFile)| {
        let grown = file.grown.as_ref().filter(|grown| grown.rereads_line)?;
        Some((inputs[*place].path.clone(), grown.line))
    };
    let rejected = facts.rejected(&compared.grown.iter().filter_map(reread).collect())?;
    let mut refused = Vec::new();
    for (place, mut file) in std::mem::take(&mut compared.grown) {
        let known = &inputs[place];
        let grown = file.grown.as_ref().expect("it has grown");
        if grown.rereads_line {
            let line = (known.path.clone(), grown.line);
            if rejected.contains(&line) {
                earlier.superseded.insert(line);
            } else {
                refused.push(file.name.clone());
                file.grown = None;
                compared.changed.push((place, file));
                continue;
            }
        }
        earlier.known.insert(file.name.clone(), place);
        compared.new.push(file);
    }
    if !refused.is_empty() && changed == Changed::Refused {
        return Err(RunError::Changed { files: refused });
    }
    Ok(())
}

/// A file that was read, which counts as read with its other content, if that can be had.
fn kept(before: &Input, file: &InputFile, content: Option<Content>) -> Input {
    Input {
        path: before.path.clone(),
        bytes: content.map_or(file.size, |content| content.bytes),
        digest: content.map(|content| content.digest),
        modified: modified(file),
        etag: file.etag.clone(),
        ..before.clone()
    }
}

/// Whether a file that was read can still be found under its name. An object that one of the paths would find, and that was not
/// found, is gone.
fn still_exists(input: &Input, paths: &[String], facts: &dyn Facts) -> bool {
    if input.path.contains("://") {
        return !paths.iter().any(|path| would_find(path, &input.path));
    }
    facts.size(&input.path) == Some(input.bytes)
}
