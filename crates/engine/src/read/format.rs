//! What a file holds, by its name.

/// How rows are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Comma-separated values with a header.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The name, as in `--format`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// How a file of lines is compressed, by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, of one or more members.
    Gzip,
    /// Zstandard, of one or more frames.
    Zstd,
}

/// How a file of this name is compressed.
pub(super) fn compression(name: &str) -> Compression {
    match extension(name).1.as_str() {
        "gz" => Compression::Gzip,
        "zst" => Compression::Zstd,
        _ => Compression::None,
    }
}

/// The name without its extension, and the extension in lower case.
fn extension(name: &str) -> (&str, String) {
    let base = name.rsplit('/').next().unwrap_or(name);
    base.rsplit_once('.').map_or((base, String::new()), |(stem, extension)| (stem, extension.to_lowercase()))
}

/// Whether a name ends like that of a file of some kind, known or not.
pub(super) fn has_extension(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    let inner = base.strip_suffix(".gz").or_else(|| base.strip_suffix(".zst")).unwrap_or(base);
    inner.contains('.')
}

/// What a file of this name holds.
pub(super) fn kind(name: &str) -> Option<(Format, Compression)> {
    let plain = |extension: &str| match extension {
        "json" | "jsonl" | "ndjson" => Some(Format::Json),
        "csv" | "tsv" => Some(Format::Csv),
        _ => None,
    };
    let (stem, last) = extension(name);
    match last.as_str() {
        "parquet" => Some((Format::Parquet, Compression::None)),
        "gz" => match extension(stem).1.as_str() {
            "parquet" | "tar" => None,
            // Segment's files are called `<time>.<hash>.gz`.
            inner => Some((plain(inner).unwrap_or(Format::Json), Compression::Gzip)),
        },
        "zst" => plain(&extension(stem).1).map(|format| (format, Compression::Zstd)),
        other => plain(other).map(|format| (format, Compression::None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_extension() {
        use Compression::{Gzip, None as Plain, Zstd};
        use Format::{Csv, Json, Parquet};
        for (name, expected) in [
            ("a/b.json", Some((Json, Plain))),
            ("b.JSONL", Some((Json, Plain))),
            ("b.ndjson.zst", Some((Json, Zstd))),
            ("1700.abc.d-e.json.gz", Some((Json, Gzip))),
            ("1700.abc.gz", Some((Json, Gzip))),
            ("abc.gz", Some((Json, Gzip))),
            ("b.csv", Some((Csv, Plain))),
            ("b.csv.gz", Some((Csv, Gzip))),
            ("b.csv.zst", Some((Csv, Zstd))),
            ("b.parquet", Some((Parquet, Plain))),
            ("b.snappy.parquet", Some((Parquet, Plain))),
            ("b.tar.gz", None),
            ("b.parquet.gz", None),
            ("b.zst", None),
            ("b.txt", None),
            ("a.json/b", None),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }
}
