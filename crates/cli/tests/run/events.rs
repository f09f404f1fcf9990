//! Events of several types and their columns, from configuration to tables.

use super::support::{ended, manifest, tables, tracklet};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const CONFIG: &str = "[source]\npaths = [\"logs\"]\ntypes = [\"track\", \"page\"]\n[columns]\nplan = \"context_traits_plan\"\n\
                      total = { number = \"properties_total\" }\n";

fn call(kind: &str, id: &str, device: &str, minute: u32, total: &str) -> String {
    format!(
        r#"{{"type":"{kind}","event":"Order Completed","messageId":"{id}","anonymousId":"{device}","context":{{"traits":{{"plan":"pro"}}}},"properties":{{"total":{total}}},"timestamp":"2026-01-{:02}T10:{:02}:00Z"}}"#,
        1 + minute / 60,
        minute % 60,
    ) + "\n"
}

pub fn with(config: &str, files: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("logs")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join("logs").join(name), text).unwrap();
    }
    fs::write(folder.path().join("tracklet.toml"), config).unwrap();
    folder
}

pub fn run(folder: &Path, more: &[&str]) -> (i32, String) {
    ended(&mut tracklet(folder, &[&["run"][..], more].concat()))
}

pub fn shown(folder: &Path, table: &str) -> String {
    let output = tracklet(folder, &["show", table, "--format", "csv"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn first_files() -> [(&'static str, String); 1] {
    [("a.json", [call("page", "p", "a", 0, "1"), call("track", "t", "a", 5, "\"12.50\"")].concat())]
}

#[test]
fn events_and_sessions_are_tables_with_the_columns_that_were_asked_for() {
    let folder = with(CONFIG, &first_files());
    let at = folder.path();
    assert_eq!(run(at, &[]).0, 0);
    assert_eq!(
        shown(at, "tracklet_events"),
        "event_id,event_type,event,anonymous_id,user_id,dbt_visitor_id,timestamp,session_id,session_key,event_sequence_number,start_reason,plan,total\n\
         p,page,page_view,a,,a,2026-01-01T10:00:00.000000Z,1 - a,p,1,first,pro,1.000000\n\
         t,track,order_completed,a,,a,2026-01-01T10:05:00.000000Z,1 - a,p,2,,pro,12.500000\n"
    );
    assert_eq!(
        shown(at, "tracklet_sessions"),
        "session_key,session_id,dbt_visitor_id,session_sequence_number,session_start_at,ended_at,next_session_start_at,start_reason,events\n\
         p,1 - a,a,1,2026-01-01T10:00:00.000000Z,2026-01-01T10:05:00.000000Z,,first,2\n"
    );
    assert_eq!(shown(at, "dbt_mapped_tracks").lines().count(), 3);
    let manifest = manifest(&at.join("out"));
    assert_eq!(manifest["tables"]["tracklet_events"], 2);
    assert!(manifest["checks"].as_array().unwrap().iter().all(|check| check["passed"] == true));
    assert_eq!(ended(&mut tracklet(at, &["test"])).0, 0);
    let output = tracklet(at, &["explain", "event", "t"]).output().unwrap();
    let story = String::from_utf8(output.stdout).unwrap();
    assert_eq!(ended(&mut tracklet(at, &["report"])).0, 0);
    let report = fs::read_to_string(at.join("report.html")).unwrap();
    assert!(report.contains(r#""types":[{"name":"page","events":1},{"name":"track","events":1}]"#));
    assert!(story.contains("it has event_type track, plan pro, total 12.500000"), "{story}");
}

#[test]
fn runs_one_after_the_other_give_the_bytes_of_one_run() {
    let files: Vec<(String, String)> = (0..12u32)
        .map(|number| {
            let device = format!("d{}", number % 4);
            let calls: String = (0..40u32)
                .map(|place| {
                    let kind = if place % 3 == 0 { "page" } else { "track" };
                    call(
                        kind,
                        &format!("{number}-{place}"),
                        &device,
                        number * 7 + place * 11,
                        &place.to_string(),
                    )
                })
                .collect();
            (format!("{number}.json"), calls)
        })
        .collect();
    let folder = with(CONFIG, &[]);
    let at = folder.path();
    for (name, text) in files.iter().rev() {
        fs::write(at.join("logs").join(name), text).unwrap();
        let (code, said) = run(at, &[]);
        assert_eq!(code, 0, "{said}");
    }
    assert_eq!(run(at, &["--out", "whole"]).0, 0);
    assert!(tables(&at.join("out")) == tables(&at.join("whole")));
}

#[test]
fn a_run_warns_of_absent_columns_and_of_values_that_are_no_numbers_and_keeps_both() {
    let config = CONFIG.replace("context_traits_plan", "context_trait_plan");
    let folder = with(&config, &[("a.json", call("track", "t", "a", 0, "\"1,5\""))]);
    let (code, said) = run(folder.path(), &[]);
    assert_eq!(code, 0, "{said}");
    let absent = "no file of this run has `context_trait_plan`: the column `plan` is null; did you mean `context_traits_plan`?";
    assert!(said.contains(absent), "{said}");
    assert!(said.contains("1 value is no number and null in the column `total`: `1,5`"), "{said}");
    let columns = manifest(&folder.path().join("out"))["new"]["columns"].clone();
    assert_eq!(
        columns,
        serde_json::json!({
            "plan": {"files_without": 1, "unread": 0},
            "total": {"files_without": 0, "unread": 1, "examples": ["1,5"]},
        })
    );
}

#[test]
fn columns_are_derived_from_what_is_no_column_and_truths_are_read() {
    let config = "[source]\npaths = [\"logs\"]\n[columns]\nis_bot = { is_bot = \"context_user_agent\" }\n\
                  page_host = { host = \"context_page_url\" }\nos = { os = \"context_user_agent\", os_name = \"context_os_nam\" }\n";
    let call = |id: &str, context: &str| {
        let ids = format!(r#""messageId":"{id}","anonymousId":"a","timestamp":"2026-01-01T10:00:00Z""#);
        format!(r#"{{"type":"track","event":"x",{ids},"context":{{{context}}}}}"#) + "\n"
    };
    let bot = r#""userAgent":"Googlebot","page":{"url":"https://WWW.a.example:1/"},"os":{"name":"iOS"}"#;
    let folder =
        with(config, &[("a.json", call("1", bot)), ("b.json", call("2", r#""userAgent":"Windows""#))]);
    let at = folder.path();
    let (code, said) = run(at, &[]);
    assert_eq!(code, 0, "{said}");
    let absent = "no file of this run has `context_os_nam`: nothing is derived from it for `os`; did you mean `context_os_name`?";
    assert!(said.contains(absent), "{said}");
    let of_columns = |shown: String| -> Vec<String> {
        shown.lines().map(|line| line.split(',').skip(11).collect::<Vec<_>>().join(",")).collect()
    };
    assert_eq!(
        of_columns(shown(at, "tracklet_events")),
        ["is_bot,page_host,os", "true,a.example,Other", "false,,Windows"]
    );
    let queried = tracklet(at, &["query", "select count(*) as bots from tracklet_events where is_bot"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&queried.stdout).contains('1'));
    let story = tracklet(at, &["explain", "event", "1"]).output().unwrap();
    let story = String::from_utf8(story.stdout).unwrap();
    assert!(story.contains("is_bot true, page_host a.example, os Other"), "{story}");

    // Another name is another input: files are read again.
    fs::write(at.join("tracklet.toml"), config.replace("os_nam\"", "os_name\"")).unwrap();
    assert_eq!(run(at, &[]).0, 0);
    assert_eq!(of_columns(shown(at, "tracklet_events"))[1], "true,a.example,iOS");
    fs::write(at.join("logs/c.json"), call("3", bot)).unwrap();
    assert_eq!(run(at, &[]).0, 0);
    assert_eq!(run(at, &["--out", "whole"]).0, 0);
    assert!(tables(&at.join("out")) == tables(&at.join("whole")));
    assert_eq!(of_columns(shown(at, "tracklet_events")).len(), 4);
}

#[test]
fn tables_that_are_left_out_are_named_with_the_line_that_writes_them() {
    let selected = "[source]\npaths = [\"logs\"]\n[output]\ntables = [\"tracklet_sessions\", \"dbt_user_session_facts\"]\n";
    let folder = with(selected, &first_files());
    let at = folder.path();
    assert_eq!(run(at, &[]).0, 0);
    assert_eq!(shown(at, "tracklet_sessions").lines().count(), 2);
    let line = "[output] tables = [\"dbt_user_session_facts\", \"tracklet_sessions\", \"dbt_track_facts\"]";
    for command in [
        &["show", "dbt_track_facts"][..],
        &["query", "select * from dbt_track_facts"],
        &["export", "dbt_track_facts", "--to", "there.csv"],
    ] {
        let (code, said) = ended(&mut tracklet(at, command));
        assert_eq!(code, 2, "{said}");
        assert!(
            said.contains("the table `dbt_track_facts` is not written: `output.tables` leaves it out"),
            "{said}"
        );
        assert!(said.contains(line), "{said}");
    }
    for command in [&["report"][..], &["explain", "event", "t"], &["tune"]] {
        let (code, said) = ended(&mut tracklet(at, command));
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("is not written: `output.tables` leaves it out"), "{said}");
    }
    let (code, said) = ended(&mut tracklet(at, &["test"]));
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("not tested, for `output.tables` leaves them out: `dbt_aliases_mapping`"),
        "{said}"
    );

    // More rows with the same selection, and tables that are asked for again.
    fs::write(at.join("logs/b.json"), call("track", "u", "a", 9, "2")).unwrap();
    assert_eq!(run(at, &[]).0, 0);
    fs::write(at.join("tracklet.toml"), "[source]\npaths = [\"logs\"]\n").unwrap();
    let (code, said) = run(at, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("`output.tables` has changed"), "{said}");
    assert_eq!(shown(at, "dbt_track_facts").lines().count(), 3);
    assert_eq!(run(at, &["--out", "whole"]).0, 0);
    assert!(tables(&at.join("out")) == tables(&at.join("whole")));
}

#[test]
fn files_are_read_again_for_new_types_and_columns() {
    let folder = with("[source]\npaths = [\"logs\"]\n", &first_files());
    let at = folder.path();
    let said = run(at, &[]).1;
    assert!(said.contains("more not counted: 1 page call"), "{said}");
    assert!(!at.join("out/current/tracklet_events").exists());
    fs::write(at.join("tracklet.toml"), CONFIG).unwrap();
    let (code, said) = run(at, &[]);
    assert!(code == 0 && said.contains("full rebuild: [source] of the configuration has changed"), "{said}");
    assert_eq!(shown(at, "tracklet_events").lines().count(), 3);
    // And back again: the tables are those of before, and no others.
    fs::write(at.join("tracklet.toml"), "[source]\npaths = [\"logs\"]\n").unwrap();
    assert_eq!(run(at, &[]).0, 0);
    assert!(!at.join("out/current/tracklet_events").exists());
}

// Page rows became tracks when `types` was taken away, and a run ended when one type was.
#[test]
fn tables_of_types_that_are_not_asked_for_any_more_are_left_out() {
    let folder = with("", &[]);
    let at = folder.path();
    for (table, column) in [("tracks", ",event"), ("pages", ""), ("screens", "")] {
        fs::create_dir_all(at.join("logs/shop").join(table)).unwrap();
        let value = if column.is_empty() { "" } else { ",bought" };
        let rows = format!("id,user_id,timestamp{column}\n{table},u,2026-01-04 10:00:00{value}\n");
        fs::write(at.join("logs/shop").join(table).join("a.csv"), rows).unwrap();
    }
    for (types, rows) in [
        ("[\"track\", \"page\", \"screen\"]", 3),
        ("[\"track\", \"page\"]", 2),
        ("[\"track\"]", 1),
        ("[\"page\"]", 1),
        ("[\"track\", \"page\", \"screen\"]", 3),
    ] {
        fs::write(at.join("tracklet.toml"), format!("[source]\npaths = [\"logs\"]\ntypes = {types}\n"))
            .unwrap();
        let (code, said) = run(at, &[]);
        assert!(code == 0 && !said.contains("can't be read again"), "{types}: {said}");
        assert_eq!(shown(at, "dbt_mapped_tracks").lines().count() - 1, rows, "{types}: {said}");
        assert_eq!(run(at, &["--out", "whole", "--full-refresh", "--yes"]).0, 0);
        assert!(tables(&at.join("out")) == tables(&at.join("whole")), "{types}");
    }
}

// A file that moved to a folder of another value was taken for the same file.
#[test]
fn what_the_path_says_of_columns_and_types_is_part_of_a_file() {
    let folder = with(
        "[source]\npaths = [\"logs\"]\ntypes = [\"track\", \"page\"]\n[columns]\nplan = \"plan\"\n",
        &[],
    );
    let at = folder.path();
    let rows = "id,user_id,timestamp\na,u,2026-01-04 10:00:00\n";
    for folder in ["plan=free", "plan=pro", "pages"] {
        fs::create_dir(at.join("logs").join(folder)).unwrap();
    }
    fs::write(at.join("logs/plan=free/a.csv"), rows).unwrap();
    assert_eq!(run(at, &[]).0, 0);
    fs::rename(at.join("logs/plan=free/a.csv"), at.join("logs/plan=pro/a.csv")).unwrap();
    let (_, said) = run(at, &[]);
    assert!(!said.contains("no new files"), "{said}");
    fs::rename(at.join("logs/plan=pro/a.csv"), at.join("logs/pages/a.csv")).unwrap();
    let (_, said) = run(at, &[]);
    assert!(!said.contains("no new files"), "{said}");
}

#[test]
fn rows_of_files_that_are_gone_are_tracks_without_columns() {
    let folder = with("[source]\npaths = [\"logs\"]\n", &first_files());
    let at = folder.path();
    assert_eq!(run(at, &[]).0, 0);
    fs::remove_file(at.join("logs/a.json")).unwrap();
    fs::write(at.join("logs/b.json"), call("page", "q", "a", 9, "3")).unwrap();
    fs::write(at.join("tracklet.toml"), CONFIG).unwrap();
    let (code, said) = run(at, &[]);
    assert!(code == 0 && said.contains("can't be read again"), "{said}");
    let events = shown(at, "tracklet_events");
    let lines: Vec<&str> = events.lines().skip(1).collect();
    assert!(lines[0].starts_with("t,track,order_completed,") && lines[0].ends_with("first,,"), "{events}");
    assert!(lines[1].starts_with("q,page,page_view,") && lines[1].ends_with(",pro,3.000000"), "{events}");
    // The other way, pages stay what they were read as.
    fs::write(at.join("tracklet.toml"), "[source]\npaths = [\"logs\"]\n").unwrap();
    fs::remove_file(at.join("logs/b.json")).unwrap();
    fs::write(at.join("logs/c.json"), call("track", "c", "a", 9, "3")).unwrap();
    assert_eq!(run(at, &[]).0, 0);
    assert_eq!(shown(at, "dbt_mapped_tracks").lines().count(), 4);
}

#[test]
fn a_person_is_erased_from_the_tables_of_events_too() {
    let files = [("a.json", [call("page", "p", "a", 0, "1"), call("page", "q", "b", 0, "1")].concat())];
    let folder = with(CONFIG, &files);
    let at = folder.path();
    assert_eq!(run(at, &[]).0, 0);
    let (code, said) = ended(&mut tracklet(at, &["forget", "--visitor", "a"]));
    assert_eq!(code, 0, "{said}");
    assert_eq!(shown(at, "tracklet_events").lines().count(), 2);
    assert!(!shown(at, "tracklet_sessions").contains("1 - a"));
    fs::write(at.join("logs/b.json"), call("page", "r", "b", 200, "1")).unwrap();
    assert_eq!(run(at, &[]).0, 0);
    assert_eq!(shown(at, "tracklet_sessions").lines().count(), 3);
}

#[test]
fn a_warehouse_takes_evidence_derived_columns_and_ids_of_rows() {
    let target = "[targets.pg]\ntype = \"postgres\"\nhost = \"127.0.0.1\"\nuser = \"u\"\ndbname = \"d\"\nschema = \"s\"\n";
    for (asks, sql) in [
        ("[columns]\npage_host = { host = \"url\" }\n", "from hosts"),
        ("[identity]\nevidence = \"identify\"\n", "when carried_1 in ('identify') then 4"),
        ("[source.columns]\nevent_id = \"from_row\"\n", "md5("),
    ] {
        let folder = with(&format!("{asks}{target}"), &[]);
        let printed = |arguments: &[&str]| {
            let done = tracklet(folder.path(), arguments).output().unwrap();
            assert!(done.status.success(), "{asks}: {}", String::from_utf8_lossy(&done.stderr));
            String::from_utf8(done.stdout).unwrap()
        };
        printed(&["check"]);
        let staged = printed(&["compile", "tracklet_staged", "--target", "pg"]);
        assert!(staged.contains(sql), "{staged}");
    }
}

/// A log without ids of events.
fn log(rows: &[(u32, &str, &str)]) -> String {
    let row = |(minute, user, page): &(u32, &str, &str)| {
        format!("2026-01-{:02} 10:{:02}:00,{user},{page},1\n", 1 + minute / 60, minute % 60)
    };
    format!("time,user_id,page,id\n{}", rows.iter().map(row).collect::<String>())
}

const FROM_ROWS: &str = "[source]\npaths = [\"logs\"]\n[source.columns]\nevent_id = \"from_row\"\ntimestamp = \"time\"\nevent = \"page\"\n";

#[test]
fn ids_are_made_of_rows_in_any_order_of_runs() {
    let rows: Vec<(u32, &str, &str)> = (0..400)
        .map(|place| (place * 7 % 500, ["u", "v", "w"][place as usize % 3], ["a", "b"][place as usize % 2]))
        .collect();
    // Each part has rows of the one before again.
    let parts: Vec<String> = (0..8).map(|part| log(&rows[part * 40..part * 40 + 80])).collect();
    let folder = with(FROM_ROWS, &[]);
    let at = folder.path();
    for (number, part) in parts.iter().enumerate().rev() {
        fs::write(at.join(format!("logs/{number}.csv")), part).unwrap();
        let (code, said) = run(at, &[]);
        assert_eq!(code, 0, "{said}");
    }
    assert_eq!(run(at, &["--out", "whole"]).0, 0);
    assert!(tables(&at.join("out")) == tables(&at.join("whole")));
    let counted = manifest(&at.join("out"));
    assert_eq!((&counted["rows"]["sessionized"], &counted["rows"]["duplicates"]), (&640.into(), &0.into()));
    assert_eq!(counted["rules"]["ids_from_rows"], true);
    assert_eq!(ended(&mut tracklet(at, &["test"])).0, 0);
}

// Rows that a run read with ids of their own are what they were, duplicates among them.
#[test]
fn rows_that_were_read_with_ids_of_their_own_keep_them() {
    let named = FROM_ROWS.replace("from_row", "id");
    let folder = with(&named, &[("a.csv", log(&[(0, "u", "a"), (1, "u", "a"), (1, "u", "a")]))]);
    let at = folder.path();
    assert_eq!(run(at, &[]).0, 0);
    assert_eq!(manifest(&at.join("out"))["rows"]["duplicates"], 2);
    fs::remove_file(at.join("logs/a.csv")).unwrap();
    fs::write(at.join("tracklet.toml"), FROM_ROWS).unwrap();
    for (file, rows) in [("b.csv", 3), ("c.csv", 5)] {
        fs::write(at.join("logs").join(file), log(&[(9, "u", file), (0, "u", "a")])).unwrap();
        let (code, said) = run(at, &[]);
        assert_eq!(code, 0, "{said}");
        let counted = manifest(&at.join("out"));
        assert_eq!(
            (&counted["rows"]["sessionized"], &counted["rows"]["duplicates"]),
            (&rows.into(), &2.into())
        );
    }
    // And back: new files have ids again.
    fs::write(at.join("tracklet.toml"), &named).unwrap();
    fs::remove_file(at.join("logs/b.csv")).unwrap();
    fs::write(at.join("logs/d.csv"), log(&[(30, "u", "a")]).replace(",1\n", ",d\n")).unwrap();
    let (code, said) = run(at, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(shown(at, "dbt_mapped_tracks").contains("\nd,"), "{said}");
}
