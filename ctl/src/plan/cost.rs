//! What a plan costs, by the list prices that are carried as data with their date.
//!
//! Counted are control planes, nodes at the on-demand price of the first instance type of their group, their root volumes,
//! NAT gateways and their addresses. Not counted are traffic, logs, load balancers, volumes of pods, public addresses of
//! nodes, extended support, and provisioned operations of volumes.

mod price;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use price::{Money, Prices};

use super::change::Plan;
use super::side::{Group, Side};
use crate::resource::Body;

/// Hours of a month, as AWS counts them.
pub const HOURS_OF_A_MONTH: i64 = 730;

/// What a plan changes in the costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// By how much an hour becomes dearer, in USD.
    pub per_hour: Money,
    /// The same for [`HOURS_OF_A_MONTH`].
    pub per_month: Money,
    /// Date of the prices, which are those of us-east-1.
    pub prices_of: String,
    /// Instance and volume types whose price is not known, and so is not counted.
    pub unknown: BTreeSet<String>,
    /// Groups on the spot market, which are counted at the on-demand price and cost less.
    pub spot: BTreeSet<String>,
}

/// What the plan changes in the costs. A group whose size the document leaves open stays as large as it is.
pub fn cost(plan: &Plan) -> Cost {
    let mut sum = Sum {
        prices: Prices::embedded(),
        unknown: BTreeSet::new(),
        spot: BTreeSet::new(),
    };
    let before = sum.of(&Side::before(&plan.changes));
    let per_hour = sum.of(&Side::after(&plan.changes)) - before;
    Cost {
        per_hour,
        per_month: per_hour.times(HOURS_OF_A_MONTH),
        prices_of: sum.prices.date().to_owned(),
        unknown: sum.unknown,
        spot: sum.spot,
    }
}

struct Sum {
    prices: Prices,
    unknown: BTreeSet<String>,
    spot: BTreeSet<String>,
}

impl Sum {
    fn of(&mut self, side: &Side<'_>) -> Money {
        let mut sum = Money::default();
        for body in &side.bodies {
            sum = sum
                + match body {
                    Body::Cluster(_) => self.price("control-plane"),
                    Body::NatGateway(_) => self.price("nat-gateway"),
                    Body::ElasticIp(_) => self.price("public-ipv4"),
                    _ => Money::default(),
                };
        }
        for group in &side.groups {
            sum = sum + self.nodes(group);
        }
        sum
    }

    fn nodes(&mut self, group: &Group<'_>) -> Money {
        if group.nodes == 0 {
            return Money::default();
        }
        if group.is_spot {
            self.spot.insert(group.name.to_owned());
        }
        let mut node = Money::default();
        if let Some(instance_type) = group.instance_type {
            node = node + self.price(instance_type);
        }
        if let Some(disk) = group.disk {
            let gib = self.price(&format!("volume.{}", disk.volume_type));
            node = node + gib.times(i64::from(disk.size)).divided_by(HOURS_OF_A_MONTH);
        }
        node.times(i64::from(group.nodes))
    }

    fn price(&mut self, what: &str) -> Money {
        let price = self.prices.find(what);
        if price.is_none() {
            self.unknown.insert(what.to_owned());
        }
        price.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
