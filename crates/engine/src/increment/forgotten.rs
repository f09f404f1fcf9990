//! Whose rows must not come back.

use crate::disk::{Disk, Stored, is_missing, write_file};
use crate::publish::PublishError;
use crate::read::Reject;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use tracklet_kernel::tracks::TracksBuilder;

/// The file beside the snapshots, so that it holds for each of them and outlives them all.
const FORGOTTEN: &str = "forgotten.json";
const NEXT: &str = ".forgotten.next";

/// What of a person is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Every row that is this visitor's.
    Visitor(String),
    /// Every row with this user id.
    UserId(String),
    /// Every row with this anonymous id.
    AnonymousId(String),
}

impl Subject {
    /// The id.
    pub fn id(&self) -> &str {
        match self {
            Self::Visitor(id) | Self::UserId(id) | Self::AnonymousId(id) => id,
        }
    }
}

/// Salted hashes of forgotten ids: they tell whether an id is among them, and not which they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Forgotten {
    /// 64 hexadecimal digits, random.
    salt: String,
    /// BLAKE3 keyed with the salt, of the kind and the id; 32 hexadecimal digits of it.
    hashes: BTreeSet<String>,
}

/// What an id is forgotten as.
#[derive(Clone, Copy)]
enum Kind {
    /// The id by which a row finds its visitor.
    Alias,
    UserId,
    AnonymousId,
}

impl Kind {
    /// What stands before the id where it is hashed.
    fn byte(self) -> u8 {
        match self {
            Self::Alias => b'v',
            Self::UserId => b'u',
            Self::AnonymousId => b'a',
        }
    }
}

impl Forgotten {
    /// The list of an output folder.
    pub(crate) fn load(disk: &dyn Disk, root: &Path) -> Result<Self, PublishError> {
        let path = root.join(FORGOTTEN);
        let file = match disk.open(&path) {
            Err(error) if is_missing(&error) => return Ok(Self::default()),
            file => file.and_then(Stored::bytes),
        };
        let bytes = file.map_err(|source| io("could not read", &path, source))?;
        serde_json::from_slice(&bytes).map_err(|source| PublishError::Manifest { path, source })
    }

    /// Replaces the list of an output folder in one step.
    pub(crate) fn save(&self, disk: &dyn Disk, root: &Path) -> Result<(), PublishError> {
        let (path, next) = (root.join(FORGOTTEN), root.join(NEXT));
        let mut text = serde_json::to_vec_pretty(self).expect("texts");
        text.push(b'\n');
        match disk.remove(&next) {
            Err(error) if !is_missing(&error) => return Err(io("could not remove", &next, error)),
            _ => {}
        }
        write_file(disk, &next, &text).map_err(|error| io("could not write", &next, error))?;
        disk.rename(&next, &path).map_err(|error| io("could not replace", &path, error))?;
        disk.sync_folder(root).map_err(|error| io("could not sync", root, error))
    }

    /// Adds what a subject is known by. `aliases` are those of a visitor.
    pub(crate) fn add(&mut self, subject: &Subject, aliases: &[String]) {
        if self.salt.is_empty() {
            let random: [u8; 32] = rand::random();
            self.salt = blake3::hash(&random).to_hex().to_string();
        }
        match subject {
            Subject::UserId(id) => self.add_id(Kind::UserId, id),
            Subject::AnonymousId(id) => self.add_id(Kind::AnonymousId, id),
            Subject::Visitor(id) => {
                self.add_id(Kind::Alias, id);
                for alias in aliases {
                    self.add_id(Kind::Alias, alias);
                }
            }
        }
    }

    fn add_id(&mut self, kind: Kind, id: &str) {
        let hash = self.hash(kind, id);
        self.hashes.insert(hash);
    }

    fn hash(&self, kind: Kind, id: &str) -> String {
        let mut key = [0; 32];
        for (byte, digits) in key.iter_mut().zip(self.salt.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).unwrap_or("0");
            *byte = u8::from_str_radix(digits, 16).unwrap_or(0);
        }
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(&[kind.byte()]).update(id.as_bytes());
        hasher.finalize().to_hex()[..32].to_owned()
    }

    fn has(&self, kind: Kind, id: &str) -> bool {
        self.hashes.contains(&self.hash(kind, id))
    }

    /// Whether nothing is forgotten.
    pub(crate) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether a row with these ids may stay.
    pub(crate) fn keeps(&self, anonymous_id: Option<&str>, user_id: Option<&str>) -> bool {
        let is = |kind, id: Option<&str>| id.is_some_and(|id| self.has(kind, id));
        !is(Kind::Alias, user_id.or(anonymous_id))
            && !is(Kind::UserId, user_id)
            && !is(Kind::AnonymousId, anonymous_id)
    }

    /// Leaves out the forgotten rows; answers how many.
    pub(crate) fn forget(&self, tracks: &mut [TracksBuilder], rejects: &mut Vec<Reject>) -> (u64, u64) {
        if self.is_empty() {
            return (0, 0);
        }
        let tracks = tracks.iter_mut().map(|builder| builder.retain(|a, u| self.keeps(a, u))).sum();
        let before = rejects.len();
        rejects.retain(|reject| {
            let filled = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
            let (anonymous_id, user_id) = (filled(&reject.anonymous_id), filled(&reject.user_id));
            self.keeps(anonymous_id.as_deref(), user_id.as_deref())
        });
        (tracks, (before - rejects.len()) as u64)
    }
}

fn io(action: &'static str, path: &Path, source: std::io::Error) -> PublishError {
    PublishError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::{Forgotten, Subject};

    #[test]
    fn a_visitor_is_known_by_the_id_that_finds_him_and_others_by_theirs() {
        let mut forgotten = Forgotten::default();
        assert!(forgotten.keeps(Some("phone"), Some("user")));
        forgotten.add(&Subject::Visitor("user".into()), &["phone".into()]);
        assert!(!forgotten.keeps(Some("phone"), None) && !forgotten.keeps(Some("laptop"), Some("user")));
        assert!(forgotten.keeps(Some("phone"), Some("other")), "another user of the device");
        forgotten.add(&Subject::AnonymousId("phone".into()), &[]);
        assert!(!forgotten.keeps(Some("phone"), Some("other")) && forgotten.keeps(None, Some("tablet")));
        let text = serde_json::to_string(&forgotten).unwrap();
        assert!(!text.contains("user") && !text.contains("phone"), "{text}");
        let mut other = Forgotten::default();
        other.add(&Subject::Visitor("user".into()), &[]);
        assert!(forgotten.hashes.is_disjoint(&other.hashes), "another salt");
    }
}
