//! How many files a run may have open while it writes tables.
//!
//! ```text
//! parts being written (at most 5 files each) + files that wait for their sync + all else <= the limit of the process
//! ```
//!
//! How many parts there are is up to the events: a browser may send one of every year. And how long a sync takes is up to the
//! disk. So both are bounded.

use rustix::process::{Resource, getrlimit};

/// The files of tracks of a part, which are open together, where all tables are written.
const FILES_OF_A_PART: usize = 5;
/// The usual limit of a process; more open files win nothing.
const MOST: u64 = 1024;

/// How many files the process may open, divided among the parts that are written at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    /// Parts that are written at the same time.
    pub parts: usize,
    /// Complete files that wait for their sync, without the one that is being synced.
    pub waiting: usize,
}

impl OpenFiles {
    /// The division for the limit of the process.
    pub fn allowed() -> Self {
        Self::of_limit(getrlimit(Resource::Nofile).current.unwrap_or(MOST))
    }

    /// A quarter is for parts, a quarter waits, and half is for all else: tables in one file, snapshots, libraries.
    fn of_limit(limit: u64) -> Self {
        let quarter = (limit.min(MOST) / 4) as usize;
        Self { parts: (quarter / FILES_OF_A_PART).max(1), waiting: quarter.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::{FILES_OF_A_PART, OpenFiles};
    use crate::write::of_tracks;
    use tracklet_kernel::rules::Rules;

    #[test]
    fn no_part_has_more_files() {
        assert_eq!(of_tracks(&Rules { events: true, ..Rules::default() }).len(), FILES_OF_A_PART);
    }

    #[test]
    fn half_of_the_files_are_for_others() {
        assert_eq!(OpenFiles::of_limit(256), OpenFiles { parts: 12, waiting: 64 });
        assert_eq!(OpenFiles::of_limit(3), OpenFiles { parts: 1, waiting: 1 });
        assert_eq!(OpenFiles::of_limit(u64::MAX), OpenFiles { parts: 51, waiting: 256 });
    }
}
