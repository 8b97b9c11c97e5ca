//! Verification against requests that botocore has signed.

use http::Request;
use jiff::SignedDuration;
use serde::Deserialize;

use super::*;
use crate::cloud::credentials::{Identity, MintedCredential};

/// `botocore-vectors.json`, made by `botocore-vectors.py`.
#[derive(Deserialize)]
struct Document {
    time: Timestamp,
    access_key_id: String,
    secret_access_key: String,
    vectors: Vec<Vector>,
}

#[derive(Clone, Deserialize)]
struct Vector {
    name: String,
    method: String,
    uri: String,
    headers: std::collections::BTreeMap<String, String>,
    body: String,
    session_token: Option<String>,
}

fn document() -> Document {
    serde_json::from_str(include_str!("botocore-vectors.json")).unwrap()
}

fn vector(name: &str) -> Vector {
    document()
        .vectors
        .into_iter()
        .find(|vector| vector.name == name)
        .unwrap()
}

fn credential(vector: &Vector) -> MintedCredential {
    let document = document();
    MintedCredential {
        access_key_id: document.access_key_id,
        secret_access_key: document.secret_access_key,
        session_token: vector.session_token.clone(),
        minted_at: document.time,
        expiration: Some(document.time + SignedDuration::from_hours(1)),
        identity: Identity {
            account_id: "111122223333".to_owned(),
            arn: "arn:aws:sts::111122223333:assumed-role/lab-node/i-1".to_owned(),
            user_id: "AROA:i-1".to_owned(),
        },
    }
}

/// Verifies so long after the signing, with a credential of its own.
fn verify_after(vector: &Vector, age: SignedDuration) -> Result<(), Refusal> {
    verify_with(vector, &credential(vector), age)
}

fn verify_with(
    vector: &Vector,
    credential: &MintedCredential,
    age: SignedDuration,
) -> Result<(), Refusal> {
    let mut request = Request::builder()
        .method(vector.method.as_str())
        .uri(&vector.uri);
    for (name, value) in &vector.headers {
        request = request.header(name, value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    let request = SignedRequest {
        method: &head.method,
        uri: &head.uri,
        headers: &head.headers,
        body: vector.body.as_bytes(),
    };
    Claim::read(request)?.verify(request, credential, document().time + age)
}

const NOW: SignedDuration = SignedDuration::ZERO;

#[test]
fn what_botocore_signs_is_accepted() {
    for vector in document().vectors {
        verify_after(&vector, NOW).unwrap_or_else(|refusal| panic!("{}: {refusal}", vector.name));
    }
}

#[test]
fn whatever_is_changed_after_signing_is_noticed() {
    let refused = |name: &str, change: fn(&mut Vector)| {
        let mut vector = vector(name);
        change(&mut vector);
        let refusal = verify_after(&vector, NOW).unwrap_err();
        assert!(
            matches!(refusal, Refusal::SignatureDoesNotMatch),
            "{name}: {refusal}"
        );
    };
    let header = |vector: &mut Vector, name: &str, value: &str| {
        assert!(
            vector
                .headers
                .insert(name.to_owned(), value.to_owned())
                .is_some()
        );
    };
    refused("query protocol", |vector| vector.body.push('9'));
    refused("query protocol", |vector| vector.method = "PUT".to_owned());
    refused("query protocol", |vector| {
        vector.uri = "/?extra=1".to_owned();
    });
    refused("token of a node", |vector| {
        vector.uri = vector.uri.replace("2011-06-15", "2011-06-16");
    });
    refused("token of a node", |vector| {
        vector.uri = vector.uri.replace("X-Amz-Expires=60", "X-Amz-Expires=900");
    });
    // A token of one cluster is worth nothing for another.
    let mut elsewhere = vector("token of a node");
    header(&mut elsewhere, "x-k8s-aws-id", "other");
    let refusal = verify_after(&elsewhere, NOW).unwrap_err();
    assert!(
        matches!(refusal, Refusal::SignatureDoesNotMatch),
        "{refusal}"
    );
    header(&mut elsewhere, "x-k8s-aws-id", "lab");
    verify_after(&elsewhere, NOW).unwrap();
}

#[test]
fn the_secret_and_the_session_token_must_be_those_of_the_key() {
    let vector = vector("token of a node");
    let other_secret = MintedCredential {
        secret_access_key: "another".to_owned(),
        ..credential(&vector)
    };
    let refusal = verify_with(&vector, &other_secret, NOW).unwrap_err();
    assert!(
        matches!(refusal, Refusal::SignatureDoesNotMatch),
        "{refusal}"
    );
    for session_token in [None, Some("another".to_owned())] {
        let other_session = MintedCredential {
            session_token,
            ..credential(&vector)
        };
        let refusal = verify_with(&vector, &other_session, NOW).unwrap_err();
        assert!(
            matches!(refusal, Refusal::UnknownCredential { .. }),
            "{refusal}"
        );
    }
}

#[test]
fn an_expired_credential_is_told_from_an_old_signature() {
    let vector = vector("query protocol");
    let refusal = verify_after(&vector, SignedDuration::from_hours(1)).unwrap_err();
    assert!(
        matches!(refusal, Refusal::ExpiredCredential { .. }),
        "{refusal}"
    );
    let refusal = verify_after(&vector, SignedDuration::from_mins(16)).unwrap_err();
    assert!(
        matches!(refusal, Refusal::SignatureExpired { .. }),
        "{refusal}"
    );
    let refusal = verify_after(&vector, -SignedDuration::from_mins(16)).unwrap_err();
    assert!(
        matches!(refusal, Refusal::SignatureNotYetCurrent { .. }),
        "{refusal}"
    );
}

#[test]
fn a_token_lives_a_quarter_of_an_hour_whatever_its_expires_says() {
    let token = vector("token of a node");
    assert!(token.uri.contains("X-Amz-Expires=60&"));
    verify_after(&token, SignedDuration::from_mins(15)).unwrap();
    let refusal = verify_after(&token, SignedDuration::from_secs(15 * 60 + 1)).unwrap_err();
    assert!(
        matches!(refusal, Refusal::SignatureExpired { .. }),
        "{refusal}"
    );
}

#[test]
fn what_is_not_signed_properly_is_named() {
    let without = |name: &str| {
        let mut vector = vector("query protocol");
        vector.headers.remove(name).unwrap();
        verify_after(&vector, NOW).unwrap_err()
    };
    let refusal = without("Authorization");
    assert!(
        matches!(refusal, Refusal::MissingAuthenticationToken),
        "{refusal}"
    );
    let refusal = without("X-Amz-Date");
    assert!(matches!(refusal, Refusal::Incomplete { .. }), "{refusal}");

    let with = |change: fn(&str) -> String| {
        let mut vector = vector("query protocol");
        let authorization = vector.headers.get_mut("Authorization").unwrap();
        *authorization = change(authorization);
        verify_after(&vector, NOW).unwrap_err().to_string()
    };
    assert!(with(|text| text.replace("host;", "")).contains("'Host' must be"));
    assert!(with(|text| text.replace("Signature=", "Sig=")).contains("'Signature'"));
    assert!(with(|text| text.replace("/20260102/", "/20260103/")).contains("does not match"));
    assert!(with(|text| text.replace("/aws4_request", "")).contains("5 slash-delimited"));
    assert!(with(|_| "Bearer abc".to_owned()).contains("must begin with"));
}
