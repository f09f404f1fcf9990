//! Text from files, databases and command lines, made safe for a terminal and a log.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns `text` with every character that steers a terminal, reorders text or breaks a line written as an escape, such
/// as `\u{1b}` or `\n`. For a value that stands within one line.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |character| !is_hidden(character))
}

/// Returns a message as [`visible`] does, but with its line breaks. Lines after the first are indented by two columns, so
/// that a line break inside of a value starts no line that looks like a message of its own.
pub fn visible_lines(message: &str) -> Cow<'_, str> {
    let message = escaped(message, |character| character == '\n' || !is_hidden(character));
    if !message.trim_end_matches('\n').contains('\n') {
        return message;
    }
    let mut lines = String::with_capacity(message.len() + 16);
    for (place, line) in message.split_inclusive('\n').enumerate() {
        if place > 0 && !line.starts_with("  ") && line != "\n" {
            lines.push_str("  ");
        }
        lines.push_str(line);
    }
    Cow::Owned(lines)
}

/// Returns `text` with the characters that fail `is_kept` escaped.
fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&is_kept) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_kept(character) {
            shown.push(character);
        } else if character.is_ascii() {
            shown.extend(character.escape_default());
        } else {
            let _ = write!(shown, "{}", character.escape_unicode());
        }
    }
    Cow::Owned(shown)
}

/// Whether a character is a control character (C0, DEL or C1), a line or paragraph separator, or one that changes the
/// direction of text (Unicode Standard Annex 9, explicit formatting characters).
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::{visible, visible_lines};

    #[test]
    fn a_value_can_neither_steer_the_terminal_nor_break_or_turn_the_line() {
        assert_eq!(visible("a\n\u{1b}[31mb\u{9b}\r\u{7f}"), "a\\n\\u{1b}[31mb\\u{9b}\\r\\u{7f}");
        assert_eq!(visible("\u{202e}gpj.exe\u{2066}\u{2028}"), "\\u{202e}gpj.exe\\u{2066}\\u{2028}");
        assert_eq!(visible("caf\u{e9} \u{1f600}"), "caf\u{e9} \u{1f600}");
    }

    #[test]
    fn a_line_break_in_a_message_starts_no_message() {
        assert_eq!(
            visible_lines("`a\nerror: b\u{1b}`: no such file\n"),
            "`a\n  error: b\\u{1b}`: no such file\n"
        );
        assert_eq!(visible_lines("one line\n"), "one line\n");
        assert_eq!(visible_lines("a\n\n  b"), "a\n\n  b");
    }
}
