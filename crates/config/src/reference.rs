//! The reference of `tracklet.toml` as Markdown.

use super::keys::{Key, Meaning, keys_of, sections};
use std::fmt::Write;
use tracklet_dialects::Dialect;
use tracklet_dialects::target_keys::{TargetValue, target_keys};

/// `docs/configuration.md`, made from [`super::keys::KEYS`].
pub fn reference() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         <!-- Made by `tracklet docs-reference configuration`; a test keeps it equal. -->\n\n\
         `tracklet run` takes `tracklet.toml` of the working folder, or the file named by `--config`. Every key has a \
         default, and without a file the defaults hold. A key that is not listed here is an error: `tracklet check` finds \
         all there are, each with its place and what was probably meant. Editors complete and check the file by \
         [its JSON schema](tracklet.schema.json), which `tracklet check --schema` prints: editors with Taplo take the line \
         `#:schema PATH` at the top of the file.\n\n\
         Keys marked with * change what the tables say; their fingerprint is stored in each snapshot's \
         `manifest.json`.\n\n\
         ## A file with every key\n\n```toml\n",
    );
    for section in sections() {
        if !section.is_empty() {
            let _ = write!(page, "\n[{section}]\n");
        }
        for key in keys_of(section) {
            let _ = writeln!(page, "{}", key.example);
        }
    }
    page.push_str("```\n");
    for section in sections() {
        if section.is_empty() {
            page.push_str("\n## At the top of the file\n");
        } else {
            let _ = write!(page, "\n## `[{section}]`\n");
        }
        for key in keys_of(section) {
            entry(&mut page, key);
        }
    }
    targets(&mut page);
    page
}

/// The sections `[targets.NAME]`, a table for each type.
fn targets(page: &mut String) {
    page.push_str(
        "\n## `[targets.NAME]`\n\nA warehouse, for `--target NAME`. Fields have dbt's names. In every text \
         `{{ env_var('NAME') }}` and `{{ env_var('NAME', 'default') }}` stand for what the environment holds; secrets may \
         come from there or from a `profiles.yml` alone.\n",
    );
    for dialect in Dialect::ALL {
        let (kind, name) = (dialect.name(), dialect.target_type().title);
        let _ = write!(page, "\n### `type = \"{kind}\"`: {name}\n\n| key | value | |\n|---|---|---|\n");
        for key in target_keys(dialect) {
            let example = key.example.replace('|', "\\|");
            let _ = writeln!(page, "| `{}` | {} | {} `{example}` |", key.name, words(key.value), key.about);
        }
    }
}

fn words(value: TargetValue) -> &'static str {
    match value {
        TargetValue::Secret => "a secret",
        other => other.words(),
    }
}

fn entry(page: &mut String, key: &Key) {
    let star = if key.meaning == Meaning::Changes { " *" } else { "" };
    let _ = write!(
        page,
        "\n### `{}`{star}\n\n{}\n\n- Value: {}\n- Default: {}\n- Example: `{}`\n",
        key.name, key.about, key.value, key.default, key.example
    );
}
