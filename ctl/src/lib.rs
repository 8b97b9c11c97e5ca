//! `nodectl`: makes an EKS cluster and its node groups from one file, and asks every worker node how it is.
//!
//! Data moves only forward: planes are observed, rows and plans are made of them by pure functions, and printed or applied.
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | the command line: flags, their environment variables, help |
//! | [`command`] | one module per verb; the order in which the other rooms are used |
//! | [`spec`] | `cluster.yaml`: schema, defaults, checks with line and column |
//! | [`resource`] | what a cluster consists of, as data that observation, plan and apply share |
//! | [`observe`] | AWS, Kubernetes and the kubeconfig as they are |
//! | [`reach`] | how an agent is asked |
//! | [`fleet`] | one row per node, joined by instance id, and what it means |
//! | [`plan`] | what is to be changed |
//! | [`apply`] | the only writer |
//! | [`print`] | standard output and error: tables, JSON, YAML, colour |
//! | [`exit`] | the exit codes |

pub mod apply;
pub mod cli;
pub mod command;
pub mod exit;
pub mod fleet;
#[cfg(test)]
#[path = "../../node/src/generated.rs"]
mod generated;
pub mod observe;
pub mod plan;
pub mod print;
pub mod reach;
pub mod resource;
pub mod spec;
