use super::super::text::first_object;
use super::*;
use proptest::prelude::*;
use std::convert::Infallible;

/// Objects and what is none, with their lines.
#[derive(Default)]
struct ObjectsAndLines(Vec<(u64, String)>);

impl Values for ObjectsAndLines {
    type Error = Infallible;

    fn object(&mut self, text: &str, _: usize, line: u64) -> Result<Result<usize, usize>, Infallible> {
        let found = first_object(text, |_, _| {});
        if let Ok(length) = found {
            self.0.push((line, text[..length].to_owned()));
        }
        Ok(found)
    }

    fn unreadable(&mut self, line: u64, raw: &[u8]) -> Result<(), Infallible> {
        self.0.push((line, format!("!{}", String::from_utf8_lossy(raw))));
        Ok(())
    }
}

/// Cuts `text`, of which `step` bytes more are seen at a time, until it ends or breaks.
fn cut(text: &[u8], step: usize, longest: usize, last: End) -> Vec<(u64, String)> {
    let mut cutter = Cutter::new(longest);
    let mut found = ObjectsAndLines::default();
    let (mut start, mut seen) = (0, 0);
    loop {
        seen = text.len().min(seen + step);
        let end = if seen == text.len() { last } else { End::Open };
        let Ok(taken) = cutter.take(&text[start..seen], end, &mut found);
        start += taken;
        if end != End::Open {
            let Ok(()) = cutter.finish(&text[start..seen], end, &mut found);
            return found.0;
        }
    }
}

fn check(text: &str, expected: &[(u64, &str)]) {
    for step in [1, 3, 1000] {
        let found = cut(text.as_bytes(), step, 1000, End::Ended);
        let found: Vec<(u64, &str)> = found.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!(found, expected, "{text:?} by {step}");
    }
}

#[test]
fn objects_wherever_they_stand() {
    check("", &[]);
    check(" \n\r\n", &[]);
    check("{}", &[(1, "{}")]);
    check("{}{}\n{} {},{}\r\n", &[(1, "{}"), (1, "{}"), (2, "{}"), (2, "{}"), (2, "{}")]);
    check("{\n \"a\": {\n }\n}\n{\n}", &[(1, "{\n \"a\": {\n }\n}"), (5, "{\n}")]);
    check("[{},\n{}\n]", &[(1, "{}"), (2, "{}")]);
    check("[]\n[ {} , ]\n[\n\n]{}", &[(2, "{}"), (5, "{}")]);
    check("{},\n{},\n", &[(1, "{}"), (2, "{}")]);
}

#[test]
fn damage_is_one_and_takes_nothing_with_it() {
    check("{\n{}", &[(1, "!{"), (2, "{}")]);
    check("{\"a\":\n{}\n{}", &[(1, "!{\"a\":"), (2, "{}"), (3, "{}")]);
    check("x\ny\n{}z\n{}", &[(1, "!x"), (2, "!y"), (3, "{}"), (3, "!z"), (4, "{}")]);
    check(
        "[\n  {\"a\n   \"b\": {\n   }\n  },\n  {}\n]\n{}",
        &[(2, "!{\"a\n   \"b\": {\n   }\n  },"), (6, "{}"), (8, "{}")],
    );
    check(
        "[1]\n[{}, 2, [3], \"x\", {}]",
        &[(1, "![1]"), (2, "{}"), (2, "!2"), (2, "![3]"), (2, "!\"x\""), (2, "{}")],
    );
    check("[{},x\n{}", &[(1, "{}"), (1, "!x"), (2, "{}")]);
    check("[{}", &[(1, "{}"), (1, "!")]);
    check("[{},\n\n", &[(1, "{}"), (3, "!")]);
    check("[", &[(1, "![")]);
    check("]\n}\n,\n{},,{}", &[(1, "!]\n}"), (3, "!,"), (4, "{}"), (4, "!,{}")]);
}

#[test]
fn a_broken_stream_loses_what_was_not_whole() {
    for step in [1, 2, 100] {
        let found = |text: &str| cut(text.as_bytes(), step, 1000, End::Broken);
        assert_eq!(found("{}\n"), [(1, "{}".to_owned()), (2, "!".to_owned())]);
        assert_eq!(found("{}\n{}"), [(1, "{}".to_owned()), (2, "!{}".to_owned())]);
        assert_eq!(found("{}{\"a"), [(1, "{}".to_owned()), (1, "!{\"a".to_owned())]);
        assert_eq!(found("x\ny"), [(1, "!x".to_owned()), (2, "!y".to_owned())]);
    }
}

#[test]
fn a_value_that_is_too_long_is_not_held() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(100));
    let text = format!("{{}}\n{long}\n{{}}{long}{{}}\n{{}}");
    for step in [1, 7, 1000] {
        let found = cut(text.as_bytes(), step, 50, End::Ended);
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 3, 3, 4]);
        assert_eq!(found[1].1, format!("!{long}"));
        assert_eq!(found[3].1, format!("!{long}{{}}"));
    }
    // A file of opening braces is not read once a line.
    let braces = "{\"a\":\n".repeat(200_000);
    assert_eq!(cut(braces.as_bytes(), 1 << 20, 64 << 20, End::Ended).len(), 200_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn windows_do_not_matter(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "{}", "{\"a\":1}", "{\"a\":", "[", "]", ",", "\n", "\n", "\n  ", " ", "}", "{", "\"é", "\"", "\u{feff}", "12", "tru",
                "true", "\\u00", "[{}]", "x",
            ]),
            0..30,
        ),
        cut_at in 0usize..60,
        step in 1usize..20,
        broken in any::<bool>(),
    ) {
        let mut text = parts.concat().into_bytes();
        if cut_at < text.len() && cut_at % 3 == 0 {
            text[cut_at] = 0xFF;
        }
        let end = if broken { End::Broken } else { End::Ended };
        let whole = cut(&text, usize::MAX / 2, 1000, end);
        prop_assert_eq!(cut(&text, step, 1000, end), whole);
    }
}
