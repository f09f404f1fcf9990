//! URLs and messages of object stores without what could be a secret.

/// The URL without user and password, and without a query that signs it.
pub(super) fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest
        .match_indices('?')
        // A pattern may have a `?` before the one that begins the query.
        .find(|(mark, _)| is_signature(rest[mark + 1..].split('?').next().unwrap_or_default()))
        .map_or(rest, |(mark, _)| &rest[..mark]);
    let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
    let host = match scheme {
        // `abfss://container@account.host/key`
        "abfs" | "abfss" => authority,
        _ => authority.rsplit('@').next().unwrap_or(authority),
    };
    format!("{scheme}://{host}/{key}")
}

/// Whether a query has a signature or a key; `?` and `=` also stand in patterns, such as `day=0?/hour=*`.
fn is_signature(query: &str) -> bool {
    const NAMES: [&str; 8] =
        ["sig", "signature", "awsaccesskeyid", "googleaccessid", "token", "access_token", "sas", "key"];
    query.split('&').filter_map(|pair| pair.split_once('=')).any(|(name, _)| {
        let name = name.to_ascii_lowercase();
        NAMES.contains(&name.as_str()) || name.starts_with("x-amz-") || name.starts_with("x-goog-")
    })
}

/// A message without users and passwords in URLs, without queries of URLs (they can hold signatures) and without the
/// secrets of the environment.
pub(super) fn redacted(message: &str) -> String {
    let message = without_users(message);
    let mut text = String::with_capacity(message.len());
    for word in message.split_inclusive(char::is_whitespace) {
        match word.split_once('?') {
            Some((url, _)) if url.contains("://") => {
                text.push_str(url);
                text.push_str("?... ");
            }
            _ => text.push_str(word),
        }
    }
    let is_secret = |name: &str| {
        let prefixes = ["AWS_", "GOOGLE_", "AZURE_"];
        let words = ["KEY", "SECRET", "TOKEN", "PASSWORD", "SIGNATURE", "SAS", "CREDENTIAL"];
        prefixes.iter().any(|prefix| name.starts_with(prefix)) && words.iter().any(|word| name.contains(word))
    };
    let secrets = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        (is_secret(&name) && value.len() >= 4).then_some(value)
    });
    secrets.fold(text, |text, secret| text.replace(&secret, "[secret]"))
}

/// A message whose URLs have no user and no password, such as those of `AWS_ENDPOINT_URL`.
fn without_users(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        text.push_str(before);
        let is_end = |character: char| character.is_whitespace() || "/?#)\"'`>".contains(character);
        let authority = &after[..after.find(is_end).unwrap_or(after.len())];
        rest = match authority.rfind('@') {
            Some(user) => &after[user + 1..],
            None => after,
        };
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hold_no_password_of_an_endpoint() {
        let text =
            redacted("error for url (http://user:pass@word@127.0.0.1:9/b) and http://a@b, https://c/d@e");
        assert_eq!(text, "error for url (http://127.0.0.1:9/b) and http://b, https://c/d@e");
    }

    #[test]
    fn names_hold_no_credentials() {
        assert_eq!(without_credentials("s3://key:secret@shop/a/b.json"), "s3://shop/a/b.json");
        assert_eq!(without_credentials("az://shop/a.json?sig=abc"), "az://shop/a.json");
        assert_eq!(without_credentials("s3://shop/a?.json"), "s3://shop/a?.json");
        let pattern = "s3://shop/day=2026-01-0?/hour=*/a.parquet";
        assert_eq!(without_credentials(pattern), pattern);
        let signed = "s3://shop/a?.json?X-Amz-Algorithm=x&X-Amz-Signature=abc";
        assert_eq!(without_credentials(signed), "s3://shop/a?.json");
        assert_eq!(
            without_credentials("gs://shop/a.json?GoogleAccessId=a&Expires=1&Signature=b"),
            "gs://shop/a.json"
        );
        assert_eq!(without_credentials("az://shop/a.json?sv=2022&se=1&sig=abc"), "az://shop/a.json");
        assert_eq!(without_credentials("abfss://box@account.host/a"), "abfss://box@account.host/a");
    }

    #[test]
    fn messages_hold_no_signatures() {
        let text = redacted("error for url (https://a.example/b?sig=abc&se=1) after 2 retries");
        assert!(!text.contains("abc") && text.contains("after 2 retries"), "{text}");
    }
}
