//! Calls that only say which user a device has, from configuration to tables.

use super::events::{run, shown, with};
use super::support::{ended, manifest, tables, tracklet};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const CONFIG: &str = "[source]\npaths = [\"logs\"]\n[identity]\nevidence = [\"identify\"]\n";

fn call(kind: &str, id: &str, device: &str, user: &str, minute: u32) -> String {
    let user = if user.is_empty() { String::new() } else { format!(r#""userId":"{user}","#) };
    format!(
        r#"{{"type":"{kind}","event":"Viewed","messageId":"{id}","anonymousId":"{device}",{user}"timestamp":"2026-01-04T{:02}:{:02}:00Z"}}"#,
        10 + minute / 60,
        minute % 60,
    ) + "\n"
}

fn first_files() -> [(&'static str, String); 1] {
    [("a.json", [call("track", "t1", "phone", "", 0), call("track", "t2", "tablet", "", 5)].concat())]
}

fn explained(folder: &Path, what: &[&str]) -> String {
    let output = tracklet(folder, &[&["explain"][..], what].concat()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// One track, and then a login that evidence tells of.
fn late_login() -> TempDir {
    let folder = with(CONFIG, &first_files());
    let at = folder.path();
    assert_eq!(run(at, &[]).0, 0);
    assert!(shown(at, "dbt_mapped_tracks").contains("t1,phone,phone,"));
    let late = [call("identify", "i1", "phone", "ann", 30), call("identify", "i2", "phone", "bob", 20)];
    fs::write(at.join("logs/b.json"), late.concat()).unwrap();
    let (code, said) = run(at, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("  2 sessionized\n  2 evidence of who has a device, in no session\n"), "{said}");
    folder
}

// Places within a batch were taken for places within a chunk, which takes in several: other events lost their columns.
#[test]
fn evidence_takes_nothing_from_events_before_it() {
    let page = r#"{"type":"page","messageId":"p1","anonymousId":"d1","timestamp":"2026-01-01T10:00:00Z","properties":{"url":"https://a.example/x","revenue":5},"context":{"userAgent":"bot"}}"#;
    let config = format!(
        "{CONFIG}[columns]\nurl = \"properties_url\"\nrevenue = {{ number = \"properties_revenue\" }}\nis_bot = {{ is_bot = \"context_user_agent\" }}\n"
    );
    let config = config.replace("[identity]", "types = [\"page\"]\n[identity]");
    let folder =
        with(&config, &[("a.json", format!("{page}\n")), ("b.json", call("identify", "i1", "d1", "ann", 5))]);
    let (code, said) = run(folder.path(), &["--threads", "1"]);
    assert_eq!(code, 0, "{said}");
    let events = shown(folder.path(), "tracklet_events");
    assert!(events.lines().any(|line| line.ends_with(",https://a.example/x,5.000000,true")), "{events}");
}

#[test]
fn a_login_that_evidence_alone_tells_of_moves_events() {
    let folder = late_login();
    let at = folder.path();
    assert!(shown(at, "dbt_mapped_tracks").contains("t1,phone,ann,"));
    assert!(shown(at, "tracklet_events").contains("t1,track,viewed,phone,,ann,"));
    assert_eq!(shown(at, "tracklet_events").lines().count(), 3);
    assert_eq!(
        shown(at, "dbt_aliases_mapping"),
        "alias,dbt_visitor_id\nann,ann\nbob,bob\nphone,ann\ntablet,tablet\n"
    );
    let found = manifest(&at.join("out"));
    assert_eq!(
        found["rows"],
        serde_json::json!({
            "read": 4, "sessionized": 2, "evidence": 2, "duplicates": 0, "rejected": 0, "skipped": 0
        })
    );
    assert_eq!(ended(&mut tracklet(at, &["test"])).0, 0);
    for more in [&[][..], &["--memory-limit", "300MB"]] {
        let whole = [&["--out", "whole", "--full-refresh", "--yes"], more].concat();
        assert_eq!(run(at, &whole).0, 0);
        assert!(tables(&at.join("out")) == tables(&at.join("whole")), "{more:?}");
    }
}

#[test]
fn explain_says_which_evidence_named_a_user() {
    let folder = late_login();
    let at = folder.path();
    let event = explained(at, &["event", "t1"]);
    let why = "visitor `ann`: device `phone` belongs to `ann`: evidence, the identify call `i1` of 2026-01-04T10:30:00.000000Z, \
               set user id `ann`; it is the latest of 2 of the device that name a user";
    assert!(event.contains(why), "{event}");
    let visitor = explained(at, &["visitor", "phone"]);
    let named = "device `phone` is named by evidence: the identify call `i1` of 2026-01-04T10:30:00.000000Z";
    assert!(visitor.contains(named) && visitor.contains("1 events in 1 sessions"), "{visitor}");
    assert!(!visitor.contains("i2"), "{visitor}");
    let latest = explained(at, &["event", "i1"]);
    assert!(latest.contains("evidence i1  identify call  2026-01-04 10:30:00Z"), "{latest}");
    assert!(
        latest.contains("it says that device `phone` is user `ann`'s, and nothing later says otherwise"),
        "{latest}"
    );
    let earlier = explained(at, &["event", "i2"]);
    let why = "it says that device `phone` was user `bob`'s; the device belongs to `ann`: evidence, the identify call `i1`";
    assert!(earlier.contains(why), "{earlier}");
    // Whom evidence alone knows has aliases and no session.
    let alone = explained(at, &["visitor", "bob"]);
    assert!(
        alone.contains("visitor bob  0 events in 0 sessions") && alone.contains("aliases: bob"),
        "{alone}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&explained(at, &["event", "i1", "--format", "json"])).unwrap();
    assert_eq!(json["evidence"][0]["timestamp"], "2026-01-04T10:30:00.000000Z");
    assert_eq!(json["sessionized"], serde_json::json!([]));
}

#[test]
fn files_are_read_again_when_evidence_is_asked_for_or_not_any_more() {
    let [(name, text)] = first_files();
    let text = text + &call("identify", "i1", "phone", "ann", 30);
    let folder = with("[source]\npaths = [\"logs\"]\n", &[(name, text)]);
    let at = folder.path();
    let said = run(at, &[]).1;
    assert!(said.contains("1 more not counted: 1 identify call"), "{said}");
    for (config, visitor) in [(CONFIG, "ann"), ("[source]\npaths = [\"logs\"]\n", "phone"), (CONFIG, "ann")] {
        fs::write(at.join("tracklet.toml"), config).unwrap();
        let (code, said) = run(at, &[]);
        assert!(
            code == 0 && said.contains("full rebuild: [source] of the configuration has changed"),
            "{said}"
        );
        assert!(shown(at, "dbt_mapped_tracks").contains(&format!("t1,phone,{visitor},")));
        assert_eq!(run(at, &["--out", "whole", "--full-refresh", "--yes"]).0, 0);
        assert!(tables(&at.join("out")) == tables(&at.join("whole")));
    }
}

// Rows of evidence would have become events of a type that nobody asks for.
#[test]
fn evidence_that_no_key_has_any_more_is_not_dropped_without_a_word() {
    let [(name, text)] = first_files();
    let folder = with(CONFIG, &[(name, text + &call("identify", "i1", "phone", "ann", 30))]);
    let at = folder.path();
    assert_eq!(run(at, &[]).0, 0);
    fs::remove_file(at.join("logs/a.json")).unwrap();
    fs::write(at.join("logs/b.json"), call("track", "t3", "phone", "", 40)).unwrap();
    fs::write(at.join("tracklet.toml"), "[source]\npaths = [\"logs\"]\n").unwrap();
    let (code, said) = run(at, &[]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("rows of identify calls are evidence of an earlier identity.evidence"), "{said}");
    assert!(said.contains("a.json") && said.contains("put the files back"), "{said}");
    // As events they stay, with a warning.
    let events = "[source]\npaths = [\"logs\"]\ntypes = [\"track\", \"identify\"]\n";
    fs::write(at.join("tracklet.toml"), events).unwrap();
    let (code, said) = run(at, &[]);
    assert!(code == 0 && said.contains("can't be read again"), "{said}");
    assert!(shown(at, "tracklet_events").contains("i1,identify,identify,phone,ann,ann,"));
    // And as evidence again.
    fs::write(at.join("tracklet.toml"), CONFIG).unwrap();
    assert_eq!(run(at, &[]).0, 0);
    assert_eq!(manifest(&at.join("out"))["rows"]["evidence"], 1);
    assert_eq!(shown(at, "tracklet_events").lines().count(), 4);
}

#[test]
fn tables_of_evidence_in_a_lake_are_read_and_a_report_counts_them() {
    let folder = with(CONFIG, &[]);
    let at = folder.path();
    for (table, columns, row) in [
        ("tracks", "id,anonymous_id,event,timestamp", "t1,phone,signup,2026-01-04 10:00:00"),
        ("identifies", "id,anonymous_id,user_id,timestamp", "i1,phone,ann,2026-01-04 11:00:00"),
        ("pages", "id,anonymous_id,timestamp", "p1,phone,2026-01-04 12:00:00"),
    ] {
        fs::create_dir_all(at.join("logs/shop").join(table)).unwrap();
        fs::write(at.join("logs/shop").join(table).join("a.csv"), format!("{columns}\n{row}\n")).unwrap();
    }
    let (code, said) = run(at, &[]);
    assert!(code == 0 && said.contains("of other calls (pages"), "{said}");
    assert!(shown(at, "dbt_mapped_tracks").contains("t1,phone,ann,"));
    assert_eq!(ended(&mut tracklet(at, &["report"])).0, 0);
    let mut reports = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path());
    let report = reports.find(|path| path.extension().is_some_and(|end| end == "html")).expect("a report");
    assert!(fs::read_to_string(report).unwrap().contains("\"evidence\":1"));
    let erased = ended(&mut tracklet(at, &["forget", "--visitor", "ann"]));
    assert_eq!(erased.0, 0, "{}", erased.1);
    assert_eq!(shown(at, "dbt_aliases_mapping"), "alias,dbt_visitor_id\n");
    assert_eq!(manifest(&at.join("out"))["rows"]["skipped"], 2);
}
