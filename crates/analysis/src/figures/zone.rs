//! A time zone, in SQL by integers alone: every engine has those, and not every one has the zone.

use crate::tables::QueryDialect;
use jiff::Timestamp;
use jiff::tz::{self, TimeZone};
use std::fmt::Write;
use tracklet_display::error::{Hint, nearest};

const MICROS_PER_HOUR: i64 = 3_600_000_000;
const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;
/// What is added before a division so that nothing is negative: the first hours of 1970 are in 1969 west of Greenwich.
const DAYS_AHEAD: i64 = 7;

/// A time zone of the IANA database.
#[derive(Debug, Clone)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// A name that is no time zone's.
#[derive(Debug, thiserror::Error)]
#[error("there is no time zone `{name}`")]
pub struct UnknownZone {
    name: String,
}

impl Hint for UnknownZone {
    fn hint(&self) -> Option<String> {
        let known: Vec<String> = tz::db().available().map(|name| name.as_str().to_owned()).collect();
        // People know the city.
        let city = |name: &str| name.rsplit('/').next().unwrap_or(name).to_lowercase();
        let of_city = known.iter().find(|known| city(known) == city(&self.name)).map(String::as_str);
        Some(match of_city.or_else(|| nearest(&self.name, known.iter().map(String::as_str))) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "use a name such as `Europe/Berlin`, or `UTC`".to_owned(),
        })
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }
}

impl Zone {
    /// The zone of this name, such as `Europe/Berlin`.
    ///
    /// # Errors
    /// [`UnknownZone`].
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZone::get(name).map_err(|_| UnknownZone { name: name.to_owned() })?;
        let name = zone.iana_name().unwrap_or(name).to_owned();
        Ok(Self { name, zone })
    }

    /// The zone's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The instant at which a civil day begins here, microseconds since 1970.
    pub fn start_of(&self, day: jiff::civil::Date) -> Option<i64> {
        Some(self.zone.to_timestamp(day.at(0, 0, 0, 0)).ok()?.as_microsecond())
    }

    /// SQL for the days from 1970-01-01 to the day here, of `micros` between `first` and `last`.
    pub(crate) fn day(&self, dialect: &QueryDialect, micros: &str, first: i64, last: i64) -> String {
        let local = self.local(micros, first, last);
        format!("{} - {DAYS_AHEAD}", dialect.divided(&local, MICROS_PER_DAY))
    }

    /// SQL for the hours from 1970-01-01 to the hour here, less a whole number of weeks: rises through the week.
    pub(crate) fn hour(&self, dialect: &QueryDialect, micros: &str, first: i64, last: i64) -> String {
        dialect.divided(&self.local(micros, first, last), MICROS_PER_HOUR)
    }

    /// SQL for the microseconds that the clocks here have counted since a week before 1970.
    fn local(&self, micros: &str, first: i64, last: i64) -> String {
        let ahead = DAYS_AHEAD * MICROS_PER_DAY;
        let offsets = self.offsets(first, last);
        match offsets.as_slice() {
            [] => format!("{micros} + {ahead}"),
            [(_, only)] => format!("{micros} + {}", ahead + only),
            [earlier @ .., (_, latest)] => {
                let mut cases = String::new();
                for (until, offset) in earlier {
                    let _ = write!(cases, " when {micros} < {until} then {}", ahead + offset);
                }
                format!("{micros} + case{cases} else {} end", ahead + latest)
            }
        }
    }

    /// The offsets in force between two instants, each with the instant at which it ends, all in microseconds.
    fn offsets(&self, first: i64, last: i64) -> Vec<(i64, i64)> {
        let Ok(start) = Timestamp::from_microsecond(first) else { return Vec::new() };
        let mut offset = self.offset(start);
        let mut offsets = Vec::new();
        for change in self.zone.following(start) {
            let at = change.timestamp().as_microsecond();
            if at > last {
                break;
            }
            let next = i64::from(change.offset().seconds()) * 1_000_000;
            // A change of the name alone changes no clock.
            if next != offset {
                offsets.push((at, offset));
                offset = next;
            }
        }
        offsets.push((i64::MAX, offset));
        offsets
    }

    fn offset(&self, at: Timestamp) -> i64 {
        i64::from(self.zone.to_offset(at).seconds()) * 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::Zone;
    use crate::tables::QueryDialect;
    use jiff::civil::date;
    use tracklet_display::error::Hint;

    #[test]
    fn clocks_that_change_become_cases() {
        let zone = Zone::named("europe/berlin").unwrap();
        assert_eq!(zone.name(), "Europe/Berlin");
        let start = zone.start_of(date(2026, 1, 1)).unwrap();
        let end = zone.start_of(date(2026, 12, 31)).unwrap();
        assert_eq!(start, 1_767_222_000_000_000);
        let summer = 1_774_746_000_000_000; // 2026-03-29T01:00Z
        let winter = 1_792_890_000_000_000; // 2026-10-25T01:00Z
        assert_eq!(
            zone.offsets(start, end),
            [(summer, 3_600_000_000), (winter, 7_200_000_000), (i64::MAX, 3_600_000_000)]
        );
        assert_eq!(zone.offsets(summer, summer + 1), [(i64::MAX, 7_200_000_000)]);
        assert!(
            zone.day(&QueryDialect::Native, "t", start, end).contains(&format!("when t < {summer} then"))
        );
    }

    #[test]
    fn utc_needs_no_case() {
        let sql = Zone::default().hour(&QueryDialect::Native, "t", 0, i64::MAX / 2);
        assert_eq!(sql, "(t + 604800000000) / 3600000000");
    }

    #[test]
    fn an_unknown_zone_gets_the_one_of_its_city() {
        let error = Zone::named("Asia/Berlin").unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean `Europe/Berlin`?");
    }
}
