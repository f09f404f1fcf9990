//! Which files a run reads.

use super::support::{Files, gzip, line};
use std::fs;
use std::os::unix::fs::symlink;
use tracklet_display::error::Hint;
use tracklet_kernel::event_type::EventTypes;
use tracklet_native::read::inputs::{InputError, Inputs, discover};
use tracklet_native::read::{Column, Format, inspect};

fn find(paths: &[String]) -> Result<Inputs, InputError> {
    discover(paths, None, EventTypes::default())
}

/// The names found, without the folder.
fn names(files: &Files, paths: &[&str]) -> Vec<String> {
    let paths: Vec<String> = paths.iter().map(|path| files.name(path)).collect();
    let inputs = find(&paths).expect("they are there");
    let below = |name: &str| {
        let name = name.strip_prefix(&files.path().display().to_string()).unwrap_or(name);
        name.trim_start_matches('/').to_owned()
    };
    inputs.files.iter().map(|file| below(&file.name)).collect()
}

#[test]
fn folders_are_read_to_the_bottom_in_the_order_of_bytes() {
    let files = Files::new();
    for name in [
        "b/z.json",
        "b/a.csv",
        "B.json",
        "a-b.json",
        "a/b.json",
        "é.json",
        ".h.json",
        "_tmp/x.json",
        "b/_x.csv",
    ] {
        files.write(name, "");
    }
    files.write("b/notes.txt", "");
    let expected = ["B.json", "a-b.json", "a/b.json", "b/a.csv", "b/z.json", "é.json"];
    assert_eq!(names(&files, &[""]), expected);
    let inputs = find(&[files.path().display().to_string()]).expect("a folder");
    assert_eq!(inputs.ignored, [files.name("b/notes.txt")]);
    assert!(inputs.files.iter().all(|file| file.size == 0 && file.modified.is_some()));
}

#[test]
fn a_file_is_read_once_however_it_is_reached() {
    let files = Files::new();
    files.write("a/b.json", "");
    files.write("a/c.json", "");
    symlink(files.path().join("a/b.json"), files.path().join("link.json")).expect("a link");
    symlink(files.path(), files.path().join("a/circle")).expect("a link");
    assert_eq!(names(&files, &["a/b.json", "a", "a/*.json", "", "a/../a/c.json"]), ["a/b.json", "a/c.json"]);
    assert_eq!(names(&files, &["a", "a"]), ["a/b.json", "a/c.json"]);
}

#[test]
fn patterns() {
    let files = Files::new();
    for name in ["2026/01/a.json.gz", "2026/02/b.json.gz", "2026/02/c.csv", "2026/02/.h.csv", "2026/_t/d.csv"]
    {
        files.write(name, "");
    }
    assert_eq!(names(&files, &["2026/*/?.json.gz"]), ["2026/01/a.json.gz", "2026/02/b.json.gz"]);
    assert_eq!(names(&files, &["**/*.csv"]), ["2026/02/c.csv"]);
    assert_eq!(names(&files, &["2026/_*/*.csv"]), ["2026/_t/d.csv"]);
    assert_eq!(names(&files, &["2026/0[2-9]"]), ["2026/02/b.json.gz", "2026/02/c.csv"]);
    assert_eq!(names(&files, &["2026/**"]).len(), 3);
}

#[test]
fn a_name_with_pattern_characters_is_itself_first() {
    let files = Files::new();
    files.write("a[1].json", "");
    files.write("a1.json", "");
    files.write("x*/b.json", "");
    files.write("xy/b.json", "");
    assert_eq!(names(&files, &["a[1].json"]), ["a[1].json"]);
    assert_eq!(names(&files, &["x*"]), ["x*/b.json"]);
    fs::remove_file(files.path().join("a[1].json")).expect("it was there");
    assert_eq!(names(&files, &["a[1].json"]), ["a1.json"]);
}

#[test]
fn errors_have_hints() {
    let files = Files::new();
    files.write("sub/notes.txt", "");
    fs::create_dir(files.path().join("empty")).expect("a folder");
    let error = |name: &str| {
        let error = find(&[files.name(name)]).expect_err("there is nothing to read");
        assert!(error.hint().is_some(), "{error}");
        assert!(error.to_string().contains(&files.name(name)), "{error}");
        error
    };
    assert!(matches!(error("no.json"), InputError::Missing { .. }));
    assert!(matches!(error("empty"), InputError::Empty { ignored: 0, .. }));
    assert!(matches!(error("sub"), InputError::Empty { ignored: 1, .. }));
    assert!(matches!(error("*.json"), InputError::NoMatch { .. }));
    assert!(matches!(error("sub/notes.txt"), InputError::UnknownFormat { .. }));
    assert!(matches!(find(&[]), Err(InputError::NoPaths)));
    assert!(matches!(find(&[files.name("a***b[")]), Err(InputError::Pattern { .. })));
    let forced =
        discover(&[files.name("sub")], Some(Format::Csv), EventTypes::default()).expect("any file will do");
    assert_eq!(forced.files[0].format, Format::Csv);
}

#[test]
fn a_first_look_tells_columns_and_their_meaning() {
    let files = Files::new();
    files.write("a.json.gz", gzip(format!("{}\n{{\"cut\":", line("1")).as_bytes()));
    files.write("b.csv", "ID,Anonymous_Id,_timestamp,price\n");
    files.write("c.csv", "event_text\n");
    let inputs = find(&[files.path().display().to_string()]).expect("three files");
    let found = inspect(&inputs.files, files.path()).expect("they can be read");
    let [json, csv] = found.formats.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (json.format, json.files, csv.format, csv.files),
        (Some(Format::Json), 1, Some(Format::Csv), 2)
    );
    assert!(json.columns.iter().any(|name| name == "properties_price"), "{json:?}");
    assert!(json.canonical.iter().all(|(_, name)| name.is_some()), "{json:?}");
    let canonical =
        |column| csv.canonical.iter().find(|(of, _)| *of == column).and_then(|(_, name)| name.as_deref());
    assert_eq!(canonical(Column::EventId), Some("ID"));
    assert_eq!(canonical(Column::AnonymousId), Some("Anonymous_Id"));
    assert_eq!(canonical(Column::Timestamp), Some("_timestamp"));
    assert_eq!(canonical(Column::Event), Some("event_text"));
    assert_eq!(canonical(Column::UserId), None);
}
