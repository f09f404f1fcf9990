//! The list of forgotten ids, `tracklet_forgotten`, and whether it is the one under which the tables were made.
//!
//! ```text
//! tracklet_forgotten: salt, hashes --> digest of the list --> tracklet_runs: forgotten_digest
//!     each hash: the digest of the list when it was noted
//! ```
//!
//! A list whose digest none of its rows has is damaged. One that has not the latest run's digest among its rows is older than the
//! tables, or another. Either would let forgotten people come back, so it stops a run before it makes anything.

use super::row::ResultRow;
use super::{Job, WarehouseError};
use crate::sql::forgotten::{self, FORGOTTEN, InForce, new_salt};
use crate::sql::runs::Latest;
use std::collections::BTreeSet;

/// Hexadecimal digits of a salt and of a hash.
const DIGITS: usize = 64;

/// Hexadecimal digits of the digest of a list.
const DIGITS_OF_DIGEST: usize = 32;

/// Whose rows are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct List {
    /// Whether there is a table of it.
    exists: bool,
    /// None where nothing is forgotten.
    salt: Option<String>,
    hashes: BTreeSet<String>,
    /// The digests that the list has had, and its own.
    digests: BTreeSet<String>,
}

/// What the tables are to the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The tables have no row of a forgotten id.
    InForce,
    /// The tables may have rows of ids that were noted later.
    Pending,
}

impl List {
    /// The list of the target's schema; an empty one where no table exists.
    ///
    /// # Errors
    /// [`WarehouseError::Forgotten`] for a damaged one.
    pub(super) async fn read(job: &Job<'_>) -> Result<Self, WarehouseError> {
        let names = &job.target.names;
        let Some(columns) = job.warehouse.columns(&names.own(FORGOTTEN)).await? else {
            return Ok(Self::default());
        };
        let columns: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let query = forgotten::list(names, &columns);
        let rows = ResultRow::all(job, "read the table of what is forgotten", &query).await?;
        let rows = rows.iter().map(|row| [row.text(0), row.text(1), row.text(3)]);
        Self::of(rows).map_err(|what| damaged(job, what))
    }

    /// The list of rows with salt, hash and digest; otherwise what is wrong with them.
    fn of(rows: impl Iterator<Item = [Option<String>; 3]>) -> Result<Self, &'static str> {
        let mut list = Self { exists: true, ..Self::default() };
        for [salt, hash, digest] in rows {
            let is_hexadecimal = |text: &String| {
                text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            };
            let salt = salt.filter(is_hexadecimal).ok_or("a salt is not 64 hexadecimal digits")?;
            let hash = hash.filter(is_hexadecimal).ok_or("a hash is not 64 hexadecimal digits")?;
            if list.salt.get_or_insert_with(|| salt.clone()) != &salt {
                return Err("its rows have different salts");
            }
            if !list.hashes.insert(hash) {
                return Err("a hash stands twice");
            }
            list.digests.extend(digest);
        }
        let has_own = || list.digest().is_some_and(|digest| list.digests.contains(&digest));
        // A list that only an earlier version has written has no digests.
        if !list.digests.is_empty() && !has_own() {
            return Err("its digest is not that of its salt and hashes");
        }
        Ok(list)
    }

    /// What the tables of the latest run are to it.
    ///
    /// # Errors
    /// [`WarehouseError::Forgotten`] where they were made under a list that is not this one nor an earlier state of it.
    pub(super) fn standing(&self, job: &Job<'_>, latest: &Latest) -> Result<Standing, WarehouseError> {
        self.compared_with(latest).map_err(|what| damaged(job, what))
    }

    fn compared_with(&self, latest: &Latest) -> Result<Standing, &'static str> {
        match (self.digest(), &latest.forgotten_digest) {
            _ if latest.sequence_number == 0 => Ok(Standing::InForce),
            (None, Some(_)) if self.exists => Err("it is empty, and ids were forgotten"),
            (None, Some(_)) => Err("it does not exist, and ids were forgotten"),
            (Some(now), Some(then)) if now != *then && !self.digests.contains(then) => {
                Err("it is older than the tables, or another list")
            }
            (now, then) if now == *then => Ok(Standing::InForce),
            _ => Ok(Standing::Pending),
        }
    }

    /// The salt, a new one where nothing is forgotten.
    pub(super) fn salt(&self) -> String {
        self.salt.clone().unwrap_or_else(new_salt)
    }

    /// Its digest; none where nothing is forgotten.
    fn digest(&self) -> Option<String> {
        Some(digest(self.salt.as_deref()?, &self.hashes))
    }

    /// The digest of the list with more hashes, under [`Self::salt`].
    pub(super) fn digest_with(&self, salt: &str, hashes: impl Iterator<Item = String>) -> String {
        digest(salt, &self.hashes.iter().cloned().chain(hashes).collect())
    }

    /// What a run that leaves its rows out notes.
    pub(super) fn in_force(&self) -> InForce {
        InForce { digest: self.digest(), rows: self.rows() }
    }

    /// Its rows, none where the table does not exist.
    pub(super) fn rows(&self) -> Option<u64> {
        self.exists.then_some(self.hashes.len() as u64)
    }
}

fn digest(salt: &str, hashes: &BTreeSet<String>) -> String {
    let mut digest = blake3::Hasher::new();
    digest.update(salt.as_bytes());
    for hash in hashes {
        digest.update(hash.as_bytes());
    }
    digest.finalize().to_hex()[..DIGITS_OF_DIGEST].to_owned()
}

fn damaged(job: &Job<'_>, what: &'static str) -> WarehouseError {
    WarehouseError::Forgotten { table: job.target.names.own(FORGOTTEN), what }
}

#[cfg(test)]
mod tests {
    use super::{List, Standing, digest};
    use crate::sql::runs::Latest;
    use std::collections::BTreeSet;

    fn text(letter: char) -> String {
        letter.to_string().repeat(64)
    }

    fn digest_of(hashes: &str) -> String {
        digest(&text('0'), &hashes.chars().map(text).collect::<BTreeSet<String>>())
    }

    /// The list to which the hashes were added one by one.
    fn rows(hashes: &str) -> Vec<[Option<String>; 3]> {
        let row = |(place, letter)| {
            let digest = digest_of(&hashes[..=place]);
            [Some(text('0')), Some(text(letter)), Some(digest)]
        };
        hashes.char_indices().map(row).collect()
    }

    fn list(hashes: &str) -> List {
        List::of(rows(hashes).into_iter()).unwrap()
    }

    fn latest(hashes: &str) -> Latest {
        let forgotten_digest = Some(hashes).filter(|hashes| !hashes.is_empty()).map(digest_of);
        Latest { sequence_number: 1, forgotten_digest, ..Latest::default() }
    }

    #[test]
    fn a_list_that_is_older_than_the_tables_is_an_error_and_a_newer_one_is_pending() {
        assert_eq!(list("").compared_with(&latest("")), Ok(Standing::InForce));
        assert_eq!(list("a").compared_with(&latest("")), Ok(Standing::Pending));
        assert_eq!(list("ab").compared_with(&latest("a")), Ok(Standing::Pending));
        assert_eq!(list("ab").compared_with(&latest("ab")), Ok(Standing::InForce));
        assert!(list("a").compared_with(&latest("ab")).unwrap_err().contains("older"));
        assert!(list("").compared_with(&latest("a")).unwrap_err().contains("empty"));
        assert!(List::default().compared_with(&latest("a")).unwrap_err().contains("does not exist"));
        // What no run has made yet can be under any list.
        assert_eq!(
            list("b").compared_with(&Latest { sequence_number: 0, ..latest("a") }),
            Ok(Standing::InForce)
        );
    }

    #[test]
    fn the_rows_of_an_earlier_version_have_no_digest() {
        let earlier = || rows("ab").into_iter().map(|[salt, hash, _]| [salt, hash, None]);
        let list = List::of(earlier()).unwrap();
        assert_eq!(list.compared_with(&latest("")), Ok(Standing::Pending));
        assert_eq!(list.compared_with(&latest("ab")), Ok(Standing::InForce));
        assert!(list.compared_with(&latest("a")).is_err(), "whether it grew since can't be known");
        let mut grown: Vec<_> = earlier().collect();
        grown.push([Some(text('0')), Some(text('c')), Some(digest_of("abc"))]);
        assert_eq!(List::of(grown.into_iter()).unwrap().compared_with(&latest("abc")), Ok(Standing::InForce));
    }

    #[test]
    fn every_kind_of_damage_is_found() {
        type Damage = fn(&mut Vec<[Option<String>; 3]>);
        let kinds: [Damage; 9] = [
            |rows| rows[1][0] = None,
            |rows| rows[1][0] = Some(text('1')),
            |rows| rows.iter_mut().for_each(|row| row[0] = Some(text('1'))),
            |rows| rows.iter_mut().for_each(|row| row[0] = Some("0".to_owned())),
            |rows| rows[0][1] = None,
            |rows| rows[0][1] = Some(text('A')),
            |rows| rows[0][1] = Some(text('c')),
            |rows| rows.push(rows[0].clone()),
            |rows| drop(rows.remove(0)),
        ];
        for (number, damage) in kinds.into_iter().enumerate() {
            let mut list = rows("ab");
            damage(&mut list);
            assert!(List::of(list.into_iter()).is_err(), "damage {number}");
        }
    }
}
