//! False servers in the place of Snowflake.

use super::{SnowflakeSettings, connect};
use crate::connection::false_servers::{FalseServer, in_time, request, respond, silent, trickle};
use crate::connection::{Seconds, TargetError, Warehouse as _};
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;
use tracklet_display::error::with_causes;

fn settings(server: &FalseServer) -> SnowflakeSettings {
    SnowflakeSettings {
        connect_timeout: Some(Seconds(Duration::from_millis(200))),
        idle_timeout: Some(Seconds(Duration::from_millis(100))),
        ..toml::from_str(&format!(
            "account = \"a\"\nuser = \"u\"\npassword = \"p\"\nhost = \"127.0.0.1\"\nport = {}\nprotocol = \"http\"",
            server.port
        ))
        .unwrap()
    }
}

/// The error of a statement to a service that answers logins, and then calls `serve` with the connection of every other
/// request.
///
/// `serve` starts after the request was read, whichever connection has it: a client can send its statement on a new
/// connection, and an answer that arrives before the question is another error.
async fn unanswered(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let server = FalseServer::start(move |_, mut stream| {
        while let Some(head) = request(&mut stream) {
            if !head.contains("/login-request") {
                return serve(stream);
            }
            respond(&mut stream, "200 OK", "", r#"{"success": true, "data": {"token": "t"}}"#);
        }
    });
    let snowflake = in_time(connect(&settings(&server))).await.unwrap();
    let error = in_time(snowflake.execute("select 1")).await.unwrap_err();
    assert!(matches!(error, TargetError::Connection { .. }), "{error:?}");
    with_causes(&error)
}

#[tokio::test]
async fn it_accepts_and_says_nothing() {
    let server = FalseServer::start(|_, stream| silent(stream));
    let error = in_time(connect(&settings(&server))).await.unwrap_err();
    assert_eq!(with_causes(&error), "no connection to 127.0.0.1: no session was open after 0.2 s");
}

#[tokio::test]
async fn it_lets_in_and_says_nothing() {
    let message = unanswered(silent).await;
    assert!(message.contains("the server has gone silent"), "{message}");
}

#[tokio::test]
async fn its_answer_takes_for_ever() {
    let message = unanswered(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\nx: ");
        trickle(stream, b"x");
    });
    let message = message.await;
    assert!(message.contains("the server has gone silent"), "{message}");
}

#[tokio::test]
async fn it_closes_the_door() {
    unanswered(drop).await;
}
