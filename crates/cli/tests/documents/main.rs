//! What the documents say is so: paths exist, links lead somewhere, commands print what stands below them.

mod console;
mod markdown;
mod names;
mod paths;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..").canonicalize().unwrap()
}
