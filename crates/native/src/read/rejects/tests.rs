//! Packed rejects against a sorted list of them.

use super::{Reject, RejectMemory, Rejects, RejectsBuilder};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::path::Path;
use std::sync::Arc;
use tracklet_kernel::gate::Reason;

fn reject() -> impl Strategy<Value = Reject> {
    let text = || option::of(select(vec!["", "a", "\u{fffd}é", "{\"type\":\"tr", "2026-01-04"]));
    let row = option::of(select(vec![0, 1, 2, 3, 7, 1 << 40, u64::MAX]));
    let texts = [text(), text(), text(), text(), text(), text(), text()];
    (select(vec!["b.json", "a.json", "ä.json", "a"]), row, select(Reason::ALL.to_vec()), texts).prop_map(
        |(file, row, reason, texts)| {
            Reject::of_texts(file, row, reason, texts.map(|text| text.map(str::to_owned)))
        },
    )
}

/// What a reading thread does.
#[derive(Debug, Clone)]
enum ThreadStep {
    Push(Box<Reject>),
    /// Closes a segment, as a full one is.
    Mark,
    /// Takes back what was pushed since the last mark.
    Rewind,
}

fn step() -> impl Strategy<Value = ThreadStep> {
    prop_oneof![
        8 => reject().prop_map(|reject| ThreadStep::Push(Box::new(reject))),
        2 => Just(ThreadStep::Mark),
        1 => Just(ThreadStep::Rewind),
    ]
}

/// The steps done, and the same on a list.
fn done(steps: &[ThreadStep], memory: &Arc<RejectMemory>) -> (Rejects, Vec<Reject>) {
    let mut builder = Rejects::new(Arc::clone(memory)).into_builder();
    let mut expected = Vec::new();
    let mut mark = (0, 0);
    for step in steps {
        match step {
            ThreadStep::Push(reject) => {
                builder.push(reject).unwrap();
                expected.push((**reject).clone());
            }
            ThreadStep::Mark => mark = (builder.mark().unwrap(), expected.len()),
            ThreadStep::Rewind => {
                builder.rewind(mark.0);
                expected.truncate(mark.1);
            }
        }
    }
    (builder.finish().unwrap(), expected)
}

fn position(reject: &Reject) -> (&[u8], Option<u64>) {
    (reject.source_file.as_bytes(), reject.row_number)
}

fn listed(rejects: &Rejects) -> Vec<Reject> {
    rejects.rows().collect::<Result<_, _>>().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packed_rejects_are_a_sorted_list_in_memory_and_on_disk(
        threads in vec(vec(step(), 0..40), 1..4),
        limit in select(vec![0, 200, 1 << 20]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let memory = Arc::new(RejectMemory::new(folder.path().to_owned(), Some(limit)));
        let (packed, lists): (Vec<_>, Vec<_>) = threads.iter().map(|steps| done(steps, &memory)).unzip();
        let mut rejects = Rejects::merge(&memory, packed);
        let mut expected: Vec<Reject> = lists.concat();
        expected.sort_by(|a, b| position(a).cmp(&position(b)));
        prop_assert_eq!(listed(&rejects), expected.clone());
        prop_assert_eq!(rejects.len(), expected.len() as u64);
        prop_assert!(limit > 0 || expected.is_empty() || memory.is_spilled());
        for reason in Reason::ALL {
            let count = expected.iter().filter(|reject| reject.reason == reason).count() as u64;
            prop_assert_eq!(rejects.by_reason().get(reason.as_str()).copied().unwrap_or(0), count);
            for file in ["a", "a.json", "b.json", "ä.json"] {
                let mut of_both =
                    expected.iter().filter(|reject| reject.reason == reason && reject.source_file == file);
                let by_file = rejects.by_file();
                let Some(of_file) = by_file.get(file) else {
                    prop_assert!(of_both.next().is_none());
                    continue;
                };
                prop_assert_eq!(of_file.reasons[reason as usize], of_both.clone().count() as u64);
                let first = rejects.first_of(of_file, reason).unwrap();
                prop_assert_eq!(first.as_ref(), of_both.next());
            }
        }
        let keep = |reject: &Reject| reject.event_id.as_deref() != Some("a");
        let removed = rejects.retain(keep).unwrap();
        let before = expected.len();
        expected.retain(keep);
        prop_assert_eq!(removed, (before - expected.len()) as u64);
        prop_assert_eq!(listed(&rejects), expected);
        prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

/// A builder whose segments close by themselves.
fn filled(rows: u64, text: &str, memory: &Arc<RejectMemory>) -> RejectsBuilder {
    let mut builder = Rejects::new(Arc::clone(memory)).into_builder();
    for row in 0..rows {
        // Some arrive late, as the rows of a batch do behind a line that is no object.
        let row = row ^ u64::from(row % 1000 < 8);
        builder.push(&Reject::unreadable("a.json", Some(row), text.as_bytes())).unwrap();
    }
    builder
}

#[test]
fn rejects_beyond_the_limit_are_on_disk_and_those_taken_back_take_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Arc::new(RejectMemory::new(folder.path().to_owned(), Some(1_000)));
    let text = "{\"type\":\"track\",\"messageId\":\"m";
    let mut builder = filled(50_000, text, &memory);
    let mark = builder.mark().unwrap();
    for row in 0..50_000 {
        builder.push(&Reject::unreadable("b.json", Some(row), text.as_bytes())).unwrap();
    }
    builder.rewind(mark);
    let rejects = builder.finish().unwrap();
    assert!(memory.is_spilled());
    assert!(rejects.rows().map(|reject| reject.unwrap().row_number).eq((0..50_000).map(Some)));
    let texts = 100_000 * text.len() as u64;
    assert!(memory.reserved() <= 1_000 + 3 * texts, "{}", memory.reserved());
}

#[test]
fn a_folder_that_takes_no_file_is_an_error_that_names_it() {
    let folder = Path::new("/proc/self/nowhere");
    let memory = Arc::new(RejectMemory::new(folder.to_owned(), Some(0)));
    let mut builder = Rejects::new(memory).into_builder();
    let pushed = builder.push(&Reject::unreadable("a.json", Some(1), b"{"));
    let error = pushed.and_then(|()| builder.mark()).unwrap_err();
    assert!(error.to_string().contains("/proc/self/nowhere"), "{error}");
}
