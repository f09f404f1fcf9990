//! `tracklet check`: all that can be known to be wrong before any work. Reads the configuration, dbt's profiles and the first rows of
//! local files; connects to nothing.

use std::path::Path;
use std::sync::Arc;
use tracklet_config::{Config, ConfigError, Place};
use tracklet_dialects::target_keys::{needed, target_keys};
use tracklet_display::error::{Hint, is_nearly, listed};
use tracklet_kernel::from_row::FROM_ROW;
use tracklet_native::pipeline::{RunRequest, doubts};
use tracklet_native::read::{Column, RowFilters, is_url};
use tracklet_warehouse::assumed_sources;
use tracklet_warehouse::targets::profiles::{self, ProfileError};
use tracklet_warehouse::targets::{ResolveError, Target};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// The key, as a dotted path, where it is about one.
    pub key: Option<String>,
    /// The value that is wrong, as it stands in the file.
    pub value: Option<String>,
    /// What is so.
    pub message: String,
    /// What could be done about it.
    pub hint: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// A run would fail.
    Error,
    /// A run from here would fail, and one from elsewhere might not; or it would not do what was meant.
    Warning,
}

/// Looks at the configuration file `file` and the first rows of the files that it names: all findings, in the order of the
/// file. `filters` parses `[source] where`.
///
/// # Errors
/// [`ConfigError::Unreadable`] when there is no such file.
pub fn examine(
    file: &Path,
    profiles_dir: Option<&Path>,
    filters: &Arc<dyn RowFilters>,
) -> Result<Vec<Finding>, ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| ConfigError::Unreadable { path: file.to_owned(), source })?;
    let (mut config, wrong) = Config::parse_all(&text, file);
    config.start_at(file);
    let mut look = Look { text: &text, file, config: &config, findings: Vec::new() };
    for error in wrong {
        look.wrong(error);
    }
    look.paths();
    look.filter(&**filters);
    look.counts();
    look.timeout();
    look.output();
    look.csv_columns();
    look.event_id();
    look.first_rows(filters);
    look.profile(profiles_dir);
    look.targets(profiles_dir);
    let mut findings = look.findings;
    findings.sort_by_key(|finding| (finding.place.line, finding.place.column));
    Ok(findings)
}

/// Whether a local path that is no pattern leads nowhere.
fn is_absent(path: &str) -> bool {
    !is_url(path) && !path.contains(['*', '?', '[']) && !Path::new(path).exists()
}

/// The canonical columns that tables of CSV with these columns lack. One that is mapped may stand in the path of a file.
fn missing_of(columns: &[String], config: &Config) -> Vec<Column> {
    let source = &config.source.columns;
    let is_mapped =
        |column: Column| source.mapped().iter().any(|(name, own)| *name == column.name() && own.is_some());
    let is_there = |column: Column| {
        let is_named = |name: &&str| columns.iter().any(|own| own.trim().eq_ignore_ascii_case(name));
        is_mapped(column) || column.table_names().iter().any(is_named)
    };
    let mut missing: Vec<Column> =
        [Column::EventId, Column::Timestamp].into_iter().filter(|column| !is_there(*column)).collect();
    if !is_there(Column::AnonymousId) && !is_there(Column::UserId) {
        missing.insert(missing.len().min(1), Column::AnonymousId);
    }
    missing
}

/// A look at one file.
struct Look<'a> {
    text: &'a str,
    file: &'a Path,
    config: &'a Config,
    findings: Vec<Finding>,
}

impl Look<'_> {
    fn wrong(&mut self, error: ConfigError) {
        let ConfigError::Wrong { place, problem } = error else { return };
        self.findings.push(Finding {
            severity: Severity::Error,
            place,
            key: problem.key(),
            value: problem.value().map(ToOwned::to_owned),
            message: problem.to_string(),
            hint: problem.hint(),
        });
    }

    /// Tells `message` at the value of the key at `path`, or at the name of a section.
    fn tell(&mut self, severity: Severity, path: &[&str], message: String, hint: Option<String>) {
        let spot = Config::spot(self.text, self.file, path);
        let is_target = matches!(path, ["targets", _]);
        let place = match spot {
            Some(spot) if is_target => spot.name,
            Some(spot) => spot.value,
            // A key that stands in no file stands at its section, or at the start.
            None if path.len() > 1 => return self.tell(severity, &path[..path.len() - 1], message, hint),
            None => Place { file: self.file.to_owned(), line: 1, column: 1 },
        };
        self.findings.push(Finding {
            severity,
            place,
            key: Some(path.join(".")),
            value: None,
            message,
            hint,
        });
    }

    fn paths(&mut self) {
        for path in self.config.source.paths.iter().filter(|path| is_absent(path)) {
            let hint = "a relative path starts at the folder of the configuration file".to_owned();
            self.tell(Severity::Warning, &["source", "paths"], format!("`{path}` is not here"), Some(hint));
        }
    }

    /// Rows that a run would not understand. A source with mistakes would only repeat them.
    fn first_rows(&mut self, filters: &Arc<dyn RowFilters>) {
        if self.has_error_at("source.") {
            return;
        }
        let request = RunRequest::new(self.config.clone());
        let paths = request.paths.iter().filter(|path| !is_absent(path)).cloned().collect();
        let request = RunRequest { paths, filters: Arc::clone(filters), ..request };
        for doubt in doubts(&request) {
            let severity = if doubt.is_error { Severity::Error } else { Severity::Warning };
            let key: Vec<&str> = doubt.key.iter().map(String::as_str).collect();
            self.tell(severity, &key, doubt.message, doubt.hint);
        }
    }

    /// The filter must be SQL for one of those who will read it.
    fn filter(&mut self, filters: &dyn RowFilters) {
        let Some(filter) = &self.config.source.filter else { return };
        let Err(error) = filters.check(filter) else { return };
        let in_warehouse = self.config.targets.iter().any(|target| filters.is_sql_of(target.dialect, filter));
        if in_warehouse {
            return;
        }
        let reason = error.to_string();
        let reason = reason.lines().next().unwrap_or_default();
        let (message, hint) = if error.is_syntax() {
            (
                format!("`source.where` is no SQL expression: {reason}"),
                Some(
                    "it takes an SQL expression over the source's columns; text stands in single quotes"
                        .to_owned(),
                ),
            )
        } else {
            (format!("`source.where` can't be evaluated: {reason}"), error.hint())
        };
        self.tell(Severity::Error, &["source", "where"], message, hint);
    }

    /// A table without the columns that are needed has no track.
    fn csv_columns(&mut self) {
        let Some(columns) = &self.config.source.csv.columns else { return };
        let key = &["source", "csv", "columns"];
        let missing: Vec<&str> = missing_of(columns, self.config).into_iter().map(Column::name).collect();
        if !missing.is_empty() {
            let hint =
                "[source.columns] says which column is which, where they are called otherwise".to_owned();
            let message = format!("`source.csv.columns` has no column for {}", listed(missing));
            self.tell(Severity::Error, key, message, Some(hint));
        }
    }

    /// A column that is nearly called as the word for ids that are made of rows.
    fn event_id(&mut self) {
        let Some(name) = self.config.source.columns.event_id.clone() else { return };
        if is_nearly(&name, FROM_ROW) {
            let message = format!("`{name}` is looked for as a column");
            self.tell(
                Severity::Warning,
                &["source", "columns", "event_id"],
                message,
                Some(format!("did you mean `{FROM_ROW}`, which makes ids of the rows?")),
            );
        }
    }

    /// Names as they stand in raw events are never those of the tables.
    fn counts(&mut self) {
        let names = self.config.source.event_names;
        for count in &self.config.rules.counts {
            for event in &count.events {
                let Some(meant) = names.normalise(event).filter(|meant| meant != event) else { continue };
                // A warehouse's own column may have any name.
                if self.config.targets.is_empty() {
                    self.tell(
                        Severity::Warning,
                        &["counts", &count.column],
                        format!("no event is ever called `{event}`: names are those of a warehouse"),
                        Some(format!("did you mean `{meant}`?")),
                    );
                }
            }
        }
    }

    fn timeout(&mut self) {
        for sentence in self.config.advice() {
            self.tell(Severity::Warning, &["sessions", "timeout"], sentence, None);
        }
    }

    fn output(&mut self) {
        let dir = &self.config.output.dir;
        if dir.exists() && !dir.is_dir() {
            let message = format!("`{}` exists and is no folder", dir.display());
            self.tell(Severity::Error, &["output", "dir"], message, None);
        }
    }

    fn profile(&mut self, profiles_dir: Option<&Path>) {
        let Some(profile) = &self.config.profile else { return };
        let found = profiles::find(profiles_dir);
        let found = found.and_then(|path| profiles::read(&path, Some(profile), None));
        let target = match found {
            Ok((target, _)) => target,
            Err(error) => return self.tell(severity(&error), &["profile"], error.to_string(), error.hint()),
        };
        if self.config.targets.iter().all(|section| section.name != target)
            && let Err(error) = Target::resolve(self.config, Some(&target), profiles_dir)
        {
            self.tell(resolve_severity(&error), &["profile"], error.to_string(), error.hint());
        }
    }

    fn targets(&mut self, profiles_dir: Option<&Path>) {
        for section in &self.config.targets {
            let name = section.name.as_str();
            let lacks = |key: &&&str| {
                let is_written =
                    |key: &str| Config::spot(self.text, self.file, &["targets", name, key]).is_some();
                !is_written(key)
            };
            let missing: Vec<&&str> = needed(section.dialect).iter().filter(lacks).collect();
            for key in &missing {
                let example = target_keys(section.dialect).find(|known| known.name == **key);
                let message = format!("the target `{name}` has no `{key}`");
                let hint = example.map(|known| format!("for example: {}", known.example));
                self.tell(Severity::Error, &["targets", name], message, hint);
            }
            let had_errors = !missing.is_empty() || self.has_error_at(&format!("targets.{name}."));
            if had_errors {
                continue;
            }
            match Target::resolve(self.config, Some(name), profiles_dir) {
                Err(error) => {
                    let field = match &error {
                        ResolveError::NotAChoice { field, .. } => Some((*field).to_owned()),
                        ResolveError::Profile(ProfileError::Field { field, .. }) => Some(field.clone()),
                        _ => None,
                    };
                    let path: Vec<&str> = ["targets", name].into_iter().chain(field.as_deref()).collect();
                    self.tell(resolve_severity(&error), &path, error.to_string(), error.hint());
                }
                Ok(target) => {
                    if let Err(error) = assumed_sources(&target, self.config) {
                        self.tell(Severity::Error, &["source", "tables"], error.to_string(), error.hint());
                    }
                }
            }
        }
    }

    fn has_error_at(&self, start: &str) -> bool {
        self.findings.iter().any(|finding| {
            finding.severity == Severity::Error
                && finding.key.as_ref().is_some_and(|key| key.starts_with(start) || !key.contains('.'))
        })
    }
}

/// What is not here may be where the run will be.
fn severity(error: &ProfileError) -> Severity {
    match error {
        ProfileError::NoFile { .. } => Severity::Warning,
        ProfileError::Field { message, .. } if message.contains("environment") => Severity::Warning,
        _ => Severity::Error,
    }
}

fn resolve_severity(error: &ResolveError) -> Severity {
    match error {
        ResolveError::Profile(error) => severity(error),
        _ => Severity::Error,
    }
}

#[cfg(all(test, feature = "analysis"))]
mod check_where;

#[cfg(all(test, feature = "analysis"))]
mod first_rows;

#[cfg(test)]
mod tests {
    use super::{Severity, examine};
    use std::fs;
    use std::sync::Arc;
    use tracklet_dialects::Dialect;
    use tracklet_native::read::{FilterError, RowFilter, RowFilters};

    /// Takes any text for an expression.
    #[derive(Debug)]
    struct AnySql;

    fn any_sql() -> Arc<dyn RowFilters> {
        Arc::new(AnySql)
    }

    impl RowFilters for AnySql {
        fn parse(&self, _: &str) -> Result<Box<dyn RowFilter>, FilterError> {
            unreachable!("no file has rows")
        }

        fn check(&self, _: &str) -> Result<(), FilterError> {
            Ok(())
        }

        fn is_sql_of(&self, _: Dialect, _: &str) -> bool {
            true
        }
    }

    /// Findings as `line:column: severity: message | hint`, in a folder with a file `taken`, a folder `logs` and profiles.
    fn found(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tracklet.toml");
        fs::create_dir(folder.path().join("logs")).unwrap();
        fs::write(folder.path().join("taken"), "").unwrap();
        let profiles = "shop:\n  target: dev\n  outputs:\n    dev:\n      type: postgres\n      host: h\n      user: u\n      \
                        dbname: d\n      schema: s\n    bad:\n      type: postgres\n";
        fs::write(folder.path().join("profiles.yml"), profiles).unwrap();
        fs::write(&file, text).unwrap();
        let findings = examine(&file, Some(folder.path()), &any_sql()).unwrap();
        let here = folder.path().display().to_string();
        let line = findings.iter().map(|finding| {
            assert_eq!(finding.place.file, file);
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            format!(
                "{}:{}: {severity}: {} | {}",
                finding.place.line,
                finding.place.column,
                finding.message.replace(&here, "HERE"),
                finding.hint.as_deref().unwrap_or_default(),
            )
        });
        line.collect()
    }

    const PG: &str =
        "[targets.pg]\ntype = \"postgres\"\nhost = \"h\"\nuser = \"u\"\ndbname = \"d\"\nschema = \"s\"\n";

    #[test]
    fn every_mistake_is_found_at_once_and_in_order() {
        let text = "dedup = true\n[source]\npaths = [7, \"\"]\n[sessions]\ntimout = 3\nboundary = \"exactly\"\n\
                    [counts]\n1st = \"x\"\nnum_pvs = \"y\"\n[flow]\nlength = 0\n[targets.pg]\ntype = \"postgres\"\nprot = 1\n\
                    password = 5\n[targets.x]\ntype = \"postgrs\"\n";
        let found = found(text);
        let places: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
        assert_eq!(
            places,
            [
                "1:1", "3:10", "3:13", "5:1", "6:12", "8:1", "9:1", "11:10", "12:10", "12:10", "12:10",
                "12:10", "14:1", "15:1", "17:8"
            ],
            "{found:#?}"
        );
        assert!(found.iter().any(|line| line.contains("`timeout`?")), "{found:#?}");
        assert!(
            found.iter().all(|line| !line.contains('5') || !line.contains("must be a text")),
            "{found:#?}"
        );
    }

    #[test]
    fn a_good_file_has_no_finding() {
        let all = format!("profile = \"shop\"\n[source]\npaths = [\"s3://b/c\"]\nwhere = \"a = 'b'\"\n{PG}");
        assert_eq!(found(&all), [""; 0]);
        assert_eq!(found(""), [""; 0]);
    }

    #[test]
    fn what_the_parser_cannot_know_is_looked_at() {
        let one = |text: &str| {
            let found = found(text);
            assert_eq!(found.len(), 1, "{text}: {found:#?}");
            found[0].clone()
        };
        assert!(one("[source]\npaths = \"lgos\"").starts_with("2:9: warning: `HERE/lgos` is not here"));
        assert!(one("[source]\npaths = \"a[\"").starts_with("2:9: error: `HERE/a[` is not a valid pattern"));
        assert_eq!(
            one("[counts]\ncnt = \"Product Viewed\""),
            "2:7: warning: no event is ever called `Product Viewed`: names are those of a warehouse | \
             did you mean `product_viewed`?"
        );
        assert_eq!(one("[output]\ndir = \"taken\""), "2:7: error: `HERE/taken` exists and is no folder | ");
        assert!(one("profile = \"shopp\"").ends_with("there is no profile `shopp` | did you mean `shop`?"));
        assert_eq!(
            one(&PG.replace("user = \"u\"\n", "")),
            "1:10: error: the target `pg` has no `user` | for example: user = \"analyst\""
        );
        assert!(
            one(&format!("{PG}publish = \"replace\""))
                .starts_with("7:11: error: `publish` of the target `pg`")
        );
        let missing = one(&format!("{PG}password = \"{{{{ env_var('NO_SUCH_VARIABLE') }}}}\""));
        assert!(missing.starts_with("7:12: warning: the field `password`"), "{missing}");
        assert!(one(&format!("{PG}[source]\ntables = \"a..b\"")).starts_with("8:10: error: "));
    }
}
