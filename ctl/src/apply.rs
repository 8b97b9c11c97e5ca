//! The only writer.
//!
//! A plan is run by [`run`](mod@run): its [`graph`] decides what may go on at once, a step goes from its first call to the
//! end of its wait, [`journal`] survives the process, and [`report`] says how it ended. The world is reached through
//! [`hands`] and [`nodes`] only.

pub mod drain;
pub mod event;
pub mod file;
pub mod graph;
pub mod hands;
pub mod journal;
pub mod kubeconfig;
pub mod nodes;
mod pace;
mod prepare;
pub mod report;
pub mod resource;
pub mod run;
pub mod stale;
mod step;
pub mod stop;
