//! Which events and evidence named the user of a device. The `dbt_*` tables don't have the user of an event; `tracklet_events` or the state beside them does.

use super::evidence::evidence;
use super::{Answer, TablesError};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde::Serialize;
use std::fs::File;
use std::path::Path;
use tracklet_kernel::tables::{State, Table};
use tracklet_native::results::{Results, ResultsError};
use tracklet_native::write::TableOrState;

/// What events and evidence say of the user of an event and of its device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Logins {
    /// The user that the event itself names.
    pub user_id: Option<String>,
    /// Events and evidence of its device that name a user.
    pub of_device: u64,
    /// The latest of them; of several at that time the one with the greatest user id.
    pub latest: Option<Login>,
}

/// An event, or evidence, that names the user of its device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Login {
    /// The login's id.
    pub event_id: String,
    /// The user that it names.
    pub user_id: String,
    /// When the login happened, microseconds since 1970.
    pub timestamp: i64,
    /// The type of the call where it is evidence.
    pub evidence: Option<String>,
}

/// Reads the state beside the tracks, row by row with them. `None` for a snapshot that has none.
///
/// # Cost
/// One pass over four columns of all tracks, and one over all evidence.
pub(super) fn logins(
    results: &Results,
    event_id: &str,
    device: Option<&str>,
) -> Result<Option<Logins>, TablesError> {
    let mut found = Logins::default();
    let folder = results.folder();
    let tracks = TableOrState::Table(Table::MappedTracks).folder(folder);
    for part in &results.table(Table::MappedTracks.name())?.parts {
        let name = part.strip_prefix(&tracks).unwrap_or(part);
        // Where there are tables of events, they have the user, and the state has it not.
        let places = [
            TableOrState::Table(Table::Events),
            TableOrState::Kept(Table::Events),
            TableOrState::State(State::Tracks),
        ];
        let mut found_beside = places.iter().map(|place| place.folder(folder).join(name));
        let Some(beside) = found_beside.find(|path| path.exists()) else { return Ok(None) };
        let tracks = open(part, &["event_id", "anonymous_id", "timestamp"])?;
        let users = open(&beside, &["user_id"])?;
        for (tracks, users) in tracks.zip(users) {
            let (tracks, users) = (tracks?, users?);
            if tracks.num_rows() != users.num_rows() {
                return Ok(None);
            }
            look(&mut found, tracks, users, event_id, device)?;
        }
    }
    for row in evidence(results, &|row| device.is_some() && row.anonymous_id.as_deref() == device)? {
        let Some(user) = row.user_id else { continue };
        let evidence = Some(row.event_type);
        found.add(Login { event_id: row.event_id, user_id: user, timestamp: row.timestamp, evidence });
    }
    Ok(Some(found))
}

impl Logins {
    /// Takes in a login of the device.
    fn add(&mut self, login: Login) {
        self.of_device += 1;
        let time = |login: &Login| (login.timestamp, login.user_id.clone());
        if self.latest.as_ref().is_none_or(|latest| time(&login) > time(latest)) {
            self.latest = Some(login);
        }
    }
}

/// Some columns of a Parquet file.
pub(super) fn open(path: &Path, columns: &[&str]) -> Result<ParquetRecordBatchReader, ResultsError> {
    let file =
        File::open(path).map_err(|source| ResultsError::Unreadable { path: path.to_owned(), source })?;
    let bad = |source| ResultsError::BadPart { path: path.to_owned(), source };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(bad)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    builder.with_projection(mask).build().map_err(bad)
}

fn look(
    found: &mut Logins,
    tracks: RecordBatch,
    users: RecordBatch,
    event_id: &str,
    device: Option<&str>,
) -> Result<(), TablesError> {
    let place = |column: &str| tracks.schema().index_of(column);
    let (id, owner, time) = (place("event_id")?, place("anonymous_id")?, place("timestamp")?);
    let (tracks, users) = (Answer::new(&[tracks])?, Answer::new(&[users])?);
    for (track, user) in tracks.rows().zip(users.rows()) {
        let Some(user) = user.text(0)? else { continue };
        if track.text(id)? == Some(event_id) {
            found.user_id = Some(user.to_owned());
        }
        if device.is_some() && track.text(owner)? == device {
            found.add(Login {
                event_id: track.word(id)?,
                user_id: user.to_owned(),
                timestamp: track.number(time)?.unwrap_or(0),
                evidence: None,
            });
        }
    }
    Ok(())
}
