//! Where configuration comes from: user data over IMDS, files, and several of them, later wins.
//!
//! Hands text to [`node::config`]; what it means is decided there.

pub mod cache;
mod gather;
pub mod rules;
#[cfg(test)]
mod tests;

use node::config::decode;
use node::config::user_data::{self, UserData};
use node::config::yaml::Node;
use node::config::{AgentConfig, Document, NodeConfig, check, merge};

pub use gather::Gathered;

use crate::host::imds::{self, Imds};
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

    /// As nodeadm reads them: the scheme in any letters, whatever follows `imds:`, and paths from the working directory too.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected `imds://user-data` or `file:///PATH`";
        let (scheme, rest) = text.split_once(':').ok_or(EXPECTED)?;
        match scheme.to_ascii_lowercase().as_str() {
            "imds" => Ok(Self::UserData),
            "file" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                let slash = if path.ends_with('/') { "/" } else { "" };
                let absolute = std::path::absolute(path).map_err(|_| EXPECTED)?;
                let absolute = absolute.to_string_lossy();
                Ok(Self::File(format!(
                    "{}{slash}",
                    absolute.trim_end_matches('/')
                )))
            }
            _ => Err(EXPECTED.to_owned()),
        }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UserData => formatter.write_str("imds://user-data"),
            Self::File(path) => write!(formatter, "file://{path}"),
        }
    }
}

/// What all sources together say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Loaded {
    /// The merged configuration.
    pub config: NodeConfig,
    /// The merged settings of the agent.
    pub agent: AgentConfig,
    /// What had no effect.
    pub warnings: Vec<String>,
    /// The merged NodeConfig; every value knows its place in `documents`.
    pub tree: Node,
    /// The trees that were merged to `tree`.
    pub parts: Vec<Node>,
    /// The merged AgentConfig.
    pub agent_tree: Node,
    /// Every document that was read.
    pub documents: Vec<Document>,
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
    /// A file, or what is read from standard input, holds nothing for us.
    #[error("{detail}")]
    Content {
        /// What is wrong with it, with its name.
        detail: String,
    },
    /// A document of the user data is no configuration.
    #[error(transparent)]
    UserDataDocument(decode::Error),
    /// A document of a file is no configuration.
    #[error(transparent)]
    Decode(decode::Error),
    /// Documents do not merge.
    #[error("merging the NodeConfigs: {at}")]
    Merge {
        /// Where the value stands that cannot be merged.
        at: String,
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
    #[error("configuration source `{name}` does not exist")]
    NoFile {
        /// Its path or URI.
        name: String,
    },
    /// The sources could be read and none holds a NodeConfig.
    #[error("no NodeConfig in {}", places.join(", "))]
    NoNodeConfig {
        /// Where it was looked for.
        places: Vec<String>,
    },
}

/// What the agent's own directory says alone, before any other source can be read. What is wrong there is told by [`load`].
pub fn own_settings(root: &Root) -> AgentConfig {
    let mut gathered = Gathered::default();
    gathered.agent_directory(root);
    gathered.agent()
}

/// Reads and merges all sources.
///
/// User data without a usable NodeConfig is forgiven when another source has one, as nodeadm does; it is told as a
/// warning. When none has one, `cached`, which an earlier phase of this boot used, is taken with a warning; without it
/// that is the error.
///
/// # Errors
/// The first source that cannot be read or understood.
pub async fn load(
    root: &Root,
    imds: &Imds,
    locations: &[Location],
    cached: Option<&NodeConfig>,
) -> Result<Loaded, Error> {
    let mut gathered = Gathered::default();
    let mut forgiven = None;
    gathered.agent_directory(root);
    gathered.leave_watch_out();
    for location in locations {
        match gathered.location(root, imds, location).await {
            Ok(()) => {}
            Err(error @ (Error::UserData(_) | Error::UserDataDocument(_))) => {
                forgiven = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    if gathered.has_node_config() {
        let Some(error) = forgiven else {
            return gathered.finish();
        };
        let warning = format!("user data was not used: {}", node::chain::Chain(&error));
        gathered.warnings.insert(0, warning);
        let loaded = gathered.finish()?;
        // What the other sources lack is what broken user data had.
        let is_broken = !matches!(
            error,
            Error::UserData(
                user_data::Error::Empty
                    | user_data::Error::NoNodeConfig { .. }
                    | user_data::Error::Al2Script
            )
        );
        let is_unusable = check::check(&loaded.config)
            .iter()
            .any(|problem| problem.prevents_start);
        return if is_broken && is_unusable {
            Err(error)
        } else {
            Ok(loaded)
        };
    }
    let error = forgiven.unwrap_or_else(|| Error::NoNodeConfig {
        places: locations
            .iter()
            .map(|location| format!("`{location}`"))
            .collect(),
    });
    let Some(cached) = cached else {
        return Err(error);
    };
    let warning = format!(
        "{}; the configuration that an earlier phase kept is used",
        node::chain::Chain(&error)
    );
    tracing::warn!("{warning}");
    gathered.warnings.insert(0, warning);
    let loaded = gathered.finish()?;
    Ok(Loaded {
        config: cached.clone(),
        ..loaded
    })
}

/// What a file, which may be MIME as user data is, or the files of a directory hold; `None` when there is no such file.
///
/// # Errors
/// When one cannot be read, or holds nothing for us.
pub fn file(root: &Root, path: &str) -> Result<Option<UserData>, Error> {
    if !root.path(path).is_dir() {
        let bytes = root
            .read_at_most(path, user_data::MAXIMUM_BYTES)
            .map_err(|source| Error::File { source })?;
        return bytes
            .map(|bytes| named(&bytes, &format!("`{path}`")))
            .transpose();
    }
    let mut all = UserData::default();
    for name in directory(root, path)? {
        if let Some(data) = file(root, &name)? {
            all.documents.extend(data.documents);
            all.agent_documents.extend(data.agent_documents);
            all.warnings.extend(data.warnings);
        }
    }
    Ok(Some(all))
}

/// Splits bytes as user data is split, and calls them `name`.
///
/// # Errors
/// [`Error::Content`] where [`user_data::split`] has an error.
pub fn named(bytes: &[u8], name: &str) -> Result<UserData, Error> {
    let rename = |text: &str| text.replace("the user data", name);
    let mut data = user_data::split(bytes).map_err(|error| Error::Content {
        detail: match error {
            user_data::Error::Empty => format!("{name} is empty"),
            error => rename(&error.to_string()),
        },
    })?;
    for document in data.documents.iter_mut().chain(&mut data.agent_documents) {
        document.name = rename(&document.name);
    }
    for warning in &mut data.warnings {
        *warning = rename(warning);
    }
    Ok(data)
}

/// The configuration files of a directory, in lexical order; none when it does not exist. Directories in it are none.
///
/// # Errors
/// When it cannot be listed.
pub fn directory(root: &Root, path: &str) -> Result<Vec<String>, Error> {
    let names = root.list(path).map_err(|source| Error::File { source })?;
    let is_configuration = |name: &String| {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        extension.is_some_and(|extension| {
            EXTENSIONS
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
        })
    };
    Ok(names
        .into_iter()
        .filter(is_configuration)
        .map(|name| format!("{}/{name}", path.trim_end_matches('/')))
        .filter(|file| !root.path(file).is_dir())
        .collect())
}
