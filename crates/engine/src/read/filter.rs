//! `[source] where`: an SQL expression over the source's columns, evaluated on each batch.

use super::ReadError;
use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{Expr, ExprWithAlias, Ident, visit_expressions_mut};
use std::ops::ControlFlow;
use std::sync::Arc;
use thiserror::Error;

/// What is wrong with a filter.
#[derive(Debug, Error)]
pub enum FilterError {
    /// It can't be parsed, planned or evaluated.
    #[error(transparent)]
    Expression(#[from] DataFusionError),
    /// It says neither yes nor no.
    #[error("it yields {0}, not true or false")]
    NotBoolean(DataType),
}

/// A parsed filter.
pub(super) struct Filter {
    expression: String,
    parsed: Expr,
    columns: Vec<String>,
    state: SessionState,
}

impl Filter {
    /// Parses an SQL expression.
    pub(super) fn new(expression: &str) -> Result<Self, ReadError> {
        let state = SessionContext::new().state();
        let mut parsed = parsed(&state, expression).map_err(|error| ReadError::FilterSyntax {
            expression: expression.to_owned(),
            source: error.into(),
        })?;
        let mut columns = Vec::new();
        // Every name becomes a quoted one: what it is in a file is for the reader to find.
        let _ = visit_expressions_mut(&mut parsed, |part: &mut Expr| {
            let name = match part {
                Expr::Identifier(name) => name_of(name),
                Expr::CompoundIdentifier(names) => names.iter().map(name_of).collect::<Vec<_>>().join("."),
                _ => return ControlFlow::<()>::Continue(()),
            };
            *part = Expr::Identifier(Ident::with_quote('"', name.clone()));
            if !columns.contains(&name) {
                columns.push(name);
            }
            ControlFlow::Continue(())
        });
        Ok(Self { expression: expression.to_owned(), parsed, columns, state })
    }

    /// The columns it names; what is not quoted in lower case, a path with dots.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The filter on batches whose columns, in the order of [`Self::columns`], have these types.
    pub(super) fn bind(&self, file: &str, types: &[DataType]) -> Result<Bound, ReadError> {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .zip(types)
            .map(|(name, data_type)| Field::new(name, data_type.clone(), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let expression = self.plan(&schema).map_err(|source| self.error(file, source))?;
        Ok(Bound { expression, schema, text: self.expression.clone(), file: file.to_owned() })
    }

    fn plan(&self, schema: &SchemaRef) -> Result<Arc<dyn PhysicalExpr>, FilterError> {
        let schema = DFSchema::try_from(Arc::clone(schema))?;
        let parsed = ExprWithAlias { expr: self.parsed.clone(), alias: None };
        let logical = self.state.create_logical_expr_from_sql_expr(parsed, &schema)?;
        let physical = self.state.create_physical_expr(logical, &schema)?;
        match physical.data_type(schema.as_arrow())? {
            DataType::Boolean | DataType::Null => Ok(physical),
            other => Err(FilterError::NotBoolean(other)),
        }
    }

    fn error(&self, file: &str, source: FilterError) -> ReadError {
        ReadError::Filter { file: file.to_owned(), expression: self.expression.clone(), source }
    }
}

fn parsed(state: &SessionState, expression: &str) -> Result<Expr, DataFusionError> {
    let dialect = state.config().options().sql_parser.dialect;
    state.sql_to_expr(expression, &dialect)
}

/// Whether `expression` is one, as far as can be told without the columns.
///
/// # Errors
/// [`FilterError::Expression`] with what the parser says.
pub fn well_formed(expression: &str) -> Result<(), FilterError> {
    parsed(&SessionContext::new().state(), expression)?;
    Ok(())
}

/// A name as SQL reads it.
fn name_of(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

/// A filter for batches of one shape.
pub(super) struct Bound {
    expression: Arc<dyn PhysicalExpr>,
    schema: SchemaRef,
    text: String,
    file: String,
}

impl Bound {
    /// Says of each of `rows` rows whether it is kept; null means no.
    pub(super) fn evaluate(&self, columns: &[ArrayRef], rows: usize) -> Result<BooleanArray, ReadError> {
        self.answer(columns, rows).map_err(|source| ReadError::Filter {
            file: self.file.clone(),
            expression: self.text.clone(),
            source: source.into(),
        })
    }

    fn answer(&self, columns: &[ArrayRef], rows: usize) -> Result<BooleanArray, DataFusionError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.to_vec(), &options)?;
        let answer = match self.expression.evaluate(&batch)? {
            ColumnarValue::Scalar(scalar) if scalar.is_null() => return Ok(BooleanArray::new_null(rows)),
            answer => answer.into_array(rows)?,
        };
        match answer.as_boolean_opt() {
            Some(answer) => Ok(answer.clone()),
            None => Ok(BooleanArray::new_null(rows)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, StringArray};

    fn answers(expression: &str) -> Vec<Option<bool>> {
        let filter = Filter::new(expression).expect("it parses");
        let columns: Vec<ArrayRef> = filter
            .columns()
            .iter()
            .map(|name| match name.as_str() {
                "n" => Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as ArrayRef,
                "absent" => arrow::array::new_null_array(&DataType::Null, 3),
                _ => Arc::new(StringArray::from(vec![Some("a"), None, Some("3")])),
            })
            .collect();
        let types: Vec<DataType> = columns.iter().map(|column| column.data_type().clone()).collect();
        let bound = filter.bind("f", &types).expect("it fits");
        bound.evaluate(&columns, 3).expect("an answer").iter().collect()
    }

    #[test]
    fn expressions() {
        assert_eq!(answers("N > 2"), [Some(false), None, Some(true)]);
        assert_eq!(answers("s <> 'a' or s is null"), [Some(false), Some(true), Some(true)]);
        assert_eq!(answers("absent = 'x'"), [None, None, None]);
        assert_eq!(answers("absent > 5 or lower(absent) like 'a%'"), [None, None, None]);
        assert_eq!(answers("absent is null"), [Some(true); 3]);
        assert_eq!(answers("true"), [Some(true); 3]);
        assert_eq!(answers("null"), [None; 3]);
        assert_eq!(answers("try_cast(s as double) = 3"), [None, None, Some(true)]);
        assert_eq!(answers("context.traits.email not like '%3'"), [Some(true), None, Some(false)]);
    }

    #[test]
    fn names() {
        let filter =
            Filter::new("Context.IP = '1' and \"User Agent\" is null and Lower(ip) = ip").expect("valid");
        assert_eq!(filter.columns(), ["context.ip", "User Agent", "ip"]);
    }

    #[test]
    fn errors() {
        assert!(matches!(Filter::new("a ="), Err(ReadError::FilterSyntax { .. })));
        assert!(matches!(Filter::new("a = 1; drop table x"), Err(ReadError::FilterSyntax { .. })));
        for wrong in ["n + 1", "no_such_function(n)", "count(n) > 1", "n in (select 1)"] {
            let filter = Filter::new(wrong).expect("it parses");
            let bound = filter.bind("f", &[DataType::Int64]);
            assert!(matches!(bound, Err(ReadError::Filter { .. })), "{wrong}");
        }
    }
}
