//! The types of events, and what each of them is called.

/// The type of a call, as the specification of RudderStack and Segment names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// What somebody did: its `event` says what.
    Track,
    /// A page of a web site was seen.
    Page,
    /// A screen of an app was seen.
    Screen,
    /// Somebody became a member of a group.
    Group,
    /// Somebody is known by a user id.
    Identify,
    /// Two ids are the same person's.
    Alias,
}

/// A type with its names: of a call, of its events, and of its table in a warehouse.
const NAMES: [(EventType, &str, Option<&str>, &str); 6] = [
    (EventType::Track, "track", None, "tracks"),
    (EventType::Page, "page", Some("page_view"), "pages"),
    (EventType::Screen, "screen", Some("screen_view"), "screens"),
    (EventType::Group, "group", Some("group"), "groups"),
    (EventType::Identify, "identify", Some("identify"), "identifies"),
    (EventType::Alias, "alias", Some("alias"), "aliases"),
];

impl EventType {
    /// All types, in the order in which the contract names them.
    pub const ALL: [Self; NAMES.len()] =
        [Self::Track, Self::Page, Self::Screen, Self::Group, Self::Identify, Self::Alias];

    /// The value of `type` in a call, and of `event_type` in the tables.
    pub const fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The `event` of events of the type; none for tracks, which name it themselves. No convention for event names changes it.
    pub fn event_name(self) -> Option<&'static str> {
        NAMES[self as usize].2
    }

    /// The table of a warehouse, and the folder of a data lake, that holds the calls of the type.
    pub fn table(self) -> &'static str {
        NAMES[self as usize].3
    }

    /// The type that a call's `type` names, without regard to case.
    pub fn of_call(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }

    /// The type whose calls a table or folder of this name holds, without regard to case.
    pub fn of_table(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.table().eq_ignore_ascii_case(name))
    }
}

/// A set of types of calls. The default is tracks alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTypes([bool; EventType::ALL.len()]);

impl EventTypes {
    /// The empty set.
    pub const NONE: Self = Self([false; EventType::ALL.len()]);

    /// Whether a type is among them.
    #[inline]
    pub fn contains(self, event_type: EventType) -> bool {
        self.0[event_type as usize]
    }

    /// Whether none is among them.
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// The union of two sets of types.
    #[must_use]
    pub fn with(self, others: Self) -> Self {
        self.iter().chain(others.iter()).collect()
    }

    /// The types of the set, in the order of [`EventType::ALL`].
    pub fn iter(self) -> impl Iterator<Item = EventType> {
        EventType::ALL.into_iter().filter(move |event_type| self.contains(*event_type))
    }
}

impl Default for EventTypes {
    fn default() -> Self {
        [EventType::Track].into_iter().collect()
    }
}

impl FromIterator<EventType> for EventTypes {
    fn from_iter<T: IntoIterator<Item = EventType>>(types: T) -> Self {
        let mut found = Self::NONE;
        for event_type in types {
            found.0[event_type as usize] = true;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{EventType, EventTypes};
    use crate::event_name::EventNames;

    #[test]
    fn every_name_leads_back_to_its_type() {
        for (place, event_type) in EventType::ALL.into_iter().enumerate() {
            assert_eq!(event_type as usize, place);
            assert_eq!(EventType::of_call(&event_type.name().to_uppercase()), Some(event_type));
            assert_eq!(EventType::of_table(event_type.table()), Some(event_type));
        }
        assert_eq!((EventType::of_call("pages"), EventType::of_table("page")), (None, None));
    }

    #[test]
    fn types_are_listed_once_and_in_their_order() {
        let types: EventTypes = [EventType::Page, EventType::Track, EventType::Page].into_iter().collect();
        assert_eq!(types.iter().collect::<Vec<_>>(), [EventType::Track, EventType::Page]);
        assert!(!types.contains(EventType::Alias) && EventTypes::default().contains(EventType::Track));
        assert!(EventTypes::NONE.is_empty() && !types.is_empty());
        let all = types.with([EventType::Alias, EventType::Page].into_iter().collect());
        assert_eq!(all.iter().collect::<Vec<_>>(), [EventType::Track, EventType::Page, EventType::Alias]);
    }

    #[test]
    fn no_convention_changes_the_name_of_an_event() {
        use EventNames::{Blendo, Raw, RudderStack, RudderStackDivided, Segment};
        for name in EventType::ALL.into_iter().filter_map(EventType::event_name) {
            for convention in [RudderStack, RudderStackDivided, Blendo, Segment, Raw] {
                assert_eq!(convention.normalise(name).as_deref(), Some(name));
            }
        }
    }
}
