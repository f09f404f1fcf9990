//! The table of event names in `docs/semantics.md`, by the code that makes them.

use super::root;
use std::fs;
use tracklet_config::EVENT_NAMES;

/// The cells of a row, without backticks.
fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect()
}

#[test]
fn every_convention_spells_as_the_page_says() {
    let page = fs::read_to_string(root().join("docs/semantics.md")).unwrap();
    let (_, section) = page.split_once("## Event names").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut rows = section.lines().filter(|line| line.starts_with('|'));
    let originals = cells(rows.next().unwrap());
    let mut checked = 0;
    for row in rows.skip(1) {
        let row = cells(row);
        let convention =
            EVENT_NAMES.iter().find(|(name, _)| *name == row[0]).unwrap_or_else(|| panic!("{row:?}")).1;
        for (original, spelled) in originals[1..].iter().zip(&row[1..]) {
            assert_eq!(convention.normalise(original).as_deref(), Some(*spelled), "{} of {original}", row[0]);
            checked += 1;
        }
    }
    assert_eq!(checked, EVENT_NAMES.len() * (originals.len() - 1), "all conventions are on the page");
}
