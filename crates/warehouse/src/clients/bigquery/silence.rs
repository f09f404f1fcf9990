//! False servers in the place of `BigQuery`.

use super::{BigQuery, BigQuerySettings, connect};
use crate::connection::false_servers::{FalseServer, in_time, request, respond, silent, trickle};
use crate::connection::{Seconds, TableName, TargetError, Warehouse as _};
use std::fs::File;
use std::io::Write as _;
use std::time::Duration;
use tracklet_display::error::with_causes;

async fn client(server: &FalseServer) -> BigQuery {
    let settings = BigQuerySettings {
        project: Some("p".to_owned()),
        api_endpoint: Some(format!("http://127.0.0.1:{}", server.port)),
        connect_timeout: Some(Seconds(Duration::from_millis(200))),
        idle_timeout: Some(Seconds(Duration::from_millis(100))),
        ..BigQuerySettings::default()
    };
    connect(&settings).await.unwrap()
}

fn table() -> TableName {
    TableName { database: None, schema: "s".to_owned(), table: "t".to_owned() }
}

/// Bytes to load; nobody looks at them.
fn file() -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[0; 1000]).unwrap();
    file
}

/// The error of an upload to a service that takes its announcement and then answers every chunk so.
async fn stuck(status: &'static str, more: &'static str) -> String {
    let server = FalseServer::start(move |_, mut stream| {
        let Ok(address) = stream.local_addr() else { return };
        while let Some(head) = request(&mut stream) {
            let session = format!("location: http://{address}/session\r\n");
            if head.starts_with("POST") {
                respond(&mut stream, "200 OK", &session, "");
            } else {
                respond(&mut stream, status, more, "");
            }
        }
    });
    let client = client(&server).await;
    let error = in_time(client.load_file(&table(), file())).await.unwrap_err();
    assert!(matches!(error, TargetError::Connection { .. }), "{error:?}");
    with_causes(&error)
}

#[tokio::test]
async fn it_accepts_and_says_nothing() {
    let server = FalseServer::start(|_, stream| silent(stream));
    let client = client(&server).await;
    let error = in_time(client.columns(&table())).await.unwrap_err();
    assert!(matches!(error, TargetError::Connection { .. }), "{error:?}");
    let error = in_time(client.load_file(&table(), file())).await.unwrap_err();
    assert!(matches!(error, TargetError::Connection { .. }), "{error:?}");
}

#[tokio::test]
async fn its_answer_takes_for_ever() {
    let server = FalseServer::start(|_, mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
        trickle(stream, b" ");
    });
    let error = in_time(client(&server).await.columns(&table())).await.unwrap_err();
    assert!(matches!(error, TargetError::Connection { .. }), "{error:?}");
}

#[tokio::test]
async fn an_upload_that_makes_no_progress_ends() {
    let error_text = stuck("308 Permanent Redirect", "").await;
    assert!(
        error_text.ends_with("the upload makes no progress: the service has 0 of 1000 bytes"),
        "{error_text}"
    );
}

#[tokio::test]
async fn an_upload_that_ends_nowhere_ends() {
    let error_text = stuck("308 Permanent Redirect", "range: bytes=0-2000\r\n").await;
    assert!(error_text.ends_with("the service has 2001 of 1000 bytes"), "{error_text}");
}
