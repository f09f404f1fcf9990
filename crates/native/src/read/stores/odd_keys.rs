//! Keys of objects that the client of object stores can't name: with empty parts, `.` and `..`, control characters.
//!
//! One such key makes it refuse the whole page of a listing. So the listing is looked at on its way: these keys are taken out
//! and remembered.

use futures::TryStreamExt;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::path::Path as Key;
use std::sync::{Arc, Mutex, PoisonError};

/// The keys that were taken out of listings.
#[derive(Debug, Clone, Default)]
pub(in crate::read) struct OddKeys(Arc<Mutex<Vec<String>>>);

impl OddKeys {
    /// The keys found since the last call.
    pub(in crate::read) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The client, with odd keys taken out of its listings.
    pub(super) fn looking_at(&self, client: HttpClient) -> HttpClient {
        HttpClient::new(Listings { client, keys: self.clone() })
    }
}

/// A client that looks at listings.
#[derive(Debug)]
struct Listings {
    client: HttpClient,
    keys: OddKeys,
}

#[async_trait::async_trait]
impl HttpService for Listings {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let is_listing = query.split('&').any(|part| matches!(part, "list-type=2" | "comp=list"));
        let response = self.client.execute(request).await?;
        if !is_listing || !response.status().is_success() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let mut bytes = Vec::new();
        let mut stream = body.bytes_stream();
        while let Some(chunk) = stream.try_next().await? {
            bytes.extend_from_slice(&chunk);
        }
        let page = String::from_utf8(bytes).map_err(|error| HttpError::new(HttpErrorKind::Decode, error))?;
        let (page, odd) = without_odd(&page);
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).extend(odd);
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(page)))
    }
}

/// The page of a listing without the entries of odd keys, and these keys.
fn without_odd(page: &str) -> (String, Vec<String>) {
    let (entry, name) = if page.contains("<Blob>") { ("Blob", "Name") } else { ("Contents", "Key") };
    let (open, close) = (format!("<{entry}>"), format!("</{entry}>"));
    let (mut kept, mut odd) = (String::with_capacity(page.len()), Vec::new());
    let mut rest = page;
    while let Some(start) = rest.find(&open) {
        let Some(length) = rest[start..].find(&close) else { break };
        let (before, after) = rest.split_at(start);
        let (this, after) = after.split_at(length + close.len());
        kept.push_str(before);
        match key_of(this, name).filter(|key| is_odd(key)) {
            None => kept.push_str(this),
            Some(key) => odd.push(key),
        }
        rest = after;
    }
    kept.push_str(rest);
    (kept, odd)
}

/// The key of an entry.
fn key_of(entry: &str, name: &str) -> Option<String> {
    let start = entry.find(&format!("<{name}"))?;
    let start = start + entry[start..].find('>')? + 1;
    let end = start + entry[start..].find(&format!("</{name}>"))?;
    Some(unescaped(&entry[start..end]))
}

/// Whether the client could not ask for this key, or would ask for another one.
fn is_odd(key: &str) -> bool {
    Key::parse(key).map_or(true, |parsed| parsed.as_ref() != key.strip_suffix('/').unwrap_or(key))
}

/// A text of XML.
fn unescaped(text: &str) -> String {
    let mut meant = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        meant.push_str(&rest[..start]);
        rest = &rest[start..];
        let Some(end) = rest.find(';') else { break };
        let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        let character = match &rest[1..end] {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            entity => match entity.strip_prefix("#x").or_else(|| entity.strip_prefix("#X")) {
                Some(digits) => number(digits, 16),
                None => entity.strip_prefix('#').and_then(|digits| number(digits, 10)),
            },
        };
        match character {
            Some(character) => meant.push(character),
            None => meant.push_str(&rest[..=end]),
        }
        rest = &rest[end + 1..];
    }
    meant.push_str(rest);
    meant
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_keys_are_taken_out_of_a_page() {
        let entry = |key: &str| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>");
        let odd =
            ["a//b.json", "./a.json", "a/../b.json", "/a.json", "a&#x1;.json", "a/./b.json", "a&#10;b.json"];
        let good = ["a/b.json", "a&amp;b.json", "a%2Fb.json", "ä b+c=d?.json", "a/"];
        let all: String = odd.iter().chain(&good).map(|key| entry(key)).collect();
        let (page, found) = without_odd(&format!("<ListBucketResult>{all}</ListBucketResult>"));
        let kept: String = good.iter().map(|key| entry(key)).collect();
        assert_eq!(page, format!("<ListBucketResult>{kept}</ListBucketResult>"));
        assert_eq!(
            found,
            ["a//b.json", "./a.json", "a/../b.json", "/a.json", "a\u{1}.json", "a/./b.json", "a\nb.json"]
        );
        let azure = "<Blobs><Blob><Name>a//b</Name></Blob><Blob><Name>c</Name></Blob></Blobs>";
        assert_eq!(
            without_odd(azure),
            ("<Blobs><Blob><Name>c</Name></Blob></Blobs>".to_owned(), vec!["a//b".to_owned()])
        );
    }
}
