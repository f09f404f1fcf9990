//! The sentences that name the rule which put an event where it is. No other module has such sentences.

use super::event::KeptRow;
use super::timeline::{Neighbor, TimelineEvent, rfc3339};
use crate::tables::{Evidence, Login, Logins};
use tracklet_kernel::rules::MICROS_PER_MINUTE;
use tracklet_native::manifest::{Boundary, RecordedRules};

/// Why an event is in its session.
pub(super) fn of_session(event: &TimelineEvent, rules: &RecordedRules) -> String {
    let session = &event.session_id;
    let Some(previous) = &event.previous else {
        return format!("opens session `{session}`: it is the visitor's first event");
    };
    let gap = gap(previous, rules);
    if previous.session_id == *session {
        format!("stays in session `{session}`: {gap}, not over the timeout of {}", timeout(rules))
    } else {
        format!(
            "opens session `{session}`: {gap}, over the timeout of {}; that was the last of session `{}`",
            timeout(rules),
            previous.session_id
        )
    }
}

/// Why a session ends where it does.
pub(super) fn of_end(ended_at: i64, next_start: Option<i64>, rules: &RecordedRules) -> String {
    match next_start {
        None => "it is the visitor's last session so far".to_owned(),
        Some(next) => format!(
            "the visitor's next event came {}{} later, over the timeout of {}",
            duration(next - ended_at),
            whole_minutes(next - ended_at, rules),
            timeout(rules)
        ),
    }
}

/// Why an event is with its visitor. `device_visitor` is the visitor of the event's device in the mapping.
pub(super) fn of_visitor(
    event: &TimelineEvent,
    device_visitor: Option<&str>,
    logins: Option<&Logins>,
) -> String {
    let visitor = &event.dbt_visitor_id;
    if let Some(user) = logins.and_then(|logins| logins.user_id.as_ref()) {
        return if user == visitor {
            format!("the event itself names user `{user}`")
        } else {
            format!("the event itself names user `{user}`, who is mapped to `{visitor}`")
        };
    }
    match (&event.anonymous_id, device_visitor, logins.and_then(|logins| logins.latest.as_ref())) {
        (Some(device), Some(owner), _) if owner == visitor && device == visitor => {
            format!("device `{device}` belongs to no other user: it is its own visitor")
        }
        (Some(device), Some(owner), Some(login)) if owner == visitor => {
            let others = match logins.map_or(0, |logins| logins.of_device) {
                0 | 1 => "the only one of the device that names a user".to_owned(),
                count => format!("the latest of {count} of the device that name a user"),
            };
            format!("device `{device}` belongs to `{owner}`: {}; it is {others}", of_login(login))
        }
        (Some(device), Some(owner), None) if owner == visitor => format!(
            "device `{device}` belongs to `{visitor}`, the user of the latest event of that device that names one"
        ),
        (Some(device), Some(owner), _) => format!(
            "the event itself names the user, who is `{visitor}`; its device `{device}` belongs to `{owner}`"
        ),
        (Some(device), None, _) => {
            format!("the event itself names the user; device `{device}` is not in the mapping")
        }
        (None, ..) => format!("the event has no device and names the user, who is `{visitor}`"),
    }
}

/// What named the user of a device.
fn of_login(Login { event_id, user_id, timestamp, evidence }: &Login) -> String {
    let at = rfc3339(*timestamp);
    match evidence {
        None => format!("event `{event_id}` of {at} set user id `{user_id}`"),
        Some(kind) => format!("evidence, the {kind} call `{event_id}` of {at}, set user id `{user_id}`"),
    }
}

/// What evidence says of its device. `visitor` is the visitor of the device in the mapping.
pub(super) fn of_evidence(row: &Evidence, visitor: Option<&str>, logins: Option<&Logins>) -> String {
    let (Some(device), Some(user)) = (&row.anonymous_id, &row.user_id) else {
        return "it says nothing of who has a device: it has not both a device and a user".to_owned();
    };
    let latest = logins.and_then(|logins| logins.latest.as_ref());
    match latest {
        Some(login) if (login.timestamp, &login.user_id) == (row.timestamp, user) => {
            format!("it says that device `{device}` is user `{user}`'s, and nothing later says otherwise")
        }
        Some(login) => format!(
            "it says that device `{device}` was user `{user}`'s; the device belongs to `{}`: {}, later",
            visitor.unwrap_or(&login.user_id),
            of_login(login)
        ),
        None => format!("it says that device `{device}` is user `{user}`'s"),
    }
}

/// Of an alias, which evidence decided that it is a visitor's.
pub(super) fn of_deciding(row: &Evidence) -> String {
    format!(
        "device `{}` is named by evidence: the {} call `{}` of {}",
        row.anonymous_id.as_deref().unwrap_or_default(),
        row.event_type,
        row.event_id,
        rfc3339(row.timestamp)
    )
}

/// Why a row was dropped for the one that is kept.
pub(super) fn of_duplicate(dropped_at: i64, kept: Option<KeptRow<'_>>) -> String {
    match kept {
        None => "dropped as a duplicate; the row that was kept is not in the tables".to_owned(),
        Some(kept) => {
            let (of, kept_at) = match kept {
                KeptRow::Event(event) => {
                    (format!("the event in session `{}`", event.session_id), event.timestamp)
                }
                KeptRow::Evidence(row) => {
                    (format!("the {} call that is evidence", row.event_type), row.timestamp)
                }
            };
            if dropped_at == kept_at {
                format!(
                    "dropped as a duplicate of {of}: of rows with one event id the least by timestamp, \
                     received_at, anonymous_id, user_id and event is kept, and both have the same timestamp"
                )
            } else {
                format!(
                    "dropped as a duplicate of {of}: of rows with one event id the earliest is kept, and \
                     this is {} later",
                    duration(dropped_at - kept_at)
                )
            }
        }
    }
}

/// Why a row can't be a track.
pub(super) fn of_reject(reason: &str) -> &'static str {
    match reason {
        "unreadable" => "the line, or the rest of the file from it on, can't be read",
        "invalid_text" => {
            "a text or id is not one that every database can hold: U+0000, or a value of another type"
        }
        "missing_event_id" => "it has no event id",
        "missing_timestamp" => "it has no timestamp",
        "id_too_long" => "one of its ids is longer than 64 KiB",
        "name_too_long" => "its event name is longer than 64 KiB",
        "bad_timestamp" => "its timestamp is not a time that can be understood",
        "timestamp_out_of_range" => "its timestamp is before 1970 or after 2261",
        "missing_ids" => "it has neither a device's id nor a user's",
        _ => "see the documentation of this reason",
    }
}

fn gap(previous: &Neighbor, rules: &RecordedRules) -> String {
    let named = previous.event.as_ref().map_or_else(String::new, |event| format!(" ({event})"));
    format!(
        "{} after `{}`{named}{}",
        duration(previous.gap_micros),
        previous.event_id,
        whole_minutes(previous.gap_micros, rules)
    )
}

/// What is compared, where it is not the gap itself.
fn whole_minutes(gap: i64, rules: &RecordedRules) -> String {
    match rules.boundary {
        Boundary::WholeMinutes if gap % MICROS_PER_MINUTE != 0 => {
            format!(", cut to {} min", gap / MICROS_PER_MINUTE)
        }
        _ => String::new(),
    }
}

fn timeout(rules: &RecordedRules) -> String {
    match rules.boundary {
        Boundary::WholeMinutes => {
            format!("{} min", rules.timeout_micros.get() / MICROS_PER_MINUTE as u64)
        }
        Boundary::Exact => duration(rules.timeout_micros.get() as i64),
    }
}

/// Microseconds in words, exact: `1 d 2 h 3 min 4.5 s`.
pub(super) fn duration(micros: i64) -> String {
    if micros < 0 {
        return format!("-{}", duration(-micros));
    }
    let mut words = Vec::new();
    let mut rest = micros;
    for (unit, size) in [("d", 86_400_000_000), ("h", 3_600_000_000), ("min", MICROS_PER_MINUTE)] {
        if rest >= size {
            words.push(format!("{} {unit}", rest / size));
            rest %= size;
        }
    }
    if rest > 0 || words.is_empty() {
        let seconds = format!("{}.{:06}", rest / 1_000_000, rest % 1_000_000);
        words.push(format!("{} s", seconds.trim_end_matches('0').trim_end_matches('.')));
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{duration, of_session};
    use crate::explain::timeline::{Neighbor, TimelineEvent};
    use tracklet_kernel::rules::{MICROS_PER_MINUTE, Rules};
    use tracklet_native::manifest::{Boundary, RecordedRules};

    #[test]
    fn durations_are_exact() {
        assert_eq!(duration(0), "0 s");
        assert_eq!(duration(90_000_000), "1 min 30 s");
        assert_eq!(duration(86_400_000_001), "1 d 0.000001 s");
        assert_eq!(duration(31 * MICROS_PER_MINUTE - 1), "30 min 59.999999 s");
    }

    #[test]
    fn a_gap_is_printed_as_it_is_compared() {
        let mut rules = RecordedRules::from(&Rules::default());
        let previous = |gap, session: &str| {
            Some(Neighbor {
                event_id: "m1".to_owned(),
                event: Some("viewed".to_owned()),
                timestamp: 0,
                session_id: session.to_owned(),
                gap_micros: gap,
            })
        };
        let mut event = TimelineEvent {
            event_id: "m2".to_owned(),
            event: None,
            anonymous_id: None,
            timestamp: 0,
            session_id: "1 - a".to_owned(),
            dbt_visitor_id: "a".to_owned(),
            track_sequence_number: 2,
            previous: previous(31 * MICROS_PER_MINUTE - 1, "1 - a"),
        };
        assert_eq!(
            of_session(&event, &rules),
            "stays in session `1 - a`: 30 min 59.999999 s after `m1` (viewed), cut to 30 min, not over the timeout of 30 min"
        );
        event.previous = previous(31 * MICROS_PER_MINUTE, "0 - a");
        rules.boundary = Boundary::Exact;
        assert_eq!(
            of_session(&event, &rules),
            "opens session `1 - a`: 31 min after `m1` (viewed), over the timeout of 30 min; \
             that was the last of session `0 - a`"
        );
        event.previous = None;
        assert_eq!(of_session(&event, &rules), "opens session `1 - a`: it is the visitor's first event");
    }
}
