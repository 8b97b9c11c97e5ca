//! What is known about an EKS worker node, shared by `nodeagent` and `nodectl`.
//!
//! Types and pure functions only: nothing here reads a file, a clock, a socket or the environment. A map of the rooms:
//!
//! | module | owns |
//! |---|---|
//! | [`config`] | user data, NodeConfig and AgentConfig: decode, merge, check |
//! | [`containerd`] | containerd's configuration, version 2 in the words of version 3 |
//! | [`max_pods`] | the instance table, max pods and what the kubelet reserves for them |
//! | [`token`] | the SigV4 presigned bearer token |
//! | [`service_account`] | what a token of a service account says of itself |
//! | [`finding`] | the catalogue of faults that an agent can name |
//! | [`rule`] | log lines in, observations of findings out |
//! | [`log_line`] | lines of logs as they are found in files |
//! | [`journal`] | entries of the journal, as JSON |
//! | [`kmsg`] | records of the kernel's log, as `/dev/kmsg` gives them |
//! | [`scan`] | the findings that a log would raise |
//! | [`rank`] | many observations in, one root cause out |
//! | [`wire`] | the documents that agent and ctl exchange: verdict, status, annotation |
//! | [`console`] | a verdict framed for the instance's serial console, and back |
//! | [`redact`] | secrets that do not print, and text with its secrets masked |
//! | [`nearest`] | the word that someone meant |
//! | [`chain`] | an error and its sources on one line |

pub mod chain;
pub mod config;
pub mod console;
pub mod containerd;
pub mod finding;
#[cfg(test)]
mod generated;
pub mod journal;
pub mod kmsg;
pub mod log_line;
pub mod max_pods;
#[cfg(test)]
mod mutation;
pub mod nearest;
pub mod rank;
pub mod redact;
pub mod rule;
pub mod scan;
pub mod service_account;
pub mod token;
pub mod wire;
