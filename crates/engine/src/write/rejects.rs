//! The rows of `tracklet_rejects` as Arrow arrays.

use crate::read::Reject;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use std::sync::Arc;
use tracklet_kernel::rules::Rules;
use tracklet_kernel::tables::Table;

/// All rejects in their order, `rows` at a time.
pub fn reject_batches(rejects: &[Reject], rows: usize) -> Vec<RecordBatch> {
    rejects.chunks(rows).map(batch).collect()
}

fn batch(rejects: &[Reject]) -> RecordBatch {
    let text = |value: fn(&Reject) -> Option<&str>| -> ArrayRef {
        Arc::new(rejects.iter().map(value).collect::<StringArray>())
    };
    let row_numbers = rejects.iter().map(|reject| reject.row_number.map(u64::cast_signed));
    let columns = vec![
        text(|reject| Some(&reject.source_file)),
        Arc::new(row_numbers.collect::<Int64Array>()),
        text(|reject| Some(reject.reason.as_str())),
        text(|reject| reject.event_id.as_deref()),
        text(|reject| reject.anonymous_id.as_deref()),
        text(|reject| reject.user_id.as_deref()),
        text(|reject| reject.event.as_deref()),
        text(|reject| reject.timestamp.as_deref()),
        text(|reject| reject.received_at.as_deref()),
        text(|reject| reject.raw.as_deref()),
    ];
    // The schema of rejects does not depend on the rules.
    RecordBatch::try_new(Table::Rejects.schema(&Rules::default()), columns).expect("the columns of the table")
}
