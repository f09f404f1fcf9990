//! Rows as text: an aligned table, CSV, or JSON lines.
//!
//! Integers are exact; timestamps are RFC 3339 in UTC with six digits (`2026-01-04T10:00:00.000000Z`).
//! Everything is written as it comes; the aligned table holds its first rows back to measure them.

mod aligned;

use crate::error::Hint;
use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::Arc;

/// The form of printed rows: an aligned table, CSV or JSON lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Aligned columns with nulls as `NULL`. With a width (characters of a terminal) long values are cut with an
    /// ellipsis so that a row fits where it can.
    Table {
        /// Characters in a line; `None` cuts nothing.
        width: Option<usize>,
        /// How integers are written.
        integers: Integers,
    },
    /// Comma separated with a header, as RFC 4180 has it but with a line feed at the end of a line. A null is an
    /// empty field, an empty text is `""`.
    Csv(Formulas),
    /// One JSON object a line, with every column, nulls as `null`.
    Json,
}

/// What CSV does with texts that a spreadsheet takes for a formula: those that begin with `=`, `+`, `-`, `@`, a tab or a
/// line break, or with the full-width form of such a sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Formulas {
    /// Writes them unchanged.
    #[default]
    Kept,
    /// Writes an apostrophe before them, so that a spreadsheet shows the text and evaluates nothing.
    Neutralized,
}

/// How an aligned table groups the digits of integers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Integers {
    /// Numbers are printed as digits alone.
    #[default]
    Plain,
    /// With a comma before each three digits: `1,234,567`.
    Grouped,
}

/// Why rows could not be printed. `E` is why there were no more rows to be had.
#[derive(Debug, thiserror::Error)]
pub enum PrintError<E: std::error::Error + 'static> {
    /// There were no more rows to be had.
    #[error(transparent)]
    Rows(E),
    /// A row could not be printed.
    #[error(transparent)]
    Print(Unprinted),
}

/// Why a row could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum Unprinted {
    /// A value has a type that can't be printed.
    #[error("a value can't be printed")]
    Value(#[from] ArrowError),
    /// The place to print to takes no more.
    #[error("cannot write the answer")]
    Write(#[from] io::Error),
}

impl<E: Hint + 'static> Hint for PrintError<E> {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Rows(error) => error.hint(),
            Self::Print(error) => error.hint(),
        }
    }
}

impl Hint for Unprinted {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Value(_) => Some("cast it to text in the query".to_owned()),
            Self::Write(_) => None,
        }
    }
}

const WITH_ZONE: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";
const WITHOUT_ZONE: &str = "%Y-%m-%dT%H:%M:%S%.6f";

/// Prints the rows with the columns of `schema` and returns how many there were.
///
/// # Errors
/// The first thing that goes wrong; what came before it is printed.
/// # Cost
/// Memory for one batch, and for a table's first 1,000 rows.
pub fn print<E: std::error::Error + 'static>(
    schema: &Schema,
    rows: impl IntoIterator<Item = Result<RecordBatch, E>>,
    layout: Layout,
    out: &mut dyn Write,
) -> Result<u64, PrintError<E>> {
    let mut count = 0;
    let mut printer: Box<dyn Printer> = match layout {
        Layout::Table { width, integers } => Box::new(aligned::Aligned::new(schema, width, integers)),
        Layout::Csv(formulas) => Box::new(CsvPrinter { formulas, line: String::new() }),
        Layout::Json => Box::new(Json),
    };
    printer.begin(schema, out).map_err(PrintError::Print)?;
    for batch in rows {
        let batch = batch.map_err(PrintError::Rows)?;
        let batch = in_utc(&batch).map_err(|error| PrintError::Print(error.into()))?;
        count += batch.num_rows() as u64;
        printer.batch(&batch, out).map_err(PrintError::Print)?;
    }
    printer.end(out).map_err(PrintError::Print)?;
    out.flush().map_err(|error| PrintError::Print(error.into()))?;
    Ok(count)
}

/// Prints rows that are in memory; answers how many there were.
///
/// # Errors
/// As [`print()`].
pub fn print_batches(
    schema: &Schema,
    batches: impl IntoIterator<Item = RecordBatch>,
    layout: Layout,
    out: &mut dyn Write,
) -> Result<u64, Unprinted> {
    print(schema, batches.into_iter().map(Ok::<_, Infallible>), layout, out).map_err(|error| match error {
        PrintError::Rows(never) => match never {},
        PrintError::Print(error) => error,
    })
}

/// One layout at work.
trait Printer {
    fn begin(&mut self, schema: &Schema, out: &mut dyn Write) -> Result<(), Unprinted>;
    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<(), Unprinted>;
    fn end(&mut self, out: &mut dyn Write) -> Result<(), Unprinted>;
}

/// The batch with every zoned timestamp in UTC, so that its `Z` is true.
fn in_utc(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if let DataType::Timestamp(_, Some(_)) = field.data_type() {
            let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()));
            columns.push(cast(column, &utc)?);
            fields.push(Arc::new(field.as_ref().clone().with_data_type(utc)));
        } else {
            columns.push(Arc::clone(column));
            fields.push(Arc::clone(field));
        }
    }
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
}

fn formatters(batch: &RecordBatch) -> Result<Vec<ArrayFormatter<'_>>, ArrowError> {
    let options = FormatOptions::new()
        .with_timestamp_tz_format(Some(WITH_ZONE))
        .with_timestamp_format(Some(WITHOUT_ZONE))
        .with_datetime_format(Some(WITHOUT_ZONE));
    batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options)).collect()
}

struct Json;

impl Printer for Json {
    fn begin(&mut self, _: &Schema, _: &mut dyn Write) -> Result<(), Unprinted> {
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<(), Unprinted> {
        // Through memory: the writer would wrap what `out` says about a closed pipe.
        let mut writer = WriterBuilder::new()
            .with_explicit_nulls(true)
            .with_timestamp_tz_format(WITH_ZONE.to_owned())
            .with_timestamp_format(WITHOUT_ZONE.to_owned())
            .build::<_, LineDelimited>(Vec::new());
        writer.write(batch)?;
        writer.finish()?;
        out.write_all(&writer.into_inner())?;
        Ok(())
    }

    fn end(&mut self, _: &mut dyn Write) -> Result<(), Unprinted> {
        Ok(())
    }
}

struct CsvPrinter {
    formulas: Formulas,
    line: String,
}

impl CsvPrinter {
    fn push(&mut self, field: Option<&str>, place: usize) {
        if place > 0 {
            self.line.push(',');
        }
        match field {
            None => {}
            Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
                self.line.push('"');
                self.line.push_str(&text.replace('"', "\"\""));
                self.line.push('"');
            }
            Some(text) => self.line.push_str(text),
        }
    }

    fn write_line(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.line.push('\n');
        out.write_all(self.line.as_bytes())?;
        self.line.clear();
        Ok(())
    }
}

/// Whether spreadsheets take a text for a formula (OWASP, CSV Injection).
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
}

impl Printer for CsvPrinter {
    fn begin(&mut self, schema: &Schema, out: &mut dyn Write) -> Result<(), Unprinted> {
        for (place, field) in schema.fields().iter().enumerate() {
            self.push(Some(field.name()), place);
        }
        Ok(self.write_line(out)?)
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<(), Unprinted> {
        let formatters = formatters(batch)?;
        for row in 0..batch.num_rows() {
            for (place, (formatter, column)) in formatters.iter().zip(batch.columns()).enumerate() {
                if column.is_null(row) {
                    self.push(None, place);
                    continue;
                }
                let value = formatter.value(row).try_to_string()?;
                let is_text = !column.data_type().is_numeric() && !column.data_type().is_temporal();
                if self.formulas == Formulas::Neutralized && is_text && is_formula(&value) {
                    self.push(Some(&format!("'{value}")), place);
                } else {
                    self.push(Some(&value), place);
                }
            }
            self.write_line(out)?;
        }
        Ok(())
    }

    fn end(&mut self, _: &mut dyn Write) -> Result<(), Unprinted> {
        Ok(())
    }
}
