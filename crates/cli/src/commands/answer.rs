//! Rows to stdout.

use crate::arguments::{Answer, AnswerFormat};
use crate::failure::Outcome;
use crate::status::Status;
use std::io::{BufWriter, IsTerminal};
use terminal_size::{Width, terminal_size_of};
use tracklet_native::results::{Formulas, Integers, Layout, Rows, print};

/// Prints rows as the user wants them.
pub fn answer(rows: Rows, answer: &Answer) -> Outcome {
    let schema = rows.schema();
    print(&schema, rows, layout(answer, Integers::Plain), &mut BufWriter::new(std::io::stdout().lock()))?;
    Ok(Status::Done)
}

/// What a CSV file does with formulas.
pub fn formulas(is_safe: bool) -> Formulas {
    if is_safe { Formulas::Neutralized } else { Formulas::Kept }
}

/// The layout of an answer. A table fits the terminal, if stdout is one and the user does not want it wide.
pub fn layout(answer: &Answer, integers: Integers) -> Layout {
    match answer.format {
        AnswerFormat::Csv => Layout::Csv(formulas(answer.safe_for_spreadsheets)),
        AnswerFormat::Json => Layout::Json,
        AnswerFormat::Table => {
            let stdout = std::io::stdout();
            let size = if stdout.is_terminal() && !answer.wide { terminal_size_of(&stdout) } else { None };
            Layout::Table { width: size.map(|(Width(width), _)| usize::from(width)), integers }
        }
    }
}
