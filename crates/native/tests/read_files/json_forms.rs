//! JSON however people have it: arrays, objects over many lines or none, batches, table rows, UTF-16, columns in paths.

use super::support::{Files, event_names, gzip, line, outcome, tracks};
use std::collections::BTreeMap;
use tracklet_kernel::tracks::Tracks;
use tracklet_native::read::{Column, ReadError, Source, Strictness};

const UNREADABLE: &str = "unreadable";

fn mapped(columns: &[(Column, &str)]) -> Source {
    let columns: BTreeMap<_, _> =
        columns.iter().map(|(column, name)| (*column, (*name).to_owned())).collect();
    Source { columns, ..Source::default() }
}

fn filtered(expression: &str) -> Source {
    Source { where_: Some(expression.to_owned()), ..Source::default() }
}

/// The ids of visitors, devices and users, in order.
fn ids(files: &Files, source: &Source) -> Vec<String> {
    let batches: Vec<_> = Tracks::merge(files.read_as(source).tracks).batches(1000).collect();
    let mut ids: Vec<String> = Vec::new();
    for batch in batches {
        for name in ["anonymous_id", "user_id"] {
            let column = batch.column_by_name(name).expect("a canonical column");
            let texts = arrow::array::AsArray::as_string::<i32>(column);
            ids.extend(texts.iter().flatten().map(str::to_owned));
        }
    }
    ids.sort();
    ids.dedup();
    ids
}

#[test]
fn r16_objects_without_newlines_are_all_read() {
    // Kinesis Firehose writes records one behind the other: all six tracks were rejected as three lines.
    let files = Files::new();
    files.write("a.json", [line("1"), line("2"), line("3")].concat());
    files.write("b.json.gz", gzip(format!("{}{}\n{}", line("4"), line("5"), line("6")).as_bytes()));
    assert_eq!(outcome(&files.read()), (6, 0, vec![]));
}

#[test]
fn r16_arrays_and_objects_over_many_lines_are_read() {
    let files = Files::new();
    let pretty = |id: &str| line(id).replace(',', ",\n  ").replace('{', "{\n  ").replace('}', "\n}");
    files.write("one-line.json", format!("[{}, {}]", line("1"), line("2")));
    files.write("one-per-line.json", format!("[\n{},\n{}\n]\n", line("3"), line("4")));
    files.write("pretty.json", format!("{}\n{}\n", pretty("5"), pretty("6")));
    files.write("pretty-array.json", format!("[\n{},\n{}\n]\n", pretty("7"), pretty("8")));
    assert_eq!(outcome(&files.read()), (8, 0, vec![]));
}

#[test]
fn a_file_of_one_line_is_read_in_small_memory() {
    let files = Files::new();
    let events: Vec<String> = (0..20_000).map(|id| line(&id.to_string())).collect();
    files.write("array.json", format!("[{}]", events.join(",")));
    files.write("behind.json", events.concat());
    // The limit is that of an object, not of the line.
    let source = Source { max_line: 1000, ..Source::default() };
    assert_eq!(outcome(&files.read_as(&source)), (40_000, 0, vec![]));
}

#[test]
fn r16_batches_are_read_with_their_time_of_arrival() {
    let files = Files::new();
    let bare = |id: &str| line(id).replace(",\"receivedAt\":\"2026-01-04T10:00:01.000Z\"", "");
    let page = line("page").replace("\"track\"", "\"page\"");
    files.write("body.json", format!(r#"{{"batch":[{},{page}],"sentAt":"x"}}"#, bare("1")));
    let job = r#"{"UUID":"u","UserID":"d","EventPayload":{"batch":[%],"receivedAt":"2026-01-04T11:00:00Z"}}"#;
    files.write("job.json", job.replace('%', &format!("{},7,{{}}", bare("2"))));
    let archived =
        r#"{"userId":"d","payload":{"batch":[%]},"receivedAt":"2026-01-04T12:00:00Z","messageId":"m"}"#;
    files.write("archived.json", archived.replace('%', &bare("3")));
    files.write("none.json", r#"{"batch":[]}{"batch":7}"#);
    let read = files.read();
    let bad = (Some(1), UNREADABLE);
    assert_eq!(outcome(&read), (3, 1, vec![bad; 3]));
    let texts: Vec<_> = read.rejects.iter().map(|reject| reject.raw.as_deref().expect("its text")).collect();
    assert_eq!(texts, ["7", "{}", r#"{"batch":7}"#]);
    let batch = Tracks::merge(read.tracks).batches(10).next().expect("three rows");
    let times = arrow::array::AsArray::as_primitive::<arrow::datatypes::TimestampMicrosecondType>(
        batch.column_by_name("received_at").expect("a canonical column"),
    );
    let mut hours: Vec<Option<i64>> =
        times.iter().map(|time| time.map(|time| time / 3_600_000_000 % 24)).collect();
    hours.sort_unstable();
    assert_eq!(hours, [None, Some(11), Some(12)]);
}

#[test]
fn r16_rows_of_tables_are_read_beside_calls() {
    let files = Files::new();
    let rows = [
        r#"{"id":"1","anonymous_id":"a","event":"As It Is","timestamp":"2026-01-04 10:00:00","context_ip":"x"}"#,
        r#"{"ID":"2","USER_ID":"u","EVENT_TEXT":"Product Viewed","_TIMESTAMP":"2026-01-04 10:00:00"}"#,
        r#"{"type":"track","messageId":"3","anonymousId":"a","event":"Raw Name","timestamp":"2026-01-04T10:00:00Z"}"#,
        r#"{"id":"4","type":"gold","user_id":"u","timestamp":"2026-01-04 10:00:00"}"#,
        r#"{"id":"5","type":"Identify","user_id":"u"}"#,
        r#"{"messageId":"6","anonymousId":"a","timestamp":"2026-01-04T10:00:00Z"}"#,
        r#"{"id":"7","user_id":"u"}"#,
    ];
    files.write("a.json", rows.join("\n"));
    let read = files.read();
    assert_eq!(outcome(&read), (4, 1, vec![(Some(6), UNREADABLE), (Some(7), "missing_timestamp")]));
    assert_eq!(read.rejects[1].user_id.as_deref(), Some("u"));
    assert_eq!(event_names(read), ["As It Is", "product_viewed", "raw_name"]);
    let read = files.read_as(&filtered("context_ip = 'x' or id = '2'"));
    assert_eq!((tracks(&read), read.skipped), (2, 4));

    // Objects of no known names are rows where their columns are configured.
    files.write("a.json", r#"{"key":"1","who":"u","at":"2026-01-04 10:00:00","what":"Any Name"}"#);
    let source = mapped(&[
        (Column::EventId, "key"),
        (Column::UserId, "who"),
        (Column::Timestamp, "at"),
        (Column::Event, "what"),
    ]);
    assert_eq!(event_names(files.read_as(&source)), ["Any Name"]);
}

#[test]
fn marks_before_values_are_none_of_them() {
    let files = Files::new();
    let (one, two) = (line("1"), line("2"));
    files.write("concatenated.json", format!("\u{feff}{one}\n\u{feff}{two}\n"));
    files.write("without_ends.json", format!("\u{feff}{}\u{feff}{}", line("3"), line("4")));
    files.write("sequence.json", format!("\u{1e}{}\n\u{1e}{}\n", line("5"), line("6")));
    files.write("sequence", format!("\u{1e}{}\n", line("7")));
    assert_eq!(outcome(&files.read()), (7, 0, vec![]));
    // Within a value they are what they always were.
    let files = Files::new();
    files.write("a.json", format!("{one}\n\u{feff}damaged\n{two}\n"));
    assert_eq!(outcome(&files.read()), (2, 0, vec![(Some(2), "unreadable")]));
}

#[test]
fn r16_utf16_is_read() {
    let files = Files::new();
    let text = format!("{}\r\n{}\r\n", line("1"), line("2"));
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    files.write("little.json", [&b"\xFF\xFE"[..], &little].concat());
    files.write("big.json", [&b"\xFE\xFF"[..], &big].concat());
    files.write("unmarked.json", &little);
    files.write("packed.json.gz", gzip(&[&b"\xFF\xFE"[..], &little].concat()));
    let table: Vec<u8> = "\u{feff}id,user_id,timestamp\r\n1,ü,2026-01-04 10:00:00\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    files.write("table.csv", table);
    assert_eq!(outcome(&files.read()), (9, 0, vec![]));
    assert_eq!(ids(&files, &Source::default()), ["a", "ü"]);
}

#[test]
fn r16_keys_and_types_are_found_in_any_case() {
    let files = Files::new();
    let lines = [
        r#"{"TYPE":"Track","messageid":"1","ANONYMOUSID":"a","Timestamp":"2026-01-04T10:00:00Z","Event":"Seen"}"#,
        r#"{"type":"PAGE","messageId":"2"}"#,
        // The usual spelling goes before, wherever it stands; of others the last counts.
        r#"{"type":"track","messageId":"3","MESSAGEID":"","anonymousId":"b","timestamp":"2026-01-04T10:00:00Z"}"#,
        r#"{"type":"track","Messageid":"","MESSAGEID":"4","anonymousId":"c","timestamp":"2026-01-04T10:00:00Z"}"#,
    ];
    files.write("a.json", lines.join("\n"));
    assert_eq!(outcome(&files.read()), (3, 1, vec![]));
    assert_eq!(tracks(&files.read_as(&filtered("messageId = '1'"))), 1);
}

#[test]
fn r16_whole_numbers_are_one_id() {
    let files = Files::new();
    let with_user = |id: &str, user: &str| line(id).replace("\"userId\":\"\"", &format!("\"userId\":{user}"));
    let lines = [
        with_user("1", "1001"),
        with_user("2", "1001.0"),
        with_user("3", "1.001e3"),
        with_user("4", "\"1001\""),
        with_user("5", "12.50"),
        with_user("6", "9007199254740993.0"),
    ];
    files.write("a.json", lines.join("\n"));
    files.write("a.csv", "id,user_id,timestamp\n7,1001.0,2026-01-04 10:00:00\n8,12e3,2026-01-04 10:00:00\n");
    assert_eq!(ids(&files, &Source::default()), ["1001", "12.50", "12e3", "9007199254740993.0", "a"]);
}

#[test]
fn r16_nested_names_and_devices_beside_a_user_are_null() {
    let files = Files::new();
    let event = |id: &str, device: &str, user: &str, event: &str| {
        format!(
            r#"{{"type":"track","messageId":"{id}","anonymousId":{device},"userId":{user},"event":{event},"timestamp":"2026-01-04T10:00:00Z"}}"#
        )
    };
    let lines = [
        event("1", "[1]", "\"u\"", "{\"a\":1}"),
        event("2", "\"d\"", "7", "[]"),
        event("3", "{}", "\"\"", "\"Seen\""),
        event("4", "{}", "\"x\\u0000\"", "\"Seen\""),
        event("5", "\"d\"", "null", "{}"),
        event("6", "true", "\"u\"", "\"Seen\""),
        event("7", "\"d\"", "\"u\"", "\"Half \\ud83d Seen\""),
        event("8", "\"d\\ud83d\"", "\"u\"", "\"Seen\""),
    ];
    files.write("a.json", lines.join("\n"));
    let read = files.read();
    let bad = |row| (Some(row), "invalid_text");
    assert_eq!(outcome(&read), (3, 0, vec![bad(3), bad(4), bad(5), bad(6), bad(8)]));
    assert_eq!(event_names(read), ["half_seen"]);
    assert_eq!(ids(&files, &Source::default()), ["7", "d", "u"]);
}

#[test]
fn r16_paths_lead_into_arrays() {
    let files = Files::new();
    let context = r#""contexts":{"session":[{"userId":"first"},{"userId":"second"}]}"#;
    files.write("a.json", line("1").replace("\"userId\":\"\"", context));
    let user = |path: &str| ids(&files, &mapped(&[(Column::UserId, path)]));
    assert_eq!(user("contexts.session.0.userId"), ["a", "first"]);
    assert_eq!(user("contexts.session.1.userid"), ["a", "second"]);
    let nowhere = mapped(&[(Column::UserId, "contexts.session.2.userId")]);
    let error = files.try_read(&nowhere, Strictness::Lenient).expect_err("there is no third");
    assert!(
        matches!(&error, ReadError::MappedColumn { name, .. } if name == "contexts.session.2.userId"),
        "{error}"
    );
}

#[test]
fn r16_folders_are_columns() {
    let files = Files::new();
    let row = |id: &str| format!(r#"{{"id":"{id}","user_id":"u","timestamp":"2026-01-04 10:00:00"}}"#);
    files.write("event=signup/day=2026-01-04/a.json", row("1"));
    files.write("event=own/day=2026-01-05/a.json", row("2").replace('}', ",\"event\":\"in_file\"}"));
    files.write(
        "event=product_viewed/day=2026-01-05/a.csv",
        "id,user_id,timestamp\n3,u,2026-01-05 10:00:00\n",
    );
    files.write("type=page/day=2026-01-05/a.json", line("4").replace("\"type\":\"track\",", ""));
    files.write("type=track/day=2026-01-05/a.json", line("5").replace("\"type\":\"track\",", ""));
    let names = event_names(files.read());
    assert_eq!(names, ["in_file", "product_viewed", "signup"]);
    let read = files.read_as(&filtered("day >= '2026-01-05'"));
    assert_eq!(outcome(&read), (3, 2, vec![]));
    let read = files.read_as(&mapped(&[(Column::Event, "DAY")]));
    assert_eq!(tracks(&read), 4);
    let error =
        files.try_read(&filtered("dai = 'x'"), Strictness::Lenient).expect_err("there is no such folder");
    assert!(matches!(&error, ReadError::FilterColumn { near: Some(near), .. } if near == "day"), "{error}");
}

#[test]
fn r16_long_ids_and_names_are_rejected_and_cut() {
    let files = Files::new();
    let long = "x".repeat(64 << 10);
    let user = |id: &str, user: &str| line(id).replace("\"userId\":\"\"", &format!("\"userId\":\"{user}\""));
    let number = format!("1.{}", "0".repeat(64 << 10));
    let lines = [
        user("1", &long),
        user("2", &format!("{long}y")),
        user("3", &format!("{long}\\u0000")),
        user("4", &"\\u00e9".repeat(32_769)),
        line("5").replace("Product Viewed", &long),
        line("6").replace("Product Viewed", &format!("{long}y")),
        line("").replace("Product Viewed", &format!("{long}y")).replace("\"a\"", &format!("\"{long}z\"")),
        user("8", "u").replace("null", &format!("\"{}\"", long.repeat(100))),
        // A text that stands for no id, and a number: both are too long as they came.
        user("9", &format!("null{}", " ".repeat(64 << 10))),
        line("10").replace("\"userId\":\"\"", &format!("\"userId\":{number}")),
    ];
    files.write("a.json", lines.join("\n"));
    files.write(
        "a.csv",
        format!("id,user_id,timestamp\n11,{long}y,2026-01-04 10:00:00\n12,{number},2026-01-04 10:00:00\n"),
    );
    let read = files.read();
    let ids = |row| (Some(row), "id_too_long");
    let of_json = [ids(2), ids(3), ids(4), (Some(6), "name_too_long"), ids(7), ids(9), ids(10)];
    assert_eq!(outcome(&read), (3, 0, [&[ids(2), ids(3)][..], &of_json].concat()));
    let users = || read.rejects.iter().filter_map(|reject| reject.user_id.as_ref());
    assert_eq!(users().filter(|user| user.len() == 64 << 10).count(), 7);
    assert!(
        read.rejects.iter().all(|reject| reject.event.as_ref().is_none_or(|name| name.len() <= 64 << 10))
    );
}
