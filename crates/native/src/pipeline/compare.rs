//! What the files found are to those that were read before.

use super::facts::Facts;
use crate::manifest::{Input, modified};
use crate::read::{Content, Grown, InputFile, ReadError, said_by_path, type_by_path};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use tracklet_config::Config;
use tracklet_kernel::event_type::EventTypes;

/// What the files found are to those read before.
#[derive(Default)]
pub(super) struct Compared {
    /// New files, and the new parts of known ones.
    pub(super) new: Vec<InputFile>,
    /// Places and files.
    pub(super) changed: Vec<(usize, InputFile)>,
    pub(super) grown: Vec<(usize, InputFile)>,
    pub(super) replaced: BTreeMap<usize, Input>,
    /// Whether each file read before was found.
    pub(super) found: Vec<bool>,
    /// Files that are not read since another one has the same content.
    pub(super) copies: Vec<String>,
}

/// What a file is to those read before.
enum Is {
    New,
    Same(usize),
    Grown(usize, Box<Grown>),
    Changed(usize),
}

/// Compares the files found with those that were read before.
/// # Errors
/// A file that has to be looked into and can't be read.
pub(super) fn compare(
    known: &[Input],
    found: Vec<InputFile>,
    origin: &Origin<'_>,
    facts: &dyn Facts,
) -> Result<Compared, ReadError> {
    let mut names = KnownFiles::new(known);
    let mut compared = Compared { found: vec![false; known.len()], ..Compared::default() };
    let mut changed = Vec::new();
    let mut as_they_were: HashSet<usize> = HashSet::new();
    for mut file in found {
        match names.find(&file, origin, facts)? {
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
    (compared.new, compared.copies) = each_once(std::mem::take(&mut compared.new), origin, facts)?;
    Ok(compared)
}

/// What the path of a file says about its rows.
type Said = Vec<(String, Option<String>)>;

/// Where rows come from, besides the bytes of their file.
pub(super) struct Origin<'a> {
    /// The names of columns that are mapped, or that events bring along.
    mapped: Vec<&'a str>,
    types: EventTypes,
    filter: Option<&'a str>,
}

impl<'a> Origin<'a> {
    /// By what the configuration names.
    pub(super) fn new(config: &'a Config) -> Self {
        let source = &config.source;
        let of_events = config.columns_read().flat_map(|column| &column.sources);
        let of_events = of_events.map(|source| source.name.as_str());
        let mapped = source.columns.mapped().into_iter().filter_map(|(_, name)| name);
        Self {
            mapped: mapped.chain(of_events).collect(),
            types: config.types_read(),
            filter: source.filter.as_deref(),
        }
    }

    fn of(&self, name: &str) -> Said {
        let mut said = said_by_path(name, &self.mapped, self.filter);
        if self.types != EventTypes::default() {
            let of_folder = type_by_path(name).map(|event_type| event_type.name().to_owned());
            said.extend(of_folder.map(|name| ("the type of its folder".to_owned(), Some(name))));
        }
        said
    }
}

/// The files that were read before, by what they are known by.
struct KnownFiles<'a> {
    inputs: &'a [Input],
    by_name: HashMap<&'a str, usize>,
    by_size: HashMap<u64, Vec<usize>>,
    /// Only asked for when a name is new: it costs a look at every file.
    by_file: Option<HashMap<PathBuf, usize>>,
}

impl<'a> KnownFiles<'a> {
    fn new(inputs: &'a [Input]) -> Self {
        let mut by_size: HashMap<u64, Vec<usize>> = HashMap::new();
        for (place, input) in inputs.iter().enumerate() {
            by_size.entry(input.bytes).or_default().push(place);
        }
        let by_name = inputs.iter().enumerate().map(|(place, input)| (input.path.as_str(), place)).collect();
        Self { inputs, by_name, by_size, by_file: None }
    }

    fn find(&mut self, file: &InputFile, origin: &Origin<'_>, facts: &dyn Facts) -> Result<Is, ReadError> {
        let place = self.by_name.get(file.name.as_str()).copied().or_else(|| self.by_real_path(file, facts));
        if let Some(place) = place.filter(|place| looks_the_same(&self.inputs[*place], file)) {
            return Ok(Is::Same(place));
        }
        let inputs = self.inputs;
        let said = origin.of(&file.name);
        let of_size = self.by_size.get(&file.size).map_or(&[][..], Vec::as_slice).iter();
        let alike: Vec<usize> =
            of_size.copied().filter(|place| origin.of(&inputs[*place].path) == said).collect();
        let by_tag = |place: &usize| is_of_content(file.etag.as_deref()) && inputs[*place].etag == file.etag;
        if let Some(place) = alike.iter().copied().find(by_tag) {
            return Ok(Is::Same(place));
        }
        // An object under a new name is not fetched to be compared.
        let is_looked_at = file.is_local() || place.is_some();
        if is_looked_at
            && alike.iter().any(|place| inputs[*place].digest.is_some())
            && let Some(content) = facts.content(file)?
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
            && let Some(grown) = facts.grown_since(file, old)?
        {
            return Ok(Is::Grown(place, Box::new(grown)));
        }
        Ok(Is::Changed(place))
    }

    fn by_real_path(&mut self, file: &InputFile, facts: &dyn Facts) -> Option<usize> {
        let real = facts.real_path(&file.name)?;
        let inputs = self.inputs;
        let by_file = self.by_file.get_or_insert_with(|| {
            let real = inputs.iter().enumerate();
            real.filter_map(|(place, input)| Some((facts.real_path(&input.path)?, place))).collect()
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

/// The files without those whose content another of them has, whose name comes first; and the names of these copies.
pub(super) fn each_once(
    files: Vec<InputFile>,
    origin: &Origin<'_>,
    facts: &dyn Facts,
) -> Result<(Vec<InputFile>, Vec<String>), ReadError> {
    let mut of_size: HashMap<u64, usize> = HashMap::new();
    for file in files.iter().filter(|file| file.size > 0) {
        *of_size.entry(file.size).or_default() += 1;
    }
    let mut seen: HashSet<(Content, Said)> = HashSet::new();
    let mut tags: HashSet<((u64, String), Said)> = HashSet::new();
    let mut once = Vec::with_capacity(files.len());
    let mut copies = Vec::new();
    for file in files {
        let has_equals = of_size.get(&file.size).is_some_and(|files| *files > 1);
        let is_first = match &file.etag {
            _ if !has_equals => true,
            None if file.is_local() => match facts.content(&file)? {
                Some(content) => seen.insert((content, origin.of(&file.name))),
                None => true,
            },
            Some(tag) if is_of_content(Some(tag)) => {
                tags.insert(((file.size, tag.clone()), origin.of(&file.name)))
            }
            _ => true,
        };
        if is_first {
            once.push(file);
        } else {
            copies.push(file.name);
        }
    }
    Ok((once, copies))
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
