//! `nodeagent`: joins an EKS worker node to its cluster, or says exactly why it did not.
//!
//! At boot data moves from [`source`] and [`facts`] to [`plan`], [`apply`], [`join`] and a verdict; for life from [`watch`]
//! to findings and on to [`report`] and [`serve`]. Whatever decides is a pure function; only [`host`] touches the world.
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | the command line: one module per verb, exit codes |
//! | [`source`] | where configuration comes from |
//! | [`facts`] | what this machine is |
//! | [`plan`] | what will be written; pure |
//! | [`boot`] | the timeline of the boot |
//! | [`apply`] | the only writer of configuration; starts the daemons |
//! | [`join`] | the wait for a Ready Node, and the verdict |
//! | [`probe`] | active checks: containerd, kubelet, kubeconfig, the way to the API server, the clock, the identity |
//! | [`watch`] | the journal, the units and the probes, for the whole life of the node |
//! | [`report`] | annotation, conditions and events of our own Node |
//! | [`serve`] | health, status, findings, facts, logs, metrics and bundles: on a unix socket, on the network when asked |
//! | [`bundle`] | everything that is worth keeping of a broken node, in one archive |
//! | [`host`] | the ports to the outside |

pub mod apply;
pub mod boot;
pub mod bundle;
pub mod cli;
pub mod facts;
#[cfg(test)]
mod generated;
pub mod host;
pub mod join;
pub mod plan;
pub mod probe;
pub mod report;
pub mod serve;
pub mod source;
pub mod watch;
