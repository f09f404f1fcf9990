//! What Google's client and `BigQuery` say, as errors of a target.

use crate::connection::{At, TargetError};
use google_cloud_bigquery_v2::Error;

const ROLES: &str = "who connects needs `BigQuery Job User` on the project that pays, `BigQuery Data Viewer` on the \
                     source and `BigQuery Data Editor` on the dataset that is written to";

const SIGN_IN: &str = "check `method` and what belongs to it, or run `gcloud auth application-default login`";

/// The status of the answer, when there was one.
pub(super) fn http_status(error: &Error) -> Option<u16> {
    error.http_status_code()
}

/// Settings that a client can't be made of.
pub(super) fn unusable(error: &(dyn std::error::Error + 'static)) -> TargetError {
    TargetError::Settings { message: with_causes(error), hint: None }
}

/// A request that failed.
pub(super) fn of_request(error: Error, place: &str) -> TargetError {
    if error.is_authentication() {
        return TargetError::NotAllowed { message: with_causes(&error), hint: Some(SIGN_IN.to_owned()) };
    }
    let status = http_status(&error);
    let message = error.status().map(|status| status.message.clone());
    match (status, message) {
        (Some(401), message) => TargetError::NotAllowed {
            message: message.unwrap_or_else(|| "the credentials are not accepted".to_owned()),
            hint: Some(SIGN_IN.to_owned()),
        },
        (Some(status @ 400..=499), Some(message)) => of_job(reason(status), &message),
        _ => TargetError::Connection { place: place.to_owned(), hint: None, source: Box::new(error) },
    }
}

/// The reason that `BigQuery` gives with such a status.
fn reason(status: u16) -> &'static str {
    match status {
        403 => "accessDenied",
        404 => "notFound",
        409 => "duplicate",
        429 => "rateLimitExceeded",
        _ => "invalidQuery",
    }
}

/// A job that failed.
pub(super) fn of_job(reason: &str, message: &str) -> TargetError {
    if is_conflict(message) {
        return TargetError::Conflict { message: message.to_owned() };
    }
    if reason == "accessDenied" {
        return TargetError::NotAllowed { message: message.to_owned(), hint: Some(ROLES.to_owned()) };
    }
    let (message, at) = place(message);
    TargetError::Statement { message: message.to_owned(), code: Some(reason.to_owned()), at }
}

/// Whether another job changed the same table in between. The reason does not tell; the documented messages are
/// "Transaction is aborted due to concurrent update against table ..." and "Could not serialize access to table ...
/// due to concurrent update".
fn is_conflict(message: &str) -> bool {
    message.contains("due to concurrent update")
}

/// The message without its place, `at [line:column]`, and the place.
fn place(message: &str) -> (&str, Option<At>) {
    let parsed = message.rsplit_once(" at [").and_then(|(before, after)| {
        let (numbers, _) = after.split_once(']')?;
        let (line, column) = numbers.split_once(':')?;
        Some((before, At { line: line.parse().ok()?, column: column.parse().ok()? }))
    });
    match parsed {
        Some((before, at)) => (before, Some(at)),
        None => (message, None),
    }
}

/// The error with what caused it, as one text.
pub(super) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
