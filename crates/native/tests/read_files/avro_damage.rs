//! Damaged Avro: never a panic out of the reader, never rows that silently vanish.

use super::avro::{MARKER, USUAL, avro, long, row, table};
use super::support::{Files, outcome, tracks};
use tracklet_native::read::{ReadError, Source, Strictness};

const ROWS: u64 = 60;

/// A file of one changed byte either is read as the rows it claims, or has a reject.
fn check(files: &Files, bytes: &[u8], what: &str) {
    files.write("a.avro", bytes);
    match files.try_read(&Source::default(), Strictness::Lenient) {
        Ok(read) => {
            let tracks = tracks(&read);
            assert!(tracks == ROWS || !read.rejects.is_empty(), "{what}: {tracks} rows and no reject");
            assert!(tracks <= ROWS, "{what}");
        }
        // The byte was in a column's name.
        Err(ReadError::MissingColumn { .. }) => {}
        Err(error) => panic!("{what}: {error}"),
    }
}

#[test]
fn a_changed_byte_anywhere() {
    for codec in ["null", "deflate", "snappy", "zstandard"] {
        let files = Files::new();
        let whole = table(ROWS as usize, 20, codec);
        for at in 0..whole.len() {
            // One change a byte keeps the test short; what changes differs from byte to byte.
            let flip = [0x01, 0x80, 0xFF][at % 3];
            let mut damaged = whole.clone();
            damaged[at] ^= flip;
            check(&files, &damaged, &format!("{codec}: byte {at} of {} ^ {flip:#x}", whole.len()));
        }
    }
}

#[test]
fn a_file_cut_anywhere_keeps_its_whole_blocks() {
    let files = Files::new();
    let whole = table(ROWS as usize, 20, "deflate");
    let ends: Vec<usize> =
        memchr::memmem::find_iter(&whole, MARKER).map(|place| place + MARKER.len()).collect();
    assert_eq!(ends.len(), 4);
    for length in 0..whole.len() {
        files.write("a.avro", &whole[..length]);
        let read = files.read();
        let expected = match ends.iter().filter(|end| **end <= length).count() as u64 {
            0 => (0, 0, vec![(None, "unreadable")]),
            // A cut between blocks is none that could be seen.
            blocks if ends.contains(&length) => (20 * (blocks - 1), 0, vec![]),
            blocks => (20 * (blocks - 1), 0, vec![(Some(20 * (blocks - 1) + 1), "unreadable")]),
        };
        assert_eq!(outcome(&read), expected, "cut at {length}");
    }
}

#[test]
fn a_damaged_block_rejects_its_rows_and_no_other() {
    const ROWS_OF_BLOCK: usize = 3_000;
    const MANY: usize = 6 * ROWS_OF_BLOCK;
    for codec in ["deflate", "snappy", "zstandard"] {
        let files = Files::new();
        let whole = table(MANY, ROWS_OF_BLOCK, codec);
        let ends: Vec<usize> = memchr::memmem::find_iter(&whole, MARKER).collect();
        for block in [0, 2, 5] {
            let mut bytes = whole.clone();
            // The compressed bytes start behind the marker and two numbers. Within them Zstandard would notice nothing.
            let damaged = ends[block] + MARKER.len() + 6;
            bytes[damaged..damaged + 100].fill(0xFF);
            files.write("a.avro", &bytes);
            let read = files.read();
            let rows: Vec<u64> =
                read.rejects.iter().map(|reject| reject.row_number.expect("a row")).collect();
            let first = (block * ROWS_OF_BLOCK) as u64 + 1;
            let last = first + ROWS_OF_BLOCK as u64 - 1;
            assert!(rows.iter().copied().eq(first..=last), "{codec}, block {block}: {} rows", rows.len());
            assert!(read.rejects.iter().all(|reject| reject.reason.as_str() == "unreadable"));
            assert_eq!(tracks(&read), (MANY - ROWS_OF_BLOCK) as u64);
            let error = files.try_read(&Source::default(), Strictness::Strict).expect_err("it is strict");
            assert!(matches!(error, ReadError::Rejected { row: Some(at), .. } if at == first), "{error}");
        }
    }
}

#[test]
fn behind_a_damaged_marker_reading_goes_on_at_the_next() {
    let files = Files::new();
    let mut bytes = table(100, 20, "deflate");
    let marker = memchr::memmem::find_iter(&bytes, MARKER).nth(2).expect("the second block");
    bytes[marker] ^= 1;
    files.write("a.avro", &bytes);
    // The second block, and the third, whose start is not known.
    assert_eq!(outcome(&files.read()), (60, 0, vec![(Some(21), "unreadable")]));
}

// The decoder goes round for ever where a block has bytes behind its rows, or items that take none.
#[test]
fn blocks_that_say_what_they_do_not_have_end() {
    let files = Files::new();
    let rows: Vec<Vec<u8>> = (1..=3).map(row).collect();
    let with = |rows_said: i64, block: Vec<u8>| {
        let mut bytes = avro(&USUAL, "null", &[]);
        bytes.extend([long(rows_said), long(block.len() as i64), block, MARKER.to_vec()].concat());
        bytes
    };
    for (bytes, rejects) in [
        (with(2, rows.concat()), 2),
        (with(4, rows.concat()), 4),
        (with(0, rows.concat()), 1),
        (with(1 << 60, rows.concat()), 1),
        (with(3, [rows.concat(), vec![0]].concat()), 3),
    ] {
        files.write("a.avro", &bytes);
        let read = files.read();
        assert_eq!((tracks(&read), read.rejects.len()), (0, rejects));
    }
    let nothing =
        avro(&[("id", "\"null\""), ("timestamp", "\"null\""), ("user_id", "\"null\"")], "null", &[]);
    files.write("a.avro", [nothing, long(1 << 60), long(0), MARKER.to_vec()].concat());
    assert_eq!(files.read().rejects.len(), 1);
}

#[test]
fn files_that_are_something_else() {
    let files = Files::new();
    files.write("a.avro", "");
    files.write("b.avro", "id,timestamp\n1,2\n");
    files.write("c.avro", [0; 5000]);
    files.write("d.avro", table(ROWS as usize, 20, "null"));
    assert_eq!(outcome(&files.read()), (ROWS, 0, vec![(None, "unreadable"); 3]));
}
