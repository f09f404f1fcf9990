//! Rows to stdout.

use crate::arguments::{Answer, AnswerFormat};
use crate::failure::Outcome;
use crate::status::Status;
use std::io::{BufWriter, IsTerminal};
use terminal_size::{Width, terminal_size_of};
use tracklet_engine::results::{Layout, Rows, print};

/// Prints rows as the user wants them.
pub fn answer(rows: Rows, answer: &Answer) -> Outcome {
    let schema = rows.schema();
    print(&schema, rows, layout(answer.format), &mut BufWriter::new(std::io::stdout().lock()))?;
    Ok(Status::Done)
}

/// The layout of a format; a table fits the terminal, if there is one.
pub fn layout(format: AnswerFormat) -> Layout {
    match format {
        AnswerFormat::Csv => Layout::Csv,
        AnswerFormat::Json => Layout::Json,
        AnswerFormat::Table => {
            let stdout = std::io::stdout();
            let size = if stdout.is_terminal() { terminal_size_of(&stdout) } else { None };
            Layout::Table { width: size.map(|(Width(width), _)| usize::from(width)) }
        }
    }
}
