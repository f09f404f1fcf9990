//! Whose rows must not come back.

use crate::disk::{Disk, Stored, is_missing, write_file};
use crate::publish::PublishError;
use crate::read::Rejects;
use crate::spilled_files::SpillError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use tracklet_kernel::ignored_ids::IgnoredIds;
pub use tracklet_kernel::subject::Subject;
use tracklet_kernel::tracks::TracksBuilder;

/// The file beside the snapshots, so that it holds for each of them and outlives them all.
const FORGOTTEN: &str = "forgotten.json";
const NEXT: &str = ".forgotten.next";

/// Salted hashes of forgotten ids: they show whether an id is among them, and not which they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Forgotten {
    /// 64 hexadecimal digits, random; empty where nothing is forgotten.
    salt: String,
    /// BLAKE3 keyed with the salt, of the kind and the id; 32 hexadecimal digits of it.
    hashes: BTreeSet<String>,
    /// The digests that the list has had before. A snapshot under one of them is yet to be erased from.
    earlier: BTreeSet<String>,
}

/// The version of the file.
const VERSION: u32 = 2;

/// `forgotten.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListFile {
    version: u32,
    /// Of the salt and the hashes: damage is found by it.
    digest: String,
    salt: String,
    hashes: Vec<String>,
    earlier: Vec<String>,
}

/// `forgotten.json` as the first version wrote it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstListFile {
    salt: String,
    hashes: Vec<String>,
}

/// What every version of the file has.
#[derive(Debug, Deserialize)]
struct AnyListFile {
    version: Option<u32>,
}

/// What an id is forgotten as.
#[derive(Clone, Copy)]
enum IdKind {
    /// The id by which a row finds its visitor.
    Alias,
    UserId,
    AnonymousId,
    /// The text of a line that could not be read and has an id in it.
    Raw,
}

impl IdKind {
    /// What stands before the id where it is hashed.
    fn byte(self) -> u8 {
        match self {
            Self::Alias => b'v',
            Self::UserId => b'u',
            Self::AnonymousId => b'a',
            Self::Raw => b'r',
        }
    }
}

impl Forgotten {
    /// The list of an output folder. A damaged one is an error: without it erased rows would come back.
    pub(crate) fn load(disk: &dyn Disk, root: &Path) -> Result<Self, PublishError> {
        let path = root.join(FORGOTTEN);
        let file = match disk.open(&path) {
            Err(error) if is_missing(&error) => return Ok(Self::default()),
            file => file.and_then(Stored::bytes),
        };
        let bytes = file.map_err(|source| io("could not read", &path, source))?;
        Self::parse(&bytes).map_err(|what| PublishError::ForgottenDamaged { path, what })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = |error: serde_json::Error| error.to_string();
        let whole: serde_json::Value = serde_json::from_slice(bytes).map_err(text)?;
        if !whole.is_object() {
            return Err("it is no JSON object".to_owned());
        }
        let any: AnyListFile = serde_json::from_slice(bytes).map_err(text)?;
        let (salt, hashes, earlier, digest) = match any.version {
            // Its snapshots have no digest: all of them are erased from once more.
            None => {
                let FirstListFile { salt, hashes } = serde_json::from_slice(bytes).map_err(text)?;
                (salt, hashes, Vec::new(), None)
            }
            Some(VERSION) => {
                let file: ListFile = serde_json::from_slice(bytes).map_err(text)?;
                (file.salt, file.hashes, file.earlier, Some(file.digest))
            }
            Some(version) => {
                return Err(format!("its version is {version}, and this program knows {VERSION}"));
            }
        };
        if !is_hexadecimal(&salt, 64) {
            return Err("its salt is not 64 hexadecimal digits".to_owned());
        }
        if hashes.is_empty() {
            return Err("it has no hashes".to_owned());
        }
        let list = Self { salt, hashes: unique(hashes)?, earlier: unique(earlier)? };
        if digest.is_some() && digest != list.digest() {
            return Err("its digest is not that of its salt and hashes".to_owned());
        }
        Ok(list)
    }

    /// The digest that the manifest of each snapshot made under this list has; none where nothing is forgotten.
    pub(crate) fn digest(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.salt.as_bytes());
        for hash in &self.hashes {
            hasher.update(hash.as_bytes());
        }
        Some(hasher.finalize().to_hex()[..32].to_owned())
    }

    /// Whether a snapshot whose manifest has this digest still has rows that are to be erased.
    /// # Errors
    /// [`PublishError::ForgottenMissing`] and [`PublishError::ForgottenOlder`]: the snapshot was made under a list that is
    /// not this one nor an earlier state of it.
    pub(crate) fn is_pending(
        &self,
        root: &Path,
        snapshot: &str,
        digest: Option<&str>,
    ) -> Result<bool, PublishError> {
        let (path, snapshot) = (root.join(FORGOTTEN), snapshot.to_owned());
        match (self.digest().as_deref(), digest) {
            (None, Some(_)) => Err(PublishError::ForgottenMissing { path, snapshot }),
            (now, then) if now == then => Ok(false),
            (_, Some(then)) if !self.earlier.contains(then) => {
                Err(PublishError::ForgottenOlder { path, snapshot })
            }
            _ => Ok(true),
        }
    }

    /// Replaces the list of an output folder in one step.
    pub(crate) fn save(&self, disk: &dyn Disk, root: &Path) -> Result<(), PublishError> {
        let Some(digest) = self.digest() else { return Ok(()) };
        let (path, next) = (root.join(FORGOTTEN), root.join(NEXT));
        let list = |texts: &BTreeSet<String>| texts.iter().cloned().collect();
        let file = ListFile {
            version: VERSION,
            digest,
            salt: self.salt.clone(),
            hashes: list(&self.hashes),
            earlier: list(&self.earlier),
        };
        let mut text = serde_json::to_vec_pretty(&file).expect("texts");
        text.push(b'\n');
        match disk.remove(&next) {
            Err(error) if !is_missing(&error) => return Err(io("could not remove", &next, error)),
            _ => {}
        }
        write_file(disk, &next, &text).map_err(|error| io("could not write", &next, error))?;
        disk.rename(&next, &path).map_err(|error| io("could not replace", &path, error))?;
        disk.sync_folder(root).map_err(|error| io("could not sync", root, error))
    }

    /// Changes the list; answers whether it is another then. What it was stays known by its digest.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Self)) -> bool {
        let before = self.digest();
        change(self);
        let changed = self.digest() != before;
        self.earlier.extend(before.filter(|_| changed));
        changed
    }

    /// Adds the text of a line that could not be read and has a forgotten id in it.
    pub(crate) fn add_raw(&mut self, text: &str) {
        self.add_id(IdKind::Raw, text);
    }

    /// Adds what a subject is known by. `aliases` are those of a visitor.
    pub(crate) fn add(&mut self, subject: &Subject, aliases: &[String]) {
        if self.salt.is_empty() {
            let random: [u8; 32] = rand::random();
            self.salt = blake3::hash(&random).to_hex().to_string();
        }
        match subject {
            Subject::UserId(id) => self.add_id(IdKind::UserId, id),
            Subject::AnonymousId(id) => self.add_id(IdKind::AnonymousId, id),
            Subject::Visitor(id) => {
                self.add_id(IdKind::Alias, id);
                for alias in aliases {
                    self.add_id(IdKind::Alias, alias);
                }
            }
        }
    }

    fn add_id(&mut self, kind: IdKind, id: &str) {
        let hash = self.hash(kind, id);
        self.hashes.insert(hash);
    }

    fn hash(&self, kind: IdKind, id: &str) -> String {
        let mut key = [0; 32];
        for (byte, digits) in key.iter_mut().zip(self.salt.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).unwrap_or("0");
            *byte = u8::from_str_radix(digits, 16).unwrap_or(0);
        }
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(&[kind.byte()]).update(id.as_bytes());
        hasher.finalize().to_hex()[..32].to_owned()
    }

    fn has(&self, kind: IdKind, id: &str) -> bool {
        self.hashes.contains(&self.hash(kind, id))
    }

    /// Whether nothing is forgotten.
    pub(crate) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether a row with these ids may stay.
    pub(crate) fn keeps(&self, anonymous_id: Option<&str>, user_id: Option<&str>) -> bool {
        let is = |kind, id: Option<&str>| id.is_some_and(|id| self.has(kind, id));
        !is(IdKind::Alias, user_id.or(anonymous_id))
            && !is(IdKind::UserId, user_id)
            && !is(IdKind::AnonymousId, anonymous_id)
    }

    /// Leaves out the forgotten rows; answers how many. Rejected rows still have the ids that were taken for none.
    ///
    /// # Errors
    /// Rejects that were spilled to disk can't be read back.
    pub(crate) fn forget(
        &self,
        tracks: &mut [TracksBuilder],
        rejects: &mut Rejects,
        ignored: &IgnoredIds,
    ) -> Result<(u64, u64), SpillError> {
        if self.is_empty() {
            return Ok((0, 0));
        }
        let tracks = tracks.iter_mut().map(|builder| builder.retain(|a, u| self.keeps(a, u))).sum();
        let rejects = rejects.retain(|reject| {
            let filled = |id: &Option<String>| id.clone().filter(|id| !id.is_empty() && !ignored.has(id));
            let (anonymous_id, user_id) = (filled(&reject.anonymous_id), filled(&reject.user_id));
            self.keeps(anonymous_id.as_deref(), user_id.as_deref())
                && !reject.raw.as_deref().is_some_and(|raw| self.has(IdKind::Raw, raw))
        })?;
        Ok((tracks, rejects))
    }
}

/// The hashes or digests of a file as a set.
fn unique(texts: Vec<String>) -> Result<BTreeSet<String>, String> {
    let mut set = BTreeSet::new();
    for text in texts {
        if !is_hexadecimal(&text, 32) {
            return Err("one of its hashes is not 32 hexadecimal digits".to_owned());
        }
        if !set.insert(text) {
            return Err("one of its hashes stands twice".to_owned());
        }
    }
    Ok(set)
}

fn is_hexadecimal(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> PublishError {
    PublishError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::{FORGOTTEN, Forgotten, Subject};
    use crate::disk::memory::MemoryDisk;
    use crate::disk::{Disk, Stored, write_file};
    use std::path::Path;
    use tracklet_display::error::Hint;

    #[test]
    fn a_visitor_is_known_by_the_id_that_finds_him_and_others_by_theirs() {
        let mut forgotten = Forgotten::default();
        assert!(forgotten.keeps(Some("phone"), Some("user")));
        forgotten.add(&Subject::Visitor("user".into()), &["phone".into()]);
        assert!(!forgotten.keeps(Some("phone"), None) && !forgotten.keeps(Some("laptop"), Some("user")));
        assert!(forgotten.keeps(Some("phone"), Some("other")), "another user of the device");
        forgotten.add(&Subject::AnonymousId("phone".into()), &[]);
        assert!(!forgotten.keeps(Some("phone"), Some("other")) && forgotten.keeps(None, Some("tablet")));
        let text = format!("{forgotten:?}");
        assert!(!text.contains("user") && !text.contains("phone"), "{text}");
        let mut other = Forgotten::default();
        other.add(&Subject::Visitor("user".into()), &[]);
        assert!(forgotten.hashes.is_disjoint(&other.hashes), "another salt");
    }

    // Most of these kinds of damage were taken for a list of nobody, and the erased rows came back.
    #[test]
    fn every_kind_of_damage_is_an_error_that_names_the_file() {
        let disk = MemoryDisk::default();
        let root = Path::new("out");
        disk.create_folders(root).unwrap();
        let mut list = Forgotten::default();
        list.add(&Subject::UserId("ann".into()), &[]);
        list.add(&Subject::UserId("bob".into()), &[]);
        list.save(&disk, root).unwrap();
        assert_eq!(Forgotten::load(&disk, root).unwrap(), list);
        let path = root.join(FORGOTTEN);
        let good = String::from_utf8(disk.open(&path).and_then(Stored::bytes).unwrap().to_vec()).unwrap();
        let first = list.hashes.first().unwrap().clone();
        let changed = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            good.replacen(from, to, 1)
        };
        let damaged = [
            String::new(),
            "{}".to_owned(),
            "null".to_owned(),
            "[]".to_owned(),
            good[..good.len() / 2].to_owned(),
            "\0".repeat(good.len()),
            format!("{good}{good}"),
            changed(&list.salt, ""),
            changed(&list.salt, &"0".repeat(64)),
            changed(&list.salt, &list.salt[1..]),
            changed("\"salt\"", "\"sult\""),
            changed("\"version\": 2", "\"version\": 3"),
            changed("\"version\": 2,", ""),
            changed(&first, &first[1..]),
            changed(&first, &first.to_uppercase().replace(|c: char| c.is_ascii_digit(), "Z")),
            changed(&format!("\"{first}\","), ""),
            changed(&format!("\"{first}\""), &format!("\"{first}\", \"{first}\"")),
            changed("\"hashes\": [", "\"hashes\": [], \"other\": ["),
        ];
        for text in damaged {
            disk.remove(&path).unwrap();
            write_file(&disk, &path, text.as_bytes()).unwrap();
            let error = Forgotten::load(&disk, root).expect_err(&text);
            assert!(error.to_string().contains("forgotten.json"), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("restore")), "{error}");
        }
    }

    #[test]
    fn a_list_that_is_older_than_a_snapshot_is_an_error_and_a_newer_one_erases() {
        let root = Path::new("out");
        let mut older = Forgotten::default();
        assert!(older.change(|list| list.add(&Subject::UserId("ann".into()), &[])));
        assert!(!older.clone().change(|list| list.add(&Subject::UserId("ann".into()), &[])), "the same");
        let mut newer = older.clone();
        assert!(newer.change(|list| list.add(&Subject::UserId("bob".into()), &[])));
        let pending =
            |list: &Forgotten, of: &Forgotten| list.is_pending(root, "000001", of.digest().as_deref()).ok();
        let nobody = Forgotten::default();
        assert_eq!(pending(&nobody, &nobody), Some(false));
        assert_eq!(pending(&older, &nobody), Some(true));
        assert_eq!(pending(&newer, &older), Some(true));
        assert_eq!(pending(&newer, &newer), Some(false));
        assert_eq!(pending(&older, &newer), None);
        assert_eq!(pending(&nobody, &newer), None);
    }
}
