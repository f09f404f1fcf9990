//! Columns that stand in the path: `.../segment_type=signup/day=2026-01-04/part-0.parquet`.

use percent_encoding::percent_decode_str;

/// What Hive writes for null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// A column whose one value for all rows of a file is in the file's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathPartition {
    pub(super) name: String,
    /// `None` for null.
    pub(super) value: Option<String>,
}

/// The partition columns of the file called `name`, outermost first; of equal names the innermost counts.
pub(super) fn partitions(name: &str) -> Vec<PathPartition> {
    let mut found: Vec<PathPartition> = Vec::new();
    let folders = name.rsplit_once('/').map_or("", |(folders, _)| folders);
    for folder in folders.split('/') {
        let Some((name, value)) = folder.split_once('=') else { continue };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || byte == b'.';
        if name.is_empty() || !name.bytes().all(is_name) {
            continue;
        }
        let value = percent_decode_str(value).decode_utf8().map_or_else(|_| value.to_owned(), String::from);
        found.retain(|other| !other.name.eq_ignore_ascii_case(name));
        let value = (value != NULL && !value.is_empty()).then_some(value);
        found.push(PathPartition { name: name.to_owned(), value });
    }
    found
}

/// The partition column called `name`, whatever its case.
pub(super) fn find<'a>(partitions: &'a [PathPartition], name: &str) -> Option<&'a PathPartition> {
    partitions.iter().find(|partition| partition.name.eq_ignore_ascii_case(name))
}

/// What the path of the file called `name` may say about its rows: names, in lower case, and values. `mapped` are the names that
/// columns have, `filter` is the text of the filter.
pub(crate) fn said_by_path(
    name: &str,
    mapped: &[&str],
    filter: Option<&str>,
) -> Vec<(String, Option<String>)> {
    let filter = filter.unwrap_or_default().to_lowercase();
    let said = partitions(name).into_iter().filter_map(|PathPartition { name, value }| {
        let is_asked = mapped.iter().any(|mapped| mapped.eq_ignore_ascii_case(&name));
        let name = name.to_lowercase();
        (is_asked || ["event", "type"].contains(&name.as_str()) || filter.contains(&name))
            .then_some((name, value))
    });
    let mut said: Vec<_> = said.collect();
    said.sort();
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_a_name_and_a_value() {
        let columns = |name: &str| -> Vec<String> {
            let shown = |column: PathPartition| {
                format!("{}={}", column.name, column.value.as_deref().unwrap_or("null"))
            };
            partitions(name).into_iter().map(shown).collect()
        };
        assert_eq!(
            columns("a/event=x/day=2026-01-04/hr=08/b=c.parquet"),
            ["event=x", "day=2026-01-04", "hr=08"]
        );
        assert_eq!(columns("s3://bucket/when=2026-01-04%2010%3A00/x.json"), ["when=2026-01-04 10:00"]);
        assert_eq!(columns("d=__HIVE_DEFAULT_PARTITION__/e=/f=a=b/x.csv"), ["d=null", "e=null", "f=a=b"]);
        assert_eq!(columns("day=1/Day=2/x.csv"), ["Day=2"]);
        assert_eq!(columns("=a/b c=d/x.csv"), [""; 0]);
        assert_eq!(columns("x=y.csv"), [""; 0]);
    }
}
