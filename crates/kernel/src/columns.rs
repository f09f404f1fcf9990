//! Arrow columns of any usual type, looked at as text or as time.

use crate::number_id::whole_number;
use crate::time::{self, Unit};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, DictionaryArray, Float64Array, LargeBinaryArray,
    PrimitiveArray, StringArray, StringViewArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt32Type,
};
use std::borrow::Cow;
use std::sync::Arc;

/// The longest id, in bytes.
pub const MAX_ID_BYTES: usize = 64 << 10;
/// The longest event name as it came, in bytes.
pub const MAX_NAME_BYTES: usize = 64 << 10;

/// One value of a text column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text<'a> {
    /// Null.
    Missing,
    /// Text that can be kept, perhaps empty.
    Value(&'a str),
    /// Not text, not UTF-8, or text with U+0000.
    Invalid,
}

impl Text<'_> {
    /// The text's bytes.
    #[inline]
    pub(crate) fn length(self) -> usize {
        if let Self::Value(text) = self { text.len() } else { 0 }
    }
}

/// A column of ids or names.
pub(crate) enum TextColumn {
    Absent,
    Plain(StringArray),
    /// No value holds U+0000, which was looked for in all of them at once.
    Clean(StringArray),
    View(StringViewArray),
    Bytes(BinaryArray),
    /// Keys into `values`, which come with each value's own column.
    Dictionary {
        keys: PrimitiveArray<UInt32Type>,
        values: Box<TextColumn>,
    },
    /// A type that is no text: every value that is not null is invalid.
    NoText(ArrayRef),
}

impl TextColumn {
    pub(crate) fn new(column: Option<&ArrayRef>) -> Self {
        let Some(column) = column else { return Self::Absent };
        let as_type = |to: &DataType| cast(column, to).ok();
        match column.data_type() {
            DataType::Null => Self::Absent,
            DataType::Utf8 => Self::plain(column.as_string().clone()),
            DataType::Utf8View => Self::View(column.as_string_view().clone()),
            DataType::Binary => Self::Bytes(column.as_binary().clone()),
            DataType::LargeUtf8 => {
                let view = as_type(&DataType::Utf8View);
                view.map_or_else(
                    || Self::NoText(column.clone()),
                    |view| Self::View(view.as_string_view().clone()),
                )
            }
            DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::binary(column)
            }
            DataType::Dictionary(_, values) => {
                let to = DataType::Dictionary(Box::new(DataType::UInt32), values.clone());
                let Some(column) = as_type(&to) else { return Self::NoText(column.clone()) };
                let dictionary: &DictionaryArray<UInt32Type> = column.as_dictionary();
                let values = Box::new(Self::new(Some(dictionary.values())));
                Self::Dictionary { keys: dictionary.keys().clone(), values }
            }
            number if number.is_numeric() => {
                let text = number_texts(column);
                text.map_or_else(
                    || Self::NoText(column.clone()),
                    |text| Self::plain(with_whole_numbers(text.as_string(), number)),
                )
            }
            _ => Self::NoText(column.clone()),
        }
    }

    fn plain(column: StringArray) -> Self {
        let ends = column.value_offsets();
        let bytes = &column.value_data()[ends[0] as usize..ends[column.len()] as usize];
        if bytes.contains(&0) { Self::Plain(column) } else { Self::Clean(column) }
    }

    /// Binary of any kind with offsets of 32 bits.
    fn binary(column: &ArrayRef) -> Self {
        let values = column.len();
        let bytes: BinaryArray = if let Some(large) = column.as_any().downcast_ref::<LargeBinaryArray>() {
            large.iter().collect()
        } else if let Some(view) = column.as_any().downcast_ref::<BinaryViewArray>() {
            view.iter().collect()
        } else {
            let fixed = column.as_fixed_size_binary();
            (0..values).map(|row| fixed.is_valid(row).then(|| fixed.value(row))).collect()
        };
        Self::Bytes(bytes)
    }

    /// The value in this row.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Text<'_> {
        match self {
            Self::Clean(column) if column.is_valid(row) => Text::Value(column.value(row)),
            Self::Plain(column) if column.is_valid(row) => storable(column.value(row)),
            Self::View(column) if column.is_valid(row) => storable(column.value(row)),
            Self::Bytes(column) if column.is_valid(row) => {
                std::str::from_utf8(column.value(row)).map_or(Text::Invalid, storable)
            }
            Self::Dictionary { keys, values } if keys.is_valid(row) => values.get(keys.value(row) as usize),
            Self::NoText(column) if column.is_valid(row) => Text::Invalid,
            Self::Absent
            | Self::Clean(_)
            | Self::Plain(_)
            | Self::View(_)
            | Self::Bytes(_)
            | Self::Dictionary { .. }
            | Self::NoText(_) => Text::Missing,
        }
    }
}

/// The texts of numbers. The shortest digits of a float of 32 bits are those of another whole number from 2^24 on: 123456792 would be
/// 123456790.
pub(crate) fn number_texts(column: &ArrayRef) -> Option<ArrayRef> {
    let texts = cast(column, &DataType::Utf8).ok()?;
    if !matches!(column.data_type(), DataType::Float32 | DataType::Float16) {
        return Some(texts);
    }
    let doubles = cast(column, &DataType::Float64).ok()?;
    let doubles: &Float64Array = doubles.as_primitive::<Float64Type>();
    let text = |(double, text): (Option<f64>, Option<&str>)| match double {
        Some(double) if double.fract() == 0.0 && double.abs() < MOST_EXACT => Some(double.to_string()),
        _ => text.map(str::to_owned),
    };
    let texts = doubles.iter().zip(texts.as_string::<i32>()).map(text);
    Some(Arc::new(texts.collect::<StringArray>()))
}

/// 2^53, up to which a double holds every whole number.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

/// The texts of numbers, where those that are whole have no fraction and no exponent.
fn with_whole_numbers(texts: &StringArray, number: &DataType) -> StringArray {
    if number.is_integer() {
        return texts.clone();
    }
    let whole = |text| whole_number(text).map_or(Cow::Borrowed(text), Cow::Owned);
    texts.iter().map(|text| text.map(whole)).collect()
}

#[inline]
fn storable(text: &str) -> Text<'_> {
    // The gate looks at lengths first.
    let is_short = text.len() <= MAX_ID_BYTES.min(MAX_NAME_BYTES);
    if is_short && text.as_bytes().contains(&0) { Text::Invalid } else { Text::Value(text) }
}

/// One value of a time column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    /// Null.
    Missing,
    /// Microseconds since 1970, of any range.
    Micros(i64),
    /// Text that is no time, or a type that is none.
    Unparsable,
    /// A time too far off for 64 bits of microseconds.
    OutOfRange,
}

/// A column of times.
pub(crate) enum TimeColumn {
    Absent,
    Seconds(PrimitiveArray<TimestampSecondType>),
    Millis(PrimitiveArray<TimestampMillisecondType>),
    Micros(PrimitiveArray<TimestampMicrosecondType>),
    Nanos(PrimitiveArray<TimestampNanosecondType>),
    Numbers(PrimitiveArray<Int64Type>, Unit),
    Text(TextColumn, Option<Unit>),
}

impl TimeColumn {
    /// `unit` is what whole numbers count; without it no number is a time.
    pub(crate) fn new(column: Option<&ArrayRef>, unit: Option<Unit>) -> Self {
        let Some(column) = column else { return Self::Absent };
        match column.data_type() {
            DataType::Timestamp(TimeUnit::Second, _) => Self::Seconds(column.as_primitive().clone()),
            DataType::Timestamp(TimeUnit::Millisecond, _) => Self::Millis(column.as_primitive().clone()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Micros(column.as_primitive().clone()),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Self::Nanos(column.as_primitive().clone()),
            number if number.is_numeric() => match unit {
                // A number is no time, though it could be spelled as text.
                None => Self::Text(TextColumn::NoText(column.clone()), None),
                Some(unit) => Self::numbers(column, unit),
            },
            _ => Self::Text(TextColumn::new(Some(column)), unit),
        }
    }

    fn numbers(column: &ArrayRef, unit: Unit) -> Self {
        let number = column.data_type();
        if number.is_signed_integer()
            && let Ok(numbers) = cast(column, &DataType::Int64)
        {
            return Self::Numbers(numbers.as_primitive().clone(), unit);
        }
        // Others may be too large for 64 bits, or no whole numbers: their digits tell.
        let text: Option<ArrayRef> = if number.is_floating() {
            cast(column, &DataType::Float64).ok().map(|floats| {
                let floats: &Float64Array = floats.as_primitive::<Float64Type>();
                Arc::new(floats.iter().map(|value| Some(value?.to_string())).collect::<StringArray>())
                    as ArrayRef
            })
        } else {
            cast(column, &DataType::Utf8).ok()
        };
        let text =
            text.map_or_else(|| TextColumn::NoText(column.clone()), |text| TextColumn::new(Some(&text)));
        Self::Text(text, Some(unit))
    }

    /// The value in this row.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Time {
        match self {
            // What Parquet files have as a rule.
            Self::Micros(column) if column.is_valid(row) => Time::Micros(column.value(row)),
            _ => self.get_any(row),
        }
    }

    /// The whole number in this row, where it is one that is hardly meant to count the unit.
    #[cold]
    pub(crate) fn doubtful(&self, row: usize) -> Option<i64> {
        let (number, unit) = match self {
            Self::Numbers(column, unit) if column.is_valid(row) => (column.value(row), *unit),
            Self::Text(column, Some(unit)) => match column.get(row) {
                Text::Value(text) => (time::whole_number(text)?, *unit),
                Text::Missing | Text::Invalid => return None,
            },
            _ => return None,
        };
        unit.is_doubtful(number).then_some(number)
    }

    fn get_any(&self, row: usize) -> Time {
        fn value<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
            column.is_valid(row).then(|| column.value(row))
        }
        let scaled = |value: Option<i64>, micros: i64| match value.map(|value| value.checked_mul(micros)) {
            None => Time::Missing,
            Some(None) => Time::OutOfRange,
            Some(Some(micros)) => Time::Micros(micros),
        };
        match self {
            Self::Absent => Time::Missing,
            Self::Seconds(column) => scaled(value(column, row), 1_000_000),
            Self::Millis(column) => scaled(value(column, row), 1_000),
            Self::Micros(column) => value(column, row).map_or(Time::Missing, Time::Micros),
            // Towards the past, also before 1970.
            Self::Nanos(column) => {
                value(column, row).map_or(Time::Missing, |nanos| Time::Micros(nanos.div_euclid(1_000)))
            }
            Self::Numbers(column, unit) => {
                let micros = |number| unit.micros(number).map_or(Time::OutOfRange, Time::Micros);
                value(column, row).map_or(Time::Missing, micros)
            }
            Self::Text(column, unit) => match column.get(row) {
                Text::Missing => Time::Missing,
                Text::Invalid => Time::Unparsable,
                Text::Value(text) => written(text, *unit),
            },
        }
    }
}

/// The time that a text is, or that its whole number counts in `unit`.
#[inline]
fn written(text: &str, unit: Option<Unit>) -> Time {
    if let Some(micros) = time::parse(text) {
        return Time::Micros(micros);
    }
    match unit.and_then(|unit| Some((unit, time::whole_number(text)?))) {
        None => Time::Unparsable,
        Some((unit, number)) => unit.micros(number).map_or(Time::OutOfRange, Time::Micros),
    }
}
