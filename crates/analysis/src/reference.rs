//! `tracklet docs`: the tables of a run as a page to read: what each is, what its columns hold, what it is made from and how
//! many rows it has.

mod html;
mod markdown;

use crate::report::models;
use crate::tables::{Tables, TablesError};
use tracklet_kernel::event_type::EventType;
use tracklet_kernel::session_columns::Fold;
use tracklet_native::manifest::{Manifest, RecordedRules, RecordedSessionColumn};

/// The tables of a run, described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Which run it is, in a line.
    run: String,
    /// The tables and the steps between, each after those that it is made from.
    tables: Vec<DescribedTable>,
}

/// A table, or a step between tables.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DescribedTable {
    name: String,
    about: String,
    /// `None` for a step that is not kept.
    rows: Option<u64>,
    columns: Vec<ReferenceColumn>,
    /// What it is made from, and what is made from it.
    from: Vec<String>,
    into: Vec<String>,
}

impl DescribedTable {
    /// How many rows it has, in a table of tables.
    fn rows(&self) -> String {
        self.rows.map_or_else(|| "not kept".to_owned(), |rows| rows.to_string())
    }

    /// The table's rows and its neighbors in sentences, with names as `links` writes them.
    fn facts(&self, links: impl Fn(&[String]) -> String) -> String {
        let mut facts = vec![self.rows.map_or_else(
            || "A step that files do not keep; a warehouse has it.".to_owned(),
            |rows| format!("{rows} rows."),
        )];
        for (how, names) in [("Made from", &self.from), ("Used by", &self.into)] {
            if !names.is_empty() {
                facts.push(format!("{how} {}.", links(names)));
            }
        }
        facts.join(" ")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ReferenceColumn {
    name: String,
    about: String,
    tests: Vec<String>,
}

impl Reference {
    /// Asks the tables for their columns; all else is known.
    ///
    /// # Errors
    /// What the tables say.
    pub fn of(tables: &dyn Tables, manifest: &Manifest, rules: &RecordedRules) -> Result<Self, TablesError> {
        let models = models(manifest);
        let mut described = Vec::new();
        for model in &models {
            let known = |name: &str| model.columns.iter().find(|column| column.name == name);
            let names: Vec<String> = match model.rows {
                // The counts and the flow are the configuration's.
                Some(_) => tables.columns(&model.name)?,
                None => model.columns.iter().map(|column| column.name.clone()).collect(),
            };
            let columns = names.into_iter().map(|name| ReferenceColumn {
                about: configured(&model.name, &name, rules)
                    .or_else(|| known(&name).map(|column| column.description.clone()))
                    .unwrap_or_default(),
                tests: known(&name).map(|column| column.tests.clone()).unwrap_or_default(),
                name,
            });
            let into = models.iter().filter(|other| other.from.contains(&model.name));
            described.push(DescribedTable {
                name: model.name.clone(),
                about: one_line(&model.description),
                rows: model.rows,
                columns: columns
                    .map(|column| ReferenceColumn { about: one_line(&column.about), ..column })
                    .collect(),
                from: model.from.clone(),
                into: into.map(|other| other.name.clone()).collect(),
            });
        }
        let rows = manifest.rows;
        let evidence =
            if rows.evidence > 0 { format!(", {} evidence", rows.evidence) } else { String::new() };
        let run = format!(
            "Run {} of {}, tracklet {}: {} rows read, {} sessionized{evidence}, {} duplicates, {} rejected; {} sessions of {} visitors.",
            manifest.snapshot,
            manifest.created_at,
            manifest.versions.tracklet,
            rows.read,
            rows.sessionized,
            rows.duplicates,
            rows.rejected,
            manifest.sessions,
            manifest.visitors
        );
        Ok(Self { run, tables: described })
    }

    /// The reference page as Markdown.
    pub fn markdown(&self) -> String {
        markdown::page(self)
    }

    /// The reference page as one HTML document, without links to other files.
    pub fn html(&self) -> String {
        html::page(self)
    }
}

/// What the configuration makes of a column.
fn configured(table: &str, column: &str, rules: &RecordedRules) -> Option<String> {
    match table {
        "dbt_session_track_facts" => {
            let events = rules.counts.get(column)?;
            Some(format!("How many of the session's events are called {}.", events.join(" or ")))
        }
        "dbt_tracks_flow" => {
            let step: usize = column.strip_prefix("event_")?.parse().ok()?;
            Some(format!("The event {} further on in the same session; null past its end.", step - 1))
        }
        "tracklet_sessions" => {
            rules.session_columns.iter().find(|own| own.name == column).and_then(of_session_events)
        }
        _ => None,
    }
}

/// What a column of `[session.columns]` says of a session.
fn of_session_events(column: &RecordedSessionColumn) -> Option<String> {
    let spec = column.spec()?;
    let (mut calls, mut named) = (String::new(), String::new());
    if let Some(of) = &spec.of {
        let types: Vec<&str> = of.types.iter().map(EventType::name).collect();
        if !types.is_empty() {
            calls = format!("{} calls", types.join(" or "));
        }
        if !of.names.is_empty() {
            named = format!("events called {}", of.names.join(" or "));
        }
    }
    let among = match (calls.is_empty(), named.is_empty()) {
        (true, true) => "events".to_owned(),
        (false, false) => format!("{calls} and {named}"),
        _ => calls + &named,
    };
    let quoted = |name: &String| format!("`{name}`");
    let Some(taken) = spec.column.as_ref().map(quoted) else {
        return Some(format!("How many {among} the session has."));
    };
    let picked_at = spec.at.iter().map(quoted).collect::<Vec<_>>().join(" or ");
    Some(match spec.fold {
        Fold::First => {
            format!("{taken} of the first of the session's {among} that has {picked_at}; null if none has.")
        }
        Fold::Last => {
            format!("{taken} of the last of the session's {among} that has {picked_at}; null if none has.")
        }
        Fold::Min => format!("The least {taken} of the session's {among}; null if none has one."),
        Fold::Max => format!("The greatest {taken} of the session's {among}; null if none has one."),
        Fold::Sum => format!("The sum of {taken} of the session's {among}; 0 if none has one."),
        Fold::Count => format!("How many of the session's {among} have {taken}."),
        Fold::Distinct => format!("How many different {taken} the session's {among} have."),
        Fold::Any => format!("Whether {taken} holds for one of the session's {among}."),
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{DescribedTable, Reference, ReferenceColumn, of_session_events};
    use tracklet_native::manifest::RecordedSessionColumn;

    fn reference() -> Reference {
        let column = |name: &str, about: &str| ReferenceColumn {
            name: name.to_owned(),
            about: about.to_owned(),
            tests: vec!["unique".to_owned(), "not_null".to_owned()],
        };
        let table = |name: &str, rows, from: &[&str], into: &[&str]| DescribedTable {
            name: name.to_owned(),
            about: "What it is, <b> & so on | more.".to_owned(),
            rows,
            columns: vec![
                column("id", "The `id`."),
                column("cnt_x", "Called <script>alert(1)</script> or a|b."),
            ],
            from: from.iter().map(|name| (*name).to_owned()).collect(),
            into: into.iter().map(|name| (*name).to_owned()).collect(),
        };
        Reference {
            run: "Run 000001.".to_owned(),
            tables: vec![table("step", None, &[], &["kept"]), table("kept", Some(1_866), &["step"], &[])],
        }
    }

    #[test]
    fn columns_of_sessions_are_said_in_sentences() {
        let said = |function: &str, column: Option<&str>, of: &[&str], at: &[&str]| {
            let owned =
                |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
            of_session_events(&RecordedSessionColumn {
                name: "own".to_owned(),
                function: function.to_owned(),
                column: column.map(str::to_owned),
                of: (!of.is_empty()).then(|| owned(of)),
                at: owned(at),
            })
            .unwrap()
        };
        assert_eq!(
            said("first", Some("utm_source"), &["page"], &["utm_source", "utm_campaign"]),
            "`utm_source` of the first of the session's page calls that has `utm_source` or `utm_campaign`; null if none has."
        );
        assert_eq!(said("count", None, &[], &[]), "How many events the session has.");
        assert_eq!(
            said("sum", Some("price"), &["page", "screen", "bought"], &[]),
            "The sum of `price` of the session's page or screen calls and events called bought; 0 if none has one."
        );
        assert_eq!(
            said("any", Some("is_bot"), &["bought", "sold"], &[]),
            "Whether `is_bot` holds for one of the session's events called bought or sold."
        );
    }

    #[test]
    fn markdown_has_every_table_with_its_lineage() {
        let page = reference().markdown();
        assert!(page.contains("| [kept](#kept) | 1866 | [step](#step) |"), "{page}");
        assert!(page.contains("\n## kept\n") && page.contains("1866 rows."), "{page}");
        assert!(
            page.contains("| `cnt_x` | Called \\<script>alert(1)\\</script> or a\\|b. | unique, not_null |"),
            "{page}"
        );
        assert!(page.contains("Made from [step](#step)."), "{page}");
    }

    #[test]
    fn html_shows_what_is_hostile_and_loads_nothing() {
        let page = reference().html();
        assert!(page.contains("Called &lt;script&gt;alert(1)&lt;/script&gt; or a|b."), "{page}");
        assert!(!page.contains("<script") && !page.contains("://"), "{page}");
        assert!(page.contains("<a href=\"#step\">step</a>"), "{page}");
        assert_eq!(page.matches("<section").count(), 2);
    }
}
