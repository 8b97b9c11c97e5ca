//! Which cluster is meant, and which way leads to its API server. Pure: flags and kubeconfig in, target out.

use kube::config::Kubeconfig;

use super::aws::Access;
use super::kubeconfig::{self, Identity};

/// Why no cluster could be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither flag nor kubeconfig names a cluster.
    #[error("no cluster is named, and there is no kubeconfig with a current context")]
    NoContext,
    /// The context that the flag names does not exist.
    #[error("the kubeconfig has no context `{context}`")]
    UnknownContext {
        /// Name of the context.
        context: String,
    },
    /// The context does not tell which EKS cluster it belongs to.
    #[error("context `{context}` does not tell which EKS cluster it belongs to")]
    Unidentified {
        /// Name of the context.
        context: String,
    },
    /// The context belongs to another cluster than the flag says.
    #[error("context `{context}` belongs to cluster `{found}`, not to `{wanted}`")]
    OtherCluster {
        /// Name of the context.
        context: String,
        /// Cluster of the context.
        found: String,
        /// Cluster of the flag.
        wanted: String,
    },
    /// Several contexts belong to clusters of that name in different regions.
    #[error("cluster `{cluster}` exists in several regions of the kubeconfig: contexts {contexts}")]
    Ambiguous {
        /// Name of the cluster.
        cluster: String,
        /// Names of the contexts.
        contexts: String,
    },
}

impl Error {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NoContext => {
                "name it with `--cluster NAME`, or write a context with `nodectl kubeconfig --name NAME`"
            }
            Self::UnknownContext { .. } => "`kubectl config get-contexts` lists them",
            Self::Unidentified { .. } => "name it with `--cluster NAME`",
            Self::OtherCluster { .. } => "leave out `--context` or `--cluster`",
            Self::Ambiguous { .. } => "choose one with `--region REGION` or `--context NAME`",
        };
        vec![hint.to_owned()]
    }
}

/// What the flags say.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// `--cluster`.
    pub cluster: Option<String>,
    /// `--context`.
    pub context: Option<String>,
    /// Whether `--kubeconfig` was given.
    pub kubeconfig_given: bool,
    /// `--profile`, `--region`, `--role-arn`.
    pub access: Access,
}

/// The way to the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// Through this context of the kubeconfig.
    Context(String),
    /// Through what EKS describes, with a token of our own.
    Eks,
}

/// The cluster that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name of the cluster.
    pub cluster: String,
    /// The way to its API server.
    pub way: Way,
    /// The way to AWS: flags first, then what the context says.
    pub access: Access,
}

/// Chooses the cluster: the named context, else a context of the named cluster, else the current context. A named cluster
/// without a context is asked for at EKS.
pub fn resolve(kubeconfig: Option<&Kubeconfig>, wish: &Wish) -> Result<Target, Error> {
    let empty = Kubeconfig::default();
    let kubeconfig = kubeconfig.unwrap_or(&empty);
    if let Some(context) = &wish.context {
        return through_context(kubeconfig, wish, context);
    }
    let current = kubeconfig
        .current_context
        .as_ref()
        .filter(|context| !context.is_empty());
    let Some(cluster) = &wish.cluster else {
        return through_context(kubeconfig, wish, current.ok_or(Error::NoContext)?);
    };
    let matching = contexts_of(kubeconfig, cluster, wish.access.region.as_deref());
    if let Some((context, _)) = matching
        .iter()
        .find(|(context, _)| Some(*context) == current.map(String::as_str))
    {
        return through_context(kubeconfig, wish, context);
    }
    if let [(context, first), rest @ ..] = matching.as_slice() {
        if rest.iter().any(|(_, other)| other.region != first.region) {
            let contexts = matching
                .iter()
                .map(|(context, _)| format!("`{context}`"))
                .collect::<Vec<_>>()
                .join(", ");
            return Err(Error::Ambiguous {
                cluster: cluster.clone(),
                contexts,
            });
        }
        return through_context(kubeconfig, wish, context);
    }
    // Someone who names both the file and the cluster means the file's context, unless that says otherwise.
    if let (true, Some(current)) = (wish.kubeconfig_given, current) {
        let identity = kubeconfig::identify(kubeconfig, current);
        if identity.is_some_and(|identity| identity.cluster.is_none()) {
            return through_context(kubeconfig, wish, current);
        }
    }
    Ok(Target {
        cluster: cluster.clone(),
        way: Way::Eks,
        access: wish.access.clone(),
    })
}

fn contexts_of<'a>(
    kubeconfig: &'a Kubeconfig,
    cluster: &str,
    region: Option<&str>,
) -> Vec<(&'a str, Identity)> {
    kubeconfig
        .contexts
        .iter()
        .filter_map(|context| {
            Some((
                context.name.as_str(),
                kubeconfig::identify(kubeconfig, &context.name)?,
            ))
        })
        .filter(|(_, identity)| identity.cluster.as_deref() == Some(cluster))
        .filter(|(_, identity)| {
            region.is_none() || identity.region.is_none() || identity.region.as_deref() == region
        })
        .collect()
}

fn through_context(kubeconfig: &Kubeconfig, wish: &Wish, context: &str) -> Result<Target, Error> {
    let identity =
        kubeconfig::identify(kubeconfig, context).ok_or_else(|| Error::UnknownContext {
            context: context.to_owned(),
        })?;
    let cluster = match (&wish.cluster, identity.cluster) {
        (Some(wanted), Some(found)) if *wanted != found => {
            return Err(Error::OtherCluster {
                context: context.to_owned(),
                found,
                wanted: wanted.clone(),
            });
        }
        (Some(wanted), _) => wanted.clone(),
        (None, Some(found)) => found,
        (None, None) => {
            return Err(Error::Unidentified {
                context: context.to_owned(),
            });
        }
    };
    let access = Access {
        profile: wish.access.profile.clone().or(identity.profile),
        context_profile: identity.environment_profile,
        region: wish.access.region.clone().or(identity.region),
        role_arn: wish.access.role_arn.clone().or(identity.role_arn),
    };
    Ok(Target {
        cluster,
        way: Way::Context(context.to_owned()),
        access,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kubeconfig() -> Kubeconfig {
        Kubeconfig::from_yaml(
            "
current-context: plain
contexts:
- {name: plain, context: {cluster: plain, user: admin}}
- {name: blue, context: {cluster: 'arn:aws:eks:eu-west-1:1:cluster/prod', user: x}}
- {name: green, context: {cluster: 'arn:aws:eks:us-east-1:1:cluster/prod', user: x}}
- {name: test, context: {cluster: 'arn:aws:eks:us-east-1:1:cluster/test', user: x}}
clusters: []
users: []
",
        )
        .unwrap()
    }

    fn wish(cluster: Option<&str>, context: Option<&str>) -> Wish {
        Wish {
            cluster: cluster.map(Into::into),
            context: context.map(Into::into),
            ..Wish::default()
        }
    }

    fn context(name: &str) -> Way {
        Way::Context(name.into())
    }

    #[test]
    fn a_named_context_wins_and_brings_its_region() {
        let target = resolve(Some(&kubeconfig()), &wish(None, Some("blue"))).unwrap();
        assert_eq!(
            (target.cluster.as_str(), target.way),
            ("prod", context("blue"))
        );
        assert_eq!(target.access.region.as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn a_named_cluster_finds_its_context_or_goes_through_eks() {
        let found = resolve(Some(&kubeconfig()), &wish(Some("test"), None)).unwrap();
        assert_eq!(found.way, context("test"));
        assert_eq!(
            resolve(Some(&kubeconfig()), &wish(Some("other"), None))
                .unwrap()
                .way,
            Way::Eks
        );
        assert_eq!(
            resolve(None, &wish(Some("other"), None)).unwrap().way,
            Way::Eks
        );
    }

    #[test]
    fn a_cluster_in_two_regions_needs_a_region() {
        let mut wish = wish(Some("prod"), None);
        assert!(matches!(
            resolve(Some(&kubeconfig()), &wish),
            Err(Error::Ambiguous { .. })
        ));
        wish.access.region = Some("us-east-1".into());
        assert_eq!(
            resolve(Some(&kubeconfig()), &wish).unwrap().way,
            context("green")
        );
    }

    #[test]
    fn an_unidentified_current_context_needs_the_cluster_and_the_file_to_be_named() {
        assert_eq!(
            resolve(Some(&kubeconfig()), &wish(None, None)),
            Err(Error::Unidentified {
                context: "plain".into()
            })
        );
        let named = Wish {
            kubeconfig_given: true,
            ..wish(Some("lab"), None)
        };
        assert_eq!(
            resolve(Some(&kubeconfig()), &named).unwrap().way,
            context("plain")
        );
        assert_eq!(resolve(None, &wish(None, None)), Err(Error::NoContext));
    }

    #[test]
    fn a_context_of_another_cluster_is_refused() {
        assert!(matches!(
            resolve(Some(&kubeconfig()), &wish(Some("test"), Some("blue"))),
            Err(Error::OtherCluster { .. })
        ));
    }
}
