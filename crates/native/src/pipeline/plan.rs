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

use super::publish::{Before, RunMode};
use super::{RunError, RunRequest};
use crate::increment::{StoredError, StoredSnapshot};
use crate::known_inputs::Earlier;
use crate::manifest::{Input, OlderSetting, modified};
use crate::publish::OutputFolder;
use crate::read::inputs::discover_beside;
use crate::read::may_lack_header;
use crate::read::{Content, Grown, InputFile, Quote, ReadError, said_by_path, type_by_path, would_find};
use crate::write::WRITER;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use tracklet_kernel::event_type::{EventType, EventTypes};

/// What becomes of a file that was read and has other content now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Changed {
    /// Nothing: the run ends with an error that names it.
    #[default]
    Refused,
    /// It is read again, as a new delivery: its rows are added to those that were read before.
    Reread,
    /// The rows that were read stay, and it counts as read as it is now.
    Keep,
}

/// Whether a snapshot must say what became of the files, also without new rows.
pub(super) fn is_decided(earlier: &Earlier, changed: Changed) -> bool {
    changed == Changed::Keep && !earlier.replaced.is_empty()
}

/// What a run does.
pub(crate) struct Plan {
    pub(crate) mode: RunMode,
    pub(crate) files: Vec<InputFile>,
    pub(crate) earlier: Earlier,
    pub(crate) warnings: Vec<String>,
    /// What rows of the snapshot were read by, where it is not what the configuration says now.
    pub(crate) older: Vec<OlderSetting>,
    /// Tables that are not read: files without a header may be parts of them.
    pub(crate) tables: Vec<InputFile>,
}

impl Plan {
    /// Reads these files and nothing of a snapshot.
    fn full(reason: Option<String>, files: Vec<InputFile>) -> Self {
        Self {
            mode: RunMode::Full(reason),
            files,
            earlier: Earlier::default(),
            warnings: Vec::new(),
            older: Vec::new(),
            tables: Vec::new(),
        }
    }
}

/// What the files found are to those read before.
#[derive(Default)]
struct Compared {
    /// New files, and the new parts of known ones.
    new: Vec<InputFile>,
    /// Places and files.
    changed: Vec<(usize, InputFile)>,
    grown: Vec<(usize, InputFile)>,
    replaced: BTreeMap<usize, Input>,
    /// Whether each file read before was found.
    found: Vec<bool>,
}

/// What a file is to those read before.
enum Is {
    New,
    Same(usize),
    Grown(usize, Box<Grown>),
    Changed(usize),
}

/// Decides what to read and what to do with it.
/// # Errors
/// Files that changed, unless the request says what becomes of them; files that can't be read.
pub(crate) fn plan(
    request: &RunRequest,
    folder: &OutputFolder,
    before: Option<&Before>,
    found: Vec<InputFile>,
) -> Result<Plan, RunError> {
    let looks = Looks::new(request);
    let Some(before) = before else {
        return Ok(Plan::full(None, each_once(found, &looks)?));
    };
    let manifest = &before.manifest;
    let mut compared = compare(&before.known.inputs, found.clone(), &looks)?;
    if !compared.changed.is_empty() && request.changed == Changed::Refused {
        let files = compared.changed.into_iter().map(|(_, file)| file.name).collect();
        return Err(RunError::Changed { files });
    }
    let mut elsewhere = Vec::new();
    let mut gone = Vec::new();
    for (place, input) in before.known.inputs.iter().enumerate() {
        let is_asked = (input.event_type.as_deref().and_then(EventType::of_call))
            .is_none_or(|event_type| request.config.source.types.contains(event_type));
        // What is of a type that is not asked for any more is neither looked for nor missed.
        if !compared.found[place] && is_asked {
            let names = if is_still_there(input, &request.paths) { &mut elsewhere } else { &mut gone };
            names.push(input.path.clone());
        }
    }
    let can_be_read_again = gone.is_empty() && compared.changed.is_empty();
    let mut warnings: Vec<String> = manifest.older_settings.iter().map(ToString::to_string).collect();
    let mut older = manifest.older_settings.clone();
    let unreadable = || {
        format!("snapshot {} has no state that this version of the program can read", before.snapshot.name)
    };
    let mode = if !before.is_readable() {
        if !can_be_read_again {
            gone.extend(compared.changed.into_iter().map(|(_, file)| file.name));
            return Err(RunError::Lost { why: unreadable(), files: gone });
        }
        RunMode::Full(Some(unreadable()))
    } else if let Some((reason, changed)) = read_otherwise(request, folder, before)? {
        if can_be_read_again {
            RunMode::Full(Some(reason.to_owned()))
        } else {
            warnings.push(format!(
                "{reason}, and {} of the files that were read can't be read again: all rows stay as they were read, and \
                 files that are read from now on follow the new {changed}; --full-refresh drops what is gone",
                gone.len() + compared.changed.len()
            ));
            if older.iter().all(|older| older.setting != changed) {
                older.push(OlderSetting {
                    setting: changed.to_owned(),
                    snapshot: before.snapshot.name.clone(),
                });
            }
            RunMode::Rebuild(reason.to_owned())
        }
    } else if let Some(older) = older.first().filter(|_| can_be_read_again) {
        RunMode::Full(Some(format!(
            "rows follow an earlier {}, and their files can be read again",
            older.setting
        )))
    } else if manifest.config_fingerprint != request.config.fingerprint() {
        RunMode::Rebuild("the configuration has changed".to_owned())
    } else if manifest.versions.writer != WRITER {
        RunMode::Rebuild(format!("the tables were written by {}", manifest.versions.writer))
    } else {
        RunMode::Incremental
    };
    if let RunMode::Full(reason) = mode {
        let mut files = found;
        // Everything seen counts, also what these paths don't name.
        if !elsewhere.is_empty() {
            files.extend(
                discover_beside(&elsewhere, request.format, request.config.source.types, |_| true)?.files,
            );
            files.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        }
        return Ok(Plan::full(reason, each_once(files, &looks)?));
    }
    let mut earlier = Earlier { gone: gone.len() as u64, ..Earlier::default() };
    settle_grown(folder, before, &mut compared, &mut earlier, request.changed)?;
    for (place, file) in std::mem::take(&mut compared.changed) {
        let known = &before.known.inputs[place];
        if request.changed == Changed::Keep {
            let content = file.content(&looks.temporary)?;
            compared.replaced.insert(place, kept(known, &file, content));
        } else {
            earlier.known.insert(file.name.clone(), place);
            compared.new.push(file);
        }
    }
    earlier.replaced = compared.replaced;
    compared.new.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    let tables = tables_alongside(&compared.new, found);
    Ok(Plan { mode, files: compared.new, earlier, warnings, older, tables })
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
    folder: &OutputFolder,
    before: &Before,
) -> Result<Option<(&'static str, &'static str)>, StoredError> {
    if before.ignores_otherwise(&**folder.disk(), &request.config.gate().ignored_ids)? {
        return Ok(Some(("the tables were made with another identity.ignore", "identity.ignore")));
    }
    let is_same = before.manifest.source_fingerprint == request.config.source_fingerprint();
    Ok((!is_same).then_some(("[source] of the configuration has changed", "[source]")))
}

/// What a full refresh would drop: files that were read and are not among those found, each with its rows.
/// # Errors
/// A file that can't be read.
pub(crate) fn dropped(
    request: &RunRequest,
    before: &Before,
    found: &[InputFile],
) -> Result<Vec<(String, u64)>, RunError> {
    let inputs = &before.known.inputs;
    let compared = compare(inputs, found.to_vec(), &Looks::new(request))?;
    let changed: HashSet<usize> = compared.changed.iter().map(|(place, _)| *place).collect();
    let is_dropped = |place: &usize| !compared.found[*place] || changed.contains(place);
    let dropped = (0..inputs.len()).filter(is_dropped).map(|place| &inputs[place]);
    Ok(dropped.map(|input| (input.path.clone(), input.rows)).collect())
}

/// How files are looked at.
struct Looks<'a> {
    /// The folder for objects that are only looked at.
    temporary: PathBuf,
    quote: Quote,
    /// The names of columns that are mapped, or that events bring along.
    mapped: Vec<&'a str>,
    types: EventTypes,
    filter: Option<&'a str>,
}

/// What a file's rows come from: its bytes, and what its path says about them.
type Origin<T> = (T, Vec<(String, Option<String>)>);

impl<'a> Looks<'a> {
    fn new(request: &'a RunRequest) -> Self {
        let source = &request.config.source;
        let of_events = request.config.columns.iter().flat_map(|column| &column.sources);
        let of_events = of_events.map(|source| source.name.as_str());
        Self {
            temporary: request.temp_dir.clone().unwrap_or_else(std::env::temp_dir),
            quote: source.csv.quote,
            mapped: source.columns.of_source().map(|(_, name)| name).chain(of_events).collect(),
            types: source.types,
            filter: source.filter.as_deref(),
        }
    }

    /// What the path of a file says about its rows.
    fn path(&self, name: &str) -> Vec<(String, Option<String>)> {
        let mut said = said_by_path(name, &self.mapped, self.filter);
        if self.types != EventTypes::default() {
            let of_folder = type_by_path(name).map(|event_type| event_type.name().to_owned());
            said.extend(of_folder.map(|name| ("the type of its folder".to_owned(), Some(name))));
        }
        said
    }
}

/// The new parts of files: a last line that had no end is read again only where it was rejected, as the start of a line is.
fn settle_grown(
    folder: &OutputFolder,
    before: &Before,
    compared: &mut Compared,
    earlier: &mut Earlier,
    changed: Changed,
) -> Result<(), RunError> {
    let reread = |(place, file): &(usize, InputFile)| {
        let grown = file.grown.as_ref().filter(|grown| grown.rereads_line)?;
        Some((before.known.inputs[*place].path.clone(), grown.line))
    };
    let rejected = rejected_of(&compared.grown.iter().filter_map(reread).collect(), folder, before)?;
    let mut refused = Vec::new();
    for (place, mut file) in std::mem::take(&mut compared.grown) {
        let known = &before.known.inputs[place];
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

/// Those of the lines that the snapshot has among its rejects.
fn rejected_of(
    lines: &HashSet<(String, u64)>,
    folder: &OutputFolder,
    before: &Before,
) -> Result<HashSet<(String, u64)>, RunError> {
    let mut rejected = HashSet::new();
    if lines.is_empty() {
        return Ok(rejected);
    }
    if let Some(stored) = StoredSnapshot::open(&**folder.disk(), &before.snapshot.path, &before.manifest)? {
        stored.each_reject(|reject| {
            if let Some(line) = reject.row_number.map(|row| (reject.source_file, row))
                && lines.contains(&line)
            {
                rejected.insert(line);
            }
            Ok::<_, RunError>(())
        })?;
    }
    Ok(rejected)
}

fn compare(known: &[Input], found: Vec<InputFile>, looks: &Looks<'_>) -> Result<Compared, ReadError> {
    let mut names = Known::new(known);
    let mut compared = Compared { found: vec![false; known.len()], ..Compared::default() };
    let mut changed = Vec::new();
    let mut as_they_were: HashSet<usize> = HashSet::new();
    for mut file in found {
        match names.find(&file, looks)? {
            Is::New => compared.new.push(file),
            Is::Same(place) => {
                let before = &known[place];
                compared.found[place] = true;
                if file.name == before.path && looks_the_same(before, &file) {
                    as_they_were.insert(place);
                } else {
                    compared.replaced.insert(place, renamed(before, &file));
                }
            }
            Is::Grown(place, grown) => {
                compared.found[place] = true;
                file.grown = Some(grown);
                compared.grown.push((place, file));
            }
            Is::Changed(place) => changed.push((place, file)),
        }
    }
    // A copy under another name changes nothing.
    compared.replaced.retain(|place, _| !as_they_were.contains(place));
    for (place, file) in changed {
        // Where the old content has another name now, this is a new file under its old one.
        if compared.found[place] {
            compared.new.push(file);
        } else {
            compared.found[place] = true;
            compared.changed.push((place, file));
        }
    }
    compared.new = each_once(std::mem::take(&mut compared.new), looks)?;
    Ok(compared)
}

/// The files that were read before, by what they are known by.
struct Known<'a> {
    inputs: &'a [Input],
    by_name: HashMap<&'a str, usize>,
    by_size: HashMap<u64, Vec<usize>>,
    /// Only asked for when a name is new: it costs a look at every file.
    by_file: Option<HashMap<PathBuf, usize>>,
}

impl<'a> Known<'a> {
    fn new(inputs: &'a [Input]) -> Self {
        let mut by_size: HashMap<u64, Vec<usize>> = HashMap::new();
        for (place, input) in inputs.iter().enumerate() {
            by_size.entry(input.bytes).or_default().push(place);
        }
        let by_name = inputs.iter().enumerate().map(|(place, input)| (input.path.as_str(), place)).collect();
        Self { inputs, by_name, by_size, by_file: None }
    }

    fn find(&mut self, file: &InputFile, looks: &Looks<'_>) -> Result<Is, ReadError> {
        let place = self.by_name.get(file.name.as_str()).copied().or_else(|| self.by_real_path(file));
        if let Some(place) = place.filter(|place| looks_the_same(&self.inputs[*place], file)) {
            return Ok(Is::Same(place));
        }
        let inputs = self.inputs;
        let said = looks.path(&file.name);
        let of_size = self.by_size.get(&file.size).map_or(&[][..], Vec::as_slice).iter();
        let alike: Vec<usize> =
            of_size.copied().filter(|place| looks.path(&inputs[*place].path) == said).collect();
        let by_tag = |place: &usize| is_of_content(file.etag.as_deref()) && inputs[*place].etag == file.etag;
        if let Some(place) = alike.iter().copied().find(by_tag) {
            return Ok(Is::Same(place));
        }
        // An object under a new name is not fetched to be compared.
        let is_looked_at = file.is_local() || place.is_some();
        if is_looked_at
            && alike.iter().any(|place| inputs[*place].digest.is_some())
            && let Some(content) = file.content(&looks.temporary)?
        {
            let is_it = |place: &usize| content_of(&inputs[*place]) == Some(content);
            // Of files with the same content the one of this name goes first.
            if let Some(place) = place.filter(is_it).or_else(|| alike.iter().copied().find(is_it)) {
                return Ok(Is::Same(place));
            }
        }
        let is_moved = |place: &usize| {
            let input = &inputs[*place];
            input.digest.is_none() && input.modified.is_some() && input.modified == modified(file)
        };
        if let Some(place) = alike.iter().copied().find(is_moved) {
            return Ok(Is::Same(place));
        }
        let Some(place) = place else { return Ok(Is::New) };
        if let Some(old) = content_of(&inputs[place]).filter(|old| file.can_grow() && file.size > old.bytes)
            && let Some(grown) = file.grown_since(old, looks.quote, &looks.temporary)?
        {
            return Ok(Is::Grown(place, Box::new(grown)));
        }
        Ok(Is::Changed(place))
    }

    fn by_real_path(&mut self, file: &InputFile) -> Option<usize> {
        let real = real_path(&file.name)?;
        let inputs = self.inputs;
        let by_file = self.by_file.get_or_insert_with(|| {
            let real = inputs.iter().enumerate();
            real.filter_map(|(place, input)| Some((real_path(&input.path)?, place))).collect()
        });
        by_file.get(&real).copied()
    }
}

/// Whether a file is as it was by all that is known without reading it.
fn looks_the_same(before: &Input, file: &InputFile) -> bool {
    let same = match (&before.etag, &file.etag) {
        (Some(before), Some(now)) => before == now,
        _ => before.modified == modified(file),
    };
    same && before.bytes == file.size
}

/// Whether a tag is made of the content alone, as MD5 is; others are of the upload.
fn is_of_content(etag: Option<&str>) -> bool {
    let tag = etag.unwrap_or_default().trim_matches('"');
    let (digits, parts) = tag.split_once('-').unwrap_or((tag, "1"));
    digits.len() == 32
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && parts.bytes().all(|byte| byte.is_ascii_digit())
}

fn content_of(input: &Input) -> Option<Content> {
    input.digest.map(|digest| Content { bytes: input.bytes, digest })
}

/// The files without those whose content another of them has, whose name comes first.
fn each_once(files: Vec<InputFile>, looks: &Looks<'_>) -> Result<Vec<InputFile>, ReadError> {
    let mut of_size: HashMap<u64, usize> = HashMap::new();
    for file in files.iter().filter(|file| file.size > 0) {
        *of_size.entry(file.size).or_default() += 1;
    }
    let mut seen: HashSet<Origin<Content>> = HashSet::new();
    let mut tags: HashSet<Origin<(u64, String)>> = HashSet::new();
    let mut once = Vec::with_capacity(files.len());
    let mut copies = Vec::new();
    for file in files {
        let has_equals = of_size.get(&file.size).is_some_and(|files| *files > 1);
        let is_first = match &file.etag {
            _ if !has_equals => true,
            None if file.is_local() => match file.content(&looks.temporary)? {
                Some(content) => seen.insert((content, looks.path(&file.name))),
                None => true,
            },
            Some(tag) if is_of_content(Some(tag)) => {
                tags.insert(((file.size, tag.clone()), looks.path(&file.name)))
            }
            _ => true,
        };
        if is_first {
            once.push(file);
        } else {
            copies.push(file.name);
        }
    }
    if let [first, others @ ..] = copies.as_slice() {
        let others = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        tracing::warn!("not read: `{first}`{others}, with the same content as another file");
    }
    Ok(once)
}

/// A file that was read, as it is called and looks now.
fn renamed(before: &Input, file: &InputFile) -> Input {
    Input {
        path: file.name.clone(),
        bytes: file.size,
        modified: modified(file),
        etag: file.etag.clone(),
        ..before.clone()
    }
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
fn is_still_there(input: &Input, paths: &[String]) -> bool {
    if input.path.contains("://") {
        return !paths.iter().any(|path| would_find(path, &input.path));
    }
    std::fs::metadata(&input.path).is_ok_and(|found| found.len() == input.bytes)
}

fn real_path(name: &str) -> Option<PathBuf> {
    if name.contains("://") { None } else { Path::new(name).canonicalize().ok() }
}
