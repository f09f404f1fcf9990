//! What can go wrong with a warehouse.

use tracklet_display::error::Hint;

/// A place in a statement, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl At {
    /// The place of the character with this number, from 0.
    pub fn character(statement: &str, number: usize) -> Self {
        let before = statement.chars().take(number);
        let (line, column) =
            before.fold(
                (1, 1),
                |(line, column), character| {
                    if character == '\n' { (line + 1, 1) } else { (line, column + 1) }
                },
            );
        Self { line, column }
    }
}

/// A warehouse did not do what it was asked. Messages are the warehouse's own; they hold no secret.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The settings of the target can't be used.
    #[error("the target's settings can't be used: {message}")]
    Settings {
        /// What is wrong.
        message: String,
        /// What helps.
        hint: Option<String>,
    },
    /// No connection could be made, or it was lost. What ran at that moment may or may not have taken effect.
    #[error("no connection to {place}")]
    Connection {
        /// Which warehouse, as host and port or as project.
        place: String,
        /// What helps.
        hint: Option<String>,
        /// What the client says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The user who connects is not allowed to do what was asked.
    #[error("{message}")]
    NotAllowed {
        /// The warehouse's message.
        message: String,
        /// What helps.
        hint: Option<String>,
    },
    /// The warehouse refused a statement, or it failed there.
    #[error("{message}")]
    Statement {
        /// The warehouse's message.
        message: String,
        /// Its code for what happened, such as a SQLSTATE.
        code: Option<String>,
        /// Where in the statement.
        at: Option<At>,
    },
    /// Another run committed first.
    #[error("another run changed the tables at the same time: {message}")]
    Conflict {
        /// The warehouse's message.
        message: String,
    },
    /// The warehouse answered with something that the client does not understand.
    #[error("an answer that can't be read: {message}")]
    Answer {
        /// What came.
        message: String,
    },
}

impl Hint for TargetError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Settings { hint, .. } | Self::Connection { hint, .. } | Self::NotAllowed { hint, .. } => {
                hint.clone()
            }
            Self::Conflict { .. } => {
                Some("nothing was changed by this run; run it again when the other is done".to_owned())
            }
            Self::Statement { .. } | Self::Answer { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::At;

    #[test]
    fn places_count_characters_not_bytes() {
        assert_eq!(At::character("é\nab", 3), At { line: 2, column: 2 });
        assert_eq!(At::character("é\nab", 0), At { line: 1, column: 1 });
    }
}
