//! Which models a command is about: dbt's words for it.
//!
//! `name`, a pattern with `*` or `?`, `tag:name`, each with `+` before (what it is made from) or after (what is made from
//! it), `2+` or `+2` for so many steps, `@` for the model, its descendants and all that those need. Words apart are put
//! together, words with a comma between must all hold.

use super::graph::{Graph, Model};
use std::collections::BTreeSet;
use tracklet_display::error::{Hint, nearest};

/// A word that chooses nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` selects no model")]
pub struct SelectError {
    word: String,
    nearest: Option<&'static str>,
}

impl Hint for SelectError {
    fn hint(&self) -> Option<String> {
        Some(match self.nearest {
            Some(name) => format!("did you mean `{name}`?"),
            None => "`tracklet compile` without a name shows all models".to_owned(),
        })
    }
}

/// The models that `select` chooses (all, if it is empty) without those that `exclude` chooses.
///
/// # Errors
/// [`SelectError`] for the first word that chooses nothing.
pub fn select(
    graph: &Graph,
    select: &[String],
    exclude: &[String],
) -> Result<BTreeSet<&'static str>, SelectError> {
    let chosen = if select.is_empty() {
        graph.models().iter().map(|model| model.name).collect()
    } else {
        union(graph, select)?
    };
    let left_out = union(graph, exclude)?;
    Ok(chosen.difference(&left_out).copied().collect())
}

fn union(graph: &Graph, words: &[String]) -> Result<BTreeSet<&'static str>, SelectError> {
    let mut chosen = BTreeSet::new();
    for word in words.iter().flat_map(|words| words.split_whitespace()) {
        let mut all: Option<BTreeSet<&'static str>> = None;
        for part in word.split(',').filter(|part| !part.is_empty()) {
            let these = one(graph, part)?;
            all = Some(match all {
                None => these,
                Some(before) => before.intersection(&these).copied().collect(),
            });
        }
        chosen.extend(all.unwrap_or_default());
    }
    Ok(chosen)
}

/// How far a word reaches in one direction.
type Steps = Option<usize>;

fn one(graph: &Graph, word: &str) -> Result<BTreeSet<&'static str>, SelectError> {
    let (with_family, rest) = word.strip_prefix('@').map_or((false, word), |rest| (true, rest));
    let (up, rest) = match rest.split_once('+') {
        Some((steps, rest)) if !rest.is_empty() && steps.bytes().all(|byte| byte.is_ascii_digit()) => {
            (Some(if steps.is_empty() { None } else { steps.parse().ok() }), rest)
        }
        _ => (None, rest),
    };
    let (down, name) = match rest.rsplit_once('+') {
        Some((name, steps)) if steps.bytes().all(|byte| byte.is_ascii_digit()) => {
            (Some(if steps.is_empty() { None } else { steps.parse().ok() }), name)
        }
        _ => (None, rest),
    };
    let found: BTreeSet<&'static str> =
        graph.models().iter().filter(|model| is_meant(model, name)).map(|model| model.name).collect();
    if found.is_empty() {
        let known = graph.models().iter().map(|model| model.name);
        let nearest =
            nearest(name, known.clone()).and_then(|near| known.into_iter().find(|name| *name == near));
        return Err(SelectError { word: word.to_owned(), nearest });
    }
    let mut chosen = found.clone();
    if let Some(steps) = up {
        chosen.extend(reach(&found, steps, |name| graph.parents(name)));
    }
    if let Some(steps) = down {
        chosen.extend(reach(&found, steps, |name| graph.children(name)));
    }
    if with_family {
        chosen.extend(reach(&found, None, |name| graph.children(name)));
        chosen.extend(reach(&chosen, None, |name| graph.parents(name)));
    }
    Ok(chosen)
}

fn is_meant(model: &Model, name: &str) -> bool {
    match name.split_once(':') {
        Some(("tag", tag)) => model.rendered.options.tags.iter().any(|own| own == tag),
        Some(_) => false,
        None => glob::Pattern::new(name).map_or(model.name == name, |pattern| pattern.matches(model.name)),
    }
}

/// All that is at most so many steps away, the start included.
fn reach(
    start: &BTreeSet<&'static str>,
    steps: Steps,
    next: impl Fn(&str) -> BTreeSet<&'static str>,
) -> BTreeSet<&'static str> {
    let (mut all, mut edge) = (start.clone(), start.clone());
    let mut taken = 0;
    while !edge.is_empty() && steps.is_none_or(|steps| taken < steps) {
        edge = edge.iter().flat_map(|name| next(name)).filter(|name| !all.contains(name)).collect();
        all.extend(&edge);
        taken += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::select;
    use crate::sql::graph::tests::graph;
    use tracklet_display::error::Hint;

    fn chosen(selected: &str, excluded: &str) -> String {
        let words = |text: &str| -> Vec<String> { text.split_whitespace().map(ToOwned::to_owned).collect() };
        let chosen = select(&graph(), &words(selected), &words(excluded)).unwrap();
        chosen.into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn plus_signs_reach_up_and_down() {
        assert_eq!(chosen("tracklet_session_facts", ""), "tracklet_session_facts");
        assert_eq!(chosen("2+dbt_aliases_mapping", ""), "dbt_aliases_mapping tracklet_pairs tracklet_tracks");
        assert_eq!(chosen("1+dbt_aliases_mapping", ""), "dbt_aliases_mapping tracklet_pairs");
        assert_eq!(
            chosen("tracklet_session_facts+", ""),
            "dbt_session_duration dbt_session_track_facts dbt_session_tracks dbt_user_session_facts tracklet_session_facts"
        );
        assert_eq!(
            chosen("+tracklet_session_facts", ""),
            "dbt_aliases_mapping tracklet_event_facts tracklet_pairs tracklet_session_facts tracklet_staged tracklet_tracks"
        );
        assert_eq!(chosen("tracklet_event_facts+1,dbt_track*", ""), "dbt_track_facts dbt_tracks_flow");
    }

    #[test]
    fn patterns_tags_and_exceptions() {
        assert_eq!(chosen("tag:aside", ""), "tracklet_tracks");
        assert_eq!(chosen("tracklet_re* tracklet_d*", ""), "tracklet_duplicates tracklet_rejects");
        assert_eq!(chosen("dbt_session*", "dbt_session_tr*"), "dbt_session_duration");
        assert_eq!(
            chosen("", "dbt_* tracklet_staged+1"),
            "tracklet_event_facts tracklet_pairs tracklet_session_facts"
        );
        let all = chosen("", "");
        assert_eq!(chosen("@tracklet_staged", ""), all);
    }

    #[test]
    fn a_word_that_selects_nothing_is_an_error() {
        let error = select(&graph(), &["+tracklet_evnt_facts".to_owned()], &[]).unwrap_err();
        assert_eq!(error.to_string(), "`+tracklet_evnt_facts` selects no model");
        assert_eq!(error.hint().as_deref(), Some("did you mean `tracklet_event_facts`?"));
    }
}
