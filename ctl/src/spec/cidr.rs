//! Networks of IPv4.

use std::net::Ipv4Addr;

/// A network, whose address has no bits beyond its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    address: u32,
    length: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not an address, a `/` and a number up to 32.
    Syntax,
    /// Its address has bits beyond its prefix; the network that holds it.
    NotCanonical(Cidr),
}

impl Cidr {
    /// Reads `10.0.0.0/16`.
    ///
    /// # Errors
    /// When it is no network.
    ///
    /// ```
    /// use nodectl::spec::cidr::{Cidr, Fault};
    /// let vpc = Cidr::parse("10.0.0.0/16").unwrap();
    /// assert!(vpc.contains(Cidr::parse("10.0.3.0/24").unwrap()));
    /// assert_eq!(Cidr::parse("10.0.3.1/16"), Err(Fault::NotCanonical(vpc)));
    /// ```
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let (address, length) = text.split_once('/').ok_or(Fault::Syntax)?;
        let address: Ipv4Addr = address.parse().ok().ok_or(Fault::Syntax)?;
        let is_number = length.bytes().all(|byte| byte.is_ascii_digit());
        let length: u8 = length.parse().ok().ok_or(Fault::Syntax)?;
        if length > 32 || !is_number {
            return Err(Fault::Syntax);
        }
        let written = Self {
            address: address.to_bits(),
            length,
        };
        let canonical = Self {
            address: written.address & written.mask(),
            length,
        };
        if written == canonical {
            Ok(canonical)
        } else {
            Err(Fault::NotCanonical(canonical))
        }
    }

    /// Its first address.
    pub fn address(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address)
    }

    /// Bits of its prefix.
    pub fn length(self) -> u8 {
        self.length
    }

    /// How many addresses it has.
    pub fn addresses(self) -> u64 {
        1 << (32 - u32::from(self.length))
    }

    /// Whether another network is a part of it, or it itself.
    pub fn contains(self, other: Self) -> bool {
        self.length <= other.length && other.address & self.mask() == self.address
    }

    /// Whether an address is in it.
    pub fn holds(self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.mask() == self.address
    }

    /// Whether the two have an address in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    fn mask(self) -> u32 {
        u32::MAX
            .checked_shl(32 - u32::from(self.length))
            .unwrap_or(0)
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.address(), self.length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0/8",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "::/0",
            "a/8",
        ] {
            assert_eq!(Cidr::parse(text), Err(Fault::Syntax), "{text}");
        }
        assert_eq!(Cidr::parse("0.0.0.0/0").unwrap().addresses(), 1 << 32);
        assert_eq!(Cidr::parse("10.0.0.1/32").unwrap().addresses(), 1);
    }

    proptest! {
        #[test]
        fn a_network_holds_what_its_prefix_says(address in any::<u32>(), length in 0_u8..=32, other in any::<u32>()) {
            let text = format!("{}/{length}", Ipv4Addr::from_bits(address));
            let network = match Cidr::parse(&text) {
                Ok(network) | Err(Fault::NotCanonical(network)) => network,
                Err(Fault::Syntax) => panic!("{text}"),
            };
            prop_assert_eq!(Cidr::parse(&network.to_string()), Ok(network));
            prop_assert!(network.holds(Ipv4Addr::from_bits(address)));
            let same = u32::from(length) == 0 || (address ^ other).leading_zeros() >= u32::from(length);
            prop_assert_eq!(network.holds(Ipv4Addr::from_bits(other)), same);
        }
    }
}
