//! What a file holds, by its name.

use super::formats::{Compressed, Format};
use crate::read::formats::HasReader as _;

/// The compression of a whole file, by its extension.
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
    let (stem, last) = extension(name);
    let (inner, compression) = match last.as_str() {
        "gz" => (extension(stem).1, Compression::Gzip),
        "zst" => (extension(stem).1, Compression::Zstd),
        _ => return of_extension(&last).map(|format| (format, Compression::None)),
    };
    match of_extension(&inner) {
        Some(format) => {
            (format.reader().compressed() == Compressed::Outside).then_some((format, compression))
        }
        // Segment's files are called `<time>.<hash>.gz`.
        None => (last == "gz" && inner != "tar").then_some((Format::Json, compression)),
    }
}

fn of_extension(extension: &str) -> Option<Format> {
    Format::all().find(|format| format.reader().extensions().contains(&extension))
}

/// The extensions of all formats, for a hint.
pub(super) fn known() -> String {
    let of = |compressed: Compressed| {
        let formats = Format::all().filter(move |format| format.reader().compressed() == compressed);
        let extensions = formats.flat_map(|format| format.reader().extensions());
        extensions.map(|extension| format!(".{extension}")).collect::<Vec<_>>()
    };
    let (outside, mut inside) = (of(Compressed::Outside), of(Compressed::Inside));
    let last = inside.pop().unwrap_or_default();
    let inside: String = inside.into_iter().map(|extension| format!(", {extension}")).collect();
    format!("{} (each also with .gz or .zst), .gz (JSON lines){inside} and {last}", outside.join(", "))
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
