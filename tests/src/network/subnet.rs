//! A subnet of a VPC as its machines and the lab's bridge see it. As on AWS its first address is the router's.

use std::net::Ipv4Addr;

/// A network of IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    first: u32,
    prefix: u8,
}

impl Subnet {
    /// The network of this text, such as `10.0.0.0/24`; `None` for what is none that has room for machines.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= 30)?;
        Some(Self {
            first: u32::from(address) & mask(prefix),
            prefix,
        })
    }

    /// The router's address.
    pub fn router(self) -> Ipv4Addr {
        (self.first | 1).into()
    }

    /// The length of its prefix.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// The same as a mask.
    pub fn mask(self) -> Ipv4Addr {
        mask(self.prefix).into()
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_address_is_the_router() {
        let subnet = Subnet::parse("10.0.16.0/20").unwrap();
        assert_eq!(subnet.router(), Ipv4Addr::new(10, 0, 16, 1));
        assert_eq!(subnet.mask(), Ipv4Addr::new(255, 255, 240, 0));
        assert_eq!(Subnet::parse("10.0.17.9/20"), Some(subnet));
        assert_eq!(
            Subnet::parse("0.0.0.0/0").unwrap().mask(),
            Ipv4Addr::UNSPECIFIED
        );
    }

    #[test]
    fn what_has_no_room_for_machines_is_no_subnet() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/31",
            "10.0.0.0/33",
            "fd00::/64",
            "x/8",
        ] {
            assert_eq!(Subnet::parse(text), None, "{text}");
        }
    }
}
