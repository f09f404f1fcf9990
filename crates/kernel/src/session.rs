//! One session by its times.

/// A session, whether its tracks are in memory or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnySession {
    /// As a number of the tracks' ids.
    pub(crate) visitor: u32,
    /// The session's number among its visitor's, from 1.
    pub(crate) number: u32,
    pub(crate) tracks: u32,
    /// Times of its first and last event.
    pub(crate) start: i64,
    pub(crate) end: i64,
}
