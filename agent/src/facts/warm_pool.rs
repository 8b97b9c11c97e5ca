//! Whether the instance is kept in the warm pool of its Auto Scaling group, where it must not join.
//!
//! Auto Scaling shows the state that an instance is on its way to in the instance metadata:
//! <https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html>.

use std::time::Duration;

use node::chain::Chain;
use tokio::time::timeout;

use crate::host::imds::Imds;

const PATH: &str = "/latest/meta-data/autoscaling/target-lifecycle-state";
/// An answer that comes later holds up no boot: the instance then joins, as almost every instance should.
const DEADLINE: Duration = Duration::from_secs(5);

/// What is known of the state that the instance is to be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// It is to wait in the warm pool; the state, such as `Warmed:Stopped`.
    Warmed(String),
    /// It is to serve, or Auto Scaling has nothing to do with it.
    Service,
    /// It is to be ended.
    End,
    /// The metadata service does not tell.
    Unknown,
}

impl Target {
    fn of(state: Option<&str>) -> Self {
        match state {
            Some(state) if state.starts_with("Warmed:") => Self::Warmed(state.to_owned()),
            Some("Terminated") => Self::End,
            _ => Self::Service,
        }
    }
}

/// What the instance is to become, as the metadata service says now.
pub async fn target(imds: &Imds) -> Target {
    match timeout(DEADLINE, imds.text(PATH)).await {
        Ok(Ok(state)) => Target::of(state.as_deref()),
        Ok(Err(error)) => {
            tracing::debug!(error = %Chain(&error), "no target lifecycle state");
            Target::Unknown
        }
        Err(_) => Target::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_machine_of_a_warm_pool_waits() {
        for state in [
            "Warmed:Running",
            "Warmed:Stopped",
            "Warmed:Hibernated",
            "Warmed:Pending:Wait",
        ] {
            assert_eq!(Target::of(Some(state)), Target::Warmed(state.to_owned()));
        }
        for state in [None, Some("InService"), Some("Standby"), Some("Detached")] {
            assert_eq!(Target::of(state), Target::Service);
        }
        assert_eq!(Target::of(Some("Terminated")), Target::End);
    }

    #[tokio::test]
    async fn a_metadata_service_that_does_not_answer_decides_nothing() {
        let imds = Imds::new(Some("http://127.0.0.1:9"), Duration::ZERO);
        assert_eq!(target(&imds).await, Target::Unknown);
    }
}
