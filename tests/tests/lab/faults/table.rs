//! The rows of the matrix.

#[path = "table/cloud_init.rs"]
mod cloud_init;
#[path = "table/configuration.rs"]
mod configuration;
#[path = "table/ec2.rs"]
mod ec2;
#[path = "table/host.rs"]
mod host;
#[path = "table/identity.rs"]
mod identity;
#[path = "table/machine.rs"]
mod machine;
#[path = "table/metadata.rs"]
mod metadata;
#[path = "table/network.rs"]
mod network;
#[path = "table/ssm.rs"]
mod ssm;

use std::{collections::BTreeMap, time::Duration};

use lab::{cloud::imds::Effect, machine::Wanted};

use super::{
    lift::Lift,
    row::{Change, End, Row},
};

/// Twice what a row takes on two cores that it has for itself.
const SOON: Duration = Duration::from_mins(1);
/// Where something is asked for a minute first.
const MINUTES: Duration = Duration::from_secs(150);

/// A row with this user data.
fn row(
    fault: &'static str,
    end: End,
    code: impl Into<Option<&'static str>>,
    user_data: impl Into<Vec<u8>>,
) -> Row {
    Row {
        fault,
        wanted: Wanted {
            user_data: user_data.into(),
            ..Wanted::default()
        },
        changes: Vec::new(),
        end,
        code: code.into(),
        finding: None,
        deadline: SOON,
        lift: None,
    }
}

impl Row {
    fn change(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    fn imds(self, path: &'static str, times: Option<u64>, effect: Effect) -> Self {
        self.change(Change::Imds {
            path,
            method: None,
            times,
            effect,
        })
    }

    fn role(mut self, role: &str) -> Self {
        role.clone_into(&mut self.wanted.role);
        self
    }

    fn mapped(
        self,
        path: &'static str,
        username: &'static str,
        groups: &'static [&'static str],
    ) -> Self {
        self.change(Change::AwsAuth {
            path,
            username,
            groups,
        })
    }

    fn file(mut self, path: &'static str, content: impl Into<String>) -> Self {
        self.wanted.files.push((path, content.into()));
        self
    }

    /// In a VPC whose DHCP options have a domain of their own, so that EC2 is asked for the node's name.
    fn own_domain(mut self) -> Self {
        let hostname = "ip-10-88-1-1.corp.example".to_owned();
        self.wanted.metadata = BTreeMap::from([("local-hostname".to_owned(), hostname)]);
        self
    }

    fn lift(mut self, lift: Lift) -> Self {
        self.lift = Some(lift);
        self
    }

    /// The daemon has this finding open, whatever the verdict says.
    fn finding(mut self, code: &'static str) -> Self {
        self.finding = Some(code);
        self
    }

    /// On a machine that boots as Amazon Linux 2023 does.
    fn cloud_init(mut self) -> Self {
        self.wanted.features.cloud_init = true;
        self
    }

    fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// All rows, the slowest first.
pub(super) fn rows() -> Vec<Row> {
    [
        ec2::rows(),
        metadata::rows(),
        ssm::rows(),
        network::rows(),
        identity::rows(),
        machine::rows(),
        host::rows(),
        cloud_init::rows(),
        configuration::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
