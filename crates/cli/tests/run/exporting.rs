//! `tracklet export`: the same rows elsewhere, whole or not at all.

use super::support::{ended, files_below, shop, tracklet};
use std::fs;

#[test]
fn every_format_has_the_same_rows_in_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let shop = shop().display().to_string();
    assert_eq!(ended(&mut tracklet(at, &["-q", "run", &shop])).0, 0);
    let printed = |format: &str| {
        let arguments = ["show", "dbt_track_facts", "--limit", "0", "--format", format];
        tracklet(at, &arguments).output().unwrap().stdout
    };
    let export = |arguments: &[&str]| ended(&mut tracklet(at, &[&["export"], arguments].concat()));
    let (code, shown) = export(&["dbt_track_facts", "--to", "facts.csv"]);
    assert_eq!((code, shown.as_str()), (0, "dbt_track_facts: 15,000 rows in facts.csv\n"));
    assert!(fs::read(at.join("facts.csv")).unwrap() == printed("csv"));
    assert_eq!(export(&["dbt_track_facts", "--to", "new/place/facts.json"]).0, 0);
    assert!(fs::read(at.join("new/place/facts.json")).unwrap() == printed("json"));

    // Parquet is read again by the program itself, as tables of a folder.
    assert_eq!(export(&["--all", "--to", "all/"]).0, 0);
    let snapshot = at.join("again/snapshots/000001");
    for (name, bytes) in files_below(&at.join("all")) {
        let table = snapshot.join(name.strip_suffix(".parquet").unwrap());
        fs::create_dir_all(&table).unwrap();
        fs::write(table.join("all.parquet"), bytes).unwrap();
    }
    std::os::unix::fs::symlink("snapshots/000001", at.join("again/current")).unwrap();
    for table in ["dbt_track_facts", "tracklet_rejects", "dbt_session_track_facts"] {
        let rows_of = |out: &str| {
            let arguments = ["show", table, "--limit", "0", "--format", "csv", "--out", out];
            tracklet(at, &arguments).output().unwrap().stdout
        };
        assert!(rows_of("again") == rows_of("out") && rows_of("out").len() > 500, "{table}");
    }
    assert_eq!(fs::read_dir(at.join("all")).unwrap().count(), 10);

    let (code, _) = export(&["dbt_track_facts", "--where", "event = 'order_completed'", "--to", "facts.csv"]);
    let orders = fs::read_to_string(at.join("facts.csv")).unwrap();
    assert_eq!(code, 0);
    assert!(
        orders.lines().count() > 10 && orders.lines().skip(1).all(|line| line.contains("order_completed"))
    );
}

#[test]
fn what_cannot_be_exported_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("a.json"), super::support::line("m1", "a", "2026-01-04T10:00:00Z")).unwrap();
    fs::write(at.join("taken.csv"), "before").unwrap();
    fs::create_dir(at.join("folder.csv")).unwrap();
    assert_eq!(ended(&mut tracklet(at, &["-q", "run", "a.json"])).0, 0);
    let before = files_below(at);
    let cases: [(&[&str], &str); 6] = [
        (&["dbt_trak_facts", "--to", "taken.csv"], "hint: did you mean `dbt_track_facts`?"),
        (
            &["dbt_track_facts", "--where", "no_such = 1", "--to", "taken.csv"],
            "the filter `no_such = 1` is wrong",
        ),
        (
            &["dbt_track_facts", "dbt_mapped_tracks", "--to", "taken.csv"],
            "is one file, and there are 2 tables",
        ),
        (&["dbt_track_facts", "--to", "facts"], "`facts` does not say which format to write"),
        (
            &[
                "dbt_track_facts",
                "--where",
                "1 / track_sequence_number - 1 > 1 / (track_sequence_number - 1)",
                "--to",
                "taken.csv",
            ],
            "the query failed",
        ),
        (&["dbt_track_facts", "--to", "a.json/facts.csv"], "cannot write `a.json/facts.csv`"),
    ];
    for (arguments, message) in cases {
        let (code, shown) = ended(&mut tracklet(at, &[&["export"], arguments].concat()));
        assert_eq!(code, 2, "{arguments:?}");
        assert!(shown.contains(message), "{arguments:?}: {shown}");
        assert!(files_below(at) == before, "{arguments:?}");
    }
}

#[test]
fn the_reference_has_the_tables_as_the_run_made_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let events = ["10:00", "10:05", "11:00"]
        .map(|time| super::support::line(&format!("m{time}"), "a", &format!("2026-01-04T{time}:00Z")));
    fs::write(at.join("a.json"), events.join("\n")).unwrap();
    fs::write(at.join("tracklet.toml"), "[counts]\ncnt_odd = [\"<b>\", \"it|s\"]\n[flow]\nlength = 3\n")
        .unwrap();
    assert_eq!(ended(&mut tracklet(at, &["-q", "run", "a.json"])).0, 0);
    let (code, shown) = ended(&mut tracklet(at, &["docs", "--to", "pages"]));
    assert_eq!((code, shown.as_str()), (0, "wrote tables.md and tables.html in pages\n"));
    let markdown = fs::read_to_string(at.join("pages/tables.md")).unwrap();
    for line in [
        "| [dbt_track_facts](#dbt_track_facts) | 3 | [tracklet_event_facts](#tracklet_event_facts) |",
        "| [dbt_session_tracks](#dbt_session_tracks) | 2 | [tracklet_session_facts](#tracklet_session_facts) |",
        "| `cnt_odd` | How many of the session's events are called \\<b> or it\\|s. |  |",
    ] {
        assert!(markdown.lines().any(|found| found == line), "{line}\n{markdown}");
    }
    let section = |name: &str| {
        let heading = format!("{name}\n");
        markdown.split("\n## ").find(|section| section.starts_with(&heading)).unwrap()
    };
    let flow = section("dbt_tracks_flow");
    assert!(flow.contains("| `event_3` | The event 2 further on") && !flow.contains("event_4"), "{flow}");
    assert!(!section("dbt_session_track_facts").contains("cnt_signup"));
    let html = fs::read_to_string(at.join("pages/tables.html")).unwrap();
    assert!(html.contains("called &lt;b&gt; or it|s.") && !html.contains("<b>"), "{html}");
}

#[test]
fn a_spreadsheet_evaluates_nothing_of_an_export_that_is_safe_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let line = |id: &str, visitor: &str| super::support::line(id, visitor, "2026-01-04T10:00:00Z");
    fs::write(at.join("a.json"), [line("m1", "=1+1"), line("@m2", "-2"), line("m3", "a=b")].join("\n"))
        .unwrap();
    assert_eq!(ended(&mut tracklet(at, &["-q", "run", "a.json"])).0, 0);
    let ids = "select event_id, dbt_visitor_id, -1 as number from dbt_track_facts order by event_id";
    let shown = |options: &[&str]| {
        let arguments = [&["query", ids, "--format", "csv"], options].concat();
        String::from_utf8(tracklet(at, &arguments).output().unwrap().stdout).unwrap()
    };
    let plain = "event_id,dbt_visitor_id,number\n@m2,-2,-1\nm1,=1+1,-1\nm3,a=b,-1\n";
    assert_eq!(shown(&[]), plain);
    assert_eq!(
        shown(&["--safe-for-spreadsheets"]),
        "event_id,dbt_visitor_id,number\n'@m2,'-2,-1\nm1,'=1+1,-1\nm3,a=b,-1\n"
    );
    let export = ["export", "dbt_track_facts", "--to", "safe.csv", "--safe-for-spreadsheets"];
    assert_eq!(ended(&mut tracklet(at, &export)).0, 0);
    let safe = fs::read_to_string(at.join("safe.csv")).unwrap();
    assert!(safe.contains("'=1+1") && !safe.contains(",=1+1"), "{safe}");
}
