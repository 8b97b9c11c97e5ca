//! Probes of what EC2 and the VPC CNI make of the node's network.

use std::convert::Infallible;

use node::chain::Chain;

use super::table;
use super::{Closed, Schedule};
use crate::host::exec;
use crate::probe::DEADLINE;
use crate::probe::allowance::{self, Allowance};
use crate::probe::ipamd::{self, Ipamd};
use crate::probe::pod_rule::{self, PodRules};

impl Schedule {
    pub(super) async fn of_the_network(&self) -> Result<Infallible, Closed> {
        let ended = tokio::try_join!(self.allowance(), self.ipamd(), self.pod_rules());
        ended.map(|(never, ..)| never)
    }

    async fn allowance(&self) -> Result<Infallible, Closed> {
        let mut allowance = Allowance::default();
        let mut turns = self.turns(&table::ALLOWANCE);
        loop {
            self.next(&mut turns).await;
            let interfaces = self.aside("interfaces of ENA", allowance::interfaces);
            let mut readings = Vec::new();
            for name in interfaces.await.unwrap_or_default() {
                let arguments = ["-S", name.as_str()];
                match exec::output("ethtool", &arguments, DEADLINE).await {
                    Ok(statistics) => readings.extend(allowance.judge(&name, &statistics)),
                    Err(error) => {
                        tracing::debug!(error = %Chain(&error), "the counters of {name} are not known");
                    }
                }
            }
            self.end(&mut turns, readings).await?;
        }
    }

    async fn ipamd(&self) -> Result<Infallible, Closed> {
        let mut ipamd = Ipamd::default();
        let mut turns = self.turns(&table::IPAMD);
        loop {
            let open = self.next(&mut turns).await;
            let mut reading = None;
            if ipamd::is_expected(&self.root) {
                reading = ipamd.judge(&ipamd::ask().await, &open);
            }
            self.end(&mut turns, reading).await?;
        }
    }

    async fn pod_rules(&self) -> Result<Infallible, Closed> {
        let mut rules = PodRules::default();
        let mut turns = self.turns(&table::POD_RULES);
        loop {
            self.next(&mut turns).await;
            let missing = pod_rule::look().await;
            let reading = missing.and_then(|missing| rules.judge(missing));
            self.end(&mut turns, reading).await?;
        }
    }
}
