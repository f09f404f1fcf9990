use super::Dialect;
use std::path::{Path, PathBuf};

#[test]
fn a_dialect_is_found_by_its_names() {
    for dialect in Dialect::ALL {
        assert_eq!(Dialect::from_name(dialect.name()), Some(dialect));
        assert_eq!(Dialect::from_adapter(dialect.name()), Some(dialect));
    }
    assert_eq!(Dialect::from_adapter("databricks"), Some(Dialect::Spark));
    assert_eq!(Dialect::from_name("databricks"), None);
}

#[test]
fn products_are_listed_in_words() {
    assert_eq!(Dialect::products(|dialect| dialect.answers_figures()), "PostgreSQL, Redshift and BigQuery");
    assert_eq!(Dialect::products(|dialect| dialect.takes_exports()), "PostgreSQL and Redshift");
    assert_eq!(Dialect::products(|dialect| dialect == Dialect::Spark), "Spark");
    assert_eq!(Dialect::products(|_| false), "none");
}

/// What renders SQL stays text: a client or a file would be reached through a description.
#[test]
fn descriptions_know_no_client_no_file_and_no_configuration() {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("src");
    let files = Dialect::ALL.map(|dialect| format!("{}/mod.rs", dialect.name()));
    for file in files.iter().map(String::as_str).chain(["description.rs"]) {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        for reached in ["client::", "std::fs", "tracklet_", "Warehouse", "async "] {
            assert!(!text.contains(reached), "{file} has {reached}");
        }
    }
}

/// The text of a file above its tests.
fn without_tests(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    text.split("mod tests {").next().unwrap_or_default().to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let is_apart = ["dialects/src", "warehouse/src/clients", "tests", "tests.rs"]
            .iter()
            .any(|end| path.ends_with(end));
        if path.is_dir() && !is_apart {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !is_apart {
            found.push(path);
        }
    }
}

// One more dialect changed some 35 files, in each of which a `match` or a list had to have it.
#[test]
fn nothing_but_this_crate_and_the_clients_decides_by_the_dialect() {
    /// The data tests on files are queries of PostgreSQL, which the query engine reads.
    const WITH_REASON: &str = "analysis/src/testing.rs";
    let mut found = Vec::new();
    sources(&Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join(".."), &mut found);
    assert!(found.len() > 200, "only {} files were found", found.len());
    for file in found.iter().filter(|file| !file.ends_with(WITH_REASON)) {
        let text = without_tests(file);
        for dialect in Dialect::ALL {
            let names = [format!("Dialect::{dialect:?}"), format!("\"{}\"", dialect.name())];
            for name in names {
                assert!(!text.contains(&name), "{} has {name}", file.display());
            }
        }
    }
}
