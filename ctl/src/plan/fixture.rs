//! Documents, and what AWS would say after they were applied.

use std::collections::BTreeMap;

use super::change::{Action, Change, Origin, Plan};
use super::difference;
use super::fingerprint::fingerprint;
use super::wanted::wanted;
use crate::observe::choices::{Choices, Image};
use crate::resource::{
    Address, Attribute, Body, Kind, Observed, Outputs, Owner, Status, Wanted, resolve,
};
use crate::spec::Cluster;

pub(crate) fn document(text: &str) -> Cluster {
    serde_saphyr::from_str(text).unwrap()
}

/// A cluster whose `spec` is this, without line breaks before it.
pub(crate) fn cluster(spec: &str) -> Cluster {
    let lines: Vec<&str> = spec.lines().collect();
    let spec = lines.join("\n  ");
    document(&format!(
        "metadata:\n  name: demo\nspec:\n  version: \"1.34\"\n  {spec}\n"
    ))
}

pub(crate) fn choices() -> Choices {
    Choices {
        account: "111122223333".to_owned(),
        partition: "aws".to_owned(),
        region: "us-west-2".to_owned(),
        zones: ["a", "b", "c", "d"]
            .map(|zone| format!("us-west-2{zone}"))
            .into(),
        ..Choices::default()
    }
}

/// [`choices`] in which a group has an AMI of its own.
pub(crate) fn choices_with_image(group: &str) -> Choices {
    let image = Image {
        id: "ami-0a1".to_owned(),
        root_device: "/dev/sda1".to_owned(),
        architecture: "x86_64".to_owned(),
        ..Image::default()
    };
    Choices {
        images: BTreeMap::from([(group.to_owned(), image)]),
        ..choices()
    }
}

pub(crate) fn origin() -> Origin {
    Origin {
        cluster: "demo".to_owned(),
        partition: "aws".to_owned(),
        region: "us-west-2".to_owned(),
        account: "111122223333".to_owned(),
        made_at: "2026-11-27T18:00:00Z".parse().unwrap(),
    }
}

/// What a `spec` asks for, with the choices of [`choices`].
pub(crate) fn wanted_of(spec: &str) -> Vec<Wanted> {
    wanted(&cluster(spec), &choices(), &BTreeMap::new())
}

/// How AWS is after all of it was made by us.
pub(crate) fn as_observed(wanted: &[Wanted]) -> Vec<Observed> {
    let mut observed: Vec<Observed> = Vec::new();
    for thing in wanted {
        let body = resolved(&thing.body, &observed);
        observed.push(Observed {
            address: thing.address.clone(),
            outputs: outputs(&thing.address, &body),
            body: filled_in(body),
            owner: Owner::Ours,
            status: Status::Ready,
        });
    }
    observed
}

pub(crate) fn resolved(body: &Body, observed: &[Observed]) -> Body {
    let mut properties = body.to_json();
    resolve(&mut properties, &|address, attribute| {
        let there = observed.iter().find(|there| there.address == *address)?;
        there.outputs.get(&attribute).cloned()
    });
    body.with_properties(properties).unwrap()
}

/// What AWS says where the document says nothing.
fn filled_in(mut body: Body) -> Body {
    match &mut body {
        Body::Cluster(cluster) => {
            cluster
                .service_cidr
                .get_or_insert_with(|| "172.20.0.0/16".to_owned());
        }
        Body::Addon(addon) => {
            addon
                .version
                .get_or_insert_with(|| "v1.2.3-eksbuild.1".to_owned());
        }
        Body::NodeGroup(group) => {
            group.scaling.desired.get_or_insert(group.scaling.min);
            group.update.max_unavailable.get_or_insert(1);
            if group.version.is_some() {
                group
                    .release_version
                    .get_or_insert_with(|| "1.34.1-20251103".to_owned());
            }
        }
        Body::AutoScalingGroup(group) => {
            group.scaling.desired.get_or_insert(group.scaling.min);
        }
        _ => {}
    }
    body
}

fn outputs(address: &Address, body: &Body) -> Outputs {
    let name = &address.name;
    let arn =
        |service: &str, rest: String| format!("arn:aws:{service}:us-west-2:111122223333:{rest}");
    let iam = |rest: String| format!("arn:aws:iam::111122223333:{rest}");
    let id = |prefix: &str| Outputs::from([(Attribute::Id, format!("{prefix}-{name}"))]);
    match body {
        Body::Vpc(_) => id("vpc"),
        Body::InternetGateway(_) => id("igw"),
        Body::Subnet(_) => id("subnet"),
        Body::NatGateway(_) => id("nat"),
        Body::RouteTable(_) => id("rtb"),
        Body::SecurityGroup(_) => id("sg"),
        Body::ElasticIp(_) => {
            let mut outputs = id("eipalloc");
            outputs.insert(Attribute::PublicIp, "203.0.113.7".to_owned());
            outputs
        }
        Body::LaunchTemplate(_) => {
            let mut outputs = id("lt");
            outputs.insert(Attribute::Version, "1".to_owned());
            outputs
        }
        Body::Role(role) => Outputs::from([
            (Attribute::Id, role.name.clone()),
            (Attribute::Arn, iam(format!("role/{}", role.name))),
        ]),
        Body::InstanceProfile(profile) => Outputs::from([
            (Attribute::Id, profile.name.clone()),
            (
                Attribute::Arn,
                iam(format!("instance-profile/{}", profile.name)),
            ),
        ]),
        Body::OidcProvider(_) => Outputs::from([(
            Attribute::Arn,
            iam("oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/ABC".to_owned()),
        )]),
        Body::Cluster(cluster) => Outputs::from([
            (Attribute::Id, cluster.name.clone()),
            (
                Attribute::Arn,
                arn("eks", format!("cluster/{}", cluster.name)),
            ),
            (
                Attribute::Endpoint,
                "https://abc.us-west-2.eks.amazonaws.com".to_owned(),
            ),
            (Attribute::CertificateAuthority, certificate()),
            (Attribute::ServiceCidr, "172.20.0.0/16".to_owned()),
            (
                Attribute::Issuer,
                "https://oidc.eks.us-west-2.amazonaws.com/id/ABC".to_owned(),
            ),
            (
                Attribute::IssuerHost,
                "oidc.eks.us-west-2.amazonaws.com/id/ABC".to_owned(),
            ),
            (Attribute::SecurityGroup, "sg-cluster".to_owned()),
        ]),
        Body::NodeGroup(group) => Outputs::from([(Attribute::Id, group.name.clone())]),
        Body::AutoScalingGroup(group) => Outputs::from([(Attribute::Id, group.name.clone())]),
        _ => Outputs::new(),
    }
}

fn certificate() -> String {
    use base64::Engine as _;
    let text = include_str!("../../../tests/cases/ca.crt");
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// The plan from what AWS is like after `before` to `after`.
pub(crate) fn plan_between(before: &[Wanted], after: &[Wanted]) -> Plan {
    difference::plan(&origin(), after, &as_observed(before)).unwrap()
}

pub(crate) fn change<'a>(plan: &'a Plan, address: &str) -> &'a Change {
    let changes = plan.changes.iter();
    let mut found = changes.filter(|change| change.address.to_string() == address);
    found.next().unwrap_or_else(|| {
        let all: Vec<String> = plan.changes.iter().map(|c| c.address.to_string()).collect();
        panic!("{address} is not among {all:?}")
    })
}

/// What happens, without the things that stay as they are.
pub(crate) fn actions(plan: &Plan) -> Vec<(Action, String)> {
    plan.changes
        .iter()
        .filter(|change| change.action != Action::Keep)
        .map(|change| (change.action, change.address.to_string()))
        .collect()
}

pub(crate) fn body<'a>(wanted: &'a [Wanted], kind: Kind, name: &str) -> &'a Body {
    let address = Address::new(kind, name);
    let found = wanted.iter().find(|thing| thing.address == address);
    &found.unwrap_or_else(|| panic!("no {address}")).body
}

/// Whether AWS has changed since the plan was made, or the plan itself was edited.
pub(crate) fn is_stale(plan: &Plan, observed_now: &[Observed]) -> bool {
    fingerprint(&plan.changes, observed_now) != plan.fingerprint
}
