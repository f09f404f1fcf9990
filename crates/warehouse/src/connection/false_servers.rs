//! Servers that don't do what a server should, for tests: each on a port of its own, with a thread for every connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Longer than any test's patience, so that a client that waits for ever fails its test and not the whole suite.
const LIMIT: Duration = Duration::from_secs(30);

/// A server on this machine. Its threads end with the connections that they serve.
pub(crate) struct FalseServer {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
}

impl FalseServer {
    /// Does `serve` with every connection, which has a number from 0.
    pub(crate) fn start(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counted, serve) = (Arc::clone(&connections), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (number, serve) = (counted.fetch_add(1, Ordering::SeqCst), Arc::clone(&serve));
                thread::spawn(move || serve(number, stream));
            }
        });
        Self { port, connections }
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Says nothing until the client goes.
pub(crate) fn silent(mut stream: TcpStream) {
    let mut unread = [0; 4096];
    while stream.read(&mut unread).is_ok_and(|read| read > 0) {}
}

/// Says a byte every millisecond until the client goes.
pub(crate) fn trickle(mut stream: TcpStream, bytes: &[u8]) {
    for byte in bytes.iter().cycle() {
        if stream.write_all(&[*byte]).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Reads the head of an HTTP request and the body that it announces.
pub(crate) fn request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().ok())?
    });
    let mut body = vec![0; usize::try_from(length.unwrap_or(0)).ok()?];
    stream.read_exact(&mut body).ok()?;
    Some(head)
}

/// Answers an HTTP request; `more` is further lines of the head.
pub(crate) fn respond(stream: &mut TcpStream, status: &str, more: &str, body: &str) {
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 {status}\r\n{more}content-length: {length}\r\n\r\n{body}");
}

/// What `work` gives; it must not wait for ever.
pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.expect("the client waits for ever")
}
