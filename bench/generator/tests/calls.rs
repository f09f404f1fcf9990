//! Calls of all types: what each says, as a raw line and as a row of a table, and the faults that SDKs' session ids have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use clap::Parser;
use flate2::read::GzDecoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tracklet_generator::arrivals::{Arrivals, ArrivingRow, Call};
use tracklet_generator::calls::details::{Detailed, Details};
use tracklet_generator::calls::site::{Campaign, DIRECT};
use tracklet_generator::{Options, Summary, generate};

fn options(out: &Path, arguments: &str) -> Options {
    let out = out.to_string_lossy();
    Options::parse_from(["generator", "--out", out.as_ref()].into_iter().chain(arguments.split(' ')))
}

fn details(arguments: &str) -> Vec<(ArrivingRow, Details)> {
    let options = options(Path::new("unused"), &format!("--calls all {arguments}"));
    let detailed = Detailed::new(&options.traffic, options.ids);
    Arrivals::new(&options.traffic).flatten().map(|row| (row, detailed.of(&row))).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { &mut folders } else { &mut files }.push(path);
        }
    }
    files.sort();
    files
}

// What a data set is made of must not change with what the generator learns: the example is one.
#[test]
fn the_example_is_what_its_command_makes() {
    let example = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../examples/shop");
    let text = fs::read_to_string(example.join("README.md")).unwrap();
    let (_, command) = text.split_once("-p tracklet-generator -- ").unwrap();
    let (command, _) = command.split_once("--out examples/shop").unwrap();
    let words: Vec<&str> = command.split_whitespace().filter(|word| *word != "\\").collect();
    let out = tempfile::tempdir().unwrap();
    generate(&options(out.path(), &words.join(" "))).unwrap();
    let (made, kept) = (out.path().join("rudder-logs"), example.join("rudder-logs"));
    let below = |folder: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        let inside = |file: &PathBuf| file.strip_prefix(folder).unwrap().to_path_buf();
        files_below(folder).iter().map(|file| (inside(file), fs::read(file).unwrap())).collect()
    };
    assert!(below(&made) == below(&kept), "the files of examples/shop are others");
}

/// What a call says, by the names that the warehouse's columns have.
type Said = BTreeMap<String, String>;

const COMPARED: [&str; 27] = [
    "anonymous_id",
    "user_id",
    "channel",
    "context_app_name",
    "context_app_version",
    "context_campaign_source",
    "context_campaign_medium",
    "context_campaign_name",
    "context_campaign_term",
    "context_campaign_content",
    "context_device_manufacturer",
    "context_device_type",
    "context_geo_country",
    "context_library_name",
    "context_locale",
    "context_network_carrier",
    "context_os_name",
    "context_os_version",
    "context_page_url",
    "context_page_title",
    "context_page_referrer",
    "context_page_initial_referrer",
    "context_session_id",
    "context_session_start",
    "context_timezone",
    "context_traits_email",
    "context_user_agent",
];

/// The value of a line at the place that a column is flattened from.
fn at<'a>(line: &'a Value, column: &str) -> Option<&'a Value> {
    let named = |name: &str| -> String {
        let mut words = name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
    };
    match column.strip_prefix("context_") {
        None => line.get(named(column)),
        Some(rest) => {
            let context = &line["context"];
            let inner = || {
                let (object, field) = rest.split_once('_')?;
                context.get(object)?.get(field)
            };
            context.get(named(rest)).or_else(inner)
        }
    }
}

fn said_by_line(line: &Value) -> (String, Said) {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut said = Said::new();
    for column in COMPARED {
        if let Some(value) = at(line, column).map(text).filter(|text| !text.is_empty()) {
            said.insert(column.to_owned(), value);
        }
    }
    let properties = &line["properties"];
    if line["type"] == "page" {
        for column in ["url", "path", "title", "search", "referrer", "category"] {
            let value = text(&properties[column]);
            said.extend((!value.is_empty()).then(|| (column.to_owned(), value)));
        }
    }
    said.extend(line.get("name").map(|name| ("name".to_owned(), text(name))));
    said.extend(line.get("event").map(|name| ("event_text".to_owned(), text(name))));
    said.insert("type".to_owned(), text(&line["type"]));
    (text(&line["messageId"]), said)
}

fn value(batch: &RecordBatch, column: usize, row: usize) -> Option<String> {
    let array = batch.column(column);
    (!array.is_null(row)).then(|| match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        _ => array.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
    })
}

fn said_by_tables(folder: &Path) -> BTreeMap<String, Said> {
    let own = ["url", "path", "title", "search", "referrer", "category", "name", "event_text"];
    let mut all = BTreeMap::new();
    for (table, kind) in
        [("tracks", "track"), ("pages", "page"), ("screens", "screen"), ("identifies", "identify")]
    {
        for path in files_below(&folder.join(table)) {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build();
            for batch in reader.unwrap() {
                let batch = batch.unwrap();
                let schema = batch.schema();
                let id = schema.index_of("id").unwrap();
                for row in 0..batch.num_rows() {
                    let mut said = Said::from([("type".to_owned(), kind.to_owned())]);
                    for (place, field) in schema.fields().iter().enumerate() {
                        let name = field.name();
                        if COMPARED.contains(&name.as_str()) || own.contains(&name.as_str()) {
                            said.extend(value(&batch, place, row).map(|value| (name.clone(), value)));
                        }
                    }
                    all.insert(value(&batch, id, row).unwrap(), said);
                }
            }
        }
    }
    all
}

#[test]
fn tables_and_raw_lines_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let made = |format: &str| -> (Summary, PathBuf) {
        let out = folder.path().join(format);
        let arguments = format!("--tracks 4000 --calls all --duplicates 0.02 --format {format}");
        (generate(&options(&out, &arguments)).unwrap(), out)
    };
    let (tables, parquet) = made("parquet");
    let (raw, logs) = made("rudder-logs");
    let counted = |summary: &Summary| {
        [summary.rows, summary.tracks, summary.pages, summary.screens, summary.identifies, summary.duplicates]
    };
    assert_eq!(counted(&tables), counted(&raw));
    assert_eq!(raw.tracks + raw.pages + raw.screens, 4000);
    assert_eq!(raw.rows, 4000 + raw.identifies + raw.duplicates);

    let mut lines = BTreeMap::new();
    for path in files_below(&logs) {
        let mut text = String::new();
        GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
        lines.extend(text.lines().map(|line| said_by_line(&serde_json::from_str(line).unwrap())));
    }
    let rows = said_by_tables(&parquet);
    assert_eq!(lines.len() as u64, raw.rows - raw.duplicates);
    for (id, said) in &lines {
        assert_eq!(Some(said), rows.get(id), "{id}");
    }
    assert_eq!(rows.len(), lines.len());
    for column in COMPARED {
        assert!(lines.values().any(|said| said.contains_key(column)), "no call has {column}");
    }
}

#[test]
fn six_of_ten_events_are_page_calls_and_each_identify_call_has_a_user() {
    let calls = details("--tracks 100000");
    let fraction = |call: Call| calls.iter().filter(|(row, _)| row.call == call).count() as f64 / 100_000.0;
    assert!((0.58..0.62).contains(&fraction(Call::Page)), "{}", fraction(Call::Page));
    assert!((0.04..0.09).contains(&fraction(Call::Screen)), "{}", fraction(Call::Screen));
    assert!((0.02..0.08).contains(&fraction(Call::Identify)), "{}", fraction(Call::Identify));
    let is_known =
        |(row, call): &(ArrivingRow, Details)| row.call != Call::Identify || call.user_id.is_some();
    assert!(calls.iter().all(is_known));
    assert!(calls.iter().all(|(_, call)| call.call != Call::Page || call.page.is_some()));
    assert!(calls.iter().all(|(_, call)| (call.call == Call::Screen) == call.screen.is_some()));
}

#[test]
fn a_campaign_is_on_landing_pages_alone_and_referrers_lead_from_page_to_page() {
    let calls = details("--tracks 30000");
    let mut campaigns = 0;
    let (mut landings, mut direct) = (0, 0);
    for (row, call) in &calls {
        let Some(page) = &call.page else { continue };
        if row.page == 0 {
            assert_eq!(page.referrer, page.initial_referrer);
            landings += 1;
            direct += u32::from(page.referrer == DIRECT);
            campaigns += u32::from(page.campaign != Campaign::default());
        } else {
            assert!(page.referrer.starts_with("https://shop.example/"), "{}", page.referrer);
            assert_eq!(page.campaign, Campaign::default());
            assert!(!page.search.contains("utm_"));
        }
        assert_eq!(page.campaign.source.is_some(), page.search.contains("utm_source="));
    }
    assert!(campaigns * 10 > landings && campaigns * 4 < landings, "{campaigns} of {landings}");
    assert!(direct * 3 > landings, "{direct} of {landings}");
}

#[test]
fn session_ids_have_the_faults_that_sdks_give_them() {
    let calls = details("--tracks 60000 --days 30");
    let (mut of_visitors, mut of_devices) = (BTreeMap::<i64, BTreeSet<u32>>::new(), BTreeMap::new());
    let (mut digits, mut of_servers) = (BTreeSet::new(), 0);
    let mut of_sessions: BTreeMap<(u32, i64), BTreeSet<i64>> = BTreeMap::new();
    for (row, call) in &calls {
        let Some(id) = call.session_id else {
            assert_eq!((call.sender.channel, call.call), ("server", Call::Track));
            assert!(call.device.is_none() && call.page.is_none());
            of_servers += 1;
            continue;
        };
        digits.insert(id.to_string().len());
        of_visitors.entry(id).or_default().insert(row.visitor);
        let (first, last) =
            of_devices.entry((row.visitor, row.device, id)).or_insert((row.timestamp, row.timestamp));
        (*first, *last) = ((*first).min(row.timestamp), (*last).max(row.timestamp));
        let start = row.timestamp - i64::from(row.since_session_start);
        of_sessions.entry((row.visitor, start)).or_default().insert(id);
    }
    // Milliseconds of browsers, seconds of apps, and numbers that were set by hand.
    assert!(digits.contains(&13) && digits.contains(&10) && digits.contains(&2), "{digits:?}");
    assert!(of_servers > 200, "{of_servers}");
    assert!(of_visitors.values().any(|visitors| visitors.len() > 1), "no id is shared");
    let day = 24 * 3_600_000;
    assert!(of_devices.values().any(|(first, last)| last - first > 5 * day), "no id is endless");
    let several = of_sessions.values().filter(|ids| ids.len() > 1).count();
    assert!(several > 50, "{several} sessions have a stale id or a second one");
    let starts = calls.iter().filter(|(_, call)| call.starts_session).count();
    assert!(starts * 10 > of_sessions.len() * 8, "{starts} of {}", of_sessions.len());
}
