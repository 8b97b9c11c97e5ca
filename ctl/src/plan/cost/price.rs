//! Amounts of money, and the list prices.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The list prices; its head says what they are and of when.
const TABLE: &str = include_str!("../../../data/prices.csv");
const MICROS: i64 = 1_000_000;
const DIGITS: usize = 6;

/// An amount of USD, to a millionth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Money {
    micros: i64,
}

impl Money {
    /// So many times as much.
    #[must_use]
    pub fn times(self, count: i64) -> Self {
        Self {
            micros: self.micros.saturating_mul(count),
        }
    }

    /// One of so many parts, rounded towards nothing.
    #[must_use]
    pub fn divided_by(self, parts: i64) -> Self {
        Self {
            micros: self.micros.checked_div(parts).unwrap_or_default(),
        }
    }

    /// With its sign and this many digits after the point, rounded: `+0.4512`.
    pub fn signed(self, digits: usize) -> String {
        let digits = digits.min(DIGITS);
        let unit = (digits..DIGITS).fold(1_i64, |unit, _| unit * 10);
        let sign = if self.micros < 0 { '-' } else { '+' };
        let rounded = (self.micros.unsigned_abs() + unit.unsigned_abs() / 2) / unit.unsigned_abs();
        let whole = MICROS.unsigned_abs() / unit.unsigned_abs();
        let (whole, part) = (rounded / whole, rounded % whole);
        format!("{sign}{whole}.{part:0digits$}")
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            micros: self.micros.saturating_add(other.micros),
        }
    }
}

impl Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            micros: self.micros.saturating_sub(other.micros),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.signed(DIGITS).trim_start_matches('+'))
    }
}

impl From<Money> for String {
    fn from(money: Money) -> Self {
        money.to_string()
    }
}

/// A text that is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an amount of USD with at most six digits after the point")]
pub struct ParseMoneyError {
    text: String,
}

impl FromStr for Money {
    type Err = ParseMoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || -> Option<i64> {
            let (sign, digits) = match text.strip_prefix('-') {
                Some(digits) => (-1, digits),
                None => (1, text),
            };
            let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
            if part.len() > DIGITS
                || !(whole.to_owned() + part)
                    .chars()
                    .all(|c| c.is_ascii_digit())
            {
                return None;
            }
            let whole: i64 = whole.parse().ok()?;
            let part: i64 = format!("{part:0<DIGITS$}").parse().ok()?;
            Some(sign * (whole.checked_mul(MICROS)?.checked_add(part)?))
        };
        parse()
            .map(|micros| Self { micros })
            .ok_or_else(|| ParseMoneyError {
                text: text.to_owned(),
            })
    }
}

impl TryFrom<String> for Money {
    type Error = ParseMoneyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// The list prices.
#[derive(Debug, Clone)]
pub struct Prices {
    date: &'static str,
    prices: BTreeMap<&'static str, Money>,
}

impl Prices {
    /// Those that the program carries.
    pub fn embedded() -> Self {
        let date = TABLE
            .lines()
            .find_map(|line| line.strip_prefix("# as of: "))
            .unwrap_or_default();
        let prices = TABLE
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (what, price) = line.split_once(',')?;
                Some((what, price.parse().ok()?))
            })
            .collect();
        Self { date, prices }
    }

    /// When they were written down.
    pub fn date(&self) -> &'static str {
        self.date
    }

    /// The price of an instance type, or of something else that the table names.
    pub fn find(&self, what: &str) -> Option<Money> {
        self.prices.get(what).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_has_a_price() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        let prices = Prices::embedded();
        assert_eq!(prices.prices.len(), lines);
        assert!(
            prices
                .prices
                .values()
                .all(|price| *price > Money::default())
        );
        assert_eq!(prices.date().len(), "2025-06".len());
    }

    #[test]
    fn well_known_prices_are_right() {
        let prices = Prices::embedded();
        for (what, price) in [
            ("m5.large", "0.096"),
            ("t3.small", "0.0208"),
            ("c5.9xlarge", "1.53"),
            ("m7g.medium", "0.0408"),
            ("control-plane", "0.1"),
        ] {
            assert_eq!(prices.find(what), price.parse().ok(), "{what}");
        }
        assert_eq!(prices.find("m5.tiny"), None);
    }

    #[test]
    fn amounts_are_written_with_their_sign_and_rounded() {
        let amount: Money = "-1.23456".parse().unwrap();
        assert_eq!(amount.signed(2), "-1.23");
        assert_eq!(amount.signed(4), "-1.2346");
        assert_eq!(amount.to_string(), "-1.234560");
        assert_eq!("0.1".parse::<Money>().unwrap().times(3).signed(2), "+0.30");
        assert_eq!(Money::default().signed(2), "+0.00");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "x", "1.2345678", "1,5", "--1", "1.-5", "."] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
    }
}
