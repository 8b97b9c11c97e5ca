//! Where configuration comes from: user data over IMDS, files, and several of them, later wins.
//!
//! Hands text to [`node::config`]; what it means is decided there.

pub mod cache;

use node::config::decode::{self, decode};
use node::config::user_data;
use node::config::{AgentConfig, Document, NodeConfig, Source, merge};

use crate::host::imds::{self, Imds};
use crate::host::path;
use crate::host::root::{self, Root};

const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// One configuration source, as `--config-source` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `imds://user-data`.
    UserData,
    /// `file:///path`: a file, or a directory whose `.yaml`, `.yml` and `.json` files are read in lexical order.
    File(String),
}

impl std::str::FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "imds://user-data" {
            return Ok(Self::UserData);
        }
        match text.strip_prefix("file://") {
            Some(path) if path.starts_with('/') => Ok(Self::File(path.to_owned())),
            _ => Err("expected `imds://user-data` or `file:///PATH`".to_owned()),
        }
    }
}

/// What all sources together say.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The merged configuration.
    pub config: NodeConfig,
    /// The merged settings of the agent.
    pub agent: AgentConfig,
    /// What had no effect.
    pub warnings: Vec<String>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// User data cannot be fetched.
    #[error("reading user data")]
    Imds {
        /// What IMDS says.
        #[source]
        source: imds::Error,
    },
    /// User data holds nothing for us.
    #[error(transparent)]
    UserData(user_data::Error),
    /// A document is no configuration.
    #[error(transparent)]
    Decode(decode::Error),
    /// Documents do not merge.
    #[error("merging the NodeConfigs")]
    Merge {
        /// Why not.
        #[source]
        source: merge::Error,
    },
    /// A file cannot be read.
    #[error("reading a configuration file")]
    File {
        /// Which, and why.
        #[source]
        source: root::Error,
    },
    /// A file that was asked for does not exist.
    #[error("configuration source `file://{path}` does not exist")]
    NoFile {
        /// Its path.
        path: String,
    },
    /// The sources could be read and none holds a NodeConfig.
    #[error("no NodeConfig in {}", places.join(", "))]
    NoNodeConfig {
        /// Where it was looked for.
        places: Vec<String>,
    },
}

/// Reads and merges all sources.
///
/// User data without a usable NodeConfig is forgiven when another source has one, as nodeadm does; it is told as a
/// warning. Otherwise it is the error.
pub async fn load(root: &Root, imds: &Imds, locations: &[Location]) -> Result<Loaded, Error> {
    let mut trees = Vec::new();
    let mut agent = AgentConfig::default();
    let mut warnings = Vec::new();
    let mut forgiven = None;
    for document in directory(root, path::AGENT_CONFIG)? {
        agent = agent_settings(agent, &document)?;
    }
    for location in locations {
        let sources = match read(root, imds, location).await {
            Ok(sources) => sources,
            Err(error @ (Error::UserData(_) | Error::Decode(_)))
                if *location == Location::UserData =>
            {
                forgiven = Some(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        for source in sources {
            match source {
                Source::NodeConfig {
                    tree,
                    warnings: new,
                } => {
                    trees.push(tree);
                    warnings.extend(new);
                }
                Source::AgentConfig(document) => agent = agent.with(&document),
            }
        }
    }
    if trees.is_empty() {
        return Err(forgiven.unwrap_or_else(|| Error::NoNodeConfig {
            places: locations.iter().map(place).collect(),
        }));
    }
    if let Some(error) = forgiven {
        warnings.insert(
            0,
            format!("user data was not used: {}", node::chain::Chain(&error)),
        );
    }
    let config = merge::merge(&trees).map_err(|source| Error::Merge { source })?;
    Ok(Loaded {
        config,
        agent,
        warnings,
    })
}

fn place(location: &Location) -> String {
    match location {
        Location::UserData => "`imds://user-data`".to_owned(),
        Location::File(path) => format!("`file://{path}`"),
    }
}

async fn read(root: &Root, imds: &Imds, location: &Location) -> Result<Vec<Source>, Error> {
    let documents = match location {
        Location::UserData => {
            let bytes = imds
                .get("/latest/user-data")
                .await
                .map_err(|source| Error::Imds { source })?;
            user_data::split(&bytes.unwrap_or_default()).map_err(Error::UserData)?
        }
        Location::File(path) => files(root, path)?,
    };
    documents
        .iter()
        .map(|document| decode(document).map_err(Error::Decode))
        .collect()
}

/// A directory's documents, or one file's, which may be MIME as user data is.
fn files(root: &Root, path: &str) -> Result<Vec<Document>, Error> {
    if root.path(path).is_dir() {
        return directory(root, path);
    }
    let bytes = root.read(path).map_err(|source| Error::File { source })?;
    let bytes = bytes.ok_or_else(|| Error::NoFile {
        path: path.to_owned(),
    })?;
    let mut documents = user_data::split(&bytes).map_err(Error::UserData)?;
    for document in &mut documents {
        document.name = document.name.replace("the user data", &format!("`{path}`"));
    }
    Ok(documents)
}

fn directory(root: &Root, path: &str) -> Result<Vec<Document>, Error> {
    let mut documents = Vec::new();
    for name in root.list(path).map_err(|source| Error::File { source })? {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        if !extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
            continue;
        }
        let file = format!("{}/{name}", path.trim_end_matches('/'));
        let text = root
            .read_text(&file)
            .map_err(|source| Error::File { source })?;
        documents.extend(text.map(|text| Document {
            name: format!("`{file}`"),
            text,
        }));
    }
    Ok(documents)
}

fn agent_settings(agent: AgentConfig, document: &Document) -> Result<AgentConfig, Error> {
    match decode(document).map_err(Error::Decode)? {
        Source::AgentConfig(document) => Ok(agent.with(&document)),
        Source::NodeConfig { .. } => Err(Error::Decode(decode::Error::Kind {
            name: document.name.clone(),
            api_version: node::config::node_config::API_VERSION.to_owned(),
            kind: node::config::node_config::KIND.to_owned(),
        })),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HEAD: &str = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n";

    fn root(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        for (path, text) in files {
            root.write(path, text.as_bytes(), 0o644).unwrap();
        }
        (directory, root)
    }

    async fn load_files(root: &Root, paths: &[&str]) -> Result<Loaded, Error> {
        let imds = Imds::new(Some("http://127.0.0.1:9"), Duration::ZERO);
        let locations: Vec<_> = paths
            .iter()
            .map(|path| Location::File((*path).to_owned()))
            .collect();
        load(root, &imds, &locations).await
    }

    #[tokio::test]
    async fn files_of_a_directory_merge_in_lexical_order() {
        let (_directory, root) = root(&[
            (
                "/d/20.yaml",
                &format!("{HEAD}  cluster: {{name: second}}\n"),
            ),
            (
                "/d/10.yaml",
                &format!("{HEAD}  cluster: {{name: first, cidr: 10.100.0.0/16}}\n"),
            ),
            ("/d/30.txt", "not read"),
        ]);
        let loaded = load_files(&root, &["/d"]).await.unwrap();
        assert_eq!(loaded.config.spec.cluster.name, "second");
        assert_eq!(loaded.config.spec.cluster.cidr, "10.100.0.0/16");
    }

    #[tokio::test]
    async fn an_error_names_the_file() {
        let (_directory, root) = root(&[("/d/a.yaml", "apiVersion: v1\nkind: Pod\n")]);
        let message = load_files(&root, &["/d"]).await.unwrap_err().to_string();
        assert!(
            message.starts_with("`/d/a.yaml`: `apiVersion: v1`, `kind: Pod` is no configuration"),
            "{message}"
        );
        let message = load_files(&root, &["/none.yaml"])
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            "configuration source `file:///none.yaml` does not exist"
        );
        let message = load_files(&root, &["/empty/"])
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(
            message,
            "configuration source `file:///empty/` does not exist"
        );
    }

    #[tokio::test]
    async fn settings_of_the_agent_come_from_its_own_directory() {
        let (_directory, root) = root(&[
            ("/d/a.yaml", &format!("{HEAD}  cluster: {{name: a}}\n")),
            (
                "/etc/nodeagent/config.d/a.yaml",
                "apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {credential: awsCli}\n",
            ),
        ]);
        let loaded = load_files(&root, &["/d"]).await.unwrap();
        assert_eq!(
            loaded.agent.credential,
            node::config::CredentialSource::AwsCli
        );
    }

    #[test]
    fn sources_are_named_as_nodeadm_names_them() {
        assert_eq!("imds://user-data".parse(), Ok(Location::UserData));
        assert_eq!(
            "file:///etc/eks/nodeadm.d/".parse(),
            Ok(Location::File("/etc/eks/nodeadm.d/".into()))
        );
        assert!("http://example.com".parse::<Location>().is_err());
        assert!("file://relative".parse::<Location>().is_err());
    }
}
