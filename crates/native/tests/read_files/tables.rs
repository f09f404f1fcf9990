//! Folders of tables: those that a log describes, and those of a data lake.

use super::parquet::{ids, parquet, times};
use super::support::{Files, outcome};
use tracklet_display::error::Hint;
use tracklet_kernel::event_type::{EventType, EventTypes};
use tracklet_native::read::inputs::{InputError, InputFile, discover};
use tracklet_native::read::{Format, TableFormat};

fn table() -> Vec<u8> {
    parquet(&[("id", ids(1)), ("user_id", ids(1)), ("timestamp", times(1))], 10)
}

fn refused(files: &Files, path: &str) -> (TableFormat, String) {
    let error =
        discover(&[files.name(path)], None, EventTypes::default()).expect_err("it is a table with a log");
    let hint = error.hint().expect("a hint");
    assert!(hint.contains("--format parquet") && error.to_string().contains("come back"), "{error}: {hint}");
    let InputError::TableFormat { table, format, .. } = error else { panic!("{error}") };
    (format, table)
}

// Rows that a log had removed came back without a word.
#[test]
fn r16_tables_with_a_log_are_refused_wherever_they_are_entered() {
    let logs = [
        (TableFormat::Delta, "_delta_log/00000000000000000000.json"),
        (TableFormat::Iceberg, "metadata/00001-abc.metadata.json"),
        (TableFormat::Iceberg, "metadata/version-hint.text"),
        (TableFormat::Hudi, ".hoodie/hoodie.properties"),
    ];
    for (format, log) in logs {
        let files = Files::new();
        files.write(&format!("lake/shop/tracks/{log}"), "");
        files.write("lake/shop/tracks/data/day=1/a.parquet", table());
        let tracks = files.name("lake/shop/tracks");
        let entries =
            ["lake", "lake/shop/tracks", "lake/shop/tracks/data", "lake/shop/tracks/data/day=1/a.parquet"];
        for path in entries.into_iter().chain(["lake/**/*.parquet", "lake/shop/tracks/data/day=*"]) {
            assert_eq!(refused(&files, path), (format, tracks.clone()), "{path}");
        }
        std::os::unix::fs::symlink(files.name("lake/shop/tracks/data"), files.name("link")).expect("a link");
        assert_eq!(refused(&files, "link").0, format);
        let insisted = discover(&[files.name("lake")], Some(Format::Parquet), EventTypes::default())
            .expect("it is insisted on");
        assert_eq!(insisted.files.len(), 1, "{:?}", insisted.files);
    }
}

#[test]
fn other_folders_of_these_names_are_no_logs() {
    let files = Files::new();
    files.write("a/metadata/notes.json", "{}");
    files.write("a/metadata/b.parquet", table());
    files.write("a/x.parquet", table());
    files.write("_delta_log", "");
    files.write("b/_delta_log/0.json", "");
    files.write("b/events.json", "");
    assert_eq!(discover(&[files.name("a")], None, EventTypes::default()).expect("no table").files.len(), 3);
    // Raw events that lie there are no part of the table.
    assert_eq!(discover(&[files.name("b")], None, EventTypes::default()).expect("no table").files.len(), 1);
}

/// What is read of a path, below the folder, and what is said of the rest.
fn found(files: &Files, paths: &[&str]) -> (Vec<String>, Vec<String>) {
    let root = format!("{}/", files.path().display());
    let paths: Vec<String> = paths.iter().map(|path| files.name(path)).collect();
    let inputs = discover(&paths, None, EventTypes::default()).expect("something to read");
    let names = inputs.files.iter().map(|file| file.name.replace(&root, "")).collect();
    (names, inputs.notes.iter().map(|note| note.replace(&root, "")).collect())
}

fn lake(files: &Files) {
    for table_name in ["tracks", "pages", "identifies", "users", "order_completed", "signup"] {
        files.write(&format!("lake/shop/{table_name}/2026/01/04/10/a.parquet"), table());
    }
}

// Page views became tracks, and single events were read twice.
#[test]
fn r16_of_a_lakes_namespace_tracks_alone_are_read() {
    let files = Files::new();
    lake(&files);
    let tracks = "lake/shop/tracks/2026/01/04/10/a.parquet";
    let note = "not read: 5 files of `lake/shop`, of other calls (identifies, pages, users; source.types takes calls in), and of single events \
                (order_completed, signup), which `tracks` has too";
    for path in ["lake", "lake/shop", "lake/shop/", "lake/shop/**/*.parquet"] {
        assert_eq!(found(&files, &[path]), (vec![tracks.to_owned()], vec![note.to_owned()]), "{path}");
    }
    for path in ["lake/shop/tracks", "lake/shop/tracks/2026"] {
        assert_eq!(found(&files, &[path]), (vec![tracks.to_owned()], vec![]), "{path}");
    }
    // Who names a table or a file means it.
    let single = "lake/shop/signup/2026/01/04/10/a.parquet";
    assert_eq!(found(&files, &["lake/shop/signup"]).0, [single]);
    let page = "lake/shop/pages/2026/01/04/10/a.parquet";
    assert_eq!(found(&files, &[page]).0, [page]);
    let error =
        discover(&[files.name("lake/shop/pages")], None, EventTypes::default()).expect_err("no tracks");
    assert!(matches!(&error, InputError::NoEvents { tables, .. } if tables == &["pages"]), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("`tracks`")));
}

// The calls of another type are those of its table, where the configuration asks for them.
#[test]
fn tables_of_the_types_that_are_asked_for_are_read() {
    let files = Files::new();
    lake(&files);
    files.write("lake/shop/screens/x.parquet", table());
    let typed = |path: &str, types: &[EventType]| {
        let types = types.iter().copied().collect();
        discover(&[files.name(path)], None, types).map(|inputs| {
            let named = |file: &InputFile| {
                let name = file.name.replace(&format!("{}/lake/shop/", files.path().display()), "");
                (name.split('/').next().expect("a folder").to_owned(), file.event_type)
            };
            (inputs.files.iter().map(named).collect::<Vec<_>>(), inputs.notes.len())
        })
    };
    let (track, page, screen) = (EventType::Track, EventType::Page, EventType::Screen);
    let found = |names: &[(&str, EventType)]| -> Vec<(String, EventType)> {
        names.iter().map(|(name, event_type)| ((*name).to_owned(), *event_type)).collect()
    };
    for path in ["lake", "lake/shop", "lake/**/*.parquet"] {
        let (read, notes) = typed(path, &[track, page, screen]).expect("three tables");
        assert_eq!(read, found(&[("pages", page), ("screens", screen), ("tracks", track)]), "{path}");
        assert_eq!(notes, 1);
    }
    assert_eq!(typed("lake", &[page]).expect("one table").0, found(&[("pages", page)]));
    // What is named itself, or lies below a folder that is named, is what the folders above it say.
    for path in ["lake/shop/pages", "lake/shop/pages/2026/01/04/10/a.parquet"] {
        assert_eq!(typed(path, &[track, page]).expect("pages").0, found(&[("pages", page)]), "{path}");
        let error = typed(path, &[track, screen]).expect_err("no pages were asked for");
        assert!(error.to_string().contains("no `track` and `screen` calls"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("[source] types")));
    }
}

// Raw calls name their type, whatever their folder is called, and a table below no folder of a type holds tracks.
#[test]
fn what_is_asked_for_decides_of_calls_and_of_tables_below_other_folders() {
    let files = Files::new();
    files.write("pages/calls.json", "");
    files.write("pages/rows.csv", "");
    files.write("x/rows.csv", "");
    let names = |types: &[EventType]| {
        let inputs = discover(&[files.path().display().to_string()], None, types.iter().copied().collect());
        let names = inputs.expect("calls").files.into_iter().map(|file| file.name);
        names.map(|name| name.replace(&format!("{}/", files.path().display()), "")).collect::<Vec<_>>()
    };
    let (track, page, screen) = (EventType::Track, EventType::Page, EventType::Screen);
    assert_eq!(names(&[track, page]), ["pages/calls.json", "pages/rows.csv", "x/rows.csv"]);
    assert_eq!(names(&[page]), ["pages/calls.json", "pages/rows.csv"]);
    assert_eq!(names(&[track, screen]), ["pages/calls.json", "x/rows.csv"]);
    let error = discover(&[files.name("x")], None, [page].into_iter().collect()).expect_err("tracks alone");
    assert!(error.to_string().contains("holds no `page` calls: its files are those of `tracks`"), "{error}");
}

#[test]
fn folders_that_are_no_lake_are_read_whole() {
    let files = Files::new();
    let names = [
        "a/tracks.parquet",
        "a/users/anna.parquet",
        "b/tracks/2026/x.parquet",
        "b/2026/y.parquet",
        "b/day=1/z.parquet",
    ];
    for name in names {
        files.write(name, table());
    }
    files.write("b/other/raw.json", "");
    let (read, notes) = found(&files, &["a", "b"]);
    assert_eq!((read.len(), notes.len()), (names.len() + 1, 0), "{read:?} {notes:?}");
}

// Page views below a folder of their table were tracks where no folder of tracks was beside it and no hours below it.
#[test]
fn r18_tables_of_other_calls_are_no_tracks_wherever_they_lie() {
    let files = Files::new();
    for name in
        ["export/pages/p.parquet", "export/2026/identifies.d/x.parquet", "export/2026/Identifies/x.parquet"]
    {
        files.write(name, table());
    }
    let (read, notes) = found(&files, &["export"]);
    assert_eq!(read, ["export/2026/identifies.d/x.parquet"]);
    let not_read = |folder: &str, table: &str| {
        format!("not read: 1 file of `{folder}`, of other calls ({table}; source.types takes calls in)")
    };
    assert_eq!(notes, [not_read("export/2026/Identifies", "identifies"), not_read("export/pages", "pages")]);
    let error = discover(&[files.name("export/pages")], None, EventTypes::default()).expect_err("no tracks");
    assert!(error.hint().is_some_and(|hint| hint.contains("[source] types")), "{error}");
    assert_eq!(found(&files, &["export/pages/p.parquet"]).0, ["export/pages/p.parquet"]);
}

#[test]
fn what_a_path_says_is_a_column() {
    use std::collections::BTreeMap;
    use tracklet_native::read::{Column, Source};
    let files = Files::new();
    let csv = |id: &str| format!("messageid,anonymousid,timestamp\n{id},ann,2026-01-04T10:00:00Z\n");
    files.write("d/segment_type=product_viewed/day=2026-01-04/hr=10/a.csv", csv("m1"));
    files.write("d/segment_type=signup/day=2026-01-05/hr=08/a.csv", csv("m2"));
    files.write("d/segment_type=%C3%A4/day=__HIVE_DEFAULT_PARTITION__/hr=08/id=5/a.parquet", {
        parquet(&[("messageid", ids(1)), ("anonymousid", ids(1)), ("timestamp", times(1))], 10)
    });
    let names = [
        (Column::EventId, "messageid"),
        (Column::AnonymousId, "anonymousid"),
        (Column::Event, "Segment_Type"),
    ];
    let columns: BTreeMap<_, _> = names.map(|(column, name)| (column, name.to_owned())).into();
    let source = Source { columns, ..Source::default() };
    let read = files.read_as(&source);
    assert_eq!(outcome(&read), (3, 0, vec![]));
    assert_eq!(super::support::event_names(read), ["product_viewed", "signup", "ä"]);
    let where_ = |expression: &str| Source { where_: Some(expression.to_owned()), ..source.clone() };
    assert_eq!(outcome(&files.read_as(&where_("day >= '2026-01-05'"))), (1, 2, vec![]));
    assert_eq!(outcome(&files.read_as(&where_("day is null"))), (1, 2, vec![]));
}
