//! Where the engines differ in the SQL that figures are asked with. All else in those queries is common to them.

/// The SQL of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialect {
    /// Queries over the Parquet tables of the native engine.
    Native,
}

impl Dialect {
    /// A table as the engine finds it.
    pub fn table(&self, name: &str) -> String {
        match self {
            Self::Native => name.to_owned(),
        }
    }

    /// A text as a literal, whatever stands in it.
    pub fn text(&self, text: &str) -> String {
        match self {
            Self::Native => format!("'{}'", text.replace('\'', "''")),
        }
    }

    /// The microseconds since 1970 of a time, as a 64-bit integer.
    pub fn micros(&self, time: &str) -> String {
        match self {
            Self::Native => format!("cast({time} as bigint)"),
        }
    }

    /// The whole part of a quotient of two integers that are not negative.
    pub fn divided(&self, dividend: &str, divisor: i64) -> String {
        match self {
            Self::Native => format!("({dividend}) / {divisor}"),
        }
    }

    /// The name of the type of doubles.
    pub fn double(&self) -> &'static str {
        match self {
            Self::Native => "double",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Dialect;

    #[test]
    fn a_text_ends_where_it_ends() {
        assert_eq!(Dialect::Native.text("it's '\\"), "'it''s ''\\'");
    }
}
