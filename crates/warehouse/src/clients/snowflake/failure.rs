//! What the client and Snowflake say, as errors of a target.

use crate::connection::{At, TargetError};
use snowflake_connector_rs::{Error, ErrorKind};

const SIGN_IN: &str = "check `account`, `user` and how to sign in: `private_key_path`, `token` or `password`";

const GRANTS: &str = "the role needs `usage` on warehouse, database and schemas, `select` on the source and \
                      `create table` and `create view` in the schema that is written to";

/// Whether what a statement named is not there, or may not be seen: Snowflake does not tell which.
pub(super) fn is_missing(code: &str) -> bool {
    matches!(code, "002003" | "002043")
}

/// An error of the client.
pub(super) fn of(error: Error) -> TargetError {
    match error.kind() {
        ErrorKind::Config => TargetError::Settings { message: with_causes(&error), hint: None },
        ErrorKind::Auth => {
            TargetError::NotAllowed { message: with_causes(&error), hint: Some(SIGN_IN.to_owned()) }
        }
        ErrorKind::Server | ErrorKind::Cancelled => {
            let message = error.snowflake_message().map_or_else(|| error.to_string(), str::to_owned);
            of_statement(error.snowflake_code(), &message)
        }
        ErrorKind::Network | ErrorKind::Timeout | ErrorKind::SessionExpired => TargetError::Connection {
            place: "Snowflake".to_owned(),
            hint: error.query_id().map(|id| format!("the statement may still run, as query {id}")),
            source: Box::new(error),
        },
        _ => TargetError::Answer { message: with_causes(&error) },
    }
}

/// A statement that Snowflake refused, or that failed there.
pub(super) fn of_statement(code: Option<&str>, message: &str) -> TargetError {
    if is_conflict(code, message) {
        return TargetError::Conflict { message: message.to_owned() };
    }
    if code == Some("003001") {
        return TargetError::NotAllowed { message: message.to_owned(), hint: Some(GRANTS.to_owned()) };
    }
    TargetError::Statement { message: message.to_owned(), code: code.map(str::to_owned), at: place(message) }
}

/// Whether another transaction held the table for longer than `LOCK_TIMEOUT`, or both waited for each other.
fn is_conflict(code: Option<&str>, message: &str) -> bool {
    matches!(code, Some("000625" | "000684"))
        || message.contains("has locked table")
        || message.contains("number of waiters for this lock")
}

/// The place in `error line 3 at position 7`, where lines are counted from 1 and positions from 0.
fn place(message: &str) -> Option<At> {
    let (_, after) = message.split_once("error line ")?;
    let (line, after) = after.split_once(" at position ")?;
    let digits = after.find(|character: char| !character.is_ascii_digit()).unwrap_or(after.len());
    Some(At { line: line.parse().ok()?, column: after[..digits].parse::<usize>().ok()? + 1 })
}

/// The error with what caused it, as one text.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
