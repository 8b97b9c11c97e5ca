//! From things that were found to things that are observed: whose they are, and what they are called in the graph. Pure.

use std::collections::BTreeMap;

use crate::resource::{
    ADDRESS_TAG, Address, Body, CLUSTER_TAG, Observed, Outputs, Owner, Status, Tags, Text, Wanted,
    resolve,
};

/// A thing that was found.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::observe) struct Found {
    /// How it is.
    pub(in crate::observe) body: Body,
    /// What others may need of it.
    pub(in crate::observe) outputs: Outputs,
    /// Its tags.
    pub(in crate::observe) tags: Tags,
    /// How far it is.
    pub(in crate::observe) status: Status,
}

impl Found {
    /// What its owner tags say: its address in the cluster of this name.
    pub(in crate::observe) fn own_address(&self, cluster: &str) -> Option<Address> {
        self.tags.get(CLUSTER_TAG).filter(|name| *name == cluster)?;
        let address: Address = self.tags.get(ADDRESS_TAG)?.parse().ok()?;
        (address.kind == self.body.kind()).then_some(address)
    }

    fn observed(self, address: Address, owner: Owner) -> Observed {
        Observed {
            address,
            body: self.body,
            outputs: self.outputs,
            owner,
            status: self.status,
        }
    }
}

/// Tells what is ours by its tags, and what is wanted by its name; the rest is dropped.
pub(super) fn assemble(found: Vec<Found>, cluster: &str, wanted: &[Wanted]) -> Vec<Observed> {
    let mut observed = Vec::new();
    let mut rest = Vec::new();
    for found in found {
        match found.own_address(cluster) {
            Some(address) => observed.push(found.observed(address, Owner::Ours)),
            None => rest.push(found),
        }
    }
    // What a thing is called may be known only when another one is found: a second look finds the access entry of a role.
    for _ in 0..2 {
        let names = names(&observed, wanted);
        let mut unknown = Vec::new();
        for found in rest {
            let name = natural_name(&found.body).map(|name| (found.body.kind(), name));
            match name.and_then(|name| names.get(&name).cloned()) {
                Some(address) => observed.push(found.observed(address, Owner::Other)),
                None => unknown.push(found),
            }
        }
        rest = unknown;
    }
    observed
}

type Names = BTreeMap<(crate::resource::Kind, String), Address>;

/// Addresses of what is wanted, by the names that are known so far.
fn names(observed: &[Observed], wanted: &[Wanted]) -> Names {
    wanted
        .iter()
        .filter_map(|wanted| {
            let name = natural_name(&known(&wanted.body, observed))?;
            Some(((wanted.address.kind, name), wanted.address.clone()))
        })
        .collect()
}

/// A body with what is known in the place of its references.
pub(super) fn known(body: &Body, observed: &[Observed]) -> Body {
    let mut properties = body.to_json();
    resolve(&mut properties, &|address, attribute| {
        let of = observed
            .iter()
            .find(|observed| observed.address == *address)?;
        of.outputs.get(&attribute).cloned()
    });
    body.with_properties(properties)
        .unwrap_or_else(|_| body.clone())
}

/// The name that only one thing of its kind can have in an account and region, or in the cluster.
fn natural_name(body: &Body) -> Option<String> {
    let text = |text: &Text| text.known().map(str::to_owned);
    match body {
        Body::SubnetTags(tags) => Some(tags.subnet.clone()),
        Body::LogGroup(group) => Some(group.name.clone()),
        Body::Role(role) => Some(role.name.clone()),
        Body::InstanceProfile(profile) => Some(profile.name.clone()),
        Body::Cluster(cluster) => Some(cluster.name.clone()),
        Body::OidcProvider(provider) => text(&provider.url),
        Body::AccessEntry(entry) => text(&entry.principal),
        Body::Addon(addon) => Some(addon.name.clone()),
        Body::PodIdentityAssociation(association) => Some(format!(
            "{}/{}",
            association.namespace, association.service_account
        )),
        Body::LaunchTemplate(template) => Some(template.name.clone()),
        Body::NodeGroup(group) => Some(group.name.clone()),
        Body::AutoScalingGroup(group) => Some(group.name.clone()),
        Body::Vpc(_)
        | Body::InternetGateway(_)
        | Body::Subnet(_)
        | Body::ElasticIp(_)
        | Body::NatGateway(_)
        | Body::RouteTable(_)
        | Body::SecurityGroup(_)
        | Body::AwsAuthRole(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::resource::{AccessEntry, Attribute, Kind, Role};

    fn role(name: &str, tags: Tags) -> Found {
        Found {
            body: Body::Role(Role {
                name: name.to_owned(),
                ..Role::default()
            }),
            outputs: Outputs::from([(Attribute::Arn, format!("arn:aws:iam::1:role/{name}"))]),
            tags,
            status: Status::Ready,
        }
    }

    fn entry(principal: Text) -> Body {
        Body::AccessEntry(AccessEntry {
            principal,
            ..AccessEntry::default()
        })
    }

    fn owned(cluster: &str, address: &str) -> Tags {
        Tags::from([
            (CLUSTER_TAG.to_owned(), cluster.to_owned()),
            (ADDRESS_TAG.to_owned(), address.to_owned()),
        ])
    }

    fn wanted(address: &str, body: Body) -> Wanted {
        Wanted {
            address: address.parse().unwrap(),
            body,
            after: BTreeSet::new(),
        }
    }

    fn told(observed: &[Observed]) -> Vec<(String, Owner)> {
        observed
            .iter()
            .map(|observed| (observed.address.to_string(), observed.owner))
            .collect()
    }

    #[test]
    fn ours_is_what_carries_the_tags_of_this_cluster() {
        let found = vec![
            role("a", owned("prod", "role/node")),
            role("b", owned("other", "role/node")),
            role("c", owned("prod", "vpc/main")),
            role("d", Tags::new()),
        ];
        let observed = assemble(found, "prod", &[]);
        assert_eq!(told(&observed), [("role/node".to_owned(), Owner::Ours)]);
    }

    #[test]
    fn what_is_wanted_is_found_under_its_name_even_if_another_thing_tells_it() {
        let node = Address::new(Kind::Role, "node");
        let wanted = [
            wanted("role/node", role("mine", Tags::new()).body),
            wanted("access-entry/node", entry(Text::of(&node, Attribute::Arn))),
        ];
        let found = vec![
            Found {
                body: entry("arn:aws:iam::1:role/mine".into()),
                outputs: Outputs::new(),
                tags: Tags::new(),
                status: Status::Ready,
            },
            role("mine", Tags::new()),
        ];
        let observed = assemble(found, "prod", &wanted);
        assert_eq!(
            told(&observed),
            [
                ("role/node".to_owned(), Owner::Other),
                ("access-entry/node".to_owned(), Owner::Other)
            ]
        );
    }
}
