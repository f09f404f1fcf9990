//! Columns that tracks carry from the source to the tables, and that no rule looks at.

mod keyed;

pub(crate) use keyed::{KnownValues, TextValues};

use crate::columns::{Text, TextColumn, number_texts};
use crate::decimal::{self, PRECISION, SCALE};
use crate::intern::{Interner, NONE, renumber};
use crate::registry::{CarriedSpec, CarriedType};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, TimeUnit, TimestampMicrosecondType, UInt32Type,
};
use chrono::DateTime;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The longest text of a carried column, in bytes; a longer one is null. A row group of 131,072 rows holds less than 2 GiB of such texts,
/// which is as much as a column of a batch can have.
pub const MAX_TEXT_BYTES: usize = (16 << 10) - 1;
/// Stands for "no value" in a column of numbers.
pub(crate) const NO_NUMBER: i128 = i128::MIN;
/// Stands for "no value" in a column of truths.
pub(crate) const NO_TRUTH: u8 = 2;

/// The Arrow type of numbers.
pub fn number_type() -> DataType {
    DataType::Decimal128(PRECISION, SCALE as i8)
}

/// The Arrow type of sums of numbers: more digits than the sum of as many numbers as there can be rows has.
pub fn sum_type() -> DataType {
    DataType::Decimal128(DECIMAL128_MAX_PRECISION, SCALE as i8)
}

impl CarriedType {
    /// The type of a column of such values in a table.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Number => number_type(),
            Self::Truth => DataType::Boolean,
        }
    }

    /// Bytes of memory of a value, the text itself not counted.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Text => size_of::<u32>() as u64,
            Self::Number => size_of::<i128>() as u64,
            Self::Truth => size_of::<u8>() as u64,
        }
    }
}

/// Bytes of memory that a track takes for these columns, texts not counted.
pub fn bytes_of(carried: &[CarriedSpec]) -> u64 {
    carried.iter().map(|column| column.carried_type.bytes()).sum()
}

/// A carried column of some tracks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CarriedColumn {
    /// Numbers of interned texts, or [`NONE`].
    Texts(Vec<u32>),
    /// Millionths, or [`NO_NUMBER`].
    Numbers(Vec<i128>),
    /// 0, 1, or [`NO_TRUTH`].
    Truths(Vec<u8>),
}

/// A truth as rules and rows spell it; none of [`NO_TRUTH`].
pub(crate) fn truth_text(truth: u8) -> Option<&'static str> {
    match truth {
        0 => Some("false"),
        1 => Some("true"),
        _ => None,
    }
}

impl CarriedColumn {
    /// An empty column for values of this type.
    pub(crate) fn new(carried_type: CarriedType) -> Self {
        match carried_type {
            CarriedType::Text => Self::Texts(Vec::new()),
            CarriedType::Number => Self::Numbers(Vec::new()),
            CarriedType::Truth => Self::Truths(Vec::new()),
        }
    }

    pub(crate) fn carried_type(&self) -> CarriedType {
        match self {
            Self::Texts(_) => CarriedType::Text,
            Self::Numbers(_) => CarriedType::Number,
            Self::Truths(_) => CarriedType::Truth,
        }
    }

    /// Adds a row of another column, which has the same type.
    fn push_from(&mut self, other: &Self, place: usize) {
        match (self, other) {
            (Self::Texts(texts), Self::Texts(others)) => texts.push(others[place]),
            (Self::Numbers(numbers), Self::Numbers(others)) => numbers.push(others[place]),
            (Self::Truths(truths), Self::Truths(others)) => truths.push(others[place]),
            _ => unreachable!("columns of one configuration"),
        }
    }

    /// Adds all rows of another column, which has the same type.
    fn append(&mut self, other: &Self) {
        match (self, other) {
            (Self::Texts(texts), Self::Texts(others)) => texts.extend_from_slice(others),
            (Self::Numbers(numbers), Self::Numbers(others)) => numbers.extend_from_slice(others),
            (Self::Truths(truths), Self::Truths(others)) => truths.extend_from_slice(others),
            _ => unreachable!("columns of one configuration"),
        }
    }

    /// Replaces every interned number by its new one.
    fn renumber(&mut self, to: &[u32]) {
        if let Self::Texts(texts) = self {
            renumber(texts, to);
        }
    }

    /// The order of two rows; texts go by bytes, nulls last.
    pub(crate) fn compare(&self, a: usize, other: &Self, b: usize, values: &Interner) -> Ordering {
        match (self, other) {
            (Self::Texts(texts), Self::Texts(others)) => {
                let text = |number: u32| (number != NONE).then(|| values.get(number));
                nulls_last(text(texts[a]), text(others[b]))
            }
            (Self::Numbers(numbers), Self::Numbers(others)) => {
                let number = |number: i128| (number != NO_NUMBER).then_some(number);
                nulls_last(number(numbers[a]), number(others[b]))
            }
            // False, true, null.
            (Self::Truths(truths), Self::Truths(others)) => truths[a].cmp(&others[b]),
            _ => unreachable!("columns of one configuration"),
        }
    }
}

/// The carried columns of a chunk, in the order of the configuration. A chunk without rows may have none yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Carried(pub(crate) Vec<CarriedColumn>);

impl Carried {
    /// Empty columns of these types.
    pub(crate) fn new(carried: &[CarriedSpec]) -> Self {
        Self(carried.iter().map(|column| CarriedColumn::new(column.carried_type)).collect())
    }

    /// The interned numbers of a text column; of a chunk without rows none.
    pub(crate) fn texts(&self, place: usize) -> &[u32] {
        match self.0.get(place) {
            Some(CarriedColumn::Texts(texts)) => texts,
            Some(_) => unreachable!("columns of one configuration"),
            None => &[],
        }
    }

    /// The millionths of a column of numbers; of a chunk without rows none.
    pub(crate) fn numbers(&self, place: usize) -> &[i128] {
        match self.0.get(place) {
            Some(CarriedColumn::Numbers(numbers)) => numbers,
            Some(_) => unreachable!("columns of one configuration"),
            None => &[],
        }
    }

    /// 0, 1 or [`NO_TRUTH`] of a column of truths; of a chunk without rows none.
    pub(crate) fn truths(&self, place: usize) -> &[u8] {
        match self.0.get(place) {
            Some(CarriedColumn::Truths(truths)) => truths,
            Some(_) => unreachable!("columns of one configuration"),
            None => &[],
        }
    }

    /// Makes a row's values null but for that of the first column.
    pub(crate) fn clear_behind_first(&mut self, place: usize) {
        for column in self.0.iter_mut().skip(1) {
            match column {
                CarriedColumn::Texts(numbers) => numbers[place] = NONE,
                CarriedColumn::Numbers(numbers) => numbers[place] = NO_NUMBER,
                CarriedColumn::Truths(truths) => truths[place] = NO_TRUTH,
            }
        }
    }

    fn take_types_of(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0 = other.0.iter().map(|column| CarriedColumn::new(column.carried_type())).collect();
        }
    }

    pub(crate) fn push_from(&mut self, other: &Self, place: usize) {
        self.take_types_of(other);
        for (column, other) in self.0.iter_mut().zip(&other.0) {
            column.push_from(other, place);
        }
    }

    pub(crate) fn append(&mut self, other: &Self) {
        self.take_types_of(other);
        for (column, other) in self.0.iter_mut().zip(&other.0) {
            column.append(other);
        }
    }

    pub(crate) fn renumber(&mut self, to: &[u32]) {
        self.0.iter_mut().for_each(|column| column.renumber(to));
    }
}

/// Values of a column of numbers that are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnreadNumbers {
    /// How many values are no numbers.
    pub values: u64,
    /// The least of them by their bytes, at most three. Long ones are cut.
    pub examples: BTreeSet<String>,
}

/// Examples that are kept.
const EXAMPLES: usize = 3;
/// The longest example, in characters.
const EXAMPLE_CHARACTERS: usize = 60;

impl UnreadNumbers {
    fn add(&mut self, text: &str) {
        self.values += 1;
        self.keep(text.chars().take(EXAMPLE_CHARACTERS).collect());
    }

    fn keep(&mut self, example: String) {
        self.examples.insert(example);
        if self.examples.len() > EXAMPLES {
            self.examples.pop_last();
        }
    }

    /// Takes in those of other rows.
    pub fn merge(&mut self, others: Self) {
        self.values += others.values;
        others.examples.into_iter().for_each(|example| self.keep(example));
    }
}

/// A carried column of a batch, as the gate reads it: of several columns of its name the first that has a value in a row counts.
pub(crate) enum CarriedValues {
    Texts(TextValues),
    Numbers(Numbers),
    /// 0, 1, or [`NO_TRUTH`].
    Truths(Vec<u8>),
    /// None of its own: they are [derived](crate::derived) from those of others.
    Derived,
}

impl CarriedValues {
    /// The values of columns of any types; without any column there are none.
    pub(crate) fn new(columns: &[&ArrayRef], spec: &CarriedSpec, rows: usize) -> Self {
        match spec.carried_type {
            _ if spec.derived.is_some() => Self::Derived,
            CarriedType::Text => Self::Texts(TextValues::new(columns, spec)),
            CarriedType::Number => Self::Numbers(Numbers::new(columns, spec, rows)),
            CarriedType::Truth => Self::Truths(truths(columns, rows)),
        }
    }
}

/// Columns of texts of one name.
pub(crate) struct Texts {
    columns: Vec<TextColumn>,
    /// Texts that are no value.
    no_value: Vec<String>,
}

impl Texts {
    pub(crate) fn new(columns: &[&ArrayRef], spec: &CarriedSpec) -> Self {
        Self {
            columns: columns.iter().map(|column| texts(column)).collect(),
            no_value: spec.no_value.clone(),
        }
    }

    /// The text of this row, if it can be kept.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        let mut texts = self.columns.iter().filter_map(|column| text_of(column, row));
        texts.find(|text| !self.no_value.iter().any(|none| none == text))
    }
}

/// Columns of numbers of one name.
pub(crate) struct Numbers {
    /// Millionths, or [`NO_NUMBER`].
    pub(crate) values: Vec<i128>,
    /// The rows that have a value which is no number, ascending, with its text.
    unread: Vec<(usize, String)>,
}

impl Numbers {
    fn new(columns: &[&ArrayRef], spec: &CarriedSpec, rows: usize) -> Self {
        let of_columns = columns.iter().map(|column| numbers(column));
        let first_value = |mut values: Vec<i128>, others: Vec<i128>| {
            for (value, other) in values.iter_mut().zip(others).filter(|(value, _)| **value == NO_NUMBER) {
                *value = other;
            }
            values
        };
        let mut values = of_columns.reduce(first_value).unwrap_or_else(|| vec![NO_NUMBER; rows]);
        // Texts are made where one is shown: few columns have a value that is no number.
        let mut texts = None;
        let mut unread = Vec::new();
        for (row, value) in values.iter_mut().enumerate().filter(|(_, value)| **value == UNREAD) {
            *value = NO_NUMBER;
            let text = texts.get_or_insert_with(|| Texts::new(columns, spec)).get(row);
            unread.push((row, text.unwrap_or_default().to_owned()));
        }
        Self { values, unread }
    }

    /// Adds those of these rows, which ascend, that have a value which is no number.
    pub(crate) fn note_unread(&self, rows: impl Iterator<Item = usize>, unread: &mut UnreadNumbers) {
        if self.unread.is_empty() {
            return;
        }
        for row in rows {
            if let Ok(place) = self.unread.binary_search_by_key(&row, |(row, _)| *row) {
                unread.add(&self.unread[place].1);
            }
        }
    }
}

/// The first value of each row in columns of truths. Other types have none.
fn truths(columns: &[&ArrayRef], rows: usize) -> Vec<u8> {
    let columns: Vec<&BooleanArray> = columns.iter().filter_map(|column| column.as_boolean_opt()).collect();
    let truth =
        |row: usize| columns.iter().find(|column| column.is_valid(row)).map(|column| column.value(row));
    (0..rows).map(|row| truth(row).map_or(NO_TRUTH, u8::from)).collect()
}

/// Stands for a value that is no number.
const UNREAD: i128 = i128::MIN + 1;

/// The text of this row, if it can be kept.
#[inline]
fn text_of(column: &TextColumn, row: usize) -> Option<&str> {
    match column.get(row) {
        Text::Value(text) if text.len() <= MAX_TEXT_BYTES && !text.is_empty() => Some(text),
        _ => None,
    }
}

fn texts(column: &ArrayRef) -> TextColumn {
    match column.data_type() {
        // As every warehouse spells them.
        DataType::Boolean
        | DataType::Date32
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Time64(_) => TextColumn::new(cast(column, &DataType::Utf8).ok().as_ref()),
        DataType::Timestamp(..) => TextColumn::new(times_as_texts(column).as_ref()),
        _ => TextColumn::new(Some(column)),
    }
}

/// Times as the tables show them: UTC with six digits of the second.
fn times_as_texts(column: &ArrayRef) -> Option<ArrayRef> {
    let micros = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None)).ok()?;
    let micros = micros.as_primitive::<TimestampMicrosecondType>();
    let text = |micros: i64| {
        Some(DateTime::from_timestamp_micros(micros)?.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
    };
    let texts: StringArray = micros.iter().map(|micros| text(micros?)).collect();
    Some(Arc::new(texts))
}

/// Millionths of the values of a column of any type, [`NO_NUMBER`] where there is none and [`UNREAD`] where one is no number.
fn numbers(column: &ArrayRef) -> Vec<i128> {
    let or_unread = |value: Option<i128>| value.unwrap_or(UNREAD);
    let of_text = |text: &TextColumn, row: usize, parse: fn(&str) -> Option<i128>| match text.get(row) {
        // What can't be kept as a text is no value of any column.
        Text::Missing | Text::Value("") | Text::Invalid => NO_NUMBER,
        Text::Value(text) if text.len() > MAX_TEXT_BYTES => NO_NUMBER,
        Text::Value(text) => or_unread(parse(text)),
    };
    let cast = |to: &DataType| cast(column, to).ok();
    match column.data_type() {
        number if number.is_integer() => {
            // Wide enough for all 64 bits, with or without a sign.
            let Some(wide) = cast(&DataType::Decimal128(38, 0)) else { return vec![NO_NUMBER; column.len()] };
            numbers(&wide)
        }
        DataType::Decimal128(_, scale) => {
            let column: &Decimal128Array = column.as_primitive::<Decimal128Type>();
            let value = |value: i128| or_unread(decimal::rescale(value, *scale));
            column.iter().map(|number| number.map_or(NO_NUMBER, value)).collect()
        }
        DataType::Dictionary(_, _) => {
            let Some(keyed) =
                cast(&DataType::Dictionary(Box::new(DataType::UInt32), Box::new(DataType::Utf8)))
            else {
                return vec![NO_NUMBER; column.len()];
            };
            let dictionary = keyed.as_dictionary::<UInt32Type>();
            let values = numbers(dictionary.values());
            dictionary.keys().iter().map(|key| key.map_or(NO_NUMBER, |key| values[key as usize])).collect()
        }
        // Floats print their shortest decimal form, decimals of 256 bits all digits.
        number if number.is_numeric() => {
            let text = TextColumn::new(number_texts(column).as_ref());
            (0..column.len()).map(|row| of_text(&text, row, decimal::parse_number)).collect()
        }
        _ => {
            let text = texts(column);
            (0..column.len()).map(|row| of_text(&text, row, decimal::parse)).collect()
        }
    }
}

/// The order of the contract for values that may be missing; texts go by bytes.
pub(crate) fn nulls_last<T: Ord>(a: Option<T>, b: Option<T>) -> Ordering {
    (a.is_none(), a).cmp(&(b.is_none(), b))
}
