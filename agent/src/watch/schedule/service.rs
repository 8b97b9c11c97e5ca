//! Probes of the daemons of the node and of the way to the API server, each as its users go it.

use std::convert::Infallible;

use jiff::Timestamp;
use node::chain::Chain;
use node::rule::CONTAINERD;
use tokio::time::timeout;

use super::table;
use super::{Closed, Schedule};
use crate::host::kubernetes::Access;
use crate::host::loopback::Error;
use crate::host::systemd::{Systemd, UnitState, Units as _};
use crate::probe::{
    DEADLINE, PATIENCE, certificate, container_runtime, endpoint, healthz, kernel_setting, name,
    reading,
};

impl Schedule {
    pub(super) async fn of_services(&self) -> Result<Infallible, Closed> {
        let ended = tokio::try_join!(
            self.kubelet(),
            self.runtime(),
            self.name(),
            self.endpoint(),
            self.certificates(),
        );
        ended.map(|(never, ..)| never)
    }

    async fn kubelet(&self) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::KUBELET);
        loop {
            self.next(&mut turns).await;
            let mut port = None;
            if self.has_registered() {
                let settings = self.aside("settings of the kubelet", healthz::port);
                port = settings.await.flatten();
            }
            let mut readings = Vec::new();
            if let Some(port) = port {
                let asked = healthz::ask(port).await;
                readings.extend(healthz::judge(port, &asked));
                if let Err(Error::Refused { .. }) = asked {
                    let settings = self.aside("settings of the kernel", kernel_setting::look);
                    let differing = settings.await.unwrap_or_default();
                    readings.extend(kernel_setting::judge(&differing));
                }
            }
            self.end(&mut turns, readings).await?;
        }
    }

    async fn runtime(&self) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::RUNTIME);
        loop {
            self.next(&mut turns).await;
            let mut readings = Vec::new();
            if self.is_decided() {
                let asked = container_runtime::ask(&self.root).await;
                let unit = match &asked {
                    Ok(_) => None,
                    Err(_) => containerd().await,
                };
                let outcome = container_runtime::judge(&asked, unit.as_ref());
                readings = reading::of(outcome, container_runtime::FINDINGS);
            }
            self.end(&mut turns, readings).await?;
        }
    }

    async fn name(&self) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::NAME);
        loop {
            self.next(&mut turns).await;
            let readings = match self.access().await {
                Some(access) => reading::of(name::resolve(&access).await, name::PASSED),
                None => Vec::new(),
            };
            self.end(&mut turns, readings).await?;
        }
    }

    async fn endpoint(&self) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::ENDPOINT);
        loop {
            self.next(&mut turns).await;
            let readings = match self.access().await {
                Some(access) => reading::of(endpoint::reach(&access).await, endpoint::PASSED),
                None => Vec::new(),
            };
            self.end(&mut turns, readings).await?;
        }
    }

    async fn certificates(&self) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::CERTIFICATES);
        loop {
            self.next(&mut turns).await;
            let seen = self.aside("certificates", certificate::look).await;
            let readings = certificate::judge(&seen.unwrap_or_default(), Timestamp::now());
            self.end(&mut turns, readings).await?;
        }
    }

    /// The way to the API server; nothing before the boot is decided, and where the kubelet has no use for its
    /// kubeconfig either: that it says itself.
    async fn access(&self) -> Option<Access> {
        if !self.is_decided() {
            return None;
        }
        Access::read(&self.root, &self.environment, PATIENCE)
            .await
            .inspect_err(|error| {
                tracing::debug!(error = %Chain(error), "the way to the API server is not looked at");
            })
            .ok()
    }
}

/// How containerd's unit is; nothing where systemd does not say.
async fn containerd() -> Option<UnitState> {
    let asking = async { Systemd::connect().await?.unit(CONTAINERD).await };
    timeout(DEADLINE, asking).await.ok()?.ok()
}
