//! How the network of a VPC is divided among its subnets.

use std::net::Ipv4Addr;

use crate::spec::cidr::{Cidr, Fault};

/// Zones that there is room for in any case, so that the subnets that exist stay where they are when a zone is added.
const ZONES: u32 = 4;
/// The smallest subnet that EC2 makes.
const LONGEST_PREFIX: u32 = 28;

/// Networks of the subnets of a VPC, in the order of its zones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Division {
    pub(super) public: Vec<String>,
    pub(super) private: Vec<String>,
}

/// Divides the network of a VPC evenly: the first half is for public subnets and the second for private ones, each with
/// room for four zones, or for the next power of two when there are more. A /16 with up to four zones has subnets of /19.
///
/// Empty when the text is no IPv4 network, or one that is too small.
pub(super) fn divide(network: &str, zones: usize) -> Division {
    let network = match Cidr::parse(network) {
        Ok(network) | Err(Fault::NotCanonical(network)) => network,
        Err(Fault::Syntax) => return Division::default(),
    };
    let (base, prefix) = (u32::from(network.address()), u32::from(network.length()));
    let count = u32::try_from(zones).unwrap_or(u32::MAX).clamp(1, 1 << 16);
    let room = count.next_power_of_two().max(ZONES);
    let length = prefix + (2 * room).ilog2();
    if length > LONGEST_PREFIX {
        return Division::default();
    }
    let size = 1_u32 << (32 - length);
    let subnet = |slot: u32| {
        let address = Ipv4Addr::from(base.wrapping_add(slot.wrapping_mul(size)));
        format!("{address}/{length}")
    };
    Division {
        public: (0..count).map(subnet).collect(),
        private: (0..count).map(|zone| subnet(room + zone)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_divided_evenly() {
        let division = divide("10.0.0.0/16", 3);
        assert_eq!(
            division.public,
            ["10.0.0.0/19", "10.0.32.0/19", "10.0.64.0/19"]
        );
        assert_eq!(
            division.private,
            ["10.0.128.0/19", "10.0.160.0/19", "10.0.192.0/19"]
        );
    }

    #[test]
    fn subnets_stay_where_they_are_when_a_zone_is_added() {
        let (two, four) = (divide("10.0.0.0/16", 2), divide("10.0.0.0/16", 4));
        assert_eq!(two.public, four.public[..2]);
        assert_eq!(two.private, four.private[..2]);
    }

    #[test]
    fn no_two_subnets_share_an_address() {
        let division = divide("192.168.0.0/20", 6);
        let mut all: Vec<_> = division.public.iter().chain(&division.private).collect();
        assert_eq!(all.len(), 12);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 12);
        assert!(all.iter().all(|network| network.ends_with("/24")));
    }

    #[test]
    fn what_cannot_be_divided_has_no_subnets() {
        for network in ["", "10.0.0.0", "10.0.0.0/26", "fd00::/56", "10.0.0.0/33"] {
            assert_eq!(divide(network, 2), Division::default(), "{network}");
        }
    }
}
