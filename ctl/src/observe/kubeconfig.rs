//! The user's kubeconfig: which files it is made of, and what a context says about its EKS cluster.

use std::env;
use std::path::{Path, PathBuf};

use kube::config::{ExecConfig, Kubeconfig, KubeconfigError};

/// Why the kubeconfig cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or parsed.
    #[error("reading kubeconfig `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the parser says; boxed since it is large.
        #[source]
        source: Box<KubeconfigError>,
    },
    /// Two files contradict each other.
    #[error("merging kubeconfig `{path}` into the ones before it")]
    Merge {
        /// The later file.
        path: PathBuf,
        /// What the merge says.
        #[source]
        source: Box<KubeconfigError>,
    },
}

/// The files that make up the kubeconfig, in order of precedence: the flag, `KUBECONFIG`, `~/.kube/config`.
pub fn paths(flag: Option<&Path>) -> Vec<PathBuf> {
    if let Some(path) = flag {
        return vec![path.to_owned()];
    }
    let listed: Vec<PathBuf> = env::var_os("KUBECONFIG")
        .map(|list| {
            env::split_paths(&list)
                .filter(|path| !path.as_os_str().is_empty())
                .collect()
        })
        .unwrap_or_default();
    if !listed.is_empty() {
        return listed;
    }
    env::home_dir()
        .map(|home| home.join(".kube").join("config"))
        .into_iter()
        .collect()
}

/// Reads and merges the kubeconfig; `None` if there is none. Only a file that the flag names has to exist, as in kubectl.
pub fn read(flag: Option<&Path>) -> Result<Option<Kubeconfig>, Error> {
    let mut merged: Option<Kubeconfig> = None;
    for path in paths(flag) {
        if flag.is_none() && !path.exists() {
            continue;
        }
        let next = Kubeconfig::read_from(&path).map_err(|source| Error::Read {
            path: path.clone(),
            source: Box::new(source),
        })?;
        merged = Some(match merged {
            None => next,
            Some(before) => before.merge(next).map_err(|source| Error::Merge {
                path,
                source: Box::new(source),
            })?,
        });
    }
    Ok(merged)
}

/// What a context says about the EKS cluster behind it; each fact may be unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Name of the cluster.
    pub cluster: Option<String>,
    /// Its region.
    pub region: Option<String>,
    /// AWS profile that the arguments of its credential plugin name.
    pub profile: Option<String>,
    /// AWS profile that the environment of its credential plugin names.
    pub environment_profile: Option<String>,
    /// Role that its credential plugin assumes.
    pub role_arn: Option<String>,
}

/// Identifies the cluster of a context: by the arguments of its credential plugin (`aws eks get-token`,
/// `aws-iam-authenticator token`, `nodectl token`), by an ARN as name (`aws eks update-kubeconfig`), by eksctl's
/// `NAME.REGION.eksctl.io`, or by the host name of its API server. `None` if there is no such context.
pub fn identify(kubeconfig: &Kubeconfig, context_name: &str) -> Option<Identity> {
    let context = kubeconfig
        .contexts
        .iter()
        .find(|context| context.name == context_name)?
        .context
        .as_ref()?;
    let user = kubeconfig
        .auth_infos
        .iter()
        .find(|user| Some(&user.name) == context.user.as_ref());
    let server = kubeconfig
        .clusters
        .iter()
        .find(|cluster| cluster.name == context.cluster)
        .and_then(|cluster| cluster.cluster.as_ref()?.server.as_deref());

    let mut identity = user
        .and_then(|user| user.auth_info.as_ref()?.exec.as_ref())
        .map(identify_plugin)
        .unwrap_or_default();
    for name in [context.cluster.as_str(), context_name] {
        let (cluster, region) = from_arn(name).or_else(|| from_eksctl(name)).unzip();
        identity.cluster = identity.cluster.or(cluster);
        identity.region = identity.region.or(region);
    }
    identity.region = identity.region.or_else(|| server.and_then(from_server));
    Some(identity)
}

fn identify_plugin(exec: &ExecConfig) -> Identity {
    let arguments = exec.args.as_deref().unwrap_or_default();
    let variable = |name: &str| {
        let variables = exec.env.as_deref().unwrap_or_default();
        variables
            .iter()
            .find(|entry| entry.get("name").is_some_and(|key| key == name))?
            .get("value")
            .cloned()
    };
    Identity {
        cluster: option(arguments, &["--cluster-name", "--cluster-id", "-i"]),
        region: option(arguments, &["--region"])
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION")),
        profile: option(arguments, &["--profile"]),
        environment_profile: variable("AWS_PROFILE"),
        role_arn: option(arguments, &["--role-arn", "--role", "-r"]),
    }
}

/// The value of an option written as `--name value` or `--name=value`.
fn option(arguments: &[String], names: &[&str]) -> Option<String> {
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.split_once('=') {
            Some((name, value)) if names.contains(&name) => return Some(value.to_owned()),
            _ if names.contains(&argument.as_str()) => return arguments.next().cloned(),
            _ => {}
        }
    }
    None
}

/// `arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME` -> (name, region).
fn from_arn(name: &str) -> Option<(String, String)> {
    let mut fields = name.splitn(6, ':');
    (fields.next()? == "arn").then_some(())?;
    let (_partition, service, region) = (fields.next()?, fields.next()?, fields.next()?);
    let cluster = fields.nth(1)?.strip_prefix("cluster/")?;
    (service == "eks").then(|| (cluster.to_owned(), region.to_owned()))
}

/// `[USER@]NAME.REGION.eksctl.io` -> (name, region).
fn from_eksctl(name: &str) -> Option<(String, String)> {
    let name = name.rsplit_once('@').map_or(name, |(_, name)| name);
    let (cluster, region) = name.strip_suffix(".eksctl.io")?.rsplit_once('.')?;
    Some((cluster.to_owned(), region.to_owned()))
}

/// `https://ID.gr7.REGION.eks.amazonaws.com` or `https://ID.eks-cluster.REGION.api.aws` -> region.
fn from_server(server: &str) -> Option<String> {
    let host = server.split("://").nth(1)?.split(['/', ':']).next()?;
    let labels: Vec<&str> = host.split('.').collect();
    let at = |label: &str| labels.iter().position(|candidate| *candidate == label);
    let region = match at("eks").filter(|_| host.contains(".eks.amazonaws.")) {
        Some(position) => labels.get(position.checked_sub(1)?),
        None => labels.get(at("eks-cluster")? + 1),
    };
    region.map(|region| (*region).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(cluster_name: &str, server: &str, exec: &str) -> Identity {
        let text = format!(
            "{{apiVersion: v1, kind: Config, contexts: [{{name: here, context: {{cluster: '{cluster_name}', user: me}}}}],
              clusters: [{{name: '{cluster_name}', cluster: {{server: '{server}'}}}}], users: [{{name: me, user: {{{exec}}}}}]}}"
        );
        identify(&Kubeconfig::from_yaml(&text).unwrap(), "here").unwrap()
    }

    fn known(cluster: &str, region: &str) -> Identity {
        Identity {
            cluster: Some(cluster.into()),
            region: Some(region.into()),
            ..Identity::default()
        }
    }

    #[test]
    fn the_plugin_names_cluster_region_profile_and_role() {
        let exec = "exec: {command: aws, args: [--region, eu-west-1, eks, get-token, --cluster-name, prod, --role, 'arn:aws:iam::1:role/x'],
                    env: [{name: AWS_PROFILE, value: work}]}";
        let expected = Identity {
            environment_profile: Some("work".into()),
            role_arn: Some("arn:aws:iam::1:role/x".into()),
            ..known("prod", "eu-west-1")
        };
        assert_eq!(identity("whatever", "https://x", exec), expected);
        let exec =
            "exec: {command: aws-iam-authenticator, args: [token, -i, prod, --region=eu-west-1]}";
        assert_eq!(
            identity("whatever", "https://x", exec),
            known("prod", "eu-west-1")
        );
    }

    #[test]
    fn an_arn_or_eksctls_name_tells_cluster_and_region() {
        assert_eq!(
            identity("arn:aws-cn:eks:cn-north-1:1:cluster/prod", "https://x", ""),
            known("prod", "cn-north-1")
        );
        assert_eq!(
            identity("prod.eu-west-1.eksctl.io", "https://x", ""),
            known("prod", "eu-west-1")
        );
        assert_eq!(
            identity("minikube", "https://192.168.49.2:8443", ""),
            Identity::default()
        );
    }

    #[test]
    fn the_api_servers_name_tells_the_region() {
        let region = |server: &str| identity("x", server, "").region;
        assert_eq!(
            region("https://ABC.gr7.ap-northeast-2.eks.amazonaws.com").as_deref(),
            Some("ap-northeast-2")
        );
        assert_eq!(
            region("https://ABC.sk1.cn-north-1.eks.amazonaws.com.cn/").as_deref(),
            Some("cn-north-1")
        );
        assert_eq!(
            region("https://ABC.eks-cluster.us-west-2.api.aws:443").as_deref(),
            Some("us-west-2")
        );
    }

    #[test]
    fn an_absent_context_is_no_identity() {
        assert_eq!(identify(&Kubeconfig::default(), "here"), None);
    }
}
