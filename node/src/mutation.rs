//! Inputs that are nearly right, for the readers of what others write: seeds that are cut, repeated, spliced and spoilt.
//!
//! A short look on every run of the tests; the targets in `node/fuzz` do the same for long.

use std::time::{Duration, Instant};

/// How long one input may take in a debug build, which is many times slower than a release build.
const SLOWEST: Duration = Duration::from_secs(5);
/// How long inputs are tried.
const TIME: Duration = Duration::from_secs(2);

/// Makes inputs from seeds and from pieces that mean something to the reader; the same ones each time.
pub(crate) struct Mutator<'a> {
    /// State of xorshift64, never zero.
    random: u64,
    seeds: Vec<Vec<u8>>,
    pieces: &'a [&'a str],
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(seeds: Vec<Vec<u8>>, pieces: &'a [&'a str]) -> Self {
        Self {
            random: 0x9e37_79b9_7f4a_7c15,
            seeds,
            pieces,
        }
    }

    /// Tries what `next` makes until the time is over: none may panic or take long.
    pub(crate) fn try_all(
        &mut self,
        next: impl Fn(&mut Self) -> Vec<u8>,
        look_at: impl Fn(&[u8]) + std::panic::RefUnwindSafe,
    ) {
        let begin = Instant::now();
        let mut inputs: u64 = 0;
        while begin.elapsed() < TIME {
            let input = next(self);
            let before = Instant::now();
            let told = String::from_utf8_lossy(&input);
            let ended = std::panic::catch_unwind(|| look_at(&input));
            assert!(ended.is_ok(), "panicked on {told:?}");
            assert!(before.elapsed() < SLOWEST, "slow on {told:?}");
            inputs += 1;
        }
        assert!(inputs > 0);
    }

    pub(crate) fn number(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random >> 16).unwrap() % below.max(1)
    }

    pub(crate) fn input(&mut self) -> Vec<u8> {
        let seed = self.number(self.seeds.len());
        let mut bytes = self.seeds[seed].clone();
        for _ in 0..=self.number(8) {
            let at = self.number(bytes.len() + 1);
            let end = (at + self.number(40)).min(bytes.len());
            match self.number(6) {
                0 => drop(bytes.splice(at..at, self.piece())),
                1 => drop(bytes.splice(at..end, [])),
                2 => {
                    let piece = bytes[at..end].to_vec();
                    let times = self.number(30);
                    bytes.splice(at..at, piece.repeat(times));
                }
                3 => bytes.truncate(at),
                4 => {
                    let byte = u8::try_from(self.number(256)).unwrap();
                    if let Some(old) = bytes.get_mut(at) {
                        *old = byte;
                    }
                }
                _ => {
                    let other = self.number(self.seeds.len());
                    let other = self.seeds[other].clone();
                    let from = self.number(other.len() + 1);
                    bytes.splice(at..at, other[from..].iter().copied().take(200));
                }
            }
        }
        bytes
    }

    fn piece(&mut self) -> impl Iterator<Item = u8> + use<'a> {
        let piece = self.pieces[self.number(self.pieces.len())];
        piece.bytes()
    }
}
