//! The EKS API: clusters, node groups, add-ons, access entries, pod identities and updates, with transitions that take
//! time (see [`Transitions`]) and everything that EKS makes in other services by itself.
//!
//! Owns `RUN/eks.json`. One call changes the state at a time, and each call first brings it to the present. The services
//! behind are asked directly, not through the gateway: what EKS does is no call of the client's. The lab's own cluster is
//! one like all others, but with the endpoint, authority and access entries of the lab's control plane.

mod access;
mod addon;
mod cluster;
mod health;
mod nodegroup;
mod pod_identity;
mod request;
mod state;
mod tag;
mod update;
mod version;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;

use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

pub use self::health::{Ailment, Ailments, Issue};

use self::request::Request;
use self::state::{Cluster, Leftovers, Resource, State};
use super::call::Call;
use super::fault::{Fault, respond};
use crate::cloud::access_entry::{AccessEntries, AccessEntry, AccessEntryError};
use crate::cloud::cluster::ClusterDescription;
use crate::cloud::credentials::Identity;
use crate::cloud::json_file::{self, JsonFileError};
use crate::cloud::moto::{Moto, MotoError};
use crate::cloud::random;
use crate::cloud::transition::{self, Transitions};

/// The cluster that has a control plane: the lab's own.
#[derive(Debug)]
pub struct OwnCluster {
    /// What it is.
    pub description: ClusterDescription,
    /// Who may enter; kept where its authenticator looks.
    pub access_entries: AccessEntries,
    /// Whether it is there from the start, or made by `CreateCluster` of its name.
    pub exists: bool,
}

/// EKS in one account.
#[derive(Debug)]
pub(super) struct Eks {
    run: PathBuf,
    own: Option<OwnCluster>,
    moto: Moto,
    state: Mutex<Option<State>>,
}

/// A call at work: who asks, when, and what for.
struct Work<'a> {
    eks: &'a Eks,
    /// Moto in the region of the call.
    moto: Moto,
    request: Request,
    caller: &'a Identity,
    now: Timestamp,
    transitions: Transitions,
    ailments: Ailments,
}

/// The present state, held by one call. What it has changed is kept with [`Held::keep`].
struct Held<'a> {
    eks: &'a Eks,
    state: MutexGuard<'a, Option<State>>,
}

impl Eks {
    pub(super) fn new(run: PathBuf, own: Option<OwnCluster>, moto: Moto) -> Self {
        Self {
            run,
            own,
            moto,
            state: Mutex::new(None),
        }
    }

    /// The answer; `None` for what is left to moto.
    pub(super) async fn answer(
        &self,
        call: &Call,
        caller: &Identity,
    ) -> Option<Result<Response, Fault>> {
        let segments = call.path_segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if !is_known(&segments) {
            return None;
        }
        let answer = self.work(call, caller, &segments).await;
        Some(answer.map(|body| {
            let request_id = random::request_id();
            let content_type = "application/json";
            respond(StatusCode::OK, content_type, &request_id, body.to_string())
        }))
    }

    async fn work(&self, call: &Call, caller: &Identity, path: &[&str]) -> Result<Value, Fault> {
        let now = Timestamp::now();
        let request = Request::read(call)?;
        let work = Work {
            eks: self,
            moto: self.moto.in_region(&request.region),
            request,
            caller,
            now,
            transitions: Transitions::read(&self.run)?,
            ailments: Ailments::read(&self.run)?,
        };
        let mut held = self.hold(now, &work.ailments).await?;
        let answer = work.route(&mut held, call.head.method.as_str(), path).await;
        held.keep()?;
        answer
    }

    /// Does what has become due, unless a call is at work, which did so itself.
    pub(super) async fn settle(&self) -> Result<(), Fault> {
        let now = Timestamp::now();
        let is_due = match self.state.try_lock() {
            Ok(state) => state.as_ref().is_some_and(|state| state.is_due(now)),
            Err(_at_work) => false,
        };
        if is_due {
            let ailments = Ailments::read(&self.run)?;
            self.hold(now, &ailments).await?.keep()?;
        }
        Ok(())
    }

    /// Forgets everything but the lab's own cluster.
    pub(super) async fn reset(&self) -> Result<(), JsonFileError> {
        let mut state = self.state.lock().await;
        json_file::remove(&self.file())?;
        *state = None;
        Ok(())
    }

    fn file(&self) -> PathBuf {
        self.run.join("eks.json")
    }

    async fn hold(&self, now: Timestamp, ailments: &Ailments) -> Result<Held<'_>, Fault> {
        let mut state = self.state.lock().await;
        if state.is_none() {
            let read = json_file::read(&self.file())?;
            *state = Some(read.unwrap_or_else(|| self.first_state()));
        }
        let mut held = Held { eks: self, state };
        for left in held.state().settle(now, ailments) {
            self.clean_up(left).await?;
        }
        Ok(held)
    }

    fn first_state(&self) -> State {
        let mut state = State::default();
        if let Some(own) = self.own.as_ref().filter(|own| own.exists) {
            let description = &own.description;
            let region = description.arn.split(':').nth(3).unwrap_or_default();
            let cluster = Cluster {
                resource: Resource {
                    document: description.to_eks_json(),
                    due: None,
                    token: None,
                },
                region: region.to_owned(),
                interfaces: Vec::new(),
                nodegroups: BTreeMap::new(),
                addons: BTreeMap::new(),
                updates: Vec::new(),
                access_entries: BTreeMap::new(),
                pod_identities: BTreeMap::new(),
            };
            state.clusters.insert(description.name.clone(), cluster);
        }
        state
    }

    /// The lab's own cluster, if that is its name.
    fn own(&self, name: &str) -> Option<&OwnCluster> {
        self.own.as_ref().filter(|own| own.description.name == name)
    }

    /// Takes away what EKS has made in other services. What is in use there stays, as in AWS.
    async fn clean_up(&self, left: Leftovers) -> Result<(), Fault> {
        let (name, region, interfaces, group) = match left {
            Leftovers::Nodegroup { region, made } => {
                self.forget_group(&region, &made).await;
                return Ok(());
            }
            Leftovers::Cluster {
                name,
                region,
                interfaces,
                security_group,
            } => (name, region, interfaces, security_group),
        };
        let moto = self.moto.in_region(&region);
        for interface in &interfaces {
            let parameters = [("NetworkInterfaceId", interface.as_str())];
            tolerate(
                moto.call("ec2", "DeleteNetworkInterface", &parameters)
                    .await,
            );
        }
        if let Some(group) = &group {
            let parameters = [("GroupId", group.as_str())];
            tolerate(moto.call("ec2", "DeleteSecurityGroup", &parameters).await);
        }
        if let Some(own) = self.own(&name) {
            own.access_entries
                .change(|entries| {
                    entries.clear();
                    Ok(())
                })
                .map_err(|error| Fault::internal(&error))?;
        }
        Ok(())
    }
}

impl Held<'_> {
    fn state(&mut self) -> &mut State {
        self.state.get_or_insert_default()
    }

    fn cluster(&mut self, name: &str) -> Result<&mut Cluster, Fault> {
        let clusters = &mut self.state().clusters;
        clusters
            .get_mut(name)
            .ok_or_else(|| words::no_cluster(name))
    }

    /// A cluster in which something can be made or changed.
    fn active_cluster(&mut self, name: &str) -> Result<&mut Cluster, Fault> {
        let cluster = self.cluster(name)?;
        if !matches!(cluster.resource.status(), "ACTIVE" | "UPDATING") {
            let message = format!("Cluster '{name}' is not in ACTIVE status");
            return Err(words::bad_request(message));
        }
        Ok(cluster)
    }

    fn keep(&self) -> Result<(), Fault> {
        Ok(json_file::write(&self.eks.file(), &*self.state)?)
    }
}

impl Work<'_> {
    async fn route(
        &self,
        held: &mut Held<'_>,
        method: &str,
        path: &[&str],
    ) -> Result<Value, Fault> {
        match (method, path) {
            ("GET", ["clusters"]) => self.list_clusters(held),
            ("POST", ["clusters"]) => self.create_cluster(held).await,
            ("GET", ["clusters", name]) => Self::describe_cluster(held, name),
            ("DELETE", ["clusters", name]) => self.delete_cluster(held, name),
            ("POST", ["clusters", name, "update-config"]) => {
                self.update_cluster_config(held, name).await
            }
            ("POST", ["clusters", name, "updates"]) => self.update_cluster_version(held, name),
            ("POST", ["clusters", name, "encryption-config", "associate"]) => {
                self.associate_encryption_config(held, name)
            }
            ("GET", ["clusters", name, "updates"]) => self.list_updates(held, name),
            ("GET", ["clusters", name, "updates", id]) => self.describe_update(held, name, id),
            (_, ["clusters", name, "node-groups", rest @ ..]) => {
                self.nodegroups(held, name, method, rest).await
            }
            (_, ["clusters", name, "addons", rest @ ..]) => {
                self.addons(held, name, method, rest).await
            }
            (_, ["clusters", name, "access-entries", rest @ ..]) => {
                self.access_entries(held, name, method, rest)
            }
            (_, ["clusters", name, "pod-identity-associations", rest @ ..]) => {
                self.pod_identities(held, name, method, rest)
            }
            ("GET", ["access-policies"]) => self.list_access_policies(),
            ("GET", ["addons", "supported-versions"]) => self.describe_addon_versions(),
            ("GET", ["cluster-versions"]) => self.describe_cluster_versions(),
            (_, ["tags", arn]) => self.tags(held, method, arn),
            _ => Err(no_such_call()),
        }
    }

    /// When a transition ends that begins now.
    fn after(&self, seconds: f64) -> Timestamp {
        let span = transition::seconds(seconds);
        self.now.saturating_add(span).unwrap_or(Timestamp::MAX)
    }

    /// `arn:aws:eks:REGION:ACCOUNT:RESOURCE`.
    fn arn(&self, resource: &str) -> String {
        let (region, account) = (&self.request.region, &self.caller.account_id);
        format!("arn:aws:eks:{region}:{account}:{resource}")
    }

    /// Whether this call is a repetition of the one that made something.
    fn is_repeated(&self, made: Option<&state::Token>) -> bool {
        self.request
            .token()
            .is_some_and(|token| made == Some(&token))
    }
}

/// Whether a path is one of those that are answered here.
fn is_known(path: &[&str]) -> bool {
    match path {
        ["clusters" | "access-policies" | "cluster-versions"]
        | ["clusters" | "tags", _]
        | ["addons", "supported-versions"] => true,
        ["clusters", _, kind, ..] => [
            "update-config",
            "updates",
            "encryption-config",
            "node-groups",
            "addons",
            "access-entries",
            "pod-identity-associations",
        ]
        .contains(kind),
        _ => false,
    }
}

fn no_such_call() -> Fault {
    Fault::new(
        StatusCode::FORBIDDEN,
        "AccessDeniedException",
        "Unable to determine service/operation name to be authorized",
    )
}

/// Goes on where something is gone already, or in use by others.
fn tolerate<T>(result: Result<T, MotoError>) {
    if let Err(error) = result {
        tracing::debug!(error = crate::cloud::chain(&error), "left as it is");
    }
}

/// The entries of a cluster, wherever they are kept.
fn entries_of<T>(
    eks: &Eks,
    cluster: &mut Cluster,
    name: &str,
    act: impl FnOnce(&mut BTreeMap<String, AccessEntry>) -> Result<T, AccessEntryError>,
) -> Result<T, AccessEntryError> {
    match eks.own(name) {
        Some(own) => own.access_entries.change(act),
        None => act(&mut cluster.access_entries),
    }
}

/// Members of an answer that are always there: `{ NAME: VALUE }`.
fn one(name: &str, value: impl Into<Value>) -> Value {
    json!({ name: value.into() })
}
