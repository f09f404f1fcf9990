//! Commands that read while runs publish and remove.

use super::support::{ended, line, snapshot_names, tracklet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Two files, of 400 and of 700 rows, and a configuration that keeps one snapshot.
fn prepare(folder: &Path) {
    for (name, rows) in [("few.json", 400), ("many.json", 700)] {
        let line = |row| line(&format!("m{row}"), &format!("d{}", row % 40), "2026-01-04T10:00:00Z");
        fs::write(folder.join(name), (0..rows).map(line).collect::<Vec<_>>().join("\n")).unwrap();
    }
    fs::write(folder.join("tracklet.toml"), "[output]\nkeep = 1\n").unwrap();
}

// With `keep = 1` a query answered 0, a mixture of two snapshots or an error when its snapshot was removed while it read.
#[test]
fn whoever_reads_while_snapshots_go_sees_one_whole_snapshot() {
    const QUERY: &str = "select (select count(*) from dbt_mapped_tracks) as a, (select count(*) from dbt_track_facts) as b, \
                         (select count(*) from dbt_tracks_flow) as c";
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    prepare(at);
    assert_eq!(ended(&mut tracklet(at, &["run", "few.json"])).0, 0);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut answers = 0;
                    while !is_over.load(Ordering::Relaxed) || answers == 0 {
                        let output = tracklet(at, &["query", QUERY, "--format", "csv"]).output().unwrap();
                        let (out, err) = (
                            String::from_utf8(output.stdout).unwrap(),
                            String::from_utf8(output.stderr).unwrap(),
                        );
                        assert_eq!(output.status.code(), Some(0), "{err}");
                        let row = out.lines().nth(1).unwrap();
                        assert!(["400,400,400", "700,700,700"].contains(&row), "{out}");
                        answers += 1;
                    }
                    answers
                })
            })
            .collect();
        for run in 0..12 {
            let input = if run % 2 == 0 { "many.json" } else { "few.json" };
            let (code, said) = ended(&mut tracklet(at, &["run", input, "--full-refresh", "--yes"]));
            assert_eq!(code, 0, "{said}");
        }
        is_over.store(true, Ordering::Relaxed);
        let answers: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        assert!(answers > 2, "{answers}");
    });
    assert_eq!(ended(&mut tracklet(at, &["run", "few.json", "--full-refresh", "--yes"])).0, 0);
    assert_eq!(snapshot_names(&at.join("out")).len(), 1);
}

#[test]
fn a_snapshot_held_by_another_program_stays_until_it_is_let_go() {
    use tracklet_native::publish::hold_current;

    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    prepare(at);
    assert_eq!(ended(&mut tracklet(at, &["run", "few.json"])).0, 0);
    let held = hold_current(&at.join("out")).unwrap();
    assert_eq!(ended(&mut tracklet(at, &["run", "many.json", "--full-refresh", "--yes"])).0, 0);
    assert!(held.folder().join("manifest.json").exists());
    drop(held);
    assert_eq!(ended(&mut tracklet(at, &["run", "few.json", "--full-refresh", "--yes"])).0, 0);
    assert_eq!(snapshot_names(&at.join("out")), ["000003"]);
}
