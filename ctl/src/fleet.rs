//! The fleet: one row per node, joined by instance id, and what each row means. Pure functions over what was observed.

mod advice;
mod age;
mod answered;
mod health;
pub mod ladder;
mod list;
mod observation;
mod row;
mod select;

pub use advice::{Advice, advice};
pub use age::age;
pub use answered::{answered, subject};
pub use health::{Health, State};
pub use list::{NodeStatusList, PlaneReport};
pub use observation::{Observations, Plane};
pub use row::{Row, rows};
pub use select::select;

#[cfg(test)]
pub(crate) use row::fixture;
