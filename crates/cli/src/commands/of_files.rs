//! Commands that `--target` makes no sense for: what they say, and what helps.

use crate::failure::Failure;
use std::fmt;
use tracklet_display::error::Hint;

/// A command about the tables of files that was asked of a warehouse.
#[derive(Debug, Clone, Copy)]
pub enum OfFiles {
    #[cfg(feature = "analysis")]
    Query,
    #[cfg(feature = "analysis")]
    Export,
    Snapshots,
}

impl OfFiles {
    /// Refuses a target.
    pub fn refuse(self, target: Option<&str>) -> Result<(), Failure> {
        if target.is_some() { Err(Failure::new(self)) } else { Ok(()) }
    }
}

impl fmt::Display for OfFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            #[cfg(feature = "analysis")]
            Self::Query => "`query` asks the tables of files and takes no --target",
            #[cfg(feature = "analysis")]
            Self::Export => "`export` takes the tables of files and no --target",
            Self::Snapshots => {
                "`snapshots` are those of files; a warehouse keeps none, and --target names none"
            }
        })
    }
}

impl std::error::Error for OfFiles {}

impl Hint for OfFiles {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                #[cfg(feature = "analysis")]
                Self::Query => {
                    "a warehouse has SQL of its own: ask with its client, such as psql; `tracklet show TABLE --target NAME \
                     --where EXPR` shows rows of a table"
                }
                #[cfg(feature = "analysis")]
                Self::Export => {
                    "a table in a warehouse is exported by the warehouse itself; `--to NAME` writes the tables of files into \
                     the target NAME"
                }
                Self::Snapshots => {
                    "`tracklet show tracklet_runs --target NAME` shows the runs; to go back, restore the schema from the \
                     warehouse's own backup or time travel"
                }
            }
            .to_owned(),
        )
    }
}
