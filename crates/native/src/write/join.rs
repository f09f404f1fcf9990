//! Rows of two batches in one, as if they had been made together.

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::compute::concat;
use arrow::datatypes::{DataType, UInt32Type};
use parquet::errors::ParquetError;
use std::collections::HashMap;
use std::sync::Arc;
use tracklet_kernel::secret_hash::SecretState;

/// The rows of `before` and then those of `after`, which has the same columns.
///
/// The kernel's dictionaries have their values in the order in which the rows name them first, each once; so has the
/// result.
/// # Errors
/// Columns of other types than the kernel makes.
pub(super) fn join(before: &RecordBatch, after: &RecordBatch) -> Result<RecordBatch, ParquetError> {
    let columns = before.columns().iter().zip(after.columns());
    let joined = columns.map(|(before, after)| match before.data_type() {
        DataType::Dictionary(..) => join_dictionaries(before, after),
        _ => Ok(concat(&[before, after])?),
    });
    Ok(RecordBatch::try_new(before.schema(), joined.collect::<Result<_, ParquetError>>()?)?)
}

fn join_dictionaries(before: &ArrayRef, after: &ArrayRef) -> Result<ArrayRef, ParquetError> {
    let (before, after) = (before.as_dictionary::<UInt32Type>(), after.as_dictionary::<UInt32Type>());
    let texts = |column: &DictionaryArray<UInt32Type>| column.values().as_string::<i32>().clone();
    let (known, more) = (texts(before), texts(after));
    let places: HashMap<&str, u32, SecretState> = known.iter().flatten().zip(0u32..).collect();
    let mut new = Vec::new();
    let numbers = more.iter().flatten().map(|text| {
        places.get(text).copied().unwrap_or_else(|| {
            new.push(text);
            (known.len() + new.len() - 1) as u32
        })
    });
    let numbers: Vec<u32> = numbers.collect();
    let values: StringArray = known.iter().flatten().chain(new).map(Some).collect();
    let moved: PrimitiveArray<UInt32Type> = after.keys().unary_opt(|key| numbers.get(key as usize).copied());
    let keys = concat(&[before.keys(), &moved])?;
    let keys = keys.as_primitive::<UInt32Type>().clone();
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(values))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;

    fn batch(texts: &[Option<&str>]) -> RecordBatch {
        let column: DictionaryArray<UInt32Type> = texts.iter().copied().collect();
        let numbers: Int64Array = texts.iter().map(|text| text.map(|text| text.len() as i64)).collect();
        let columns: [(&str, ArrayRef); 2] = [("text", Arc::new(column)), ("number", Arc::new(numbers))];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
    }

    #[test]
    fn joined_rows_are_those_made_together() {
        let rows = [Some("b"), None, Some("a"), Some("b"), Some("c"), None, Some("a"), Some("d")];
        for cut in 0..=rows.len() {
            let joined = join(&batch(&rows[..cut]), &batch(&rows[cut..])).unwrap();
            assert_eq!(joined, batch(&rows), "cut at {cut}");
            let values = |batch: &RecordBatch| {
                batch["text"].as_dictionary::<UInt32Type>().values().as_string::<i32>().clone()
            };
            assert_eq!(values(&joined), values(&batch(&rows)), "cut at {cut}");
        }
    }
}
