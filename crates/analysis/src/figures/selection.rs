//! Which sessions are looked at.

use super::{UnknownZone, Zone};
use crate::tables::{QueryDialect, Tables, TablesError};
use jiff::Timestamp;
use jiff::civil::Date;
use tracklet_display::error::{Hint, listed, nearest};

/// Which sessions a report or curve is about, as it was written on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The first day on which sessions may start, `2026-01-31`.
    pub from: Option<String>,
    /// The last day on which they may start.
    pub to: Option<String>,
    /// Events of which they must have one.
    pub events: Vec<String>,
    /// The start of the visitor's id.
    pub visitor_prefix: Option<String>,
    /// The time zone of the days; `None` is UTC.
    pub time_zone: Option<String>,
}

/// A choice that can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// The time zone does not exist.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// Something that is no day.
    #[error("`{text}` is not a day")]
    NotADay {
        /// What was written.
        text: String,
        /// Why not.
        source: jiff::Error,
    },
    /// A period that ends before it begins.
    #[error("no day is from {from} to {to}")]
    Backwards {
        /// The first day.
        from: String,
        /// The last day.
        to: String,
    },
    /// An event name that no event has.
    #[error("no event is called `{event}`")]
    NoSuchEvent {
        /// The name.
        event: String,
        /// The most frequent names.
        names: Vec<String>,
        /// The name that was probably meant.
        near: Option<String>,
    },
    /// Conditions that no session meets.
    #[error("no session is {}", chosen.join(", "))]
    NoSession {
        /// The conditions, each in a few words.
        chosen: Vec<String>,
        /// When the first and the last of all sessions start, RFC 3339 in UTC.
        all: (String, String),
    },
    /// The tables could not be queried.
    #[error(transparent)]
    Tables(#[from] TablesError),
}

/// Event names that a hint lists.
const NAMES_LISTED: usize = 5;

impl Hint for ChoiceError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Zone(error) => error.hint(),
            Self::NotADay { .. } => Some("write a day as 2026-01-31".to_owned()),
            Self::Backwards { .. } => Some("both days are included; the first comes first".to_owned()),
            Self::NoSuchEvent { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            Self::NoSuchEvent { names, .. } => {
                Some(format!("the most frequent events are {}", listed(names.iter().map(String::as_str))))
            }
            Self::NoSession { all: (first, last), .. } => {
                Some(format!("all sessions start between {first} and {last}"))
            }
            Self::Tables(error) => error.hint(),
        }
    }
}

impl Choice {
    /// The zone and the sessions that are meant.
    ///
    /// # Errors
    /// [`ChoiceError`].
    pub fn meant(&self) -> Result<(Zone, Selection), ChoiceError> {
        let zone = self.time_zone.as_deref().map_or_else(|| Ok(Zone::default()), Zone::named)?;
        let from = self.from.as_deref().map(day).transpose()?;
        let to = self.to.as_deref().map(day).transpose()?;
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            return Err(ChoiceError::Backwards { from: from.to_string(), to: to.to_string() });
        }
        let selection = Selection {
            from: from.and_then(|from| zone.start_of(from)),
            // The day after the last possible one is out of every table's range.
            before: to.and_then(|to| zone.start_of(to.tomorrow().ok()?)),
            events: self.events.clone(),
            visitor_prefix: self.visitor_prefix.clone(),
        };
        Ok((zone, selection))
    }

    /// Checks that the tables have the chosen events, the event `before`, and a session that meets all conditions.
    ///
    /// Tables without any session pass: there is nothing that a condition could miss.
    ///
    /// # Errors
    /// [`ChoiceError::NoSuchEvent`], [`ChoiceError::NoSession`], and what the tables say.
    /// # Cost
    /// No query without a condition; else up to three that read a column or two each.
    pub fn verify(
        &self,
        tables: &dyn Tables,
        selection: &Selection,
        before: Option<&str>,
    ) -> Result<(), ChoiceError> {
        let events: Vec<&str> = self.events.iter().map(String::as_str).chain(before).collect();
        if !events.is_empty() {
            let known = event_names(tables)?;
            let is_known = |event: &str| known.iter().any(|name| name == event);
            if let Some(event) = events.into_iter().find(|event| !known.is_empty() && !is_known(event)) {
                let near = nearest(event, known.iter().map(String::as_str)).map(str::to_owned);
                let names = known.into_iter().take(NAMES_LISTED).collect();
                return Err(ChoiceError::NoSuchEvent { event: event.to_owned(), names, near });
            }
        }
        if selection.is_all() || count(tables, selection)?.0 > 0 {
            return Ok(());
        }
        match count(tables, &Selection::default())? {
            (0, _) => Ok(()),
            (_, all) => Err(ChoiceError::NoSession { chosen: self.words(), all }),
        }
    }

    /// The conditions of the selection, each in a few words; empty if all sessions are chosen.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => words.push(format!("{from} to {to}")),
            (Some(from), None) => words.push(format!("from {from}")),
            (None, Some(to)) => words.push(format!("to {to}")),
            (None, None) => {}
        }
        if !self.events.is_empty() {
            words.push(format!("with {}", self.events.join(" or ")));
        }
        words.extend(self.visitor_prefix.as_ref().map(|prefix| format!("visitors {prefix}…")));
        words
    }
}

/// The names of all events, the most frequent first.
fn event_names(tables: &dyn Tables) -> Result<Vec<String>, TablesError> {
    let table = tables.dialect().table("dbt_track_facts");
    let answer = tables.ask(&format!(
        "select event, count(*) as events from {table} where event is not null group by event \
         order by count(*) desc, event"
    ))?;
    answer.rows().map(|row| row.word(0)).collect()
}

/// How many sessions are chosen, and when the first and the last of them start.
fn count(tables: &dyn Tables, selection: &Selection) -> Result<(u64, (String, String)), TablesError> {
    let dialect = tables.dialect();
    let start = dialect.micros("session_start_at");
    let answer = tables.ask(&format!(
        "select count(*) as sessions, min({start}) as first_start, max({start}) as last_start from {} where {}",
        dialect.table("dbt_session_tracks"),
        selection.condition(&dialect)
    ))?;
    let Some(row) = answer.first() else { return Ok(Default::default()) };
    let time = |micros: Option<i64>| {
        let time = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        time.map(|time| format!("{time:.0}")).unwrap_or_default()
    };
    Ok((row.count(0)?, (time(row.number(1)?), time(row.number(2)?))))
}

fn day(text: &str) -> Result<Date, ChoiceError> {
    text.parse().map_err(|source| ChoiceError::NotADay { text: text.to_owned(), source })
}

/// Which sessions are looked at, and with them all of their events. The default is every session.
///
/// All conditions must hold. A session is in or out as a whole, so nothing that is said of a session changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// The session starts at or after this instant, microseconds since 1970.
    pub from: Option<i64>,
    /// The session starts before this instant.
    pub before: Option<i64>,
    /// The session has an event with one of these names; empty for any.
    pub events: Vec<String>,
    /// The visitor's id begins with this.
    pub visitor_prefix: Option<String>,
}

impl Selection {
    /// Whether every session is looked at.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// A condition on a row with `session_id` and `dbt_visitor_id`: that its session is looked at.
    pub(crate) fn condition(&self, dialect: &QueryDialect) -> String {
        let mut sessions = Vec::new();
        let start = dialect.micros("session_start_at");
        sessions.extend(self.from.map(|from| format!("{start} >= {from}")));
        sessions.extend(self.before.map(|before| format!("{start} < {before}")));

        let mut conditions = Vec::new();
        if !sessions.is_empty() {
            conditions.push(format!(
                "session_id in (select session_id from {} where {})",
                dialect.table("dbt_session_tracks"),
                sessions.join(" and ")
            ));
        }
        if !self.events.is_empty() {
            let names: Vec<String> = self.events.iter().map(|event| dialect.text(event)).collect();
            conditions.push(format!(
                "session_id in (select session_id from {} where event in ({}))",
                dialect.table("dbt_track_facts"),
                names.join(", ")
            ));
        }
        if let Some(prefix) = &self.visitor_prefix {
            let length = prefix.chars().count();
            conditions.push(format!("substr(dbt_visitor_id, 1, {length}) = {}", dialect.text(prefix)));
        }
        if conditions.is_empty() { "1 = 1".to_owned() } else { conditions.join(" and ") }
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, Selection};
    use crate::tables::QueryDialect;

    #[test]
    fn a_period_has_both_of_its_days_in_its_time_zone() {
        let choice = Choice {
            from: Some("2026-01-05".to_owned()),
            to: Some("2026-01-05".to_owned()),
            time_zone: Some("Asia/Kathmandu".to_owned()),
            ..Choice::default()
        };
        let (_, selection) = choice.meant().unwrap();
        // Midnight there is 18:15 of the day before in UTC.
        assert_eq!(selection.from, Some(1_767_550_500_000_000));
        assert_eq!(selection.before, Some(1_767_550_500_000_000 + 86_400_000_000));
        assert_eq!(choice.words(), ["2026-01-05 to 2026-01-05"]);
        let backwards = Choice { to: Some("2026-01-04".to_owned()), ..choice };
        assert_eq!(backwards.meant().unwrap_err().to_string(), "no day is from 2026-01-05 to 2026-01-04");
        let no_day = Choice { from: Some("5.1.2026".to_owned()), ..Choice::default() };
        assert_eq!(no_day.meant().unwrap_err().to_string(), "`5.1.2026` is not a day");
    }

    #[test]
    fn conditions_add_up_and_names_stay_names() {
        let mut selection = Selection::default();
        assert_eq!(selection.condition(&QueryDialect::Native), "1 = 1");
        selection.visitor_prefix = Some("é'".to_owned());
        selection.before = Some(7);
        assert_eq!(
            selection.condition(&QueryDialect::Native),
            "session_id in (select session_id from dbt_session_tracks where cast(session_start_at as bigint) < 7) \
             and substr(dbt_visitor_id, 1, 2) = 'é'''"
        );
    }
}
