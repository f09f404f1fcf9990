//! From files to tracks.
//!
//! ```text
//! paths, globs, URLs --inputs--> files --run--> units of work, one thread each
//!                                                       |
//!   objects, records, row groups <--a format of formats/--+
//!      +--> batches --filter--> the kernel's gate --> TracksBuilder
//!                                     +-------------> Reject
//! ```
//!
//! Bad input never ends a read by default: the good rows count, every bad one becomes a [`Reject`].

mod bytes;
mod column_sample;
mod columns;
mod content;
mod credentials;
mod encoding;
mod error;
mod event_columns;
mod extensions;
mod fence;
mod filter;
mod first_bytes;
mod foreign;
mod formats;
mod input_error;
pub mod inputs;
mod inspect;
mod lake;
mod limits;
mod mostly_rejected;
mod other_calls;
mod partitions;
mod rejects;
mod remote;
mod run;
mod sample;
mod sink;
#[cfg(feature = "object-stores")]
mod stores;
#[cfg(not(feature = "object-stores"))]
#[path = "without_stores.rs"]
mod stores;
mod table_formats;
mod window;

pub use column_sample::{ColumnSample, ColumnSamples};
pub use columns::{Column, may_be_event_id};
pub(crate) use columns::{looks_like, near_match};
pub use content::Digest;
#[cfg(test)]
pub(crate) use content::Hashed;
pub(crate) use content::{Content, Grown};
pub use error::ReadError;
pub(crate) use error::{GA4_COLUMNS, is_ga4};
pub use event_columns::AbsentColumn;
pub use fence::silence_caught_panics;
pub use filter::{BoundRowFilter, FilterError, NoRowFilters, RowFilter, RowFilters};
pub use foreign::Foreign;
pub use formats::csv::{CsvOptions, Quote};
pub(crate) use formats::may_lack_header;
pub use formats::{FORMATS, Format};
pub use inputs::{InputError, InputFile, Inputs};
pub use inspect::{CallTable, FormatColumns, Inspection, inspect, inspect_tables};
pub(crate) use lake::type_by_path;
pub(crate) use limits::{MOST_IDS, MOST_ROWS, check as check_limit};
pub use mostly_rejected::MostlyRejected;
pub use other_calls::OtherCalls;
pub(crate) use partitions::said_by_path;
pub(crate) use rejects::{FoundReject, Head, REJECT_GROUP_BYTES, RejectMemory, TEXTS, Texts};
pub use rejects::{Reject, Rejects};
pub use remote::RemoteError;
pub(crate) use remote::would_find;
pub use remote::{is_url, place_to_write};
pub(crate) use run::read_all_with_tables;
pub use run::{
    ColumnFindings, FileSummary, FirstRows, Options, Quiet, Read, ReadProgress, Strictness, read_all,
};
pub use sample::Sample;
pub(crate) use sink::Overflow;
pub use table_formats::TableFormat;

use std::collections::BTreeMap;
use tracklet_config::EventColumn;
use tracklet_kernel::event_type::EventTypes;
use tracklet_kernel::gate::Gate;

/// How the rows of the files are to be read: column names, types of calls, the filter, the gate.
#[derive(Debug, Clone)]
pub struct Source {
    /// Names in the source of columns that are not called as usual.
    pub columns: BTreeMap<Column, String>,
    /// An SQL expression over the source's columns; rows for which it is not true are skipped.
    pub where_: Option<String>,
    /// The gate that makes tracks of rows.
    pub gate: Gate,
    /// The format of every file, whatever its extension says.
    pub format: Option<Format>,
    /// The types of calls whose rows are events.
    pub types: EventTypes,
    /// The columns that events bring along: those that the gate carries, but for the type.
    pub event_columns: Vec<EventColumn>,
    /// The dialect of CSV files.
    pub csv: CsvOptions,
    /// The longest JSON object or CSV record that is read, in bytes.
    pub max_line: usize,
}

/// The default of [`Source::max_line`]: 64 MiB.
pub const DEFAULT_MAX_LINE: usize = 64 << 20;

impl Source {
    /// Whether a column is read: event ids are not where they are made of the rows.
    pub(crate) fn reads(&self, column: Column) -> bool {
        column != Column::EventId || !self.gate.ids_from_rows
    }

    /// The canonical columns that are read, in their order.
    pub(crate) fn canonical(&self) -> impl Iterator<Item = Column> {
        Column::ALL.into_iter().filter(|column| self.reads(*column))
    }
}

impl Default for Source {
    fn default() -> Self {
        Self {
            columns: BTreeMap::new(),
            where_: None,
            gate: Gate::default(),
            format: None,
            types: EventTypes::default(),
            event_columns: Vec::new(),
            csv: CsvOptions::default(),
            max_line: DEFAULT_MAX_LINE,
        }
    }
}
