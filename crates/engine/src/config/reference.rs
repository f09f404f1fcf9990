//! The reference of `tracklet.toml` as Markdown.

use super::keys::{Key, Meaning, keys_of, sections};
use std::fmt::Write;

/// `docs/configuration.md`, made from [`super::keys::KEYS`].
pub fn reference() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         <!-- Made by `tracklet docs-reference configuration`; a test keeps it equal. -->\n\n\
         `tracklet run` takes `tracklet.toml` of the working folder, or the file named by `--config`. Every key has a \
         default, and without a file the defaults hold. A key that is not listed here is an error.\n\n\
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
    page
}

fn entry(page: &mut String, key: &Key) {
    let star = if key.meaning == Meaning::Changes { " *" } else { "" };
    let _ = write!(
        page,
        "\n### `{}`{star}\n\n{}\n\n- Value: {}\n- Default: {}\n- Example: `{}`\n",
        key.name, key.about, key.value, key.default, key.example
    );
}
