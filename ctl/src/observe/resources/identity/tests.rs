use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::Tag;

use super::*;
use crate::resource::Tags;

fn role() -> Role {
    Role::builder()
        .path("/")
        .role_name("nodectl-prod-node")
        .role_id("AROA1")
        .arn("arn:aws:iam::111122223333:role/nodectl-prod-node")
        .create_date(DateTime::from_secs(0))
        .assume_role_policy_document("%7B%22Version%22%3A%20%222012-10-17%22%7D")
        .tags(Tag::builder().key("team").value("x").build().unwrap())
        .build()
        .unwrap()
}

#[test]
fn a_role_has_its_trust_in_plain_words_and_its_policies() {
    let policy = AttachedPolicy::builder().policy_arn("arn:aws:iam::aws:policy/A");
    let found = read_role(&role(), &[policy.build()]);
    let expected = resource::Role {
        name: "nodectl-prod-node".to_owned(),
        description: String::new(),
        trust: r#"{"Version":"2012-10-17"}"#.into(),
        policies: BTreeSet::from(["arn:aws:iam::aws:policy/A".to_owned()]),
        tags: Tags::from([("team".to_owned(), "x".to_owned())]),
    };
    assert_eq!(found.body, Body::Role(expected));
    assert_eq!(
        found.outputs[&Attribute::Arn],
        "arn:aws:iam::111122223333:role/nodectl-prod-node"
    );
}

#[test]
fn an_instance_profile_without_a_role_has_none() {
    let profile = || {
        InstanceProfile::builder()
            .path("/")
            .instance_profile_name("p")
            .instance_profile_id("AIPA1")
            .arn("arn:aws:iam::111122223333:instance-profile/p")
            .create_date(DateTime::from_secs(0))
    };
    let role_of = |profile| match read_profile(&profile).body {
        Body::InstanceProfile(profile) => profile.role,
        other => panic!("{other:?}"),
    };
    let without = profile().set_roles(Some(Vec::new())).build().unwrap();
    assert_eq!(role_of(without), "".into());
    let with = profile().roles(role()).build().unwrap();
    assert_eq!(role_of(with), "nodectl-prod-node".into());
}

#[test]
fn a_provider_has_the_url_of_its_issuer() {
    let provider = GetOpenIdConnectProviderOutput::builder()
        .url("oidc.eks.us-west-2.amazonaws.com/id/A")
        .client_id_list("sts.amazonaws.com")
        .build();
    let found = read_provider("arn:aws:iam::1:oidc-provider/x", &provider);
    let expected = resource::OidcProvider {
        url: "https://oidc.eks.us-west-2.amazonaws.com/id/A".into(),
        audiences: BTreeSet::from(["sts.amazonaws.com".to_owned()]),
        tags: Tags::new(),
    };
    assert_eq!(found.body, Body::OidcProvider(expected));
}
