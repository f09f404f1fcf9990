//! Fuzzes the target that `TRACKLET_FUZZ_TARGET` names.
#![no_main]

use std::env;
use std::sync::LazyLock;
use tracklet_fuzz::targets::{Target, all};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = env::var("TRACKLET_FUZZ_TARGET").expect("TRACKLET_FUZZ_TARGET names a target");
    let target = all().into_iter().find(|target| target.name == name);
    target.unwrap_or_else(|| panic!("there is no target `{name}`"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));
