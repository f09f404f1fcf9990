//! Snapshots under kill, contention and a disk that refuses.

use super::support::{
    ended, line, manifest, on_small_disk, shop, shop_lines, snapshot_names, tables, tracklet,
};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Instant;
use tracklet_native::publish::OutputFolder;

const KILLS: u32 = 20;

/// Names in `snapshots`, leftovers of dead runs among them.
/// Runs are killed all along their way; whatever the moment, readers see the whole tables of the last good run or the
/// whole tables of the new one, and the next run succeeds and sweeps up.
#[test]
fn kill_9_at_any_moment_leaves_whole_tables_and_the_next_run_is_fine() {
    let folder = tempfile::tempdir().unwrap();
    let (out, lines) = (folder.path().join("out"), shop_lines());
    fs::write(folder.path().join("small.json"), lines[..300].join("\n")).unwrap();
    let shop = shop();
    let large = ["run", shop.to_str().unwrap(), "--full-refresh", "--yes"];
    let small = ["run", "small.json", "--full-refresh", "--yes"];
    let started = Instant::now();
    assert_eq!(ended(&mut tracklet(folder.path(), &large)).0, 0);
    let whole_run = started.elapsed();
    let after_large = tables(&out);
    assert_eq!(ended(&mut tracklet(folder.path(), &small)).0, 0);
    let after_small = tables(&out);
    assert!(after_small != after_large);

    let mut killed_at_work = 0;
    for kill in 0..KILLS {
        let mut run = tracklet(folder.path(), &large).spawn().unwrap();
        // Spread over the whole run, with a remainder that no grid has.
        let nanos = Instant::now().elapsed().subsec_nanos() % 1000;
        sleep(whole_run * kill / KILLS + whole_run * nanos / (KILLS * 1000));
        killed_at_work += u32::from(run.try_wait().unwrap().is_none());
        run.kill().unwrap();
        run.wait().unwrap();
        let seen = tables(&out);
        assert!(seen == after_small || seen == after_large, "kill {kill} left other tables");
        let (code, said) = ended(&mut tracklet(folder.path(), &small));
        assert_eq!(code, 0, "after kill {kill}: {said}");
        assert!(tables(&out) == after_small, "the run after kill {kill}");
        let names = snapshot_names(&out);
        assert!(names.len() <= 3 && names.iter().all(|name| !name.starts_with('.')), "{names:?}");
    }
    assert!(killed_at_work >= KILLS / 4, "only {killed_at_work} of {KILLS} runs were still at work");
}

#[test]
fn a_second_run_at_once_says_who_holds_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), line("m1", "a", "2026-01-04T10:00:00Z")).unwrap();
    let out = folder.path().join("out");
    let held = OutputFolder::open(&out).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.json"]));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
    drop(held);
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "a.json"])).0, 0);
}

#[test]
fn of_runs_started_together_some_succeed_and_the_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let shop = shop();
    let start = || tracklet(folder.path(), &["run", shop.to_str().unwrap()]).spawn().unwrap();
    let runs: Vec<_> = (0..4).map(|_| start()).collect();
    let codes: Vec<i32> =
        runs.into_iter().map(|run| run.wait_with_output().unwrap().status.code().unwrap()).collect();
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 2].contains(code)), "{codes:?}");
    assert_eq!(manifest(&folder.path().join("out"))["rows"]["sessionized"], 15_000);
}

#[test]
fn old_snapshots_go_and_a_rollback_shows_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut seen = Vec::new();
    for rows in 1..=5 {
        let id = |row| line(&format!("m{row}"), "a", "2026-01-04T10:00:00Z");
        fs::write(folder.path().join("a.json"), (0..rows).map(id).collect::<Vec<_>>().join("\n")).unwrap();
        assert_eq!(ended(&mut tracklet(folder.path(), &["run", "a.json", "--full-refresh", "--yes"])).0, 0);
        seen.push(tables(&out));
    }
    let mut names = snapshot_names(&out);
    names.sort();
    assert_eq!(names, ["000003", "000004", "000005"]);
    assert_eq!(ended(&mut tracklet(folder.path(), &["snapshots", "rollback"])).0, 0);
    assert!(tables(&out) == seen[3]);
    assert_eq!(ended(&mut tracklet(folder.path(), &["snapshots", "rollback", "000001"])).0, 2);
}

/// A file system of one megabyte, in a mount name space of its own so that nothing is left behind. A machine that
/// forbids that can't run this test, and says so.
#[test]
fn a_full_disk_is_an_error_and_the_tables_stay() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.json"), line("m1", "a", "2026-01-04T10:00:00Z")).unwrap();
    fs::create_dir(folder.path().join("disk")).unwrap();
    let script = "mount -t tmpfs -o size=400k none disk || exit 77\n\
                  \"$1\" -q run small.json --out disk/out || exit 78\n\
                  before=$(cat disk/out/current/*/*.parquet | cksum)\n\
                  \"$1\" run \"$2\" --out disk/out 2>said; code=$?\n\
                  [ \"$before\" = \"$(cat disk/out/current/*/*.parquet | cksum)\" ] || exit 79\n\
                  [ \"$(ls -A disk/out/snapshots)\" = 000001 ] || exit 80\n\
                  exit $code";
    let Some(output) = on_small_disk(folder.path(), script, shop()) else { return };
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = fs::read_to_string(folder.path().join("said")).unwrap();
    assert!(said.contains("No space left on device"), "{said}");
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), line("m1", "a", "2026-01-04T10:00:00Z")).unwrap();
    // A file where the folder should be refuses everyone, the superuser as well.
    fs::write(folder.path().join("taken"), "").unwrap();
    fs::set_permissions(folder.path().join("taken"), fs::Permissions::from_mode(0o444)).unwrap();
    let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.json", "--out", "taken/out"]));
    assert_eq!(code, 2);
    assert!(said.contains("taken/out"), "{said}");
}

// 292 tracks with another year each (a browser's clock says what it likes) needed 1,752 files at once.
#[test]
fn a_part_for_every_year_is_written_with_few_open_files() {
    let folder = tempfile::tempdir().unwrap();
    let years: Vec<String> =
        (1970..2262).map(|year| line(&format!("m{year}"), "a", &format!("{year}-03-04T10:00:00Z"))).collect();
    fs::write(folder.path().join("years.json"), years.join("\n")).unwrap();
    fs::write(folder.path().join("more.json"), line("late", "a", "2031-07-04T10:00:00Z")).unwrap();
    for arguments in ["run years.json", "run years.json more.json", "test"] {
        let script = format!("ulimit -n 256 && exec \"$0\" {arguments}");
        let mut limited = Command::new("sh");
        limited.args(["-c", &script, env!("CARGO_BIN_EXE_tracklet")]).current_dir(folder.path());
        let (code, said) = ended(&mut limited);
        assert_eq!(code, 0, "{arguments}: {said}");
    }
    let out = folder.path().join("out");
    assert_eq!(manifest(&out)["rows"]["sessionized"], 293);
    assert_eq!(fs::read_dir(out.join("current/dbt_track_facts")).unwrap().count(), 292);
}

/// Lets the digests fit what became of `state/parts.json`, which held `before`.
fn sign(out: &Path, before: &str) {
    let digest = |text: &str| format!("{:016x}", twox_hash::XxHash64::oneshot(0, text.as_bytes()));
    let seal = |text: &str| blake3::hash(text.as_bytes()).to_hex()[..32].to_owned();
    let read = |name: &str| fs::read_to_string(out.join("current").join(name)).unwrap();
    let write = |name: &str, text: &str| fs::write(out.join("current").join(name), text).unwrap();
    let old = read("state/digests.json");
    let new = old.replace(&digest(before), &digest(&read("state/parts.json")));
    assert_ne!(old, new);
    write("state/digests.json", &new);
    let manifest = read("manifest.json").replace(&seal(&old), &seal(&new));
    let json: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    // Zeros also stand among the ids that are ignored.
    let field = |seal: &str| format!("\"seal\": \"{seal}\"");
    let (sealed, zeros) = (field(json["seal"].as_str().unwrap()), field(&"0".repeat(32)));
    let unsealed = manifest.replace(&sealed, &zeros);
    write("manifest.json", &unsealed.replace(&zeros, &field(&seal(&unsealed))));
}

/// Tables that contradict each other: the state says that tracks of a part follow too late.
#[test]
fn tables_that_break_an_invariant_are_kept_and_the_exit_code_is_3() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::write(folder.path().join("a.json"), line("m1", "a", "2025-01-04T10:00:00Z")).unwrap();
    fs::write(folder.path().join("b.json"), line("m2", "a", "2026-01-04T10:00:00Z")).unwrap();
    assert_eq!(ended(&mut tracklet(folder.path(), &["run", "a.json"])).0, 0);
    let state = out.join("current/state/parts.json");
    let text = fs::read_to_string(&state).unwrap();
    assert!(text.contains("\"gaps\": 0"), "{text}");
    fs::write(&state, text.replace("\"gaps\": 0", "\"gaps\": 2")).unwrap();
    sign(&out, &text);
    let before = tables(&out);
    for _ in 0..2 {
        let (code, said) = ended(&mut tracklet(folder.path(), &["run", "a.json", "b.json"]));
        assert_eq!(code, 3, "{said}");
        let expected = ["within the timeout (2 do not)", "nothing was published", "snapshots/failed-000002"];
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
        assert!(tables(&out) == before);
        let mut names = snapshot_names(&out);
        names.sort();
        assert_eq!(names, ["000001", "failed-000002"]);
    }
    assert_eq!(
        ended(&mut tracklet(folder.path(), &["run", "a.json", "b.json", "--full-refresh", "--yes"])).0,
        0
    );
    assert!(snapshot_names(&out).iter().all(|name| !name.starts_with("failed")));
}

/// A container's image has the first snapshot, and the next ones lie above it: folders of the image can't be renamed.
#[test]
fn snapshots_of_an_overlays_lower_layer_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    for (name, id) in [("a.json", "m1"), ("b.json", "m2")] {
        fs::write(folder.path().join(name), line(id, "a", "2026-01-04T10:00:00Z")).unwrap();
    }
    fs::write(folder.path().join("tracklet.toml"), "[output]\nkeep = 1\n").unwrap();
    fs::create_dir(folder.path().join("disk")).unwrap();
    let script = "mount -t tmpfs none disk || exit 77\n\
                  mkdir disk/lower disk/upper disk/work disk/merged\n\
                  \"$1\" -q run a.json --out disk/lower/out || exit 78\n\
                  mount -t overlay -o lowerdir=disk/lower,upperdir=disk/upper,workdir=disk/work,userxattr none disk/merged || exit 77\n\
                  \"$1\" -q run a.json \"$2\" --out disk/merged/out || exit 79\n\
                  [ \"$(ls -A disk/merged/out/snapshots)\" = 000002 ] || exit 80";
    let Some(output) = on_small_disk(folder.path(), script, "b.json") else { return };
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
