//! The user's own tests: queries in `tests/*.sql` beside the configuration that must find no row, as dbt has them.

use super::{CheckResult, TestError};
use crate::sql::data_tests::{DataTest, Severity};
use crate::sql::{Names, Renderer};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder beside the configuration.
const FOLDER: &str = "tests";

/// A test of the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserTest {
    /// The name of the test: that of the file, without the ending.
    pub name: String,
    /// What stands in the file.
    pub text: String,
}

/// A file that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`", path.display())]
pub struct Unreadable {
    path: PathBuf,
    source: io::Error,
}

impl tracklet_display::error::Hint for Unreadable {}

/// The tests in `tests/*.sql` of the folder of the configuration file, by name; none without such a folder.
///
/// # Errors
/// [`Unreadable`] for the folder, or a file that is no UTF-8.
pub fn find(config: &Path) -> Result<Vec<UserTest>, Unreadable> {
    let folder = config.parent().unwrap_or(Path::new("")).join(FOLDER);
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| Unreadable { path, source }
    };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(&folder)(error)),
    };
    let mut tests = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable(&folder))?.path();
        if path.extension().is_some_and(|ending| ending == "sql") && path.is_file() {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
            tests.push(UserTest { name, text });
        }
    }
    tests.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tests)
}

/// The tests as queries, and as results those that are no queries. Those that are switched off are in neither.
pub fn rendered(tests: &[UserTest], renderer: &Renderer, names: &Names) -> (Vec<DataTest>, Vec<CheckResult>) {
    let (mut good, mut broken) = (Vec::new(), Vec::new());
    for test in tests {
        let of = |models, sql, severity| DataTest {
            name: test.name.clone(),
            of_column: None,
            models,
            sql,
            severity,
        };
        match renderer.render_text(&test.name, &test.text, names) {
            Ok(query) if query.options.enabled == Some(false) => {}
            Ok(query) => {
                let word = query.options.severity.as_deref().or_else(|| in_comment(&test.text));
                let severity = match word {
                    Some(word) if word.eq_ignore_ascii_case("warn") => Severity::Warn,
                    _ => Severity::Error,
                };
                // A semicolon at its end would end the query around it.
                let sql = query.sql.trim_end().trim_end_matches(';').to_owned();
                good.push(of(query.refs.into_iter().collect(), sql, severity));
            }
            Err(error) => {
                let test = of(BTreeSet::new(), String::new(), Severity::Error);
                broken.push(CheckResult::new(test, Err(TestError::Render(error)), Duration::ZERO));
            }
        }
    }
    (good, broken)
}

/// Whether a test of the user's is among those chosen: one that refers to no model only where nothing is chosen.
pub fn is_chosen(test: &DataTest, chosen: &BTreeSet<&'static str>, has_choice: bool) -> bool {
    !has_choice || test.models.iter().any(|name| chosen.contains(name.as_str()))
}

/// `-- severity: warn`
fn in_comment(text: &str) -> Option<&str> {
    text.lines()
        .find_map(|line| line.trim().strip_prefix("--")?.trim().strip_prefix("severity:").map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::{UserTest, find, rendered};
    use crate::sql::data_tests::Severity;
    use crate::sql::render::{Materialized, Renderer};
    use crate::sql::{Dialect, Names};
    use tracklet_config::Config;

    #[test]
    fn severity_comes_from_a_comment_or_from_dbts_words() {
        let test = |text: &str| UserTest { name: "t".to_owned(), text: text.to_owned() };
        let tests = [
            test("select 1 from {{ ref('dbt_track_facts') }};\n"),
            test("-- severity: warn\nselect 1"),
            test("{{ config(severity='WARN') }}\nselect 1"),
            test("{{ config(enabled=false) }}\nselect 1"),
            test("select {{ 1 + }}"),
        ];
        let renderer = Renderer::new(Dialect::Postgres, &Config::default(), Materialized::View, Vec::new());
        let (good, broken) =
            rendered(&tests, &renderer, &Names::new(Dialect::Postgres, None, "s".to_owned()));
        let severities: Vec<Severity> = good.iter().map(|test| test.severity).collect();
        assert_eq!(severities, [Severity::Error, Severity::Warn, Severity::Warn]);
        assert_eq!(good[0].sql, "select 1 from \"s\".\"dbt_track_facts\"");
        assert!(good[0].models.contains("dbt_track_facts"));
        assert_eq!(broken.len(), 1);
    }

    #[test]
    fn only_files_of_sql_beside_the_configuration_are_tests() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("tracklet.toml");
        assert_eq!(find(&config).unwrap(), []);
        let tests = folder.path().join("tests");
        std::fs::create_dir_all(tests.join("more.sql")).unwrap();
        for name in ["b.sql", "a.sql", "notes.md"] {
            std::fs::write(tests.join(name), "select 1").unwrap();
        }
        let names: Vec<String> = find(&config).unwrap().into_iter().map(|test| test.name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
