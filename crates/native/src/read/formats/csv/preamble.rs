//! What programs write around the rows of a table: lines before its header, and lines between rows that are none.

use super::dialect::{Dialect, names, records};
use crate::read::Source;
use crate::read::columns::{Column, place};
use ::csv::ByteRecord;
use tracklet_kernel::time::{self, whole_number};

/// The lines before the first record of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Preamble {
    /// How many bytes they have; 0 where there are none.
    pub(super) bytes: usize,
    /// The number of the line behind them, from 1.
    pub(super) next_line: u64,
}

impl Preamble {
    /// The preamble of a file that begins with `start`, and how the fields behind it are separated: Excel's `sep=;`, lines that
    /// begin with `#`, and titles above the header.
    pub(super) fn of(start: &[u8], source: &Source) -> (Self, Dialect) {
        let declared = Declared::of(start);
        let (from, line, delimiter) = match &declared {
            Some(declared) => (declared.bytes, 2, Some(declared.delimiter)),
            None => (0, 1, None),
        };
        let rest = &start[from..];
        let dialect = Dialect::of(rest, source, delimiter);
        // Positions count from behind a byte order mark, and where no byte is left out.
        let mark = if rest.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        let records = records(rest, Dialect { is_spaced: false, ..dialect });
        let mut preamble = Self { bytes: from, next_line: line };
        let header = header_at(&records, source);
        if header > 0
            && let Some(position) = records[header].position()
        {
            preamble.bytes += mark + position.byte() as usize;
            preamble.next_line += position.line() - 1;
        }
        (preamble, dialect)
    }
}

/// A first line that names the delimiter to Excel.
struct Declared {
    bytes: usize,
    delimiter: u8,
}

impl Declared {
    fn of(start: &[u8]) -> Option<Self> {
        let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
        let end = text.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
        let (line, ends) = text.split_at(end);
        let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
        let (key, value) = line.split_at_checked(4)?;
        let delimiter = match value {
            _ if !key.eq_ignore_ascii_case(b"sep=") => return None,
            [delimiter] if !delimiter.is_ascii_alphanumeric() && delimiter.is_ascii() => *delimiter,
            b"\\t" => b'\t',
            _ => return None,
        };
        let line_end = if ends.starts_with(b"\r\n") { 2 } else { 1 };
        Some(Self { bytes: start.len() - text.len() + end + line_end, delimiter })
    }
}

/// Which of the first records is the header, or the first row of a table without one: the first, unless those before it can be no rows of
/// the table.
pub(super) fn header_at(records: &[ByteRecord], source: &Source) -> usize {
    let is_comment = |record: &ByteRecord| record.get(0).is_some_and(|field| field.starts_with(b"#"));
    if let Some(columns) = &source.csv.columns {
        let first = records.iter().position(|record| !is_comment(record)).unwrap_or_default();
        let fits = |record: Option<&ByteRecord>| record.is_some_and(|record| record.len() == columns.len());
        return if fits(records.first()) || !fits(records.get(first)) { 0 } else { first };
    }
    let places = |record: &ByteRecord| {
        let names = names(record);
        Some((place(Column::EventId, &names, source)?, place(Column::Timestamp, &names, source)?))
    };
    let found = records.iter().enumerate().find_map(|(at, record)| Some((at, places(record)?)));
    let Some((header, (id, time))) = found else { return 0 };
    let columns = records[header].len();
    // Rows of the table before its header are an error, and not lost.
    let is_no_row = |record: &ByteRecord| {
        let is_blank = |field: usize| record.get(field).is_some_and(|field| field.trim_ascii().is_empty());
        let is_time = |field: &[u8]| std::str::from_utf8(field).is_ok_and(|text| time::parse(text).is_some());
        is_comment(record)
            || record.len() == columns && (is_blank(id) || is_blank(time)) && !record.iter().any(is_time)
            || record.len() < columns && (record.len() <= 2 || !record.iter().any(is_time))
    };
    if records[..header].iter().all(is_no_row) { header } else { 0 }
}

/// The names of the columns of a table, where the rows have a field more or less than its header: R writes no name for the
/// numbers of rows, and some programs a delimiter behind the last field. `first` is the first row.
pub(super) fn fitted(mut names: Vec<String>, first: Option<&ByteRecord>, source: &Source) -> Vec<String> {
    let (Some(first), Some(time)) = (first, place(Column::Timestamp, &names, source)) else { return names };
    let field =
        |place: usize| first.get(place).and_then(|field| std::str::from_utf8(field).ok()).unwrap_or_default();
    let is_time = |text: &str| time::parse(text).is_some() || whole_number(text).is_some();
    if first.len() == names.len() + 1 {
        if field(names.len()).is_empty() && is_time(field(time)) {
            names.push(String::new());
        } else if is_time(field(time + 1))
            && time::parse(field(time)).is_none()
            && whole_number(field(0)).is_some()
        {
            names.insert(0, String::new());
        }
    } else if first.len() + 1 == names.len()
        && names.last().is_some_and(String::is_empty)
        && is_time(field(time))
    {
        names.pop();
    }
    names
}

/// What a record is that is no row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoRow {
    /// The header again, a line under it, or a client's word on how many rows there were.
    Mark,
    /// The header of another table.
    Header,
}

/// What a record of a table with these columns is, unless it may be a row.
pub(super) fn no_row(record: &[String], columns: &[String], source: &Source) -> Option<NoRow> {
    let mut record = record.to_vec();
    if let Some(first) = record.first_mut()
        && let Some(rest) = first.strip_prefix('\u{feff}')
    {
        *first = rest.trim_matches('"').to_owned();
    }
    let is_again = record.len() == columns.len()
        && record.iter().zip(columns).all(|(field, column)| field.trim() == column.trim());
    let is_line = record.len() > 1 && record.iter().all(|field| is_line(field));
    let is_count = matches!(record.as_slice(), [field] if columns.len() > 1 && is_count(field.trim()));
    if is_again || is_line || is_count {
        return Some(NoRow::Mark);
    }
    let has = |column| place(column, &record, source).is_some();
    let is_header = source.csv.columns.is_none()
        && has(Column::EventId)
        && has(Column::Timestamp)
        && (has(Column::AnonymousId) || has(Column::UserId));
    is_header.then_some(NoRow::Header)
}

fn is_line(field: &str) -> bool {
    let field = field.trim();
    !field.is_empty() && field.bytes().all(|byte| byte == b'-')
}

/// What psql and sqlcmd write behind the rows, and PostgreSQL's COPY.
fn is_count(line: &str) -> bool {
    let inside = line.strip_prefix('(').and_then(|line| line.strip_suffix(')'));
    let (number, rest) = inside.and_then(|inside| inside.split_once(' ')).unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    line == "\\." || is_number && ["row", "rows", "row affected", "rows affected"].contains(&rest)
}

/// Whether a file that begins with `start` is a table as a client prints it for people: with lines around columns that are padded.
pub(super) fn is_printed(start: &[u8], dialect: Dialect, source: &Source) -> bool {
    const LINES: usize = 4;
    let text = String::from_utf8_lossy(&start[..start.len().min(16 << 10)]);
    let lines: Vec<&str> =
        text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).take(LINES).collect();
    let is_box = |c: char| ('\u{2500}'..='\u{257f}').contains(&c);
    let is_ruled = |(at, line): (usize, &&str)| {
        let is_rule = ["---", "───", "═══", "━━━"].iter().any(|run| line.contains(run))
            && line.chars().all(|c| "-+=|: ".contains(c) || is_box(c));
        let is_padded = || at > 0 && (lines[at - 1].contains(" |") || lines[at - 1].contains("| "));
        is_rule
            && (line.contains(['+', '='])
                || line.contains(is_box)
                || line.contains("- ")
                || line.starts_with('|')
                || is_padded())
    };
    let is_vertical = |line: &&str| {
        line.starts_with("-[ RECORD ")
            || line.starts_with("*****") && line.ends_with('*') && line.contains(". row ")
    };
    let is_padded_and_ruled = || {
        let records = records(start, dialect);
        let [header, second, ..] = records.as_slice() else { return false };
        second.len() > 1
            && names(second).iter().all(|field| is_line(field))
            && names(header).iter().any(|name| name.ends_with(' '))
    };
    // Behind such a header lines may be those of a text in quotes.
    let has_plain_header = records(start, dialect).first().is_some_and(|header| {
        let names = names(header);
        let is_plain = |place: usize| names[place].trim() == names[place];
        [Column::EventId, Column::Timestamp]
            .into_iter()
            .all(|column| place(column, &names, source).is_some_and(is_plain))
    });
    let is_drawn = || lines.iter().enumerate().any(is_ruled) || lines.iter().any(is_vertical);
    !has_plain_header && is_drawn() || is_padded_and_ruled()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracklet_config::CsvOptions;

    const HEADER: &str = "id,user_id,timestamp";

    fn looked_at(text: &str, source: &Source) -> (usize, u64, char) {
        let (preamble, dialect) = Preamble::of(text.as_bytes(), source);
        (preamble.bytes, preamble.next_line, char::from(dialect.delimiter))
    }

    #[test]
    fn lines_before_the_header_are_found() {
        let usual = Source::default();
        for (before, lines) in [
            ("", 0),
            ("sep=,\n", 1),
            ("\"sep=,\"\r\n", 1),
            ("\u{feff}SEP=,\n", 1),
            ("# made by\n# a tool, on a day\n", 2),
            ("sep=,\n# both\n", 2),
            ("\u{feff}# marked\n", 1),
            ("# spaces, behind, commas\n", 1),
            ("Events of January,,\nmade 2026-01-31,,\n,,\n", 3),
            ("Report\n\nfrom,2026-01-01T00:00:00Z\n", 3),
        ] {
            let text = format!("{before}{HEADER}\n1,u,2026-01-04T10:00:00Z\n");
            let (bytes, next_line, delimiter) = looked_at(&text, &usual);
            assert!(
                text[bytes..].trim_start().starts_with(HEADER) || bytes == 0 && before.is_empty(),
                "{before:?}: {bytes}"
            );
            assert!(next_line <= lines + 1 && next_line >= lines.min(1), "{before:?}: {next_line}");
            assert_eq!(delimiter, ',', "{before:?}");
        }
        assert_eq!(looked_at("sep=;\nid;user_id;timestamp\n", &usual), (6, 2, ';'));
        assert_eq!(looked_at("sep=\\t\nid\tuser_id\ttimestamp\n", &usual).2, '\t');
        // A row is never passed over, and neither is a header that begins with the sign.
        for text in [
            format!("1,u,2026-01-04T10:00:00Z\n{HEADER}\n"),
            format!("1,u,yesterday\n{HEADER}\n"),
            "#id,user_id,timestamp\n1,u,2026-01-04T10:00:00Z\n".to_owned(),
            "# nothing, but\n# comments\n".to_owned(),
            "separator,id\n".to_owned(),
        ] {
            assert_eq!(looked_at(&text, &usual).0, 0, "{text}");
        }
    }

    #[test]
    fn comments_go_before_rows_whose_columns_are_configured() {
        let columns = HEADER.split(',').map(str::to_owned).collect();
        let csv = CsvOptions { header: false, columns: Some(columns), ..CsvOptions::default() };
        let source = Source { csv, ..Source::default() };
        assert_eq!(looked_at("# a comment\n1,u,2026\n", &source).0, 12);
        assert_eq!(looked_at("#1,u,2026\n2,u,2026\n", &source).0, 0);
    }

    #[test]
    fn what_is_no_row_is_known() {
        let source = Source::default();
        let columns: Vec<String> = HEADER.split(',').map(str::to_owned).collect();
        let of = |text: &str| {
            let record: Vec<String> = text.split(',').map(str::to_owned).collect();
            no_row(&record, &columns, &source)
        };
        for mark in
            [HEADER, "\u{feff}id,user_id,timestamp", "--,-------,---", "(5 rows)", "(1 row affected)", "\\."]
        {
            assert_eq!(of(mark), Some(NoRow::Mark), "{mark}");
        }
        for header in ["id,timestamp,user_id", "timestamp,event,anonymous_id,ID"] {
            assert_eq!(of(header), Some(NoRow::Header), "{header}");
        }
        for row in ["1,u,yesterday", "(five rows)", "(5 rows),u,t", "-,u,-", "", "id,u,timestamp", "total"] {
            assert_eq!(of(row), None, "{row}");
        }
    }

    #[test]
    fn tables_for_people_are_known() {
        let is = |text: &str| {
            let (_, dialect) = Preamble::of(text.as_bytes(), &Source::default());
            is_printed(text.as_bytes(), dialect, &Source::default())
        };
        for printed in [
            " id | user_id \n----+---------\n 1  | u\n(1 row)\n",
            "+----+---------+\n| id | user_id |\n+----+---------+\n",
            "| id | user_id |\n|----|---------|\n| 1  | u |\n",
            "┌────┬─────────┐\n│ id │ user_id │\n",
            "id    user_id\n----  -------\n1     u\n",
            "-[ RECORD 1 ]----\nid | 1\n",
            "*************************** 1. row ***************************\nid: 1\n",
            "id   ,user_id \n-----,--------\n1    ,u       \n",
        ] {
            assert!(is(printed), "{printed}");
        }
        for table in [
            "id|user_id|timestamp\n1|u|2026-01-04\n(1 row)\n",
            "id,user_id\n--,-------\n1,u\n",
            "id|user_id\n--|-------\n1|u\n",
            "id,note\n1,---\n2,+++---+++\n",
            "id,note,timestamp\n1,\"a\n+---+---+\nb\",2026-01-04\n",
            "",
        ] {
            assert!(!is(table), "{table}");
        }
    }

    #[test]
    fn names_fit_the_rows() {
        let source = Source::default();
        let of = |row: &str| {
            let names = HEADER.split(',').map(str::to_owned).collect();
            fitted(names, Some(&ByteRecord::from(row.split(',').collect::<Vec<_>>())), &source).join(",")
        };
        assert_eq!(of("1,u,2026-01-04T10:00:00Z,"), format!("{HEADER},"));
        assert_eq!(of("1,m1,u,2026-01-04T10:00:00Z"), format!(",{HEADER}"));
        assert_eq!(of("m1,u,2026-01-04T10:00:00Z"), HEADER);
        assert_eq!(of("m1,u,2026-01-04T10:00:00Z,x"), HEADER);
        assert_eq!(of("m1,u"), HEADER);
        let with_end = format!("{HEADER},").split(',').map(str::to_owned).collect();
        let row = ByteRecord::from(vec!["1", "u", "2026-01-04T10:00:00Z"]);
        assert_eq!(fitted(with_end, Some(&row), &source).join(","), HEADER);
    }
}
