//! How a run tells what it is doing while it does it.

/// A step of a run, in the order in which they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Input files to tracks.
    Read,
    /// Tracks to session columns.
    Sessionize,
    /// Columns to Parquet files.
    Write,
    /// The invariants of the tables.
    Check,
    /// The swap of `current`.
    Publish,
}

impl Step {
    /// The step in lower case, as logs and the manifest name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Sessionize => "sessionize",
            Self::Write => "write",
            Self::Check => "check",
            Self::Publish => "publish",
        }
    }
}

/// Someone who watches a run. Calls come from any thread; they must be quick, for the run waits.
pub trait Observer: Sync {
    /// A step begins. `total` is how much there is to do, if known: bytes for [`Step::Read`], rows for the others.
    fn step_started(&self, step: Step, total: Option<u64>);

    /// The step that runs got on by this many rows and bytes since the last call.
    fn advanced(&self, rows: u64, bytes: u64);

    /// The step is over, whether it went well or not.
    fn step_finished(&self, step: Step);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn step_started(&self, _: Step, _: Option<u64>) {}
    fn advanced(&self, _: u64, _: u64) {}
    fn step_finished(&self, _: Step) {}
}
