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
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
                text.replace("found: EOF", "found: the end")
            }
            ParserError::RecursionLimitExceeded => error.to_string(),
        },
        root => in_plain_words(&root.to_string()),
    }
}

/// What the engine writes before an error to say which part of it has failed.
const PARTS: [&str; 8] = [
    "Error during planning: ",
    "Internal error: ",
    "External error: ",
    "Execution error: ",
    "Schema error: ",
    "Arrow error: ",
    "Compute error: ",
    "This feature is not implemented: ",
];

/// The names that SQL has for types, by those of the engine; the longer ones first.
const TYPES: [(&str, &str); 20] = [
    ("LargeUtf8", "text"),
    ("Utf8View", "text"),
    ("Utf8", "text"),
    ("UInt64", "bigint"),
    ("UInt32", "bigint"),
    ("UInt16", "integer"),
    ("UInt8", "smallint"),
    ("Int64", "bigint"),
    ("Int32", "integer"),
    ("Int16", "smallint"),
    ("Int8", "smallint"),
    ("Float64", "double"),
    ("Float32", "real"),
    ("Float16", "real"),
    ("Boolean", "boolean"),
    ("Decimal128", "decimal"),
    ("Decimal256", "decimal"),
    ("Timestamp(µs, \"UTC\")", "timestamp"),
    ("Date32", "date"),
    ("Date64", "date"),
];

/// A type, or a sentence with some, by the names that SQL has for them.
pub(crate) fn with_types_of_sql(text: &str) -> String {
    TYPES.iter().fold(text.to_owned(), |text, (own, sql)| text.replace(own, sql))
}

fn in_plain_words(text: &str) -> String {
    if text.contains("regex parse error") {
        let why = text.lines().find_map(|line| line.trim().strip_prefix("error: "));
        return format!(
            "it has a pattern that is no regular expression: {}",
            why.unwrap_or("it can't be parsed")
        );
    }
    // What stands behind it repeats the expression as the engine sees it.
    let mut line = text.lines().next().unwrap_or_default();
    while let Some(rest) = PARTS.iter().find_map(|part| line.strip_prefix(part)) {
        line = rest;
    }
    let quoted = |before: &str| line.split_once(before)?.1.split_once('\'').map(|(name, _)| name);
    if let Some(name) = quoted("Invalid function '") {
        return format!("there is no function `{name}`");
    }
    let is_of_arguments = ["No function matches", "any signature", "coerce arguments", "but received"]
        .iter()
        .any(|words| line.contains(words));
    if let Some(name) = quoted("call to '").or_else(|| quoted("Function '")).filter(|_| is_of_arguments) {
        return format!("the function `{name}` takes other arguments");
    }
    if let Some((_, node)) = line
        .split_once("nsupported ast node in sqltorel: ")
        .or_else(|| line.split_once("nsupported ast node "))
    {
        let name: String = node.chars().take_while(char::is_ascii_alphanumeric).collect();
        return format!("it has a form of SQL that is not evaluated here (`{}`)", name.to_lowercase());
    }
    with_types_of_sql(&line.replace("datafusion.public.", ""))
}

/// The table that a query names and that is not there.
pub(crate) fn missing_table(error: &DataFusionError) -> Option<String> {
    let text = error.find_root().to_string();
    let (_, named) = text.lines().next()?.split_once("table 'datafusion.public.")?;
    named.strip_suffix("' not found").map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{DataFusionError, in_short, missing_table};

    #[test]
    fn errors_have_no_words_of_the_engines_own() {
        let short = |text: &str| in_short(&DataFusionError::Plan(text.to_owned()));
        assert_eq!(short("Invalid function 'md5'.\nDid you mean 'map'?"), "there is no function `md5`");
        let ast = "Unsupported ast node in sqltorel: Collate { expr: Identifier(Ident { value: \"name\" }) }";
        assert_eq!(short(ast), "it has a form of SQL that is not evaluated here (`collate`)");
        let round =
            "Internal error: Function 'round' failed to match any signature, errors: requires Float32";
        assert_eq!(short(round), "the function `round` takes other arguments");
        assert_eq!(short("table 'datafusion.public.t' not found"), "table 't' not found");
        assert_eq!(short("no Utf8 < LargeUtf8, Int64"), "no text < text, bigint");
        let pattern = DataFusionError::External(
            "regex parse error:\n    [\n    ^\nerror: unclosed character class".into(),
        );
        let said = "it has a pattern that is no regular expression: unclosed character class";
        assert_eq!(in_short(&pattern), said);
    }

    #[test]
    fn a_table_that_is_not_there_is_named() {
        let error = |text: &str| DataFusionError::Plan(text.to_owned());
        let missing = error("table 'datafusion.public.dbt_session_trakcs' not found");
        assert_eq!(missing_table(&missing).as_deref(), Some("dbt_session_trakcs"));
        assert_eq!(missing_table(&error("Invalid function 'now_'")), None);
    }
}
