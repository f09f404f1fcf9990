//! Paths and links.

use super::markdown::{anchors, code_spans, links, split};
use super::root;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Every file of the repository, by its path from the root.
fn repository() -> Vec<PathBuf> {
    fn below(folder: &Path, root: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // Not of the repository: what tools and runs leave behind.
            if matches!(name.as_str(), ".git" | "target" | "out" | "node_modules" | "__pycache__" | ".venv") {
                continue;
            }
            found.push(path.strip_prefix(root).unwrap().to_owned());
            if path.is_dir() && !path.is_symlink() {
                below(&path, root, found);
            }
        }
    }
    let (root, mut found) = (root(), Vec::new());
    below(&root, &root, &mut found);
    found
}

fn pages(repository: &[PathBuf]) -> Vec<PathBuf> {
    let is_page = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "md");
    // A case of the corpus may hold anything.
    repository.iter().filter(is_page).cloned().collect()
}

/// Whether a code span names a place in the repository rather than a command, a pattern or a place elsewhere.
fn names_a_place(span: &str) -> bool {
    const ENDINGS: [&str; 9] = [".rs", ".md", ".sql", ".py", ".sh", ".yml", ".jsonl", ".toml", ".lock"];
    /// Made by runs, given by users, or of other programs.
    const ELSEWHERE: [&str; 15] = [
        "out/",
        "DIR/",
        "current/",
        "snapshots/",
        "state/",
        "target/",
        "/",
        "~",
        "logs/",
        "tracklet.toml",
        "profiles.yml",
        "packages.yml",
        "dbt_packages/",
        "rudder-logs/",
        // An id that stands for none.
        "n/a",
    ];
    let is_plain = span.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    let is_path = span.contains('/') || ENDINGS.iter().any(|ending| span.ends_with(ending));
    let is_ending = span.starts_with('.') && !span.contains('/');
    is_plain && is_path && !is_ending && !ELSEWHERE.iter().any(|place| span.starts_with(place))
}

/// Whether the place is there: from the root, from the page, or as the end of a path of the repository.
fn exists(span: &str, page: &Path, repository: &[PathBuf]) -> bool {
    let wanted = Path::new(span.strip_prefix("./").unwrap_or(span).trim_end_matches('/'));
    root().join(wanted).exists()
        || root().join(page).parent().unwrap().join(wanted).exists()
        || repository.iter().any(|path| path.ends_with(wanted))
}

#[test]
fn every_path_named_in_a_document_exists() {
    let repository = repository();
    let pages = pages(&repository);
    for needed in
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/getting-started.md"]
    {
        assert!(pages.contains(&PathBuf::from(needed)), "{needed}");
    }
    let (mut dead, mut alive) = (Vec::new(), 0);
    // The words of the lists look like folders.
    for page in pages.iter().filter(|page| page.as_path() != Path::new("docs/word-lists.md")) {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for span in code_spans(&split(&text).1).into_iter().filter(|span| names_a_place(span)) {
            if exists(span, page, &repository) {
                alive += 1;
            } else {
                dead.push(format!("{}: {span}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "no such path: {dead:#?}");
    assert!(alive > 40, "only {alive} paths were found in the documents: the test looks past them");
}

#[test]
fn every_link_leads_somewhere() {
    let (mut dead, mut alive) = (Vec::new(), 0);
    for page in pages(&repository()) {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for link in links(&split(&text).1) {
            if link.contains("://") {
                continue;
            }
            let (file, anchor) =
                link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let inside = target.components().all(|part| !matches!(part, Component::RootDir));
            let has_anchor = || {
                anchor.is_none_or(|anchor| {
                    fs::read_to_string(root().join(&target))
                        .is_ok_and(|text| anchors(&text).iter().any(|own| own == anchor))
                })
            };
            if inside && root().join(&target).exists() && has_anchor() {
                alive += 1;
            } else {
                dead.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "dead links: {dead:#?}");
    assert!(alive > 20, "only {alive} links were found in the documents: the test looks past them");
}
