//! What is allowed in a configuration and seldom meant.

use super::MICROS_PER_MINUTE;
use tracklet_kernel::event_type::{EventType, EventTypes};
use tracklet_kernel::rules::{Rules, Timeout};

/// Timeouts from this many whole minutes on lose little by whole minutes.
const SHORT_MINUTES: u64 = 10;

/// A sentence about a timeout of a few minutes that is compared with whole minutes; `None` for every other timeout.
pub fn short_timeout(rules: &Rules) -> Option<String> {
    let Timeout::WholeMinutes(minutes) = rules.timeout else { return None };
    let longest = minutes.get() * MICROS_PER_MINUTE / 1_000_000 + 59;
    (minutes.get() < SHORT_MINUTES).then(|| {
        format!(
            "a pause of {}:{:02} minutes does not end a session, though the timeout is {minutes}: \
             `sessions.boundary = \"exact\"` compares to the microsecond",
            longest / 60,
            longest % 60
        )
    })
}

/// Sentences about columns of sessions that look at calls of types alone that are not read as events.
pub fn unread_types(types: EventTypes, rules: &Rules) -> impl Iterator<Item = String> {
    rules.session_columns.iter().filter_map(move |column| {
        let of = column.of.as_ref().filter(|of| of.names.is_empty())?;
        let wanted: Vec<&str> = of.types.iter().map(EventType::name).collect();
        (!of.types.iter().any(|of| types.contains(of))).then(|| {
            format!(
                "`session.columns.{}` looks at {} calls alone, and `source.types` reads none",
                column.name,
                wanted.join(" and ")
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::short_timeout;
    use crate::Config;
    use std::path::Path;

    #[test]
    fn a_column_of_calls_that_are_not_read_is_remarked_on() {
        let said = |types: &str, of: &str| {
            let text = format!(
                "[source]\ntypes = [{types}]\n[session.columns]\nviews = {{ count = \"*\", of = {of} }}"
            );
            Config::parse(&text, Path::new("tracklet.toml")).unwrap().advice()
        };
        let sentence =
            "`session.columns.views` looks at page and screen calls alone, and `source.types` reads none";
        assert_eq!(said("\"track\"", "[\"page\", \"screen\"]"), [sentence]);
        assert!(said("\"track\", \"page\"", "[\"page\", \"screen\"]").is_empty());
        assert!(said("\"track\"", "[\"page\", \"order_completed\"]").is_empty());
    }

    #[test]
    fn only_a_short_timeout_of_whole_minutes_is_remarked_on() {
        let said = |text: &str| {
            let config = Config::parse(text, Path::new("tracklet.toml")).unwrap();
            short_timeout(&config.rules)
        };
        let five = said("[sessions]\ntimeout = 5").unwrap();
        assert!(
            five.starts_with("a pause of 5:59 minutes does not end a session, though the timeout is 5"),
            "{five}"
        );
        assert!(said("[sessions]\ntimeout = 9").is_some());
        for text in ["", "[sessions]\ntimeout = 10", "[sessions]\ntimeout = 5\nboundary = \"exact\""] {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
