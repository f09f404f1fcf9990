//! `tracklet docs`: the tables of a run as a page to read: what each is, what its columns hold, what it is made from and how
//! many rows it has.

mod html;
mod markdown;

use crate::report::models;
use crate::tables::{Tables, TablesError};
use tracklet_native::manifest::{Manifest, RecordedRules};

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
        _ => None,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{DescribedTable, Reference, ReferenceColumn};

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
