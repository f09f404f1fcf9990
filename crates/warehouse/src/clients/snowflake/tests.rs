use super::credentials::pem;
use super::settings::SnowflakeSettings;
use super::{failure, literal, load};
use crate::connection::{At, TargetError};
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::record_batch::RecordBatch;
use std::sync::Arc;

fn settings(text: &str) -> SnowflakeSettings {
    toml::from_str(text).unwrap()
}

#[test]
fn settings_have_dbts_names_and_never_show_a_secret() {
    let settings = settings(
        r#"
        type = "snowflake"
        account = "My_Org-Shop_1"
        user = "LOADER"
        authenticator = "oauth"
        password = "hunter2"
        token = "hunter2"
        private_key = "hunter2"
        private_key_passphrase = "hunter2"
        client_session_keep_alive = false
        "#,
    );
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert_eq!(settings.address().unwrap().as_str(), "https://my-org-shop-1.snowflakecomputing.com/");
    let sessions = super::Sessions::new(&settings).unwrap();
    assert!(!format!("{sessions:?}").contains("hunter2"));
}

#[tokio::test]
async fn what_is_missing_is_named() {
    for (text, missing) in [
        ("", "`password` is missing"),
        ("user = 'u'\npassword = 'p'", "`account` is missing"),
        ("account = 'a'\nauthenticator = 'oauth'", "`token` is missing"),
        ("account = 'a'\nauthenticator = 'snowflake_jwt'", "`private_key_path` is missing"),
        ("account = 'a'\nprivate_key_path = '/nowhere/key.p8'", "/nowhere/key.p8"),
        ("password = 'p'\nhost = 'example.com'\nprotocol = 'http'", "in the clear"),
        ("password = 'p'\nhost = 'https://example.com'", "is no host"),
    ] {
        let error = super::connect(&settings(text)).await.unwrap_err();
        assert!(matches!(error, TargetError::Settings { .. }), "{error:?}");
        assert!(error.to_string().contains(missing), "{error}");
    }
}

#[test]
fn a_key_comes_as_pem_or_as_its_base64() {
    let base64 = "A".repeat(65);
    let framed = format!("-----BEGIN PRIVATE KEY-----\n{}\nA\n-----END PRIVATE KEY-----\n", "A".repeat(64));
    assert_eq!(pem(&base64, "PRIVATE KEY"), framed);
    assert_eq!(pem(&framed.replace('\n', "\\n"), "PRIVATE KEY"), framed);
}

#[test]
fn messages_become_errors() {
    let error = failure::of_statement(
        Some("000904"),
        "SQL compilation error: error line 2 at position 7\ninvalid identifier 'NOPE'",
    );
    let TargetError::Statement { at, code, .. } = error else { panic!("another kind") };
    assert_eq!(at, Some(At { line: 2, column: 8 }));
    assert_eq!(code.as_deref(), Some("000904"));
    let error = failure::of_statement(
        Some("000625"),
        "Statement 'x' has locked table 'T' in transaction 1 and this lock has not yet been released.",
    );
    assert!(matches!(error, TargetError::Conflict { .. }));
    let error = failure::of_statement(Some("003001"), "Insufficient privileges to operate on schema 'S'");
    assert!(matches!(error, TargetError::NotAllowed { .. }));
}

#[test]
fn a_literal_holds_any_text() {
    assert_eq!(literal("it's"), r"'it\'s'");
    assert_eq!(literal("back\\slash"), r"'back\\slash'");
}

#[test]
fn rows_go_as_json_and_are_taken_apart_by_type() {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(StringArray::from(vec![Some("it's \\ \"é\"\n"), None]))),
        ("n", Arc::new(Int64Array::from(vec![Some(-5), None]))),
        ("f", Arc::new(Float64Array::from(vec![Some(0.5), None]))),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("t", Arc::new(TimestampMicrosecondArray::from(vec![Some(-1), None]).with_timezone("UTC"))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let mut text = String::new();
    load::push_row(&mut text, &batch, 0).unwrap();
    load::push_row(&mut text, &batch, 1).unwrap();
    assert_eq!(
        text,
        r#"["it's \\ \"é\"\n",-5,0.5,true,"1969-12-31T23:59:59.999999+00:00"][null,null,null,null,null]"#
    );
    assert_eq!(
        load::statement("\"S\".\"T\"", &batch.schema()).unwrap(),
        "insert into \"S\".\"T\" (\"id\", \"n\", \"f\", \"b\", \"t\") select value[0]::varchar, \
         value[1]::number(38, 0), value[2]::float, value[3]::boolean, value[4]::timestamp_tz \
         from table(flatten(input => parse_json(?)))"
    );
}
