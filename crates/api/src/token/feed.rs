//! The response of the revocation feed. All responses share the entries of the complete list.

use actix_web::body::{MessageBody, SizedStream};
use actix_web::web::Bytes;
use doorward_domain::token::RevocationDigests;
use doorward_runtime::{PublishedRevocations, RenderedList};
use futures_util::stream;

use crate::wire::rfc3339;

use super::wire::{RevocationsEntries, RevocationsHead};

/// The [entries](entries_json) of the complete list.
pub(crate) type RenderedFeed = RenderedList<Bytes>;

/// The entries as the rest of a JSON object that [`feed_body`] begins.
pub(crate) fn entries_json(digests: &RevocationDigests) -> Bytes {
    let entries = RevocationsEntries::from(digests);
    // Strings and numbers: this cannot fail.
    let json = serde_json::to_vec(&entries).unwrap_or_default();
    Bytes::from(json).slice(1..)
}

/// The body: the head of the response, and its entries without copying them.
pub(crate) fn feed_body(published: &PublishedRevocations, entries: Bytes) -> impl MessageBody + use<> {
    let head = RevocationsHead {
        as_of: rfc3339(published.as_of),
        cursor: published.cursor.to_string(),
        max_age_in: published.life.as_secs(),
    };
    let mut head = serde_json::to_vec(&head).unwrap_or_default();
    // Instead of the closing brace.
    head.pop();
    head.push(b',');
    let length = head.len() + entries.len();
    let parts = [Ok::<_, std::io::Error>(Bytes::from(head)), Ok(entries)];
    SizedStream::new(u64::try_from(length).unwrap_or(u64::MAX), stream::iter(parts))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use actix_web::body::to_bytes;
    use actix_web::http::{StatusCode, header};
    use actix_web::test::{TestRequest, call_service, init_service};
    use doorward_domain::id::SessionId;
    use doorward_domain::store::Transactions as _;
    use doorward_domain::store_error::StoreError;
    use doorward_domain::token::{RevocationDigest, Revoked};
    use doorward_http::in_process;
    use doorward_testkit::MemoryStore;

    use crate::Api;
    use crate::routes::tests::application_over;

    const ENTRIES: u32 = 60_000;

    fn session(number: u32) -> SessionId {
        let mut id = [7; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        SessionId::from_bytes(id)
    }

    #[expect(clippy::disallowed_methods, reason = "measures time as it passes")]
    fn now() -> Instant {
        Instant::now()
    }

    /// As when the tag came with a body that was read from the log before an entry of this instance was.
    #[actix_web::test]
    async fn a_follower_gets_304_only_if_nothing_is_newer_than_its_cursor() {
        let store = Arc::new(MemoryStore::new());
        let (app, _) = application_over(Arc::clone(&store));
        let server = init_service(in_process(Arc::clone(&app), Arc::new(Api::default())).unwrap()).await;
        let poll = async |uri: &str, tag: &str| {
            app.revocations().all_read().await;
            let request = TestRequest::with_uri(uri).insert_header(("host", "localhost"));
            let request = request.insert_header((header::IF_NONE_MATCH, tag));
            let response = call_service(&server, request.to_request()).await;
            let status = response.status();
            let tag = response.headers().get(header::ETAG).unwrap();
            let tag = tag.to_str().unwrap().to_owned();
            let body = to_bytes(response.into_body()).await.unwrap();
            let list: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            let cursor = list["cursor"].as_str().unwrap_or_default();
            let cursor = format!("/v1/revocations?cursor={cursor}");
            (status, tag, cursor, list["sessions"].clone())
        };
        let revoke = |number: u32| {
            store
                .transaction(|r| -> Result<_, StoreError> {
                    let revoked = [Revoked::Session(session(number))];
                    r.revocations().append(&revoked, app.now())
                })
                .unwrap();
        };
        revoke(1);
        let (_, _, cursor, _) = poll("/v1/revocations", "none").await;
        revoke(2);
        let (_, tag, _, _) = poll("/v1/revocations", "none").await;
        let (status, same_tag, newer_cursor, sessions) = poll(&cursor, &tag).await;
        assert_eq!((status, &same_tag), (StatusCode::OK, &tag));
        let digest = RevocationDigest::of(&session(2).to_string()).to_string();
        assert_eq!(sessions, serde_json::json!([digest]));
        assert_eq!(poll(&newer_cursor, &tag).await.0, StatusCode::NOT_MODIFIED);
        assert_eq!(poll("/v1/revocations", &tag).await.0, StatusCode::NOT_MODIFIED);
        app.stop();
    }

    /// The shortest of several times, which others on the machine lengthen the least.
    #[actix_web::test]
    async fn a_long_list_is_rendered_once_and_responses_to_followers_are_cheap() {
        let store = Arc::new(MemoryStore::new());
        let (app, _) = application_over(Arc::clone(&store));
        let revoked: Vec<Revoked> = (0..ENTRIES)
            .map(|number| Revoked::Session(session(number)))
            .collect();
        let now_on_the_clock = app.now();
        let append = |revoked: &[Revoked]| {
            store.transaction(|r| -> Result<_, StoreError> {
                r.revocations().append(revoked, now_on_the_clock)
            })
        };
        append(&revoked).unwrap();
        // An unoptimised build takes a while to read them.
        while app.revocations().all().1.sessions.len() < ENTRIES as usize {
            app.revocations().all_read().await;
        }
        app.revocations().all_read().await;
        let server = init_service(in_process(Arc::clone(&app), Arc::new(Api::default())).unwrap()).await;
        let request = |uri: &str, tag: &str| {
            let request = TestRequest::with_uri(uri).insert_header(("host", "localhost"));
            request.insert_header((header::IF_NONE_MATCH, tag)).to_request()
        };
        let first = call_service(&server, request("/v1/revocations", "none")).await;
        let tag = first
            .headers()
            .get(header::ETAG)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let body = to_bytes(first.into_body()).await.unwrap();
        let list: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(list["sessions"].as_array().unwrap().len(), ENTRIES as usize);
        let cursor = format!("/v1/revocations?cursor={}", list["cursor"].as_str().unwrap());

        let mut shortest = [Duration::MAX; 3];
        for _ in 0..20 {
            let cases = [
                ("/v1/revocations", tag.as_str(), StatusCode::NOT_MODIFIED),
                ("/v1/revocations", "none", StatusCode::OK),
                (cursor.as_str(), "none", StatusCode::OK),
            ];
            for ((uri, tag, status), shortest) in cases.into_iter().zip(&mut shortest) {
                let request = request(uri, tag);
                let since = now();
                let response = call_service(&server, request).await;
                *shortest = now().duration_since(since).min(*shortest);
                assert_eq!(response.status(), status);
            }
        }
        assert!(
            shortest.iter().all(|time| *time < Duration::from_millis(5)),
            "{shortest:?}"
        );

        // A change is visible in the next response, whatever was rendered.
        append(&[Revoked::Session(session(ENTRIES))]).unwrap();
        app.revocations().all_read().await;
        let changed = call_service(&server, request("/v1/revocations", &tag)).await;
        assert_eq!(changed.status(), StatusCode::OK);
        let body = to_bytes(changed.into_body()).await.unwrap();
        let digest = RevocationDigest::of(&session(ENTRIES).to_string()).to_string();
        assert!(String::from_utf8(body.to_vec()).unwrap().contains(&digest));
        let newer = call_service(&server, request(&cursor, "none")).await;
        let body = to_bytes(newer.into_body()).await.unwrap();
        let newer: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(newer["sessions"], serde_json::json!([digest]));
        app.stop();
    }
}
