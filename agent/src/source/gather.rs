//! Documents of several sources, gathered one source after the other and then merged.

use node::chain::Chain;
use node::config::decode;
use node::config::problem::{Problem, told_place};
use node::config::user_data::{self, UserData};
use node::config::yaml::{Node, Place};
use node::config::{AgentConfig, Document, Source, Watch, merge};

use super::{Error, Loaded, Location, directory, file};
use crate::host::imds::Imds;
use crate::host::path;
use crate::host::root::Root;

/// What was read so far. [`super::load`] stops at the first error; `config check` goes on and collects.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Every document that was read.
    pub documents: Vec<Document>,
    /// What is wrong with the documents.
    pub problems: Vec<Problem>,
    /// What is wrong with the form of the sources.
    pub warnings: Vec<String>,
    parts: Vec<Node>,
    damaged: Vec<Node>,
    agent: AgentConfig,
    agent_parts: Vec<Node>,
    /// Documents of the agent that are not used; why is among the problems.
    unused: Vec<String>,
}

impl Gathered {
    /// The merged settings of the agent, of what was read.
    pub(super) fn agent(self) -> AgentConfig {
        self.agent
    }

    /// Whether a NodeConfig is among the documents that are not refused.
    pub fn has_node_config(&self) -> bool {
        !self.parts.is_empty()
    }

    /// Whether a NodeConfig is among the documents, even if it is refused.
    pub fn has_damaged_node_config(&self) -> bool {
        !self.damaged.is_empty()
    }

    /// Reads one source. Documents of a source of which one is no configuration are all left out.
    ///
    /// # Errors
    /// When it cannot be read, or a document of it is no configuration.
    pub async fn location(
        &mut self,
        root: &Root,
        imds: &Imds,
        location: &Location,
    ) -> Result<(), Error> {
        match location {
            Location::UserData => {
                let bytes = imds
                    .get("/latest/user-data")
                    .await
                    .map_err(|source| Error::Imds { source })?;
                let data = user_data::split(&bytes.unwrap_or_default()).map_err(Error::UserData)?;
                self.data(data).map_err(Error::UserDataDocument)
            }
            Location::File(path) => {
                let data = file(root, path)?.ok_or_else(|| Error::NoFile {
                    name: location.to_string(),
                })?;
                self.data(data).map_err(Error::Decode)
            }
        }
    }

    /// Takes the documents of a source.
    ///
    /// # Errors
    /// When one of them is no configuration.
    pub fn data(&mut self, data: UserData) -> Result<(), decode::Error> {
        let mut sources = Vec::new();
        let mut failed = None;
        for document in data.documents {
            match self.decode(document) {
                Ok(source) => sources.push(source),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        self.warnings.extend(data.warnings);
        for document in data.agent_documents {
            self.agent_setting(document);
        }
        if let Some(error) = failed {
            self.damaged
                .extend(sources.into_iter().filter_map(|source| match source {
                    Source::NodeConfig(tree) => Some(tree),
                    Source::AgentConfig(..) => None,
                }));
            return Err(error);
        }
        for source in sources {
            self.add(source);
        }
        Ok(())
    }

    /// Takes the agent's own directory. What cannot be read there is told.
    pub fn agent_directory(&mut self, root: &Root) {
        let files = match directory(root, path::AGENT_CONFIG) {
            Ok(files) => files,
            Err(error) => return self.warnings.push(Chain(&error).to_string()),
        };
        for name in files {
            match file(root, &name) {
                Ok(data) => {
                    let data = data.unwrap_or_default();
                    for document in data.documents.into_iter().chain(data.agent_documents) {
                        self.agent_setting(document);
                    }
                    self.warnings.extend(data.warnings);
                }
                Err(error) => self.warnings.push(format!(
                    "the settings in `{name}` are not used: {}",
                    Chain(&error)
                )),
            }
        }
    }

    /// Forgets what was read of the watch so far: the daemon reads the agent's own directory itself, whenever it is told to,
    /// so what stood there at boot must not be kept with the boot.
    pub(super) fn leave_watch_out(&mut self) {
        self.agent.watch = Watch::default();
    }

    /// Takes a document that is for the agent alone. One that is wrong is not used, and no more: nodeadm does not read it
    /// either.
    pub fn agent_setting(&mut self, document: Document) {
        let name = document.name.clone();
        let known = self.problems.len();
        match self.decode(document) {
            Ok(source @ Source::AgentConfig(..)) => return self.add(source),
            Ok(Source::NodeConfig(tree)) => {
                self.problems.push(Problem::not_an_agent_config(&tree));
            }
            Err(_) => {}
        }
        for problem in self.problems.iter_mut().skip(known) {
            problem.prevents_start = false;
        }
        self.unused
            .push(format!("the settings in {name} are not used"));
    }

    fn decode(&mut self, document: Document) -> Result<Source, decode::Error> {
        let (source, problems) = decode::read(&document, self.documents.len());
        let refused = problems
            .iter()
            .any(|problem| problem.prevents_start)
            .then(|| decode::Error::new(&document, &problems));
        self.documents.push(document);
        self.problems.extend(problems);
        match (source, refused) {
            (Some(source), None) => Ok(source),
            (source, refused) => {
                if let Some(Source::NodeConfig(tree)) = source {
                    self.damaged.push(tree);
                }
                Err(refused.unwrap_or_default())
            }
        }
    }

    /// Merges what was read together with the documents that are refused, without the values that are wrong in them: no
    /// node can be made of it, but everything else that is wrong can be told.
    ///
    /// # Errors
    /// When it does not merge.
    pub fn finish_damaged(mut self) -> Result<Loaded, Error> {
        self.parts.append(&mut self.damaged);
        self.parts.sort_by_key(|part| part.place.document);
        self.finish()
    }

    fn add(&mut self, source: Source) {
        match source {
            Source::NodeConfig(tree) => self.parts.push(tree),
            Source::AgentConfig(settings, tree) => {
                self.agent = std::mem::take(&mut self.agent).with(&settings);
                self.agent_parts.push(tree);
            }
        }
    }

    /// Merges what was read.
    ///
    /// # Errors
    /// When it does not merge.
    pub fn finish(self) -> Result<Loaded, Error> {
        let documents = self.documents;
        let conflict = |at: Place, source| Error::Merge {
            at: told_place(at, &documents),
            source,
        };
        let tree =
            merge::merge(&self.parts).map_err(|found| conflict(found.place, found.source))?;
        let agent_tree =
            merge::merge(&self.agent_parts).map_err(|found| conflict(found.place, found.source))?;
        let config =
            merge::node_config(&tree).map_err(|source| conflict(Place::default(), source))?;
        let mut warnings = self.warnings;
        warnings.extend(
            self.problems
                .iter()
                .filter(|problem| !problem.prevents_start)
                .map(|problem| problem.told(&documents)),
        );
        warnings.extend(self.unused);
        Ok(Loaded {
            config,
            agent: self.agent,
            warnings,
            tree,
            parts: self.parts,
            agent_tree,
            documents,
        })
    }
}
