//! Columns that are derived from URLs and user agents, and the lists of words for it.

use crate::event_columns::{ColumnSource, EventColumn};
use crate::function::{Function, OS_NAME};
use serde::Deserialize;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};
use tracklet_kernel::derived::{Derived, DerivedInput, Reading, WordRule};
use tracklet_kernel::registry::{CarriedSpec, CarriedType};

impl Function {
    /// What it says as the tables are known by it: of lists of words their version.
    pub(super) fn version(self) -> u64 {
        if self == Self::Host { 1 } else { LISTS.version }
    }

    /// What is looked for in which text, the first that says something decides; and the value where none does.
    fn readings(self) -> (Vec<(TextOf, Reading)>, Option<&'static str>) {
        let lists = &*LISTS;
        let words = |of: TextOf, list: &Arc<[WordRule]>| (of, Reading::Words(Arc::clone(list)));
        match self {
            Self::Host => (vec![(TextOf::Agent, Reading::Host)], None),
            Self::IsBot => (vec![words(TextOf::Agent, &lists.is_bot)], None),
            Self::Browser => (vec![words(TextOf::Agent, &lists.browser)], Some("Other")),
            Self::Os => (
                vec![words(TextOf::OsName, &lists.os_of_name), words(TextOf::Agent, &lists.os)],
                Some("Other"),
            ),
            Self::DeviceCategory => (
                vec![
                    words(TextOf::OsName, &lists.device_category_of_name),
                    words(TextOf::Agent, &lists.device_category),
                    words(TextOf::OsName, &lists.device_category_of_name_alone),
                ],
                Some("other"),
            ),
        }
    }
}

/// Which of the texts of a derived column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TextOf {
    /// The user agent, or the URL.
    Agent,
    /// The name of the operating system.
    OsName,
}

/// The lists of `word_lists.toml`.
struct Lists {
    version: u64,
    is_bot: Arc<[WordRule]>,
    browser: Arc<[WordRule]>,
    os: Arc<[WordRule]>,
    os_of_name: Arc<[WordRule]>,
    device_category: Arc<[WordRule]>,
    device_category_of_name: Arc<[WordRule]>,
    device_category_of_name_alone: Arc<[WordRule]>,
}

/// The file as it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListsFile {
    version: u64,
    is_bot: Vec<RuleOfFile>,
    browser: Vec<RuleOfFile>,
    os: Vec<RuleOfFile>,
    os_of_name: Vec<RuleOfFile>,
    device_category: Vec<RuleOfFile>,
    device_category_of_name: Vec<RuleOfFile>,
    device_category_of_name_alone: Vec<RuleOfFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleOfFile {
    value: String,
    words: Vec<String>,
    #[serde(default)]
    with: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
}

static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    let file: ListsFile =
        toml::from_str(include_str!("word_lists.toml")).expect("a test reads the file of the lists");
    let list = |rules: Vec<RuleOfFile>| {
        let rule = |RuleOfFile { value, words, with, without }| WordRule { value, words, with, without };
        rules.into_iter().map(rule).collect()
    };
    Lists {
        version: file.version,
        is_bot: list(file.is_bot),
        browser: list(file.browser),
        os: list(file.os),
        os_of_name: list(file.os_of_name),
        device_category: list(file.device_category),
        device_category_of_name: list(file.device_category_of_name),
        device_category_of_name_alone: list(file.device_category_of_name_alone),
    }
});

/// Says of every derived column which columns of texts it is derived from; answers those that are read for it alone. A column of the
/// table that has the same sources is not read twice.
pub(super) fn resolve(columns: &mut [EventColumn]) -> Vec<EventColumn> {
    let texts: Vec<EventColumn> = columns
        .iter()
        .filter(|column| column.derived.is_none() && column.spec.carried_type == CarriedType::Text)
        .cloned()
        .collect();
    let mut inputs: Vec<EventColumn> = Vec::new();
    for column in columns {
        let Some(from) = &column.derived else { continue };
        let mut name_of = |sources: &[ColumnSource], no_value: &[String], own_name: String| {
            let is_it = |other: &&EventColumn| other.sources == sources && other.spec.no_value == no_value;
            if let Some(known) = texts.iter().chain(&inputs).find(is_it) {
                return known.spec.name.clone();
            }
            let spec =
                CarriedSpec { no_value: no_value.to_vec(), ..CarriedSpec::new(&own_name, CarriedType::Text) };
            inputs.push(EventColumn {
                spec,
                sources: sources.to_vec(),
                derived: None,
                is_of_preset: column.is_of_preset,
                read_for: Some(column.spec.name.clone()),
            });
            own_name
        };
        let (readings, otherwise) = from.function.readings();
        let is_read = |of: TextOf| of == TextOf::Agent || !from.os_name.is_empty();
        let inputs = readings.into_iter().filter(|(of, _)| is_read(*of)).map(|(of, reading)| {
            let name = match of {
                TextOf::Agent => name_of(&from.of, &from.no_value, column.spec.name.clone()),
                // No column of a table can be called so.
                TextOf::OsName => name_of(&from.os_name, &[], format!("{}.{OS_NAME}", column.spec.name)),
            };
            DerivedInput { name, reading }
        });
        let inputs = inputs.collect();
        column.spec.derived = Some(Derived { inputs, otherwise: otherwise.map(str::to_owned) });
    }
    inputs
}

/// `docs/word-lists.md`, made of the file with the lists.
pub fn word_lists() -> String {
    let lists = &*LISTS;
    let mut page = format!(
        "# Lists of words\n\n\
         <!-- Made by `tracklet docs-reference word-lists` of crates/config/src/word_lists.toml; a test keeps it equal. -->\n\n\
         By these lists `is_bot`, `browser`, `os` and `device_category` are derived from the user agent and the name of the operating \
         system: see [events.md](events.md#derived-columns). This is version {}.\n\n\
         A text is taken in ASCII lower case. Rules are tried in their order, and the first that holds says the value: one of its words \
         stands anywhere in the text, and one of those after *with* where there are any, and none of those after *without*.\n",
        lists.version
    );
    let sections = [
        ("`is_bot`, of the user agent", &lists.is_bot, "Otherwise `false`."),
        ("`browser`, of the user agent", &lists.browser, "Otherwise `Other`."),
        ("`os`, of the name of the operating system", &lists.os_of_name, "Otherwise the user agent decides."),
        ("`os`, of the user agent", &lists.os, "Otherwise `Other`."),
        (
            "`device_category`, of the name of the operating system",
            &lists.device_category_of_name,
            "Otherwise the user agent decides.",
        ),
        (
            "`device_category`, of the user agent",
            &lists.device_category,
            "Otherwise the name of the operating system decides alone.",
        ),
        (
            "`device_category`, of the name of the operating system alone",
            &lists.device_category_of_name_alone,
            "Otherwise `other`.",
        ),
    ];
    for (title, rules, otherwise) in sections {
        let _ = write!(page, "\n## {title}\n\n| value | words |\n|---|---|\n");
        for rule in rules.iter() {
            let listed = |words: &[String]| {
                let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                quoted.join(", ")
            };
            let _ = write!(page, "| `{}` | {}", rule.value, listed(&rule.words));
            for (word, words) in [("with", &rule.with), ("without", &rule.without)] {
                if !words.is_empty() {
                    let _ = write!(page, "; *{word}* {}", listed(words));
                }
            }
            page.push_str(" |\n");
        }
        let _ = write!(page, "\n{otherwise}\n");
    }
    page
}

/// `dbt/macros/word_lists.sql`, made of the file with the lists.
pub fn word_lists_of_models() -> String {
    let lists = &*LISTS;
    let mut text = "\
{#
  The lists of words by which columns are derived, and what one of them says of a text in lower case. Made by
  `tracklet docs-reference word-lists-sql` of crates/config/src/word_lists.toml; a test keeps it equal.
-#}
{% macro said_of(list, text) -%}
    {%- set lists = {
"
    .to_owned();
    let named = [
        ("is_bot", &lists.is_bot),
        ("browser", &lists.browser),
        ("os", &lists.os),
        ("os_of_name", &lists.os_of_name),
        ("device_category", &lists.device_category),
        ("device_category_of_name", &lists.device_category_of_name),
        ("device_category_of_name_alone", &lists.device_category_of_name_alone),
    ];
    let listed = |words: &[String]| {
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        format!("[{}]", quoted.join(", "))
    };
    for (name, rules) in named {
        let _ = writeln!(text, "        '{name}': [");
        for WordRule { value, words, with, without } in rules.iter() {
            let _ = write!(text, "            {{'value': '{value}', 'words': {}", listed(words));
            for (key, words) in [("with", with), ("without", without)] {
                if !words.is_empty() {
                    let _ = write!(text, ", '{key}': {}", listed(words));
                }
            }
            text.push_str("},\n");
        }
        text.push_str("        ],\n");
    }
    text.push_str("    } -%}\n    {{- first_that_holds(lists[list], text) -}}\n{%- endmacro %}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [&'static Arc<[WordRule]>; 7] {
        let lists = &*LISTS;
        [
            &lists.is_bot,
            &lists.browser,
            &lists.os,
            &lists.os_of_name,
            &lists.device_category,
            &lists.device_category_of_name,
            &lists.device_category_of_name_alone,
        ]
    }

    #[test]
    fn every_word_can_be_found_and_decides_something() {
        for rule in all().into_iter().flat_map(|list| list.iter()) {
            assert!(!rule.words.is_empty() && !rule.value.is_empty());
            for word in rule.words.iter().chain(&rule.with).chain(&rule.without) {
                assert!(!word.is_empty() && word.is_ascii() && *word == word.to_ascii_lowercase(), "{word}");
                assert!(!word.contains(['`', '|', '\'', '\\']), "{word} needs care in SQL and Markdown");
            }
            assert!(!rule.value.contains(['\'', '\\']), "{} needs care in SQL", rule.value);
            for (place, word) in rule.words.iter().enumerate() {
                let mut others = rule.words.iter().enumerate().filter(|(other, _)| *other != place);
                assert!(!others.any(|(_, other)| word.contains(other.as_str())), "{word} says nothing more");
            }
        }
        assert!(LISTS.is_bot.iter().all(|rule| ["true", "false"].contains(&rule.value.as_str())));
    }

    // Tables are known by the version: with other lists under the same one, files were not read again.
    #[test]
    fn lists_that_change_have_another_version() {
        let digest = blake3::hash(format!("{:?}", all()).as_bytes()).to_hex();
        assert_eq!(
            (LISTS.version, &digest[..16]),
            (1, "4045f6ca811bbd71"),
            "the lists changed: count `version` of word_lists.toml up, and write it and this digest here"
        );
    }
}
