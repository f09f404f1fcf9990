//! Conditions of `report` and `tune` that nothing meets: an error rather than an empty page.

use super::support::{ended, line, tracklet};
use std::fs;
use tempfile::TempDir;

fn run_of_two_sessions() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let lines = [line("m1", "ann", "2026-01-04T10:00:00Z"), line("m2", "bob", "2026-01-05T11:00:00Z")];
    fs::write(folder.path().join("a.json"), lines.join("\n")).unwrap();
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "a.json"])).0, 0);
    folder
}

// `report --event` of a name with a typing error wrote a page of zeros at exit 0.
#[test]
fn an_event_that_never_happens_is_an_error_with_the_nearest_name() {
    let folder = run_of_two_sessions();
    for arguments in [
        &["report", "--event", "veiwed"][..],
        &["tune", "--event", "veiwed"],
        &["tune", "--before", "veiwed"],
        &["report", "--event", "viewed", "--event", "veiwed"],
    ] {
        let (code, said) = ended(&mut tracklet(folder.path(), arguments));
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert_eq!(
            said, "error: no event is called `veiwed`\n\nhint: did you mean `viewed`?\n",
            "{arguments:?}"
        );
    }
    assert!(!folder.path().join("report.html").exists());
    let (_, said) = ended(&mut tracklet(folder.path(), &["report", "--event", "purchase"]));
    assert!(said.ends_with("hint: the most frequent events are `viewed`\n"), "{said}");
}

#[test]
fn a_period_or_prefix_without_sessions_is_an_error_that_says_when_sessions_start() {
    let folder = run_of_two_sessions();
    for (arguments, chosen) in [
        (&["report", "--from", "2025-01-04", "--to", "2025-01-05"][..], "2025-01-04 to 2025-01-05"),
        (&["tune", "--from", "2026-02-01"], "from 2026-02-01"),
        (&["tune", "--visitor-prefix", "carl"], "visitors carl…"),
        (&["tune", "--visitor-prefix", "ann", "--from", "2026-01-05"], "from 2026-01-05, visitors ann…"),
    ] {
        let (code, said) = ended(&mut tracklet(folder.path(), arguments));
        assert_eq!(code, 2, "{arguments:?}: {said}");
        let hint = "all sessions start between 2026-01-04T10:00:00Z and 2026-01-05T11:00:00Z";
        assert_eq!(said, format!("error: no session is {chosen}\n\nhint: {hint}\n"), "{arguments:?}");
    }
    assert_eq!(ended(&mut tracklet(folder.path(), &["report", "--visitor-prefix", "an"])).0, 0);
}

#[test]
fn tables_without_sessions_meet_every_condition() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), "").unwrap();
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "a.json"])).0, 0);
    let (code, said) =
        ended(&mut tracklet(folder.path(), &["report", "--event", "any", "--from", "2026-01-01"]));
    assert_eq!(code, 0, "{said}");
}
