//! Whether the texts of a table's rows stand in single quotes, under a header that may stand in none.

use super::dialect::{DELIMITERS, Dialect, RECORDS, names, records};
use super::preamble::header_at;
use crate::read::Source;
use crate::read::columns::{Column, place};
use tracklet_kernel::ignored_ids::IgnoredIds;
use tracklet_kernel::time;

/// How a field stands in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field<'a> {
    Quoted,
    Bare(&'a [u8]),
}

/// Whether every row of a table that begins with `start` has an id in single quotes, or nothing else but numbers, times and no values.
/// A column of which one row has a text without quotes has none: then the quotes belong to the texts.
pub(super) fn are_around_rows(start: &[u8], dialect: Dialect, source: &Source) -> bool {
    let Some(fields) = fields(start, dialect.delimiter) else { return false };
    let as_quoted = records(start, Dialect { quote: Some(b'\''), ..dialect });
    let is_alike = as_quoted.iter().zip(&fields).all(|(record, fields)| record.len() == fields.len());
    if !is_alike || as_quoted.len() != fields.len() {
        return false;
    }
    let header = header_at(&as_quoted, source);
    let is_row = |fields: &[Field<'_>]| fields.contains(&Field::Quoted);
    // A part of a table begins with a row.
    let first_row = header + usize::from(!fields.get(header).is_some_and(|fields| is_row(fields)));
    let rows = &fields[first_row.min(fields.len())..];
    if rows.is_empty() || !rows.iter().all(|row| is_row(row)) {
        return false;
    }
    let columns = match &source.csv.columns {
        Some(columns) => columns.clone(),
        None => as_quoted.get(header).map(names).unwrap_or_default(),
    };
    let no_values = IgnoredIds::default();
    let is_null = |text: &str| no_values.has(text) || source.csv.null.iter().any(|null| null == text);
    let is_bare_text = |field: Option<&Field<'_>>| match field {
        Some(Field::Bare(field)) => {
            std::str::from_utf8(field).map_or(true, |text| is_text(text) && !is_null(text))
        }
        Some(Field::Quoted) | None => false,
    };
    let has_bare_text = |column: usize| rows.iter().any(|row| is_bare_text(row.get(column)));
    let is_quoted = |column: usize| rows.iter().any(|row| row.get(column) == Some(&Field::Quoted));
    let widest = rows.iter().map(Vec::len).max().unwrap_or_default();
    if (0..widest).any(|column| is_quoted(column) && has_bare_text(column)) {
        return false;
    }
    let ids: Vec<usize> = [Column::EventId, Column::AnonymousId, Column::UserId]
        .into_iter()
        .filter_map(|column| place(column, &columns, source))
        .collect();
    let has_quoted_id =
        |row: &Vec<Field<'_>>| ids.iter().any(|column| row.get(*column) == Some(&Field::Quoted));
    rows.iter().all(has_quoted_id) || !(0..widest).any(has_bare_text)
}

/// Whether some column of a table that begins with `start` has single quotes in all rows, by any delimiter that is looked for.
pub(super) fn may_be_around_rows(start: &[u8]) -> bool {
    DELIMITERS.into_iter().filter_map(|delimiter| fields(start, delimiter)).any(|fields| {
        let rows = fields.get(1..).unwrap_or_default();
        let is_quoted = |column: usize| rows.iter().all(|row| row.get(column) == Some(&Field::Quoted));
        rows.first().is_some_and(|row| (0..row.len()).any(is_quoted))
    })
}

/// How the fields of the first records stand there. `None` where no field begins with a single quote, or one that does goes on behind the
/// quote that closes it.
fn fields(start: &[u8], delimiter: u8) -> Option<Vec<Vec<Field<'_>>>> {
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    memchr::memchr(b'\'', start)?;
    let (mut records, mut record, mut at, mut is_any) = (Vec::new(), Vec::new(), 0, false);
    let is_end = |byte: u8| byte == delimiter || matches!(byte, b'\r' | b'\n');
    while at < start.len() && records.len() < RECORDS {
        let first = at;
        if start[at] == b'\'' {
            at = closing(start, at + 1)? + 1;
            if start.get(at).is_some_and(|byte| !is_end(*byte)) {
                return None;
            }
            is_any = true;
            record.push(Field::Quoted);
        } else {
            at += start[at..].iter().position(|byte| is_end(*byte)).unwrap_or(start.len() - at);
            record.push(Field::Bare(&start[first..at]));
        }
        if start.get(at) == Some(&delimiter) {
            at += 1;
            if start.get(at).is_none_or(|byte| matches!(byte, b'\r' | b'\n')) {
                record.push(Field::Bare(&[]));
            } else {
                continue;
            }
        }
        at += start[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let is_blank = record == [Field::Bare(&[])];
        let ended = std::mem::take(&mut record);
        if !is_blank {
            records.push(ended);
        }
    }
    is_any.then_some(records)
}

/// Where the quote stands that closes a field: no doubled one, and none behind a backslash.
fn closing(start: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'\'', b'\\', start.get(at..)?)?;
        if start[at] == b'\'' && start.get(at + 1) != Some(&b'\'') {
            return Some(at);
        }
        at += 2;
    }
}

/// Whether a field that is in no quotes is a text, which a program that quotes texts had quoted.
fn is_text(field: &str) -> bool {
    let is_word = |word: &str| field.eq_ignore_ascii_case(word);
    !(field.is_empty()
        || field.parse::<f64>().is_ok()
        || time::parse(field).is_some()
        || is_word("true")
        || is_word("false"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::formats::csv::dialect::LOOKED_AT;

    fn is_found(table: &str) -> bool {
        let found = Dialect::of(table.as_bytes(), &Source::default(), None);
        assert!(table.len() < LOOKED_AT);
        found.quote == Some(b'\'')
    }

    #[test]
    fn single_quotes_around_the_texts_of_rows_are_found() {
        let header = "id,anonymous_id,user_id,event,timestamp\n";
        for rows in [
            "'m1','d1','','a',2026-01-04 10:00:00\n'm2','d2','','b',2026-01-04 10:01:00\n",
            "'m1','d1',NULL,'a, b','2026-01-04 10:00:00'\r\n'm2',,'u','it''s',2026-01-04 10:01:00",
            "1,2,\\N,'a',2026-01-04 10:00:00\n",
            "'m1','d1','',viewed,2026-01-04 10:00:00\n",
            "'m1','d1','','say \\' so',2026-01-04 10:00:00\n",
        ] {
            assert!(is_found(&format!("{header}{rows}")), "{rows}");
        }
        for rows in [
            "",
            "m1,d1,,a,2026-01-04 10:00:00\n",
            "m1,d1,,'a',2026-01-04 10:00:00\n",
            "m1,d1,,'tis,2026-01-04 10:00:00\n",
            "'m1','d1','','a',2026-01-04 10:00:00\nm2,d2,u,b,2026-01-04 10:00:00\n",
            "'m1','d1'x,,a,2026-01-04 10:00:00\n",
            "\"m1\",\"d1\",\"\",\"'a'\",2026-01-04 10:00:00\n",
        ] {
            assert!(!is_found(&format!("{header}{rows}")), "{rows}");
        }
    }

    #[test]
    fn tables_that_may_be_quoted_so_are_not_divided() {
        assert!(may_be_around_rows(b"id;a\n'm1';b\n'm2';c\n"));
        assert!(!may_be_around_rows(b"id;a\nm1;'b'\nm2;c\n"));
        assert!(!may_be_around_rows(b"id;a\nm1;it's\n"));
    }
}
