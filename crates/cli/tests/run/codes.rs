//! Exit codes, and what is published with each.

use super::support::{ended, line, manifest, shop, tables, tracklet};
use std::fs;

#[test]
fn the_shop_runs_without_configuration_and_every_row_is_accounted_for() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", shop().to_str().unwrap()]));
    assert_eq!(code, 0, "{said}");
    let manifest = manifest(&folder.path().join("out"));
    let rows = |name: &str| manifest["rows"][name].as_u64().unwrap();
    assert_eq!(rows("read"), rows("sessionized") + rows("duplicates") + rows("rejected"));
    assert_eq!((rows("sessionized"), rows("duplicates")), (15_000, 292));
    assert_eq!(manifest["tables"].as_object().unwrap().len(), 10);
    assert!(manifest["checks"].as_array().unwrap().iter().all(|check| check["passed"] == true));
    assert!(said.contains("15,000 sessionized"), "{said}");
}

#[test]
fn a_damaged_line_is_rejected_and_sets_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [line("m1", "a", "2026-01-04T10:00:00Z"), "{\"type\":\"track\",\"mess".to_owned()].join("\n");
    fs::write(folder.path().join("a.json"), lines).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.json"]));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("unreadable"), "{said}");
    assert_eq!(manifest(&folder.path().join("out"))["rows"]["sessionized"], 1);
}

#[test]
fn strict_stops_at_it_and_publishes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.json"), line("m1", "a", "2026-01-04T10:00:00Z")).unwrap();
    fs::write(folder.path().join("bad.json"), "not json\n").unwrap();
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "good.json"])).0, 0);
    let out = folder.path().join("out");
    let before = tables(&out);
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "good.json", "bad.json", "--strict"]));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("bad.json") && said.contains("hint:"), "{said}");
    assert_eq!(before, tables(&out));
    assert_eq!(fs::read_dir(out.join("snapshots")).unwrap().count(), 1);
}

#[test]
fn what_can_not_be_run_says_why_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    fs::write(folder.path().join("no-time.csv"), "id,user_id,event\nm1,u1,viewed\n").unwrap();
    let cases =
        [("missing", "`missing` does not exist"), ("empty", "holds no files"), ("no-time.csv", "timestamp")];
    for (path, expected) in cases {
        let (code, said) = ended(&mut tracklet(folder.path(), &["run", path]));
        assert_eq!(code, 2, "{path}: {said}");
        assert!(said.contains(expected) && said.contains("hint:"), "{path}: {said}");
        assert!(!folder.path().join("out/current").exists(), "{path}");
    }
}
