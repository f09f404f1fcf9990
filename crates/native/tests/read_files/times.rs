//! Times in every form that exports have.

use super::parquet::{ids, parquet, text};
use super::support::{Files, outcome};
use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int32Array, Int64Array, UInt64Array};
use std::sync::Arc;
use tracklet_kernel::event_type::EventTypes;
use tracklet_kernel::gate::Gate;
use tracklet_kernel::time::Unit;
use tracklet_native::read::inputs::discover;
use tracklet_native::read::{Source, inspect};

const MILLIS: i64 = 1_767_520_800_000;

fn in_unit(unit: Unit) -> Source {
    Source { gate: Gate { time_unit: Some(unit), ..Gate::default() }, ..Source::default() }
}

/// A table of a time column.
fn table(times: ArrayRef) -> Vec<u8> {
    let rows = times.len();
    let devices = text(&vec![Some("ann"); rows]);
    parquet(&[("id", ids(rows)), ("anonymous_id", devices), ("timestamp", times)], rows)
}

// Every row of these exports was rejected, at exit code 0.
#[test]
fn r16_exports_of_warehouses_are_read() {
    let exports = [
        "2026-01-04 10:00:00.745232+00",  // PostgreSQL's copy
        "2026-01-04 02:00:00.745 -0800",  // Snowflake's unload
        "2026-01-04 10:00:00.123456 UTC", // BigQuery's extract
        "2026-01-04 10:00:00.000 UTC",    // Athena and Trino
        "2026-01-04T10:00:00+0530",       // Swift's formatter
        "2026-01-04T10:00",
    ];
    for time in exports {
        let files = Files::new();
        let row = format!("m1,ann,{time}\n");
        files.write("tracks.csv", format!("id,anonymous_id,timestamp\n{row}"));
        files.write(
            "tracks.json",
            format!(r#"{{"type":"track","messageId":"m2","anonymousId":"ann","timestamp":"{time}"}}"#),
        );
        files.write("tracks.parquet", table(text(&[Some(time)])));
        assert_eq!(outcome(&files.read()), (3, 0, vec![]), "{time}");
    }
}

#[test]
fn numbers_of_every_type_are_times_in_the_unit_of_the_configuration() {
    let decimal = Decimal128Array::from(vec![i128::from(MILLIS)]).with_precision_and_scale(38, 0);
    let columns: [(Unit, ArrayRef); 6] = [
        (Unit::Milliseconds, Arc::new(Int64Array::from(vec![MILLIS]))),
        (Unit::Microseconds, Arc::new(UInt64Array::from(vec![MILLIS as u64 * 1000]))),
        (Unit::Seconds, Arc::new(Int32Array::from(vec![(MILLIS / 1000) as i32]))),
        (Unit::Nanoseconds, Arc::new(Int64Array::from(vec![MILLIS * 1_000_000]))),
        (Unit::Milliseconds, Arc::new(Float64Array::from(vec![MILLIS as f64]))),
        (Unit::Milliseconds, Arc::new(decimal.expect("38 digits"))),
    ];
    for (unit, column) in columns {
        let files = Files::new();
        files.write("a.parquet", table(Arc::clone(&column)));
        assert_eq!(outcome(&files.read()), (0, 0, vec![(Some(1), "bad_timestamp")]), "{column:?}");
        let read = files.read_as(&in_unit(unit));
        assert_eq!(outcome(&read), (1, 0, vec![]), "{column:?}");
        let tracks = tracklet_kernel::tracks::Tracks::merge(read.tracks);
        let batch = tracks.batches(1).next().expect("one track");
        let micros = batch.column_by_name("timestamp").expect("a column");
        let micros = micros.as_any().downcast_ref::<arrow::array::TimestampMicrosecondArray>();
        assert_eq!(micros.expect("microseconds").value(0), MILLIS * 1000, "{column:?}");
    }
}

#[test]
fn numbers_that_are_no_times_are_rejected_as_they_stand() {
    let files = Files::new();
    let odd = [f64::NAN, 0.5, 1e300, -1.0, MILLIS as f64];
    files.write("a.parquet", table(Arc::new(Float64Array::from(odd.to_vec()))));
    let read = files.read_as(&in_unit(Unit::Milliseconds));
    let (bad, far) = ("bad_timestamp", "timestamp_out_of_range");
    assert_eq!(outcome(&read), (1, 0, vec![(Some(1), bad), (Some(2), bad), (Some(3), far), (Some(4), far)]));
    assert_eq!(read.rejects[1].timestamp.as_deref(), Some("0.5"));
}

#[test]
fn a_first_look_finds_the_unit_of_times_that_are_numbers() {
    // r19: of rows of tables in JSON `timestamp` alone was looked at, and no unit was proposed for those of data lakes.
    let row = |times: &str| format!(r#"{{"id":"m","anonymous_id":"a",{times}}}"#).into_bytes();
    let line =
        |time: &str| format!(r#"{{"type":"track","messageId":"m","anonymousId":"a","timestamp":{time}}}"#);
    let csv = |times: &[&str]| {
        let rows: String = times.iter().map(|time| format!("m,a,{time}\n")).collect();
        format!("id,anonymous_id,timestamp\n{rows}").into_bytes()
    };
    let cases = [
        ("a.parquet", table(Arc::new(Int64Array::from(vec![None, Some(MILLIS)]))), Some(Unit::Milliseconds)),
        ("a.csv", csv(&["1767520800", "1767520801"]), Some(Unit::Seconds)),
        ("b.csv", csv(&["1767520800", "1767520801000"]), None),
        ("c.csv", csv(&["2026-01-04T10:00:00Z", "1767520801000", "2026-01-04T10:00:00Z"]), None),
        ("d.csv", csv(&["20260104"]), None),
        ("a.json", line("1767520800000000").into_bytes(), Some(Unit::Microseconds)),
        ("row.json", row(r#""_timestamp":1767520800000000,"received_at":1"#), Some(Unit::Microseconds)),
        ("upper.json", row(r#""_TIMESTAMP":1767520800000"#), Some(Unit::Milliseconds)),
        ("first.json", row(r#""timestamp":1767520800,"_timestamp":1767520800000"#), Some(Unit::Seconds)),
        ("device.json", row(r#""original_timestamp":"1767520800000""#), Some(Unit::Milliseconds)),
        ("device.csv", b"id,original_timestamp\nm,1767520800\n".to_vec(), Some(Unit::Seconds)),
        ("b.json", line("\"1767520800000\"").into_bytes(), Some(Unit::Milliseconds)),
        ("c.json", line("\"2026-01-04T10:00:00Z\"").into_bytes(), None),
    ];
    for (name, bytes, unit) in cases {
        let files = Files::new();
        files.write(name, bytes);
        let inputs = discover(&[files.name(name)], None, EventTypes::default()).expect("a file");
        let found = inspect(&inputs.files, files.path()).expect("it can be read");
        assert_eq!(found.formats[0].time_unit, unit, "{name}");
    }
}
