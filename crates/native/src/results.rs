//! The tables of a run as they are stored: their names, columns and rows.
//!
//! [`Results::open`] resolves `current` once, to the folder of one snapshot, and holds it: a run that publishes meanwhile
//! can't mix two snapshots into one answer, nor remove this one. Nothing here writes.

mod error;
mod reference;
mod rows;
mod table;

pub use error::ResultsError;
pub use reference::reference;
pub use rows::Rows;
pub use table::{Column, StoredTable, TableInfo, tables_as_rows};
pub use tracklet_display::print::{Formulas, Integers, Layout, PrintError, Unprinted, print, print_batches};

use crate::publish::{CURRENT, HeldSnapshot, Snapshot, hold_current, hold_snapshot};
use std::path::{Path, PathBuf};

/// The folder of all snapshots.
const SNAPSHOTS: &str = "snapshots";

/// The tables of one snapshot.
#[derive(Debug)]
pub struct Results {
    snapshot: HeldSnapshot,
    tables: Vec<StoredTable>,
}

impl Results {
    /// The newest snapshot below `out`.
    ///
    /// # Errors
    /// [`ResultsError::NoResults`] when no run has published there; [`ResultsError::Unreadable`] when the folder
    /// can't be listed.
    pub fn open(out: &Path) -> Result<Self, ResultsError> {
        let snapshot = hold_current(out).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound if out.join(CURRENT).symlink_metadata().is_err() => {
                ResultsError::NoResults { out: out.to_owned() }
            }
            _ => ResultsError::Unreadable { path: out.join(CURRENT), source },
        })?;
        Self::of(snapshot)
    }

    /// The snapshot called `name` below `out`.
    ///
    /// # Errors
    /// [`ResultsError::NoSnapshot`] when there is none of this name, else as [`Results::open`].
    pub fn open_snapshot(out: &Path, name: &str) -> Result<Self, ResultsError> {
        let snapshots = out.join(SNAPSHOTS);
        let known = table::snapshots(&snapshots)?;
        if !known.iter().any(|known| known == name) {
            return Err(ResultsError::NoSnapshot { name: name.to_owned(), out: out.to_owned(), known });
        }
        let snapshot = hold_snapshot(out, name)
            .map_err(|source| ResultsError::Unreadable { path: snapshots.join(name), source })?;
        Self::of(snapshot)
    }

    fn of(snapshot: HeldSnapshot) -> Result<Self, ResultsError> {
        let tables = table::find(snapshot.folder())?;
        Ok(Self { snapshot, tables })
    }

    /// The real folder of the snapshot.
    pub fn folder(&self) -> &Path {
        self.snapshot.folder()
    }

    /// The part files of a table, in the order of their rows; none for a table that is not there.
    pub fn parts_of(&self, table: &str) -> &[PathBuf] {
        self.tables.iter().find(|known| known.name == table).map_or(&[], |table| &table.parts)
    }

    /// Every table with its rows and columns, the tables of the data's way first.
    ///
    /// # Errors
    /// [`ResultsError::BadPart`] for a part file that is no Parquet.
    /// # Cost
    /// Reads the footer of every part file.
    pub fn tables(&self) -> Result<Vec<TableInfo>, ResultsError> {
        self.tables.iter().map(StoredTable::info).collect()
    }

    /// The tables of the snapshot by their part files, in the order of [`Self::tables`].
    pub fn stored(&self) -> &[StoredTable] {
        &self.tables
    }

    /// The first rows of a table, in the order of its part files; all without a `limit`.
    ///
    /// # Errors
    /// [`ResultsError::NoTable`], or [`ResultsError::BadPart`] when the first part file is no Parquet. Those of later parts
    /// come in the place of their rows.
    /// # Cost
    /// A part file is opened when its rows are asked for; a batch is in memory at a time.
    pub fn rows(&self, table: &str, limit: Option<usize>) -> Result<Rows, ResultsError> {
        rows::stored(self.table(table)?, limit)
    }

    /// The part files of the table `name`.
    ///
    /// # Errors
    /// [`ResultsError::NoTable`] with the tables that the snapshot has, [`ResultsError::LeftOut`] where `output.tables` leaves it out.
    pub fn table(&self, name: &str) -> Result<&StoredTable, ResultsError> {
        self.tables.iter().find(|table| table.name == name).ok_or_else(|| {
            let (name, tables) =
                (name.to_owned(), self.tables.iter().map(|table| table.name.clone()).collect());
            let snapshot = Snapshot { name: String::new(), path: self.folder().to_owned(), current: true };
            let rules = snapshot.manifest().ok().and_then(|manifest| manifest.rules);
            if rules.is_some_and(|rules| rules.left_out.contains(&name)) {
                ResultsError::LeftOut { name, tables }
            } else {
                ResultsError::NoTable { name, tables }
            }
        })
    }
}
