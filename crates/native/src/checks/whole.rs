//! What is seen of some rows of the tables that are in one file, wherever they stand: who writes them looks at many rows at
//! once, and what is between two batches is checked when their findings are put together in order.

use super::strangers::{Heavy, Mapped};
use super::{IdSum, dictionary_texts, hash};
use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use tracklet_kernel::rules::Rules;

/// A session as neighbors see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) visitor: String,
    pub(super) number: i64,
}

/// What is seen of rows of `dbt_session_tracks`.
#[derive(Debug, Default)]
pub(crate) struct SessionsSeen {
    pub(super) sessions: IdSum,
    /// Sessions whose next one is not apart from them.
    pub(super) close: u64,
    /// Sessions but the first whose number or id is wrong.
    pub(super) misnumbered: u64,
    pub(super) first_is_misnamed: bool,
    /// Visitors but the first one.
    pub(super) visitors: IdSum,
    /// The first and the last session.
    pub(super) ends: Option<(Numbered, Numbered)>,
    pub(super) rows: Heavy,
}

impl SessionsSeen {
    pub(crate) fn of(batch: &RecordBatch, rules: &Rules) -> Self {
        let next = batch["next_session_start_at"].as_primitive::<TimestampMicrosecondType>();
        let ended = batch["ended_at"].as_primitive::<TimestampMicrosecondType>().values();
        let numbers = batch["session_sequence_number"].as_primitive::<Int64Type>().values();
        let ids = dictionary_texts(batch, "session_id");
        let mut seen = Self { rows: Heavy::of(batch), ..Self::default() };
        let mut last: Option<(&str, i64)> = None;
        for (row, (id, visitor)) in ids.zip(dictionary_texts(batch, "dbt_visitor_id")).enumerate() {
            let number = numbers[row];
            seen.sessions.add(id);
            seen.close += u64::from(next.is_valid(row) && !rules.are_apart(ended[row], next.value(row)));
            let is_misnamed = !is_named(id, number, visitor);
            match last {
                None => seen.first_is_misnamed = is_misnamed,
                Some((last, before)) => {
                    let is_next = last == visitor;
                    if !is_next {
                        seen.visitors.add(visitor);
                    }
                    let expected = if is_next { before + 1 } else { 1 };
                    seen.misnumbered += u64::from(is_misnamed || number != expected);
                }
            }
            last = Some((visitor, number));
        }
        let numbered = |visitor: &str, number| Numbered { visitor: visitor.to_owned(), number };
        seen.ends = last.map(|(visitor, number)| {
            let first = dictionary_texts(batch, "dbt_visitor_id").next().unwrap_or_default();
            (numbered(first, numbers[0]), numbered(visitor, number))
        });
        seen
    }
}

/// Whether this is the `session_id` of a visitor's session.
fn is_named(id: &str, number: i64, visitor: &str) -> bool {
    let digits = id.strip_suffix(visitor).and_then(|id| id.strip_suffix(" - "));
    // A number has one spelling: no sign, no zeros before it.
    let is_spelled =
        |digits: &&str| digits.bytes().all(|digit| digit.is_ascii_digit()) && !digits.starts_with('0');
    digits.filter(is_spelled).is_some_and(|digits| digits.parse() == Ok(number))
}

/// Ids that must each be greater than the one before.
#[derive(Debug, Default)]
pub(super) struct Ascending {
    /// How many are not, but for the first.
    pub(super) unordered: u64,
    pub(super) ends: Option<(String, String)>,
}

impl Ascending {
    fn of(ids: &StringArray) -> Self {
        let ids = || ids.iter().flatten();
        let unordered = ids().zip(ids().skip(1)).filter(|(before, id)| before >= id).count() as u64;
        let ends = ids().next().zip(ids().next_back());
        Self { unordered, ends: ends.map(|(first, last)| (first.to_owned(), last.to_owned())) }
    }

    /// Takes in those behind these.
    pub(super) fn append(&mut self, next: Self) {
        self.unordered += next.unordered;
        self.ends = match (self.ends.take(), next.ends) {
            (Some((first, last)), Some((next, end))) => {
                self.unordered += u64::from(last >= next);
                Some((first, end))
            }
            (ends, next) => ends.or(next),
        };
    }
}

/// What is seen of rows of `dbt_aliases_mapping`.
#[derive(Debug)]
pub(crate) struct AliasesSeen {
    pub(super) aliases: Ascending,
    pub(super) visitors: Mapped,
}

impl AliasesSeen {
    pub(crate) fn of(batch: &RecordBatch) -> Self {
        Self { aliases: Ascending::of(batch["alias"].as_string()), visitors: Mapped::of(batch) }
    }
}

/// What is seen of rows of `dbt_user_session_facts`.
#[derive(Debug)]
pub(crate) struct VisitorsSeen {
    pub(super) ids: Ascending,
    /// Their hashes.
    pub(super) visitors: Vec<u64>,
    pub(super) number_of_sessions: i64,
}

impl VisitorsSeen {
    pub(crate) fn of(batch: &RecordBatch) -> Self {
        let visitors: &StringArray = batch["dbt_visitor_id"].as_string();
        Self {
            ids: Ascending::of(visitors),
            visitors: visitors.iter().flatten().map(hash).collect(),
            number_of_sessions: batch["number_of_sessions"].as_primitive::<Int64Type>().values().iter().sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_has_one_spelling() {
        assert!(is_named("12 - v", 12, "v"));
        for wrong in ["012 - v", "+12 - v", "12 -v", "12 - w", " - v", "13 - v", "v", ""] {
            assert!(!is_named(wrong, 12, "v"), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_between_two_batches_is_seen() {
        let ids = |ids: &[&str]| Ascending::of(&ids.iter().map(|id| Some(*id)).collect());
        let mut all = Ascending::default();
        for (batch, unordered) in [(&["a", "c"][..], 0), (&[], 0), (&["b", "b"], 2), (&["b", "d", "c"], 4)] {
            all.append(ids(batch));
            assert_eq!(all.unordered, unordered, "{batch:?}");
        }
    }
}
