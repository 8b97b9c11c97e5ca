//! Does the VPC CNI's address manager listen where its plug-in asks it?

use node::finding;

use super::DEADLINE;
use super::reading::{Open, Reading};
use crate::host::loopback::{self, Error};
use crate::host::root::Root;

/// gRPC of ipamd: `pkg/ipamd/rpc_handler.go` of the VPC CNI.
const PORT: u16 = 50051;
/// What the VPC CNI leaves where it is the plug-in of this node.
const CONFIGURATION: &str = "/etc/cni/net.d/10-aws.conflist";

/// Knocks at its port.
pub async fn ask() -> Result<(), Error> {
    loopback::knock(PORT, DEADLINE).await
}

/// Whether the VPC CNI is the plug-in of this node.
pub fn is_expected(root: &Root) -> bool {
    root.exists(CONFIGURATION)
}

/// Whether it has been there.
#[derive(Debug, Default)]
pub struct Ipamd {
    was_there: bool,
}

impl Ipamd {
    /// What it means that it listens, or does not. One that was never there may be another's.
    pub fn judge(&mut self, asked: &Result<(), Error>, open: &Open) -> Option<Reading> {
        let finding = &finding::CNI_IPAMD_DOWN;
        match asked {
            Ok(()) => {
                self.was_there = true;
                Some(Reading::passed(finding, ""))
            }
            Err(error @ Error::Refused { .. }) if self.was_there || open.has(finding, "") => {
                Some(Reading::failed(finding, "", error.to_string()))
            }
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_was_there_and_is_no_more_is_told() {
        let (mut ipamd, none) = (Ipamd::default(), Open::default());
        let refused = Err(Error::Refused { port: PORT });
        assert_eq!(ipamd.judge(&refused, &none), None);
        let open = Open::one(&finding::CNI_IPAMD_DOWN, "");
        assert!(ipamd.judge(&refused, &open).is_some());
        assert_eq!(ipamd.judge(&Ok(()), &none).unwrap().failure, None);
        assert_eq!(
            ipamd.judge(&refused, &none).unwrap().failure.as_deref(),
            Some("nobody listens on 127.0.0.1:50051")
        );
    }

    #[test]
    fn nothing_is_looked_for_where_another_plug_in_makes_the_network() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert!(!is_expected(&root));
        root.write(CONFIGURATION, b"{}", 0o644).unwrap();
        assert!(is_expected(&root));
    }
}
