//! The page as Markdown.

use super::{DescribedTable, Reference};
use std::fmt::Write;

pub(super) fn page(reference: &Reference) -> String {
    let mut page =
        format!("# Tables\n\n{}\n\n| table | rows | made from |\n|---|---|---|\n", text(&reference.run));
    for table in &reference.tables {
        let _ = writeln!(page, "| {} | {} | {} |", link(&table.name), table.rows(), links(&table.from));
    }
    for table in &reference.tables {
        section(&mut page, table);
    }
    page
}

fn section(page: &mut String, table: &DescribedTable) {
    let _ = write!(page, "\n## {}\n\n{}\n", table.name, text(&table.about));
    let _ = write!(page, "\n{}\n\n| column | | tests |\n|---|---|---|\n", table.facts(links));
    for column in &table.columns {
        let _ =
            writeln!(page, "| `{}` | {} | {} |", column.name, text(&column.about), column.tests.join(", "));
    }
}

fn link(name: &str) -> String {
    format!("[{name}](#{name})")
}

fn links(names: &[String]) -> String {
    names.iter().map(|name| link(name)).collect::<Vec<_>>().join(", ")
}

/// A text that is no markup and fits into a cell.
fn text(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "\\<")
}
