//! The few lines at the end of a run.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::num::NonZeroU64;
use std::path::PathBuf;
use tracklet_display::numbers::{counted, duration, grouped};
use tracklet_kernel::event_type::EventType;
use tracklet_native::manifest::Manifest;

/// The outcome of a run, in lines for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// `full` or `incremental`.
    pub mode: &'static str,
    /// Why all tables were rebuilt although there was a snapshot.
    pub reason: Option<String>,
    /// Files and rows read by this run, if there are others.
    pub new: Option<(u64, u64)>,
    /// Files read.
    pub files: u64,
    /// Files among those read before that no longer exist; their rows stay in the tables.
    pub gone: u64,
    /// Rows read, and where each went.
    pub read: u64,
    pub sessionized: u64,
    pub evidence: u64,
    pub duplicates: u64,
    pub rejected: u64,
    /// Rows that are no tracks or were filtered out; not part of `read`.
    pub skipped: u64,
    /// Skipped rows that are calls of other types, by type.
    pub other_calls: Vec<(String, u64)>,
    /// Rejected rows by reason.
    pub reasons: Vec<(String, u64)>,
    /// Rejected rows of this run, by reason.
    pub new_reasons: Vec<(String, u64)>,
    /// Files of this run of which one reason rejects most rows.
    pub mostly_rejected: u64,
    /// Events of this run whose time is a number that is too small for the unit.
    pub doubtful_times: u64,
    /// Ids that were taken for none, by what they are.
    pub ignored_ids: Vec<(String, u64)>,
    pub sessions: u64,
    pub visitors: u64,
    /// Invariants that do not hold, each a sentence.
    pub failed_checks: Vec<String>,
    pub seconds: f64,
    /// Where the tables are.
    pub output: PathBuf,
}

/// Files that were read and are gone, in a sentence.
pub fn gone_line(files: u64) -> Option<String> {
    let (are, their) = if files == 1 { ("is", "its") } else { ("are", "their") };
    (files > 0).then(|| format!("{} that {are} gone by now: {their} rows stay", counted(files, "file")))
}

impl Summary {
    /// The summary of a run that took `seconds` and put its tables into `output`.
    pub fn new(manifest: &Manifest, seconds: f64, output: PathBuf) -> Self {
        let rows = manifest.rows;
        let failed = manifest.checks.iter().filter(|check| !check.passed);
        let reasons = |rejects: &BTreeMap<String, u64>| {
            rejects.iter().map(|(reason, rows)| (reason.clone(), *rows)).collect::<Vec<_>>()
        };
        let files = manifest.inputs.files();
        Self {
            mode: manifest.mode.name(),
            reason: manifest.reason.clone(),
            new: (manifest.new.files < files).then_some((manifest.new.files, manifest.new.rows.read)),
            files,
            gone: manifest.gone,
            read: rows.read,
            sessionized: rows.sessionized,
            evidence: rows.evidence,
            duplicates: rows.duplicates,
            rejected: rows.rejected,
            skipped: rows.skipped,
            other_calls: reasons(&manifest.other_calls),
            reasons: reasons(&manifest.rejects),
            new_reasons: reasons(&manifest.new.rejects),
            mostly_rejected: manifest.new.mostly_rejected.map_or(0, NonZeroU64::get),
            doubtful_times: manifest.new.doubtful_times.map_or(0, NonZeroU64::get),
            ignored_ids: reasons(&manifest.ignored_ids.clone().unwrap_or_default().found),
            sessions: manifest.sessions,
            visitors: manifest.visitors,
            failed_checks: failed.map(|check| format!("{} ({})", check.invariant, check.found)).collect(),
            seconds,
            output,
        }
    }

    /// The lines for people.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Some(reason) = &self.reason {
            let _ = writeln!(text, "full rebuild: {reason}");
        }
        let _ = match self.new {
            Some((files, rows)) => writeln!(
                text,
                "{} from {} new in {}; with those before {} from {}",
                counted(rows, "row"),
                counted(files, "file"),
                duration(self.seconds),
                counted(self.read, "row"),
                counted(self.files, "file"),
            ),
            None => writeln!(
                text,
                "{} from {} in {}",
                counted(self.read, "row"),
                counted(self.files, "file"),
                duration(self.seconds)
            ),
        };
        if let Some(gone) = gone_line(self.gone) {
            let _ = writeln!(text, "{gone}");
        }
        let width = [self.sessionized, self.evidence, self.duplicates, self.rejected, self.skipped]
            .map(|number| grouped(number).len())
            .into_iter()
            .max()
            .unwrap_or(0);
        let mut line = |number: u64, what: &str| {
            let _ = writeln!(text, "  {:>width$} {what}", grouped(number));
        };
        line(self.sessionized, "sessionized");
        if self.evidence > 0 {
            line(self.evidence, "evidence of who has a device, in no session");
        }
        let duplicates = if self.duplicates == 1 { "duplicate" } else { "duplicates" };
        line(self.duplicates, &format!("{duplicates} dropped, listed in tracklet_duplicates"));
        line(self.rejected, &self.rejects());
        if self.skipped > 0 {
            line(self.skipped, &self.skips());
        }
        if let Some(ignored) = self.ignored() {
            let _ = writeln!(text, "{ignored}");
        }
        let _ = writeln!(
            text,
            "{} of {} in {}",
            counted(self.sessions, "session"),
            counted(self.visitors, "visitor"),
            self.output.display()
        );
        for check in &self.failed_checks {
            let _ = writeln!(text, "check failed: {check}");
        }
        text
    }

    /// Rows of this run's files that are not what they claim to be, rather than of a source that sent too little.
    pub fn damaged_rows(&self) -> u64 {
        let damaged = |reason: &str| matches!(reason, "unreadable" | "invalid_text");
        self.new_reasons.iter().filter(|(reason, _)| damaged(reason)).map(|(_, rows)| rows).sum()
    }

    fn rejects(&self) -> String {
        if self.rejected == 0 {
            return "rejected".to_owned();
        }
        format!("rejected ({}), listed in tracklet_rejects", by_number(&self.reasons))
    }

    /// Why rows were skipped: calls of other types by type, and what the filter left out or a person had erased.
    fn skips(&self) -> String {
        let calls: u64 = self.other_calls.iter().map(|(_, calls)| calls).sum();
        let others = self.skipped.saturating_sub(calls);
        let kind = if calls == 1 { "call" } else { "calls" };
        match (calls, others) {
            (0, _) => "more not counted: filtered out or forgotten".to_owned(),
            (_, 0) => format!("more not counted: {} {kind}{}", by_number(&self.other_calls), self.taken_in()),
            _ => format!(
                "more not counted: {} {kind}{}; {} filtered out or forgotten",
                by_number(&self.other_calls),
                self.taken_in(),
                grouped(others)
            ),
        }
    }

    /// By which key skipped calls would be events, where there are some of a type that can be.
    fn taken_in(&self) -> &'static str {
        let can_be =
            self.other_calls.iter().any(|(name, calls)| *calls > 0 && EventType::of_call(name).is_some());
        if can_be { " (source.types takes them in)" } else { "" }
    }

    fn ignored(&self) -> Option<String> {
        let ids: Vec<String> = most_first(&self.ignored_ids)
            .into_iter()
            .map(|(id, times)| format!("`{id}` {}", counted(*times, "time")))
            .collect();
        (!ids.is_empty()).then(|| format!("ids taken for none: {} (identity.ignore)", ids.join(", ")))
    }
}

/// Names with their numbers, the largest number first; names with none are left out.
fn by_number(numbers: &[(String, u64)]) -> String {
    let texts: Vec<String> = most_first(numbers)
        .into_iter()
        .map(|(name, number)| format!("{} {name}", grouped(*number)))
        .collect();
    texts.join(", ")
}

/// The names with more than none, the most frequent first.
fn most_first(named: &[(String, u64)]) -> Vec<&(String, u64)> {
    let mut sorted: Vec<&(String, u64)> = named.iter().filter(|(_, number)| *number > 0).collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    sorted
}

#[cfg(test)]
mod tests {
    use super::Summary;
    use std::path::PathBuf;

    fn summary() -> Summary {
        Summary {
            mode: "full",
            reason: None,
            new: None,
            files: 12,
            gone: 0,
            read: 20_000,
            sessionized: 19_480,
            evidence: 0,
            duplicates: 500,
            rejected: 20,
            skipped: 1_300,
            other_calls: vec![("identify".into(), 200), ("page".into(), 1_000)],
            reasons: vec![("bad_timestamp".into(), 4), ("missing_ids".into(), 16), ("unreadable".into(), 0)],
            new_reasons: Vec::new(),
            mostly_rejected: 0,
            doubtful_times: 0,
            ignored_ids: Vec::new(),
            sessions: 2_345,
            visitors: 1,
            failed_checks: Vec::new(),
            seconds: 0.834,
            output: PathBuf::from("out/current"),
        }
    }

    #[test]
    fn every_row_is_accounted_for() {
        assert_eq!(
            summary().render(),
            "20,000 rows from 12 files in 0.83 s\n\
             \u{20} 19,480 sessionized\n\
             \u{20}    500 duplicates dropped, listed in tracklet_duplicates\n\
             \u{20}     20 rejected (16 missing_ids, 4 bad_timestamp), listed in tracklet_rejects\n\
             \u{20}  1,300 more not counted: 1,000 page, 200 identify calls (source.types takes them in); 100 filtered out or forgotten\n\
             2,345 sessions of 1 visitor in out/current\n"
        );
    }

    #[test]
    fn what_did_not_happen_is_short_and_a_failed_check_is_reported() {
        let summary = Summary {
            files: 1,
            read: 1,
            sessionized: 1,
            duplicates: 0,
            rejected: 0,
            skipped: 0,
            reasons: Vec::new(),
            sessions: 1,
            failed_checks: vec!["`alias` is not unique in dbt_aliases_mapping".to_owned()],
            ..summary()
        };
        assert_eq!(
            summary.render(),
            "1 row from 1 file in 0.83 s\n\
             \u{20} 1 sessionized\n\
             \u{20} 0 duplicates dropped, listed in tracklet_duplicates\n\
             \u{20} 0 rejected\n\
             1 session of 1 visitor in out/current\n\
             check failed: `alias` is not unique in dbt_aliases_mapping\n"
        );
    }

    #[test]
    fn a_manifest_gives_its_figures() {
        let manifest = serde_json::from_value(serde_json::json!({
            "format": 1, "snapshot": "000001", "created_at": "2026-01-04T10:00:00Z",
            "versions": {"tracklet": "0.1.0", "writer": "w"}, "config_fingerprint": "f",
            "rows": {"read": 20_000, "sessionized": 19_480, "duplicates": 500, "rejected": 20, "skipped": 1_300},
            "mode": "incremental", "new": {"files": 1, "rejects": {"unreadable": 2}, "rows": {
                "read": 20_000, "sessionized": 0, "duplicates": 0, "rejected": 2, "skipped": 0}},
            "rejects": {"missing_ids": 16, "bad_timestamp": 4}, "other_calls": {"page": 1_000, "identify": 200}, "tables": {}, "sessions": 2_345, "visitors": 1,
            "inputs": [{"path": "a", "bytes": 1, "modified": null, "etag": null,
                        "rows": 1, "rejected": 0, "skipped": 0}],
            "warnings": [], "written": {"files": 0, "bytes": 0}, "timings": {},
            "checks": [{"invariant": "aliases are unique", "passed": false, "found": "2 of 3"},
                       {"invariant": "visitors are unique", "passed": true, "found": "3 of 3"}],
        }))
        .unwrap();
        let found = Summary::new(&manifest, 0.834, PathBuf::from("out/current"));
        let mut expected = summary();
        expected.files = 1;
        expected.mode = "incremental";
        expected.new_reasons = vec![("unreadable".into(), 2)];
        assert_eq!(found.damaged_rows(), 2);
        expected.failed_checks = vec!["aliases are unique (2 of 3)".to_owned()];
        expected.reasons = vec![("bad_timestamp".into(), 4), ("missing_ids".into(), 16)];
        assert_eq!(found, expected);
    }

    #[test]
    fn ids_that_were_taken_for_none_are_reported() {
        let ignored_ids = vec![(r"\n".into(), 5_760), ("null".into(), 1), ("nan".into(), 0)];
        let text = Summary { ignored_ids, ..summary() }.render();
        let line = "\nids taken for none: `\\n` 5,760 times, `null` 1 time (identity.ignore)\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn evidence_is_reported_where_there_is_some() {
        let text = Summary { evidence: 1_200, ..summary() }.render();
        assert!(text.contains("\n   1,200 evidence of who has a device, in no session\n"), "{text}");
    }

    #[test]
    fn new_rows_are_reported_and_all_rows() {
        let text = Summary { new: Some((2, 300)), reason: Some("why".into()), ..summary() }.render();
        assert!(text.starts_with(
            "full rebuild: why\n300 rows from 2 files new in 0.83 s; with those before 20,000 rows from 12 files\n"
        ));
    }
}
