//! The client of Snowflake against the server at the port `TRACKLET_TEST_SNOWFLAKE_PORT`:
//! `tests/warehouses/answers/cloud_clients.py` starts one.

mod warehouse;

use tracklet_warehouse::clients::snowflake::{Snowflake, SnowflakeSettings, connect};
use tracklet_warehouse::targets::{TargetError, Warehouse as _};
use warehouse::Spelling;

const SPELLING: Spelling = Spelling {
    schema: "CLIENT",
    relation: |table| format!("SHOP.CLIENT.\"{table}\""),
    quoted: |name| format!("\"{name}\""),
    types: ["varchar", "number(38, 0)", "float", "boolean", "timestamp_tz"],
    catalog_types: ["VARCHAR(16777216)", "NUMBER(38,0)", "FLOAT", "BOOLEAN", "TIMESTAMP_TZ(9)"],
};

fn settings(port: u16) -> SnowflakeSettings {
    let text = format!(
        "account = 'test'\nuser = 'TESTER'\npassword = 'hunter2'\nhost = '127.0.0.1'\nport = {port}\n\
         protocol = 'http'\ndatabase = 'SHOP'\nschema = 'CLIENT'\nquery_tag = 'tests'"
    );
    toml::from_str(&text).unwrap()
}

/// The stand-in makes a schema for whoever names it first; several at once may find it half made.
static SCHEMA: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();

async fn connected() -> Snowflake {
    let port = std::env::var("TRACKLET_TEST_SNOWFLAKE_PORT").expect("cloud_clients.py sets it");
    let snowflake = connect(&settings(port.parse().unwrap())).await.unwrap();
    let made = SCHEMA.get_or_init(async || {
        snowflake.execute("create schema if not exists SHOP.CLIENT").await.unwrap();
    });
    made.await;
    snowflake
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
async fn unquoted_names_are_upper_case() {
    let snowflake = connected().await;
    snowflake.execute("create table SHOP.CLIENT.spelled (session_id varchar)").await.unwrap();
    let found = snowflake.tables_called("spelled").await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].table, "SPELLED");
    assert_eq!(snowflake.columns(&found[0]).await.unwrap().unwrap()[0].name, "SESSION_ID");
}

#[tokio::test]
async fn of_transactions_at_once_each_is_whole() {
    let snowflake = connected().await;
    // Who deletes nothing is in nobody's way.
    snowflake.execute("create table SHOP.CLIENT.\"contested\" as select 1 as n").await.unwrap();
    let change = [
        "delete from SHOP.CLIENT.\"contested\" where 1 = 1",
        "insert into SHOP.CLIENT.\"contested\" select 1 from table(generator(rowcount => 100000))",
    ]
    .map(str::to_owned);
    let changes = (0..4).map(|_| snowflake.transaction(&change));
    let results = futures::future::join_all(changes).await;
    assert!(results.iter().any(Result::is_ok), "{results:?}");
    assert_eq!(warehouse::count(&snowflake, &SPELLING, "contested").await, 100_000);
}

#[tokio::test]
async fn a_server_that_is_gone_is_no_wrong_statement_and_shows_no_secret() {
    let error = connect(&settings(9)).await.unwrap_err();
    assert!(matches!(error, TargetError::Connection { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));
}
