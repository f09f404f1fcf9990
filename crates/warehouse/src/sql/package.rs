//! The files of the dbt package, carried in the program.

use super::Dialect;

/// A file of the package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// The path of the file below `dbt/`.
    pub path: &'static str,
    /// What is in it.
    pub text: &'static str,
}

impl File {
    /// The name without folders and ending: what `ref()` calls a model.
    pub fn name(&self) -> &'static str {
        let file = self.path.rsplit('/').next().unwrap_or(self.path);
        file.rsplit_once('.').map_or(file, |(name, _)| name)
    }

    fn is_in(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
            && self.path.rsplit_once('.').is_some_and(|(_, ending)| ending == "sql")
    }
}

macro_rules! file {
    ($path:literal) => {
        File { path: $path, text: include_str!(concat!("../../../../dbt/", $path)) }
    };
}

/// Every file that the SQL is made from, sorted by path, but for the macros of the dialects, which stand with them.
pub const FILES: &[File] = &[
    file!("analyses/dbt_top_users_by_avg_session_duration.sql"),
    file!("analyses/tracklet_audit.sql"),
    file!("dbt_project.yml"),
    file!("increments/forget_hashes.sql"),
    file!("increments/forget_staged.sql"),
    file!("increments/increment_aliases.sql"),
    file!("increments/increment_events.sql"),
    file!("increments/increment_incoming.sql"),
    file!("increments/increment_pairs.sql"),
    file!("increments/increment_restarts.sql"),
    file!("increments/increment_sessions.sql"),
    file!("increments/increment_staged.sql"),
    file!("increments/increment_window.sql"),
    file!("macros/adapter.sql"),
    file!("macros/columns.sql"),
    file!("macros/default.sql"),
    file!("macros/derived.sql"),
    file!("macros/dispatch.sql"),
    file!("macros/duckdb.sql"),
    file!("macros/from_row.sql"),
    file!("macros/rules.sql"),
    file!("macros/session_columns.sql"),
    file!("macros/steps.sql"),
    file!("macros/word_lists.sql"),
    file!("models/dbt_aliases_mapping.sql"),
    file!("models/dbt_mapped_tracks.sql"),
    file!("models/dbt_session_duration.sql"),
    file!("models/dbt_session_track_facts.sql"),
    file!("models/dbt_session_tracks.sql"),
    file!("models/dbt_track_facts.sql"),
    file!("models/dbt_tracks_flow.sql"),
    file!("models/dbt_user_session_facts.sql"),
    file!("models/schema.yml"),
    file!("models/staging/tracklet_staged.sql"),
    file!("models/staging/tracklet_tracks.sql"),
    file!("models/tracklet_duplicates.sql"),
    file!("models/tracklet_event_facts.sql"),
    file!("models/tracklet_events.sql"),
    file!("models/tracklet_pairs.sql"),
    file!("models/tracklet_rejects.sql"),
    file!("models/tracklet_session_facts.sql"),
    file!("models/tracklet_sessions.sql"),
    file!("tests/duplicates_have_a_kept_row.sql"),
    file!("tests/event_ids_are_unique.sql"),
    file!("tests/every_row_ends_in_one_place.sql"),
    file!("tests/no_gap_within_a_session.sql"),
    file!("tests/numbers_are_dense.sql"),
    file!("tests/one_row_per_track.sql"),
    file!("tests/sessions_are_apart.sql"),
    file!("tests/sums_agree.sql"),
    file!("tests/tracks_are_in_their_session.sql"),
];

/// The models.
pub fn models() -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(|file| file.is_in("models"))
}

/// The steps of an increment.
pub fn increments() -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(|file| file.is_in("increments"))
}

/// The texts of the macros, but for those that need dbt itself: the renderer has functions of their names.
pub fn macros() -> impl Iterator<Item = &'static str> {
    let common = FILES.iter().filter(|file| file.is_in("macros") && file.name() != "adapter");
    common.map(|file| file.text).chain(Dialect::ALL.map(|dialect| dialect.macros()))
}

/// The data tests that are queries of their own.
pub fn singular_tests() -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(|file| file.is_in("tests"))
}

/// The analyses.
pub fn analyses() -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(|file| file.is_in("analyses"))
}

/// The model, analysis or singular test of this name.
pub fn query(name: &str) -> Option<&'static File> {
    models().chain(analyses()).chain(singular_tests()).find(|file| file.name() == name)
}

/// The file at this path, which is known to be there.
pub(super) fn file(path: &str) -> &'static File {
    FILES.iter().find(|file| file.path == path).expect("FILES lists it")
}

#[cfg(test)]
mod tests {
    use super::{Dialect, FILES};
    use std::collections::BTreeSet;
    use std::path::Path;

    fn collect(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() && !["dbt_packages", "logs", "target"].iter().any(|name| path.ends_with(name)) {
                collect(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "sql" || extension == "yml")
                && !path.ends_with("package-lock.yml")
            {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn the_list_is_what_the_folder_has() {
        let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../dbt");
        let mut found = BTreeSet::new();
        collect(&root, &root, &mut found);
        let listed = FILES.iter().map(|file| file.path.to_owned());
        let of_dialects = Dialect::ALL.map(|dialect| format!("macros/{}.sql", dialect.name()));
        assert_eq!(listed.chain(of_dialects).collect::<BTreeSet<_>>(), found);
        assert!(FILES.is_sorted_by_key(|file| file.path));
    }
}
