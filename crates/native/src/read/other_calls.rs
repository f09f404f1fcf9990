//! Calls that are no events, counted by type.

use std::collections::BTreeMap;
use tracklet_kernel::event_type::EventType;

/// How many calls of each type were read that are no events; last those of types that the specification of RudderStack and Segment does
/// not name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtherCalls([u64; EventType::ALL.len() + 1]);

impl OtherCalls {
    /// Adds a call; none is one of a type that the specification does not name.
    pub(super) fn add(&mut self, call: Option<EventType>) {
        self.0[call.map_or(EventType::ALL.len(), |call| call as usize)] += 1;
    }

    /// Adds the calls of another count.
    pub(super) fn merge(&mut self, other: &Self) {
        for (calls, more) in self.0.iter_mut().zip(other.0) {
            *calls += more;
        }
    }

    /// Calls of all types.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The types that there are calls of; `other` stands for all types that the specification does not name.
    pub fn by_type(&self) -> BTreeMap<String, u64> {
        let names = EventType::ALL.into_iter().map(EventType::name).chain(["other"]);
        names
            .zip(self.0)
            .filter(|(_, calls)| *calls > 0)
            .map(|(name, calls)| (name.to_owned(), calls))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{EventType, OtherCalls};

    #[test]
    fn calls_are_counted_by_type() {
        let mut calls = OtherCalls::default();
        for name in ["page", "Page", "ALIAS", "merge", "", "identify"] {
            calls.add(EventType::of_call(name));
        }
        let mut twice = calls;
        twice.merge(&calls);
        assert_eq!(twice.total(), 12);
        let expected = [("alias", 2), ("identify", 2), ("other", 4), ("page", 4)];
        assert_eq!(twice.by_type(), expected.map(|(name, calls)| (name.to_owned(), calls)).into());
    }
}
