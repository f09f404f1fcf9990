//! Hand-written expectations: each test is a sentence of the contract with its answer beside it.

use std::num::NonZeroU64;

use super::*;
use crate::rules::Count;

const MINUTE: i64 = 60_000_000;
/// 2026-01-04T10:00:00Z.
const START: i64 = 1_767_520_800_000_000;

/// `"e1 dev ann login 0"`: event id, device, user, event (`-` is null) and microseconds after [`START`].
fn row(line: &str) -> OracleRow {
    let fields: Vec<&str> = line.split(' ').collect();
    let text = |place: usize| (fields[place] != "-").then(|| fields[place].to_owned());
    let number =
        |place: usize| fields.get(place).map(|field| START + field.parse::<i64>().expect("a number"));
    OracleRow {
        event_id: text(0),
        anonymous_id: text(1),
        user_id: text(2),
        event: text(3),
        timestamp: number(4),
        received_at: number(5),
        carried: Vec::new(),
    }
}

fn run(lines: &[&str], rules: &Rules) -> BTreeMap<&'static str, OracleTable> {
    let rows: Vec<OracleRow> = lines.iter().map(|line| row(line)).collect();
    let tables = tables(&rows, &Ignore::default(), rules);
    assert_eq!(check_invariants(&tables, rules), Vec::<String>::new());
    tables
}

/// Some columns of a table, a line a row: `-` is null, times are microseconds after [`START`].
fn show(tables: &BTreeMap<&'static str, OracleTable>, table: &str, columns: &[&str]) -> Vec<String> {
    let table = &tables[table];
    let place =
        |column: &&str| table.columns.iter().position(|name| name == column).expect("the column exists");
    let show = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Truth(truth) => truth.to_string(),
        Value::Time(time) => (time - START).to_string(),
    };
    let line = |row: &Vec<Value>| {
        columns.iter().map(|column| show(&row[place(column)])).collect::<Vec<_>>().join(" ")
    };
    table.rows.iter().map(line).collect()
}

fn exact(micros: i64) -> Rules {
    let micros = NonZeroU64::new(micros as u64).expect("not 0");
    Rules { timeout: Timeout::Exact(micros), ..Rules::default() }
}

#[test]
fn a_session_ends_after_more_than_thirty_whole_minutes() {
    let lines = [
        "a d - x 0",
        "b d - x 1800000000", // 30:00
        "c d - x 3659999999", // 30:59.999999 later
        "d d - x 5519999999", // 31:00 later
    ];
    let tables = run(&lines, &Rules::default());
    assert_eq!(
        show(&tables, "dbt_mapped_tracks", &["event_id", "idle_time_minutes"]),
        ["a -", "b 30", "c 30", "d 31"]
    );
    assert_eq!(
        show(&tables, "dbt_track_facts", &["event_id", "session_id", "track_sequence_number"]),
        ["a 1 - d 1", "b 1 - d 2", "c 1 - d 3", "d 2 - d 1"]
    );
    assert_eq!(
        show(&tables, "dbt_session_tracks", &["session_id", "session_start_at", "next_session_start_at"]),
        ["1 - d 0 5519999999", "2 - d 5519999999 -"]
    );
    assert_eq!(show(&tables, "dbt_session_duration", &["session_duration"]), ["60", "0"]);
    assert_eq!(
        show(
            &tables,
            "dbt_user_session_facts",
            &["dbt_visitor_id", "first_date", "last_date", "number_of_sessions"]
        ),
        ["d 0 5519999999 2"]
    );
}

#[test]
fn an_exact_timeout_is_passed_by_one_microsecond() {
    let lines = ["a d - x 0", "b d - x 90000000", "c d - x 180000001"];
    let tables = run(&lines, &exact(90_000_000));
    assert_eq!(
        show(&tables, "dbt_track_facts", &["event_id", "session_id"]),
        ["a 1 - d", "b 1 - d", "c 2 - d"]
    );
}

#[test]
fn the_least_duplicate_is_kept_and_an_alias_of_a_dropped_one_does_not_exist() {
    let lines = ["a d u2 x 0 9", "a d u1 x 0", "a d - x 0 9", "a zz u0 x 1 0"];
    let tables = run(&lines, &Rules::default());
    assert_eq!(show(&tables, "dbt_aliases_mapping", &["alias", "dbt_visitor_id"]), ["d u2", "u2 u2"]);
    assert_eq!(
        show(&tables, "tracklet_duplicates", &["anonymous_id", "user_id", "timestamp", "received_at"]),
        ["d - 0 9", "d u1 0 -", "zz u0 1 0"]
    );
}

#[test]
fn a_device_belongs_to_its_latest_greatest_user_one_step_only() {
    // `d` was last used by u9 and u10 at once; u9 is a device of `w`, which nobody asks about.
    let lines = ["a d u10 x 5", "b d u9 x 5", "c d u99 x 4", "e u9 w x 6", "f d - x 7"];
    let tables = run(&lines, &Rules::default());
    assert_eq!(
        show(&tables, "dbt_aliases_mapping", &["alias", "dbt_visitor_id"]),
        ["d u9", "u10 u10", "u9 w", "u99 u99", "w w"]
    );
    assert_eq!(
        show(&tables, "dbt_mapped_tracks", &["event_id", "dbt_visitor_id"]),
        ["a u10", "f u9", "c u99", "b w", "e w"]
    );
}

#[test]
fn kept_duplicates_count_as_rows_but_not_as_event_ids() {
    let rules = Rules { duplicates: Duplicates::Keep, ..Rules::default() };
    let lines = ["a - u signup 0", "a d u signup 0", "a d u - 0", "a d u signup 1"];
    let tables = run(&lines, &rules);
    assert_eq!(
        show(&tables, "dbt_track_facts", &["anonymous_id", "event"]),
        ["d signup", "d -", "- signup", "d signup"]
    );
    assert_eq!(
        show(&tables, "dbt_session_track_facts", &["num_pvs", "cnt_viewed_product", "cnt_signup"]),
        ["1 0 3"]
    );
    assert!(tables["tracklet_duplicates"].rows.is_empty());
}

#[test]
fn the_flow_looks_ahead_within_the_session() {
    let rules = Rules { flow_length: 3, counts: vec![Count::new("both", ["p", "q"])], ..Rules::default() };
    let last = 40 * MINUTE;
    let lines = ["a d - p 0", "b d - - 1", "c d - q 2", &format!("e d - r {last}")];
    let tables = run(&lines, &rules);
    assert_eq!(
        show(&tables, "dbt_tracks_flow", &["event", "event_2", "event_3"]),
        ["p - q", "- q -", "q - -", "r - -"]
    );
    assert_eq!(show(&tables, "dbt_session_track_facts", &["both"]), ["2", "0"]);
    assert_eq!(tables["dbt_tracks_flow"].columns.len(), 8);
}

#[test]
fn the_first_reason_that_holds_rejects_a_row() {
    let blank = OracleRow::default();
    let at = |timestamp| OracleRow { timestamp: Some(timestamp), ..row("a d - x") };
    let rows = [
        OracleRow { user_id: Some("\0".to_owned()), ..blank.clone() },
        blank,
        row("a - - -"),
        at(-1),
        at(9_214_646_400_000_000),
        OracleRow { anonymous_id: Some(String::new()), ..at(0) },
        at(0),
        OracleRow { received_at: Some(-1), ..at(9_214_646_399_999_999) },
    ];
    let out = "timestamp_out_of_range";
    let expected = [
        (0, "invalid_text"),
        (1, "missing_event_id"),
        (2, "missing_timestamp"),
        (3, out),
        (4, out),
        (5, "missing_ids"),
    ];
    assert_eq!(rejects(&rows, &Ignore::default(), &Rules::default()), expected);
    let tables = tables(&rows, &Ignore::default(), &Rules::default());
    assert_eq!(show(&tables, "dbt_mapped_tracks", &["timestamp"]), [(-START).to_string()]);
    assert_eq!(tables["tracklet_duplicates"].rows[0][5], Value::Null);
}

#[test]
fn ids_made_of_rows_are_numbered_where_rows_are_alike() {
    let rules = Rules { duplicates: Duplicates::Number, ..Rules::default() };
    let lines = ["- d - x 0 7", "same d - x 0 7", "- d - - 0", "- d u x 0 7", "- d - x 0 7"];
    let tables = run(&lines, &rules);
    // printf '+d\037-\037+x\037+1767520800000000\037+1767520800000007\037+track' | md5sum
    let id = "fbe9920c2d60619b12f4937000cec8bb";
    let ids = show(&tables, "dbt_mapped_tracks", &["event_id"]);
    let alike: Vec<&String> = ids.iter().filter(|other| other.starts_with(id)).collect();
    assert_eq!(alike, [id, &format!("{id}-2"), &format!("{id}-3")]);
    assert_eq!((ids.len(), tables["tracklet_duplicates"].rows.len()), (5, 0));
    // printf '+d\037-\037-\037+1767520800000000\037-\037+track' | md5sum
    assert!(ids.contains(&"3383f24672ae1de9393752d8c28bcea5".to_owned()), "{ids:?}");
}

#[test]
fn visitors_and_ties_are_ordered_by_bytes() {
    // U+FFFD sorts before the emoji by bytes and after it by UTF-16 units.
    let lines = ["😀 b - x 0", "\u{fffd} b - x 0", "a b - x 0", "B b - x 0", "z B - x 0"];
    let tables = run(&lines, &Rules::default());
    assert_eq!(show(&tables, "dbt_track_facts", &["event_id"]), ["z", "B", "a", "\u{fffd}", "😀"]);
}

#[test]
fn broken_tables_are_reported() {
    let rules = Rules::default();
    let lines = ["a d - x 0", "b d - x 1", "c d - x 3600000000"];
    let broken = |table: &'static str, change: fn(&mut Vec<Vec<Value>>)| {
        let mut tables = run(&lines, &rules);
        change(&mut tables.get_mut(table).expect("the table exists").rows);
        check_invariants(&tables, &rules)
    };
    let first = |violations: Vec<String>| violations.into_iter().next().unwrap_or_default();
    let drop_row = |rows: &mut Vec<Vec<Value>>| drop(rows.pop());
    for table in
        tables(&[], &Ignore::default(), &rules).into_keys().filter(|table| *table != "tracklet_duplicates")
    {
        assert_ne!(broken(table, drop_row), Vec::<String>::new(), "{table}");
        let mut tables = run(&lines, &rules);
        tables.remove(table);
        assert_eq!(first(check_invariants(&tables, &rules)).replace(table, "T"), "there is no table T");
    }
    let join = |rows: &mut Vec<Vec<Value>>| rows[2][4] = text("1 - d");
    assert!(broken("dbt_track_facts", join).iter().any(|violation| violation.contains("holds a gap")));
    let longer = exact(61 * MINUTE);
    let violations = check_invariants(&run(&lines, &rules), &longer);
    assert_eq!(violations.len(), 1);
    assert!(violations[0].contains("are not apart"));
    let twice = |rows: &mut Vec<Vec<Value>>| rows[1][0] = text("1 - d");
    assert!(broken("dbt_session_tracks", twice).iter().any(|violation| violation.contains("twice")));
    let next = |rows: &mut Vec<Vec<Value>>| rows[0][4] = Value::Null;
    assert!(broken("dbt_session_tracks", next).iter().any(|violation| violation.contains("the next start")));
}
