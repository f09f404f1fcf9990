//! False servers: whatever they do, or don't, a command ends in time and says why.

#![expect(clippy::large_futures, reason = "each is awaited once, on a stack of its own")]

use super::{Postgres, PostgresSettings, Server};
use crate::connection::false_servers::{FalseServer, in_time, silent, trickle};
use crate::connection::{Seconds, TargetError, Warehouse as _};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::Duration;
use tracklet_display::error::with_causes;

const READY: &[u8] = b"Z\0\0\0\x05I";
const COMPLETE: &[u8] = b"C\0\0\0\x0dSELECT 1\0";

fn settings(server: &FalseServer, sslmode: &str) -> PostgresSettings {
    let text = format!(
        "host = \"127.0.0.1\"\nport = {}\nuser = \"u\"\npassword = \"p\"\ndbname = \"d\"\nsslmode = \"{sslmode}\"",
        server.port
    );
    let mut settings: PostgresSettings = toml::from_str(&text).unwrap();
    settings.connect_timeout = Seconds(Duration::from_millis(200));
    settings.idle_timeout = Seconds(Duration::from_millis(100));
    settings
}

/// The error of connecting to a server that treats every connection so.
async fn refused(sslmode: &str, serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let server = FalseServer::start(move |_, stream| serve(stream));
    let settings = settings(&server, sslmode);
    let error = in_time(Postgres::connect(&settings, Server::Postgres)).await.err().expect("it is no server");
    assert!(matches!(error, TargetError::Connection { .. }), "{error:?}");
    with_causes(&error)
}

/// The error of a query to a server that lets in, and does this with the first query.
async fn unanswered(query: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let server = FalseServer::start(move |number, mut stream| {
        // Only the first connection gets anywhere.
        if number > 0 {
            return silent(stream);
        }
        session(&mut stream);
        read(&mut stream);
        query(stream);
    });
    let postgres = in_time(Postgres::connect(&settings(&server, "disable"), Server::Postgres)).await.unwrap();
    let error = in_time(postgres.execute("select 1")).await.unwrap_err();
    assert!(matches!(error, TargetError::Connection { .. }), "{error:?}");
    with_causes(&error)
}

/// The kind of the next message, which is read to its end.
fn read(stream: &mut TcpStream) -> u8 {
    let mut head = [0; 5];
    if stream.read_exact(&mut head).is_err() {
        return 0;
    }
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]).saturating_sub(4);
    let mut body = vec![0; length as usize];
    let _ = stream.read_exact(&mut body);
    head[0]
}

/// Reads a request for TLS or the first message of a client without it.
fn startup(stream: &mut TcpStream) {
    let mut length = [0; 4];
    let _ = stream.read_exact(&mut length);
    let mut body = vec![0; (u32::from_be_bytes(length) as usize).saturating_sub(4)];
    let _ = stream.read_exact(&mut body);
}

/// Lets in, whoever it is.
fn admit(stream: &mut TcpStream) {
    startup(stream);
    let _ = stream.write_all(b"R\0\0\0\x08\0\0\0\0");
    let _ = stream.write_all(READY);
}

/// Answers the next statement with one row.
fn answer(stream: &mut TcpStream, values: &[&str]) {
    read(stream);
    row(stream, values);
    let _ = stream.write_all(COMPLETE);
    let _ = stream.write_all(READY);
}

/// Lets in, and answers the statement that sessions begin with.
fn session(stream: &mut TcpStream) {
    admit(stream);
    answer(stream, &["77"]);
}

/// A row of texts, with its description.
fn row(stream: &mut TcpStream, values: &[&str]) {
    let count = (values.len() as u16).to_be_bytes();
    let (mut description, mut data) = (count.to_vec(), count.to_vec());
    for value in values {
        // The name `c`, no table, the type text.
        description.extend(b"c\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0");
        data.extend((value.len() as u32).to_be_bytes());
        data.extend(value.as_bytes());
    }
    for (kind, body) in [(b'T', description), (b'D', data)] {
        let _ = stream.write_all(&[kind]);
        let _ = stream.write_all(&(body.len() as u32 + 4).to_be_bytes());
        let _ = stream.write_all(&body);
    }
}

const TOO_LATE: &str = "no session was open after 0.2 s";
const GONE: &str = "the server has gone silent: no answer for 0.2 s";

#[tokio::test]
async fn it_accepts_and_says_nothing() {
    for sslmode in ["disable", "allow", "prefer", "require"] {
        let error_text = refused(sslmode, silent).await;
        assert!(error_text.ends_with(TOO_LATE), "{sslmode}: {error_text}");
    }
}

#[tokio::test]
async fn it_says_nothing_after_the_hello_of_tls() {
    let error_text = refused("require", |mut stream| {
        startup(&mut stream);
        let _ = stream.write_all(b"S");
        silent(stream);
    });
    assert!(error_text.await.ends_with(TOO_LATE));
}

#[tokio::test]
async fn its_hello_of_tls_takes_for_ever() {
    // The head of a record of 16 KiB, and then its bytes one by one.
    let error_text = refused("require", |mut stream| {
        startup(&mut stream);
        let _ = stream.write_all(b"S\x16\x03\x03\x40\0\x02\0\x3f\xfc");
        trickle(stream, b"\x03");
    });
    assert!(error_text.await.ends_with(TOO_LATE));
}

#[tokio::test]
async fn it_asks_for_a_password_and_takes_no_notice_of_it() {
    let error_text = refused("disable", |mut stream| {
        startup(&mut stream);
        let _ = stream.write_all(b"R\0\0\0\x08\0\0\0\x03");
        silent(stream);
    });
    assert!(error_text.await.ends_with(TOO_LATE));
}

#[tokio::test]
async fn it_lets_in_and_is_never_ready() {
    let error_text = refused("disable", |mut stream| {
        startup(&mut stream);
        let _ = stream.write_all(b"R\0\0\0\x08\0\0\0\0");
        silent(stream);
    });
    assert!(error_text.await.ends_with(TOO_LATE));
}

#[tokio::test]
async fn it_lets_in_and_says_nothing_to_the_first_statement() {
    let error_text = refused("disable", |mut stream| {
        startup(&mut stream);
        let _ = stream.write_all(b"R\0\0\0\x08\0\0\0\0");
        let _ = stream.write_all(READY);
        silent(stream);
    });
    assert!(error_text.await.ends_with(TOO_LATE));
}

#[tokio::test]
async fn its_greeting_takes_for_ever() {
    let error_text = refused("disable", |mut stream| {
        startup(&mut stream);
        let _ = stream.write_all(b"R\0\0\0\x08\0\0\0\0");
        // A parameter after the other: client_encoding, which all servers tell.
        trickle(stream, b"S\0\0\0\x19client_encoding\0UTF8\0");
    });
    assert!(error_text.await.ends_with(TOO_LATE));
}

#[tokio::test]
async fn it_closes_the_door() {
    for sslmode in ["disable", "allow", "prefer", "require"] {
        let error_text = refused(sslmode, drop).await;
        assert!(error_text.starts_with("no connection to 127.0.0.1:"), "{sslmode}: {error_text}");
    }
    let error_text = refused("disable", |mut stream| {
        startup(&mut stream);
        let _ = stream.write_all(b"R\0\0\0\x08\0\0\0\0");
    });
    assert!(error_text.await.contains("closed"));
}

#[tokio::test]
async fn it_speaks_another_language() {
    refused("disable", |mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        silent(stream);
    })
    .await;
    refused("prefer", |mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
        silent(stream);
    })
    .await;
}

#[tokio::test]
async fn it_says_nothing_to_a_query() {
    let error_text = unanswered(silent).await;
    assert!(error_text.ends_with(GONE), "{error_text}");
}

#[tokio::test]
async fn it_stops_in_the_middle_of_a_result() {
    let error_text = unanswered(|mut stream| {
        row(&mut stream, &["1"]);
        silent(stream);
    });
    assert!(error_text.await.ends_with(GONE));
}

#[tokio::test]
async fn its_result_takes_for_ever() {
    let error_text = unanswered(|mut stream| {
        row(&mut stream, &["1"]);
        trickle(stream, b"D\0\0\0\x0b\0\x01\0\0\0\x011");
    });
    assert!(error_text.await.ends_with(GONE));
}

#[tokio::test]
async fn it_closes_in_the_middle_of_a_result() {
    let error_text = unanswered(|mut stream| row(&mut stream, &["1"]));
    assert!(error_text.await.contains("closed"));
}

#[tokio::test]
async fn it_has_lost_the_answer() {
    let server = FalseServer::start(|number, mut stream| {
        if number == 0 {
            session(&mut stream);
        } else {
            admit(&mut stream);
            // What it says of the session: it has been waiting since then.
            answer(&mut stream, &["idle in transaction", "2026-01-04 10:00:00+00"]);
        }
        silent(stream);
    });
    let postgres = in_time(Postgres::connect(&settings(&server, "disable"), Server::Postgres)).await.unwrap();
    let error = in_time(postgres.execute("select 1")).await.unwrap_err();
    assert!(with_causes(&error).contains("its answer has got lost"), "{error:?}");
}

#[tokio::test]
async fn a_statement_that_takes_long_is_waited_for() {
    let (asked, was_asked) = channel::<()>();
    let was_asked = std::sync::Mutex::new(was_asked);
    let server = FalseServer::start(move |number, mut stream| {
        if number == 0 {
            session(&mut stream);
            read(&mut stream);
            // The statement ends when the server has been asked often enough.
            for _ in 0..5 {
                was_asked.lock().unwrap().recv().unwrap();
            }
            let _ = stream.write_all(COMPLETE);
            let _ = stream.write_all(READY);
        } else {
            admit(&mut stream);
            answer(&mut stream, &["active", "2026-01-04 10:00:00+00"]);
            // The client may have what it wants before it hears the last of these.
            let _ = asked.send(());
        }
        silent(stream);
    });
    let postgres = in_time(Postgres::connect(&settings(&server, "disable"), Server::Postgres)).await.unwrap();
    assert_eq!(in_time(postgres.execute("select 1")).await.unwrap().rows, Some(1));
    assert!(server.connections() > 5);
}

#[tokio::test]
async fn who_wants_to_stop_does_not_wait_for_a_silent_server() {
    let (begun, has_begun) = channel::<()>();
    let server = FalseServer::start(move |number, mut stream| {
        if number == 0 {
            session(&mut stream);
            read(&mut stream);
            begun.send(()).unwrap();
        }
        silent(stream);
    });
    let mut settings = settings(&server, "disable");
    settings.idle_timeout = Seconds::new(60);
    let postgres = in_time(Postgres::connect(&settings, Server::Postgres)).await.unwrap();
    let stop = async {
        // The statement is on its way when the other future runs.
        tokio::task::yield_now().await;
        while has_begun.try_recv().is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        in_time(postgres.cancel()).await;
    };
    tokio::select! {
        () = stop => {}
        ended = postgres.execute("select 1") => panic!("{ended:?}"),
    }
}
