//! Errors of the query engine, as people can read them.

use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use std::error::Error;
use std::fmt;

/// An error of the query engine with the message of [`in_short`].
#[derive(Debug)]
pub(crate) struct Short(pub(crate) DataFusionError);

impl fmt::Display for Short {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&in_short(&self.0))
    }
}

// Its cause is what it says already.
impl Error for Short {}

/// The error without what wraps it, and without names of the engine's own types.
pub(crate) fn in_short(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::SQL(error, _) => match &**error {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.clone(),
            ParserError::RecursionLimitExceeded => error.to_string(),
        },
        root => {
            let text = root.to_string();
            // What stands behind it repeats the expression as the engine sees it.
            text.lines().next().unwrap_or_default().to_owned()
        }
    }
}

/// The table that a query names and that is not there.
pub(crate) fn missing_table(error: &DataFusionError) -> Option<String> {
    let text = in_short(error);
    let (_, named) = text.split_once("table 'datafusion.public.")?;
    named.strip_suffix("' not found").map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{DataFusionError, missing_table};

    #[test]
    fn a_table_that_is_not_there_is_named() {
        let error = |text: &str| DataFusionError::Plan(text.to_owned());
        let missing = error("table 'datafusion.public.dbt_session_trakcs' not found");
        assert_eq!(missing_table(&missing).as_deref(), Some("dbt_session_trakcs"));
        assert_eq!(missing_table(&error("Invalid function 'now_'")), None);
    }
}
