//! Chance: for waits that must not fall together on many nodes, and for secrets.

use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Read as _};

/// A number from 0 to 1 that differs between processes and calls. Nothing secret hangs on it.
pub fn fraction() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    // The upper 32 bits are as random as all, and exact in a float.
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

/// Bytes that nobody can guess, from the kernel: `urandom(4)`.
pub fn bytes<const COUNT: usize>() -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_one_and_not_always_the_same() {
        let fractions: Vec<f64> = (0..1000).map(|_| fraction()).collect();
        assert!(
            fractions
                .iter()
                .all(|fraction| (0.0..=1.0).contains(fraction))
        );
        assert!(fractions.windows(2).any(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn no_two_secrets_are_the_same() {
        assert_ne!(bytes::<32>().unwrap(), bytes::<32>().unwrap());
    }
}
