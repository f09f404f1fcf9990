//! Comma-separated values.

use super::support::{Files, event_names, gzip, line, only, outcome, tracks, zstd};
use std::collections::{BTreeMap, BTreeSet};
use tracklet_display::error::Hint;
use tracklet_native::read::{Column, CsvOptions, Quote, ReadError, Source, Strictness};

const HEADER: &str = "id,anonymous_id,user_id,event,timestamp,received_at\n";
const TIME: &str = "2026-01-04T10:00:00Z";

fn row(id: &str) -> String {
    format!("{id},a,,Viewed,{TIME},\n")
}

fn error_of(files: &Files, source: &Source) -> ReadError {
    files.try_read(source, Strictness::Lenient).expect_err("it can't be read")
}

#[test]
fn rows_of_every_compression() {
    let files = Files::new();
    let text = format!("{HEADER}{}{}", row("1"), row("2"));
    files.write("a.csv", &text);
    files.write("b.csv.gz", gzip(text.as_bytes()));
    files.write("c.csv.zst", zstd(text.as_bytes()));
    files.write("d.csv", format!("\u{feff}{}", text.replace('\n', "\r\n")));
    files.write("e.csv", "");
    files.write("f.csv", HEADER);
    let read = files.read();
    assert_eq!(outcome(&read), (8, 0, vec![]));
    // A warehouse's name is kept as it is.
    assert_eq!(event_names(read), ["Viewed"]);
}

#[test]
fn quotes_hold_commas_quotes_and_lines() {
    let files = Files::new();
    let text = format!(
        "\"id\",\"anonymous_id\",\"event_text\",\"timestamp\"\r\n\r\n\"1\",\"a,\"\"b\"\"\r\nc\",\"Product\nViewed\",{TIME}\r\n\
         ,x,\"\",{TIME}\r\n\r\n\"\",y,,{TIME}\n5,z,,\n6,,,{TIME}"
    );
    files.write("a.csv", text);
    let read = files.read();
    let expected = vec![
        (Some(6), "missing_event_id"),
        (Some(8), "missing_event_id"),
        (Some(9), "missing_timestamp"),
        (Some(10), "missing_ids"),
    ];
    assert_eq!(outcome(&read), (1, 0, expected));
    assert_eq!(read.rejects[0].anonymous_id.as_deref(), Some("x"));
    assert_eq!(read.rejects[1].event_id, None);
    assert_eq!(event_names(read), ["product_viewed"]);
}

#[test]
fn records_that_cannot_be_taken_apart() {
    let files = Files::new();
    let mut bytes = format!("{HEADER}{}2,a\n\n", row("1")).into_bytes();
    bytes.extend(b"3,\xff,,Viewed,2026-01-04T10:00:00Z,\n");
    bytes.extend(format!("\"4\n4\",a,,Viewed,{TIME},,extra\n").bytes());
    bytes.extend(row("5").bytes());
    // Two halves of a character that only look whole when the comma between them is gone.
    bytes.extend(b"6\xc3,\xa9,,Viewed,2026-01-04T10:00:00Z,\n");
    bytes.extend(row("7").bytes());
    files.write("a.csv", bytes);
    let read = files.read();
    let bad = |row| (Some(row), "unreadable");
    assert_eq!(outcome(&read), (3, 0, vec![bad(3), bad(5), bad(6), bad(9)]));
    assert_eq!(read.rejects[0].raw.as_deref(), Some("2,a"));
    assert_eq!(read.rejects[1].raw.as_deref(), Some(format!("3,\u{fffd},,Viewed,{TIME},").as_str()));
    assert!(read.rejects[2].raw.as_deref().is_some_and(|raw| raw.starts_with("\"4\n4\",")));
}

#[test]
fn a_quote_that_is_not_closed_takes_the_rest_of_the_file() {
    let files = Files::new();
    let text = format!("id,timestamp,user_id\n1,{TIME},u\n2,{TIME},\"u\n3,{TIME},u\n4,{TIME},u\n");
    files.write("a.csv", &text);
    let read = files.read();
    assert_eq!(outcome(&read), (1, 0, vec![(Some(3), "unreadable")]));
    assert!(only(&read).raw.as_deref().is_some_and(|raw| raw.ends_with(&format!("4,{TIME},u"))));
    // A closed one at the very end is good.
    files.write("a.csv", format!("id,timestamp,user_id\n1,{TIME},\"u\"\"\""));
    assert_eq!(outcome(&files.read()), (1, 0, vec![]));
    // Its length is bounded.
    let long = format!("id,timestamp,user_id\n1,{TIME},u\n2,{TIME},\"{}", "x\n".repeat(2 << 20));
    files.write("a.csv", long);
    let read = files.read_as(&Source { max_line: 1 << 20, ..Source::default() });
    assert_eq!(outcome(&read), (1, 0, vec![(Some(3), "unreadable")]));
}

#[test]
fn what_is_left_of_a_broken_file_is_one_row() {
    let rows: String = (0..3000).map(|id| row(&id.to_string())).collect();
    let whole = gzip(format!("{HEADER}{rows}").as_bytes());
    for cut in (1..whole.len()).step_by(whole.len() / 30) {
        let files = Files::new();
        files.write("a.csv.gz", &whole[..cut]);
        let read = files.read();
        let count = tracks(&read);
        let expected = if count == 0 { 1..=2 } else { count + 2..=count + 2 };
        assert!(expected.contains(&only(&read).row_number.expect("a line")), "{cut}: {:?}", read.rejects);
    }
}

#[test]
fn names_without_case_and_different_columns() {
    let files = Files::new();
    files.write("a.csv", format!("ID,USER_ID,TIMESTAMP\n1,u,{TIME}\n"));
    files.write("b.csv", format!("price,_timestamp,event_id,Anonymous_ID\n5,{TIME},2,a\n"));
    // Neither of the ids: not an error, since other files have them.
    files.write("c.csv", format!("id,timestamp\n3,{TIME}\n"));
    // The exact name comes before the others.
    files.write("d.csv", format!("Id,id,user_id,timestamp\n,4,u,{TIME}\n"));
    assert_eq!(outcome(&files.read()), (3, 0, vec![(Some(2), "missing_ids")]));
}

#[test]
fn missing_columns_are_errors_with_hints() {
    for (header, missing, hint) in [
        ("key,user_id,timestamp", Column::EventId, ""),
        ("messageId,user_id,timestamp", Column::EventId, "event_id = \"messageId\""),
        ("id,user_id,time_stamp", Column::Timestamp, "timestamp = \"time_stamp\""),
        ("id,user_id,when", Column::Timestamp, "timestamp = "),
        ("id,timestamp,name", Column::AnonymousId, "anonymous_id = "),
        ("id,timestamp,user_id,anonymousId", Column::AnonymousId, "anonymous_id = \"anonymousId\""),
        ("id,timestamp,anonymous_id,userId", Column::UserId, "user_id = \"userId\""),
    ] {
        let files = Files::new();
        files.write("a.csv", format!("{header}\n"));
        files.write("b.json", line("1"));
        let error = error_of(&files, &Source::default());
        let ReadError::MissingColumn { column, .. } = &error else { panic!("{header}: {error}") };
        assert_eq!(*column, missing, "{header}");
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{header}: {:?}", error.hint());
        let last = header.rsplit(',').next().expect("a name");
        assert!(error.to_string().contains(&format!("`{last}`")), "{error}");
    }
}

#[test]
fn mapped_columns() {
    let files = Files::new();
    files.write("a.csv", format!("key,anonymousId,Event_Text,ts\n1,a,Product Viewed,{TIME}\n"));
    files.write("b.csv", format!("KEY,ts\n2,{TIME}\n"));
    let names = [
        (Column::EventId, "key"),
        (Column::AnonymousId, "anonymousId"),
        (Column::Event, "event_text"),
        (Column::Timestamp, "TS"),
    ];
    let mut columns: BTreeMap<_, _> = names.map(|(column, name)| (column, name.to_owned())).into();
    let read = files.read_as(&Source { columns: columns.clone(), ..Source::default() });
    assert_eq!(outcome(&read), (1, 0, vec![(Some(2), "missing_ids")]));
    assert_eq!(event_names(read), ["product_viewed"]);

    columns.insert(Column::UserId, "usr".to_owned());
    let error = error_of(&files, &Source { columns, ..Source::default() });
    assert!(matches!(error, ReadError::MappedColumn { column: Column::UserId, .. }), "{error}");
}

#[test]
fn filters_on_text_and_on_columns_that_some_files_lack() {
    let files = Files::new();
    files.write("a.csv", format!("id,user_id,timestamp,Context_IP,price\n1,u,{TIME},10.0.0.1,10\n2,u,{TIME},10.0.0.2,9\n3,u,{TIME},,\n,u,{TIME},10.0.0.1,\nx\n"));
    files.write("b.csv", format!("id,user_id,timestamp\n4,u,{TIME}\n"));
    let filtered = |expression: &str| Source { where_: Some(expression.to_owned()), ..Source::default() };
    let bad = vec![(Some(6), "unreadable")];
    assert_eq!(outcome(&files.read_as(&filtered("context_ip <> '10.0.0.1'"))), (1, 4, bad.clone()));
    assert_eq!(outcome(&files.read_as(&filtered("context_ip is null"))), (2, 3, bad.clone()));
    assert_eq!(outcome(&files.read_as(&filtered("try_cast(price as double) < 9.5"))), (1, 4, bad));
    let error = error_of(&files, &filtered("context_ipp = '1'"));
    assert!(
        matches!(&error, ReadError::FilterColumn { near: Some(near), .. } if near == "Context_IP"),
        "{error}"
    );
}

// A file without the columns was rejected row by row, and its first line was lost where it had no header.
#[test]
fn r16_a_file_that_lacks_a_needed_column_is_named() {
    let files = Files::new();
    files.write("a.csv", format!("{HEADER}{}", row("1")));
    for (header, missing) in
        [("event,user_id,timestamp", Column::EventId), ("id,user_id,when", Column::Timestamp)]
    {
        files.write("b.csv", format!("{header}\n2,u,{TIME}\n"));
        let error = error_of(&files, &Source::default());
        let ReadError::MissingColumn { file: Some(file), column, .. } = &error else { panic!("{error}") };
        assert_eq!((file, *column), (&files.name("b.csv"), missing), "{error}");
    }
    files.write("b.csv", format!("id,timestamp\n2,{TIME}\n"));
    let columns = [(Column::EventId, "key".to_owned())].into();
    files.write("a.csv", format!("key,user_id,timestamp\n1,u,{TIME}\n"));
    let error = error_of(&files, &Source { columns, ..Source::default() });
    assert!(
        matches!(&error, ReadError::MappedColumn { file: Some(file), .. } if *file == files.name("b.csv")),
        "{error}"
    );
}

#[test]
fn an_id_is_never_guessed_from_what_is_none() {
    for header in [
        "event,user_id,timestamp",
        "event_name,user_id,device_id,timestamp",
        "session_id,user_id,timestamp,event",
    ] {
        let files = Files::new();
        files.write("a.csv", format!("{header}\n"));
        let error = error_of(&files, &Source::default());
        let hint = error.hint().expect("a hint");
        assert!(
            matches!(error, ReadError::MissingColumn { column: Column::EventId, near: None, .. }),
            "{error}"
        );
        assert!(hint.contains("an id of its own") && !hint.contains("event_id = \"event"), "{hint}");
    }
    let files = Files::new();
    files.write("a.csv", "event_date,event_timestamp,event_name,user_pseudo_id,user_id\n20260104,1,a,b,c\n");
    assert!(error_of(&files, &Source::default()).hint().is_some_and(|hint| hint.contains("GA4")));
    // The nearest name to the one in the configuration is that of the events: mapped to it, all but one of a name are duplicates.
    let columns = [(Column::EventId, "event_bundle_sequence_id".to_owned())].into();
    let hint = error_of(&files, &Source { columns, ..Source::default() }).hint().expect("a hint");
    assert!(hint.contains("GA4") && hint.contains("event_id = \"from_row\""), "{hint}");
}

#[test]
fn every_split_of_a_file_gives_the_same_rows() {
    let rows: Vec<String> = (0..6).map(|id| row(&id.to_string())).collect();
    for cut in 0..=rows.len() {
        let files = Files::new();
        files.write("t/xaa.csv", format!("{HEADER}{}", rows[..cut].concat()));
        files.write("t/xab.csv", rows[cut..].concat());
        files.write("t/xac.csv", "");
        assert_eq!(outcome(&files.read()), (6, 0, vec![]), "{cut}");
        // The same with the names in the configuration.
        let columns = Some(HEADER.trim().split(',').map(str::to_owned).collect());
        let csv = CsvOptions { header: false, columns, ..CsvOptions::default() };
        assert_eq!(outcome(&files.read_as(&Source { csv, ..Source::default() })), (6, 0, vec![]), "{cut}");
    }
}

#[test]
fn a_file_without_a_header_is_recognised() {
    let files = Files::new();
    files.write("tracks_000.csv", row("1") + &row("2"));
    let error = error_of(&files, &Source::default());
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("header = false") && hint.contains("the 6 columns"), "{error}: {hint}");
    // Another table beside it is no header for it.
    files.write("pages.csv", format!("id,user_id,timestamp\n3,u,{TIME}\n"));
    assert!(matches!(error_of(&files, &Source::default()), ReadError::MissingColumn { is_row: true, .. }));
}

#[test]
fn other_delimiters_and_quotes() {
    let files = Files::new();
    let table = |delimiter: &str| {
        let text = format!("{HEADER}1,a,u,x,{TIME},\n2,\"a{delimiter}\",u,x,{TIME},\n");
        text.replace(',', delimiter)
    };
    for (name, delimiter) in
        [("a.csv", ";"), ("b.tsv", "\t"), ("c.csv", "|"), ("d.csv", "\u{1}"), ("e.csv", ",")]
    {
        files.write(name, table(delimiter));
    }
    files.write("f.csv", format!("'id','user_id','timestamp'\n'1','a,''b','{TIME}'\n"));
    let read = files.read();
    assert_eq!(outcome(&read), (11, 0, vec![]));
    let ids: BTreeSet<String> = aliases(read);
    assert!(["a;", "a\t", "a|", "a\u{1}", "a,", "a,'b"].iter().all(|id| ids.contains(*id)), "{ids:?}");

    let files = Files::new();
    files.write("a.csv", format!("id,user_id,timestamp\n1,\"u,{TIME}\n2,u\",{TIME}\n"));
    assert_eq!(outcome(&files.read()).0, 1);
    let csv = CsvOptions { quote: Quote::None, delimiter: Some(b','), ..CsvOptions::default() };
    assert_eq!(outcome(&files.read_as(&Source { csv, ..Source::default() })), (2, 0, vec![]));
}

/// The ids of users and devices.
fn aliases(read: tracklet_native::read::Read) -> BTreeSet<String> {
    let tracks = tracklet_kernel::tracks::Tracks::merge(read.tracks);
    let texts = tracks.batches(100).flat_map(|batch| {
        let column = |name: &str| batch.column_by_name(name).expect("a column").clone();
        let columns = [column("anonymous_id"), column("user_id")];
        let text = |column: arrow::array::ArrayRef| {
            let column = arrow::compute::cast(&column, &arrow::datatypes::DataType::Utf8).expect("text");
            let texts = column.as_any().downcast_ref::<arrow::array::StringArray>().expect("text").clone();
            texts.iter().flatten().map(str::to_owned).collect::<Vec<_>>()
        };
        columns.into_iter().flat_map(text).collect::<Vec<_>>()
    });
    texts.collect()
}

// One `\\N` joined all strangers that had it.
#[test]
fn r16_null_markers_are_no_ids() {
    let files = Files::new();
    files.write(
        "a.csv",
        format!(
            "id,anonymous_id,user_id,timestamp\n1,d1,\\N,{TIME}\n2,\\N,\"\\N\",{TIME}\n3,d3,NULL,{TIME}\n"
        ),
    );
    let read = files.read();
    assert_eq!(outcome(&read), (2, 0, vec![(Some(3), "missing_ids")]));
    assert_eq!(read.rejects[0].user_id, None);
    let csv = CsvOptions {
        null: vec![String::new(), "\\N".to_owned(), "NULL".to_owned()],
        ..CsvOptions::default()
    };
    let read = files.read_as(&Source { csv, ..Source::default() });
    assert_eq!(aliases(read), BTreeSet::from(["d1".to_owned(), "d3".to_owned()]));
}

// A header of 64 MB took 2.6 GB.
#[test]
fn r16_a_header_has_a_limit_and_so_has_a_record() {
    let files = Files::new();
    files.write("a.csv", ",".repeat(4 << 20));
    assert!(matches!(error_of(&files, &Source::default()), ReadError::Header { .. }));
    files.write("a.csv", ",".repeat(100_000) + "\n");
    assert!(matches!(error_of(&files, &Source::default()), ReadError::Header { .. }));
    files.write(
        "a.csv",
        format!("{HEADER}{}\n{}{}\n{}", ",".repeat(1 << 20), row("1"), "x".repeat(2 << 20), row("2")),
    );
    let read = files.read_as(&Source { max_line: 1 << 20, ..Source::default() });
    assert_eq!(outcome(&read), (2, 0, vec![(Some(2), "unreadable"), (Some(4), "unreadable")]));
}

// Each was an error or a rejected row whose hint made it worse.
#[test]
fn lines_around_tables_are_known() {
    let rows = format!("1,a,,x,{TIME},\n2,b,,x,{TIME},\n");
    let spaced = rows.replace(',', ", ");
    for (name, text) in [
        ("excel.csv", format!("sep=,\r\n{}", format!("{HEADER}{rows}").replace('\n', "\r\n"))),
        ("excel_semicolons.csv", format!("sep=;\n{}", format!("{HEADER}{rows}").replace(',', ";"))),
        ("comments.csv", format!("# made by a tool, on a day\n#\n{HEADER}{rows}")),
        ("title.csv", format!("Events,,,,,\nof January,,,,,\n\n{HEADER}{rows}")),
        ("psql.csv", format!("{}{}(2 rows)\n\n", HEADER.replace(',', "|"), rows.replace(',', "|"))),
        ("sqlcmd.csv", format!("{HEADER}--,-,-,-,----,-\n{rows}\n(2 rows affected)\n")),
        ("copy.csv", format!("{HEADER}{rows}\\.\n")),
        ("concatenated.csv", format!("\u{feff}{HEADER}1,a,,x,{TIME},\n\u{feff}{HEADER}2,b,,x,{TIME},\n")),
        (
            "quoted.csv",
            format!(
                "\u{feff}{HEADER}1,a,,x,{TIME},\n\u{feff}\"id\",anonymous_id,user_id,event,timestamp,received_at\n2,b,,x,{TIME},\n"
            ),
        ),
        ("pandas.csv", format!(",{HEADER}0,{}", rows.trim_end().replace('\n', "\n1,"))),
        ("r.csv", format!("{HEADER}1,{}\n", rows.trim_end().replace('\n', "\n2,"))),
        ("ends.csv", format!("{HEADER}{}", rows.replace(",\n", ",,\n"))),
        ("header_ends.csv", format!("{},\n{rows}", HEADER.trim_end())),
        ("spaces.csv", format!("{}{spaced}", HEADER.replace(',', ", "))),
        ("header_spaces.csv", format!("{}{rows}", HEADER.replace(',', " , "))),
        ("macintosh.csv", format!("{HEADER}{rows}").replace('\n', "\r")),
        ("mixed.csv", format!("{HEADER}{}", rows.replacen('\n', "\r\n", 1))),
    ] {
        let files = Files::new();
        files.write(name, &text);
        let read = files.read();
        assert_eq!(outcome(&read), (2, 0, vec![]), "{name}: {text}");
        assert_eq!(aliases(read), BTreeSet::from(["a".to_owned(), "b".to_owned()]), "{name}");
    }
}

// Quotes within fields broke rows, or were part of ids with their backslash.
#[test]
fn backslashes_before_quotes_are_none_of_the_field() {
    let files = Files::new();
    files.write(
        "a.csv",
        format!("id,user_id,properties,timestamp\n1,\"u\\\"1\",\"{{\\\"a\\\":1,\\\"b\\\":2}}\",{TIME}\n2,\"a\\\\\",x,{TIME}\n"),
    );
    let read = files.read();
    assert_eq!(outcome(&read), (2, 0, vec![]));
    assert_eq!(aliases(read), BTreeSet::from(["u\"1".to_owned(), "a\\".to_owned()]));
    // Where nothing shows that they count, they are the field's.
    files.write("a.csv", format!("id,user_id,properties,timestamp\n1,\"C:\\\",\"D:\\x\",{TIME}\n"));
    assert_eq!(aliases(files.read()), BTreeSet::from(["C:\\".to_owned()]));
}

#[test]
fn rejects_behind_lines_that_are_no_rows_have_their_line() {
    let files = Files::new();
    files.write("a.csv", format!("sep=,\n# comment\n{HEADER}{}{HEADER}2,a,,x,yesterday,\n", row("1")));
    assert_eq!(outcome(&files.read()), (1, 0, vec![(Some(6), "bad_timestamp")]));
}

#[test]
fn rows_are_never_taken_for_lines_around_the_table() {
    let files = Files::new();
    // The header in the midst of rows: the rows before it would be lost.
    files.write("a.csv", format!("{}{}{HEADER}{}", row("1"), row("2"), row("3")));
    assert!(matches!(error_of(&files, &Source::default()), ReadError::MissingColumn { is_row: true, .. }));
    // Rows of another table behind those of the first would be read by its columns.
    files.write(
        "a.csv",
        format!("{HEADER}{}id,user_id,anonymous_id,event,timestamp,received_at\n{}", row("1"), row("2")),
    );
    let error = error_of(&files, &Source::default());
    assert!(matches!(error, ReadError::OtherHeader { line: 3, .. }), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("head -n 2 ") && hint.contains("tail -n +3 ")));
    // A line that is no count stays a reject.
    files.write("a.csv", format!("{HEADER}{}total: 1\n", row("1")));
    assert_eq!(outcome(&files.read()), (1, 0, vec![(Some(3), "unreadable")]));
}

#[test]
fn tables_for_people_are_refused_with_how_to_export_them() {
    let padded = " id | user_id |      timestamp       \n----+---------+----------------------\n 1  | u       | 2026-01-04T10:00:00Z\n(1 row)\n";
    let boxed = "+----+---------+\n| id | user_id |\n+----+---------+\n| 1  | u       |\n+----+---------+\n";
    for text in [padded, boxed] {
        let files = Files::new();
        files.write("a.csv", text);
        let error = error_of(&files, &Source::default());
        assert!(matches!(error, ReadError::Printed { .. }), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("psql --csv")));
    }
}

// The hint was to read the header as a row.
#[test]
fn a_header_without_a_name_is_no_row() {
    let files = Files::new();
    files.write("a.csv", format!(",messageId,user_id,timestamp\n0,1,u,{TIME}\n"));
    let error = error_of(&files, &Source::default());
    assert!(matches!(error, ReadError::MissingColumn { is_row: false, .. }), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("event_id = \"messageId\"")), "{:?}", error.hint());
}

#[test]
fn the_devices_time_is_proposed_where_there_is_no_other() {
    let files = Files::new();
    files.write("a.csv", format!("id,user_id,original_timestamp\n1,u,{TIME}\n"));
    let hint = error_of(&files, &Source::default()).hint().expect("a hint");
    assert!(hint.contains("timestamp = \"original_timestamp\""), "{hint}");
    let files = Files::new();
    files.write("a.json", line("1").replace("\"timestamp\"", "\"originalTimestamp\""));
    let read = files.read();
    assert!(
        read.mostly_rejected[0].hint.ends_with("timestamp = \"originalTimestamp\""),
        "{:?}",
        read.mostly_rejected
    );
}

#[test]
fn files_that_are_no_text_are_named() {
    for (bytes, what) in [
        (&b"PK\x03\x04\x14\0\0\0\x08\0\xff\n\xfe"[..], "an Excel workbook"),
        (b"BZh91AY&SY\xff\n\xfe", "bzip2"),
        (b"id,user_id,timestamp\n\xe9,\xe9,\xe9\n\xe9,\xe9,\xe9\n", "iconv"),
    ] {
        for name in ["a.csv", "a.json"] {
            let files = Files::new();
            files.write(name, bytes);
            let read = files.read();
            let hint = &read.mostly_rejected[0].hint;
            assert!(hint.contains(what), "{name}: {hint}");
        }
    }
}

#[test]
fn utf32_is_read() {
    let files = Files::new();
    let text = format!("\u{feff}{HEADER}1,é,,x,{TIME},\n");
    files.write("a.csv", text.chars().flat_map(|c| (c as u32).to_le_bytes()).collect::<Vec<u8>>());
    files.write("b.json", line("2").chars().flat_map(|c| (c as u32).to_be_bytes()).collect::<Vec<u8>>());
    let read = files.read();
    assert_eq!(outcome(&read), (2, 0, vec![]));
    assert!(aliases(read).contains("é"));
}

#[test]
fn a_path_into_a_list_has_two_spellings() {
    let files = Files::new();
    let context = r#""contexts":{"session":[{"userId":"first"},{"userId":"second"}]},"type":"#;
    files.write("a.json", line("1").replacen("\"type\":", context, 1));
    for path in ["contexts.session[1].userId", "contexts.session.1.userId"] {
        let columns = BTreeMap::from([(Column::UserId, path.to_owned())]);
        let read = files.read_as(&Source { columns, ..Source::default() });
        assert!(aliases(read).contains("second"), "{path}");
    }
}
