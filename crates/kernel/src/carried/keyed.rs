//! Texts of carried columns that come as dictionaries: each value of a dictionary is interned once, however many rows have it.

use crate::carried::{MAX_TEXT_BYTES, Texts};
use crate::intern::{Interner, NONE};
use crate::registry::CarriedSpec;
use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, StringArray};
use arrow::datatypes::UInt32Type;
use std::sync::Arc;

/// The columns of a batch that have one name and hold texts.
pub(crate) enum TextValues {
    /// Texts row by row.
    Plain(Texts),
    /// Keys into dictionaries.
    Keyed(KeyedTexts),
}

impl TextValues {
    pub(crate) fn new(columns: &[&ArrayRef], spec: &CarriedSpec) -> Self {
        KeyedTexts::new(columns, spec).map_or_else(|| Self::Plain(Texts::new(columns, spec)), Self::Keyed)
    }

    /// The text of this row, if it can be kept.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::Plain(texts) => texts.get(row),
            Self::Keyed(texts) => texts.get(row),
        }
    }
}

/// Columns of one name, all of them dictionaries of texts with keys of 32 bits.
pub(crate) struct KeyedTexts {
    columns: Vec<DictionaryArray<UInt32Type>>,
    /// Texts that are no value.
    no_value: Vec<String>,
}

impl KeyedTexts {
    /// None where a column is of another type, or there is no column.
    fn new(columns: &[&ArrayRef], spec: &CarriedSpec) -> Option<Self> {
        let keyed = |column: &&ArrayRef| {
            let column = column.as_dictionary_opt::<UInt32Type>()?;
            column.values().as_string_opt::<i32>().is_some().then(|| column.clone())
        };
        let columns: Option<Vec<_>> = columns.iter().map(keyed).collect();
        let columns = columns.filter(|columns| !columns.is_empty())?;
        Some(Self { columns, no_value: spec.no_value.clone() })
    }

    fn get(&self, row: usize) -> Option<&str> {
        let mut texts =
            self.columns.iter().filter_map(|column| self.value(column.values(), key(column, row)?));
        texts.next()
    }

    /// A value of a dictionary, if it can be kept as a text.
    fn value<'v>(&self, values: &'v ArrayRef, key: usize) -> Option<&'v str> {
        let values: &StringArray = values.as_string();
        let text = values.is_valid(key).then(|| values.value(key))?;
        let is_kept = !text.is_empty() && text.len() <= MAX_TEXT_BYTES && !text.contains('\0');
        (is_kept && self.no_value.iter().all(|none| none != text)).then_some(text)
    }
}

/// The key of a row; none where the row is null.
#[inline]
fn key(column: &DictionaryArray<UInt32Type>, row: usize) -> Option<usize> {
    let keys = column.keys();
    keys.is_valid(row).then(|| keys.value(row) as usize)
}

/// Stands for a value that no row has had so far.
const UNSEEN: u32 = NONE - 1;

/// Interned numbers of the values of dictionaries, kept from batch to batch: the batches of a column chunk share one dictionary.
#[derive(Debug, Default)]
pub(crate) struct KnownValues(Vec<OfDictionary>);

#[derive(Debug)]
struct OfDictionary {
    values: ArrayRef,
    /// By key: the number of the text, [`NONE`] where it is no value, or [`UNSEEN`].
    numbers: Vec<u32>,
}

impl OfDictionary {
    fn new(values: &ArrayRef) -> Self {
        Self { values: Arc::clone(values), numbers: vec![UNSEEN; values.len()] }
    }
}

impl KnownValues {
    /// Adds the number of each of these rows' texts to `numbers`, [`NONE`] where it has none or is left out.
    pub(crate) fn intern(
        &mut self,
        texts: &KeyedTexts,
        rows: impl Iterator<Item = Option<usize>>,
        interner: &mut Interner,
        numbers: &mut Vec<u32>,
    ) {
        self.0.truncate(texts.columns.len());
        for (place, column) in texts.columns.iter().enumerate() {
            match self.0.get_mut(place) {
                Some(known) if Arc::ptr_eq(&known.values, column.values()) => {}
                Some(known) => *known = OfDictionary::new(column.values()),
                None => self.0.push(OfDictionary::new(column.values())),
            }
        }
        numbers.extend(rows.map(|row| {
            let Some(row) = row else { return NONE };
            for (column, OfDictionary { values, numbers }) in texts.columns.iter().zip(&mut self.0) {
                let Some(key) = key(column, row) else { continue };
                if numbers[key] == UNSEEN {
                    numbers[key] = texts.value(values, key).map_or(NONE, |text| interner.intern(text));
                }
                if numbers[key] != NONE {
                    return numbers[key];
                }
            }
            NONE
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::{KnownValues, TextValues};
    use crate::intern::{Interner, NONE};
    use crate::registry::{CarriedSpec, CarriedType};
    use arrow::array::{ArrayRef, DictionaryArray, StringArray, UInt32Array};
    use arrow::compute::cast;
    use arrow::datatypes::DataType;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn spec() -> CarriedSpec {
        let mut spec = CarriedSpec::new("c", CarriedType::Text);
        spec.no_value = vec!["$direct".to_owned()];
        spec
    }

    fn dictionary(values: &[Option<&str>], keys: &[Option<u32>]) -> ArrayRef {
        let values: ArrayRef = Arc::new(values.iter().copied().collect::<StringArray>());
        let keys: UInt32Array = keys.iter().map(|key| key.map(|key| key % values.len() as u32)).collect();
        Arc::new(DictionaryArray::new(keys, values))
    }

    const VALUES: [Option<&str>; 7] =
        [Some("a"), Some(""), None, Some("$direct"), Some("nul\0"), Some("b"), Some("a")];

    proptest! {
        // Whatever the dictionaries hold, a row has the text that it has as plain texts.
        #[test]
        fn keys_give_what_texts_give(
            batches in prop::collection::vec(
                prop::collection::vec((prop::option::of(0u32..7), prop::option::of(0u32..7)), 0..9),
                1..4,
            ),
            is_one_dictionary in any::<bool>(),
        ) {
            let (mut known, mut interner) = (KnownValues::default(), Interner::default());
            let shared: ArrayRef = Arc::new(VALUES.iter().copied().collect::<StringArray>());
            for batch in &batches {
                let (first, second): (Vec<_>, Vec<_>) = batch.iter().copied().unzip();
                let column = |keys: Vec<Option<u32>>| -> ArrayRef {
                    if is_one_dictionary {
                        Arc::new(DictionaryArray::new(UInt32Array::from(keys), Arc::clone(&shared)))
                    } else {
                        dictionary(&VALUES, &keys)
                    }
                };
                let columns = [column(first), column(second)];
                let plain = columns.each_ref().map(|column| cast(column, &DataType::Utf8).unwrap());
                let plain = TextValues::new(&plain.each_ref(), &spec());
                let keyed = TextValues::new(&columns.each_ref(), &spec());
                let TextValues::Keyed(texts) = &keyed else { panic!("dictionaries") };
                let mut numbers = Vec::new();
                let rows = (0..batch.len()).map(|row| (row != 1).then_some(row));
                known.intern(texts, rows, &mut interner, &mut numbers);
                for (row, number) in numbers.iter().enumerate() {
                    prop_assert_eq!(keyed.get(row), plain.get(row));
                    let expected = plain.get(row).filter(|_| row != 1);
                    prop_assert_eq!((*number != NONE).then(|| interner.get(*number)), expected);
                }
            }
        }
    }

    #[test]
    fn columns_of_another_type_are_texts_row_by_row() {
        let (keyed, plain) =
            (dictionary(&VALUES, &[Some(0)]), Arc::new(StringArray::from(vec!["x"])) as ArrayRef);
        assert!(matches!(TextValues::new(&[&keyed, &plain], &spec()), TextValues::Plain(_)));
        assert!(matches!(TextValues::new(&[], &spec()), TextValues::Plain(_)));
        assert_eq!(TextValues::new(&[&keyed, &plain], &spec()).get(0), Some("a"));
    }
}
