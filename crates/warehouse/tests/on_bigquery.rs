//! The client of `BigQuery` against the server that `TRACKLET_TEST_BIGQUERY` names:
//! `tests/warehouses/answers/cloud_clients.py` starts one.

mod warehouse;

use tokio::sync::OnceCell;
use tracklet_warehouse::clients::bigquery::{BigQuery, BigQuerySettings, connect};
use tracklet_warehouse::targets::{At, TargetError, Warehouse as _};
use warehouse::Spelling;

const SPELLING: Spelling = Spelling {
    schema: "client",
    relation: |table| format!("`client`.`{table}`"),
    quoted: |name| format!("`{name}`"),
    types: ["string", "int64", "float64", "bool", "timestamp"],
    catalog_types: ["STRING", "INT64", "FLOAT64", "BOOL", "TIMESTAMP"],
};

static SCHEMA: OnceCell<()> = OnceCell::const_new();

async fn connected() -> BigQuery {
    let endpoint = std::env::var("TRACKLET_TEST_BIGQUERY").expect("cloud_clients.py sets it");
    let settings = BigQuerySettings {
        project: Some("local".to_owned()),
        dataset: Some("client".to_owned()),
        api_endpoint: Some(endpoint),
        labels: [("team".to_owned(), "web".to_owned())].into(),
        maximum_bytes_billed: Some(1 << 40),
        ..BigQuerySettings::default()
    };
    let bigquery = connect(&settings).await.unwrap();
    let made = bigquery.execute("create schema if not exists client");
    // The stand-in can't make one schema twice at the same time.
    SCHEMA.get_or_init(|| async { made.await.map(|_| ()).unwrap() }).await;
    bigquery
}

#[tokio::test]
async fn rows_go_in_and_come_out() {
    warehouse::rows_go_in_and_come_out(&connected().await, &SPELLING).await;
}

#[tokio::test]
async fn many_rows_go_in_and_come_out() {
    warehouse::many_rows_go_in_and_come_out(&connected().await, &SPELLING).await;
}

#[tokio::test]
async fn the_catalog_is_known() {
    warehouse::the_catalog_is_known(&connected().await, &SPELLING).await;
}

#[tokio::test]
async fn transactions_are_all_or_nothing() {
    warehouse::transactions_are_all_or_nothing(&connected().await, &SPELLING).await;
}

#[tokio::test]
async fn statements_run_side_by_side() {
    warehouse::statements_run_side_by_side(&connected().await, &SPELLING).await;
}

#[tokio::test]
async fn failures_have_their_message() {
    warehouse::failures_have_their_message(&connected().await, &SPELLING).await;
}

#[tokio::test]
async fn a_failure_has_its_place() {
    let error = connected().await.query("select 1,\n  nofunction(2)").await.unwrap_err();
    let TargetError::Statement { at, code, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*at, Some(At { line: 2, column: 3 }));
    assert_eq!(code.as_deref(), Some("invalidQuery"));
}

#[tokio::test]
async fn a_dry_run_tells_bytes_and_checks() {
    let bigquery = connected().await;
    assert_eq!(bigquery.estimate("select 1").await.unwrap(), Some(0));
    assert!(bigquery.estimate("select nope from client.nothing").await.is_err());
}

#[tokio::test]
async fn of_transactions_at_once_each_is_whole() {
    let bigquery = connected().await;
    // Who deletes nothing is in nobody's way.
    bigquery.execute("create table client.contested as select 1 as n").await.unwrap();
    let change = [
        "delete from client.contested where true",
        "insert into client.contested select * from unnest(generate_array(1, 200000))",
    ]
    .map(str::to_owned);
    let changes = (0..4).map(|_| bigquery.transaction(&change));
    let results = futures::future::join_all(changes).await;
    assert!(results.iter().any(Result::is_ok), "{results:?}");
    assert_eq!(warehouse::count(&bigquery, &SPELLING, "contested").await, 200_000);
}

#[tokio::test]
async fn a_server_that_is_gone_is_named() {
    let settings = BigQuerySettings {
        project: Some("local".to_owned()),
        api_endpoint: Some("http://127.0.0.1:9".to_owned()),
        ..BigQuerySettings::default()
    };
    let error = connect(&settings).await.unwrap().execute("select 1").await.unwrap_err();
    let TargetError::Connection { place, .. } = &error else { panic!("{error:?}") };
    assert_eq!(place, "BigQuery project `local` at 127.0.0.1:9");
}
