//! The page about the tables: their schemas here, their descriptions from the file that dbt's users read.

use super::table::kind;
use serde::Deserialize;
use std::fmt::Write;
use tracklet_config::Config;
use tracklet_kernel::tables::Table;

/// Every table and column with its description.
const DESCRIPTIONS: &str = include_str!("../../../../dbt/models/schema.yml");

/// What `tracklet show top-users` is in dbt.
const TOP_USERS: &str = "dbt_top_users_by_avg_session_duration";

#[derive(Deserialize)]
struct Described {
    models: Vec<Model>,
    analyses: Vec<Analysis>,
}

#[derive(Deserialize)]
struct Model {
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
    let described: Described = serde_saphyr::from_str(DESCRIPTIONS).expect("the file is part of the program");
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
    for table in Table::ALL {
        let model = model(table.name());
        let _ = write!(page, "\n## `{}`\n\n{}\n\n", model.name, one_line(&model.description));
        page.push_str("| column | type | null | |\n|---|---|---|---|\n");
        for field in table.schema(&rules).fields() {
            let column = model.columns.iter().find(|column| column.name == *field.name());
            let column = column.unwrap_or_else(|| panic!("{}.{} is not described", model.name, field.name()));
            let null = if field.is_nullable() { "yes" } else { "no" };
            let _ = writeln!(
                page,
                "| `{}` | {} | {null} | {} |",
                column.name,
                kind(field.data_type()),
                one_line(&column.description)
            );
        }
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
        if Table::ALL.iter().all(|table| table.name() != model.name) {
            let _ = writeln!(page, "| `{}` | {} |", model.name, one_line(&model.description));
        }
    }
    page
}

/// A description as a cell of a table.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
