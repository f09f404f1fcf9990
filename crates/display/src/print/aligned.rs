//! Columns side by side, each as wide as its first rows need.

use super::{Integers, Printer, Unprinted, formatters};
use crate::numbers::grouped_digits;
use crate::visible::visible;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use std::fmt::Write as _;
use std::io::Write;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many rows are measured before the first is written; later ones that are wider push their line out.
const MEASURED: usize = 1_000;

/// No column is made narrower than this to fit a terminal.
const NARROWEST: usize = 8;

const GAP: &str = "  ";

pub(super) struct Aligned {
    names: Vec<String>,
    /// Whether the column holds numbers, which stand on the right.
    right: Vec<bool>,
    /// Whether the column's digits are grouped.
    grouped: Vec<bool>,
    terminal: Option<usize>,
    /// Rows held back, until `widths` are known.
    held: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

impl Aligned {
    pub(super) fn new(schema: &Schema, terminal: Option<usize>, integers: Integers) -> Self {
        let fields = schema.fields();
        Self {
            names: fields.iter().map(|field| visible(field.name()).into_owned()).collect(),
            right: fields.iter().map(|field| field.data_type().is_numeric()).collect(),
            grouped: fields
                .iter()
                .map(|field| integers == Integers::Grouped && field.data_type().is_integer())
                .collect(),
            terminal,
            held: Vec::new(),
            widths: None,
        }
    }

    /// Writes the header and the rows held back.
    fn release(&mut self, out: &mut dyn Write) -> Result<(), Unprinted> {
        let mut widths: Vec<usize> = self.names.iter().map(|name| name.width()).collect();
        for row in &self.held {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        if let Some(terminal) = self.terminal {
            shrink(&mut widths, terminal);
        }
        self.line(&self.names, &widths, out)?;
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        self.line(&rules, &widths, out)?;
        for row in std::mem::take(&mut self.held) {
            self.line(&row, &widths, out)?;
        }
        self.widths = Some(widths);
        Ok(())
    }

    fn line(&self, cells: &[String], widths: &[usize], out: &mut dyn Write) -> Result<(), Unprinted> {
        let mut line = String::new();
        for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
            if place > 0 {
                line.push_str(GAP);
            }
            let cell = if self.terminal.is_some() { cut(cell, *width) } else { cell.clone() };
            let blank = width.saturating_sub(cell.width());
            let (before, after) = if self.right[place] { (blank, 0) } else { (0, blank) };
            let _ = write!(line, "{:before$}{cell}{:after$}", "", "");
        }
        writeln!(out, "{}", line.trim_end())?;
        Ok(())
    }
}

impl Printer for Aligned {
    fn begin(&mut self, _: &Schema, _: &mut dyn Write) -> Result<(), Unprinted> {
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<(), Unprinted> {
        let formatters = formatters(batch)?;
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(formatters.len());
            for (place, (formatter, column)) in formatters.iter().zip(batch.columns()).enumerate() {
                cells.push(if column.is_null(row) {
                    "NULL".to_owned()
                } else if self.grouped[place] {
                    grouped_digits(&formatter.value(row).try_to_string()?)
                } else {
                    visible(&formatter.value(row).try_to_string()?).into_owned()
                });
            }
            if let Some(widths) = &self.widths {
                self.line(&cells, widths, out)?;
                continue;
            }
            self.held.push(cells);
            if self.held.len() == MEASURED {
                self.release(out)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<(), Unprinted> {
        if self.widths.is_none() { self.release(out) } else { Ok(()) }
    }
}

/// Takes from the widest columns until a line fits, or until none is wider than [`NARROWEST`].
fn shrink(widths: &mut [usize], terminal: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let mut total: usize = widths.iter().sum::<usize>() + gaps;
    while total > terminal {
        let Some(widest) = widths.iter_mut().max().filter(|width| **width > NARROWEST) else { return };
        *widest -= 1;
        total -= 1;
    }
}

/// The text, or its beginning and its end around an ellipsis: ids often differ in their last characters.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let head = fitting(text.chars(), kept.div_ceil(2));
    let tail = fitting(text.chars().rev(), kept / 2);
    let end: String = tail.chars().rev().collect();
    format!("{head}\u{2026}{end}")
}

/// The first characters that take at most `width` columns of a terminal.
fn fitting(characters: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    let fits = |character: &char| {
        used += character.width().unwrap_or(0);
        used <= width
    };
    characters.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::{cut, shrink};

    #[test]
    fn wide_columns_are_cut_first() {
        let mut widths = [10, 40, 30];
        shrink(&mut widths, 54);
        assert_eq!(widths, [10, 20, 20]);
        let mut narrow = [8, 8, 8];
        shrink(&mut narrow, 10);
        assert_eq!(narrow, [8, 8, 8]);
        let mut fitting = [3, 4];
        shrink(&mut fitting, 9);
        assert_eq!(fitting, [3, 4]);
    }

    #[test]
    fn cutting_counts_columns_of_the_terminal() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "ab\u{2026}ef");
        assert_eq!(cut("abcdef", 4), "ab\u{2026}f");
        // Each of these characters takes two columns.
        assert_eq!(cut("\u{4f60}\u{597d}\u{5417}", 5), "\u{4f60}\u{2026}\u{5417}");
    }
}
