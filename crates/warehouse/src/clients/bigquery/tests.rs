use super::jobs::Script;
use super::settings::BigQuerySettings;
use super::{failure, rows, upload};
use crate::connection::{At, TargetError};
use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit, TimestampMicrosecondType};
use std::sync::Arc;

fn settings(text: &str) -> BigQuerySettings {
    toml::from_str(text).unwrap()
}

#[test]
fn settings_have_dbts_names_and_never_show_a_secret() {
    let settings = settings(
        r#"
        type = "bigquery"
        method = "oauth-secrets"
        project = "shop"
        schema = "sessions"
        token = "hunter2"
        refresh_token = "hunter2"
        client_secret = "hunter2"
        keyfile_json = { private_key = "hunter2" }
        priority = "batch"
        maximum_bytes_billed = 1000000000
        labels = { team = "web" }
        threads = 4
        "#,
    );
    assert_eq!(settings.dataset.as_deref(), Some("sessions"));
    assert_eq!(settings.maximum_bytes_billed, Some(1_000_000_000));
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[tokio::test]
async fn what_is_missing_is_named() {
    for (text, missing) in [
        ("", "`project` is missing"),
        ("project = 'p'\nmethod = 'service-account'", "`keyfile` is missing"),
        ("project = 'p'\nmethod = 'service-account-json'", "`keyfile_json` is missing"),
        ("project = 'p'\nmethod = 'oauth-secrets'\nrefresh_token = 'x'", "`oauth-secrets` needs"),
        (
            "project = 'p'\nmethod = 'service-account-json'\nkeyfile_json = 'secret {'",
            "`keyfile_json` is no JSON",
        ),
        ("project = 'p'\nmethod = 'service-account'\nkeyfile = '/nowhere/key.json'", "/nowhere/key.json"),
    ] {
        let error = super::connect(&settings(text)).await.unwrap_err();
        assert!(matches!(error, TargetError::Settings { .. }), "{error:?}");
        assert!(error.to_string().contains(missing), "{error}");
        assert!(!format!("{error:?}").contains("secret {"));
    }
}

#[test]
fn a_key_from_an_environment_variable_has_its_newlines_again() {
    let text = r#"keyfile_json = '{"private_key": "-----BEGIN\\\\nabc"}'"#;
    let settings = settings(text);
    let key = settings.keyfile_json.unwrap().json().unwrap();
    assert_eq!(key["private_key"], "-----BEGIN\\\nabc");
}

#[test]
fn a_message_loses_its_place_to_the_error() {
    let TargetError::Statement { message, code, at } =
        failure::of_job("invalidQuery", "Unrecognized name: x at [3:14]")
    else {
        panic!("another kind")
    };
    assert_eq!(message, "Unrecognized name: x");
    assert_eq!(code.as_deref(), Some("invalidQuery"));
    assert_eq!(at, Some(At { line: 3, column: 14 }));
}

#[test]
fn an_aborted_transaction_is_a_conflict() {
    for message in [
        "Transaction is aborted due to concurrent update against table p:d.t. Transaction ID: 1",
        "Could not serialize access to table p:d.t due to concurrent update",
    ] {
        assert!(matches!(failure::of_job("invalidQuery", message), TargetError::Conflict { .. }));
    }
    assert!(matches!(failure::of_job("accessDenied", "no"), TargetError::NotAllowed { .. }));
}

#[test]
fn places_in_a_script_are_counted_from_their_statement() {
    let script =
        Script::new(&["delete from t\nwhere true -- all;".to_owned(), "insert into t\nselect x;".to_owned()]);
    assert_eq!(
        script.text,
        "BEGIN TRANSACTION;\ndelete from t\nwhere true -- all\n;\ninsert into t\nselect x\n;\nCOMMIT TRANSACTION;\n"
    );
    let TargetError::Statement { message, at, .. } = script.located(failure::of_job("", "No x at [6:8]"))
    else {
        panic!("another kind")
    };
    assert_eq!(message, "No x (statement 2 of 2 in one transaction)");
    assert_eq!(at, Some(At { line: 2, column: 8 }));
}

#[test]
fn rows_become_arrow() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("n", DataType::Int64, true),
        Field::new("t", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("s", DataType::Utf8, true),
    ]));
    let rows = serde_json::json!([
        {"f": [{"v": "-5"}, {"v": "1767225600123456"}, {"v": "x"}]},
        {"f": [{"v": null}, {"v": null}, {"v": [{"v": "1"}]}]},
    ]);
    let rows: Vec<_> = rows.as_array().unwrap().iter().map(|row| row.as_object().unwrap().clone()).collect();
    let batch = rows::batch(&schema, &rows).unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), -5);
    assert_eq!(batch.column(1).as_primitive::<TimestampMicrosecondType>().value(0), 1_767_225_600_123_456);
    assert!(batch.column(0).is_null(1) && batch.column(1).is_null(1));
    assert_eq!(batch.column(2).as_string::<i32>().value(1), r#"[{"v":"1"}]"#);

    let short = [serde_json::json!({"f": [{"v": "1"}]}).as_object().unwrap().clone()];
    assert!(rows::batch(&schema, &short).is_err());
}

#[test]
fn an_upload_goes_on_where_it_stopped() {
    let mut headers = http::HeaderMap::new();
    assert_eq!(upload::arrived(&headers), 0);
    headers.insert(http::header::RANGE, "bytes=0-524287".parse().unwrap());
    assert_eq!(upload::arrived(&headers), 524_288);
}
