//! The parts of Arrow that Tracklet uses, under the names that the crate `arrow` has for them.
//!
//! That crate would also build Arrow's arithmetic, text functions, row format and CSV, which no run calls: the first build
//! is shorter without them.

/// Arrays, and what builds them.
pub mod array {
    pub use arrow_array::builder::*;
    pub use arrow_array::cast::*;
    pub use arrow_array::*;
}

/// What arrays are made of.
pub mod buffer {
    pub use arrow_buffer::*;
}

/// Functions on arrays.
pub mod compute {
    pub use arrow_cast::{can_cast_types, cast};
    pub use arrow_select::concat::{concat, concat_batches};
    pub use arrow_select::filter::filter_record_batch;
    pub use arrow_select::nullif::nullif;
    pub use arrow_select::take::take;

    /// Functions by what they do.
    pub mod kernels {
        pub use arrow_cast::cast;
    }
}

/// Types of arrays, and schemas.
pub mod datatypes {
    pub use arrow_array::types::*;
    pub use arrow_array::{ArrowNativeTypeOp, ArrowNumericType, ArrowPrimitiveType};
    pub use arrow_buffer::{ArrowNativeType, i256};
    pub use arrow_schema::*;
}

/// What can go wrong.
pub mod error {
    pub use arrow_schema::ArrowError;
}

/// Rows as JSON lines.
#[cfg(feature = "json")]
pub mod json {
    pub use arrow_json::*;
}

/// Batches of rows.
pub mod record_batch {
    pub use arrow_array::{RecordBatch, RecordBatchOptions, RecordBatchReader};
}

pub use arrow_array::temporal_conversions;

/// Values as text.
pub mod util {
    pub use arrow_cast::display;
    #[cfg(feature = "prettyprint")]
    pub use arrow_cast::pretty;
}
