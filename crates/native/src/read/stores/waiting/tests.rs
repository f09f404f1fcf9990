//! False servers in the place of an object store.

use super::super::false_servers::{FalseServer, request, silent, trickle};
use super::{Connector, OddKeys, Waiting};
use crate::read::remote::{FetchError, Object, RemoteError, Store, head, list_in};
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tempfile::NamedTempFile;

/// Short, where nothing is to come.
const SILENT: Waiting = Waiting { idle: Duration::from_millis(200), repeat: Duration::from_secs(2) };
/// Long enough for what is to come on a busy machine, and nothing is repeated by the client itself.
const ANSWERING: Waiting = Waiting { idle: Duration::from_secs(2), repeat: Duration::ZERO };
const SECRET: &str = "a-secret-that-no-message-may-show";

fn connector(waiting: Waiting) -> Connector {
    Connector { keys: OddKeys::default(), waiting }
}

fn s3(server: &FalseServer, waiting: Waiting) -> Box<dyn ObjectStore> {
    let builder = AmazonS3Builder::new()
        .with_endpoint(format!("http://user:{SECRET}@127.0.0.1:{}", server.port))
        .with_allow_http(true)
        .with_bucket_name("shop")
        .with_region("r")
        .with_access_key_id("id")
        .with_secret_access_key(SECRET);
    let builder = builder.with_http_connector(connector(waiting)).with_retry(waiting.retries());
    Box::new(builder.build().unwrap())
}

fn gcs(server: &FalseServer, waiting: Waiting) -> Box<dyn ObjectStore> {
    let account = format!(
        r#"{{"gcs_base_url":"http://127.0.0.1:{}","disable_oauth":true,"client_email":"","private_key":"","private_key_id":""}}"#,
        server.port
    );
    let builder = GoogleCloudStorageBuilder::new().with_bucket_name("shop").with_service_account_key(account);
    let builder = builder.with_client_options(object_store::ClientOptions::new().with_allow_http(true));
    let builder = builder.with_http_connector(connector(waiting)).with_retry(waiting.retries());
    Box::new(builder.build().unwrap())
}

fn azure(server: &FalseServer, waiting: Waiting) -> Box<dyn ObjectStore> {
    let builder = MicrosoftAzureBuilder::new()
        .with_endpoint(format!("http://127.0.0.1:{}", server.port))
        .with_allow_http(true)
        .with_container_name("shop")
        .with_account("account")
        .with_access_key("c2VjcmV0");
    let builder = builder.with_http_connector(connector(waiting)).with_retry(waiting.retries());
    Box::new(builder.build().unwrap())
}

/// What `work` gives; it must not wait for ever.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || send.send(work()));
    receive.recv_timeout(Duration::from_secs(30)).expect("the client waits for ever")
}

fn store(client: Box<dyn ObjectStore>) -> Arc<Store> {
    Arc::new(Store::new(client, OddKeys::default()).unwrap())
}

/// The error of listing a prefix.
fn listing(client: Box<dyn ObjectStore>) -> RemoteError {
    let store = store(client);
    in_time(move || list_in(&store, "s3://shop", "logs/").map(|_| ()).unwrap_err())
}

/// What comes of fetching an object.
fn fetched(server: &FalseServer) -> Result<NamedTempFile, RemoteError> {
    let store = store(s3(server, ANSWERING));
    in_time(move || {
        let object: Object = head(&store, "s3://shop", "a.json")?.expect("an object");
        object.fetch(&std::env::temp_dir()).map_err(|error| match error {
            FetchError::Remote(error) => error,
            FetchError::Temporary(error) => panic!("{error}"),
        })
    })
}

/// The error of fetching an object whose bytes come so after a head that announces them.
fn stalled(body: impl Fn(TcpStream) + Send + Sync + 'static) -> RemoteError {
    let server = FalseServer::start(move |_, mut stream| {
        let Some(head) = request(&mut stream) else { return };
        let about = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1000000000\r\netag: \"e\"\r\n\
                     last-modified: Sun, 04 Jan 2026 10:00:00 GMT\r\n\r\n";
        let _ = stream.write_all(about.as_bytes());
        if head.starts_with("GET") {
            body(stream);
        }
    });
    fetched(&server).map(|_| ()).unwrap_err()
}

#[test]
fn a_store_that_accepts_and_says_nothing_ends_in_time() {
    for (vendor, client) in [("s3", s3 as fn(&FalseServer, Waiting) -> _), ("gs", gcs), ("az", azure)] {
        let server = FalseServer::start(|_, stream| silent(stream));
        let error = listing(client(&server, SILENT));
        let (message, url) = (error.to_string(), format!("http://127.0.0.1:{}", server.port));
        assert!(error.is_silent() && message.contains("no answer for 200ms"), "{vendor}: {message}");
        assert!(message.contains(&url) && !message.contains(SECRET), "{vendor}: {message}");
        // It was asked again, and not for ever.
        assert!((2..=11).contains(&server.connections()), "{vendor}: {}", server.connections());
    }
}

#[test]
fn a_store_that_closes_ends_in_time() {
    let server = FalseServer::start(|_, stream| drop(stream));
    let error = listing(s3(&server, SILENT));
    assert!(error.is_silent(), "{error:?}");
}

#[test]
fn an_answer_that_stalls_ends_in_time() {
    let error = stalled(|mut stream| {
        let _ = stream.write_all(b"{}");
        silent(stream);
    });
    assert!(error.is_silent() && error.to_string().contains("nothing came for 2s"), "{error}");
}

#[test]
fn an_answer_that_trickles_ends_in_time() {
    // A byte a millisecond is less than 1024 a second.
    let error = stalled(|stream| trickle(stream, b" "));
    assert!(error.is_silent() && error.to_string().contains("the answer stalled"), "{error}");
}

#[test]
fn a_head_that_trickles_ends_in_time() {
    let server = FalseServer::start(|_, mut stream| {
        request(&mut stream);
        trickle(stream, b"HTTP/1.1 200 OK\r\nx: ");
    });
    assert!(listing(s3(&server, SILENT)).is_silent());
}

#[test]
fn an_object_that_nobody_takes_ends_in_time() {
    let server = FalseServer::start(|_, stream| silent(stream));
    let client = s3(&server, SILENT);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let error = in_time(move || {
        let key = Key::from("a.csv");
        let sent = client.put(&key, PutPayload::from(vec![0; 1000]));
        RemoteError::from(runtime.block_on(sent).unwrap_err())
    });
    assert!(error.is_silent() && error.to_string().contains("no answer for"), "{error}");
}

// A download that took longer than a whole request could take, and lost its connection, ended the run.
#[test]
fn a_download_that_lost_its_connection_goes_on() {
    const SIZE: usize = 5 << 20;
    let server = FalseServer::start(move |_, mut stream| {
        let Some(head) = request(&mut stream) else { return };
        let from = head.lines().find_map(|line| {
            let range = line.to_ascii_lowercase();
            range.strip_prefix("range: bytes=")?.split('-').next()?.parse::<usize>().ok()
        });
        let start = from.unwrap_or(0);
        let (status, range) = match from {
            Some(start) => {
                ("206 Partial Content", format!("content-range: bytes {start}-{}/{SIZE}\r\n", SIZE - 1))
            }
            None => ("200 OK", String::new()),
        };
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{range}etag: \"e\"\r\n\
             last-modified: Sun, 04 Jan 2026 10:00:00 GMT\r\n\r\n",
            SIZE - start
        );
        if head.starts_with("GET") {
            let end = SIZE.min(start + (3 << 19));
            let bytes: Vec<u8> = (start..end).map(|at| (at % 251) as u8).collect();
            let _ = stream.write_all(&bytes);
        }
    });
    let file = fetched(&server).unwrap();
    let wanted: Vec<u8> = (0..SIZE).map(|at| (at % 251) as u8).collect();
    assert!(std::fs::read(file.path()).unwrap() == wanted);
}
