//! The ways to an agent, and which of them a person wants.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A way on which an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// The annotation of the Node.
    Api,
    /// The instance's serial console.
    Console,
    /// Run Command of Systems Manager.
    Ssm,
    /// The agent's TLS listener.
    Forward,
}

impl Way {
    /// The word used on the command line, in JSON and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Console => "console",
            Self::Ssm => "ssm",
            Self::Forward => "forward",
        }
    }
}

/// `--reach`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Reach {
    /// SSM when the instance is managed, else the agent's listener, else what annotation and console tell
    #[default]
    Auto,
    /// The annotation of the Node; nobody is asked
    Api,
    /// Run Command of Systems Manager
    Ssm,
    /// The agent's own TLS listener
    Forward,
    /// The instance's serial console
    Console,
}

impl Reach {
    /// The ways on which the agent itself is asked, in their order.
    pub fn live(self) -> &'static [Way] {
        match self {
            Self::Auto => &[Way::Ssm, Way::Forward],
            Self::Ssm => &[Way::Ssm],
            Self::Forward => &[Way::Forward],
            Self::Api | Self::Console => &[],
        }
    }

    /// Whether what the agent has left there will do.
    pub fn takes(self, way: Way) -> bool {
        match way {
            Way::Api => matches!(self, Self::Auto | Self::Api),
            Way::Console => matches!(self, Self::Auto | Self::Console),
            Way::Ssm | Way::Forward => self.live().contains(&way),
        }
    }
}
