//! How a command ends.

use std::process::ExitCode;

/// How a command ends; the exit code says it to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The command did what it was asked to: 0.
    Done,
    /// The command ran, but something in the data is not as it should be: 1.
    CheckFailed,
    /// The command could not run: 2.
    CouldNotRun,
    /// The command ran, but the tables contradict each other and were not published: 3.
    NotPublished,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Done => 0,
            Status::CheckFailed => 1,
            Status::CouldNotRun => 2,
            Status::NotPublished => 3,
        })
    }
}
