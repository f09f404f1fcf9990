//! A history of tracks made up from a seed: small visitors full of the cases in which engines differ.

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use std::sync::Arc;

/// Text that locales order unlike bytes, that escapes can break, and that trimming would change.
const SUFFIXES: [&str; 18] = [
    "a", "B", "A", "b", "_", "é", "Z", "-1", "😀", "'", "\"", "\\", "\\'", "`", ";--", "%s", "{{ x }}", "a b",
];
const EVENTS: [&str; 9] = [
    "viewed_product",
    "signup",
    "Signup",
    "it's",
    "say \"hi\"",
    "back\\slash",
    "tab\there",
    "new\nline",
    "naïve",
];
const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;
const GAPS: [i64; 16] = [
    0,
    0,
    0,
    1,
    999_999,
    MINUTE,
    90_000_000,
    30 * MINUTE - 1,
    30 * MINUTE,
    30 * MINUTE + 1,
    31 * MINUTE - 1,
    31 * MINUTE,
    60 * MINUTE,
    61 * MINUTE,
    45 * DAY,
    400 * DAY,
];
/// 2026-01-04, and the first microsecond that is out of range.
const START: i64 = 20_457 * DAY;
const END: i64 = 9_214_646_400_000_000;

/// Numbers that only depend on the seed (splitmix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap_or(0)
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

#[derive(Clone, Default)]
struct Track {
    event_id: Option<String>,
    anonymous_id: Option<String>,
    user_id: Option<String>,
    event: Option<String>,
    timestamp: Option<i64>,
    received_at: Option<i64>,
}

/// At least `rows` tracks in the canonical columns, times typed.
pub(super) fn history(seed: u64, rows: usize) -> RecordBatch {
    let mut draw = Draw(seed);
    let mut tracks = Vec::with_capacity(rows + 24);
    let mut number = 0;
    while tracks.len() < rows {
        visitors(&mut draw, number, &mut tracks);
        number += 1;
    }
    batch(&tracks)
}

/// A few visitors who share devices, their ids with the history's number in front.
fn visitors(draw: &mut Draw, number: usize, tracks: &mut Vec<Track>) {
    let ids: Vec<String> = (0..6).map(|_| format!("h{number}|{}", draw.of(&SUFFIXES))).collect();
    // Some ids are a device's and a user's.
    let (devices, users) = (&ids[..4], &ids[2..]);
    let pick = |draw: &mut Draw, from: &[String], none: usize| match draw.below(from.len() + none) {
        place if place < from.len() => Some(from[place].clone()),
        place if place == from.len() => Some(String::new()),
        _ => None,
    };
    let mut time = draw.of(&[0, START, START + 59_999_999, START + 500_000, END - 45 * DAY]);
    let first = tracks.len();
    for place in 0..=draw.below(24) {
        let mut track = if tracks.len() > first && draw.one_in(7) {
            let before = first + draw.below(tracks.len() - first);
            let mut copy = tracks[before].clone();
            match draw.below(5) {
                0 => copy.received_at = Some(time),
                1 => copy.anonymous_id = pick(draw, devices, 2),
                2 => copy.event = Some(draw.of(&EVENTS).to_owned()),
                3 => copy.timestamp = copy.timestamp.map(|time| time + 1),
                _ => {}
            }
            copy
        } else {
            time = (time + draw.of(&GAPS)).min(END - 1);
            let serial = if draw.one_in(10) { String::new() } else { place.to_string() };
            Track {
                event_id: Some(format!("h{number}|{}{serial}", draw.of(&SUFFIXES))),
                anonymous_id: pick(draw, devices, 2),
                user_id: pick(draw, users, 5),
                event: if draw.one_in(8) { None } else { Some(draw.of(&EVENTS).to_owned()) },
                timestamp: Some(time),
                received_at: draw.of(&[None, Some(time), Some(time + 5)]),
            }
        };
        if draw.one_in(40) {
            track.timestamp = draw.of(&[None, Some(-1), Some(END), Some(-DAY)]);
        }
        if draw.one_in(100) {
            track.event_id = draw.of(&[None, Some("")]).map(ToOwned::to_owned);
        }
        tracks.push(track);
    }
}

fn batch(tracks: &[Track]) -> RecordBatch {
    let text = |get: fn(&Track) -> &Option<String>| -> ArrayRef {
        Arc::new(tracks.iter().map(|track| get(track).as_deref()).collect::<StringArray>())
    };
    let time = |get: fn(&Track) -> Option<i64>| -> ArrayRef {
        Arc::new(tracks.iter().map(get).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    RecordBatch::try_from_iter_with_nullable([
        ("event_id", text(|track| &track.event_id), true),
        ("anonymous_id", text(|track| &track.anonymous_id), true),
        ("user_id", text(|track| &track.user_id), true),
        ("event", text(|track| &track.event), true),
        ("timestamp", time(|track| track.timestamp), true),
        ("received_at", time(|track| track.received_at), true),
    ])
    .expect("the columns have one length")
}

#[cfg(test)]
mod tests {
    use super::history;

    #[test]
    fn the_seed_alone_decides() {
        assert_eq!(history(1, 500), history(1, 500));
        assert_ne!(history(1, 500), history(2, 500));
        assert!(history(1, 500).num_rows() >= 500);
    }
}
