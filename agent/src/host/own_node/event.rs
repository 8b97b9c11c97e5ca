//! Events about our own Node.
//!
//! A node identity may create and patch core/v1 events in `default`, and can neither find nor read one: an event is known
//! by its name alone.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};

use super::{Error, OwnNode};

/// Where events of objects without a namespace are kept; the API server refuses any other.
const NAMESPACE: &str = "default";
/// Who speaks.
const COMPONENT: &str = "nodeagent";
const NOT_FOUND: u16 = 404;
const CONFLICT: u16 = 409;

/// An event about our Node as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeEvent {
    /// Its name, the same for everything that is a repeat of it.
    pub name: String,
    /// One word in the form of Kubernetes.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// `Warning`, or `Normal`.
    pub is_warning: bool,
    /// How often it happened.
    pub count: i32,
    /// First time that it happened.
    pub first: Timestamp,
    /// Last time that it happened.
    pub last: Timestamp,
}

impl NodeEvent {
    /// The object, in the words that the kubelet uses of its Node:
    /// <https://github.com/kubernetes/kubernetes/blob/v1.34.4/pkg/kubelet/kubelet.go> (`nodeRef`).
    fn object(&self, node: &str) -> Event {
        let kind = if self.is_warning { "Warning" } else { "Normal" };
        Event {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                namespace: Some(NAMESPACE.to_owned()),
                ..ObjectMeta::default()
            },
            involved_object: ObjectReference {
                kind: Some("Node".to_owned()),
                name: Some(node.to_owned()),
                // `kubectl describe node` looks for events by this, and the kubelet writes the name there.
                uid: Some(node.to_owned()),
                ..ObjectReference::default()
            },
            reason: Some(self.reason.clone()),
            message: Some(self.message.clone()),
            type_: Some(kind.to_owned()),
            count: Some(self.count),
            first_timestamp: Some(Time(self.first)),
            last_timestamp: Some(Time(self.last)),
            source: Some(EventSource {
                component: Some(COMPONENT.to_owned()),
                host: Some(node.to_owned()),
            }),
            reporting_component: Some(COMPONENT.to_owned()),
            reporting_instance: Some(node.to_owned()),
            ..Event::default()
        }
    }

    /// What a repeat changes.
    fn repeat(&self) -> serde_json::Value {
        serde_json::json!({
            "count": self.count,
            "lastTimestamp": Time(self.last),
            "message": self.message,
        })
    }
}

impl OwnNode {
    /// Writes an event: a new one, or a repeat of the one with its name. One that `is_known` was written before; an event
    /// lives for an hour, so it may be gone, and one that is not known may be of an earlier run of the agent.
    pub async fn write_event(&self, event: &NodeEvent, is_known: bool) -> Result<(), Error> {
        if is_known {
            if self.repeat_event(event).await? || self.create_event(event).await? {
                return Ok(());
            }
        } else if self.create_event(event).await? {
            return Ok(());
        }
        self.repeat_event(event).await.map(drop)
    }

    /// Whether it was created; it is not when there is one.
    async fn create_event(&self, event: &NodeEvent) -> Result<bool, Error> {
        let (events, object) = (self.events().await?, event.object(&self.name));
        let answer = async {
            let created = events.create(&PostParams::default(), &object).await;
            unless(CONFLICT, created)
        };
        self.checked("writing an event of", answer).await
    }

    /// Whether there is one, which is changed.
    async fn repeat_event(&self, event: &NodeEvent) -> Result<bool, Error> {
        let events = self.events().await?;
        let answer = async {
            let (parameters, patch) = (PatchParams::default(), Patch::Merge(event.repeat()));
            let repeated = events.patch_metadata(&event.name, &parameters, &patch);
            unless(NOT_FOUND, repeated.await)
        };
        self.checked("repeating an event of", answer).await
    }

    async fn events(&self) -> Result<Api<Event>, Error> {
        Ok(Api::namespaced(self.client().await?, NAMESPACE))
    }
}

/// Whether it was done; an answer with this status says that it was not, and is no failure.
fn unless<T>(status: u16, answer: kube::Result<T>) -> kube::Result<bool> {
    match answer {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(refusal)) if refusal.code == status => Ok(false),
        Err(error) => Err(error),
    }
}
