//! Kinds of files that are not read, by how they begin, so that messages can name them.

/// How a kind of file begins, what it is, and what to do with it.
struct ForeignKind {
    start: &'static [u8],
    what: &'static str,
    hint: &'static str,
}

const UNPACK: &str = "unpack it first, or compress with gzip or zstd";
const EXPORT: &str = "export the table as CSV or Parquet";

const KINDS: [ForeignKind; 17] = [
    ForeignKind {
        start: b"\x1F\x8B\x08",
        what: "compressed twice, the second time with gzip",
        hint: "unpack it once: gunzip",
    },
    ForeignKind {
        start: b"\x28\xB5\x2F\xFD",
        what: "compressed twice, the second time with zstd",
        hint: "unpack it once: unzstd",
    },
    ForeignKind {
        start: b"PK\x03\x04",
        what: "a ZIP archive or an Excel workbook",
        hint: "unpack the archive, or save the sheet as \"CSV UTF-8\"",
    },
    ForeignKind {
        start: b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
        what: "an Excel workbook",
        hint: "save the sheet as \"CSV UTF-8\"",
    },
    ForeignKind { start: b"BZh", what: "compressed with bzip2", hint: UNPACK },
    ForeignKind { start: b"\xFD7zXZ\0", what: "compressed with xz", hint: UNPACK },
    ForeignKind { start: b"\x04\x22\x4D\x18", what: "compressed with LZ4", hint: UNPACK },
    ForeignKind { start: b"\xFF\x06\0\0sNaPpY", what: "compressed with Snappy", hint: UNPACK },
    ForeignKind { start: b"7z\xBC\xAF\x27\x1C", what: "a 7-Zip archive", hint: "unpack the archive" },
    ForeignKind { start: b"SQLite format 3\0", what: "a SQLite database", hint: EXPORT },
    ForeignKind {
        start: b"PGDMP",
        what: "a dump of PostgreSQL's pg_dump",
        hint: "export the table: psql --csv -c 'table tracks'",
    },
    ForeignKind { start: b"ORC", what: "an ORC file", hint: "write the table as Parquet" },
    ForeignKind {
        start: b"ARROW1\0\0",
        what: "an Arrow or Feather file",
        hint: "write the table as Parquet",
    },
    ForeignKind { start: b"FEA1", what: "a Feather file", hint: "write the table as Parquet" },
    ForeignKind {
        start: b"<?xml",
        what: "XML, such as an object store's error",
        hint: "look into it: it holds no events",
    },
    ForeignKind { start: b"<!DOCTYPE", what: "a web page", hint: "look into it: it holds no events" },
    ForeignKind { start: b"<html", what: "a web page", hint: "look into it: it holds no events" },
];

/// Where in an archive of tar its mark stands.
const TAR: (usize, &str) = (257, "ustar");

/// A kind of file that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// The kind of file in words: "a ZIP archive".
    pub what: &'static str,
    /// A sentence: how to get a file that can be read.
    pub hint: &'static str,
}

/// What a file is that begins with `start`, if it is of a kind that is known and not read.
pub(super) fn foreign(start: &[u8]) -> Option<Foreign> {
    of_text(&String::from_utf8_lossy(&start[..start.len().min(1024)]))
}

/// [`foreign`] of a start that is kept as text, in which U+FFFD stands for bytes that are none.
pub(super) fn of_text(start: &str) -> Option<Foreign> {
    let text = start.strip_prefix('\u{feff}').unwrap_or(start);
    let kind = KINDS.iter().find(|kind| {
        let is_markup = kind.start.starts_with(b"<");
        let mark = String::from_utf8_lossy(kind.start);
        match text.get(..mark.len()) {
            Some(found) if is_markup => found.eq_ignore_ascii_case(&mark),
            found => found == Some(&*mark),
        }
    });
    let is_tar = || text.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1));
    match kind {
        Some(ForeignKind { what, hint, .. }) => Some(Foreign { what, hint }),
        None if is_tar() => Some(Foreign { what: "a tar archive", hint: "unpack the archive" }),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_start() {
        for kind in &KINDS {
            let start = [kind.start, b"\x14\0\0\0\xFF and more"].concat();
            assert_eq!(foreign(&start).map(|found| found.what), Some(kind.what));
            assert_eq!(foreign(&kind.start[..kind.start.len() - 1]), None, "{}", kind.what);
        }
        let mut tar = b"events/2026.json".to_vec();
        tar.resize(257, 0);
        tar.extend(b"ustar\0");
        assert_eq!(foreign(&tar).map(|found| found.what), Some("a tar archive"));
        assert_eq!(foreign(b"<!doctype html>").map(|found| found.what), Some("a web page"));
        for start in ["", "id,user_id", "{\"type\":\"track\"}", "PAR1", "Organization,id"] {
            assert_eq!(foreign(start.as_bytes()), None, "{start}");
        }
    }
}
