//! Runs one after the other over files that come and go.

use super::support::{ended, files_below, line, manifest, shop, tables, tracklet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::Instant;

/// Runs killed before they ended.
const KILLS: u32 = 30;

fn day(folder: &Path, day: u32) {
    let lines: Vec<String> = (0..5)
        .map(|event| line(&format!("d{day}e{event}"), "a", &format!("2026-01-{day:02}T10:0{event}:00Z")))
        .collect();
    fs::write(folder.join(format!("{day:02}.json")), lines.join("\n")).unwrap();
}

#[test]
fn the_shop_in_parts_gives_the_tables_of_the_shop_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let growing = folder.path().join("logs");
    let files = files_below(&shop());
    let parts: Vec<_> = files.iter().collect();
    for (number, part) in parts.chunks(parts.len().div_ceil(4)).enumerate() {
        for (name, bytes) in part {
            let path = growing.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let (code, said) = ended(&mut tracklet(folder.path(), &["run", "logs", "--out", "parts"]));
        assert_eq!(code, 0, "{said}");
        assert_eq!(said.contains("new in"), number > 0, "{said}");
    }
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "logs", "--out", "whole"]));
    assert_eq!(code, 0, "{said}");
    assert!(tables(&folder.path().join("parts")) == tables(&folder.path().join("whole")));
    let found = manifest(&folder.path().join("parts"));
    assert_eq!(found["rows"], manifest(&folder.path().join("whole"))["rows"]);
    assert_eq!(found["inputs"]["files"], parts.len());
}

#[test]
fn only_new_files_are_read_and_without_one_nothing_happens() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::create_dir(folder.path().join("logs")).unwrap();
    for number in 1..=3 {
        day(&folder.path().join("logs"), number);
    }
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "logs"])).0, 0);
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "logs"]));
    assert!(code == 0 && said.contains("no new files"), "{said}");
    assert_eq!(fs::read_dir(out.join("snapshots")).unwrap().count(), 1);
    // The same files by another name.
    let again = folder.path().join("logs");
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", again.to_str().unwrap()]));
    assert!(code == 0 && said.contains("no new files"), "{said}");

    day(&folder.path().join("logs"), 4);
    // Its neighbors need not be named.
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "logs/04.json"]));
    assert_eq!(code, 0, "{said}");
    let found = manifest(&out);
    assert_eq!((found["new"]["files"].as_u64(), found["rows"]["sessionized"].as_u64()), (Some(1), Some(20)));
}

#[test]
fn a_changed_configuration_rebuilds_by_itself_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("logs")).unwrap();
    day(&folder.path().join("logs"), 1);
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "logs"])).0, 0);
    fs::write(folder.path().join("tracklet.toml"), "[sessions]\ntimeout = \"1m\"\nboundary = \"exact\"\n")
        .unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "logs"]));
    assert!(code == 0 && said.contains("the configuration has changed"), "{said}");
    assert_eq!(manifest(&folder.path().join("out"))["new"]["files"], 0);
    // What is read differs now.
    fs::write(folder.path().join("tracklet.toml"), "[source]\nwhere = \"event = 'nothing'\"\n").unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "logs"]));
    assert!(code == 0 && said.contains("[source] of the configuration has changed"), "{said}");
    assert_eq!(manifest(&folder.path().join("out"))["rows"]["sessionized"], 0);
}

#[test]
fn parts_that_stay_are_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("logs")).unwrap();
    day(&folder.path().join("logs"), 1);
    fs::write(folder.path().join("logs/old.json"), line("o", "b", "2025-05-01T10:00:00Z")).unwrap();
    for number in 2..=3 {
        assert_eq!(ended(&mut tracklet(folder.path(), &["run", "logs", "-q"])).0, 0);
        day(&folder.path().join("logs"), number);
    }
    let file = |snapshot: &str, part: &str| {
        let path = format!("out/snapshots/{snapshot}/dbt_track_facts/{part}.parquet");
        fs::metadata(folder.path().join(path)).unwrap().ino()
    };
    let found = manifest(&folder.path().join("out"));
    // One year of two has one track of eleven: the other has most of the tracks, so all tables are rebuilt.
    assert_eq!(found["mode"], "full");
    assert_ne!(file("000001", "2026"), file("000002", "2026"));
    fs::write(folder.path().join("logs/older.json"), line("p", "c", "2025-05-01T10:00:00Z")).unwrap();
    fs::remove_file(folder.path().join("logs/03.json")).unwrap();
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "logs", "-q"])).0, 0);
    assert_eq!(manifest(&folder.path().join("out"))["mode"], "incremental");
    assert_eq!(file("000002", "2026"), file("000003", "2026"));
    assert_ne!(file("000002", "2025"), file("000003", "2025"));
}

/// Increments are killed all along their way: the tables are the old ones or the new ones, and the next run is exact. A
/// rollback undoes it for the next kill.
#[test]
fn kill_9_in_an_increment_leaves_whole_tables_and_the_next_run_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let (out, logs) = (folder.path().join("out"), folder.path().join("logs"));
    let files = files_below(&shop());
    let copy = |parts: &mut dyn Iterator<Item = (&String, &Vec<u8>)>| {
        for (name, bytes) in parts {
            let path = logs.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    };
    let run = ["run", "logs", "-q"];
    // The first snapshot must stay however many there are.
    fs::write(folder.path().join("tracklet.toml"), "[output]\nkeep = 1000\n").unwrap();
    copy(&mut files.iter().take(files.len() * 3 / 4));
    assert_eq!(ended(&mut tracklet(folder.path(), &run)).0, 0);
    let before = tables(&out);
    copy(&mut files.iter().skip(files.len() * 3 / 4));
    let started = Instant::now();
    assert_eq!(ended(&mut tracklet(folder.path(), &run)).0, 0);
    let whole_run = started.elapsed();
    let after = tables(&out);
    assert!(before != after);

    let (mut landed, mut kill) = (0, 0);
    while landed < KILLS {
        kill += 1;
        assert!(kill < 10 * KILLS, "only {landed} of {kill} runs were still at work");
        assert_eq!(ended(&mut tracklet(folder.path(), &["snapshots", "rollback", "000001"])).0, 0);
        let mut killed = tracklet(folder.path(), &run).spawn().unwrap();
        let nanos = Instant::now().elapsed().subsec_nanos() % 1000;
        sleep(whole_run * (kill % KILLS) / KILLS + whole_run * nanos / (KILLS * 1000));
        landed += u32::from(killed.try_wait().unwrap().is_none());
        killed.kill().unwrap();
        killed.wait().unwrap();
        let seen = tables(&out);
        assert!(seen == before || seen == after, "kill {kill} left other tables");
        let (code, said) = ended(&mut tracklet(folder.path(), &run));
        assert_eq!(code, 0, "after kill {kill}: {said}");
        assert!(tables(&out) == after, "the run after kill {kill}");
    }
}

#[test]
fn who_is_forgotten_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("logs")).unwrap();
    day(&folder.path().join("logs"), 1);
    fs::write(folder.path().join("logs/b.json"), line("o", "b", "2025-05-01T10:00:00Z")).unwrap();
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "logs"])).0, 0);
    let (code, said) = ended(&mut tracklet(folder.path(), &["forget", "--visitor", "a"]));
    assert!(code == 0 && said.starts_with("5 rows erased"), "{said}");
    assert_eq!(manifest(&folder.path().join("out"))["rows"]["read"], 1);
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "logs", "--full-refresh"]));
    assert_eq!(code, 0, "{said}");
    let found = manifest(&folder.path().join("out"));
    assert_eq!((found["rows"]["read"].as_u64(), found["rows"]["skipped"].as_u64()), (Some(1), Some(5)));
    assert_eq!(ended(&mut tracklet(folder.path(), &["forget"])).0, 2);

    let dry_run = tracklet(folder.path(), &["forget", "--user-id", "-", "--visitor", "b", "--dry-run"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(dry_run.stderr).unwrap();
    assert!(dry_run.status.success() && said.contains("(current): rows of the source that go: 1"), "{said}");
    assert!(said.contains("dbt_mapped_tracks") && said.contains("nothing was changed"), "{said}");
    assert_eq!(manifest(&folder.path().join("out"))["rows"]["read"], 1);
    let empty =
        ended(tracklet(folder.path(), &["forget", "--visitor", ""]).stdin(std::process::Stdio::null()));
    assert!(empty.0 == 2 && empty.1.contains("an id is empty"), "{}", empty.1);

    // Damaged, it was taken for a list of nobody.
    fs::write(folder.path().join("out/forgotten.json"), "{}").unwrap();
    for command in [
        &["run", "logs"][..],
        &["run", "logs", "--full-refresh"],
        &["snapshots", "rollback"][..],
        &["forget", "--visitor", "b"],
    ] {
        let (code, said) = ended(&mut tracklet(folder.path(), command));
        assert!(
            code == 2 && said.contains("forgotten.json") && said.contains("hint: "),
            "{command:?}: {said}"
        );
    }
}
