//! S3, read and written, against a real local server: `moto`, run by the Python of `TRACKLET_TEST_PYTHON`.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use object_store::ObjectStoreExt;
use object_store::aws::AmazonS3Builder;
use parquet::arrow::ArrowWriter;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs};
use tracklet_analysis::Queries;
use tracklet_analysis::export::{FileTarget, to_file};
use tracklet_display::error::Hint;
use tracklet_kernel::event_type::EventTypes;
use tracklet_native::read::inputs::{InputError, discover};
use tracklet_native::read::{
    Format, NoRowFilters, Options, Quiet, ReadError, Source, Strictness, inspect, read_all,
};
use tracklet_native::results::Formulas;

const SECRET: &str = "a-secret-that-no-message-may-show";

/// A server that ends with the test.
struct Moto {
    process: Child,
    port: u16,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Moto {
    /// Starts the server on a free port and waits until it answers.
    fn start(python: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = free.expect("a free port").port();
        let process = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("TRACKLET_TEST_PYTHON runs");
        let mut moto = Self { process, port };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = moto.process.try_wait().expect("a child");
            assert!(ended.is_none(), "moto ended: {ended:?}; is moto[server] installed?");
            assert!(start.elapsed() < Duration::from_mins(1), "moto does not answer");
            sleep(Duration::from_millis(100));
        }
        moto
    }

    fn put(&self, path: &str, body: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it answers");
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("into memory")
}

fn line(id: &str) -> String {
    format!(
        "{{\"type\":\"track\",\"messageId\":\"{id}\",\"userId\":\"u\",\"timestamp\":\"2026-01-04T10:00:00Z\"}}\n"
    )
}

fn names(urls: &[&str]) -> Result<Vec<String>, InputError> {
    let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
    Ok(discover(&urls, None, EventTypes::default())?.files.into_iter().map(|file| file.name).collect())
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("a folder").next().is_none()
}

#[test]
fn objects_are_listed_fetched_and_read() {
    let Ok(python) = env::var("TRACKLET_TEST_PYTHON") else {
        assert!(env::var("TRACKLET_REQUIRE_ALL").is_err(), "TRACKLET_TEST_PYTHON is not set");
        println!("skipped: TRACKLET_TEST_PYTHON is not set");
        return;
    };
    let moto = Moto::start(&python);
    // SAFETY: this is the only test of the program and no thread of it reads the environment yet.
    unsafe {
        env::set_var("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", moto.port));
        env::set_var("AWS_ALLOW_HTTP", "true");
        env::set_var("AWS_REGION", "us-east-1");
        env::set_var("AWS_ACCESS_KEY_ID", "testing");
        env::set_var("AWS_SECRET_ACCESS_KEY", SECRET);
    }
    moto.put("/shop", b"");
    let logs = "/shop/p/rudder-logs/src";
    moto.put(&format!("{logs}/2026-01-04/1.json.gz"), &gzip(&(line("1") + &line("2"))));
    moto.put(&format!("{logs}/2026-01-05/2.json.gz"), &gzip(&line("3"))[..30]);
    moto.put(&format!("{logs}/2026-01-05/_temporary/3.json.gz"), b"");
    moto.put("/shop/p/notes.txt", b"");
    moto.put("/shop/p/table.csv", b"id,user_id,timestamp\n4,u,2026-01-04T10:00:00Z\n");
    moto.put("/shop/other/5.json", line("5").as_bytes());

    let first = "s3://shop/p/rudder-logs/src/2026-01-04/1.json.gz";
    let second = "s3://shop/p/rudder-logs/src/2026-01-05/2.json.gz";
    let table = "s3://shop/p/table.csv";
    assert_eq!(names(&["s3://shop/p"]).expect("a prefix"), [first, second, table]);
    assert_eq!(names(&["s3://shop/p/"]).expect("a prefix"), [first, second, table]);
    assert_eq!(names(&["s3://shop"]).expect("a bucket").len(), 4);
    assert_eq!(names(&[first, "s3://shop/p/rudder-logs/*/2026-01-04/*"]).expect("a pattern"), [first]);
    assert_eq!(names(&["s3://shop/p/**/*.gz"]).expect("a pattern"), [first, second]);
    // Only whole names count: `rudder` is no folder.
    assert!(matches!(names(&["s3://shop/p/rudder"]), Err(InputError::Missing { .. })));
    assert!(matches!(names(&["s3://shop/p/*.json"]), Err(InputError::NoMatch { .. })));
    assert!(matches!(names(&["s3://shop/p/notes.txt"]), Err(InputError::UnknownFormat { .. })));
    let error = names(&[&format!("s3://user:{SECRET}@no-such-bucket/p")]).expect_err("there is none");
    let message =
        format!("{error} {error:?} {:?}", std::error::Error::source(&error).map(ToString::to_string));
    assert!(!message.contains(SECRET), "{message}");

    let inputs = discover(&["s3://shop/p".to_owned()], None, EventTypes::default()).expect("a prefix");
    assert_eq!(inputs.ignored, ["s3://shop/p/notes.txt"]);
    assert!(inputs.files.iter().all(|file| file.etag.is_some() && file.modified.is_some() && file.size > 0));
    let folder = tempfile::tempdir().expect("a folder");
    let threads = NonZeroUsize::new(2).expect("not 0");
    let options = Options {
        threads,
        strictness: Strictness::Lenient,
        temporary: folder.path(),
        filters: &NoRowFilters,
        first_rows: None,
    };
    let read = read_all(&inputs.files, &Source::default(), &options, &Quiet).expect("a lenient read");
    let rows: Vec<(u64, u64)> = read.files.iter().map(|file| (file.rows, file.rejected)).collect();
    assert_eq!(rows, [(2, 0), (1, 1), (1, 0)]);
    assert_eq!(read.rejects[0].source_file, second);
    assert!(is_empty(folder.path()), "temporary files are deleted");

    let found = inspect(&inputs.files, folder.path()).expect("they can be read");
    assert_eq!(found.formats.len(), 2);
    assert!(is_empty(folder.path()));

    let strict = Options { strictness: Strictness::Strict, ..options };
    let error = read_all(&inputs.files, &Source::default(), &strict, &Quiet).expect_err("one is cut");
    assert!(matches!(&error, ReadError::Rejected { file, .. } if file == second), "{error}");
    assert!(is_empty(folder.path()));

    odd_keys_and_names(&moto);
    tables_of_a_bucket(&moto);
    tables_become_objects();
}

/// Keys that object stores have and file systems don't, and names that look like a signature.
fn odd_keys_and_names(moto: &Moto) {
    let good = ["a.json", "b c.json", "%C3%A4.json", "e%2Bf.json", "day=01/g.json", "h%25.json"];
    let odd = ["x//y.json", "z%01.json"];
    for key in good.iter().chain(&odd) {
        moto.put(&format!("/shop/odd/{key}").replace(' ', "%20"), line("1").as_bytes());
    }
    let inputs = discover(&["s3://shop/odd".to_owned()], None, EventTypes::default()).expect("a prefix");
    assert_eq!(inputs.files.len(), good.len() + odd.len(), "{:?}", inputs.files);
    let folder = tempfile::tempdir().expect("a folder");
    let threads = NonZeroUsize::new(2).expect("not 0");
    let options = Options {
        threads,
        strictness: Strictness::Lenient,
        temporary: folder.path(),
        filters: &NoRowFilters,
        first_rows: None,
    };
    let read = read_all(&inputs.files, &Source::default(), &options, &Quiet).expect("a lenient read");
    let rejected: Vec<&str> = read.rejects.iter().map(|reject| reject.source_file.as_str()).collect();
    assert_eq!(rejected, ["s3://shop/odd/x//y.json", "s3://shop/odd/z\u{1}.json"]);
    let tracks: u64 = read.files.iter().map(|file| file.rows - file.rejected).sum();
    assert_eq!(tracks, good.len() as u64);
    assert_eq!(names(&["s3://shop/odd/day=0?/*.json"]).expect("a pattern"), ["s3://shop/odd/day=01/g.json"]);
    let error = names(&["s3://no-such-bucket/p"]).expect_err("there is none");
    assert!(error.hint().is_some_and(|hint| hint.contains("no bucket of this name")), "{:?}", error.hint());
}

/// Tables with a log, a lake's tables, and files without an extension.
fn tables_of_a_bucket(moto: &Moto) {
    let table = "id,user_id,timestamp\n1,u,2026-01-04T10:00:00Z\n";
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let batch = RecordBatch::try_from_iter([("id", column)]).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let parquet = writer.into_inner().unwrap();
    moto.put("/shop/delta/tracks/_delta_log/0.json", b"");
    moto.put("/shop/delta/tracks/day=1/a.parquet", &parquet);
    for url in [
        "s3://shop/delta",
        "s3://shop/delta/tracks/day=1",
        "s3://shop/delta/tracks/day=1/a.parquet",
        "s3://shop/delta/*/day=1/*",
    ] {
        let error = names(&[url]).expect_err("a table with a log");
        assert!(
            matches!(&error, InputError::TableFormat { table, .. } if table == "s3://shop/delta/tracks"),
            "{url}: {error}"
        );
    }
    for name in ["tracks", "pages", "signup"] {
        moto.put(&format!("/shop/lake/ns/{name}/2026/01/04/10/a.csv"), table.as_bytes());
    }
    let inputs = discover(&["s3://shop/lake".to_owned()], None, EventTypes::default()).expect("a lake");
    assert_eq!((inputs.files.len(), inputs.notes.len()), (1, 1), "{:?}", inputs.notes);
    moto.put("/shop/athena/20260104_1", &parquet);
    moto.put("/shop/athena/20260104_2", table.as_bytes());
    moto.put("/shop/athena/manifest", b"{}");
    let inputs = discover(&["s3://shop/athena".to_owned()], None, EventTypes::default()).expect("two files");
    let formats: Vec<Format> = inputs.files.iter().map(|file| file.format).collect();
    assert_eq!(formats, [Format::Parquet, Format::Csv]);
}

/// What an object of the bucket `shop` holds.
fn content(key: &str) -> Vec<u8> {
    let store = AmazonS3Builder::from_env().with_bucket_name("shop").build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bytes = async { store.get(&key.into()).await.unwrap().bytes().await.unwrap() };
    runtime.block_on(bytes).to_vec()
}

/// Tables as objects: one small enough for a single request, one in parts, and a bucket that is not there.
fn tables_become_objects() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("snapshots/000001/numbers");
    fs::create_dir_all(&table).unwrap();
    let numbers = Int64Array::from_iter_values(0..600_000);
    let texts = StringArray::from_iter_values((0..600_000).map(|number| format!("{number:032}")));
    let columns: [(&str, ArrayRef); 2] = [("number", Arc::new(numbers)), ("text", Arc::new(texts))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = fs::File::create(table.join("all.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    std::os::unix::fs::symlink("snapshots/000001", folder.path().join("current")).unwrap();
    let results = Queries::open(folder.path()).unwrap();
    let export = |to: &str, filter: Option<&str>| {
        to_file(&results, "numbers", filter, &FileTarget::meant(to, 1, None).unwrap(), Formulas::Kept)
    };
    let done = export("s3://key:secret@shop/export/few.csv", Some("number < 2")).unwrap();
    assert_eq!((done.to.as_str(), done.rows), ("s3://shop/export/few.csv", 2));
    let few = format!("number,text\n0,{:032}\n1,{:032}\n", 0, 1);
    assert_eq!(content("export/few.csv"), few.as_bytes());
    // 33 MB: two parts and a rest.
    let done = export("s3://shop/export/many.jsonl", None).unwrap();
    assert_eq!(done.rows, 600_000);
    let many = content("export/many.jsonl");
    assert!(many.len() > 2 * (16 << 20), "{}", many.len());
    let wanted = (0..600_000).map(|number| format!("{{\"number\":{number},\"text\":\"{number:032}\"}}\n"));
    assert!(many == wanted.collect::<String>().as_bytes());
    let error = export("s3://key:secret@nowhere/a.csv", None).unwrap_err();
    assert_eq!(error.to_string(), "cannot write `s3://nowhere/a.csv`");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("NoSuchBucket") && !cause.contains(SECRET), "{cause}");
}
