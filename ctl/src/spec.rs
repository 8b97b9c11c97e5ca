//! `cluster.yaml`: a cluster and its node groups as a person wants them.
//!
//! The types hold what a document says, with the defaults filled in. The way of a document: [`read()`] makes a [`Cluster`]
//! of a text by the [`CLUSTER`] definition, from which also come the errors for unknown keys and wrong words, the JSON schema
//! and `nodectl explain-spec`; [`check()`] says what is wrong with it before any call, and [`check_choices()`] what is wrong
//! with it in this account and region. [`checked`] is the first two in one.

mod access;
mod addon;
#[cfg(test)]
mod cases;
mod check;
mod check_choices;
pub mod cidr;
mod cluster;
pub mod convert;
mod definition;
#[cfg(test)]
mod example;
mod explain;
pub mod export;
mod name;
mod network;
mod node_group;
mod read;
mod write;

pub use access::{Access, AccessPolicy, AuthenticationMode, Entry};
pub use addon::{Addon, AddonRole, RoleWiring};
pub(crate) use check::Minor;
pub use check::{Files, check};
pub use check_choices::check_choices;
pub use cluster::{Cluster, Encryption, Endpoint, LogType, Logging, Metadata, RoleChoice, Spec};
pub use definition::{CLUSTER, KIND};
pub use explain::{UnknownField, explain, schema_text};
pub use export::{Export, export};
pub use name::{with_generated_name, with_name_written};
pub use network::{Nat, SubnetChoice, Subnets, Vpc};
pub use node_group::{
    Ami, Capacity, Disk, Effect, GroupKind, GroupSubnets, Imds, Kubelet, NodeGroup, NodeRole,
    Repair, Scaling, Strategy, Taint, Update, UserDataPart,
};
pub(crate) use node_group::{autoscaler_tags, node_policies};
pub use read::{checked, read};
pub use write::to_yaml;
