//! Faults at numbered calls, as a client sees them.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::suite;
use crate::cloud::gateway::{Calls, Effect, Interruption, RandomFaults, Reason, Refusals, Refused};
use crate::cloud::test_client::TestCall;
use crate::cloud::{web, xml};
use crate::wait::{self, Poll};

#[tokio::test]
async fn a_call_is_broken_off_where_a_suite_wants_it() {
    let Some(suite) = suite().await else { return };
    let vpc = "Action=CreateVpc&CidrBlock=10.0.0.0/16";
    let count = async || {
        let answer = suite
            .account
            .moto()
            .call("ec2", "DescribeVpcs", &[])
            .await
            .unwrap();
        xml::texts(&answer, "vpcId").len()
    };
    let before = count().await;
    let create = TestCall {
        method: "POST",
        headers: vec![super::FORM],
        body: vpc,
        ..suite.call("ec2")
    };
    let ask = async || {
        let mut request = suite.signed(&create);
        *request.uri_mut() = format!("{}/", suite.account.url()).parse().unwrap();
        tokio::time::timeout(Duration::from_secs(5), web::send(&web::client(), request)).await
    };
    let at = |call, effect| Refusals {
        interruptions: vec![Interruption {
            start: 0,
            call,
            of: Calls::Mutating,
            caller: Some("/admin/".to_owned()),
            effect,
        }],
        ..Refusals::default()
    };
    suite.ec2("Action=DescribeVpcs").await;
    for (call, effect, made) in [(1, Effect::Closed, 0), (2, Effect::DoneThenClosed, 1)] {
        suite.account.set_faults(&at(call, effect)).unwrap();
        let answer = ask().await.unwrap();
        assert!(
            matches!(answer, Err(web::WebError::Unanswered { .. })),
            "{answer:?}"
        );
        assert_eq!(count().await, before + made, "{effect:?}");
    }
    for (call, effect, code) in [
        (3, Effect::Throttled, "RequestLimitExceeded"),
        (4, Effect::ServerError, "InternalError"),
        (5, Effect::Denied, "UnauthorizedOperation"),
    ] {
        suite.account.set_faults(&at(call, effect)).unwrap();
        let answer = ask().await.unwrap().unwrap();
        assert_eq!(xml::text(&answer.text(), "Code").as_deref(), Some(code));
    }
    suite
        .account
        .set_faults(&at(6, Effect::DoneThenHeld))
        .unwrap();
    let mut request = suite.signed(&create);
    *request.uri_mut() = format!("{}/", suite.account.url()).parse().unwrap();
    let held = tokio::spawn(async move { web::send(&web::client(), request).await.is_ok() });
    wait::until(
        "the call that is held",
        Duration::from_secs(5),
        async || match suite.account.log().unwrap().last() {
            Some(last) if last.effect == Some(Effect::DoneThenHeld) => Poll::Ready(()),
            last => Poll::Pending(format!("{last:?}")),
        },
    )
    .await
    .unwrap();
    assert!(!held.is_finished());
    held.abort();
    assert_eq!(count().await, before + 2);

    let numbers: Vec<_> = suite
        .account
        .log()
        .unwrap()
        .iter()
        .map(|call| (call.number, call.mutates))
        .collect();
    assert_eq!(numbers[..3], [(1, false), (2, true), (3, true)]);
    suite.account.set_faults(&at(7, Effect::Expired)).unwrap();
    for _ in 0..2 {
        let answer = ask().await.unwrap().unwrap();
        assert_eq!(
            xml::text(&answer.text(), "Code").as_deref(),
            Some("RequestExpired")
        );
    }
    suite.account.reset().await.unwrap();
    assert_eq!(suite.account.log().unwrap(), []);
    suite.ec2("Action=DescribeVpcs").await;
}

#[tokio::test]
async fn roles_may_not_what_a_suite_forbids_and_some_calls_fail_at_random() {
    let Some(suite) = suite().await else { return };
    let refused = Refused {
        role: "admin".to_owned(),
        action: "eks:CreateCluster".to_owned(),
        times: Some(1),
        reason: Reason::Denied,
    };
    let faults = Refusals {
        refusals: vec![refused],
        ..Refusals::default()
    };
    suite.account.set_faults(&faults).unwrap();
    let message = suite.refused("POST", "/clusters", json!({})).await;
    assert!(
        message.contains("is not authorized to perform: eks:CreateCluster"),
        "{message}"
    );
    let faults = Refusals {
        random: Some(RandomFaults {
            start: 1,
            seed: 7,
            rate: 0.5,
            of: Calls::All,
            caller: None,
            effects: vec![Effect::Throttled],
            most: Some(2),
        }),
        ..Refusals::default()
    };
    suite.account.set_faults(&faults).unwrap();
    let mut throttled = 0;
    for _ in 0..12 {
        let (status, answer) = suite.eks("GET", "/clusters", Value::Null).await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(answer["message"], "Rate exceeded");
            throttled += 1;
        }
    }
    assert_eq!(throttled, 2);
}
