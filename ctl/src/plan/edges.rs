//! Which of the things that exist need which others: what was observed has ids in the place of references.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::resource::{Address, Attribute, Kind, Observed};

/// For each thing, those that it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Edges {
    /// Its values name them, so AWS refuses to delete them before it.
    pub(super) by_reference: BTreeMap<Address, BTreeSet<Address>>,
    /// It works only with them, though none of its values says so: see [`stands_on`].
    pub(super) by_kind: BTreeMap<Address, BTreeSet<Address>>,
}

impl Edges {
    pub(super) fn of(observed: &[Observed]) -> Self {
        let mut edges = Self::default();
        for thing in observed {
            let values = Values::of(thing);
            for other in observed {
                if other.address == thing.address {
                    continue;
                }
                let found = if values.name(other) {
                    &mut edges.by_reference
                } else if stands_on(thing.address.kind).contains(&other.address.kind) {
                    &mut edges.by_kind
                } else {
                    continue;
                };
                found
                    .entry(thing.address.clone())
                    .or_default()
                    .insert(other.address.clone());
            }
        }
        edges
    }

    /// Whether a thing needs another in either way.
    pub(super) fn needs(&self, thing: &Address, other: &Address) -> bool {
        [&self.by_reference, &self.by_kind]
            .into_iter()
            .any(|edges| edges.get(thing).is_some_and(|needs| needs.contains(other)))
    }
}

/// Kinds that must outlive those of a kind, beside what its values refer to.
///
/// Nodes are drained and leave the cluster through its network, and with their access and add-ons in place. A cluster makes
/// its log group anew as long as it logs. The internet gateway cannot be detached while public addresses are mapped through
/// it.
fn stands_on(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::NodeGroup | Kind::AutoScalingGroup => &[
            Kind::AccessEntry,
            Kind::AwsAuthRole,
            Kind::Addon,
            Kind::PodIdentityAssociation,
            Kind::RouteTable,
            Kind::NatGateway,
            Kind::InternetGateway,
        ],
        Kind::Cluster => &[Kind::LogGroup],
        Kind::OidcProvider => &[Kind::Cluster],
        Kind::NatGateway | Kind::ElasticIp => &[Kind::InternetGateway],
        _ => &[],
    }
}

/// The texts of a thing that can name others. Tags and its own name do not.
struct Values {
    kind: Kind,
    texts: Vec<String>,
}

impl Values {
    fn of(thing: &Observed) -> Self {
        let mut texts = Vec::new();
        if let Value::Object(fields) = thing.body.to_json() {
            for (field, value) in &fields {
                if !["name", "tags", "instanceTags", "description"].contains(&field.as_str()) {
                    collect(value, &mut texts);
                }
            }
        }
        Self {
            kind: thing.address.kind,
            texts,
        }
    }

    fn name(&self, other: &Observed) -> bool {
        other.outputs.iter().any(|(attribute, value)| {
            !value.is_empty()
                && match attribute {
                    // Whole values, and only of kinds whose names others hold.
                    Attribute::Id => self.refers_by_id(other.address.kind) && self.has(value),
                    Attribute::Arn | Attribute::Endpoint => self.holds(value),
                    Attribute::SecurityGroup | Attribute::Issuer => self.has(value),
                    Attribute::CertificateAuthority
                    | Attribute::ServiceCidr
                    | Attribute::IssuerHost
                    | Attribute::Version
                    | Attribute::PublicIp => false,
                }
        })
    }

    /// Names are unique within a kind only: a role is named by its instance profile, which may have the same name.
    fn refers_by_id(&self, kind: Kind) -> bool {
        match kind {
            Kind::Role => self.kind == Kind::InstanceProfile,
            Kind::InstanceProfile => self.kind == Kind::LaunchTemplate,
            Kind::Cluster => ![Kind::SubnetTags, Kind::LogGroup].contains(&self.kind),
            Kind::Vpc
            | Kind::InternetGateway
            | Kind::Subnet
            | Kind::ElasticIp
            | Kind::NatGateway
            | Kind::SecurityGroup
            | Kind::LaunchTemplate => true,
            _ => false,
        }
    }

    fn has(&self, value: &str) -> bool {
        self.texts.iter().any(|text| text == value)
    }

    /// Also within the policy of a role, and within user data.
    fn holds(&self, value: &str) -> bool {
        let has_documents = [Kind::Role, Kind::LaunchTemplate].contains(&self.kind);
        self.has(value) || has_documents && self.texts.iter().any(|text| text.contains(value))
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
