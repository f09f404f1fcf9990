//! Results as JUnit XML, which every CI system reads.

use super::{CheckResult, Verdict};
use std::fmt::Write;

/// The report: one suite, a test case for each result. Warnings are passed cases that say something.
pub fn junit(results: &[CheckResult]) -> String {
    let of = |verdict| results.iter().filter(|result| result.verdict() == verdict).count();
    let seconds: f64 = results.iter().map(|result| result.seconds).sum();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{seconds:.3}\"",
        results.len(),
        of(Verdict::Failed),
        of(Verdict::Broken)
    );
    let mut page = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tracklet test\" {counts}>\n  \
         <testsuite name=\"tracklet\" {counts} skipped=\"0\">\n"
    );
    for result in results {
        case(&mut page, result);
    }
    page.push_str("  </testsuite>\n</testsuites>\n");
    page
}

fn case(page: &mut String, result: &CheckResult) {
    let _ = write!(
        page,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escaped(&result.of),
        escaped(&result.name),
        result.seconds
    );
    let rows = || {
        let stored =
            result.stored.as_ref().map(|file| format!("in {}\n", file.display())).unwrap_or_default();
        escaped(&format!("{}{stored}", result.shown))
    };
    let _ = match (&result.failures, result.verdict()) {
        (Err(error), _) => {
            write!(page, ">\n      <error message=\"{}\"/>\n    </testcase>\n", escaped(&message_of(error)))
        }
        (Ok(_), Verdict::Passed) => writeln!(page, "/>"),
        (Ok(failures), Verdict::Warned) => write!(
            page,
            ">\n      <system-out>warning: {failures} rows\n{}</system-out>\n    </testcase>\n",
            rows()
        ),
        (Ok(failures), _) => write!(
            page,
            ">\n      <failure message=\"{failures} rows\">{}</failure>\n    </testcase>\n",
            rows()
        ),
    };
}

/// An error with its causes.
fn message_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}

/// A text between tags or in an attribute. What XML can't hold at all becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            // An attribute would have a space in their place.
            '\n' | '\r' | '\t' => {
                let _ = write!(safe, "&#{};", c as u32);
            }
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => safe.push(char::REPLACEMENT_CHARACTER),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{escaped, junit};
    use crate::testing::{CheckResult, Severity, TestError};

    fn result(name: &str, severity: Severity, failures: Result<u64, TestError>) -> CheckResult {
        let shown = "event_id\n--------\n]]><script>&\u{1}\n".to_owned();
        CheckResult {
            name: name.to_owned(),
            of: "dbt_track_facts".to_owned(),
            severity,
            failures,
            shown,
            stored: None,
            seconds: 0.25,
        }
    }

    #[test]
    fn what_stands_in_rows_stays_text() {
        assert_eq!(
            escaped("a<b>\"c\"&'d'\n\u{0}\u{ffff}é"),
            "a&lt;b&gt;&quot;c&quot;&amp;&apos;d&apos;&#10;\u{fffd}\u{fffd}é"
        );
    }

    #[test]
    fn every_result_is_a_case() {
        let broken =
            TestError::Render(crate::sql::RenderError::Unknown { name: "<x>".to_owned(), nearest: None });
        let page = junit(&[
            result("passes", Severity::Error, Ok(0)),
            result("warns", Severity::Warn, Ok(2)),
            result("fails \"so\"", Severity::Error, Ok(3)),
            result("is broken", Severity::Error, Err(broken)),
        ]);
        assert!(page.contains(
            "<testsuites name=\"tracklet test\" tests=\"4\" failures=\"1\" errors=\"1\" time=\"1.000\">"
        ));
        assert!(page.contains("name=\"passes\" time=\"0.250\"/>"), "{page}");
        assert!(page.contains("<system-out>warning: 2 rows\nevent_id&#10;"), "{page}");
        assert!(page.contains("name=\"fails &quot;so&quot;\""), "{page}");
        assert!(page.contains(
            "<failure message=\"3 rows\">event_id&#10;--------&#10;]]&gt;&lt;script&gt;&amp;\u{fffd}"
        ));
        assert!(page.contains("<error message=\"there is no model `&lt;x&gt;`\"/>"), "{page}");
        assert_eq!(page.matches("</testcase>").count(), 3);
    }
}
