//! How input files are written, and what counts of the runs before.

/// The format of an input file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Comma-separated values with a header.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// An Avro object container file.
    Avro,
}

/// Every format with its name in the configuration, on the command line and in messages.
pub const FORMATS: [(&str, Format); 4] =
    [("json", Format::Json), ("csv", Format::Csv), ("parquet", Format::Parquet), ("avro", Format::Avro)];

impl Format {
    /// Every format, in the order of the list.
    pub fn all() -> impl Iterator<Item = Self> {
        FORMATS.into_iter().map(|(_, format)| format)
    }

    /// The name, as in `--format`.
    pub fn as_str(self) -> &'static str {
        FORMATS.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }

    /// The format of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        FORMATS.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }
}

/// The dialect of CSV files: `[source.csv]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// Fields that are no value.
    pub null: Vec<String>,
    /// The character between fields; `None` finds it in each file.
    pub delimiter: Option<u8>,
    /// The character around fields that hold delimiters.
    pub quote: Quote,
    /// Whether the first record names the columns.
    pub header: bool,
    /// The names of the columns; `None` takes those of the first record.
    pub columns: Option<Vec<String>>,
}

/// The character around CSV fields that hold delimiters or line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quote {
    /// Double quotes, or single ones where the first record shows them.
    #[default]
    Found,
    /// Nothing: every quote is text.
    None,
    /// The byte that stands around fields.
    Byte(u8),
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            null: vec![String::new(), "\\N".to_owned()],
            delimiter: None,
            quote: Quote::default(),
            header: true,
            columns: None,
        }
    }
}

/// Whether a run builds on the last snapshot or rebuilds the tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Refresh {
    /// The run builds on the last snapshot: it reads only files that were not read before.
    #[default]
    Incremental,
    /// The run reads every file and drops rows of files that are no longer named. What was forgotten stays forgotten.
    Full,
}
