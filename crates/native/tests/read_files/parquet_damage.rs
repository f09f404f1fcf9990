//! Damaged Parquet: never a panic out of the reader, never rows that silently vanish.

use super::parquet::{ids, parquet, times};
use super::support::{Files, only, outcome, tracks};
use tracklet_native::read::{ReadError, Source, Strictness};

const ROWS: u64 = 60;

fn small_file() -> Vec<u8> {
    let rows = ROWS as usize;
    parquet(&[("id", ids(rows)), ("user_id", ids(rows)), ("timestamp", times(rows))], 20)
}

/// A file of one changed byte either is read as the rows it claims, or has a reject.
fn check(files: &Files, bytes: &[u8], what: &str) {
    files.write("a.parquet", bytes);
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
    let files = Files::new();
    let whole = small_file();
    for at in 0..whole.len() {
        // One change a byte keeps the test short; what changes differs from byte to byte.
        let flip = [0x01, 0x80, 0xFF][at % 3];
        let mut damaged = whole.clone();
        damaged[at] ^= flip;
        check(&files, &damaged, &format!("byte {at} of {} ^ {flip:#x}", whole.len()));
    }
}

#[test]
fn a_file_cut_anywhere_is_one_reject() {
    let files = Files::new();
    let whole = small_file();
    for length in 0..whole.len() {
        files.write("a.parquet", &whole[..length]);
        let read = files.read();
        assert_eq!(outcome(&read), (0, 0, vec![(None, "unreadable")]), "cut at {length}");
        assert_eq!(only(&read).raw, None);
    }
}

// A damaged page took the intact groups behind it along, as one rejected row.
#[test]
fn r16_a_damaged_page_rejects_the_rows_of_its_group_and_no_other() {
    const ROWS_OF_GROUP: usize = 3_000;
    const MANY: usize = 6 * ROWS_OF_GROUP;
    let files = Files::new();
    let whole =
        parquet(&[("id", ids(MANY)), ("user_id", ids(MANY)), ("timestamp", times(MANY))], ROWS_OF_GROUP);
    for place in [8, 3, 2] {
        let mut bytes = whole.clone();
        let damaged = bytes.len() / place;
        bytes[damaged..damaged + 200].fill(0xFF);
        files.write("a.parquet", &bytes);
        let read = files.read();
        let rows: Vec<u64> = read.rejects.iter().map(|reject| reject.row_number.expect("a row")).collect();
        let first = rows[0];
        assert_eq!((first - 1) % ROWS_OF_GROUP as u64, 0, "{first}");
        assert_eq!(rows, (first..first + ROWS_OF_GROUP as u64).collect::<Vec<_>>());
        assert!(read.rejects.iter().all(|reject| reject.reason.as_str() == "unreadable"));
        assert_eq!(tracks(&read), (MANY - ROWS_OF_GROUP) as u64);
        let error = files.try_read(&Source::default(), Strictness::Strict).expect_err("it is strict");
        assert!(matches!(error, ReadError::Rejected { row: Some(at), .. } if at == first), "{error}");
    }
}

#[test]
fn files_that_are_something_else() {
    let files = Files::new();
    files.write("a.parquet", "");
    files.write("b.parquet", "id,timestamp\n1,2\n");
    files.write("c.parquet", [0; 5000]);
    files.write("d.parquet", small_file());
    let read = files.read();
    assert_eq!(outcome(&read), (ROWS, 0, vec![(None, "unreadable"); 3]));
}
