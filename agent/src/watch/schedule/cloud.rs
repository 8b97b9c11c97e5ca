//! Probes of the metadata service: what EC2 announces, and the role of the instance.

use std::convert::Infallible;

use jiff::Timestamp;

use super::table::{self, NOTICE_PERIOD};
use super::{Closed, Schedule, rhythm};
use crate::host::imds::Imds;
use crate::plan::Summary;
use crate::probe::reading::{self, Reading};
use crate::probe::{auto_scaling, maintenance, role, spot};

impl Schedule {
    pub(super) async fn of_the_cloud(&self, imds: &Imds) -> Result<Infallible, Closed> {
        let ended = tokio::try_join!(
            self.notice(imds),
            self.plans(imds),
            self.maintenance(imds),
            self.role(imds),
        );
        ended.map(|(never, ..)| never)
    }

    async fn notice(&self, imds: &Imds) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::NOTICE);
        turns.rhythm = rhythm(NOTICE_PERIOD, NOTICE_PERIOD);
        loop {
            turns.rhythm.tick().await;
            let reading = spot::interruption(imds).await;
            if reading.is_none() {
                // Where nobody answers, nobody is asked so often.
                turns.rhythm.reset_after(turns.probe.period);
            }
            self.end(&mut turns, reading).await?;
        }
    }

    async fn plans(&self, imds: &Imds) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::PLANS);
        loop {
            self.next(&mut turns).await;
            let mut readings: Vec<_> = spot::rebalance(imds).await.into_iter().collect();
            readings.extend(auto_scaling::look(imds).await);
            self.end(&mut turns, readings).await?;
        }
    }

    async fn maintenance(&self, imds: &Imds) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::MAINTENANCE);
        loop {
            let open = self.next(&mut turns).await;
            let readings = maintenance::look(imds, &open).await;
            self.end(&mut turns, readings).await?;
        }
    }

    async fn role(&self, imds: &Imds) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::ROLE);
        loop {
            self.next(&mut turns).await;
            let summary = self.boot.borrow().summary.clone();
            // Before the boot has its verdict it is `init` that needs the role.
            let readings = match summary.filter(|_| self.is_decided()) {
                Some(summary) => self.look_at_role(imds, &summary).await,
                None => Vec::new(),
            };
            self.end(&mut turns, readings).await?;
        }
    }

    async fn look_at_role(&self, imds: &Imds, summary: &Summary) -> Vec<Reading> {
        let asked = imds.role_credentials().await;
        let now = Timestamp::now();
        let mut readings: Vec<_> = role::throttling(asked.as_ref().err()).into_iter().collect();
        readings.extend(match &asked {
            Err(error) => reading::of(role::missing(error), role::MISSING),
            Ok(credentials) if role::has_ended(credentials, now) => {
                let environment = self.environment.clone().with_kept_defaults(&self.root);
                role::ask(&self.root, &environment, summary, credentials, now).await
            }
            Ok(_) => role::passed(),
        });
        readings
    }
}
