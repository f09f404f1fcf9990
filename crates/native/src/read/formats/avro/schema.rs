//! The schema in the header of an Avro file, as types.

use super::types::{Decimal, Fixed, Type};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// Types within types that are followed.
const DEPTH: usize = 32;
/// The most types of a schema, with one that is named counted wherever its name stands.
const MOST_TYPES: usize = 1 << 13;

/// Reads the schema of a header; `None` where it is damaged, is that of no record, contains itself, or has more types than are
/// followed.
pub(super) fn parse(schema: &[u8]) -> Option<Type> {
    let schema: Value = serde_json::from_slice(schema).ok()?;
    let mut parser = Parser { named: HashMap::new(), types: 0 };
    parser.parse(&schema, "", DEPTH).filter(|parsed| matches!(parsed, Type::Record(_)))
}

/// A schema that is being read.
struct Parser {
    /// The types that have a name, by the whole of it.
    named: HashMap<String, Type>,
    /// How many types there are so far.
    types: usize,
}

impl Parser {
    /// Reads a type; names without a namespace are of `namespace`.
    fn parse(&mut self, schema: &Value, namespace: &str, depth: usize) -> Option<Type> {
        let depth = depth.checked_sub(1)?;
        self.count(1)?;
        match schema {
            Value::String(name) => self.called(name, &Map::new(), namespace),
            Value::Array(types) => {
                let types = types.iter().map(|branch| self.parse(branch, namespace, depth));
                Some(Type::Union(types.collect::<Option<_>>()?))
            }
            Value::Object(schema) => match schema.get("type")? {
                Value::String(kind) => self.complex(kind, schema, namespace, depth),
                // What stands around a type without saying more of it.
                inner => self.parse(inner, namespace, depth),
            },
            _ => None,
        }
    }

    fn count(&mut self, types: usize) -> Option<()> {
        self.types += types;
        (self.types <= MOST_TYPES).then_some(())
    }

    /// A type without types in it, or one that was named before.
    fn called(&mut self, name: &str, attributes: &Map<String, Value>, namespace: &str) -> Option<Type> {
        const OF_INTS: [&str; 2] = ["date", "time-millis"];
        const OF_LONGS: [&str; 7] = [
            "time-micros",
            "timestamp-millis",
            "timestamp-micros",
            "timestamp-nanos",
            "local-timestamp-millis",
            "local-timestamp-micros",
            "local-timestamp-nanos",
        ];
        let logical = attributes.get("logicalType").and_then(Value::as_str);
        let known = |names: &[&str]| logical.filter(|logical| names.contains(logical)).map(str::to_owned);
        Some(match name {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "int" => Type::Int(known(&OF_INTS)),
            "long" => Type::Long(known(&OF_LONGS)),
            "float" => Type::Float,
            "double" => Type::Double,
            "bytes" => Type::Bytes(decimal(attributes).filter(|_| logical == Some("decimal"))),
            "string" => Type::String,
            _ => {
                let named = self.named.get(&whole(name, namespace)).or_else(|| self.named.get(name))?.clone();
                self.count(named.types())?;
                named
            }
        })
    }

    fn complex(
        &mut self,
        kind: &str,
        schema: &Map<String, Value>,
        namespace: &str,
        depth: usize,
    ) -> Option<Type> {
        if !matches!(kind, "record" | "error" | "enum" | "fixed" | "array" | "map") {
            return self.called(kind, schema, namespace);
        }
        if kind == "array" || kind == "map" {
            let inner =
                self.parse(schema.get(if kind == "array" { "items" } else { "values" })?, namespace, depth)?;
            if kind == "map" {
                return Some(Type::Map(Box::new(inner)));
            }
            return (!inner.may_be_empty()).then(|| Type::Array(Box::new(inner)));
        }
        let name = schema.get("name")?.as_str()?;
        let namespace = schema.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
        let name = whole(name, namespace);
        let parsed = match kind {
            "fixed" => {
                let size = usize::try_from(schema.get("size")?.as_u64()?).ok().filter(|size| *size > 0)?;
                let as_what = match schema.get("logicalType").and_then(Value::as_str) {
                    Some("uuid") if size == 16 => Fixed::Uuid,
                    Some("duration") if size == 12 => Fixed::Duration,
                    Some("decimal") => decimal(schema).map_or(Fixed::Bytes, Fixed::Decimal),
                    _ => Fixed::Bytes,
                };
                Type::Fixed(size, as_what)
            }
            "enum" => {
                let symbols = schema.get("symbols")?.as_array()?.iter();
                Type::Enum(symbols.map(|symbol| symbol.as_str().map(str::to_owned)).collect::<Option<_>>()?)
            }
            _ => {
                let namespace = name.rsplit_once('.').map_or("", |(namespace, _)| namespace);
                let mut known = HashSet::new();
                let fields = schema.get("fields")?.as_array()?.iter().map(|field| {
                    let name = field.get("name")?.as_str()?.to_owned();
                    // The decoder looks fields up by name.
                    if !known.insert(name.clone()) {
                        return None;
                    }
                    Some((name, self.parse(field.get("type")?, namespace, depth)?))
                });
                Type::Record(fields.collect::<Option<_>>()?)
            }
        };
        self.named.insert(name, parsed.clone());
        Some(parsed)
    }
}

impl Type {
    /// How many types there are in it, itself among them.
    fn types(&self) -> usize {
        1 + match self {
            Self::Array(inner) | Self::Map(inner) => inner.types(),
            Self::Union(types) => types.iter().map(Self::types).sum(),
            Self::Record(fields) => fields.iter().map(|(_, field)| field.types()).sum(),
            _ => 0,
        }
    }
}

/// A name with its namespace.
fn whole(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

fn decimal(attributes: &Map<String, Value>) -> Option<Decimal> {
    let precision = attributes.get("precision")?.as_u64()?;
    let scale = attributes.get("scale").map_or(Some(0), Value::as_u64)?;
    // The decoder has no more digits; a decimal that is none is bytes, by the specification.
    ((1..=76).contains(&precision) && scale <= precision).then_some(Decimal { precision, scale })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(schema: &str) -> Option<Type> {
        super::parse(schema.as_bytes())
    }

    #[test]
    fn names_are_found_in_their_namespaces() {
        let schema = r#"{"type": "record", "name": "a.b.R", "doc": "x", "fields": [
            {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 16, "logicalType": "uuid"}, "default": "x"},
            {"name": "other", "type": ["null", "Id"], "default": null},
            {"name": "third", "type": {"type": "a.b.Id"}},
            {"name": "n", "type": {"type": "bytes", "logicalType": "decimal", "precision": 77, "scale": 38}},
            {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "s", "type": {"type": "string", "sqlType": "JSON"}}]}"#;
        let parsed = parse(schema).expect("a record");
        let Type::Record(fields) = &parsed else { panic!("{parsed:?}") };
        assert!(fields[..3].iter().all(|(_, field)| field.is_uuid()), "{fields:?}");
        assert_eq!(fields[3].1, Type::Bytes(None));
        assert_eq!(parse(&parsed.for_decoder(true)).map(|again| again.types()), Some(parsed.types()));
        for wrong in [
            "",
            "\"string\"",
            r#"{"type": "record", "name": "r", "fields": [{"name": "a", "type": "b"}]}"#,
            r#"{"type": "record", "name": "r", "fields": [{"name": "a", "type": ["null", "r"]}]}"#,
            r#"{"type": "record", "name": "r", "fields": [{"name": "a", "type": {"type": "array", "items": "null"}}]}"#,
            &format!("{}\"int\"{}", "[".repeat(100), "]".repeat(100)),
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn types_that_multiply_are_refused() {
        let first = r#"{"name": "f0", "type": {"type": "record", "name": "r0", "fields": [{"name": "x", "type": "int"}]}}"#;
        let mut fields = vec![first.to_owned()];
        fields.extend((1..30).map(|number| {
            let before = number - 1;
            format!(
                r#"{{"name": "f{number}", "type": {{"type": "record", "name": "r{number}", "fields": [
                {{"name": "a", "type": "r{before}"}}, {{"name": "b", "type": "r{before}"}}]}}}}"#
            )
        }));
        let fields = fields.join(", ");
        assert_eq!(parse(&format!(r#"{{"type": "record", "name": "r", "fields": [{fields}]}}"#)), None);
    }
}
