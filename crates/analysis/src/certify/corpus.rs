//! The shared corpus, carried in the program: what goes in, for each case.

/// A case of the corpus.
#[derive(Debug, Clone, Copy)]
pub(super) struct CorpusCase {
    /// The name of the case's folder.
    pub(super) name: &'static str,
    /// The text of the case's `case.toml`.
    pub(super) settings: &'static str,
    /// The files that go in: path below the case, and what is in it.
    pub(super) inputs: &'static [(&'static str, &'static [u8])],
}

macro_rules! case {
    ($name:literal, [$($input:literal),+]) => {
        CorpusCase {
            name: $name,
            settings: include_str!(concat!("../../../../corpus/", $name, "/case.toml")),
            inputs: &[$(($input, include_bytes!(concat!("../../../../corpus/", $name, "/", $input)).as_slice())),+],
        }
    };
}

/// All cases, sorted by name.
#[rustfmt::skip]
pub(super) const CASES: &[CorpusCase] = &[
    case!("alias-latest-user", ["input/events.jsonl"]),
    case!("alias-of-a-dropped-duplicate", ["input/events.jsonl"]),
    case!("alias-one-step", ["input/events.jsonl"]),
    case!("alias-tie", ["input/events.jsonl"]),
    case!("bad-times", ["input/events.jsonl"]),
    case!("boundary-exact", ["input/events.jsonl"]),
    case!("columns-in-paths", ["input/event=__HIVE_DEFAULT_PARTITION__/day=2026-01-04/part-0.csv", "input/event=named%20with%20space/id=9/part-0.csv", "input/event=product_viewed/day=2026-01-04/part-0.csv", "input/event=signup/day=2026-01-04/part-0.json", "input/type=page/user=ann/calls.json", "input/type=track/user=ann/calls.json", "input/type=track/user=ben/named.csv"]),
    case!("configured-counts", ["input/events.jsonl"]),
    case!("csv-event-text", ["input/tracks.csv"]),
    case!("csv-lines-around-tables", ["input/a_excel.csv", "input/b_comments.csv", "input/c_title.csv", "input/d_psql.csv", "input/e_sqlcmd.csv", "input/f_concatenated.csv", "input/g_pandas.csv", "input/h_r.csv", "input/i_ends.csv", "input/j_spaces.csv", "input/k_header_spaces.csv", "input/l_copy.csv", "input/m_backslashes.csv", "input/n_marks.json"]),
    case!("csv-number-ids", ["input/tracks.csv"]),
    case!("csv-null-markers", ["input/tracks.csv"]),
    case!("csv-own-null-markers", ["input/tracks.csv"]),
    case!("csv-single-quotes", ["input/parts.csv", "input/tracks.csv"]),
    case!("csv-warehouse-names", ["input/tracks.csv"]),
    case!("csv-without-header", ["input/tracks_000.csv", "input/tracks_001.csv"]),
    case!("dedupe-after-cleaning", ["input/events.jsonl"]),
    case!("dedupe-keeps-the-least", ["input/events.jsonl"]),
    case!("dedupe-off", ["input/events.jsonl"]),
    case!("default-counts", ["input/events.jsonl"]),
    case!("empty-and-odd-ids", ["input/events.jsonl"]),
    case!("event-names", ["input/events.jsonl"]),
    case!("event-names-blendo", ["input/events.jsonl"]),
    case!("event-names-divided", ["input/events.jsonl"]),
    case!("event-names-raw", ["input/events.jsonl"]),
    case!("event-names-segment", ["input/events.jsonl"]),
    case!("every-reject-reason", ["input/events.jsonl"]),
    case!("first-reason-wins", ["input/events.jsonl"]),
    case!("flow-ends-with-the-session", ["input/events.jsonl"]),
    case!("flow-length-seven", ["input/events.jsonl"]),
    case!("flow-length-two", ["input/events.jsonl"]),
    case!("gap-since-previous-event", ["input/events.jsonl"]),
    case!("gap-thirty-minutes", ["input/events.jsonl"]),
    case!("hostile-ids", ["input/events.jsonl"]),
    case!("ids-of-no-one", ["input/events.jsonl", "input/tracks.csv"]),
    case!("ids-of-no-one-listed", ["input/events.jsonl"]),
    case!("ids-of-no-one-strict", ["input/events.jsonl"]),
    case!("json-forms", ["input/any-case.json", "input/array/commas.json", "input/array/cut.json", "input/array/empty.json", "input/array/one-line.json", "input/array/one-per-line.json", "input/array/others.json", "input/array/pretty.json", "input/array/several.json", "input/batches/archive.json", "input/batches/bodies.json", "input/batches/jobs.json", "input/concatenated.json", "input/pretty/damaged.json", "input/pretty/half-lines.json", "input/pretty/no-indent.json", "input/pretty/objects.json", "input/utf16/big.json", "input/utf16/half.json", "input/utf16/little.json", "input/utf16/no-mark.json", "input/values.json"]),
    case!("json-table-rows", ["input/tracks.json"]),
    case!("login-joins-sessions", ["input/events.jsonl"]),
    case!("mapped-columns", ["input/a/tracks.csv", "input/b/tracks.csv"]),
    case!("midnight-and-new-year", ["input/events.jsonl"]),
    case!("next-session-of-the-same-visitor", ["input/events.jsonl"]),
    case!("null-event-names", ["input/events.jsonl"]),
    case!("only-anonymous-ids", ["input/events.jsonl"]),
    case!("only-user-ids", ["input/events.jsonl"]),
    case!("other-types-are-skipped", ["input/events.jsonl"]),
    case!("reject-never-displaces", ["input/events.jsonl"]),
    case!("session-ids-with-dashes", ["input/events.jsonl"]),
    case!("sub-microseconds", ["input/events.jsonl"]),
    case!("ten-sessions", ["input/events.jsonl"]),
    case!("ties-by-event-id-bytes", ["input/events.jsonl"]),
    case!("time-bounds", ["input/events.jsonl"]),
    case!("time-forms", ["input/events.jsonl"]),
    case!("time-unit", ["input/events.jsonl", "input/tracks.csv"]),
    case!("timeout-ninety-seconds", ["input/events.jsonl"]),
    case!("timeout-one-hour", ["input/events.jsonl"]),
    case!("two-users-on-one-device", ["input/events.jsonl"]),
    case!("untidy-files", ["input/2026-01-04/early.json", "input/2026-01-05/late.ndjson", "input/tracks.csv"]),
    case!("uuid-event-ids", ["input/events.jsonl"]),
];

#[cfg(test)]
mod tests {
    use super::CASES;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn files(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                files(&path, root, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn the_list_is_what_the_folder_has() {
        let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../corpus");
        let mut found = BTreeSet::new();
        files(&root, &root, &mut found);
        // Beside the cases there are snapshots of older formats.
        let is_of_case = |path: &str| {
            let case = path.split('/').next().map(|case| root.join(case).join("case.toml"));
            let text = case.and_then(|case| std::fs::read_to_string(case).ok());
            // One source table holds tracks with ids, and nothing else.
            let of_files = ["[config.columns]", "\ntypes = ", "\nevidence = ", "\nevent_id = \"from_row\""];
            text.is_some_and(|text| !of_files.iter().any(|setting| text.contains(setting)))
        };
        found.retain(|path| path.contains("/input/") && is_of_case(path));
        let listed =
            CASES.iter().flat_map(|case| case.inputs.iter().map(|(path, _)| format!("{}/{path}", case.name)));
        assert_eq!(listed.collect::<BTreeSet<_>>(), found);
    }
}
