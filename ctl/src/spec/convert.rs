//! A `ClusterConfig` of eksctl as our document: the fields that we have, and a list of the others.
//!
//! Schema: <https://schema.eksctl.io/>. What is the default there and another one here is written out, so that the cluster
//! stays what it was.

mod addon;
mod group;
mod left_out;
mod network;
mod reader;

pub use left_out::LeftOut;

use node::config::problem::Problem;
use node::config::write;
use node::config::yaml::{self, Value};

use self::reader::Reader;
use super::{
    Access, AccessPolicy, AuthenticationMode, Cluster, Encryption, Entry, LogType, Logging,
    Metadata, RoleChoice, Spec, to_yaml,
};

/// `apiVersion` of a `ClusterConfig`.
const API_VERSION: &str = "eksctl.io/v1alpha5";
/// `kind` of a `ClusterConfig`.
const KIND: &str = "ClusterConfig";

/// A document that was converted.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    /// The cluster as far as it could be said.
    pub cluster: Cluster,
    /// What is meant differently here, each a sentence; some with the field that it is about.
    pub notes: Vec<String>,
    /// What has no counterpart, in the order of the document.
    pub left_out: Vec<LeftOut>,
}

impl Converted {
    /// The text of our document, with the notes and what was left out as comments before it. `name` is what the original is
    /// called.
    ///
    /// # Errors
    /// A value has no form in YAML; none of ours.
    pub fn to_yaml(&self, name: &str) -> Result<String, write::Error> {
        let mut text = format!("# Converted from {name} of eksctl.\n");
        let mut section = |title: &str, lines: Vec<String>| {
            if !lines.is_empty() {
                text.extend(["#\n# ", title, "\n"]);
            }
            for line in lines {
                text.extend(["# - ", &line.replace('\n', " "), "\n"]);
            }
        };
        section("What is different:", self.notes.clone());
        section(
            "What has no counterpart and was left out:",
            self.left_out.iter().map(ToString::to_string).collect(),
        );
        text.push_str(&to_yaml(&self.cluster)?);
        Ok(text)
    }
}

/// Converts a `ClusterConfig` of eksctl.
///
/// # Errors
/// When the text is no YAML, or says that it is something else.
pub fn convert(text: &str) -> Result<Converted, Problem> {
    let parsed = yaml::parse(text, 0)
        .map_err(|remark| Problem::fatal(&[], remark.detail).at(remark.place))?;
    let tree = parsed.root;
    let is_header =
        |key: &str, right: &str| tree.get(key).and_then(yaml::Node::text) == Some(right);
    if !is_header("apiVersion", API_VERSION) || !is_header("kind", KIND) {
        let expected = format!("expected `apiVersion: {API_VERSION}`, `kind: {KIND}`");
        return Err(
            Problem::fatal(&[], format!("no ClusterConfig of eksctl; {expected}")).at(tree.place),
        );
    }
    let mut reader = Reader::new(&tree);
    reader.skip(&["apiVersion"]);
    reader.skip(&["kind"]);
    let cluster = Cluster {
        metadata: metadata(&mut reader),
        spec: spec(&mut reader),
    };
    let (notes, unread) = reader.finish();
    Ok(Converted {
        cluster,
        notes,
        left_out: unread.into_iter().map(LeftOut::from).collect(),
    })
}

fn metadata(reader: &mut Reader<'_>) -> Metadata {
    Metadata {
        name: reader.text(&["metadata", "name"]).unwrap_or_default(),
        region: reader.text(&["metadata", "region"]),
        tags: reader.texts_by_key(&["metadata", "tags"]),
        ..Metadata::default()
    }
}

fn spec(reader: &mut Reader<'_>) -> Spec {
    let version = reader.text(&["metadata", "version"]).unwrap_or_default();
    if version.is_empty() {
        reader.note(
            "`spec.version` is missing: eksctl chose one by its own release, here you write it",
        );
    }
    let (endpoint, vpc) = (network::endpoint(reader), network::vpc(reader));
    Spec {
        version,
        vpc,
        endpoint,
        service_cidr: reader.text(&["kubernetesNetworkConfig", "serviceIPv4CIDR"]),
        logging: logging(reader),
        cluster_role: RoleChoice {
            arn: reader.text(&["iam", "serviceRoleARN"]),
            ..RoleChoice::default()
        },
        security_groups: reader.text(&["vpc", "securityGroup"]).into_iter().collect(),
        access: access(reader),
        oidc_provider: reader.flag(&["iam", "withOIDC"]).unwrap_or(false),
        addons: addon::addons(reader),
        secrets_encryption: reader
            .text(&["secretsEncryption", "keyARN"])
            .map(|key_arn| Encryption { key_arn }),
        node_groups: group::groups(reader),
        ..Spec::default()
    }
}

fn logging(reader: &mut Reader<'_>) -> Logging {
    const TYPES: [LogType; 5] = [
        LogType::Api,
        LogType::Audit,
        LogType::Authenticator,
        LogType::ControllerManager,
        LogType::Scheduler,
    ];
    let path = ["cloudWatch", "clusterLogging"];
    let said = reader.texts(&[path[0], path[1], "enableTypes"]);
    let is_all = said.iter().any(|word| word == "*" || word == "all");
    Logging {
        types: TYPES
            .into_iter()
            .filter(|known| is_all || said.iter().any(|word| word == known.name()))
            .collect(),
        retention_days: reader.count(&[path[0], path[1], "logRetentionInDays"]),
    }
}

fn access(reader: &mut Reader<'_>) -> Access {
    let path = "accessConfig";
    let mode = reader.text(&[path, "authenticationMode"]);
    let entries = reader.items(&[path, "accessEntries"]);
    Access {
        authentication_mode: match mode.as_deref() {
            Some("API") => AuthenticationMode::Api,
            Some("CONFIG_MAP") => AuthenticationMode::ConfigMap,
            _ => AuthenticationMode::ApiAndConfigMap,
        },
        creator_admin: reader
            .flag(&[path, "bootstrapClusterCreatorAdminPermissions"])
            .unwrap_or(true),
        entries: entries
            .into_iter()
            .filter_map(|index| entry(reader, &[path, "accessEntries", &index]))
            .collect(),
    }
}

fn entry(reader: &mut Reader<'_>, path: &[&str]) -> Option<Entry> {
    let at = |keys: &[&'static str]| [path, keys].concat();
    let kind = reader.text(&at(&["type"]));
    if kind.is_some_and(|kind| kind != "STANDARD") {
        reader.note("access entries of nodes were left out: nodectl lets the nodes of its groups in by itself");
        reader.skip(path);
        return None;
    }
    let policies = reader.items(&at(&["accessPolicies"]));
    let policies = policies.into_iter().map(|index| {
        let policy = [path, &["accessPolicies", &index]].concat();
        let below = |keys: &[&'static str]| [policy.as_slice(), keys].concat();
        let arn = reader.text(&below(&["policyARN"])).unwrap_or_default();
        reader.skip(&below(&["accessScope", "type"]));
        let name = arn.split_once("::aws:cluster-access-policy/");
        AccessPolicy {
            policy: name.map_or_else(|| arn.clone(), |(_, name)| name.to_owned()),
            namespaces: reader
                .texts(&below(&["accessScope", "namespaces"]))
                .into_iter()
                .collect(),
        }
    });
    let policies = policies.collect();
    Some(Entry {
        principal_arn: reader.text(&at(&["principalARN"])).unwrap_or_default(),
        groups: reader
            .texts(&at(&["kubernetesGroups"]))
            .into_iter()
            .collect(),
        username: reader.text(&at(&["kubernetesUsername"])),
        policies,
    })
}

/// Whether a text says that it is a `ClusterConfig` of eksctl, whatever else is right or wrong in it.
pub fn is_eksctl(text: &str) -> bool {
    yaml::parse(text, 0).is_ok_and(|parsed| {
        let root = parsed.root;
        let version = root.get("apiVersion").and_then(yaml::Node::text);
        matches!(root.value, Value::Map(_))
            && version.is_some_and(|version| version.starts_with("eksctl.io/"))
    })
}
