//! The targets on what the fuzzer starts from, and on all that once failed.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use tracklet_fuzz::{seeds, targets};

#[test]
fn every_seed_and_regression_holds() {
    let mut failed = Vec::new();
    for target in targets::all() {
        let own = seeds::of(target.name);
        assert!(own.len() >= 5, "{} has {} seeds", target.name, own.len());
        for (name, bytes) in own.into_iter().chain(seeds::regressions(target.name)) {
            if catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes))).is_err() {
                failed.push(format!("{}: {name}", target.name));
            }
        }
        catch_unwind(AssertUnwindSafe(|| (target.run)(b""))).expect("no bytes at all");
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn regressions_belong_to_a_target() {
    let names: BTreeSet<String> = targets::all().iter().map(|target| target.name.to_owned()).collect();
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("regressions");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut regressions: BTreeSet<String> =
        entries.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert!(regressions.remove("README"));
    assert!(regressions.is_subset(&names), "{regressions:?}");
}
