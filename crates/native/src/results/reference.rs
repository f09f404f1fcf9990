//! The page about the tables: their schemas here, their descriptions from the file that dbt's users read.

use super::table::kind;
use serde::Deserialize;
use std::fmt::Write;
use tracklet_config::Config;
use tracklet_kernel::registry::CarriedSpec;
use tracklet_kernel::rules::Rules;
use tracklet_kernel::tables::Table;

/// Every table and column with its description.
const DESCRIPTIONS: &str = include_str!("../../../../dbt/models/schema.yml");

/// Columns with what they are.
type ColumnDescriptions = &'static [(&'static str, &'static str)];

/// The tables that the dbt package does not have, with what they and their columns are.
const OF_EVENTS: [(Table, &str, ColumnDescriptions); 2] = [
    (
        Table::Events,
        "Every event with its session, its type and the columns of `[columns]`, which stand behind these.",
        &[
            ("event_id", "The message id."),
            ("event_type", "`track`, `page`, `screen`, `group`, `identify` or `alias`."),
            (
                "event",
                "The name of the event; `page_view`, `screen_view` and the like of those that are no tracks.",
            ),
            ("anonymous_id", "The device."),
            ("user_id", "The user, where the event has one."),
            ("dbt_visitor_id", "The visitor."),
            ("timestamp", "When it happened."),
            ("session_id", "The session, by its number among the visitor's."),
            ("session_key", "The session, by the id of its first event."),
            ("event_sequence_number", "The place in the session, from 1."),
            ("start_reason", "Why the session opens, on its first event: `first` or `idle`."),
        ],
    ),
    (
        Table::Sessions,
        "Every session, why it opens, and how many events it has.",
        &[
            ("session_key", "The id of the session's first event."),
            ("session_id", "The session, by its number among the visitor's."),
            ("dbt_visitor_id", "The visitor."),
            ("session_sequence_number", "The session's number among the visitor's, from 1."),
            ("session_start_at", "When its first event happened."),
            ("ended_at", "When its last event happened."),
            ("next_session_start_at", "When the visitor's next session starts; null for the last one."),
            (
                "start_reason",
                "Why it opens: `first`, the visitor had no earlier event; `idle`, the visitor was idle for longer than the timeout.",
            ),
            ("events", "How many events it has."),
        ],
    ),
];

/// What `tracklet show top-users` is in dbt.
const TOP_USERS: &str = "dbt_top_users_by_avg_session_duration";

#[derive(Deserialize)]
struct DescribedModels {
    models: Vec<ReferenceModel>,
    analyses: Vec<Analysis>,
}

#[derive(Deserialize)]
struct ReferenceModel {
    name: String,
    description: String,
    columns: Vec<ModelColumn>,
}

#[derive(Deserialize)]
struct ModelColumn {
    name: String,
    description: String,
}

#[derive(Deserialize)]
struct Analysis {
    name: String,
    description: String,
}

/// `docs/tables.md`: every table of a run with the default configuration, then those that only a warehouse has.
///
/// # Panics
/// When a table or column has no description: a test calls this.
pub fn reference() -> String {
    let described: DescribedModels =
        serde_saphyr::from_str(DESCRIPTIONS).expect("the file is part of the program");
    let model = |name: &str| {
        let found = described.models.iter().find(|model| model.name == name);
        found.unwrap_or_else(|| panic!("{name} is not described"))
    };
    let mut page = String::from(
        "# Tables\n\n<!-- Made by `tracklet docs-reference tables`; a test keeps it equal. -->\n\n\
         The tables of a run with the default configuration. `[counts]` and `[flow]` of \
         [the configuration](configuration.md) change the columns `cnt_*` and `event_2` to `event_5`. \
         What the words mean exactly is in [semantics.md](semantics.md), where the files are in [output.md](output.md).\n\n\
         Times are UTC with microseconds, integers have 64 bits.\n",
    );
    let rules = Config::default().rules;
    for table in Table::ALWAYS {
        let model = model(table.name());
        let described = |name: &str| {
            let column = model.columns.iter().find(|column| column.name == name);
            column.map(|column| column.description.as_str())
        };
        section(&mut page, table, &rules, &model.description, described);
    }
    page.push_str(
        "\n## With events\n\n`[source] types`, `[identity] evidence`, `[columns]`, `[session.columns]` or their names in `[output] tables` ask for these two: [events.md](events.md), [sessions.md](sessions.md).\n",
    );
    let carried = vec![CarriedSpec::event_type()];
    let rules = Rules { events: true, carried, ..rules };
    for (table, about, columns) in OF_EVENTS {
        let described =
            |name: &str| columns.iter().find(|(column, _)| *column == name).map(|(_, about)| *about);
        section(&mut page, table, &rules, about, described);
    }
    let top_users = described.analyses.iter().find(|analysis| analysis.name == TOP_USERS);
    let top_users = top_users.unwrap_or_else(|| panic!("{TOP_USERS} is not described"));
    let _ = write!(
        page,
        "\n## `tracklet show top-users`\n\n{} Ties come in the order of the visitors' bytes. In dbt it is the analysis \
         `{TOP_USERS}`.\n\n| column | type | null | |\n|---|---|---|---|\n\
         | `dbt_visitor_id` | text | no | The visitor. |\n\
         | `avg_session_duration` | double | no | The sum of `session_duration` over the number of sessions. |\n",
        one_line(&top_users.description)
    );
    page.push_str(
        "\n## In a warehouse only\n\nThe [dbt package](../dbt/README.md) creates these as intermediate models.\n\n\
         | table | |\n|---|---|\n",
    );
    for model in &described.models {
        if Table::ALWAYS.iter().all(|table| table.name() != model.name) {
            let _ = writeln!(page, "| `{}` | {} |", model.name, one_line(&model.description));
        }
    }
    page
}

/// A table with its columns.
fn section<'a>(
    page: &mut String,
    table: Table,
    rules: &Rules,
    about: &str,
    described: impl Fn(&str) -> Option<&'a str>,
) {
    let _ = write!(page, "\n## `{}`\n\n{}\n\n", table.name(), one_line(about));
    page.push_str("| column | type | null | |\n|---|---|---|---|\n");
    for field in table.schema(rules).fields() {
        let about = described(field.name());
        let about = about.unwrap_or_else(|| panic!("{}.{} is not described", table.name(), field.name()));
        let null = if field.is_nullable() { "yes" } else { "no" };
        let _ = writeln!(
            page,
            "| `{}` | {} | {null} | {} |",
            field.name(),
            kind(field.data_type()),
            one_line(about)
        );
    }
}

/// A description as a cell of a table.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
