//! A machine in a warm pool: everything but its kubelet is made ready, and that is started when it is to serve.

use crate::apply::Daemon;
use crate::facts::warm_pool::{self, Target};
use crate::host::systemd::Systemd;
use crate::join::{verdict::Desk, warm_pool as join};
use crate::plan::Summary;

use super::{Context, Error, Name, imds, start_daemon};

/// State in the warm pool; none when the kubelet is to be started. Asks the metadata service only if the config phase saw
/// the instance in the pool. nodeadm does not know of it.
pub(super) async fn state(context: &Context, desk: &Desk, summary: &Summary) -> Option<String> {
    let seen = summary.warmed.clone()?;
    if context.name == Name::Nodeadm {
        return None;
    }
    match warm_pool::target(&imds(context, desk)).await {
        Target::Warmed(state) => Some(state),
        Target::Service => None,
        Target::End | Target::Unknown => Some(seen),
    }
}

/// Waits until the instance is taken into service, then starts its kubelet.
pub(super) async fn leave(
    context: &Context,
    desk: &mut Desk,
    summary: &Summary,
) -> Result<(), Error> {
    let imds = imds(context, desk);
    join::leave(&imds, desk).await;
    let systemd = Systemd::connect().await.map_err(Error::Systemd)?;
    start_daemon(desk, &systemd, Daemon::Kubelet, summary).await?;
    desk.wait_for(None);
    Ok(())
}
