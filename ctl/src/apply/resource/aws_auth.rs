//! Roles in the ConfigMap `kube-system/aws-auth`, which clusters without access entries let nodes in by. It is merged, never
//! replaced: whoever breaks it locks every node out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;

use super::at::{At, id, plain};
use crate::apply::hands::{Error, Look, Why};
use crate::observe::eks::{self, ClusterFacts};
use crate::observe::kubernetes::map_roles::{self, Entry};
use crate::observe::kubernetes::{self, Connection};
use crate::resource::{AwsAuthRole, Outputs};

const NAMESPACE: &str = "kube-system";
const NAME: &str = "aws-auth";
const WRITING: &str = "writing the ConfigMap `kube-system/aws-auth`";

impl From<kubernetes::Error> for Error {
    fn from(error: kubernetes::Error) -> Self {
        let why = match &error {
            kubernetes::Error::Refused { code, .. } => match code {
                // Whoever has just made the cluster is let in some seconds later.
                401 => Why::NotYet,
                403 => Why::Denied { principal: None },
                404 => Why::Gone,
                409 => Why::Busy,
                429 => Why::Throttled,
                500.. => Why::Unanswered,
                _ => Why::Other,
            },
            kubernetes::Error::Unanswered { .. } => Why::Unanswered,
            _ => Why::Other,
        };
        Self {
            hints: error.hints(),
            ..Self::new(why, error)
        }
    }
}

/// The ConfigMap of one cluster.
struct Map {
    connection: Connection,
    api: Api<ConfigMap>,
}

impl Map {
    /// Connects with a token of our own; none when the cluster is gone.
    async fn open(at: At<'_>, cluster: &str) -> Result<Option<Self>, Error> {
        let aws = &at.clients.aws;
        let facts: ClusterFacts = match eks::describe_cluster(aws, cluster).await {
            Ok(facts) => facts,
            Err(eks::Error::NotFound { .. }) => return Ok(None),
            Err(eks::Error::Aws(error)) => return Err(error.into()),
            Err(error @ eks::Error::NoEndpoint { .. }) => {
                return Err(Error::new(Why::NotYet, error));
            }
        };
        let token = aws.token(cluster, Timestamp::now()).await?;
        let connection = Connection::through_eks(&facts, &token).await?;
        let api = Api::namespaced(connection.client().clone(), NAMESPACE);
        Ok(Some(Self { connection, api }))
    }

    async fn read(&self) -> Result<Option<ConfigMap>, Error> {
        Ok(self.connection.aws_auth().await?)
    }

    /// Writes the list of roles. What was read is what is replaced: when someone else was faster the API server refuses, since
    /// the resource version is no longer the last.
    async fn write(&self, was: Option<ConfigMap>, roles: String) -> Result<(), Error> {
        let parameters = PostParams::default();
        let Some(mut map) = was else {
            let mut data = BTreeMap::new();
            map_roles::put(&mut data, roles);
            let map = ConfigMap {
                metadata: ObjectMeta {
                    name: Some(NAME.to_owned()),
                    namespace: Some(NAMESPACE.to_owned()),
                    ..ObjectMeta::default()
                },
                data: Some(data),
                ..ConfigMap::default()
            };
            let created = self.api.create(&parameters, &map).await;
            created.map_err(|error| self.connection.failed(WRITING, error))?;
            return Ok(());
        };
        let before = map_roles::put(map.data.get_or_insert_default(), roles);
        tracing::info!(
            before = before.unwrap_or_default(),
            "mapRoles of kube-system/aws-auth is changed"
        );
        let replaced = self.api.replace(NAME, &parameters, &map).await;
        replaced.map_err(|error| self.connection.failed(WRITING, error))?;
        Ok(())
    }
}

fn entry(role: &AwsAuthRole) -> Entry {
    Entry {
        rolearn: plain(&role.role).to_owned(),
        username: role.username.clone(),
        groups: role.groups.iter().cloned().collect(),
    }
}

fn unreadable(source: map_roles::Error) -> Error {
    Error::new(Why::Other, source)
}

/// Adds the role, or brings its entry to what is wanted.
pub(super) async fn put(at: At<'_>, wanted: &AwsAuthRole) -> Result<Outputs, Error> {
    let cluster = plain(&wanted.cluster);
    let map = Map::open(at, cluster).await?;
    let map = at.has("eks:DescribeCluster", "cluster", map)?;
    let was = map.read().await?;
    let merged =
        map_roles::with(map_roles::of(was.as_ref()), &entry(wanted)).map_err(unreadable)?;
    if merged != map_roles::of(was.as_ref()) {
        map.write(was, merged).await?;
    }
    Ok(id(plain(&wanted.role)))
}

/// Takes the role out.
pub(super) async fn delete(at: At<'_>, observed: &AwsAuthRole) -> Result<(), Error> {
    let Some(map) = Map::open(at, plain(&observed.cluster)).await? else {
        return Ok(());
    };
    let was = map.read().await?;
    let left = map_roles::without(map_roles::of(was.as_ref()), plain(&observed.role));
    let left = left.map_err(unreadable)?;
    if left != map_roles::of(was.as_ref()) {
        map.write(was, left).await?;
    }
    Ok(())
}

/// Whether the role has the entry that is wanted.
pub(super) async fn look(at: At<'_>, wanted: &AwsAuthRole) -> Result<Look, Error> {
    let Some(map) = Map::open(at, plain(&wanted.cluster)).await? else {
        return Ok(Look::Gone);
    };
    let is = map.read().await?;
    let role = plain(&wanted.role);
    let found = map_roles::find(map_roles::of(is.as_ref()), role).map_err(unreadable)?;
    Ok(if found.is_some() {
        Look::Ready(id(role))
    } else {
        Look::Gone
    })
}
