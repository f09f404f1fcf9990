//! Files of JSON that have grown.

use crate::read::content::{first_of, last_line};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Whether no JSON value and no array around values goes on behind `end`, and what follows can be read by itself.
pub(super) fn ends_with_line(file: &mut File, end: u64) -> io::Result<bool> {
    let first = first_of(file, 0, end)?;
    let Some((_, first)) = first else { return Ok(true) };
    // A list, or text in another encoding, does not end with a line.
    if !matches!(first, b'{' | 0xEF) {
        return Ok(false);
    }
    let mut start = end;
    let line = loop {
        let Some(before) = last_line(file, start.saturating_sub(1))? else { return Ok(false) };
        file.seek(SeekFrom::Start(before))?;
        let mut line = vec![0; (end.min(start) - before) as usize];
        file.read_exact(&mut line)?;
        if before == 0 || !line.trim_ascii().is_empty() {
            break line;
        }
        start = before;
    };
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line).trim_ascii_end();
    let length = file.metadata()?.len();
    let Some((at, next)) = first_of(file, end, length)? else { return Ok(true) };
    Ok(match line {
        // A list around the lines goes on.
        _ if matches!(next, b',' | b']') => false,
        [b'{', .., b'}'] => true,
        // Part of a value that stands on several lines, perhaps.
        [b'{' | b'}' | b'[' | b']' | b'"' | b',' | b':' | b'-' | b'0'..=b'9' | b' ' | b'\t', ..] => false,
        _ if [&b"null"[..], b"true", b"false"].iter().any(|word| line.starts_with(word)) => false,
        // What is no JSON goes on where the next line is indented, or closes something.
        _ => {
            let mut before = [0];
            file.seek(SeekFrom::Start(at - 1))?;
            file.read_exact(&mut before)?;
            next != b'}' && before == [b'\n']
        }
    })
}
