//! From a parsed expression to one that is evaluated.

use super::ExpressionError;
use super::size::{DEEPEST, is_parsable, is_shallow};
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::functions::core::expr_fn::least;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, TryCast, Volatility, lit};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::sqlparser::ast::{Expr as Parsed, ExprWithAlias};
use std::sync::Arc;

/// What knows the functions of SQL.
pub(super) struct Planner {
    state: SessionState,
}

impl Default for Planner {
    fn default() -> Self {
        let mut config = SessionConfig::new();
        // Ours is the lower limit, so that the message is ours as well.
        config.options_mut().sql_parser.recursion_limit = DEEPEST * 10;
        Self { state: SessionContext::new_with_config(config).state() }
    }
}

impl Planner {
    pub(super) fn parse(&self, expression: &str) -> Result<Parsed, ExpressionError> {
        if !is_parsable(expression) {
            return Err(ExpressionError::TooLarge);
        }
        let dialect = self.state.config().options().sql_parser.dialect;
        let parsed = self.state.sql_to_expr(expression, &dialect)?;
        if is_shallow(&parsed) { Ok(parsed) } else { Err(ExpressionError::TooLarge) }
    }

    /// The expression over these columns. What can't be read as the type that is needed is null, for a row alone must not
    /// end a run.
    pub(super) fn plan(
        &self,
        parsed: &Parsed,
        schema: &SchemaRef,
    ) -> Result<Arc<dyn PhysicalExpr>, ExpressionError> {
        let schema = Arc::new(DFSchema::try_from(Arc::clone(schema))?);
        let parsed = ExprWithAlias { expr: parsed.clone(), alias: None };
        let logical = self.state.create_logical_expr_from_sql_expr(parsed, &schema)?;
        refuse_what_is_not_of_rows(&logical)?;
        refuse_long_texts(&logical)?;
        let logical = logical.transform_up(|part| with_texts_read(part, &schema))?.data;
        // A column that is the whole condition holds truths.
        let logical = match logical {
            column @ Expr::Column(_) if column.get_type(&schema)? == DataType::Utf8 => {
                as_type(column, DataType::Boolean)
            }
            logical => logical,
        };
        let context = SimplifyContext::builder()
            .with_schema(Arc::clone(&schema))
            .with_config_options(Arc::clone(self.state.config_options()))
            .build();
        let simplifier = ExprSimplifier::new(context);
        let coerced = simplifier.coerce(logical, &schema)?.transform_up(|part| Ok(lenient(part)))?.data;
        // Some functions can't be evaluated before they have become others.
        let simple = simplifier.simplify(coerced)?;
        let physical = self.state.create_physical_expr(simple, &schema)?;
        match physical.data_type(schema.as_arrow())? {
            DataType::Boolean | DataType::Null => Ok(physical),
            other => Err(ExpressionError::NotBoolean(other)),
        }
    }
}

/// The time of a run and chance would give other rows in another run.
fn refuse_what_is_not_of_rows(expression: &Expr) -> Result<(), ExpressionError> {
    let mut refused = None;
    expression.apply(|part| {
        refused = match part {
            Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => {
                Some(ExpressionError::NotOfRows(call.func.name().to_owned()))
            }
            Expr::AggregateFunction(call) => {
                Some(ExpressionError::OfManyRows(format!("`{}`", call.func.name())))
            }
            Expr::WindowFunction(_) => Some(ExpressionError::OfManyRows("a window function".to_owned())),
            Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) => {
                Some(ExpressionError::OfManyRows("a query in the expression".to_owned()))
            }
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        Ok(TreeNodeRecursion::Stop)
    })?;
    refused.map_or(Ok(()), Err)
}

/// The longest text that an expression makes of shorter ones, in characters.
pub(super) const LONGEST_TEXT: u64 = 65_536;

/// A text that is made as long as somebody says would take all memory, once for each row.
fn refuse_long_texts(expression: &Expr) -> Result<(), ExpressionError> {
    if length(expression)? > LONGEST_TEXT { Err(ExpressionError::TooLong) } else { Ok(()) }
}

/// How many times longer than what it is made of a text can be, as far as the functions say that make it longer.
///
/// # Errors
/// It is longer than the longest text.
fn length(expression: &Expr) -> Result<u64, ExpressionError> {
    let mut parts = Vec::new();
    expression.apply_children(|part| {
        parts.push(length(part));
        Ok(TreeNodeRecursion::Continue)
    })?;
    let parts = parts.into_iter().collect::<Result<Vec<u64>, _>>()?;
    let longest = parts.iter().copied().max().unwrap_or(1);
    let Expr::ScalarFunction(call) = expression else { return Ok(longest) };
    // A number that does not stand there is cut to the longest.
    let number = |place: usize| match call.args.get(place) {
        Some(Expr::Literal(value, _)) => {
            value.to_string().parse::<i64>().map_or(LONGEST_TEXT, |number| number.max(0).cast_unsigned())
        }
        Some(_) => LONGEST_TEXT,
        None => 1,
    };
    let part = |place: usize| parts.get(place).copied().unwrap_or(1);
    let made = match call.func.name() {
        "lpad" | "rpad" => number(1).max(part(0)),
        "repeat" => number(1).saturating_mul(part(0)),
        "replace" | "regexp_replace" => part(0).saturating_mul(part(2)),
        "array_repeat" | "list_repeat" | "array_resize" | "list_resize" | "generate_series" | "range" => {
            (0..call.args.len().max(2)).map(number).max().unwrap_or(1)
        }
        _ => return Ok(longest),
    };
    if made > LONGEST_TEXT { Err(ExpressionError::TooLong) } else { Ok(made) }
}

/// Functions of numbers: texts among their arguments are read as such.
const OF_NUMBERS: [&str; 26] = [
    "abs", "acos", "asin", "atan", "atan2", "cbrt", "ceil", "cos", "degrees", "exp", "floor", "isnan",
    "iszero", "ln", "log", "log10", "log2", "nanvl", "power", "radians", "round", "signum", "sin", "sqrt",
    "tan", "trunc",
];

/// Functions whose second argument is the length of a text that they make.
const OF_LENGTHS: [&str; 3] = ["lpad", "repeat", "rpad"];

/// Functions whose arguments are of one type.
const OF_ONE_TYPE: [&str; 6] = ["coalesce", "greatest", "ifnull", "least", "nullif", "nvl"];

/// A text beside a number, a truth or a length of time is read as what fits: columns of JSON and CSV are texts whatever they
/// hold.
fn with_texts_read(part: Expr, schema: &dyn ExprSchema) -> Result<Transformed<Expr>, DataFusionError> {
    let read = |expression: Expr, other: &DataType| -> Result<Expr, DataFusionError> {
        let wanted = match other {
            number if number.is_numeric() => DataType::Float64,
            DataType::Boolean => DataType::Boolean,
            DataType::Interval(_) | DataType::Duration(_) => super::utc(),
            _ => return Ok(expression),
        };
        let is_text = expression.get_type(schema)? == DataType::Utf8;
        Ok(if is_text { as_type(expression, wanted) } else { expression })
    };
    // All of them are read as the first that is no text needs it.
    let read_alike = |expressions: Vec<Expr>| -> Result<Vec<Expr>, DataFusionError> {
        let mut other = None;
        for expression in &expressions {
            let own = expression.get_type(schema)?;
            if other.is_none() && (own.is_numeric() || own == DataType::Boolean) {
                other = Some(own);
            }
        }
        let Some(other) = other else { return Ok(expressions) };
        expressions.into_iter().map(|expression| read(expression, &other)).collect()
    };
    Ok(match part {
        Expr::ScalarFunction(mut call) if OF_ONE_TYPE.contains(&call.func.name()) => {
            call.args = read_alike(call.args)?;
            Transformed::yes(Expr::ScalarFunction(call))
        }
        Expr::ScalarFunction(mut call) if OF_NUMBERS.contains(&call.func.name()) => {
            let arguments = std::mem::take(&mut call.args).into_iter();
            call.args =
                arguments.map(|argument| read(argument, &DataType::Float64)).collect::<Result<_, _>>()?;
            Transformed::yes(Expr::ScalarFunction(call))
        }
        Expr::Negative(inner) => {
            Transformed::yes(Expr::Negative(Box::new(read(*inner, &DataType::Float64)?)))
        }
        Expr::ScalarFunction(mut call)
            if OF_LENGTHS.contains(&call.func.name())
                && call.args.get(1).is_some_and(|length| !matches!(length, Expr::Literal(..))) =>
        {
            let length = as_type(call.args[1].clone(), DataType::Int64);
            call.args[1] = least(vec![length, lit(LONGEST_TEXT.cast_signed())]);
            Transformed::yes(Expr::ScalarFunction(call))
        }
        // What these can't read would end the run.
        Expr::ScalarFunction(mut call) if call.args.len() == 1 && reads_time(call.func.name()).is_some() => {
            let wanted = reads_time(call.func.name()).expect("it does");
            let argument = call.args.remove(0);
            if argument.get_type(schema)? == DataType::Utf8 {
                Transformed::yes(as_type(argument, wanted))
            } else {
                call.args.push(argument);
                Transformed::no(Expr::ScalarFunction(call))
            }
        }
        // Numbers in a list are left to the engine: as doubles, ids of more than 2^53 would be others.
        Expr::InList(mut list) => {
            let is_of_truths =
                list.list.iter().any(|item| item.get_type(schema).is_ok_and(|own| own == DataType::Boolean));
            if is_of_truths {
                list.expr = Box::new(read(*list.expr, &DataType::Boolean)?);
            }
            Transformed::yes(Expr::InList(list))
        }
        Expr::IsTrue(inner) => Transformed::yes(Expr::IsTrue(Box::new(read(*inner, &DataType::Boolean)?))),
        Expr::IsFalse(inner) => Transformed::yes(Expr::IsFalse(Box::new(read(*inner, &DataType::Boolean)?))),
        Expr::IsNotTrue(inner) => {
            Transformed::yes(Expr::IsNotTrue(Box::new(read(*inner, &DataType::Boolean)?)))
        }
        Expr::IsNotFalse(inner) => {
            Transformed::yes(Expr::IsNotFalse(Box::new(read(*inner, &DataType::Boolean)?)))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op != Operator::StringConcat => {
            let (mut of_left, mut of_right) = (left.get_type(schema)?, right.get_type(schema)?);
            if matches!(op, Operator::And | Operator::Or) {
                (of_left, of_right) = (DataType::Boolean, DataType::Boolean);
            }
            let (left, right) = (read(*left, &of_right)?, read(*right, &of_left)?);
            Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
        }
        Expr::Between(mut between) => {
            let of_low = between.low.get_type(schema)?;
            between.expr = Box::new(read(*between.expr, &of_low)?);
            Transformed::yes(Expr::Between(between))
        }
        Expr::Not(inner) => Transformed::yes(Expr::Not(Box::new(read(*inner, &DataType::Boolean)?))),
        other => Transformed::no(other),
    })
}

/// What a function of one text reads a time as; none of every other function.
fn reads_time(function: &str) -> Option<DataType> {
    match function {
        "to_timestamp" => Some(DataType::Timestamp(TimeUnit::Nanosecond, None)),
        "to_date" => Some(DataType::Date32),
        _ => None,
    }
}

/// The expression as a type; null where its value is none of that type.
fn as_type(expression: Expr, wanted: DataType) -> Expr {
    Expr::TryCast(TryCast::new(Box::new(expression), wanted))
}

/// A cast that gives null where it would fail.
fn lenient(part: Expr) -> Transformed<Expr> {
    match part {
        Expr::Cast(cast) => Transformed::yes(Expr::TryCast(TryCast::new_from_field(cast.expr, cast.field))),
        other => Transformed::no(other),
    }
}
