//! What no plan can do.

use crate::resource::Address;

/// One thing that cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A property that cannot be changed.
    #[error("`{field}` of {address} cannot go from `{from}` to `{to}`: {reason}")]
    Never {
        /// Of which thing.
        address: Address,
        /// Which property.
        field: String,
        /// As it is.
        from: String,
        /// As it should be.
        to: String,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// A change that would make something anew that is not ours.
    #[error(
        "{address} was not made by nodectl and would have to be made anew{}: keep it as it is in the document, or replace it yourself", 
        because(.fields)
    )]
    NotOurs {
        /// Which thing.
        address: Address,
        /// The properties that differ; none when it failed.
        fields: Vec<String>,
    },
    /// An older version of Kubernetes than the one that runs.
    #[error(
        "cluster/{cluster} runs Kubernetes {from} and cannot go back to {to}: set `spec.version` to \"{from}\""
    )]
    OlderVersion {
        /// Name of the cluster.
        cluster: String,
        /// As it is.
        from: String,
        /// As it should be.
        to: String,
    },
    /// A cluster that EKS did not manage to make.
    #[error(
        "cluster/{name} failed ({reason}): delete it with `nodectl delete`, remove the cause and apply again"
    )]
    ClusterFailed {
        /// Name of the cluster.
        name: String,
        /// What EKS says.
        reason: String,
    },
}

fn because(fields: &[String]) -> String {
    if fields.is_empty() {
        return ", since it failed".to_owned();
    }
    let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
    format!(" for {}", fields.join(", "))
}

/// Everything that cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.refusals))]
pub struct Refused {
    /// At least one.
    pub refusals: Vec<Refusal>,
}

fn lines(refusals: &[Refusal]) -> String {
    let lines: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
