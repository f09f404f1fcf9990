//! The page: one HTML document with its style, its script, its typeface and its figures.
//!
//! Figures are data, never markup: the script puts them into the page as text. A policy in the page lets no script run but
//! the two that are named by their hashes, and nothing be loaded from anywhere.

use super::Report;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const DOCUMENT: &str = include_str!("page/page.html");
const CHARTS: &str = include_str!("page/vendor/echarts.js");
const TYPEFACE: &[u8] = include_bytes!("page/vendor/inter.woff2");
const STYLE: &[&str] = &[
    include_str!("page/style/tokens.css"),
    include_str!("page/style/layout.css"),
    include_str!("page/style/parts.css"),
];
const SCRIPT: &[&str] = &[
    include_str!("page/script/elements.js"),
    include_str!("page/script/numbers.js"),
    include_str!("page/script/charts.js"),
    include_str!("page/script/run.js"),
    include_str!("page/script/activity.js"),
    include_str!("page/script/sessions.js"),
    include_str!("page/script/events.js"),
    include_str!("page/script/flow.js"),
    include_str!("page/script/tuning.js"),
    include_str!("page/script/models.js"),
    include_str!("page/script/start.js"),
];

/// The whole document.
pub(super) fn page(report: &Report) -> String {
    let script = format!("\"use strict\";\n(() => {{\n{}\n}})();", SCRIPT.concat());
    let policy = format!(
        "default-src 'none'; script-src '{}' '{}'; style-src 'unsafe-inline'; font-src data:; img-src data:; \
         base-uri 'none'; form-action 'none'",
        hash(CHARTS),
        hash(&script)
    );
    let style = STYLE.concat();
    let typeface = format!("data:font/woff2;base64,{}", STANDARD.encode(TYPEFACE));
    let data = serde_json::to_string(report).expect("figures have text keys and finite numbers");
    let parts = [
        ("policy", policy.as_str()),
        ("style", style.as_str()),
        ("typeface", typeface.as_str()),
        ("charts", CHARTS),
        ("script", script.as_str()),
    ];
    let page = fill(DOCUMENT, &parts);
    // Last and together: nothing in the figures is ever taken for a place to fill.
    let (head, rest) = page.split_once("{{title}}").expect("the document has a title");
    let (body, end) = rest.split_once("{{data}}").expect("the document has a place for the figures");
    [head, &text(&report.title), body, &inert(&data), end].concat()
}

/// Puts each part at its place, once.
fn fill(document: &str, parts: &[(&str, &str)]) -> String {
    let mut page = document.to_owned();
    for (name, part) in parts {
        page = page.replacen(&format!("{{{{{name}}}}}"), part, 1);
    }
    page
}

/// JSON that can stand in a script element: no character of it can end the element or begin another.
fn inert(json: &str) -> String {
    let mut inert = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => inert.push_str("\\u003c"),
            '>' => inert.push_str("\\u003e"),
            '&' => inert.push_str("\\u0026"),
            '\u{2028}' => inert.push_str("\\u2028"),
            '\u{2029}' => inert.push_str("\\u2029"),
            other => inert.push(other),
        }
    }
    inert
}

/// Text as the content of an element.
fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn hash(script: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(script.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::{CHARTS, DOCUMENT, SCRIPT, inert};

    #[test]
    fn figures_cannot_leave_their_element() {
        let json = serde_json::to_string("</script><!--<script>&\u{2028}\u{2029}").unwrap();
        let inert = inert(&json);
        assert!(!inert.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{inert}");
        assert_eq!(serde_json::from_str::<String>(&inert).unwrap(), "</script><!--<script>&\u{2028}\u{2029}");
    }

    #[test]
    fn scripts_cannot_end_their_element_and_markup_is_never_made_from_text() {
        for script in SCRIPT.iter().copied().chain([CHARTS]) {
            assert!(!script.contains("</script") && !script.contains("<!--"));
        }
        for script in SCRIPT {
            for unsafe_call in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
                assert!(!script.contains(unsafe_call), "{unsafe_call}");
            }
        }
        for place in ["policy", "style", "typeface", "charts", "script", "title", "data"] {
            assert_eq!(
                DOCUMENT.matches(&format!("{{{{{place}}}}}")).count(),
                usize::from(place != "typeface")
            );
        }
    }
}
