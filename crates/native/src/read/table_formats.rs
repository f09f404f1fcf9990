//! Tables of files that a log describes: Delta Lake, Apache Iceberg, Apache Hudi. Their folders keep the files that the table no
//! longer has, so that reading every file brings removed rows back.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A format of tables whose files a log lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TableFormat {
    /// Delta Lake, with its log in `_delta_log`.
    Delta,
    /// Apache Iceberg, with its snapshots in `metadata`.
    Iceberg,
    /// Apache Hudi, with its timeline in `.hoodie`.
    Hudi,
}

impl TableFormat {
    /// The format as a message names a table of it.
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Delta => "a Delta Lake table (`_delta_log`)",
            Self::Iceberg => "an Iceberg table (`metadata`)",
            Self::Hudi => "a Hudi table (`.hoodie`)",
        }
    }

    /// A program that writes the rows of a table to files, with what to type.
    pub(super) fn exporter(self) -> &'static str {
        match self {
            Self::Delta => "DuckDB: copy (from delta_scan('TABLE')) to 'tracks.parquet'",
            Self::Iceberg => "DuckDB: copy (from iceberg_scan('TABLE')) to 'tracks.parquet'",
            Self::Hudi => "Spark: spark.read.format(\"hudi\").load(\"TABLE\").write.parquet(\"tracks\")",
        }
    }

    /// The format whose log the folder `name` is; `holds` says whether it has a file that is called so.
    pub(super) fn of_log(name: &str, holds: impl FnOnce(fn(&str) -> bool) -> bool) -> Option<Self> {
        match name {
            "_delta_log" => Some(Self::Delta),
            ".hoodie" => Some(Self::Hudi),
            // Others call folders so too.
            "metadata" if holds(is_iceberg_metadata) => Some(Self::Iceberg),
            _ => None,
        }
    }
}

/// The names of folders that may hold a log.
pub(super) const LOG_FOLDERS: [&str; 3] = ["_delta_log", ".hoodie", "metadata"];

fn is_iceberg_metadata(name: &str) -> bool {
    name.ends_with(".metadata.json")
        || name == "version-hint.text"
        || name.starts_with("snap-")
        || is_iceberg_manifest(name)
}

/// Whether a name is that of a list of files: `<uuid>-m<number>.avro`.
fn is_iceberg_manifest(name: &str) -> bool {
    let number = name.strip_suffix(".avro").and_then(|stem| stem.rsplit_once("-m")).map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The log of a table: the table's folder, and the format.
pub(super) type FoundLog = (PathBuf, TableFormat);

/// The logs of local folders, each folder looked at once.
#[derive(Default)]
pub(super) struct Logs(HashMap<PathBuf, Option<TableFormat>>);

impl Logs {
    /// The table that a local file belongs to: the nearest folder above it that has a log.
    pub(super) fn of_file(&mut self, file: &Path) -> Option<FoundLog> {
        file.ancestors().skip(1).find_map(|folder| Some((folder.to_owned(), self.of_folder(folder)?)))
    }

    /// The format of the table whose folder this is.
    pub(super) fn of_folder(&mut self, folder: &Path) -> Option<TableFormat> {
        if let Some(known) = self.0.get(folder) {
            return *known;
        }
        let found = LOG_FOLDERS.into_iter().find_map(|name| {
            let log = folder.join(name);
            if !log.is_dir() {
                return None;
            }
            TableFormat::of_log(name, |is_of_log| {
                let mut entries = fs::read_dir(&log).into_iter().flatten().flatten();
                entries.any(|entry| is_of_log(&entry.file_name().to_string_lossy()))
            })
        });
        self.0.insert(folder.to_owned(), found);
        found
    }
}

/// The tables among the keys of a listing: the key of each table's folder, with its format.
pub(super) fn of_keys<'a>(keys: impl Iterator<Item = &'a str>) -> HashMap<&'a str, TableFormat> {
    let mut tables = HashMap::new();
    for key in keys {
        let mut start = 0;
        while let Some(length) = key[start..].find('/') {
            let end = start + length;
            let holds =
                |is_of_log: fn(&str) -> bool| is_of_log(key[end + 1..].split('/').next().unwrap_or_default());
            if let Some(format) = TableFormat::of_log(&key[start..end], holds) {
                tables.insert(key[..start].trim_end_matches('/'), format);
            }
            start = end + 1;
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_among_keys() {
        let keys = [
            "lake/a/_delta_log/0.json",
            "lake/a/part.parquet",
            "b/.hoodie/hoodie.properties",
            "c/metadata/v1.metadata.json",
            "d/metadata/notes.json",
            "_delta_log/0.json",
            "e/_delta_log",
        ];
        let mut found: Vec<_> = of_keys(keys.into_iter()).into_iter().collect();
        found.sort_by_key(|(key, _)| *key);
        let expected = [
            ("", TableFormat::Delta),
            ("b", TableFormat::Hudi),
            ("c", TableFormat::Iceberg),
            ("lake/a", TableFormat::Delta),
        ];
        assert_eq!(found, expected);
    }
}
