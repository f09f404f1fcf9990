//! False servers in the place of Spark.

use super::{SparkSettings, connect};
use crate::connection::false_servers::{FalseServer, in_time, silent};
use serde_json::json;
use std::net::TcpStream;
use tracklet_display::error::with_causes;

/// The error of connecting to a server that treats every connection so.
fn refused(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let server = FalseServer::start(move |_, stream| serve(stream));
    let remote = format!("sc://127.0.0.1:{}", server.port);
    let settings: SparkSettings =
        serde_json::from_value(json!({"remote": remote, "connect_timeout": 1})).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let error = runtime.block_on(in_time(connect(&settings))).err().expect("it is no server");
    // The client's own thread goes on asking.
    runtime.shutdown_background();
    with_causes(&error)
}

#[test]
fn it_accepts_and_says_nothing() {
    assert!(refused(silent).ends_with("no session was open after 1 s"));
}

#[test]
fn it_closes_the_door() {
    let error_text = refused(drop);
    // Which error it is depends on when the connection ends; that it comes in time is what counts.
    let errors = ["no connection to 127.0.0.1:", "canceled", "transport error"];
    assert!(errors.iter().any(|error| error_text.contains(error)), "{error_text}");
}
