//! `explain` answers for every session and alias of the corpus, names the login that decides, and helps with a wrong id.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tracklet_analysis::Queries;
use tracklet_analysis::explain::{EventStory, Explanation, Subject, explain};
use tracklet_config::Config;
use tracklet_native::manifest::RecordedRules;
use tracklet_native::observer::Silent;
use tracklet_native::pipeline::{RunRequest, run};

struct Case {
    name: String,
    folder: PathBuf,
    rules: RecordedRules,
    results: Queries,
    _out: TempDir,
}

fn cases() -> Vec<Case> {
    let corpus = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../../corpus");
    let folders = fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<Case> =
        folders.filter(|folder| folder.join("case.toml").exists()).map(|folder| case(&folder)).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

fn case(folder: &Path) -> Case {
    let text = fs::read_to_string(folder.join("case.toml")).unwrap();
    let document: toml::Table = toml::from_str(&text).unwrap();
    let config = document.get("config").map(|config| toml::to_string(config).unwrap()).unwrap_or_default();
    let config = Config::parse(&config, Path::new("case.toml")).unwrap();
    let rules = RecordedRules::from(&config.rules);
    let out = TempDir::new().unwrap();
    let mut request = RunRequest::new(config);
    request.output = out.path().join("out");
    request.paths = vec![folder.join("input").display().to_string()];
    run(&request, &Silent).unwrap();
    Case {
        name: folder.file_name().unwrap().to_string_lossy().into_owned(),
        folder: folder.to_owned(),
        rules,
        results: Queries::open(&request.output).unwrap(),
        _out: out,
    }
}

impl Case {
    fn expected(&self, table: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join(format!("expected/{table}.jsonl"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn explained(&self, subject: Subject, id: &str) -> Explanation {
        explain(&self.results, &self.rules, subject, id, None)
            .unwrap_or_else(|error| panic!("{}: {id:?}: {error}", self.name))
    }

    fn event(&self, id: &str) -> EventStory {
        let Explanation::Event(story) = self.explained(Subject::Event, id) else { panic!("no event") };
        story
    }
}

fn text<'a>(row: &'a Value, column: &str) -> &'a str {
    row[column].as_str().unwrap_or_default()
}

#[test]
fn sessions_and_aliases_of_every_case_are_explained() {
    for case in cases() {
        for row in case.expected("dbt_session_tracks") {
            let Explanation::Session(story) = case.explained(Subject::Session, text(&row, "session_id"))
            else {
                panic!("no session")
            };
            assert_eq!(story.dbt_visitor_id, text(&row, "dbt_visitor_id"));
            assert_eq!(story.events.len() as u64, story.events_of_session);
            assert!(story.why_start.starts_with("opens session"), "{}", story.why_start);
            assert_eq!(story.why_end.contains("last session"), row["next_session_start_at"].is_null());
        }
        let sessions = case.expected("dbt_session_tracks");
        for row in case.expected("dbt_aliases_mapping") {
            let visitor = text(&row, "dbt_visitor_id");
            let own = sessions.iter().filter(|session| text(session, "dbt_visitor_id") == visitor).count();
            if own == 0 {
                continue;
            }
            let Explanation::Visitor(story) = case.explained(Subject::Visitor, text(&row, "alias")) else {
                panic!("no visitor")
            };
            // An alias may be a visitor itself; then the question is about that one.
            if story.asked_by_alias.is_some() {
                assert_eq!(story.dbt_visitor_id, visitor);
                assert_eq!(story.sessions.len(), own);
            }
        }
    }
}

/// Every row of the input has an answer that says where it went and why.
#[test]
fn every_event_of_every_case_is_explained() {
    let (mut sessionized, mut evidence_rows, mut dropped, mut rejected) = (0, 0, 0, 0);
    for case in cases() {
        let facts = case.expected("dbt_track_facts");
        let times = |id: &str| facts.iter().filter(|row| text(row, "event_id") == id).count();
        for row in &facts {
            let story = case.event(text(row, "event_id"));
            assert_eq!(story.sessionized.len(), times(text(row, "event_id")), "{}: {row}", case.name);
            let own = |found: &&tracklet_analysis::explain::TrackStory| {
                found.track.session_id == text(row, "session_id")
                    && Some(found.track.track_sequence_number) == row["track_sequence_number"].as_i64()
            };
            let found = story.sessionized.iter().find(own).unwrap_or_else(|| panic!("{}: {row}", case.name));
            assert_eq!(found.track.dbt_visitor_id, text(row, "dbt_visitor_id"), "{}: {row}", case.name);
            let opens = row["track_sequence_number"] == 1;
            let wanted = if opens { "opens session" } else { "stays in session" };
            assert!(found.why_session.starts_with(wanted), "{}: {row}: {}", case.name, found.why_session);
            assert!(!found.why_visitor.is_empty());
            sessionized += 1;
        }
        let duplicates = case.expected("tracklet_duplicates");
        for row in &duplicates {
            let id = text(row, "event_id");
            let story = case.event(id);
            let of_id = duplicates.iter().filter(|row| text(row, "event_id") == id).count();
            assert_eq!(story.duplicates.len(), of_id, "{}: {row}", case.name);
            let kept = match (story.sessionized.first(), story.evidence.first()) {
                (Some(kept), None) => format!("of the event in session `{}`", kept.track.session_id),
                (None, Some(kept)) => format!("of the {} call that is evidence", kept.event_type),
                _ => panic!("{}: {row}", case.name),
            };
            for found in &story.duplicates {
                assert!(found.why.contains(&kept), "{}", found.why);
            }
            dropped += 1;
        }
        let evidence = case.folder.join("expected/evidence.jsonl").exists();
        for row in evidence.then(|| case.expected("evidence")).into_iter().flatten() {
            let story = case.event(text(&row, "event_id"));
            assert_eq!((story.evidence.len(), story.sessionized.len()), (1, 0), "{}: {row}", case.name);
            let why = &story.evidence[0].why;
            let names = !row["anonymous_id"].is_null() && !row["user_id"].is_null();
            assert_eq!(why.starts_with("it says that device"), names, "{}: {row}: {why}", case.name);
            evidence_rows += 1;
        }
        for row in case.expected("tracklet_rejects") {
            // By its place, as it has it; the files of a case stand below its input.
            let place = format!("{}:{}", text(&row, "source_file"), row["row_number"]);
            let of_place = |story: &EventStory| {
                story.rejected.iter().any(|found| {
                    found.reason == text(&row, "reason")
                        && found.source_file.ends_with(text(&row, "source_file"))
                })
            };
            if row["row_number"].is_i64() {
                let whole = case.folder.join("input").join(&place).display().to_string();
                assert!(of_place(&case.event(&whole)), "{}: {row}", case.name);
            }
            if !text(&row, "event_id").is_empty() {
                assert!(of_place(&case.event(text(&row, "event_id"))), "{}: {row}", case.name);
            }
            rejected += 1;
        }
    }
    assert!(sessionized > 300 && dropped > 10 && rejected > 30, "{sessionized} {dropped} {rejected}");
    assert!(evidence_rows > 15, "{evidence_rows} rows of evidence");
}

#[test]
fn a_login_is_named_with_what_it_decided() {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == "alias-latest-user").unwrap();
    let mut from_logins = 0;
    for row in case.expected("dbt_track_facts") {
        for found in case.event(text(&row, "event_id")).sessionized {
            from_logins += usize::from(found.user_id.is_none() && found.why_visitor.contains("set user id"));
        }
    }
    assert!(from_logins > 0, "an event of a device without a user is known from the login of the device");
}

#[test]
fn a_wrong_id_gets_the_nearest_ones() {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == "uuid-event-ids").unwrap();
    let row = &case.expected("dbt_track_facts")[0];
    for (subject, column) in
        [(Subject::Event, "event_id"), (Subject::Session, "session_id"), (Subject::Visitor, "dbt_visitor_id")]
    {
        let right = text(row, column);
        let wrong = format!("{right}x");
        let error = explain(&case.results, &case.rules, subject, &wrong, None).unwrap_err();
        let hint = tracklet_display::error::Hint::hint(&error).unwrap();
        assert!(hint.contains(&format!("`{right}`")), "{wrong}: {hint}");
    }
}
