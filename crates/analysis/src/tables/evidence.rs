//! Rows that are evidence: calls that say which user a device has and are in no session. No table has them; the state does.

use super::logins::open;
use super::{Answer, TablesError};
use tracklet_kernel::registry::EVENT_TYPE;
use tracklet_kernel::tables::{State, Table};
use tracklet_native::results::Results;
use tracklet_native::write::{TableOrState, WHOLE};

/// A call that is evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The row's id.
    pub event_id: String,
    /// The type of the call.
    pub event_type: String,
    /// The row's device.
    pub anonymous_id: Option<String>,
    /// The user that it names.
    pub user_id: Option<String>,
    /// When the call happened, microseconds since 1970.
    pub timestamp: i64,
}

/// What the state has of evidence, in the order in which columns are asked for.
const COLUMNS: [&str; 5] = ["event_id", EVENT_TYPE, "anonymous_id", "user_id", "timestamp"];

/// The evidence that is wanted.
///
/// # Cost
/// One pass over all evidence.
pub(super) fn evidence(
    results: &Results,
    wanted: &dyn Fn(&Evidence) -> bool,
) -> Result<Vec<Evidence>, TablesError> {
    let path = TableOrState::State(State::Evidence).file(results.folder(), WHOLE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for batch in open(&path, &COLUMNS)? {
        let batch = batch?;
        let mut places = [0; COLUMNS.len()];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            *place = batch.schema().index_of(name)?;
        }
        let [id, of_type, device, user, time] = places;
        for row in Answer::new(&[batch])?.rows() {
            let text = |column| Ok::<_, TablesError>(row.text(column)?.map(str::to_owned));
            let row = Evidence {
                event_id: row.word(id)?,
                event_type: row.word(of_type)?,
                anonymous_id: text(device)?,
                user_id: text(user)?,
                timestamp: row.number(time)?.unwrap_or(0),
            };
            if wanted(&row) {
                found.push(row);
            }
        }
    }
    Ok(found)
}

/// The evidence that decided which user's a device is, of the aliases of a visitor, ordered by device and id.
///
/// # Cost
/// One pass over all aliases and one over all evidence.
pub(super) fn deciding(results: &Results, visitor: &str) -> Result<Vec<Evidence>, TablesError> {
    let evidence =
        evidence(results, &|row| row.anonymous_id.is_some() && row.user_id.as_deref() == Some(visitor))?;
    if evidence.is_empty() {
        return Ok(Vec::new());
    }
    let file = |place: TableOrState| place.file(results.folder(), WHOLE);
    let aliases = open(&file(TableOrState::Table(Table::AliasesMapping)), &["alias", "dbt_visitor_id"])?;
    let logins = open(&file(TableOrState::State(State::Aliases)), &["last_login_at"])?;
    let mut found = Vec::new();
    for (aliases, logins) in aliases.zip(logins) {
        let (aliases, logins) = (aliases?, logins?);
        let of = |column: &str| aliases.schema().index_of(column);
        let (alias, owner) = (of("alias")?, of("dbt_visitor_id")?);
        let (aliases, logins) = (Answer::new(&[aliases])?, Answer::new(&[logins])?);
        for (row, login) in aliases.rows().zip(logins.rows()) {
            if row.text(owner)? != Some(visitor) {
                continue;
            }
            let (alias, login) = (row.text(alias)?, login.number(0)?);
            let decides =
                |row: &&Evidence| row.anonymous_id.as_deref() == alias && Some(row.timestamp) == login;
            found.extend(evidence.iter().filter(decides).cloned());
        }
    }
    found.sort_by(|a, b| (&a.anonymous_id, &a.event_id).cmp(&(&b.anonymous_id, &b.event_id)));
    Ok(found)
}
