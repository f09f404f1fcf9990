//! Objects of a store that change between runs: an object is known by its tag and size, and by its content where those differ.

use super::support::{ended, line, manifest, tracklet};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use tempfile::TempDir;

/// A bucket called `shop`, served as S3 does, with whatever tags a test wants.
#[derive(Clone, Default)]
struct Bucket(Arc<Mutex<Objects>>);

#[derive(Default)]
struct Objects {
    /// Content and tag by key.
    stored: BTreeMap<String, (Vec<u8>, String)>,
    /// Keys that were fetched, in order.
    fetched: Vec<String>,
}

impl Bucket {
    /// Answers on a free port until the program of the tests ends.
    fn serve(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let bucket = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let bucket = bucket.clone();
                thread::spawn(move || bucket.answer(stream));
            }
        });
        port
    }

    fn put(&self, key: &str, text: &str, tag: &str) {
        let mut objects = self.0.lock().unwrap();
        objects.stored.insert(key.to_owned(), (text.as_bytes().to_vec(), format!("\"{tag}\"")));
    }

    fn remove(&self, key: &str) {
        self.0.lock().unwrap().stored.remove(key).unwrap();
    }

    /// What was fetched since the last call, by name: threads fetch in any order.
    fn fetched(&self) -> Vec<String> {
        let mut fetched = std::mem::take(&mut self.0.lock().unwrap().fetched);
        fetched.sort();
        fetched
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read_exact(&mut byte).is_err() {
                return;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let mut objects = self.0.lock().unwrap();
        let (status, about, body) = if let Some((_, query)) = path.split_once('?') {
            ("200 OK", String::new(), objects.list(query))
        } else {
            let key = path.strip_prefix("/shop/").unwrap_or_default().replace("%3D", "=");
            let found = objects.stored.get(&key).cloned();
            if method == "GET" {
                objects.fetched.push(key);
            }
            match found {
                None => ("404 Not Found", String::new(), Vec::new()),
                Some((text, tag)) => {
                    let about = format!("etag: {tag}\r\nlast-modified: Sun, 04 Jan 2026 10:00:00 GMT\r\n");
                    ("200 OK", about, text)
                }
            }
        };
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\n{about}content-length: {length}\r\nconnection: close\r\n\r\n");
        let body = if method == "HEAD" { &[][..] } else { &body };
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    }
}

impl Objects {
    fn list(&self, query: &str) -> Vec<u8> {
        let prefix = query.split('&').find_map(|part| part.strip_prefix("prefix=")).unwrap_or_default();
        let prefix = prefix.replace("%2F", "/");
        let entries = self.stored.iter().filter(|(key, _)| key.starts_with(&prefix));
        let entries: String = entries
            .map(|(key, (text, tag))| {
                format!(
                    "<Contents><Key>{key}</Key><Size>{}</Size><ETag>{tag}</ETag>\
                     <LastModified>2026-01-04T10:00:00.000Z</LastModified></Contents>",
                    text.len()
                )
            })
            .collect();
        format!("<ListBucketResult><Name>shop</Name>{entries}</ListBucketResult>").into_bytes()
    }
}

fn event(name: &str, minute: u32) -> String {
    line(name, "a", &format!("2026-01-01T10:{minute:02}:00Z"))
}

/// The bucket and a folder to work in.
fn with_objects(objects: &[(&str, &str, &str)]) -> (Bucket, u16, TempDir) {
    let bucket = Bucket::default();
    for (key, text, tag) in objects {
        bucket.put(key, text, tag);
    }
    let port = bucket.serve();
    (bucket, port, tempfile::tempdir().unwrap())
}

fn with_store(command: &mut Command, port: u16) -> &mut Command {
    command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")).env("AWS_ALLOW_HTTP", "true");
    command.env("AWS_REGION", "r").env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "secret")
}

fn run(folder: &Path, port: u16, url: &str, more: &[&str]) -> (i32, String) {
    let arguments = [&["run", url][..], more].concat();
    ended(with_store(&mut tracklet(folder, &arguments), port))
}

/// Where the rows of all runs went: read, sessionized, duplicates.
fn rows(folder: &Path) -> [u64; 3] {
    let rows = manifest(&folder.join("out"))["rows"].clone();
    ["read", "sessionized", "duplicates"].map(|key| rows[key].as_u64().unwrap())
}

#[test]
fn an_object_is_known_by_its_tag_or_else_by_its_content() {
    let (bucket, port, folder) =
        with_objects(&[("logs/a.json", &event("a", 1), "tag-1"), ("logs/b.json", &event("b", 2), "tag-2")]);
    let at = folder.path();
    let url = "s3://shop/logs/";
    let (code, said) = run(at, port, url, &[]);
    assert_eq!((code, rows(at)), (0, [2, 2, 0]), "{said}");
    assert_eq!(bucket.fetched().len(), 2);
    // The same tag: it is not read again.
    let (code, said) = run(at, port, url, &[]);
    assert!(code == 0 && said.contains("no new files"), "{said}");
    assert!(bucket.fetched().is_empty());
    // Another tag of the same content, as a copy with other encryption or parts has it: looked at, and the same input.
    bucket.put("logs/a.json", &event("a", 1), "tag-3");
    let (code, said) = run(at, port, url, &[]);
    assert!(code == 0 && said.contains("no new files"), "{said}");
    assert_eq!(bucket.fetched(), ["logs/a.json"]);
    bucket.put("logs/c.json", &event("c", 3), "tag-4");
    assert_eq!((run(at, port, url, &[]).0, rows(at)), (0, [3, 3, 0]));
    bucket.fetched();
    // By then the new tag is known.
    assert!(run(at, port, url, &[]).1.contains("no new files"));
    assert!(bucket.fetched().is_empty());
    // A tag made of the content is the same under another name.
    bucket.put("logs/d.json", &event("d", 4), "0123456789abcdef0123456789abcdef");
    assert_eq!((run(at, port, url, &[]).0, rows(at)), (0, [4, 4, 0]));
    bucket.remove("logs/d.json");
    bucket.put("logs/moved.json", &event("d", 4), "0123456789abcdef0123456789abcdef");
    bucket.fetched();
    let (code, said) = run(at, port, url, &[]);
    assert!(code == 0 && said.contains("no new files") && !said.contains("gone"), "{said}");
    assert!(bucket.fetched().is_empty());
}

#[test]
fn an_object_that_changed_is_an_error_that_offers_what_can_be_done() {
    let (bucket, port, folder) = with_objects(&[("logs/a.json", &event("a", 1), "tag-1")]);
    let at = folder.path();
    let url = "s3://shop/logs/";
    assert_eq!(run(at, port, url, &[]).0, 0);
    // Of the same size and of another.
    for (text, tag) in [(event("x", 1), "tag-2"), (event("longer", 1), "tag-3")] {
        bucket.put("logs/a.json", &text, tag);
        let (code, said) = run(at, port, url, &[]);
        assert_eq!(code, 2, "{said}");
        for expected in
            ["`s3://shop/logs/a.json` changed since it was read", "--changed reread", "--changed keep"]
        {
            assert!(said.contains(expected), "{said}");
        }
        assert_eq!(rows(at), [1, 1, 0]);
    }
    assert_eq!((run(at, port, url, &["--changed", "keep"]).0, rows(at)), (0, [1, 1, 0]));
    bucket.fetched();
    assert!(run(at, port, url, &[]).1.contains("no new files"));
    assert!(bucket.fetched().is_empty());
    bucket.put("logs/a.json", &event("y", 5), "tag-4");
    assert_eq!((run(at, port, url, &["--changed", "reread"]).0, rows(at)), (0, [2, 2, 0]));
    assert!(run(at, port, url, &[]).1.contains("no new files"));
    // It grows: the new part alone is read.
    bucket.put("logs/a.json", &format!("{}\n{}\n", event("y", 5), event("z", 6)), "tag-5");
    let (code, said) = run(at, port, url, &[]);
    assert_eq!((code, rows(at)), (0, [3, 3, 0]), "{said}");
    assert_eq!(manifest(&at.join("out"))["new"]["rows"]["read"], 1);
}

// A pattern, or a URL with a password, did not count as naming what it had found: a rebuild then looked for the object.
#[test]
fn an_object_that_is_gone_keeps_its_rows_whatever_named_it() {
    for url in ["s3://shop/logs", "s3://shop/logs/*.json", "s3://id:secret@shop/logs/"] {
        let (bucket, port, folder) = with_objects(&[
            ("logs/a.json", &event("a", 1), "tag-1"),
            ("logs/b.json", &event("b", 2), "tag-2"),
        ]);
        let at = folder.path();
        assert_eq!(run(at, port, url, &[]).0, 0);
        bucket.remove("logs/b.json");
        let (code, said) = run(at, port, url, &[]);
        assert!(
            code == 0 && said.contains("no new files") && said.contains("1 file that is gone"),
            "{url}: {said}"
        );
        bucket.put("logs/c.json", &event("c", 3), "tag-3");
        assert_eq!((run(at, port, url, &[]).0, rows(at)), (0, [3, 3, 0]), "{url}");
        assert_eq!(manifest(&at.join("out"))["gone"], 1, "{url}");
        fs::write(at.join("tracklet.toml"), "[source]\nwhere = \"event = 'viewed'\"\n").unwrap();
        let (code, said) = run(at, port, url, &[]);
        assert!(code == 0 && said.contains("can't be read again: all rows stay"), "{url}: {said}");
        assert_eq!(rows(at), [3, 3, 0]);
        let (code, said) = run(at, port, url, &["--full-refresh"]);
        assert!(
            code == 2 && said.contains("`s3://shop/logs/b.json` (1 row)") && said.contains("--yes"),
            "{url}: {said}"
        );
        assert!(!said.contains("secret"), "{said}");
        assert_eq!((run(at, port, url, &["--full-refresh", "--yes"]).0, rows(at)), (0, [2, 2, 0]), "{url}");
    }
}

// What stands behind a `?` was taken for a query, and cut off.
#[test]
fn marks_of_queries_are_those_of_patterns() {
    let (bucket, port, folder) = with_objects(&[
        ("logs/day=1/a.json", &event("a", 1), "1"),
        ("logs/day=2/b.json", &event("b", 2), "2"),
        ("logs/day=12/c.json", &event("c", 3), "3"),
        ("logs/day=1/a.csv", "id", "4"),
    ]);
    let at = folder.path();
    let (code, said) = run(at, port, "s3://shop/logs/day=?/?.json", &[]);
    assert_eq!((code, rows(at)), (0, [2, 2, 0]), "{said}");
    assert_eq!(bucket.fetched(), ["logs/day=1/a.json", "logs/day=2/b.json"]);
    // A query that signs the URL is none of the pattern.
    let (code, said) = run(at, port, "s3://shop/logs/day=1?/c.json?X-Amz-Signature=abc&X-Amz-Date=1", &[]);
    assert_eq!((code, rows(at)), (0, [3, 3, 0]), "{said}");
    assert!(!said.contains("abc"), "{said}");
}

// The error named the environment alone, and the credentials stood in a file.
#[test]
fn the_files_of_the_aws_command_line_are_said_to_be_not_read() {
    let (_bucket, port, folder) = with_objects(&[]);
    let home = folder.path();
    fs::create_dir(home.join(".aws")).unwrap();
    let store = |profile: &str| {
        let mut command = tracklet(home, &["run", "s3://shop/logs/"]);
        with_store(&mut command, port).env("HOME", home).env("AWS_PROFILE", profile);
        // The machine's own credentials are asked for where there are no others.
        command
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .env_remove("AWS_SESSION_TOKEN");
        command.env("AWS_METADATA_ENDPOINT", format!("http://127.0.0.1:{port}"));
        ended(&mut command)
    };
    let (code, said) = store("");
    assert!(code == 2 && said.contains("AWS_ACCESS_KEY_ID") && !said.contains("~/.aws"), "{said}");
    fs::write(home.join(".aws/credentials"), "[default]\naws_access_key_id = id\n").unwrap();
    let (code, said) = store("");
    let export =
        |profile: &str| format!("eval \"$(aws configure export-credentials{profile} --format env)\"");
    assert!(code == 2 && said.contains("~/.aws and AWS_PROFILE are not read"), "{said}");
    assert!(said.contains(&export("")), "{said}");
    let (code, said) = store("shop");
    assert!(code == 2 && said.contains(&export(" --profile 'shop'")), "{said}");
}
