//! What an agent answers, and what it takes to be answered over the network: said once, for the agent that decides, for
//! the client that asks, and for the page of the routes.

#[cfg(test)]
mod page;

/// The one audience of a token that is shown to an agent. A token that is good for the API server too is refused: an
/// agent that was taken over could be its bearer there.
pub const AUDIENCE: &str = "nodectl.dev/agent";
/// API group of the resource that access is granted on. There is no such API: the names stand in rules of RBAC only.
pub const GROUP: &str = "nodectl.dev";
/// The resource, whose object is called like the Node.
pub const RESOURCE: &str = "nodeagents";
/// The verb.
pub const VERB: &str = "get";
/// Where the agent listens on loopback when it is told to.
pub const LOOPBACK_PORT: u16 = 9977;
/// Where it listens for TLS, unless told otherwise.
pub const TLS_PORT: u16 = 9978;

/// A part of what an agent knows, granted on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subresource {
    /// What it says of its node.
    Status,
    /// Lines of the journal.
    Logs,
    /// Everything that it can collect.
    Diagnostics,
}

impl Subresource {
    /// The word in a rule of RBAC.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Logs => "logs",
            Self::Diagnostics => "diagnostics",
        }
    }
}

/// One path that is answered.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The path.
    pub path: &'static str,
    /// What its reader must be granted, over the network.
    pub subresource: Subresource,
    /// Its parameters, in the form of a URL.
    pub parameters: &'static str,
    /// What it answers, in one sentence.
    pub doc: &'static str,
}

/// Every path that is answered.
pub const ROUTES: [Route; 10] = [
    Route {
        path: "/livez",
        subresource: Subresource::Status,
        parameters: "verbose",
        doc: "Does the daemon itself run? Never depends on what it diagnoses.",
    },
    Route {
        path: "/readyz",
        subresource: Subresource::Status,
        parameters: "verbose",
        doc: "Does it know what it will be asked: is the journal read to its end, and was a verdict given?",
    },
    Route {
        path: "/healthz",
        subresource: Subresource::Status,
        parameters: "verbose",
        doc: "Is the node well: has it joined, and is nothing fatal open?",
    },
    Route {
        path: "/metrics",
        subresource: Subresource::Status,
        parameters: "",
        doc: "Metrics in the OpenMetrics text format.",
    },
    Route {
        path: "/v1/status",
        subresource: Subresource::Status,
        parameters: "",
        doc: "Verdict, open findings, max pods and the SSM agent: a document of kind `Status`.",
    },
    Route {
        path: "/v1/findings",
        subresource: Subresource::Status,
        parameters: "",
        doc: "The open findings: `FindingList`.",
    },
    Route {
        path: "/v1/boot",
        subresource: Subresource::Status,
        parameters: "",
        doc: "The timeline of the boot: `BootReport`.",
    },
    Route {
        path: "/v1/facts",
        subresource: Subresource::Status,
        parameters: "",
        doc: "What the machine is: `NodeFacts`.",
    },
    Route {
        path: "/v1/logs",
        subresource: Subresource::Logs,
        parameters: "unit=&since=&follow=",
        doc: "What watched units wrote to the journal, as lines of text.",
    },
    Route {
        path: "/v1/bundle",
        subresource: Subresource::Diagnostics,
        parameters: "",
        doc: "Everything that is worth keeping of a broken node, without secrets: a `tar.gz`.",
    },
];

/// What the reader of this path must be granted; `None` for a path that is not answered.
pub fn subresource(path: &str) -> Option<Subresource> {
    ROUTES
        .iter()
        .find(|route| route.path == path)
        .map(|route| route.subresource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_answered_as_it_is_written_and_no_other() {
        assert_eq!(subresource("/v1/status"), Some(Subresource::Status));
        assert_eq!(subresource("/v1/logs"), Some(Subresource::Logs));
        assert_eq!(subresource("/v1/bundle"), Some(Subresource::Diagnostics));
        for path in [
            "",
            "/",
            "/v1/status/",
            "//v1/status",
            "/v1/logs/../status",
            "/V1/STATUS",
        ] {
            assert_eq!(subresource(path), None, "{path}");
        }
    }
}
