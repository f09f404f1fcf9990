//! Inputs that somebody has made to fill the memory: no run takes much more than its limit.

use super::support::{manifest, tables, tracklet};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use tempfile::TempDir;

/// The limit of every run, in bytes.
const LIMIT: u64 = 230_000_000;
/// What an unoptimized program may take beyond it.
const OVERHEAD: u64 = 70_000_000;
/// Near the most that an id or a name can have, in bytes.
const LONG: usize = 65_000;

/// The outcome of a run.
struct Ended {
    code: i32,
    said: String,
    /// The most memory that it had, in bytes.
    peak: u64,
}

/// Runs over the folder `in`.
#[expect(clippy::zombie_processes, reason = "wait4 waits, and says how much memory the child had")]
fn run(folder: &TempDir, options: &[&str]) -> Ended {
    let arguments = [&["-v", "run", "in", "--threads", "2"], options].concat();
    let mut child = tracklet(folder.path(), &arguments).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let pid = libc::pid_t::try_from(child.id()).unwrap();
    let mut status = 0;
    // SAFETY: a structure of numbers, for which zeros are values.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both places can be written, and nothing else waits for the child.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    assert_eq!(waited, pid);
    let code = if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -1 };
    Ended { code, said, peak: usage.ru_maxrss.unsigned_abs() * 1024 }
}

fn limited(folder: &TempDir) -> Ended {
    let ended = run(folder, &["--memory-limit", "230MB", "--out", "limited"]);
    let Ended { code, said, peak } = &ended;
    assert!(*peak < LIMIT + OVERHEAD, "exit code {code}, {} MB: {said}", peak / 1_000_000);
    ended
}

/// A folder with a file of this name, in its folder `in`.
fn input(name: &str, write: impl FnOnce(&mut dyn Write)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    let mut file = BufWriter::new(File::create(folder.path().join("in").join(name)).unwrap());
    if Path::new(name).extension().is_some_and(|extension| extension == "gz") {
        let mut packed = GzEncoder::new(file, Compression::fast());
        write(&mut packed);
        packed.finish().unwrap().flush().unwrap();
    } else {
        write(&mut file);
        file.flush().unwrap();
    }
    folder
}

fn track(row: usize, key: &str, text: &str) -> String {
    let others =
        [("messageId", format!("m{row}")), ("anonymousId", "a".to_owned()), ("event", "e".to_owned())];
    let mut fields = vec![format!("\"{key}\":\"{text}\"")];
    fields.extend(
        others.iter().filter(|(name, _)| *name != key).map(|(name, text)| format!("\"{name}\":\"{text}\"")),
    );
    format!("{{\"type\":\"track\",\"timestamp\":\"2026-01-04T10:00:00Z\",{}}}\n", fields.join(","))
}

/// That the run ended with an error that names a limit which would do.
fn assert_names_a_limit(ended: &Ended) {
    assert_eq!(ended.code, 2, "{}", ended.said);
    assert!(ended.said.contains("hint: give --memory-limit "), "{}", ended.said);
}

// Each was a value of its own in memory, and all were copied twice: three million took 7.2 GB within a limit of 300 MB.
#[test]
fn damaged_lines_are_spilled_to_disk_and_change_no_byte() {
    const LINES: u64 = 80_000;
    let filler = "x".repeat(1900);
    let folder = input("damaged.json", |file| {
        for line in 0..LINES {
            // Little of it compresses away.
            let mixed =
                |number: u64| (line * 12 + number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
            let mixed: String = (0..12)
                .map(|number| format!("{:x}", mixed(number).wrapping_mul(0xD6E8_FEB8_6659_FD93)))
                .collect();
            writeln!(file, "{{\"type\":\"track\",\"messageId\":\"m{line}{mixed}{filler}").unwrap();
        }
    });
    let ended = limited(&folder);
    assert_eq!(ended.code, 1, "{}", ended.said);
    assert!(ended.said.contains("rejected rows were spilled to disk in `limited`"), "{}", ended.said);
    assert!(ended.said.contains("such as `{\"type\":\"track\",\"messageId\":\"m0"), "{}", ended.said);
    let left = fs::read_dir(folder.path().join("limited")).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".lock", "current", "snapshots"]);
    let unlimited = run(&folder, &["--out", "unlimited"]);
    assert_eq!(unlimited.code, 1, "{}", unlimited.said);
    let (limited, unlimited) = (folder.path().join("limited"), folder.path().join("unlimited"));
    assert!(tables(&limited) == tables(&unlimited), "the limit changed a table");
    assert_eq!(manifest(&limited)["rows"]["rejected"], LINES);
    // The next run takes them from the snapshot.
    fs::write(folder.path().join("in/more.json"), track(0, "event", "e") + "{\"type\":\"tr").unwrap();
    let ended = self::limited(&folder);
    assert_eq!(ended.code, 1, "{}", ended.said);
    assert_eq!(manifest(&limited)["rows"]["rejected"], LINES + 1);
}

#[test]
fn many_short_lines_in_a_small_file_take_no_more_than_others() {
    let folder = input("short.json.gz", |file| file.write_all(&b"1\n".repeat(1_000_000)).unwrap());
    let ended = limited(&folder);
    assert_eq!(ended.code, 1, "{}", ended.said);
    assert_eq!(manifest(&folder.path().join("limited"))["rows"]["rejected"], 1_000_000);
}

#[test]
fn one_line_that_never_ends_takes_no_more_than_the_longest() {
    let folder = input("long.json.gz", |file| {
        file.write_all(b"{\"type\":\"").unwrap();
        let text = vec![b'x'; 1 << 20];
        (0..100).for_each(|_| file.write_all(&text).unwrap());
    });
    let ended = limited(&folder);
    assert_eq!(
        (ended.code, manifest(&folder.path().join("limited"))["rows"]["rejected"].as_u64()),
        (1, Some(1))
    );
}

/// Zstandard: a magic number, a descriptor, the window's size, and blocks of one byte each that is repeated.
#[test]
fn a_window_of_zstandard_and_what_is_in_it_take_no_more() {
    let write = |file: &mut dyn Write, window_log: u8| {
        file.write_all(&[0x28, 0xB5, 0x2F, 0xFD, 0x00, (window_log - 10) << 3]).unwrap();
        for block in 0..1600u32 {
            let is_last = u32::from(block == 1599);
            let header = (128 << 10) << 3 | 1 << 1 | is_last;
            file.write_all(&header.to_le_bytes()[..3]).unwrap();
            file.write_all(b"x").unwrap();
        }
    };
    for (window_log, expected) in [(27, "x"), (31, "")] {
        let folder = input("window.json.zst", |file| write(file, window_log));
        let ended = limited(&folder);
        assert_eq!(ended.code, 1, "{}", ended.said);
        let is_shown = ended.said.contains("such as `x");
        assert_eq!(is_shown, !expected.is_empty(), "{}", ended.said);
    }
}

#[test]
fn long_texts_are_an_error_that_says_how_much_would_do() {
    for key in ["messageId", "anonymousId", "event"] {
        let folder = input("long.json", |file| {
            for row in 0..2000 {
                let text = format!("{row:06}{}", "x".repeat(LONG));
                file.write_all(track(row, key, &text).as_bytes()).unwrap();
            }
        });
        assert_names_a_limit(&limited(&folder));
    }
}

#[test]
fn a_name_of_many_megabytes_and_a_header_of_commas_take_little() {
    let folder = input("name.json", |file| {
        file.write_all(track(0, "event", &"x".repeat(60_000_000)).as_bytes()).unwrap();
        file.write_all(track(1, "event", "e").as_bytes()).unwrap();
    });
    let ended = limited(&folder);
    assert_eq!(ended.code, 0, "{}", ended.said);
    assert_eq!(manifest(&folder.path().join("limited"))["rejects"]["name_too_long"], 1);
    let folder = input("commas.csv", |file| file.write_all(&vec![b','; 24 << 20]).unwrap());
    let ended = limited(&folder);
    assert!(
        ended.code == 2 && ended.said.contains("the first line of `in/commas.csv` is longer"),
        "{}",
        ended.said
    );
}

/// A row group had 131,072 rows, however long their texts were.
#[test]
fn rejects_with_long_texts_take_no_more() {
    let folder = input("long.json", |file| {
        for row in 0..300 {
            let text = format!("{row:06}{}", "x".repeat(LONG * 2));
            let columns =
                ["messageId", "anonymousId", "userId", "event"].map(|key| format!("\"{key}\":\"{text}\""));
            writeln!(file, "{{\"type\":\"track\",\"timestamp\":\"-\",{}}}", columns.join(",")).unwrap();
        }
    });
    let ended = limited(&folder);
    assert_eq!(ended.code, 1, "{}", ended.said);
    assert_eq!(manifest(&folder.path().join("limited"))["rejects"]["id_too_long"], 300);
}
