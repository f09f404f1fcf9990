//! Ids that seem to stand for many people, found on the tables that are written.

use super::{dictionary_texts, hash};
use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use std::collections::HashMap;
use tracklet_display::error::listed;
use tracklet_kernel::secret_hash::SecretState;

/// How many devices an id may join before it is reported.
const DEVICES: u32 = 100;
/// Rows from which on one visitor is not expected to have more than [`PERCENT`] of them.
const ROWS: u64 = 1000;
const PERCENT: u64 = 5;
/// How many ids are reported by name; of the others their number is reported.
const REPORTED: usize = 5;

/// Visitors with the rows of consecutive sessions.
#[derive(Debug, Default)]
pub(super) struct Heavy {
    /// Rows of all visitors.
    rows: u64,
    /// The first visitor, the last one, and between them those that can have more than [`PERCENT`] of all rows.
    visitors: Vec<(String, u64)>,
}

impl Heavy {
    /// Those of rows of `dbt_session_tracks` with the state beside them.
    pub(super) fn of(batch: &RecordBatch) -> Self {
        let tracks =
            batch["tracks"].as_primitive::<Int64Type>().values().iter().map(|rows| rows.cast_unsigned());
        let mut visitors: Vec<(&str, u64)> = Vec::new();
        for (visitor, rows) in dictionary_texts(batch, "dbt_visitor_id").zip(tracks) {
            match visitors.last_mut() {
                Some((last, sum)) if *last == visitor => *sum += rows,
                _ => visitors.push((visitor, rows)),
            }
        }
        let mut heavy = Self { rows: visitors.iter().map(|(_, rows)| rows).sum(), visitors: Vec::new() };
        let ends = [0, visitors.len().saturating_sub(1)];
        let chosen = visitors.iter().enumerate();
        let chosen = chosen.filter(|(place, (_, rows))| ends.contains(place) || heavy.is_much(*rows));
        heavy.visitors = chosen.map(|(_, (visitor, rows))| ((*visitor).to_owned(), *rows)).collect();
        heavy
    }

    fn is_much(&self, rows: u64) -> bool {
        rows * 100 > self.rows * PERCENT
    }

    /// Takes in those of the sessions behind.
    pub(super) fn append(&mut self, next: Self) {
        self.rows += next.rows;
        let mut visitors = next.visitors.into_iter();
        if let Some((visitor, rows)) = visitors.next() {
            match self.visitors.last_mut() {
                Some((last, sum)) if *last == visitor => *sum += rows,
                _ => self.visitors.push((visitor, rows)),
            }
        }
        // What is no longer last does not grow.
        let last = self.visitors.pop();
        let rows = self.rows;
        self.visitors.retain(|(_, of_visitor)| of_visitor * 100 > rows * PERCENT);
        self.visitors.extend(last);
        self.visitors.extend(visitors);
    }
}

/// Visitors by the hashes of their ids, which anybody can compute, with the devices of each that are not called as it is.
#[derive(Debug, Default)]
pub(super) struct Joined {
    devices: HashMap<u64, u32, SecretState>,
    /// Those with more than [`DEVICES`].
    names: Vec<String>,
}

/// What is seen of the visitors in rows of `dbt_aliases_mapping`.
#[derive(Debug)]
pub(super) struct Mapped {
    visitors: StringArray,
    hashes: Vec<u64>,
    /// Whether the alias is called otherwise.
    joins: Vec<bool>,
}

impl Mapped {
    pub(super) fn of(batch: &RecordBatch) -> Self {
        let visitors: &StringArray = batch["dbt_visitor_id"].as_string();
        let aliases: &StringArray = batch["alias"].as_string();
        Self {
            hashes: visitors.iter().flatten().map(hash).collect(),
            joins: aliases.iter().zip(visitors).map(|(alias, visitor)| alias != visitor).collect(),
            visitors: visitors.clone(),
        }
    }
}

impl Joined {
    pub(super) fn add(&mut self, mapped: &Mapped) {
        for (row, (hash, joins)) in mapped.hashes.iter().zip(&mapped.joins).enumerate() {
            let devices = self.devices.entry(*hash).or_insert(0);
            if *joins {
                *devices = devices.saturating_add(1);
                if *devices == DEVICES + 1 {
                    self.names.push(mapped.visitors.value(row).to_owned());
                }
            }
        }
    }

    pub(super) fn has(&self, hash: u64) -> bool {
        self.devices.contains_key(&hash)
    }
}

/// Ids that join many devices or have many of the rows, the worst first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strangers {
    /// Users with the number of devices that they join.
    joins: Vec<(String, u64)>,
    /// Visitors with their rows, and the rows of all.
    heavy: Vec<(String, u64)>,
    rows: u64,
}

impl Strangers {
    pub(super) fn new(joined: &Joined, heavy: &Heavy) -> Self {
        let mut joins: Vec<(String, u64)> = joined.names.iter().map(|name| (name.clone(), 0)).collect();
        for (name, devices) in &mut joins {
            *devices = joined.devices.get(&hash(name)).copied().map_or(0, u64::from);
        }
        let many = |(_, rows): &&(String, u64)| heavy.rows >= ROWS && heavy.is_much(*rows);
        let mut heavy_ones: Vec<(String, u64)> = heavy.visitors.iter().filter(many).cloned().collect();
        for ids in [&mut joins, &mut heavy_ones] {
            ids.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.as_bytes().cmp(b.0.as_bytes())));
        }
        Self { joins, heavy: heavy_ones, rows: heavy.rows }
    }

    /// A sentence for each of them. `devices_of` names the ids that lead to a visitor.
    pub(crate) fn warnings<E>(
        &self,
        devices_of: impl Fn(&str) -> Result<Vec<String>, E>,
    ) -> Result<Vec<String>, E> {
        let mut warnings = Vec::new();
        for (user, devices) in self.joins.iter().take(REPORTED) {
            warnings.push(format!(
                "`{user}` joins {devices} devices into one visitor: if it is not a person's id, add it to identity.ignore"
            ));
        }
        if let Some(more @ 1..) = self.joins.len().checked_sub(REPORTED) {
            warnings.push(format!("{more} more ids join over {DEVICES} devices each"));
        }
        for (visitor, rows) in self.heavy.iter().take(REPORTED) {
            if self.joins.iter().take(REPORTED).any(|(user, _)| user == visitor) {
                continue;
            }
            let ids: Vec<String> = devices_of(visitor)?.into_iter().filter(|id| id != visitor).collect();
            let named = match ids.as_slice() {
                [] => String::new(),
                [_] | [_, _] | [_, _, _] => format!(" with {}", listed(ids.iter().map(String::as_str))),
                [first, others @ ..] => format!(" with `{first}` and {} more ids", others.len()),
            };
            let percent = rows * 100 / self.rows.max(1);
            warnings.push(format!(
                "the visitor `{visitor}`{named} has {percent} % of all rows: if one of the ids is not a person's, add it to \
                 identity.ignore"
            ));
        }
        Ok(warnings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, DictionaryArray, Int64Array};
    use arrow::datatypes::UInt32Type;
    use std::sync::Arc;

    fn sessions(rows: &[(&str, i64)]) -> RecordBatch {
        let visitors: DictionaryArray<UInt32Type> = rows.iter().map(|(visitor, _)| *visitor).collect();
        let tracks: Int64Array = rows.iter().map(|(_, tracks)| Some(*tracks)).collect();
        let columns: [(&str, ArrayRef); 2] =
            [("dbt_visitor_id", Arc::new(visitors)), ("tracks", Arc::new(tracks))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn mapping(rows: &[(String, &str)]) -> RecordBatch {
        let aliases: StringArray = rows.iter().map(|(alias, _)| Some(alias.as_str())).collect();
        let visitors: StringArray = rows.iter().map(|(_, visitor)| Some(*visitor)).collect();
        let columns: [(&str, ArrayRef); 2] =
            [("alias", Arc::new(aliases)), ("dbt_visitor_id", Arc::new(visitors))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn warnings(joined: &Joined, heavy: &Heavy) -> Vec<String> {
        let devices = |_: &str| Ok::<_, ()>(vec!["phone".to_owned()]);
        Strangers::new(joined, heavy).warnings(devices).unwrap()
    }

    #[test]
    fn rows_of_a_visitor_are_summed_over_batches() {
        let mut heavy = Heavy::default();
        let others: Vec<String> = (0..95).map(|number| format!("v{number:03}")).collect();
        heavy.append(Heavy::of(&sessions(&[("a", 10), ("a", 10), ("b", 20)])));
        heavy.append(Heavy::of(&sessions(&[("b", 31)])));
        heavy.append(Heavy::of(&sessions(&others.iter().map(|id| (id.as_str(), 10)).collect::<Vec<_>>())));
        assert_eq!(heavy.rows, 1021);
        // 51 of 1,021 rows are not 5 %.
        assert_eq!(warnings(&Joined::default(), &heavy), Vec::<String>::new());
        heavy.append(Heavy::of(&sessions(&[("x", 60)])));
        let text = warnings(&Joined::default(), &heavy).join("\n");
        assert!(text.starts_with("the visitor `x` with `phone` has 5 % of all rows"), "{text}");
        assert!(heavy.visitors.len() < 5, "{heavy:?}");
    }

    #[test]
    fn few_rows_say_nothing() {
        let mut heavy = Heavy::default();
        heavy.append(Heavy::of(&sessions(&[("a", 999)])));
        assert_eq!(warnings(&Joined::default(), &heavy), Vec::<String>::new());
    }

    #[test]
    fn an_id_that_joins_over_a_hundred_devices_is_reported_once() {
        let devices =
            |number| -> Vec<(String, &str)> { (0..number).map(|id| (format!("d{id}"), "test")).collect() };
        let mut joined = Joined::default();
        joined.add(&Mapped::of(&mapping(&devices(100))));
        joined.add(&Mapped::of(&mapping(&[("test".to_owned(), "test"), ("ann".to_owned(), "ann")])));
        let mut heavy = Heavy::default();
        heavy.append(Heavy::of(&sessions(&[("test", 2000)])));
        assert!(!warnings(&joined, &heavy).iter().any(|text| text.contains("devices")));
        joined.add(&Mapped::of(&mapping(&devices(3))));
        assert!(joined.has(hash("ann")) && joined.has(hash("test")) && !joined.has(hash("d1")));
        assert_eq!(
            warnings(&joined, &heavy),
            [
                "`test` joins 103 devices into one visitor: if it is not a person's id, add it to identity.ignore"
            ]
        );
    }
}
