//! Why an id can't be explained.

use super::Subject;
use crate::tables::TablesError;
use tracklet_display::error::{Hint, listed};

/// Why an id can't be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// No row has this id.
    #[error("there is no {} `{id}`", subject.noun())]
    Unknown {
        /// What was asked about.
        subject: Subject,
        /// The id.
        id: String,
        /// Ids that are nearly the same, the nearest first.
        nearest: Vec<String>,
    },
    /// The tables gave no answer.
    #[error(transparent)]
    Tables(#[from] TablesError),
}

impl Subject {
    /// In a word.
    fn noun(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Session => "session",
            Self::Visitor => "visitor or alias",
        }
    }
}

impl Hint for ExplainError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest, .. } if !nearest.is_empty() => {
                Some(format!("did you mean {}?", listed(nearest.iter().map(String::as_str)).replace(" and ", " or ")))
            }
            Self::Unknown { subject: Subject::Event, .. } => Some(
                "a rejected row without an id is named by its place, FILE:ROW; `tracklet show tracklet_rejects` has them"
                    .to_owned(),
            ),
            Self::Unknown { subject: Subject::Session, .. } => {
                Some("a session's id is its number and its visitor: \"2 - ann\"".to_owned())
            }
            Self::Unknown { subject: Subject::Visitor, .. } => None,
            Self::Tables(error) => error.hint(),
        }
    }
}
