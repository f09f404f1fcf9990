//! The commands as a user types them, over small tables that the test writes.

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

fn part(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A working folder with the tables of a run in `out`.
fn workplace() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let snapshot = out.join("snapshots/000001");
    part(
        &snapshot.join("dbt_session_duration/2026.parquet"),
        vec![
            ("dbt_visitor_id", Arc::new(StringArray::from(vec!["ann", "ann", "bob"]))),
            ("session_id", Arc::new(StringArray::from(vec!["1 - ann", "2 - ann", "1 - bob"]))),
            ("session_duration", Arc::new(Int64Array::from(vec![10, 5, 8]))),
        ],
    );
    part(
        &snapshot.join("dbt_user_session_facts/all.parquet"),
        vec![
            ("dbt_visitor_id", Arc::new(StringArray::from(vec![Some("ann"), None]))),
            (
                "first_date",
                Arc::new(
                    TimestampMicrosecondArray::from(vec![Some(1_767_520_800_000_000), None])
                        .with_timezone("UTC"),
                ),
            ),
        ],
    );
    symlink("snapshots/000001", out.join("current")).unwrap();
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tracklet"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env_remove("NO_COLOR");
    command
}

fn tracklet(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// Exit code, stdout and stderr.
fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = said(&tracklet(folder, arguments));
    assert_eq!((code, stderr.as_str()), (0, ""), "{arguments:?}");
    stdout
}

#[test]
fn a_table_is_shown_in_three_formats() {
    let folder = workplace();
    let show = |more: &[&str]| stdout(folder.path(), &[&["show", "dbt_user_session_facts"], more].concat());
    assert_eq!(
        show(&[]),
        "dbt_visitor_id  first_date\n\
         --------------  ---------------------------\n\
         ann             2026-01-04T10:00:00.000000Z\n\
         NULL            NULL\n"
    );
    assert_eq!(show(&["--format", "csv"]), "dbt_visitor_id,first_date\nann,2026-01-04T10:00:00.000000Z\n,\n");
    assert_eq!(
        show(&["--format", "json", "--limit", "1"]),
        "{\"dbt_visitor_id\":\"ann\",\"first_date\":\"2026-01-04T10:00:00.000000Z\"}\n"
    );
}

#[test]
fn filters_limits_and_top_users() {
    let folder = workplace();
    let csv = |arguments: &[&str]| stdout(folder.path(), &[arguments, &["--format", "csv"]].concat());
    let head = "dbt_visitor_id,session_id,session_duration\n";
    let table = "dbt_session_duration";
    assert_eq!(csv(&["show", table, "--where", "session_duration > 9"]), format!("{head}ann,1 - ann,10\n"));
    assert_eq!(csv(&["show", table, "--limit", "0"]).lines().count(), 4);
    assert_eq!(csv(&["show", table, "--limit", "2"]).lines().count(), 3);
    assert_eq!(csv(&["show", "top-users"]), "dbt_visitor_id,avg_session_duration\nbob,8.0\nann,7.5\n");
    let sum = "SELECT sum(session_duration) AS minutes FROM dbt_session_duration";
    assert_eq!(csv(&["query", sum]), "minutes\n23\n");
}

#[test]
fn tables_are_listed() {
    let folder = workplace();
    let listed = stdout(folder.path(), &["ls"]);
    assert_eq!(
        listed.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>()).collect::<Vec<_>>(),
        [
            vec!["table", "rows"],
            listed.lines().nth(1).unwrap().split_whitespace().take(2).collect(),
            vec!["dbt_user_session_facts", "2"],
            vec!["dbt_session_duration", "3"]
        ]
    );
    let json = stdout(folder.path(), &["ls", "--format", "json"]);
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["table"], "dbt_user_session_facts");
    assert_eq!(first["columns"][1], serde_json::json!({"name": "first_date", "type": "timestamp"}));
}

#[test]
fn the_output_folder_comes_from_the_option_then_the_configuration() {
    let folder = workplace();
    fs::rename(folder.path().join("out"), folder.path().join("sessions")).unwrap();
    let (code, _, stderr) = said(&tracklet(folder.path(), &["ls"]));
    assert_eq!(code, 2);
    assert_eq!(
        stderr,
        "error: `out` holds no results\n\nhint: `tracklet run PATH --out DIR` writes them; name the folder with --out\n"
    );
    stdout(folder.path(), &["ls", "--out", "sessions"]);
    fs::write(folder.path().join("tracklet.toml"), "[output]\ndir = \"sessions\"\n").unwrap();
    stdout(folder.path(), &["ls"]);
}

#[test]
fn errors_name_the_place_the_cause_and_a_hint() {
    let folder = workplace();
    let error = |arguments: &[&str]| {
        let (code, stdout, stderr) = said(&tracklet(folder.path(), arguments));
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
        stderr
    };
    assert_eq!(
        error(&["show", "dbt_session_durations"]),
        "error: there is no table `dbt_session_durations`\n\nhint: did you mean `dbt_session_duration`?\n"
    );
    assert_eq!(
        error(&["query", "SELECT * FROM dbt_session_duratoin"]),
        "error: there is no table `dbt_session_duratoin`\n\nhint: did you mean `dbt_session_duration`?\n"
    );
    let wrong = error(&["query", "SELECT nothing FROM dbt_session_duration"]);
    assert!(wrong.starts_with("error: the query is wrong\n  caused by: "), "{wrong}");
    assert!(!wrong.contains("ParserError"), "{wrong}");
    assert!(wrong.contains("nothing"), "{wrong}");
    assert_eq!(wrong.matches("caused by").count(), 1, "{wrong}");
    let refused = error(&["query", "DROP TABLE dbt_session_duration"]);
    assert!(refused.starts_with("error: the results can only be read\n"), "{refused}");
    let filter = error(&["show", "dbt_session_duration", "--where", "x +"]);
    assert!(filter.starts_with("error: the filter `x +` is wrong\n"), "{filter}");

    fs::write(folder.path().join("tracklet.toml"), "[sessions]\ntimout = 30\n").unwrap();
    assert_eq!(
        error(&["run", "logs"]),
        "error: tracklet.toml:2:1: unknown key `sessions.timout`\n\nhint: did you mean `timeout`?\n"
    );
    assert!(error(&["run", "--nonsense"]).contains("--nonsense"));
    let none = error(&["run", "logs", "--config", "none.toml"]);
    assert!(
        none.starts_with("error: cannot read the configuration file `none.toml`\n  caused by: "),
        "{none}"
    );
}

#[test]
fn errors_for_machines_are_json() {
    let folder = workplace();
    let (code, _, stderr) = said(&tracklet(folder.path(), &["show", "nothing", "--log-format", "json"]));
    assert_eq!(code, 2);
    let line: serde_json::Value = serde_json::from_str(stderr.trim_end()).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["message"], "there is no table `nothing`");
}

#[test]
fn a_run_without_paths_says_how_to_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = said(&tracklet(folder.path(), &["run"]));
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error: there is nothing to read: no path was given\n\nhint: "), "{stderr}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = workplace();
    let sql = "SELECT a.value FROM generate_series(1, 3000000) a";
    for arguments in [&["query", sql, "--format", "csv"][..], &["query", sql], &["completions", "bash"]] {
        let mut child =
            command(folder.path(), arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut some = [0; 16];
        child.stdout.take().unwrap().read_exact(&mut some).unwrap();
        let (code, _, stderr) = said(&child.wait_with_output().unwrap());
        assert_eq!((code, stderr.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn snapshots_are_listed_and_rolled_back() {
    let folder = workplace();
    let out = folder.path().join("out");
    let manifest = |name: &str, read: u64| {
        serde_json::json!({
            "format": 1, "snapshot": name, "created_at": "2026-01-04T10:00:00.000000Z",
            "versions": {"tracklet": "0.1.0", "writer": "w"}, "config_fingerprint": "f",
            "rows": {"read": read, "sessionized": read, "duplicates": 0, "rejected": 0, "skipped": 0},
            "rejects": {}, "tables": {}, "sessions": 2, "visitors": 1, "inputs": [], "warnings": [],
            "checks": [], "written": {"files": 0, "bytes": 0}, "timings": {},
        })
        .to_string()
    };
    for (name, read) in [("000001", 3), ("000002", 4)] {
        fs::create_dir_all(out.join("snapshots").join(name)).unwrap();
        fs::write(out.join("snapshots").join(name).join("manifest.json"), manifest(name, read)).unwrap();
    }
    fs::remove_file(out.join("current")).unwrap();
    symlink("snapshots/000002", out.join("current")).unwrap();

    let list = |arguments: &[&str]| stdout(folder.path(), arguments);
    let head = "snapshot,current,created_at,read,sessionized,duplicates,rejected,sessions,visitors\n";
    let row = |name: &str, current: bool, read: u64| {
        format!("{name},{current},2026-01-04T10:00:00.000000Z,{read},{read},0,0,2,1\n")
    };
    let before = format!("{head}{}{}", row("000001", false, 3), row("000002", true, 4));
    assert_eq!(list(&["snapshots", "list", "--format", "csv"]), before);
    assert_eq!(list(&["snapshots", "--format", "csv"]), before);

    let (code, said_out, stderr) = said(&tracklet(folder.path(), &["snapshots", "rollback"]));
    assert_eq!((code, said_out.as_str(), stderr.as_str()), (0, "", "current is now 000001\n"));
    assert_eq!(fs::read_link(out.join("current")).unwrap(), Path::new("snapshots/000001"));
    assert!(list(&["snapshots", "--format", "csv"]).contains(&row("000001", true, 3)));

    let (code, _, stderr) = said(&tracklet(folder.path(), &["snapshots", "rollback", "000009"]));
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error: there is no snapshot `000009`\n"), "{stderr}");
    let (code, _, stderr) = said(&tracklet(folder.path(), &["snapshots", "rollback", "--out", "none"]));
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error: `none` holds no results\n"), "{stderr}");
    assert!(!folder.path().join("none").exists(), "a rollback made the folder");
}

#[test]
fn version_help_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(stdout(folder.path(), &["--version"]), concat!("tracklet ", env!("CARGO_PKG_VERSION"), "\n"));
    for name in ["run", "show", "query", "ls", "snapshots", "completions"] {
        let help = stdout(folder.path(), &[name, "--help"]);
        assert!(help.contains("Examples:"), "{name}");
        assert!(!help.contains('\u{1b}'), "{name}: colours on a pipe");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(folder.path(), &["completions", shell]).contains("tracklet"));
    }
}

#[test]
fn a_configuration_is_checked_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tracklet.toml");
    fs::write(&file, "[sessions]\ntimout = 30\nboundary = \"exat\"\n").unwrap();
    let (code, printed, stderr) = said(&tracklet(folder.path(), &["check"]));
    assert_eq!((code, stderr.as_str()), (1, ""));
    assert_eq!(
        printed,
        "tracklet.toml:2:1: error: unknown key `sessions.timout`\n  hint: did you mean `timeout`?\n\
         tracklet.toml:3:12: error: `sessions.boundary` can't be `exat`\n  hint: did you mean `exact`?\n\
         tracklet.toml: 2 errors, 0 warnings\n"
    );
    let (_, json, _) = said(&tracklet(folder.path(), &["check", "--format", "json"]));
    let second: serde_json::Value = serde_json::from_str(json.lines().nth(1).unwrap()).unwrap();
    assert_eq!((&second["line"], &second["column"]), (&3.into(), &12.into()));
    assert_eq!((&second["key"], &second["value"]), (&"sessions.boundary".into(), &"exat".into()));
    assert_eq!(second["hint"], "did you mean `exact`?");

    fs::write(&file, "[source]\npaths = \"logs\"\n").unwrap();
    let (code, printed, _) = said(&tracklet(folder.path(), &["check"]));
    assert_eq!(code, 0, "a warning is no error: {printed}");
    assert!(printed.ends_with("tracklet.toml: 0 errors, 1 warning\n"), "{printed}");
    fs::remove_file(&file).unwrap();
    let (code, _, stderr) = said(&tracklet(folder.path(), &["check"]));
    assert_eq!(code, 2);
    assert!(stderr.contains("hint: `tracklet init` writes one"), "{stderr}");
}

#[test]
fn the_schema_in_the_documents_is_that_of_the_parser() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../docs/tracklet.schema.json");
    let committed = fs::read_to_string(file).unwrap_or_default();
    assert!(
        committed == stdout(folder.path(), &["check", "--schema"]),
        "it is old: cargo run -- check --schema > docs/tracklet.schema.json"
    );
}

#[test]
fn the_reference_pages_are_as_the_code_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    let pages =
        ["configuration", "cli", "tables", "word-lists"].map(|page| (page, format!("docs/{page}.md")));
    for (page, file) in pages.into_iter().chain([("word-lists-sql", "dbt/macros/word_lists.sql".to_owned())])
    {
        let committed = fs::read_to_string(repository.join(&file)).unwrap_or_default();
        assert!(
            committed == stdout(folder.path(), &["docs-reference", page]),
            "{file} is old: cargo run -- docs-reference {page} > {file}"
        );
    }
}
