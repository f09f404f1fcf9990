//! One name, one concept: no type name of the workspace stands for more than two things.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// How many types of the whole workspace may have one name.
const MOST: usize = 2;

/// Folders whose Rust code is looked at.
const FOLDERS: [&str; 3] = ["crates", "bench", "fuzz"];

/// By type name, the places where a type of that name is defined.
type Definitions = BTreeMap<String, Vec<String>>;

/// The name of the type that a line defines. A `type` inside of a trait or an `impl` has the trait's name for it, and is left out,
/// as is every other `type` that does not start its line.
fn defined(line: &str) -> Option<&str> {
    let is_indented = line.starts_with(' ');
    let mut rest = line.trim_start();
    if let Some(public) = rest.strip_prefix("pub") {
        rest = match public.strip_prefix('(') {
            Some(scope) => scope.split_once(") ")?.1,
            None => public.strip_prefix(' ')?,
        };
    }
    rest = rest.strip_prefix("unsafe ").unwrap_or(rest);
    let (keyword, rest) = rest.split_once(' ')?;
    let defines = match keyword {
        "struct" | "enum" | "trait" | "union" => true,
        "type" => !is_indented,
        _ => false,
    };
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    (defines && name.starts_with(|c: char| c.is_ascii_uppercase())).then_some(name)
}

fn collect(folder: &Path, root: &Path, found: &mut Definitions) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let shown = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        if shown.ends_with("target") {
            continue;
        }
        if path.is_dir() {
            collect(&path, root, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            for (number, line) in (1..).zip(fs::read_to_string(&path).unwrap().lines()) {
                if let Some(name) = defined(line) {
                    found.entry(name.to_owned()).or_default().push(format!("{shown}:{number}"));
                }
            }
        }
    }
}

// `Place` and `Found` stood for eight things each, and `Row` for eight others.
#[test]
fn no_type_name_stands_for_more_than_two_things() {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..").canonicalize().unwrap();
    let mut found = Definitions::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &root, &mut found);
    }
    assert!(found.len() > 500, "only {} type names were found", found.len());
    let crowded: Vec<String> = found
        .iter()
        .filter(|(_, places)| places.len() > MOST)
        .map(|(name, places)| format!("{name}: {}", places.join(", ")))
        .collect();
    assert!(crowded.is_empty(), "these names stand for more than {MOST} types:\n{}", crowded.join("\n"));
}

#[test]
fn a_definition_is_no_use() {
    for (line, name) in [
        ("struct Row;", Some("Row")),
        ("pub struct Rows<'a> {", Some("Rows")),
        ("    pub(in crate::read) enum Kind {", Some("Kind")),
        ("pub(crate) trait Step: Sync {", Some("Step")),
        ("pub type Outcome = Result<(), Failure>;", Some("Outcome")),
        ("    type Item = u32;", None),
        ("// struct Row", None),
        ("    row: Row,", None),
        ("pub fn structure() {", None),
    ] {
        assert_eq!(defined(line), name, "{line}");
    }
}
