//! Who is forgotten.

/// An id whose rows are erased: of a visitor, a device or a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Every row that is this visitor's.
    Visitor(String),
    /// Every row with this user id.
    UserId(String),
    /// Every row with this anonymous id.
    AnonymousId(String),
}

impl Subject {
    /// The id.
    pub fn id(&self) -> &str {
        match self {
            Self::Visitor(id) | Self::UserId(id) | Self::AnonymousId(id) => id,
        }
    }
}
