//! The modules of a crate form no circle: each stands above those that it uses, so that it can be read after them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules at the top of a crate, each with those that it uses and one of the files where it does.
type Uses = BTreeMap<String, BTreeMap<String, PathBuf>>;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file without comments and without its tests.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

/// The names behind `crate::` in a text: of `crate::{a, b::c}` both. In a file at the top of a crate `super::` is the same.
fn named(text: &str, is_top: bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let behind = |root: &'static str| text.split(root).skip(1);
    for rest in behind("crate::").chain(behind("super::").filter(|_| is_top)) {
        let word =
            |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{').and_then(|list| list.split_once('}')) {
            Some((list, _)) => names.extend(list.split(',').map(|name| word(name.trim()))),
            None => _ = names.insert(word(rest)),
        }
    }
    names
}

fn uses(krate: &Path) -> Uses {
    let mut files = Vec::new();
    sources(krate, &mut files);
    let module = |file: &Path| {
        let first = file.strip_prefix(krate).unwrap().components().next().unwrap();
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    let modules: BTreeSet<String> = files.iter().map(|file| module(file)).collect();
    let mut uses = Uses::new();
    let is_test = |file: &&PathBuf| file.strip_prefix(krate).unwrap().to_string_lossy().contains("test");
    for file in files.iter().filter(|file| !is_test(file)) {
        let own = module(file);
        if own == "lib" || own == "main" {
            continue;
        }
        let is_top = file.parent() == Some(krate);
        for name in named(&code(file), is_top) {
            if modules.contains(&name) && name != own {
                uses.entry(own.clone()).or_default().insert(name, file.clone());
            }
        }
    }
    uses
}

/// A way along uses from a module back to itself.
fn circle(uses: &Uses) -> Option<Vec<String>> {
    fn walk(uses: &Uses, path: &mut Vec<String>, done: &mut BTreeSet<String>) -> Option<Vec<String>> {
        let last = path.last().expect("one module").clone();
        for next in uses.get(&last).into_iter().flat_map(BTreeMap::keys) {
            if let Some(start) = path.iter().position(|module| module == next) {
                return Some([&path[start..], std::slice::from_ref(next)].concat());
            }
            if !done.contains(next) {
                path.push(next.clone());
                if let Some(circle) = walk(uses, path, done) {
                    return Some(circle);
                }
                path.pop();
            }
        }
        done.insert(last);
        None
    }
    let mut done = BTreeSet::new();
    uses.keys().find_map(|module| walk(uses, &mut vec![module.clone()], &mut done))
}

// Ten of the 27 modules of one crate were a circle: none could be read, tested or built without all others.
#[test]
fn no_modules_form_a_circle() {
    let crates = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("..");
    let mut looked_at = 0;
    for krate in fs::read_dir(crates).unwrap().map(|entry| entry.unwrap().path().join("src")) {
        let uses = uses(&krate);
        looked_at += uses.len();
        if let Some(circle) = circle(&uses) {
            let steps = circle.windows(2).map(|step| {
                format!("{} uses {} in {}", step[0], step[1], uses[&step[0]][&step[1]].display())
            });
            panic!("{}", steps.collect::<Vec<_>>().join("\n"));
        }
    }
    assert!(looked_at > 60, "only {looked_at} modules were looked at");
}

#[test]
fn a_circle_is_found() {
    let uses = |steps: &[(&str, &str)]| {
        let mut uses = Uses::new();
        for (from, to) in steps {
            uses.entry((*from).to_owned()).or_default().insert((*to).to_owned(), PathBuf::new());
        }
        uses
    };
    assert_eq!(circle(&uses(&[("a", "b"), ("a", "c"), ("b", "c")])), None);
    let found = circle(&uses(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")])).unwrap();
    assert_eq!(found, ["b", "c", "d", "b"]);
    let expected: BTreeSet<String> = ["a", "b", "d"].map(str::to_owned).into();
    assert_eq!(named("use crate::{a, b::c}; crate::d::e(crate::a::f)", false), expected);
    // Two modules at the top of a crate that used each other as `super::` went unseen.
    assert_eq!(named("use super::{a, b::c}; super::d::e()", true), expected);
    assert!(named("use super::a;", false).is_empty());
}
