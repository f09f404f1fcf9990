//! Who connects.

use super::failure;
use super::settings::{BigQuerySettings, Method, wrong};
use crate::connection::{Secret, TargetError};
use google_cloud_auth::credentials::{
    self, CacheableResource, Credentials, CredentialsProvider, EntityTag, impersonated, service_account,
    user_account,
};
use google_cloud_auth::errors::CredentialsError;
use http::{Extensions, HeaderMap, HeaderValue};
use std::time::Duration;

const SCOPE: &str = "https://www.googleapis.com/auth/bigquery";

/// An account that may impersonate another needs more than `BigQuery` to say so.
const IMPERSONATING_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The credentials that the settings describe. Nothing is sent, but for a machine's own account.
///
/// # Errors
/// [`TargetError::Settings`] when a field is missing or a key can't be read.
pub(super) fn credentials(settings: &BigQuerySettings) -> Result<Credentials, TargetError> {
    if settings.is_local() {
        return Ok(credentials::anonymous::Builder::new().build());
    }
    let wanted: Vec<String> =
        if settings.scopes.is_empty() { vec![SCOPE.to_owned()] } else { settings.scopes.clone() };
    let Some(principal) = &settings.impersonate_service_account else {
        return own(settings, wanted);
    };
    let source = own(settings, vec![IMPERSONATING_SCOPE.to_owned()])?;
    impersonated::Builder::from_source_credentials(source)
        .with_target_principal(principal)
        .with_scopes(wanted)
        .build()
        .map_err(|error| failure::unusable(&error))
}

/// Those of who connects, before acting as another.
fn own(settings: &BigQuerySettings, scopes: Vec<String>) -> Result<Credentials, TargetError> {
    match settings.method {
        Method::Oauth => credentials::Builder::default().with_scopes(scopes).build().map_err(|error| {
            let hint = "run `gcloud auth application-default login`, or set `method = \"service-account\"` and `keyfile`";
            TargetError::Settings { message: failure::with_causes(&error), hint: Some(hint.to_owned()) }
        }),
        Method::ServiceAccount => {
            let Some(path) = &settings.keyfile else {
                return Err(wrong("`keyfile` is missing", "name the service account's key file"));
            };
            let text = std::fs::read(path).map_err(|error| TargetError::Settings {
                message: format!("`{}` can't be read: {error}", path.display()),
                hint: None,
            })?;
            // The parser's message could hold a part of the key.
            let key = serde_json::from_slice(&text).map_err(|_| TargetError::Settings {
                message: format!("`{}` is no JSON", path.display()),
                hint: Some("name the key file that Google made for the service account".to_owned()),
            })?;
            of_service_account(key, scopes)
        }
        Method::ServiceAccountJson => {
            let Some(key) = &settings.keyfile_json else {
                return Err(wrong("`keyfile_json` is missing", "give it what is in the key file"));
            };
            of_service_account(key.json()?, scopes)
        }
        Method::OauthSecrets => of_secrets(settings, scopes),
    }
}

fn of_service_account(key: serde_json::Value, scopes: Vec<String>) -> Result<Credentials, TargetError> {
    service_account::Builder::new(key)
        .with_access_specifier(service_account::AccessSpecifier::from_scopes(scopes))
        .build()
        .map_err(|error| failure::unusable(&error))
}

fn of_secrets(settings: &BigQuerySettings, scopes: Vec<String>) -> Result<Credentials, TargetError> {
    let application = (&settings.refresh_token, &settings.client_id, &settings.client_secret);
    if let (Some(refresh_token), Some(client_id), Some(client_secret)) = application {
        let mut user = serde_json::json!({
            "type": "authorized_user",
            "client_id": client_id,
            "client_secret": client_secret.reveal(),
            "refresh_token": refresh_token.reveal(),
        });
        if let Some(uri) = &settings.token_uri {
            user["token_uri"] = uri.as_str().into();
        }
        let user = user_account::Builder::new(user).with_scopes(scopes);
        return user.build().map_err(|error| failure::unusable(&error));
    }
    let Some(token) = &settings.token else {
        return Err(wrong(
            "`oauth-secrets` needs `token`, or `refresh_token` with `client_id` and `client_secret`",
            "take them from the environment",
        ));
    };
    Ok(Credentials::from(FixedToken { token: token.clone(), tag: EntityTag::new() }))
}

/// The credentials, of which none comes later than after `limit`: who gives access tokens may say nothing for ever.
pub(super) fn punctual(credentials: Credentials, limit: Duration) -> Credentials {
    Credentials::from(Punctual { credentials, limit })
}

#[derive(Debug)]
struct Punctual {
    credentials: Credentials,
    limit: Duration,
}

impl CredentialsProvider for Punctual {
    async fn headers(
        &self,
        extensions: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        tokio::time::timeout(self.limit, self.credentials.headers(extensions)).await.unwrap_or_else(|_| {
            let seconds = self.limit.as_secs_f64();
            Err(CredentialsError::from_msg(false, format!("no access token was given for {seconds} s")))
        })
    }

    async fn universe_domain(&self) -> Option<String> {
        self.credentials.universe_domain().await
    }
}

/// An access token that someone else renews.
#[derive(Debug)]
struct FixedToken {
    token: Secret,
    tag: EntityTag,
}

impl CredentialsProvider for FixedToken {
    async fn headers(
        &self,
        extensions: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        if extensions.get::<EntityTag>() == Some(&self.tag) {
            return Ok(CacheableResource::NotModified);
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.token.reveal()))
            .map_err(|_| CredentialsError::from_msg(false, "`token` is no access token"))?;
        value.set_sensitive(true);
        let data = HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]);
        Ok(CacheableResource::New { entity_tag: self.tag.clone(), data })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}
