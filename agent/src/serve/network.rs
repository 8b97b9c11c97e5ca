//! The listeners of the network, both off unless they are asked for: loopback for who knows the token of this boot, TLS
//! for whom the cluster's access control allows it.
//!
//! [`follow`] is one long-lived task. In: the settings, which are known for sure once the config phase has ended. Out:
//! answers. Neither listener takes anything from the unix socket: connections and answers of logs are counted for each.

mod bearer;
mod bucket;
mod certificate;
mod gate;
mod loopback;
mod refusal;
#[cfg(test)]
mod tests;
mod tls;
mod token;

use node::config::Serve;
use tokio::task::JoinSet;

use super::view::Sources;

/// Follows the settings and has the listeners that they ask for. Ends only by being dropped.
pub async fn follow(sources: Sources, by_default: Serve) {
    let mut boot = sources.boot.clone();
    let mut has_loopback = None;
    let mut has_tls = None;
    let mut loopback = JoinSet::new();
    let mut tls = JoinSet::new();
    loop {
        let wanted = boot.borrow_and_update().serve_settings(by_default);
        if has_loopback.replace(wanted.loopback) != Some(wanted.loopback) {
            loopback.shutdown().await;
            if wanted.loopback {
                loopback.spawn(loopback::run(sources.clone()));
            } else {
                token::remove(&sources.root);
            }
        }
        let port = wanted.tls.then_some(wanted.tls_port);
        if has_tls.replace(port) != Some(port) {
            tls.shutdown().await;
            if let Some(port) = port {
                tls.spawn(tls::run(sources.clone(), port));
            }
        }
        if boot.changed().await.is_err() {
            // Nobody can change anything any more.
            std::future::pending::<()>().await;
        }
    }
}
