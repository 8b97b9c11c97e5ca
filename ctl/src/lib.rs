//! `nodectl`: asks every worker node of an EKS cluster how it is, and gets you to the cluster.
//!
//! Data moves only forward: planes are observed, rows and plans are made of them by pure functions, and printed or applied.
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | the command line: flags, their environment variables, help |
//! | [`command`] | one module per verb; the order in which the other rooms are used |
//! | [`observe`] | AWS, Kubernetes and the kubeconfig as they are |
//! | [`reach`] | how an agent is asked; for now through the instance's console |
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
pub mod observe;
pub mod plan;
pub mod print;
pub mod reach;
