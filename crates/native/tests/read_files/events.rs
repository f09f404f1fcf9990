//! Calls of all types and their columns, from every format.

use super::parquet::parquet;
use super::support::{Files, outcome};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array,
    Int64Array, ListArray, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, Int32Type};
use std::path::Path;
use std::sync::Arc;
use tracklet_config::Config;
use tracklet_kernel::decimal::to_text;
use tracklet_kernel::sessionize::Sessionized;
use tracklet_kernel::tables::TrackRun;
use tracklet_kernel::tracks::Tracks;
use tracklet_native::read::{Read, Source};

fn config(text: &str) -> Config {
    Config::parse(text, Path::new("tracklet.toml")).expect("a configuration")
}

fn source(config: &Config) -> Source {
    Source {
        types: config.source.types,
        event_columns: config.columns.clone(),
        gate: config.gate(),
        ..Source::default()
    }
}

/// Of every event, by id: these columns, `-` for null, with spaces between them.
fn events(read: Read, config: &Config, columns: &[&str]) -> Vec<String> {
    let sessionized = Sessionized::new(Tracks::merge(read.tracks), config.rules());
    let runs: Vec<TrackRun> = (0..sessionized.session_count())
        .map(|session| TrackRun { session, places: sessionized.session_places(session) })
        .collect();
    let batch = sessionized.track_columns(&runs, |_| true);
    let text = |column: &ArrayRef, row: usize| match column.data_type() {
        _ if column.is_null(row) => "-".to_owned(),
        DataType::Decimal128(..) => to_text(column.as_primitive::<Decimal128Type>().value(row)),
        _ => cast(column, &DataType::Utf8).expect("text").as_string::<i32>().value(row).to_owned(),
    };
    let line = |row: usize| columns.iter().map(|name| text(&batch[*name], row)).collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = (0..batch.num_rows()).map(line).collect();
    lines.sort();
    lines
}

fn read(files: &Files, config: &Config) -> Read {
    files.read_as(&source(config))
}

#[test]
fn calls_that_are_not_asked_for_are_counted_by_their_type() {
    let files = Files::new();
    let call = |name: &str, id: &str| {
        format!(r#"{{"type":"{name}","messageId":"{id}","userId":"u","timestamp":"2026-01-04T10:00:00Z"}}"#)
    };
    let calls = ["track", "Page", "identify", "merge"].map(|name| call(name, name));
    files.write("calls.json", calls.join("\n"));
    let config = config("[source]\ntypes = [\"page\", \"alias\"]");
    let found = read(&files, &config);
    assert_eq!(outcome(&found), (1, 3, vec![]));
    let others: Vec<(String, u64)> = found.other_calls.by_type().into_iter().collect();
    assert_eq!(
        others,
        [("identify", 1), ("other", 1), ("track", 1)].map(|(name, calls)| (name.to_owned(), calls))
    );
    assert_eq!(events(found, &config, &["event_id", "event_type", "event"]), ["Page page page_view"]);
}

#[test]
fn columns_of_typed_tables_are_texts_and_numbers_whatever_their_type() {
    let files = Files::new();
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c", "d"]));
    let time = TimestampMicrosecondArray::from(vec![1_767_520_800_000_000; 4]);
    let flags: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, None]));
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.1), Some(1e21), Some(f64::NAN), None]));
    let decimals = Decimal128Array::from(vec![Some(12_345_675), Some(-5), None, Some(5)]);
    let decimals: ArrayRef = Arc::new(decimals.with_precision_and_scale(20, 7).expect("it has fewer digits"));
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![Some(i64::MAX), None, Some(-7), Some(0)]));
    let inner: ArrayRef = Arc::new(StringArray::from(vec![Some("pro"), None, Some(""), Some("free")]));
    let nested: ArrayRef = Arc::new(StructArray::from(vec![(
        Arc::new(Field::new("plan", DataType::Utf8, true)),
        Arc::clone(&inner),
    )]));
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
        Some(vec![Some(1)]),
        None,
        Some(vec![]),
        Some(vec![Some(2)]),
    ]));
    let last: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3, 4]));
    let columns = [
        ("id", Arc::clone(&ids)),
        ("user_id", ids),
        ("timestamp", Arc::new(time) as ArrayRef),
        ("flag", flags),
        ("price", floats),
        ("Total", decimals),
        ("number", whole),
        ("traits", nested),
        ("list", lists),
        ("last", last),
    ];
    files.write("a.parquet", parquet(&columns, 3));
    let config = config(
        "[columns]\nflag = \"flag\"\nprice = \"price\"\nprice_n = { number = \"price\" }\n\
         total = { number = [\"total\", \"last\"] }\nnumber = { number = \"number\" }\nplan = [\"traits.plan\", \"last\"]\n\
         list = \"list\"\nflag_n = { number = [\"flag\", \"last\"] }",
    );
    let found = read(&files, &config);
    let unread = |name: &str| {
        let unread = &found.event_columns[name].unread;
        (unread.values, unread.examples.iter().map(String::as_str).collect::<Vec<_>>().join("|"))
    };
    assert_eq!(unread("price_n"), (1, "NaN".to_owned()));
    assert_eq!(unread("flag_n"), (2, "false|true".to_owned()));
    assert!(!found.event_columns.contains_key("total") && found.absent_columns.is_empty());
    assert_eq!(
        events(found, &config, &["event_id", "flag", "price_n", "total", "number", "plan", "list", "flag_n"]),
        [
            "a true 0.1 1.234568 9223372036854775807 pro - -",
            "b false 1000000000000000000000 -0.000001 - 2 - -",
            "c - - 3 -7 3 - 3",
            "d - - 0.000001 0 free - 4",
        ]
    );
}

#[test]
fn times_of_typed_tables_are_texts_as_the_tables_show_them() {
    let files = Files::new();
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let time =
        |micros: [Option<i64>; 2]| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(micros.to_vec())) };
    let columns = [
        ("id", Arc::clone(&ids)),
        ("user_id", ids),
        ("timestamp", time([Some(1_767_520_800_000_000); 2])),
        ("sent_at", time([Some(1_767_520_800_123_456), None])),
        ("day", Arc::new(Date32Array::from(vec![Some(20_457), None])) as ArrayRef),
    ];
    files.write("a.parquet", parquet(&columns, 2));
    let config = config("[columns]\nsent_at = \"sent_at\"\nday = \"day\"\nn = { number = \"sent_at\" }");
    let found = read(&files, &config);
    assert_eq!(found.event_columns["n"].unread.values, 1);
    assert_eq!(
        events(found, &config, &["event_id", "sent_at", "day", "n"]),
        ["a 2026-01-04T10:00:00.123456Z 2026-01-04 -", "b - - -"]
    );
}

#[test]
fn parts_without_a_header_take_that_of_a_table_of_their_type() {
    let files = Files::new();
    let row = |id: &str, third: &str| format!("{id},u,2026-01-04 10:00:00,{third}\n");
    files.write("tracks/0.csv", format!("id,user_id,timestamp,event\n{}", row("t", "bought")));
    files.write("pages/0.csv", format!("id,user_id,timestamp,url\n{}", row("p", "https://a/")));
    files.write("pages/1.csv", row("q", "https://b/"));
    let config = config("[source]\ntypes = [\"track\", \"page\"]\n[columns]\nurl = \"url\"");
    assert_eq!(
        events(read(&files, &config), &config, &["event_id", "event", "url"]),
        ["p page_view https://a/", "q page_view https://b/", "t bought -"]
    );
}

#[test]
fn a_column_that_no_file_has_is_named_with_what_may_be_meant() {
    let files = Files::new();
    let head = r#"{"type":"track","messageId":"m","userId":"u","timestamp":"2026-01-04T10:00:00Z""#;
    files.write("a.json", format!("{head},\"context\":{{\"traits\":{{\"plan\":\"pro\"}}}}}}"));
    files.write("b.csv", "id,user_id,timestamp,tier\nn,u,2026-01-04 10:00:00,gold\n");
    let config = config(
        "[columns]\nplan = \"context_trait_plan\"\ntier = \"tier\"\nboth = [\"tier\", \"context_traits_plan\"]",
    );
    let found = read(&files, &config);
    let absent: Vec<_> =
        found.absent_columns.iter().map(|column| (column.name.as_str(), column.near.as_deref())).collect();
    assert_eq!(absent, [("plan", Some("context_traits_plan"))]);
    let without = |name: &str| found.event_columns.get(name).map(|found| found.files_without);
    assert_eq!([without("plan"), without("tier"), without("both")], [Some(2), Some(1), None]);
    assert_eq!(events(found, &config, &["event_id", "plan", "tier", "both"]), ["m - - pro", "n - gold gold"]);
}

#[test]
fn numbers_that_are_none_are_counted_with_the_least_three() {
    let files = Files::new();
    let rows: String = ["x", "1,5", " 1", "1e3", "2", "", "x", "+1"]
        .iter()
        .enumerate()
        .map(|(row, value)| format!("{row},u,2026-01-04 10:00:00,\"{value}\"\n"))
        .collect();
    files.write("a.csv", format!("id,user_id,timestamp,total\n{rows}"));
    // A rejected row has no number.
    files.write("b.csv", "id,user_id,timestamp,total\n,u,2026-01-04 10:00:00,y\n");
    let config = config("[columns]\ntotal = { number = \"total\" }");
    let found = read(&files, &config);
    let unread = &found.event_columns["total"].unread;
    assert_eq!(
        (unread.values, unread.examples.iter().map(String::as_str).collect::<Vec<_>>()),
        (6, vec![" 1", "+1", "1,5"])
    );
    assert_eq!(events(found, &config, &["event_id", "total"])[4], "4 2");
}

#[test]
fn texts_too_long_or_with_u0000_are_no_value_and_the_next_column_counts() {
    let files = Files::new();
    let long = "x".repeat(16_384);
    let line = |id: &str, plan: &str| {
        format!(
            r#"{{"type":"track","messageId":"{id}","userId":"u","timestamp":"2026-01-04T10:00:00Z","plan":"{plan}","tier":"gold"}}"#
        )
    };
    files.write("a.json", [line("a", &long), line("b", "n\\u0000l"), line("c", &long[1..])].join("\n"));
    files.write("b.csv", format!("id,user_id,timestamp,plan,tier\nd,u,2026-01-04 10:00:00,{long},gold\n"));
    let config = config("[columns]\nplan = [\"plan\", \"tier\"]");
    let found = events(read(&files, &config), &config, &["event_id", "plan"]);
    assert_eq!([&found[0], &found[1], &found[3]], ["a gold", "b gold", "d gold"]);
    assert_eq!(found[2].len(), "c ".len() + 16_383);
}
