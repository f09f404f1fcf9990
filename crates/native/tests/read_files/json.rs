//! Raw lines: what counts, what is skipped, what is rejected and how it is reported.

use super::support::{Files, event_names, gzip, line, only, outcome, tracks, zstd};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use tracklet_display::error::Hint;
use tracklet_kernel::event_type::EventTypes;
use tracklet_native::read::inputs::discover;
use tracklet_native::read::{
    Column, Format, NoRowFilters, Options, ReadError, ReadProgress, Source, Strictness, read_all,
};

const UNREADABLE: &str = "unreadable";

#[test]
fn lines_of_every_compression_and_extension() {
    let files = Files::new();
    let text = format!("{}\n{}\n", line("1"), line("2"));
    for name in ["a.json", "b.jsonl", "c.ndjson", "d/e/F.JSON"] {
        files.write(name, &text);
    }
    files.write("g.json.gz", gzip(text.as_bytes()));
    files.write("1700000000.abc.gz", gzip(text.as_bytes()));
    files.write("h.jsonl.zst", zstd(text.as_bytes()));
    let read = files.read();
    assert_eq!(outcome(&read), (14, 0, vec![]));
    assert_eq!(read.files.len(), 7);
    assert!(read.files.iter().all(|file| file.rows == 2 && file.bytes > 0));
    assert_eq!(event_names(read), ["product_viewed"]);
}

#[test]
fn several_members_and_frames_are_one_file() {
    let files = Files::new();
    let (first, second) = (format!("{}\n{}", line("1"), &line("2")[..20]), format!("{}\n", &line("2")[20..]));
    files.write("a.json.gz", [gzip(first.as_bytes()), gzip(b""), gzip(second.as_bytes())].concat());
    files.write("a.json.zst", [zstd(first.as_bytes()), zstd(second.as_bytes())].concat());
    assert_eq!(outcome(&files.read()), (4, 0, vec![]));
}

#[test]
fn byte_order_mark_crlf_and_blank_lines_are_good_input() {
    let files = Files::new();
    files.write("a.json", format!("\u{feff}{}\r\n\r\n  \t\n{}\r\n\n{}", line("1"), line("2"), line("3")));
    assert_eq!(outcome(&files.read()), (3, 0, vec![]));
    // Files that were put together have them in their midst.
    files.write("a.json", format!("{}\n\u{feff}{}\n", line("1"), line("2")));
    assert_eq!(outcome(&files.read()), (2, 0, vec![]));
}

#[test]
fn only_tracks_count() {
    let files = Files::new();
    let lines = [
        line("1"),
        line("2").replace("\"track\"", "\"identify\""),
        line("3").replace("\"track\"", "\"Track\""),
        line("4").replace("\"type\":\"track\",", ""),
        line("5").replace("\"track\"", "null"),
        line("6").replace("\"track\"", "7"),
        line("7").replace("\"track\"", "\"tr\\u0061ck\""),
        line("8").replace("\"type\"", "\"t\\u0079pe\""),
        line("9").replace("{\"type\":\"track\"", "{\"type\":\"page\",\"type\":\"track\""),
        "[1]".to_owned(),
        "\"track\"".to_owned(),
    ];
    files.write("a.json", lines.join("\n"));
    let bad = |row| (Some(row), UNREADABLE);
    assert_eq!(outcome(&files.read()), (5, 1, vec![bad(4), bad(5), bad(6), bad(10), bad(11)]));
}

#[test]
fn bad_lines_are_rejected_with_their_text() {
    let files = Files::new();
    let mut bytes = format!("{}\n", line("1")).into_bytes();
    bytes.extend(line("2").replace('a', "\0").bytes());
    bytes.extend(b"\n{\"type\":\"track\",\"event\":\"\xff\"}\n");
    bytes.extend(line("3").bytes());
    bytes.extend(b"\n");
    bytes.extend(&line("4").as_bytes()[..50]);
    files.write("a.json", bytes);
    let read = files.read();
    let bad = |row| (Some(row), UNREADABLE);
    assert_eq!(outcome(&read), (2, 0, vec![bad(2), bad(3), bad(5)]));
    assert_eq!(read.rejects[0].source_file, files.name("a.json"));
    assert_eq!(read.rejects[1].raw.as_deref(), Some("{\"type\":\"track\",\"event\":\"\u{fffd}\"}"));
    assert_eq!(read.rejects[2].raw.as_deref(), Some(&line("4")[..50]));
    assert_eq!(read.rejects[2].event_id, None);
}

#[test]
fn every_reason_with_the_raw_columns() {
    let files = Files::new();
    let lines = [
        r#"{"type":"track","messageId":true,"anonymousId":[1, 2],"userId":{"a":1},"event":false,"timestamp":7}"#,
        r#"{"type":"track","messageId":"m\u0000","anonymousId":"a","timestamp":"2026-01-04T10:00:00Z"}"#,
        r#"{"type":"track","messageId":"\ud800","anonymousId":"a","timestamp":"2026-01-04T10:00:00Z"}"#,
        r#"{"type":"track","messageId":"","anonymousId":"a","timestamp":"2026-01-04T10:00:00Z"}"#,
        r#"{"type":"track","messageId":null,"anonymousId":"a","timestamp":"2026-01-04T10:00:00Z"}"#,
        r#"{"type":"track","messageId":"m","anonymousId":"a","event":"\tA \"B\""}"#,
        r#"{"type":"track","messageId":"m","anonymousId":"a","timestamp":""}"#,
        r#"{"type":"track","messageId":"m","anonymousId":"a","timestamp":1767520800000}"#,
        r#"{"type":"track","messageId":"m","anonymousId":"a","timestamp":"1969-12-31T23:59:59Z"}"#,
        r#"{"type":"track","messageId":"m","userId":"","timestamp":"2026-01-04T10:00:00Z","receivedAt":[]}"#,
        r#"{"type":"track","messageId":12.50,"userId":5,"timestamp":"2026-01-04T10:00:00Z","receivedAt":"no"}"#,
    ];
    files.write("a.json", lines.join("\n"));
    let read = files.read();
    let reasons: Vec<&str> = read.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "invalid_text",
            "invalid_text",
            "invalid_text",
            "missing_event_id",
            "missing_event_id",
            "missing_timestamp",
            "bad_timestamp",
            "bad_timestamp",
            "timestamp_out_of_range",
            "missing_ids",
        ]
    );
    assert_eq!(tracks(&read), 1);
    let first = &read.rejects[0];
    let texts = [&first.event_id, &first.anonymous_id, &first.user_id, &first.event, &first.timestamp];
    let texts: Vec<&str> = texts.into_iter().map(|text| text.as_deref().unwrap_or("null")).collect();
    assert_eq!(texts, ["true", "[1, 2]", "{\"a\":1}", "false", "7"]);
    assert_eq!((first.received_at.as_deref(), first.raw.as_deref()), (None, None));
    assert_eq!(read.rejects[1].event_id.as_deref(), Some("m\0"));
    assert_eq!(read.rejects[3].event_id.as_deref(), Some(""));
    assert_eq!(read.rejects[4].event_id, None);
    assert_eq!(read.rejects[5].event.as_deref(), Some("\tA \"B\""));
    assert_eq!(read.rejects[9].received_at.as_deref(), Some("[]"));
}

#[test]
fn a_line_may_be_long() {
    let files = Files::new();
    let long = line("2").replace("null", &format!("\"{}\"", "x".repeat(10 << 20)));
    files.write("a.json", format!("{}\n{long}\n{}\n", line("1"), line("3")));
    files.write("b.json.gz", gzip(long.as_bytes()));
    assert_eq!(outcome(&files.read()), (4, 0, vec![]));

    let limited = Source { max_line: 5 << 20, ..Source::default() };
    let read = files.read_as(&limited);
    assert_eq!(outcome(&read), (2, 0, vec![(Some(2), UNREADABLE), (Some(1), UNREADABLE)]));
    let raw = read.rejects[0].raw.as_deref().expect("its start");
    assert_eq!(raw.len(), 64 << 10);
    assert!(long.starts_with(raw));
    // A limit far below a block's size holds too.
    let limited = Source { max_line: line("1").len(), ..Source::default() };
    assert_eq!(tracks(&files.read_as(&limited)), 2);
}

#[test]
fn what_is_left_of_a_broken_file_is_one_row() {
    let text: String = (0..3000).map(|row| line(&format!("{row:05}")) + "\n").collect();
    for (name, whole) in [("a.json.gz", gzip(text.as_bytes())), ("a.json.zst", zstd(text.as_bytes()))] {
        let mut with_tracks = 0;
        for cut in (0..whole.len()).step_by(whole.len() / 40).chain([1, 5, whole.len() - 1]) {
            let files = Files::new();
            files.write(name, &whole[..cut]);
            let read = files.read();
            let count = tracks(&read);
            let reject = only(&read);
            assert_eq!(reject.row_number, Some(count + 1), "{name} cut at {cut}");
            assert_eq!(reject.reason.as_str(), UNREADABLE);
            assert!(reject.raw.as_deref().is_none_or(|raw| text.contains(raw)));
            with_tracks += u64::from(count > 0);
        }
        assert!(with_tracks > 5, "{name}");
        // Damage inside: a checksum or the structure tells.
        let files = Files::new();
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 0xFF;
        files.write(name, damaged);
        assert!(!files.read().rejects.is_empty());
    }
}

#[test]
fn empty_files() {
    let files = Files::new();
    files.write("a.json", "");
    files.write("b.json.gz", "");
    files.write("c.json.zst", "");
    files.write("d.json.gz", gzip(b""));
    files.write("e.json", "\n\n");
    files.write("f.json.gz", line("1"));
    let read = files.read();
    // The last one only claims to be packed.
    assert_eq!(outcome(&read), (1, 0, vec![(Some(1), UNREADABLE); 2]));
    let names: Vec<&str> = read.rejects.iter().map(|reject| reject.source_file.as_str()).collect();
    assert_eq!(names, ["b.json.gz", "c.json.zst"].map(|name| files.name(name)));
}

#[test]
fn nesting_does_not_end_the_read() {
    let files = Files::new();
    let deep = 1_000_000;
    let good = line("1").replace("null", &format!("{}{}", "[".repeat(deep), "]".repeat(deep)));
    let bad = line("2").replace("null", &"{\"a\":[".repeat(deep));
    files.write("a.json", format!("{good}\n{bad}\n{}", line("3")));
    assert_eq!(outcome(&files.read()), (2, 0, vec![(Some(2), UNREADABLE)]));
}

#[test]
fn more_rows_than_a_batch_or_a_block() {
    let files = Files::new();
    let mut text = String::new();
    for row in 1..=20_000 {
        text += &if row % 1000 == 0 { "{".to_owned() } else { line(&row.to_string()) };
        text.push('\n');
    }
    files.write("a.json", &text);
    let read = files.read();
    let rows: Vec<u64> = read.rejects.iter().filter_map(|reject| reject.row_number).collect();
    assert_eq!(rows, (1..=20).map(|thousand| thousand * 1000).collect::<Vec<_>>());
    assert_eq!(tracks(&read), 19_980);
}

#[test]
fn strict_reads_name_the_first_bad_row() {
    let files = Files::new();
    let no_id = line("").replace("Viewed", "Seen");
    files.write("b.json", format!("{}\n{no_id}\n{{\n", line("1")));
    let error = files.try_read(&Source::default(), Strictness::Strict).expect_err("it is strict");
    let ReadError::Rejected { file, row, reason } = error else { panic!("{error}") };
    assert_eq!((file, row, reason.as_str()), (files.name("b.json"), Some(2), "missing_event_id"));
    files.write("b.json", format!("{}\n{{\n{no_id}\n", line("1")));
    let error = files.try_read(&Source::default(), Strictness::Strict).expect_err("it is strict");
    assert!(matches!(error, ReadError::Rejected { row: Some(2), .. }), "{error}");
    files.write("b.json", line("1"));
    assert_eq!(tracks(&files.try_read(&Source::default(), Strictness::Strict).expect("all good")), 1);
}

fn mapped(columns: &[(Column, &str)]) -> Source {
    let columns: BTreeMap<_, _> =
        columns.iter().map(|(column, name)| (*column, (*name).to_owned())).collect();
    Source { columns, ..Source::default() }
}

#[test]
fn mapped_columns_are_keys_paths_or_flattened_names() {
    let files = Files::new();
    let text = r#"{"type":"track","key":"1","context":{"traits":{"userId":"u"},"deviceId":7},"event":"A",
        "when":"2026-01-04T10:00:00Z"}"#;
    files.write("a.json", text.replace('\n', ""));
    let source = mapped(&[
        (Column::EventId, "key"),
        (Column::AnonymousId, "context.deviceId"),
        (Column::UserId, "context_traits_user_id"),
        (Column::Timestamp, "when"),
    ]);
    assert_eq!(outcome(&files.read_as(&source)), (1, 0, vec![]));

    let source = mapped(&[(Column::EventId, "kei")]);
    let error = files.try_read(&source, Strictness::Lenient).expect_err("there is no such name");
    assert!(matches!(&error, ReadError::MappedColumn { near: Some(near), .. } if near == "key"), "{error}");
    assert!(error.hint().expect("a hint").contains("event_id = \"key\""));
}

#[test]
fn a_filter_skips_before_anything_is_rejected() {
    let files = Files::new();
    let with_ip =
        |id: &str, ip: &str| line(id).replace("\"userId\":\"\"", &format!("\"context\":{{\"ip\":{ip}}}"));
    let lines = [
        with_ip("1", "\"10.0.0.1\""),
        with_ip("2", "\"10.0.0.2\""),
        with_ip("3", "null"),
        with_ip("", "\"10.0.0.1\""),
        with_ip("", "\"10.0.0.2\""),
        line("6"),
        "{".to_owned(),
        line("7").replace("\"track\"", "\"page\""),
    ];
    files.write("a.json", lines.join("\n"));
    let filtered = |expression: &str| Source { where_: Some(expression.to_owned()), ..Source::default() };
    let expected = (1, 5, vec![(Some(5), "missing_event_id"), (Some(7), UNREADABLE)]);
    assert_eq!(outcome(&files.read_as(&filtered("context_ip <> '10.0.0.1'"))), expected);
    assert_eq!(outcome(&files.read_as(&filtered("context.ip <> '10.0.0.1'"))), expected);
    let read = files.read_as(&filtered("id = '2' or event_text <> 'Product Viewed'"));
    assert_eq!(outcome(&read), (1, 6, vec![(Some(7), UNREADABLE)]));

    let error =
        files.try_read(&filtered("contxt_ip = '1'"), Strictness::Lenient).expect_err("no such column");
    assert!(
        matches!(&error, ReadError::FilterColumn { near: Some(near), .. } if near == "context_ip"),
        "{error}"
    );
    let error = files.try_read(&filtered("context_ip ="), Strictness::Lenient).expect_err("no expression");
    assert!(matches!(error, ReadError::FilterSyntax { .. }), "{error}");
    let error = files.try_read(&filtered("no_such(id)"), Strictness::Lenient).expect_err("no function");
    assert!(matches!(error, ReadError::Filter { .. }), "{error}");
}

#[test]
fn a_format_can_be_forced() {
    let files = Files::new();
    files.write("events.log", line("1"));
    files.write("events.log.gz", gzip(line("2").as_bytes()));
    let source = Source { format: Some(Format::Json), ..Source::default() };
    assert_eq!(outcome(&files.read_as(&source)), (2, 0, vec![]));
    let source = Source { format: Some(Format::Parquet), ..Source::default() };
    let read = files.read_as(&source);
    assert_eq!(outcome(&read), (0, 0, vec![(None, UNREADABLE), (None, UNREADABLE)]));
}

/// Rows and bytes told so far.
#[derive(Default)]
struct Reported(AtomicU64, AtomicU64);

impl ReadProgress for Reported {
    fn advance(&self, rows: u64, bytes: u64) {
        self.0.fetch_add(rows, Ordering::Relaxed);
        self.1.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[test]
fn progress_adds_up_to_all_rows_and_bytes() {
    let files = Files::new();
    let page = line("2").replace("\"track\"", "\"page\"");
    files.write("a.json.gz", gzip(format!("{}\n{page}\n{{\n", line("1")).as_bytes()));
    files.write("b.csv", "id,user_id,timestamp\n1,u,2026-01-04T10:00:00Z\nx\n");
    let inputs =
        discover(&[files.path().display().to_string()], None, EventTypes::default()).expect("two files");
    let threads = NonZeroUsize::new(2).expect("not 0");
    let options = Options {
        threads,
        strictness: Strictness::Lenient,
        temporary: files.path(),
        filters: &NoRowFilters,
        first_rows: None,
    };
    let reported = Reported::default();
    read_all(&inputs.files, &Source::default(), &options, &reported).expect("a lenient read");
    let bytes: u64 = inputs.files.iter().map(|file| file.size).sum();
    assert_eq!((reported.0.into_inner(), reported.1.into_inner()), (5, bytes));
}
