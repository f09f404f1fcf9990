use super::*;
use proptest::prelude::*;
use serde::de::IgnoredAny;

/// Whether all of the text is one JSON value, by `serde_json`.
fn judge(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn accepts(text: &str) -> bool {
    object(text, |_, _| {}).is_ok()
}

#[test]
fn accepts_what_the_judge_accepts() {
    let values = [
        "0",
        "-0",
        "00",
        "01",
        "-",
        "-1",
        "+1",
        "1.",
        ".5",
        "1.5",
        "1e5",
        "1E+5",
        "1e-05",
        "1e",
        "1e+",
        "1.e5",
        "0x1",
        "1_0",
        "NaN",
        "Infinity",
        "1e999",
        "123456789012345678901234567890",
        "true",
        "false",
        "null",
        "True",
        "tru",
        "nul",
        "truex",
        "\"\"",
        "\"a\"",
        "\"a",
        "a\"",
        "'a'",
        "\"\\n\\t\\b\\f\\r\\/\\\\\\\"\"",
        "\"\\a\"",
        "\"\\u00e9\"",
        "\"\\u00E9\"",
        "\"\\u00g9\"",
        "\"\\u00\"",
        "\"\\u\"",
        "\"\\\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\u{1}\"",
        "\"\u{7f}\"",
        "\"\t\"",
        "\"é😀\"",
        "[]",
        "[1]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1,2]",
        "[[]]",
        "[[]",
        "[]]",
        "[}",
        "{}",
        "{\"a\":1}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,\"b\":[{\"c\":null},{}]}",
        "{\"a\":{\"b\":{}}}",
        "{\"a\":[}]",
        "{1:2}",
        "{\"a\":1}}",
        "{\"a\":1]",
        "[{\"a\":1]",
        "[{\"a\",1}]",
        "[1:2]",
        "/**/1",
        "1//",
        "\u{feff}1",
        "\u{a0}1",
        "",
        " ",
        "1 1",
        "\"12345678\"",
        "\"1234567\\\"9\"",
        "\"1234567\u{0}\"",
        "[\"1234567890123456\"]",
    ];
    for value in values {
        for text in [
            value.to_owned(),
            format!(" \t\r\n{value} \t\r\n"),
            format!("[{value}]"),
            format!("{{\"key\": {value} }}"),
            format!("{{\"type\":\"track\",\"x\":[{{\"y\":{value}}},{value}]}}"),
        ] {
            assert_eq!(accepts(&text), judge(&text), "{text:?}");
        }
    }
}

#[test]
fn nesting_of_any_depth_is_judged_without_the_stack() {
    for depth in [1, 2, 63, 64, 65, 127, 128, 129, 200, 100_000, 3_000_000] {
        let arrays = format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(accepts(&arrays), "{depth}");
        let objects = format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(accepts(&objects), "{depth}");
        let mixed = format!("{}1{}", "[{\"a\":".repeat(depth), "}]".repeat(depth));
        assert!(accepts(&mixed), "{depth}");
        assert!(!accepts(&format!("{}1{}", "[{\"a\":".repeat(depth), "]}".repeat(depth))), "{depth}");
        assert!(!accepts(&arrays[..arrays.len() - 1]), "{depth}");
        assert!(!accepts(&"[".repeat(depth)), "{depth}");
    }
}

#[test]
fn entries_come_in_order_with_duplicates() {
    let mut found = Vec::new();
    let text = r#" {"a":1,"b":"x\ty","a":null, "c" : [1, {"a":2}],"d":"é","":true} "#;
    let is_object = object(text, |key, value| found.push((key.text, value.kind, value.text)));
    assert_eq!(is_object, Ok(true));
    let expected = [
        ("a", ValueKind::Number, "1"),
        ("b", ValueKind::Escaped, "x\\ty"),
        ("a", ValueKind::Null, "null"),
        ("c", ValueKind::Array, "[1, {\"a\":2}]"),
        ("d", ValueKind::Plain, "é"),
        ("", ValueKind::Bool, "true"),
    ];
    assert_eq!(found, expected);
    assert_eq!(object("[1]", |_, _| {}), Ok(false));
}

#[test]
fn escapes() {
    for (text, expected) in [
        (r"a\nb\/\\\u0041", Ok("a\nb/\\A")),
        (r"\ud83d\ude00\u00e9", Ok("😀é")),
        (r"\ud83dx", Err("\u{fffd}x")),
        (r"\ud83d", Err("\u{fffd}")),
        (r"\ude00\ud83d", Err("\u{fffd}\u{fffd}")),
        (r"\ud83d\ud83d\ude00", Err("\u{fffd}😀")),
        (r"\ud83d\u0041", Err("\u{fffd}A")),
        (r"\u0000", Ok("\0")),
    ] {
        let mut unescaped = String::new();
        let result = unescape(text, &mut unescaped);
        assert_eq!((result.is_ok(), unescaped.as_str()), (expected.is_ok(), expected.unwrap_or_else(|e| e)));
    }
}

/// JSON-like text: valid documents, then a few characters changed.
fn damaged() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| serde_json::to_string(&value).expect("a number or null")),
        any::<String>().prop_map(|value| serde_json::to_string(&value).expect("a string")),
    ];
    let document = leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec((any::<String>(), inner), 0..5).prop_map(|entries| {
                let entry = |(key, value): &(String, String)| {
                    format!("{}: {value}", serde_json::to_string(key).expect("a string"))
                };
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" ,"))
            }),
        ]
    });
    let character = prop::sample::select("{}[]\",:\\u0a1-.eE+ \t\u{1}\u{0}tn".chars().collect::<Vec<_>>());
    let changes = prop::collection::vec((any::<prop::sample::Index>(), character, 0..3), 0..3);
    (document, changes).prop_map(|(document, changes)| {
        let mut characters: Vec<char> = document.chars().collect();
        for (place, character, kind) in changes {
            let at = place.index(characters.len() + 1);
            match kind {
                0 => characters.insert(at, character),
                1 if at < characters.len() => characters[at] = character,
                _ if at < characters.len() => {
                    characters.remove(at);
                }
                _ => {}
            }
        }
        characters.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn agrees_with_the_judge_on_damaged_documents(text in damaged()) {
        prop_assert_eq!(accepts(&text), judge(&text), "{:?}", text);
    }

    #[test]
    fn agrees_with_the_judge_on_any_text(text in "[\\[\\]{}\",:0-9eE.+\\-tfn\\\\ua \t]{0,24}") {
        prop_assert_eq!(accepts(&text), judge(&text), "{:?}", text);
    }

    #[test]
    fn unescapes_as_the_judge_does(value in any::<String>()) {
        let text = serde_json::to_string(&value).expect("a string");
        let mut unescaped = String::new();
        prop_assert_eq!(unescape(&text[1..text.len() - 1], &mut unescaped), Ok(()));
        prop_assert_eq!(unescaped, value);
    }
}
