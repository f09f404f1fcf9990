//! Calls that are no tracks, counted by type.

use std::collections::BTreeMap;

/// The type of a call that is no track, as the specification of RudderStack and Segment names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OtherCall {
    Page,
    Screen,
    Identify,
    Group,
    Alias,
    /// A type that the specification does not name.
    Unknown,
}

const NAMED: [(OtherCall, &str); 5] = [
    (OtherCall::Page, "page"),
    (OtherCall::Screen, "screen"),
    (OtherCall::Identify, "identify"),
    (OtherCall::Group, "group"),
    (OtherCall::Alias, "alias"),
];

impl OtherCall {
    /// The type that a call's `type` names, without regard to case.
    pub(super) fn of(name: &str) -> Self {
        NAMED
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map_or(Self::Unknown, |(call, _)| *call)
    }
}

/// How many calls of each type were read and not counted as tracks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtherCalls([u64; NAMED.len() + 1]);

impl OtherCalls {
    pub(super) fn add(&mut self, call: OtherCall) {
        self.0[call as usize] += 1;
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
        let names = NAMED.iter().map(|(_, name)| *name).chain(["other"]);
        names
            .zip(self.0)
            .filter(|(_, calls)| *calls > 0)
            .map(|(name, calls)| (name.to_owned(), calls))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{OtherCall, OtherCalls};

    #[test]
    fn calls_are_counted_by_type() {
        let mut calls = OtherCalls::default();
        for name in ["page", "Page", "ALIAS", "merge", "", "identify"] {
            calls.add(OtherCall::of(name));
        }
        let mut twice = calls;
        twice.merge(&calls);
        assert_eq!(twice.total(), 12);
        let expected = [("alias", 2), ("identify", 2), ("other", 4), ("page", 4)];
        assert_eq!(twice.by_type(), expected.map(|(name, calls)| (name.to_owned(), calls)).into());
    }
}
