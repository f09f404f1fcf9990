//! How the fields of a CSV file are separated: as the configuration says, or else as its first records show.

use super::preamble::{Preamble, header_at};
use super::single_quotes;
use super::spaces::Unspaced;
use crate::read::Source;
use crate::read::columns::{Column, place};
use crate::read::first_bytes::packed;
use ::csv::{ByteRecord, ReaderBuilder};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use tracklet_config::Quote;

/// What tells the fields of one file apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: Option<u8>,
    /// What stands before a quote that is a field's own, where that is no second quote: `MySQL`, Redshift and Spark write a backslash.
    pub(super) escape: Option<u8>,
    /// Whether a space stands behind each delimiter, which is none of the fields'.
    pub(super) is_spaced: bool,
}

/// The delimiters that are looked for; of equal ones the first. The last is Hive's.
pub(super) const DELIMITERS: [u8; 5] = [b',', b'\t', b';', b'|', 0x01];
/// Bytes of a file that show how its fields are separated.
pub(super) const LOOKED_AT: usize = 64 << 10;
/// Records that are looked at.
pub(super) const RECORDS: usize = 20;

impl Dialect {
    /// The dialect of a table that begins with `start`, whose delimiter the file may have declared.
    pub(super) fn of(start: &[u8], source: &Source, declared: Option<u8>) -> Self {
        let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
        let options = &source.csv;
        let quote = match options.quote {
            Quote::None => None,
            Quote::Byte(quote) => Some(quote),
            Quote::Found => Some(b'"'),
        };
        let of = |delimiter| Self { delimiter, quote, escape: None, is_spaced: false };
        let delimiter = options.delimiter.or(declared).unwrap_or_else(|| {
            let likely = |delimiter: &u8| likeness(&records(start, of(*delimiter)), source);
            // Of equal ones `max_by_key` takes the last.
            DELIMITERS.into_iter().rev().max_by_key(likely).unwrap_or(b',')
        });
        let mut found = of(delimiter);
        let is_single_quoted = || {
            is_single_quoted(&records(start, found)) || single_quotes::are_around_rows(start, found, source)
        };
        if options.quote == Quote::Found && is_single_quoted() {
            found.quote = Some(b'\'');
        }
        found.escape = is_escaped(start, found).then_some(b'\\');
        found.is_spaced = is_spaced(start, found, source);
        found
    }
}

/// The names in the header of a file that begins with `start`, by default options.
pub(super) fn header(start: &[u8]) -> Vec<String> {
    let (preamble, dialect) = Preamble::of(start, &Source::default());
    let first = records(&start[preamble.bytes..], dialect).into_iter().next();
    let is_text = |record: &ByteRecord| std::str::from_utf8(record.as_slice()).is_ok();
    first.filter(is_text).map(|record| names(&record)).unwrap_or_default()
}

/// The fields of a record as texts.
pub(super) fn names(record: &ByteRecord) -> Vec<String> {
    record.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// The first records; their positions count from `start`, unless spaces are left out.
pub(super) fn records(start: &[u8], dialect: Dialect) -> Vec<ByteRecord> {
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).delimiter(dialect.delimiter).quoting(dialect.quote.is_some());
    builder.quote(dialect.quote.unwrap_or(b'"')).escape(dialect.escape);
    let stream: Box<dyn Read> =
        if dialect.is_spaced { Box::new(Unspaced::new(start, dialect)) } else { Box::new(start) };
    builder.from_reader(stream).into_byte_records().take(RECORDS).map_while(Result::ok).collect()
}

/// Whether backslashes stand before quotes of fields: before some quote that could not close its field, and no quote closes a field that
/// goes on.
fn is_escaped(start: &[u8], dialect: Dialect) -> bool {
    let Some(quote) = dialect.quote else { return false };
    let is_end = |next: Option<&u8>| {
        next.is_none_or(|byte| *byte == dialect.delimiter || matches!(byte, b'\r' | b'\n'))
    };
    let (mut is_first, mut is_inside, mut is_proven, mut at) = (true, false, false, 0);
    while let Some(byte) = start.get(at) {
        let next = start.get(at + 1);
        if !is_inside {
            is_inside = is_first && *byte == quote;
            is_first = is_end(Some(byte)) || is_first && *byte == b' ';
        } else if *byte == b'\\' {
            let behind = start.get(at + 2);
            is_proven |= next == Some(&quote) && behind != Some(&quote) && !is_end(behind);
            at += 1;
        } else if *byte == quote && next == Some(&quote) {
            at += 1;
        } else if *byte == quote {
            if !is_end(next) {
                return false;
            }
            is_inside = false;
        }
        at += 1;
    }
    is_proven
}

/// Whether all names of a header but the first begin with a space, and so does the second field of the first row.
fn is_spaced(start: &[u8], dialect: Dialect, source: &Source) -> bool {
    let is_spaced_record = |record: &ByteRecord| {
        let is_spaced = |field: &[u8]| field.starts_with(b" ");
        record.len() > 1 && record.iter().skip(1).all(is_spaced)
    };
    let as_they_stand = records(start, dialect);
    let header = header_at(&as_they_stand, source);
    let Some(header) = as_they_stand.get(header) else { return false };
    if source.csv.columns.is_some() || !is_spaced_record(header) {
        return false;
    }
    let unspaced = records(start, Dialect { is_spaced: true, ..dialect });
    let row = |records: &[ByteRecord]| records.get(header_at(records, source) + 1).cloned();
    let (Some(row), Some(unspaced)) = (row(&as_they_stand), row(&unspaced)) else { return true };
    unspaced.len() == header.len() && row.get(1).is_some_and(|field| field.starts_with(b" "))
}

/// How well records fit: the columns that their first one names, then those whose number of fields is the first one's.
fn likeness(records: &[ByteRecord], source: &Source) -> (usize, usize, usize) {
    let records = &records[header_at(records, source)..];
    let Some(first) = records.first() else { return (0, 0, 0) };
    let fields = source.csv.columns.as_ref().map_or(first.len(), Vec::len);
    let named = if source.csv.columns.is_some() {
        0
    } else {
        let names = names(first);
        Column::ALL.into_iter().filter(|column| place(*column, &names, source).is_some()).count()
    };
    let alike = records.iter().filter(|record| record.len() == fields).count();
    (named, if fields > 1 { alike } else { 0 }, fields.min(first.len()))
}

fn is_single_quoted(records: &[ByteRecord]) -> bool {
    let quoted = |field: &[u8]| field.len() > 1 && field.starts_with(b"'") && field.ends_with(b"'");
    records.first().is_some_and(|first| !first.is_empty() && first.iter().all(quoted))
}

/// Whether a table is as it is stored: not compressed, not in another encoding, and not in single quotes, which are only found out.
pub(super) fn is_plain(file: &mut File, quote: Quote, end: u64) -> io::Result<bool> {
    let mut start = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(end.min(7)).read_to_end(&mut start)?;
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&start);
    let starts_quoted = text.starts_with(b"'");
    // Whether backslashes count is found out by all that the file begins with.
    let mut looked_at = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(end.min(LOOKED_AT as u64)).read_to_end(&mut looked_at)?;
    let is_single_quoted =
        quote == Quote::Found && (starts_quoted || single_quotes::may_be_around_rows(&looked_at));
    let may_be_escaped = match quote {
        Quote::None => false,
        Quote::Found => memchr::memmem::find(&looked_at, b"\\\"").is_some(),
        Quote::Byte(quote) => memchr::memmem::find(&looked_at, &[b'\\', quote]).is_some(),
    };
    let is_encoded = start.iter().take(2).any(|byte| matches!(byte, 0 | 0xFE | 0xFF));
    Ok(!is_single_quoted && !may_be_escaped && !is_encoded && packed(&start).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracklet_config::CsvOptions;

    fn found(start: &str) -> (char, Option<char>) {
        let Dialect { delimiter, quote, .. } = Dialect::of(start.as_bytes(), &Source::default(), None);
        (char::from(delimiter), quote.map(char::from))
    }

    #[test]
    fn delimiters_and_quotes_are_found() {
        let comma = (',', Some('"'));
        assert_eq!(found("id,user_id,timestamp\n1;2,u,2026-01-04"), comma);
        assert_eq!(found("id;user_id;timestamp\n1,5;u;2026-01-04"), (';', Some('"')));
        assert_eq!(found("\u{feff}id\tuser_id\ttimestamp\n"), ('\t', Some('"')));
        assert_eq!(found("id|user_id|timestamp\n1|u|2026-01-04"), ('|', Some('"')));
        assert_eq!(found("'id','user_id'\n'1','u'\n"), (',', Some('\'')));
        assert_eq!(found("\"id\";\"a,b\";\"timestamp\"\n"), (';', Some('"')));
        // No known name: the number of fields decides.
        assert_eq!(found("m1|d1||a,b\nm2|d1||c\n"), ('|', Some('"')));
        assert_eq!(found(""), comma);
        assert_eq!(found("id\n1\n2\n"), comma);
    }

    #[test]
    fn backslashes_before_quotes_are_found() {
        let escape = |start: &str| Dialect::of(start.as_bytes(), &Source::default(), None).escape.is_some();
        let header = "id,event,timestamp\n";
        for escaped in [r#"1,"{\"a\":1,\"b\":\"x\"}",2"#, r#"1,"say \"hi\"",2"#, r#"1, "a \" b",2"#] {
            assert!(escape(&format!("{header}{escaped}\n")), "{escaped}");
        }
        for other in [
            r#"1,"C:\","D:\x""#,
            r#"1,"{""a"":""x\""y""}",2"#,
            r#"1,"C:\",2"#,
            r#"1,a\"b,2"#,
            r#"1,"a ""b"" c",2"#,
            r#"1,"x\"y" z,2"#,
        ] {
            assert!(!escape(&format!("{header}{other}\n")), "{other}");
        }
    }

    #[test]
    fn a_space_behind_each_delimiter_is_found() {
        let is_spaced = |start: &str| Dialect::of(start.as_bytes(), &Source::default(), None).is_spaced;
        assert!(is_spaced("id, user_id, timestamp\n1, u, 2026-01-04\n"));
        assert!(is_spaced("id, user_id, timestamp\n1, \"u, v\", 2026-01-04\n"));
        assert!(is_spaced("# a, b\nid, user_id, timestamp\n"));
        assert!(!is_spaced("id, user_id, timestamp\n1,u,2026-01-04\n"));
        assert!(!is_spaced("id,user_id, timestamp\n1, u, 2026-01-04\n"));
        assert!(!is_spaced("id\n1\n") && !is_spaced(""));
    }

    #[test]
    fn configured_columns_are_counted() {
        let columns = ["id", "device", "at"].map(str::to_owned).to_vec();
        let csv = CsvOptions { header: false, columns: Some(columns), ..CsvOptions::default() };
        let source = Source { csv, ..Source::default() };
        assert_eq!(Dialect::of(b"m1,x,y,z|d1|2026\nm2|d2|2026\n", &source, None).delimiter, b'|');
    }
}
