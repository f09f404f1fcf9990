//! What every table holds, as slow and obvious code: the definition that tests hold the kernel to.
//!
//! Nothing here is shared with the kernel but the choices in [`Rules`] and [`Ignore`]: no interning, no columns, no single
//! scan. Each table is written from the sentence that defines it, with sorts, maps and nested loops, so that a
//! reader can check it by eye. Costs grow with the square of the rows; a few thousand are its limit.

mod invariants;
mod session_columns;
#[cfg(test)]
mod tests;

use md5::{Digest, Md5};
use std::collections::{BTreeMap, BTreeSet};

pub use self::invariants::check_invariants;
pub use self::session_columns::every_session_column;
use self::session_columns::folded;
use crate::derived::{Derived, Reading};
use crate::ignored_ids::Ignore;
use crate::registry::CarriedType;
use crate::rules::{Duplicates, Rules, Timeout};

/// The instants a track may have, in microseconds: 1970-01-01 up to, but not including, 2262-01-01.
const VALID_TIMES: std::ops::Range<i64> = 0..9_214_646_400_000_000;

/// The longest id or event name, in bytes.
const LONGEST: usize = 65_536;

/// One input row. Times are microseconds since 1970 in UTC; `event` is normalised already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the canonical columns, named as in the input")]
pub struct OracleRow {
    pub event_id: Option<String>,
    pub anonymous_id: Option<String>,
    pub user_id: Option<String>,
    pub event: Option<String>,
    pub timestamp: Option<i64>,
    pub received_at: Option<i64>,
    /// A value for each carried column: [`Value::Text`], [`Value::Number`] or [`Value::Null`]. Those of derived columns are not
    /// looked at.
    pub carried: Vec<Value>,
}

/// A field of an output row. Ordered only so that rows can be sorted and compared as multisets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// No value.
    Null,
    /// UTF-8 text.
    Text(String),
    /// A count, a sequence number or whole minutes.
    Integer(i64),
    /// Microseconds since 1970 in UTC.
    Time(i64),
    /// Millionths of a decimal number.
    Number(i128),
    /// Whether something holds.
    Truth(bool),
}

/// An output table: every row has one value for each column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OracleTable {
    /// The column names in order.
    pub columns: Vec<String>,
    /// The rows, in the order [`tables`] promises.
    pub rows: Vec<Vec<Value>>,
}

/// The rows that can't be sessionized: index in `rows` and the first reason that holds.
///
/// Knows the reasons a row of typed values can have: `id_too_long`, `name_too_long`, `invalid_text`, `missing_event_id`,
/// `missing_timestamp`, `timestamp_out_of_range`, `missing_ids`. Text that can't be read or parsed never becomes a [`OracleRow`].
pub fn rejects(rows: &[OracleRow], ignore: &Ignore, rules: &Rules) -> Vec<(usize, &'static str)> {
    let reasons = rows.iter().map(|row| Track::from_row(row, ignore, rules.duplicates).err());
    reasons.enumerate().filter_map(|(index, reason)| Some((index, reason?))).collect()
}

/// The eight `dbt_*` tables and `tracklet_duplicates`, by name, and the tables of events and sessions where the rules have them.
///
/// Rows stand in these orders, text by its bytes and nulls last: tracks by (visitor, timestamp, event id,
/// anonymous id, event); sessions by (visitor, sequence number); visitors and aliases by themselves; duplicates
/// by (event id, timestamp, received at, anonymous id, user id, event).
pub fn tables(rows: &[OracleRow], ignore: &Ignore, rules: &Rules) -> BTreeMap<&'static str, OracleTable> {
    let OracleSteps { aliases, sessions, duplicates, .. } = steps(rows, ignore, rules);
    let of_events = rules.events.then(|| {
        [
            ("tracklet_events", events(&sessions, rules)),
            ("tracklet_sessions", sessions_of_events(&sessions, rules)),
        ]
    });
    let mut tables = BTreeMap::from([
        ("dbt_aliases_mapping", aliases_mapping(&aliases)),
        ("dbt_mapped_tracks", mapped_tracks(&sessions)),
        ("dbt_session_tracks", session_tracks(&sessions)),
        ("dbt_track_facts", track_facts(&sessions)),
        ("dbt_session_track_facts", session_track_facts(&sessions, rules)),
        ("dbt_user_session_facts", user_session_facts(&sessions)),
        ("dbt_session_duration", session_duration(&sessions)),
        ("dbt_tracks_flow", tracks_flow(&sessions, rules.flow_length)),
        ("tracklet_duplicates", duplicates_table(&duplicates)),
    ]);
    tables.extend(of_events.into_iter().flatten());
    tables
}

/// What the tracks carry: for every row of `dbt_mapped_tracks` and of `tracklet_duplicates`, each in its order, the event id and
/// the values.
pub fn carried(rows: &[OracleRow], ignore: &Ignore, rules: &Rules) -> [Vec<Vec<Value>>; 2] {
    let OracleSteps { sessions, duplicates, .. } = steps(rows, ignore, rules);
    let values = |track: &Track| [vec![text(&track.event_id)], track.carried.clone()].concat();
    let kept = sessions.iter().flat_map(|session| &session.tracks).map(|(track, _)| values(track)).collect();
    [kept, duplicates.iter().map(values).collect()]
}

/// The rows that are evidence, as they were accepted, each with its type. They stand in no order.
pub fn evidence(rows: &[OracleRow], ignore: &Ignore, rules: &Rules) -> OracleTable {
    let evidence = steps(rows, ignore, rules).evidence;
    let mut table = duplicates_table(&evidence);
    table.columns.push("event_type".to_owned());
    for (row, track) in table.rows.iter_mut().zip(&evidence) {
        row.push(track.carried[0].clone());
    }
    table
}

/// What all tables are written from.
struct OracleSteps {
    aliases: BTreeMap<String, String>,
    sessions: Vec<OracleSession>,
    evidence: Vec<Track>,
    duplicates: Vec<Track>,
}

fn steps(rows: &[OracleRow], ignore: &Ignore, rules: &Rules) -> OracleSteps {
    let accepted = rows.iter().filter_map(|row| Track::from_row(row, ignore, rules.duplicates).ok());
    let mut accepted: Vec<Track> = accepted.map(|track| with_derived(track, rules)).collect();
    for row in accepted.iter_mut().filter(|row| is_evidence(row, rules)) {
        // No table shows more of it than its type.
        row.carried[1..].fill(Value::Null);
    }
    let (tracks, duplicates) = match rules.duplicates {
        Duplicates::Number => (with_ids_of_rows(accepted, rules), Vec::new()),
        Duplicates::Drop => dedupe(accepted),
        Duplicates::Keep => (accepted, Vec::new()),
    };
    let aliases = aliases(&tracks);
    let (evidence, events) = tracks.into_iter().partition(|track| is_evidence(track, rules));
    let sessions = sessions(events, &aliases, rules.timeout);
    OracleSteps { aliases, sessions, evidence, duplicates }
}

/// Whether a row only says which user a device has.
fn is_evidence(track: &Track, rules: &Rules) -> bool {
    rules.evidence.iter().any(|of| track.carried[0] == text(of.name()))
}

/// An accepted row.
struct Track {
    event_id: String,
    anonymous_id: Option<String>,
    user_id: Option<String>,
    event: Option<String>,
    timestamp: i64,
    received_at: Option<i64>,
    carried: Vec<Value>,
}

impl Track {
    /// Empty text becomes null, a bad `received_at` and an ignored id too; then the first reason to reject the row is the
    /// error.
    fn from_row(row: &OracleRow, ignore: &Ignore, duplicates: Duplicates) -> Result<Self, &'static str> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        // Ids that are made of rows take the place of all others, when the row is known to be a track.
        let is_made = duplicates == Duplicates::Number;
        let event_id = if is_made { Some("made".to_owned()) } else { filled(&row.event_id) };
        let anonymous_id = filled(&row.anonymous_id);
        let user_id = filled(&row.user_id);
        let event = filled(&row.event);
        let is_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > LONGEST);
        if is_long(&event_id) || is_long(&anonymous_id) || is_long(&user_id) {
            return Err("id_too_long");
        }
        if is_long(&event) {
            return Err("name_too_long");
        }
        if [&event_id, &anonymous_id, &user_id, &event].into_iter().flatten().any(|text| text.contains('\0'))
        {
            return Err("invalid_text");
        }
        let [anonymous_id, user_id] =
            [anonymous_id, user_id].map(|id| id.filter(|id| !is_ignored(id, ignore)));
        let event_id = event_id.ok_or("missing_event_id")?;
        let timestamp = row.timestamp.ok_or("missing_timestamp")?;
        if !VALID_TIMES.contains(&timestamp) {
            return Err("timestamp_out_of_range");
        }
        if anonymous_id.is_none() && user_id.is_none() {
            return Err("missing_ids");
        }
        let received_at = row.received_at.filter(|time| VALID_TIMES.contains(time));
        let is_none = |value: &Value| *value == text("");
        let carried =
            row.carried.iter().map(|value| if is_none(value) { Value::Null } else { value.clone() });
        let carried = carried.collect();
        Ok(Self { event_id, anonymous_id, user_id, event, timestamp, received_at, carried })
    }
}

/// The track with the values that are derived from what else it carries.
fn with_derived(track: Track, rules: &Rules) -> Track {
    let before = track.carried.clone();
    let text_of = |name: &str| {
        let column = rules.carried.iter().position(|column| column.name == name)?;
        if let Value::Text(text) = &before[column] { Some(text.clone()) } else { None }
    };
    let carried = rules.carried.iter().zip(&before).map(|(column, value)| match &column.derived {
        Some(derived) => derive(derived, column.carried_type, text_of),
        None => value.clone(),
    });
    Track { carried: carried.collect(), ..track }
}

/// What the first text says that says anything.
fn derive(derived: &Derived, of: CarriedType, text_of: impl Fn(&str) -> Option<String>) -> Value {
    let texts: Vec<(String, &Reading)> =
        derived.inputs.iter().filter_map(|input| Some((text_of(&input.name)?, &input.reading))).collect();
    let said = texts.iter().find_map(|(text, reading)| match reading {
        Reading::Host => host(text),
        Reading::Words(rules) => rules.iter().find_map(|rule| {
            let stands = |word: &&String| ascii_lower(text).contains(word.as_str());
            let some = |words: &Vec<String>| words.iter().any(|word| stands(&word));
            let holds =
                some(&rule.words) && (rule.with.is_empty() || some(&rule.with)) && !some(&rule.without);
            holds.then(|| rule.value.clone())
        }),
    });
    match (of, said) {
        (CarriedType::Truth, said) => Value::Truth(said.as_deref() == Some("true")),
        (_, Some(said)) => text(&said),
        (_, None) if texts.is_empty() => Value::Null,
        (_, None) => text_or_null(derived.otherwise.as_ref()),
    }
}

fn ascii_lower(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_ascii_uppercase() { letter.to_ascii_lowercase() } else { letter })
        .collect()
}

/// The host of a URL, character by character.
fn host(url: &str) -> Option<String> {
    let url: Vec<char> = ascii_lower(url).chars().collect();
    let is_end = |letter: &char| "/?#".contains(*letter);
    let start = if url.starts_with(&['/', '/']) {
        2
    } else {
        let before = (0..url.len()).find(|place| url[*place..].starts_with(&[':', '/', '/']))?;
        if url[..before].iter().any(is_end) {
            return None;
        }
        before + 3
    };
    let mut authority: Vec<char> =
        url[start..].iter().copied().take_while(|letter| !is_end(letter)).collect();
    if let Some(at) = authority.iter().position(|letter| *letter == '@') {
        authority.drain(..=at);
    }
    let host: String = if authority.first() == Some(&'[') {
        let end = authority.iter().position(|letter| *letter == ']')?;
        authority[..=end].iter().collect()
    } else {
        authority.iter().take_while(|letter| **letter != ':').collect()
    };
    let host = host.strip_prefix("www.").unwrap_or(&host);
    let is_host = !host.is_empty() && host.chars().all(|letter| letter != '@' && letter != ' ');
    is_host.then(|| host.to_owned())
}

/// Whether an id stands for none.
fn is_ignored(id: &str, ignore: &Ignore) -> bool {
    let id = id.trim_start_matches(' ').trim_end_matches(' ');
    let is = |word: &str| word.eq_ignore_ascii_case(id);
    let is_usual = || {
        let words = ["null", "(null)", "none", "nan", "undefined", "n/a", "\\N", "[object Object]"];
        let is_zero_uuid = id == "0".repeat(32) || id == "00000000-0000-0000-0000-000000000000";
        words.into_iter().any(is) || is_zero_uuid
    };
    let is_strict = || {
        let words = ["unknown", "anonymous", "guest", "(not set)", "true", "false", "-1"];
        words.into_iter().any(is) || !id.is_empty() && id.chars().all(|letter| "0-".contains(letter))
    };
    ignore.entries().iter().any(|entry| match entry.as_str() {
        "usual" => is_usual(),
        "strict" => is_usual() || is_strict(),
        entry => is(entry),
    })
}

/// A sort key that puts null after every value.
fn nulls_last<T>(value: Option<T>) -> (bool, Option<T>) {
    (value.is_none(), value)
}

/// The tracks with ids made of themselves: of those with one text the least has its MD5, the others that and a number.
fn with_ids_of_rows(tracks: Vec<Track>, rules: &Rules) -> Vec<Track> {
    let mut by_text: BTreeMap<String, Vec<Track>> = BTreeMap::new();
    for track in tracks {
        by_text.entry(text_of_row(&track, rules)).or_default().push(track);
    }
    let mut made = Vec::new();
    for (text, mut alike) in by_text {
        let id: String = Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        alike.sort_by_key(precedence);
        for (number, track) in (1..).zip(alike) {
            let event_id = if number == 1 { id.clone() } else { format!("{id}-{number}") };
            made.push(Track { event_id, ..track });
        }
    }
    made
}

/// What the id of a row is the MD5 of.
fn text_of_row(track: &Track, rules: &Rules) -> String {
    let mut values = vec![
        text_or_null(track.anonymous_id.as_ref()),
        text_or_null(track.user_id.as_ref()),
        text_or_null(track.event.as_ref()),
        Value::Time(track.timestamp),
        track.received_at.map_or(Value::Null, Value::Time),
    ];
    if !rules.carried.iter().any(|column| column.name == "event_type") {
        values.push(text("track"));
    }
    values.extend(track.carried.iter().cloned());
    let shown = |value: Value| match value {
        Value::Null => "-".to_owned(),
        Value::Text(text) => format!("+{text}"),
        Value::Time(micros) => format!("+{micros}"),
        Value::Integer(number) => format!("+{number}"),
        Value::Number(millionths) => format!("+{millionths}"),
        Value::Truth(truth) => format!("+{truth}"),
    };
    values.into_iter().map(shown).collect::<Vec<_>>().join("\u{1f}")
}

/// A sort key by which the least of some tracks is the first.
type Precedence = (i64, (bool, Option<i64>), [(bool, Option<String>); 3], Vec<(bool, Value)>);

fn precedence(track: &Track) -> Precedence {
    let texts = [&track.anonymous_id, &track.user_id, &track.event];
    (
        track.timestamp,
        nulls_last(track.received_at),
        texts.map(|text| nulls_last(text.clone())),
        track.carried.iter().map(|value| (*value == Value::Null, value.clone())).collect(),
    )
}

/// Of the tracks with one event id the least is kept: (kept, dropped).
fn dedupe(tracks: Vec<Track>) -> (Vec<Track>, Vec<Track>) {
    let mut by_event_id: BTreeMap<String, Vec<Track>> = BTreeMap::new();
    for track in tracks {
        by_event_id.entry(track.event_id.clone()).or_default().push(track);
    }
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    for mut same in by_event_id.into_values() {
        same.sort_by_key(precedence);
        kept.push(same.remove(0));
        dropped.append(&mut same);
    }
    (kept, dropped)
}

/// The visitor of every id: the latest user seen on that device, else the id itself.
fn aliases(tracks: &[Track]) -> BTreeMap<String, String> {
    let ids: BTreeSet<&String> =
        tracks.iter().flat_map(|track| [&track.anonymous_id, &track.user_id]).flatten().collect();
    let mut visitors = BTreeMap::new();
    for alias in ids {
        let on_device = tracks.iter().filter(|track| track.anonymous_id.as_ref() == Some(alias));
        let logins = on_device.filter_map(|track| Some((track.timestamp, track.user_id.as_ref()?)));
        let visitor = logins.max().map_or(alias, |(_, user)| user);
        visitors.insert(alias.clone(), visitor.clone());
    }
    visitors
}

/// A run of one visitor's tracks, each with the whole minutes since the visitor's previous track.
struct OracleSession {
    visitor: String,
    number: i64,
    tracks: Vec<(Track, Option<i64>)>,
}

impl OracleSession {
    fn id(&self) -> String {
        format!("{} - {}", self.number, self.visitor)
    }

    fn started_at(&self) -> i64 {
        self.tracks.first().expect("a session has a track").0.timestamp
    }

    fn ended_at(&self) -> i64 {
        self.tracks.last().expect("a session has a track").0.timestamp
    }

    fn events(&self) -> Vec<Option<&String>> {
        self.tracks.iter().map(|(track, _)| track.event.as_ref()).collect()
    }
}

/// All sessions, by (visitor, number).
fn sessions(tracks: Vec<Track>, aliases: &BTreeMap<String, String>, timeout: Timeout) -> Vec<OracleSession> {
    let mut histories: BTreeMap<String, Vec<Track>> = BTreeMap::new();
    for track in tracks {
        let alias = track.user_id.as_ref().or(track.anonymous_id.as_ref()).expect("one of the ids is set");
        histories.entry(aliases[alias].clone()).or_default().push(track);
    }
    let mut sessions: Vec<OracleSession> = Vec::new();
    for (visitor, mut history) in histories {
        history.sort_by_key(|track| {
            let ids = (track.event_id.clone(), nulls_last(track.anonymous_id.clone()));
            // No table shows what follows the event: it orders what rows carry.
            let others = (nulls_last(track.user_id.clone()), nulls_last(track.received_at));
            let carried: Vec<_> =
                track.carried.iter().map(|value| (*value == Value::Null, value.clone())).collect();
            (track.timestamp, ids, nulls_last(track.event.clone()), others, carried)
        });
        let mut number = 0;
        let mut previous = None;
        for track in history {
            let gap = previous.map(|previous| track.timestamp - previous);
            let idle = gap.map(whole_minutes);
            let splits = match (gap, timeout) {
                (None, _) => true,
                (Some(gap), Timeout::WholeMinutes(minutes)) => {
                    i128::from(whole_minutes(gap)) > i128::from(minutes.get())
                }
                (Some(gap), Timeout::Exact(micros)) => i128::from(gap) > i128::from(micros.get()),
            };
            if splits {
                number += 1;
                sessions.push(OracleSession { visitor: visitor.clone(), number, tracks: Vec::new() });
            }
            previous = Some(track.timestamp);
            sessions.last_mut().expect("the first track opens a session").tracks.push((track, idle));
        }
    }
    sessions
}

/// Microseconds to whole minutes; a visitor's time never goes backwards, so nothing here is negative.
fn whole_minutes(micros: i64) -> i64 {
    micros / 60_000_000
}

fn table(columns: &[&str], rows: Vec<Vec<Value>>) -> OracleTable {
    OracleTable { columns: columns.iter().map(|&column| column.to_owned()).collect(), rows }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn text_or_null(value: Option<&String>) -> Value {
    value.map_or(Value::Null, |value| text(value))
}

fn aliases_mapping(aliases: &BTreeMap<String, String>) -> OracleTable {
    let rows = aliases.iter().map(|(alias, visitor)| vec![text(alias), text(visitor)]).collect();
    table(&["alias", "dbt_visitor_id"], rows)
}

fn mapped_tracks(sessions: &[OracleSession]) -> OracleTable {
    let mut rows = Vec::new();
    for session in sessions {
        for (track, idle) in &session.tracks {
            rows.push(vec![
                text(&track.event_id),
                text_or_null(track.anonymous_id.as_ref()),
                text(&session.visitor),
                Value::Time(track.timestamp),
                text_or_null(track.event.as_ref()),
                idle.map_or(Value::Null, Value::Integer),
            ]);
        }
    }
    let columns = ["event_id", "anonymous_id", "dbt_visitor_id", "timestamp", "event", "idle_time_minutes"];
    table(&columns, rows)
}

fn session_tracks(sessions: &[OracleSession]) -> OracleTable {
    let mut rows = Vec::new();
    for session in sessions {
        let is_next =
            |other: &&OracleSession| other.visitor == session.visitor && other.number == session.number + 1;
        rows.push(vec![
            text(&session.id()),
            text(&session.visitor),
            Value::Time(session.started_at()),
            Value::Integer(session.number),
            sessions.iter().find(is_next).map_or(Value::Null, |next| Value::Time(next.started_at())),
        ]);
    }
    let columns = [
        "session_id",
        "dbt_visitor_id",
        "session_start_at",
        "session_sequence_number",
        "next_session_start_at",
    ];
    table(&columns, rows)
}

fn track_facts(sessions: &[OracleSession]) -> OracleTable {
    let mut rows = Vec::new();
    for session in sessions {
        for (number, (track, _)) in (1..).zip(&session.tracks) {
            rows.push(vec![
                text_or_null(track.anonymous_id.as_ref()),
                Value::Time(track.timestamp),
                text(&track.event_id),
                text_or_null(track.event.as_ref()),
                text(&session.id()),
                text(&session.visitor),
                Value::Integer(number),
            ]);
        }
    }
    let columns = [
        "anonymous_id",
        "timestamp",
        "event_id",
        "event",
        "session_id",
        "dbt_visitor_id",
        "track_sequence_number",
    ];
    table(&columns, rows)
}

fn session_track_facts(sessions: &[OracleSession], rules: &Rules) -> OracleTable {
    let mut columns = vec!["session_id", "ended_at", "num_pvs"];
    columns.extend(rules.counts.iter().map(|count| count.column.as_str()));
    let mut rows = Vec::new();
    for session in sessions {
        let event_ids: BTreeSet<&String> = session.tracks.iter().map(|(track, _)| &track.event_id).collect();
        let mut row = vec![
            text(&session.id()),
            Value::Time(session.ended_at()),
            Value::Integer(event_ids.len() as i64),
        ];
        for count in &rules.counts {
            let named = session.events().into_iter().flatten().filter(|event| count.events.contains(event));
            row.push(Value::Integer(named.count() as i64));
        }
        rows.push(row);
    }
    table(&columns, rows)
}

fn user_session_facts(sessions: &[OracleSession]) -> OracleTable {
    let visitors: BTreeSet<&String> = sessions.iter().map(|session| &session.visitor).collect();
    let mut rows = Vec::new();
    for visitor in visitors {
        let own = sessions.iter().filter(|session| session.visitor == *visitor);
        let starts: Vec<i64> = own.map(OracleSession::started_at).collect();
        rows.push(vec![
            text(visitor),
            starts.iter().min().map_or(Value::Null, |&first| Value::Time(first)),
            starts.iter().max().map_or(Value::Null, |&last| Value::Time(last)),
            Value::Integer(starts.len() as i64),
        ]);
    }
    table(&["dbt_visitor_id", "first_date", "last_date", "number_of_sessions"], rows)
}

fn session_duration(sessions: &[OracleSession]) -> OracleTable {
    let mut rows = Vec::new();
    for session in sessions {
        let minutes = whole_minutes(session.ended_at() - session.started_at());
        rows.push(vec![text(&session.visitor), text(&session.id()), Value::Integer(minutes)]);
    }
    table(&["dbt_visitor_id", "session_id", "session_duration"], rows)
}

fn tracks_flow(sessions: &[OracleSession], length: usize) -> OracleTable {
    let names: Vec<String> = (2..=length).map(|place| format!("event_{place}")).collect();
    let mut columns =
        vec!["event_id", "session_id", "track_sequence_number", "event", "dbt_visitor_id", "timestamp"];
    columns.extend(names.iter().map(String::as_str));
    let mut rows = Vec::new();
    for session in sessions {
        let events = session.events();
        for (index, (track, _)) in session.tracks.iter().enumerate() {
            let mut row = vec![
                text(&track.event_id),
                text(&session.id()),
                Value::Integer(index as i64 + 1),
                text_or_null(track.event.as_ref()),
                text(&session.visitor),
                Value::Time(track.timestamp),
            ];
            for ahead in 1..length {
                row.push(events.get(index + ahead).map_or(Value::Null, |&event| text_or_null(event)));
            }
            rows.push(row);
        }
    }
    table(&columns, rows)
}

/// Why a session opens.
fn start_reason(session: &OracleSession) -> &'static str {
    if session.number == 1 { "first" } else { "idle" }
}

/// The id of a session's first event.
fn session_key(session: &OracleSession) -> &str {
    &session.tracks[0].0.event_id
}

fn events(sessions: &[OracleSession], rules: &Rules) -> OracleTable {
    let mut columns = vec![
        "event_id",
        "event_type",
        "event",
        "anonymous_id",
        "user_id",
        "dbt_visitor_id",
        "timestamp",
        "session_id",
        "session_key",
        "event_sequence_number",
        "start_reason",
    ];
    columns.extend(rules.carried[1..].iter().map(|column| column.name.as_str()));
    let mut rows = Vec::new();
    for session in sessions {
        for (number, (track, _)) in (1..).zip(&session.tracks) {
            let reason = if number == 1 { text(start_reason(session)) } else { Value::Null };
            let mut row = vec![
                text(&track.event_id),
                track.carried[0].clone(),
                text_or_null(track.event.as_ref()),
                text_or_null(track.anonymous_id.as_ref()),
                text_or_null(track.user_id.as_ref()),
                text(&session.visitor),
                Value::Time(track.timestamp),
                text(&session.id()),
                text(session_key(session)),
                Value::Integer(number),
                reason,
            ];
            row.extend_from_slice(&track.carried[1..]);
            rows.push(row);
        }
    }
    table(&columns, rows)
}

fn sessions_of_events(sessions: &[OracleSession], rules: &Rules) -> OracleTable {
    let mut rows = Vec::new();
    for session in sessions {
        let is_next =
            |other: &&OracleSession| other.visitor == session.visitor && other.number == session.number + 1;
        let mut row = vec![
            text(session_key(session)),
            text(&session.id()),
            text(&session.visitor),
            Value::Integer(session.number),
            Value::Time(session.started_at()),
            Value::Time(session.ended_at()),
            sessions.iter().find(is_next).map_or(Value::Null, |next| Value::Time(next.started_at())),
            text(start_reason(session)),
            Value::Integer(session.tracks.len() as i64),
        ];
        row.extend(rules.session_columns.iter().map(|column| folded(session, column, rules)));
        rows.push(row);
    }
    let mut columns = vec![
        "session_key",
        "session_id",
        "dbt_visitor_id",
        "session_sequence_number",
        "session_start_at",
        "ended_at",
        "next_session_start_at",
        "start_reason",
        "events",
    ];
    columns.extend(rules.session_columns.iter().map(|column| column.name.as_str()));
    table(&columns, rows)
}

fn duplicates_table(duplicates: &[Track]) -> OracleTable {
    let mut rows = Vec::new();
    for track in duplicates {
        rows.push(vec![
            text(&track.event_id),
            text_or_null(track.anonymous_id.as_ref()),
            text_or_null(track.user_id.as_ref()),
            text_or_null(track.event.as_ref()),
            Value::Time(track.timestamp),
            track.received_at.map_or(Value::Null, Value::Time),
        ]);
    }
    table(&["event_id", "anonymous_id", "user_id", "event", "timestamp", "received_at"], rows)
}
