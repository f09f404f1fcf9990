//! The types of an Avro file's rows, followed through the bytes of a block.
//!
//! A damaged block can make the decoder run for ever, so a block is passed over once before any of it is decoded: every length,
//! choice and text in it must be possible, and its rows must end where it ends.

use super::container::unzigzag;
use serde_json::{Value, json};

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    Null,
    Boolean,
    Int(Option<String>),
    Long(Option<String>),
    Float,
    Double,
    /// Bytes, or as many that are a decimal.
    Bytes(Option<Decimal>),
    String,
    Fixed(usize, Fixed),
    Enum(Vec<String>),
    Array(Box<Type>),
    Map(Box<Type>),
    Union(Vec<Type>),
    Record(Vec<(String, Type)>),
}

/// How many digits a decimal has, and how many of them behind the point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Decimal {
    pub(super) precision: u64,
    pub(super) scale: u64,
}

/// What bytes of a fixed number are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fixed {
    Bytes,
    Uuid,
    Decimal(Decimal),
    Duration,
}

impl Type {
    /// Passes over a value at the start of `bytes`; `None` where there is none.
    pub(super) fn pass(&self, bytes: &mut &[u8]) -> Option<()> {
        match self {
            Self::Null => Some(()),
            Self::Boolean => skip(bytes, 1),
            Self::Int(_) => u32::try_from(varint(bytes)?).ok().map(drop),
            Self::Long(_) => varint(bytes).map(drop),
            Self::Float => skip(bytes, 4),
            Self::Double => skip(bytes, 8),
            Self::Bytes(_) => text(bytes).map(drop),
            Self::String => simdutf8::basic::from_utf8(text(bytes)?).ok().map(drop),
            Self::Fixed(size, _) => skip(bytes, *size),
            Self::Enum(symbols) => {
                let symbol = u32::try_from(varint(bytes)?).ok()?;
                usize::try_from(unzigzag(u64::from(symbol)))
                    .ok()
                    .filter(|place| *place < symbols.len())
                    .map(drop)
            }
            Self::Union(types) => types.get(usize::try_from(long(bytes)?).ok()?)?.pass(bytes),
            Self::Record(fields) => fields.iter().try_for_each(|(_, field)| field.pass(bytes)),
            Self::Array(items) => items_of(bytes, |bytes| items.pass(bytes)),
            Self::Map(values) => items_of(bytes, |bytes| {
                Self::String.pass(bytes)?;
                values.pass(bytes)
            }),
        }
    }

    /// Whether a value may take no byte at all: any number of them would fit into any block.
    pub(super) fn may_be_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Record(fields) => fields.iter().all(|(_, field)| field.may_be_empty()),
            _ => false,
        }
    }

    /// Whether the value is a UUID of 16 bytes, or null.
    pub(super) fn is_uuid(&self) -> bool {
        match self {
            Self::Fixed(16, Fixed::Uuid) => true,
            Self::Union(types) => match types.as_slice() {
                [Self::Null, other] | [other, Self::Null] => other.is_uuid(),
                _ => false,
            },
            _ => false,
        }
    }

    /// The schema for the decoder, without what only this reader looks at: names of types, which are written out wherever they
    /// stand, and UUIDs, which the decoder would not take in other spellings. Decimals become bytes without `decimals`.
    pub(super) fn for_decoder(&self, decimals: bool) -> String {
        self.written(decimals, &mut 0).to_string()
    }

    fn written(&self, decimals: bool, names: &mut usize) -> Value {
        let mut name = || {
            *names += 1;
            format!("t{names}")
        };
        let logical = |kind: &str, logical: Option<&str>| match logical {
            Some(logical) => json!({ "type": kind, "logicalType": logical }),
            None => json!(kind),
        };
        match self {
            Self::Null => json!("null"),
            Self::Boolean => json!("boolean"),
            Self::Int(as_what) => logical("int", as_what.as_deref()),
            Self::Long(as_what) => logical("long", as_what.as_deref()),
            Self::Float => json!("float"),
            Self::Double => json!("double"),
            Self::Bytes(Some(decimal)) if decimals => decimal.written(json!({ "type": "bytes" })),
            Self::Bytes(_) => json!("bytes"),
            Self::String => json!("string"),
            Self::Fixed(size, as_what) => {
                let fixed = json!({ "type": "fixed", "name": name(), "size": size });
                match as_what {
                    Fixed::Decimal(decimal) if decimals => decimal.written(fixed),
                    Fixed::Duration => with(fixed, "logicalType", json!("duration")),
                    Fixed::Bytes | Fixed::Uuid | Fixed::Decimal(_) => fixed,
                }
            }
            Self::Enum(symbols) => json!({ "type": "enum", "name": name(), "symbols": symbols }),
            Self::Array(items) => json!({ "type": "array", "items": items.written(decimals, names) }),
            Self::Map(values) => json!({ "type": "map", "values": values.written(decimals, names) }),
            Self::Union(types) => types.iter().map(|branch| branch.written(decimals, names)).collect(),
            Self::Record(fields) => {
                let name = name();
                let fields: Vec<Value> = fields
                    .iter()
                    .map(|(name, field)| json!({ "name": name, "type": field.written(decimals, names) }))
                    .collect();
                json!({ "type": "record", "name": name, "fields": fields })
            }
        }
    }
}

impl Decimal {
    fn written(self, of: Value) -> Value {
        let of = with(of, "logicalType", json!("decimal"));
        with(with(of, "precision", json!(self.precision)), "scale", json!(self.scale))
    }
}

fn with(mut of: Value, key: &str, value: Value) -> Value {
    of[key] = value;
    of
}

fn skip(bytes: &mut &[u8], length: usize) -> Option<()> {
    *bytes = bytes.get(length..)?;
    Some(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        if place == 9 && *byte > 1 {
            return None;
        }
        number |= u64::from(byte & 0x7F) << (7 * place);
        if *byte < 0x80 {
            *bytes = &bytes[place + 1..];
            return Some(number);
        }
    }
    None
}

fn long(bytes: &mut &[u8]) -> Option<i64> {
    varint(bytes).map(unzigzag)
}

fn text<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(long(bytes)?).ok()?;
    let text = bytes.get(..length)?;
    *bytes = &bytes[length..];
    Some(text)
}

/// Passes over the parts of an array or a map, each with the number of its items.
fn items_of(bytes: &mut &[u8], mut item: impl FnMut(&mut &[u8]) -> Option<()>) -> Option<()> {
    loop {
        let items = long(bytes)?;
        if items == 0 {
            return Some(());
        }
        // Behind a negative number stands the length of the part, which a decoder may skip.
        let length = if items < 0 { Some(usize::try_from(long(bytes)?).ok()?) } else { None };
        let before = bytes.len();
        for _ in 0..items.unsigned_abs() {
            item(bytes)?;
        }
        if length.is_some_and(|length| before - bytes.len() != length) {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::parse;

    #[test]
    fn values_are_passed_over_and_damage_is_found() {
        let row = parse(
            br#"{"type": "record", "name": "r", "fields": [
            {"name": "e", "type": {"type": "enum", "name": "e", "symbols": ["A", "B"]}},
            {"name": "u", "type": ["null", "string"]},
            {"name": "l", "type": {"type": "array", "items": "int"}}]}"#,
        )
        .expect("a record");
        let passed = |bytes: &[u8]| {
            let mut rest = bytes;
            row.pass(&mut rest).map(|()| rest.len())
        };
        assert_eq!(passed(&[2, 2, 2, b'x', 4, 2, 4, 0]), Some(0));
        assert_eq!(passed(&[2, 0, 3, 4, 2, 4, 0, 9]), Some(1));
        for damaged in [
            // A third symbol, a third branch, text that is longer than the rest or not UTF-8, more items than there are bytes.
            &[4, 0, 0][..],
            &[0, 4, 0],
            &[0, 2, 9, b'x', 0],
            &[0, 2, 2, 0xFF, 0],
            &[0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
            // A part of an array that is shorter than it says, and a number of more than 32 bits.
            &[0, 0, 3, 8, 2, 4, 0],
            &[0, 0, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0],
        ] {
            assert_eq!(passed(damaged), None, "{damaged:?}");
        }
    }
}
