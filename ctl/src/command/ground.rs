//! What the commands that change a cluster stand on: AWS, as the document's account and region show it.

use std::time::Duration;

use jiff::Timestamp;

use super::cluster_file::ClusterFile;
use super::error::{Error, within};
use crate::apply::journal::{self, Journal};
use crate::cli::AccessFlags;
use crate::observe::aws::{Access, Aws};
use crate::observe::choices::{self, Caller, Choices};
use crate::observe::clients::Clients;
use crate::observe::existing::{self, Existing, Groups, existing};
use crate::observe::resources::resources;
use crate::plan::change::{Origin, Plan};
use crate::plan::{difference, wanted::wanted};
use crate::print::Printer;
use crate::resource::{Observed, Wanted};

/// Answers that one look at AWS may need one after the other.
const ANSWERS: u32 = 8;

/// The account and the region of a command.
pub(super) struct Ground {
    /// The clients of its services.
    pub(super) clients: Clients,
    /// Longest wait for one look.
    patience: Duration,
}

impl Ground {
    /// Loads the configuration. A region in the document yields to none, and agrees with the flag.
    pub(super) async fn new(access: &AccessFlags, region: Option<&str>) -> Result<Self, Error> {
        if let (Some(flag), Some(document)) = (&access.region, region)
            && flag != document
        {
            return Err(Error::OtherRegion {
                flag: flag.clone(),
                document: document.to_owned(),
            });
        }
        let wish = Access {
            region: access.region.clone().or_else(|| region.map(str::to_owned)),
            ..access.aws()
        };
        let aws = within(
            access.timeout,
            "loading the AWS configuration",
            Aws::load(&wish),
        )
        .await?;
        Ok(Self {
            clients: Clients::new(&aws),
            patience: access.timeout * ANSWERS,
        })
    }

    /// What the choices of a document mean here; refused, said, when something about them is wrong.
    pub(super) async fn choices(
        &self,
        file: &ClusterFile,
        printer: &mut Printer,
    ) -> Result<Choices, Error> {
        let asked = Box::pin(choices::choices(&self.clients, &file.cluster));
        let choices = within(self.patience, "asking AWS what the document means", asked).await?;
        file.check(&choices, printer)?;
        Ok(choices)
    }

    /// Who asks, in which account.
    pub(super) async fn caller(&self) -> Result<Caller, Error> {
        let asked = choices::caller(&self.clients);
        within(self.patience, "asking AWS who asks", asked).await
    }

    /// Everything that exists of a cluster.
    pub(super) async fn observe(
        &self,
        cluster: &str,
        wanted: &[Wanted],
    ) -> Result<Vec<Observed>, Error> {
        let asked = Box::pin(resources(&self.clients, cluster, wanted));
        within(
            self.patience,
            format!("asking AWS what exists of cluster `{cluster}`"),
            asked,
        )
        .await
    }

    /// A cluster that is there, with all that belongs to it, whoever made it.
    pub(super) async fn existing(&self, name: &str) -> Result<Existing, Error> {
        let asked = Box::pin(existing(&self.clients, name));
        let act = format!("describing cluster `{name}`");
        let found = within(self.patience, act, asked).await?;
        found.ok_or_else(|| self.no_such_cluster(name))
    }

    /// The node groups of a cluster that is there, whoever made them.
    pub(super) async fn groups(&self, name: &str) -> Result<Groups, Error> {
        let asked = existing::groups(&self.clients, name);
        let act = format!("describing the node groups of cluster `{name}`");
        let found = within(self.patience, act, asked).await?;
        found.ok_or_else(|| self.no_such_cluster(name))
    }

    fn no_such_cluster(&self, name: &str) -> Error {
        Error::NoSuchCluster {
            name: name.to_owned(),
            region: self.clients.aws.region().to_owned(),
        }
    }

    /// What it takes to make AWS as the document says.
    pub(super) async fn plan(&self, file: &ClusterFile, choices: &Choices) -> Result<Plan, Error> {
        let wanted = wanted(&file.cluster, choices, &file.files);
        let name = &file.cluster.metadata.name;
        let observed = self.observe(name, &wanted).await?;
        let origin = Origin {
            cluster: name.clone(),
            partition: choices.partition.clone(),
            region: choices.region.clone(),
            account: choices.account.clone(),
            made_at: Timestamp::now(),
        };
        Ok(difference::plan(&origin, &wanted, &observed)?)
    }

    /// What a plan is made for.
    pub(super) async fn origin(&self, cluster: &str) -> Result<Origin, Error> {
        let caller = self.caller().await?;
        Ok(Origin {
            cluster: cluster.to_owned(),
            partition: caller.partition,
            region: self.clients.aws.region().to_owned(),
            account: caller.account,
            made_at: Timestamp::now(),
        })
    }
}

/// The journal of a cluster, and with it the right to change it from this machine.
pub(super) fn journal(account: &str, region: &str, cluster: &str) -> Result<Journal, Error> {
    let directory =
        journal::directory(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"))
            .ok_or(Error::NoStateDirectory)?;
    Ok(Journal::open(&directory, account, region, cluster)?)
}
