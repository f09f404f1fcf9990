//! What the kernel must not know: files, network, clock, environment, processes, an async runtime.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates that do input or output, or run futures, and those that come with them.
const FOREIGN_CRATES: [&str; 20] = [
    "async-std",
    "async-trait",
    "aws-config",
    "datafusion",
    "fs-err",
    "futures",
    "futures-core",
    "glob",
    "hyper",
    "memmap2",
    "mio",
    "object_store",
    "parquet",
    "reqwest",
    "rustix",
    "smol",
    "socket2",
    "tempfile",
    "tokio",
    "tracing",
];

/// Source text that reaches out of the kernel.
const FOREIGN_TEXT: [&str; 16] = [
    "std::fs",
    "std::io",
    "std::net",
    "std::env",
    "std::os",
    "std::path",
    "std::process",
    "SystemTime",
    "Instant",
    "thread::sleep",
    "Utc::now",
    "Local::now",
    "print!",
    "extern \"",
    // Could bring in any of them unseen.
    "use std::{",
    "use std::*",
];

#[test]
fn depends_on_no_crate_that_reaches_out() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", "tracklet-kernel", "-e", "normal"])
        .args(["--prefix", "none", "-f", "{p}"])
        .current_dir(std::env::var("CARGO_MANIFEST_DIR").unwrap())
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("UTF-8");
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    // The list is one of the kernel's crates at all.
    assert!(names.contains(&"tracklet-kernel") && names.contains(&"arrow-array"), "{names:?}");
    let foreign: Vec<&&str> = names
        .iter()
        .filter(|name| {
            FOREIGN_CRATES.contains(name) || name.starts_with("datafusion-") || name.starts_with("tokio-")
        })
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

#[test]
fn source_reaches_out_nowhere() {
    let sources = sources(&PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("src"));
    assert!(sources.len() >= 12, "{sources:?}");
    let mut found = Vec::new();
    for path in sources {
        let text = std::fs::read_to_string(&path).expect("UTF-8");
        // Tests stand last in a file.
        let product = text.split("#[cfg(test)]\nmod tests {").next().expect("at least one part");
        for foreign in FOREIGN_TEXT.iter().filter(|foreign| product.contains(**foreign)) {
            found.push(format!("{}: {foreign}", path.display()));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Every Rust file below a folder that is part of the product.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| path.file_name().is_some_and(|name| name != "tests.rs"))
        .collect()
}
