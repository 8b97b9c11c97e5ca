//! Roles of the ConfigMap `kube-system/aws-auth`, the older way into a cluster.

use jiff::Timestamp;

use super::Error;
use super::found::known;
use crate::observe::clients::Clients;
use crate::observe::eks::ClusterFacts;
use crate::observe::kubernetes::{Connection, map_roles};
use crate::resource::{self, Attribute, Body, Kind, Observed, Outputs, Owner, Status, Wanted};

/// Asks the API server for those roles that are wanted. Nothing is asked where none is, or while there is no API server.
pub(super) async fn observed(
    clients: &Clients,
    cluster: &str,
    observed: &[Observed],
    wanted: &[Wanted],
) -> Result<Vec<Observed>, Error> {
    let wanted: Vec<&Wanted> = wanted
        .iter()
        .filter(|wanted| wanted.address.kind == Kind::AwsAuthRole)
        .collect();
    let Some(facts) = api_server(observed).filter(|_| !wanted.is_empty()) else {
        return Ok(Vec::new());
    };
    let token = clients.aws.token(cluster, Timestamp::now()).await?;
    let failed = |source| Error::Kubernetes {
        cluster: cluster.to_owned(),
        source,
    };
    let connection = Connection::through_eks(&facts, &token)
        .await
        .map_err(failed)?;
    let document = connection.aws_auth().await.map_err(failed)?;
    let roles = map_roles::of(document.as_ref());
    Ok(wanted
        .into_iter()
        .filter_map(|wanted| found(wanted, observed, roles, cluster))
        .collect())
}

/// How to reach the API server of the cluster; none while it has none, or loses it.
fn api_server(observed: &[Observed]) -> Option<ClusterFacts> {
    let cluster = observed
        .iter()
        .find(|observed| observed.address.kind == Kind::Cluster)
        .filter(|cluster| matches!(cluster.status, Status::Ready | Status::Updating))?;
    let output = |attribute| cluster.outputs.get(&attribute).cloned();
    Some(ClusterFacts {
        name: output(Attribute::Id)?,
        arn: output(Attribute::Arn)?,
        endpoint: output(Attribute::Endpoint)?,
        certificate_authority: output(Attribute::CertificateAuthority)?,
    })
}

/// The entry of a wanted role in a list of roles. It is ours when we made the role. What is no list has none, as for the
/// authenticator.
fn found(wanted: &Wanted, observed: &[Observed], roles: &str, cluster: &str) -> Option<Observed> {
    let Body::AwsAuthRole(body) = known(&wanted.body, observed) else {
        return None;
    };
    let arn = body.role.known()?;
    let entry = map_roles::find(roles, arn).ok().flatten()?;
    let is_ours = observed.iter().any(|observed| {
        observed.owner == Owner::Ours
            && observed.address.kind == Kind::Role
            && observed.outputs.get(&Attribute::Arn).map(String::as_str) == Some(arn)
    });
    Some(Observed {
        address: wanted.address.clone(),
        body: Body::AwsAuthRole(resource::AwsAuthRole {
            cluster: cluster.into(),
            role: arn.into(),
            username: entry.username,
            groups: entry.groups.into_iter().collect(),
        }),
        outputs: Outputs::from([(Attribute::Id, arn.to_owned())]),
        owner: if is_ours { Owner::Ours } else { Owner::Other },
        status: Status::Ready,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::resource::{Address, AwsAuthRole, Text};

    const ROLES: &str = "
- rolearn: arn:aws:iam::1:role/other
  username: system:node:{{EC2PrivateDNSName}}
  groups: [system:bootstrappers, system:nodes]
- {userarn: nonsense}
- rolearn: arn:aws:iam::1:role/node
  username: jo
";

    fn wanted() -> Wanted {
        Wanted {
            address: Address::new(Kind::AwsAuthRole, "node"),
            body: Body::AwsAuthRole(AwsAuthRole {
                cluster: "prod".into(),
                role: Text::of(&Address::new(Kind::Role, "node"), Attribute::Arn),
                ..AwsAuthRole::default()
            }),
            after: BTreeSet::new(),
        }
    }

    fn role(owner: Owner) -> Observed {
        Observed {
            address: Address::new(Kind::Role, "node"),
            body: Body::Role(resource::Role::default()),
            outputs: Outputs::from([(Attribute::Arn, "arn:aws:iam::1:role/node".to_owned())]),
            owner,
            status: Status::Ready,
        }
    }

    #[test]
    fn the_entry_of_a_role_that_is_known_only_now_is_found() {
        assert_eq!(found(&wanted(), &[], ROLES, "prod"), None);
        for nothing in ["", "- ["] {
            let observed = [role(Owner::Ours)];
            assert_eq!(found(&wanted(), &observed, nothing, "prod"), None);
        }
        let ours = found(&wanted(), &[role(Owner::Ours)], ROLES, "prod").unwrap();
        assert_eq!(ours.owner, Owner::Ours);
        let Body::AwsAuthRole(body) = ours.body else {
            panic!("it is a role of aws-auth");
        };
        assert_eq!((body.username.as_str(), body.groups.len()), ("jo", 0));
        let other = found(&wanted(), &[role(Owner::Other)], ROLES, "prod").unwrap();
        assert_eq!(other.owner, Owner::Other);
    }
}
