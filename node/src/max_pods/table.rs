//! The table of instance types: one line per type, written by `generate.py` and checked here.
//!
//! Format: three comment lines, the last with the CRC-32 of the rows; then one row per type, sorted by name: name, ENIs of the
//! default network card, IPv4 addresses per ENI, vCPUs, hypervisor (`nitro`, `xen` or `metal`), memory in MiB, separated
//! by tabs. `-` stands for what is not known of the last three.

use std::borrow::Cow;

use super::{Hypervisor, InstanceType, Limits};

/// The table that the program was built with.
const EMBEDDED: &str = include_str!("table.tsv");
const CRC: &str = "# crc32 of the rows: ";

/// Why a text is no table of instance types.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A row has not the form that [`Table`] describes.
    #[error("line {line}: `{}` is no row of instance type, ENIs, IPv4 addresses per ENI, vCPUs, hypervisor and MiB of memory", text.escape_debug())]
    Row {
        /// Number of the line, from 1.
        line: usize,
        /// Its beginning.
        text: String,
    },
    /// A row is not greater than the one before it.
    #[error("line {line}: `{name}` is not in order; every type is there once, sorted by name")]
    Order {
        /// Number of the line, from 1.
        line: usize,
        /// Its instance type.
        name: String,
    },
    /// The head ends without a checksum.
    #[error(
        "line {line}: the comment lines at the head do not end in `{CRC}` and a number; generate.py writes it"
    )]
    NoChecksum {
        /// Number of the line where it should be, from 1.
        line: usize,
    },
    /// The rows are not the ones that were written.
    #[error(
        "line {line}: the rows have the checksum {found:08x} and not the one written here; the file is cut off or was edited, write it anew with generate.py"
    )]
    Checksum {
        /// Number of the line with the checksum, from 1.
        line: usize,
        /// Checksum of the rows.
        found: u32,
    },
}

/// A table of instance types.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Cow<'static, str>,
}

impl Table {
    /// The table that the program was built with.
    pub fn embedded() -> Self {
        let rows = EMBEDDED
            .split_once(CRC)
            .and_then(|(_, rest)| rest.split_once('\n'));
        Self {
            rows: Cow::Borrowed(rows.map_or("", |(_, rows)| rows)),
        }
    }

    /// Checks a table from its first line to its last.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let head: usize = text
            .split_inclusive('\n')
            .take_while(|line| line.starts_with('#'))
            .map(str::len)
            .sum();
        let (comments, rows) = text.split_at_checked(head).unwrap_or((text, ""));
        let head_lines = comments.lines().count();
        let mut last = "";
        for (index, text) in rows.lines().enumerate() {
            let line = head_lines + index + 1;
            let Some((name, _)) = row(text) else {
                return Err(Error::Row {
                    line,
                    text: text.chars().take(80).collect(),
                });
            };
            if name <= last {
                let name = name.to_owned();
                return Err(Error::Order { line, name });
            }
            last = name;
        }
        let recorded = comments
            .lines()
            .next_back()
            .and_then(|line| line.strip_prefix(CRC))
            .and_then(|text| u32::from_str_radix(text, 16).ok())
            .ok_or_else(|| Error::NoChecksum {
                line: head_lines.max(1),
            })?;
        let found = crc32fast::hash(rows.as_bytes());
        if found != recorded {
            return Err(Error::Checksum {
                line: head_lines,
                found,
            });
        }
        Ok(Self {
            rows: Cow::Owned(rows.to_owned()),
        })
    }

    /// What the table knows about an instance type.
    ///
    /// ```
    /// use node::max_pods::Table;
    /// let m5 = Table::embedded().find("m5.large").unwrap();
    /// assert_eq!((m5.limits.enis, m5.vcpus, m5.memory_mebibytes), (3, Some(2), Some(8192)));
    /// ```
    pub fn find(&self, instance_type: &str) -> Option<InstanceType> {
        // Lines are compared before any is parsed: a look-up reads the 47 kB at most once, in less than 50 µs.
        self.rows
            .lines()
            .find(|line| {
                line.strip_prefix(instance_type)
                    .is_some_and(|rest| rest.starts_with('\t'))
            })
            .and_then(row)
            .map(|(_, found)| found)
    }

    /// Every instance type, sorted by name.
    pub fn instance_types(&self) -> impl Iterator<Item = (&str, InstanceType)> {
        self.rows.lines().filter_map(row)
    }
}

fn row(line: &str) -> Option<(&str, InstanceType)> {
    let mut columns = line.split('\t');
    let name = columns.next().filter(|name| is_instance_type(name))?;
    let found = InstanceType {
        limits: Limits {
            enis: columns.next()?.parse().ok().filter(|enis| *enis > 0)?,
            ipv4_per_eni: columns
                .next()?
                .parse()
                .ok()
                .filter(|addresses| *addresses > 0)?,
        },
        vcpus: optional(columns.next()?)?,
        hypervisor: match columns.next()? {
            "nitro" => Some(Hypervisor::Nitro),
            "xen" => Some(Hypervisor::Xen),
            "metal" => Some(Hypervisor::BareMetal),
            "-" => None,
            _ => return None,
        },
        memory_mebibytes: optional(columns.next()?)?,
    };
    columns.next().is_none().then_some((name, found))
}

fn is_instance_type(text: &str) -> bool {
    text.contains('.')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

/// `-` is what is not known; `None` when the text is neither that nor a number.
#[expect(
    clippy::option_option,
    reason = "the outer one is whether it parses, as in the rest of the row"
)]
fn optional<T: std::str::FromStr>(text: &str) -> Option<Option<T>> {
    if text == "-" {
        return Some(None);
    }
    text.parse().ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &str) -> String {
        format!(
            "# a\n# b\n{CRC}{:08x}\n{rows}",
            crc32fast::hash(rows.as_bytes())
        )
    }

    #[test]
    fn the_embedded_table_is_what_the_generator_wrote() {
        let parsed = Table::parse(EMBEDDED).unwrap();
        assert_eq!(parsed.rows, Table::embedded().rows);
        assert!(parsed.instance_types().count() > 1400);
    }

    #[test]
    fn a_type_is_found_by_its_whole_name() {
        let text = table("m5.large\t3\t10\t2\tnitro\t8192\nm5.large2\t1\t2\t-\t-\t-\n");
        let table = Table::parse(&text).unwrap();
        assert_eq!(table.find("m5.larg"), None);
        assert_eq!(table.find(""), None);
        assert_eq!(
            table.find("m5.large2"),
            Some(InstanceType {
                limits: Limits {
                    enis: 1,
                    ipv4_per_eni: 2
                },
                vcpus: None,
                hypervisor: None,
                memory_mebibytes: None,
            })
        );
    }

    #[test]
    fn a_broken_table_names_its_line() {
        let error = |text: &str| Table::parse(text).unwrap_err().to_string();
        assert!(error(&table("m5.large\t3\n")).starts_with("line 4: `m5.large\\t3` is no row"));
        assert!(
            error(&table("a.b\t1\t2\t-\t-\t-\na.b\t1\t2\t-\t-\t-\n"))
                .starts_with("line 5: `a.b` is not in order")
        );
        assert!(error("a.b\t1\t2\t-\t-\t-\n").starts_with("line 1: the comment lines"));
        assert!(error("").starts_with("line 1: the comment lines"));
        let whole = table("a.b\t1\t2\t-\t-\t-\nb.b\t1\t2\t-\t-\t-\n");
        let cut_off = whole.strip_suffix("b.b\t1\t2\t-\t-\t-\n").unwrap();
        assert!(error(cut_off).starts_with("line 3: the rows have the checksum"));
        for bad in [
            "a.b\t0\t2\t-\t-\t-\n",
            "a.b\t1\t2\t-\tkvm\t-\n",
            "a b.c\t1\t2\t-\t-\t-\n",
            "a.b\t1\t2\t-\t-\t-\t-\n",
            "<html>\n",
        ] {
            assert!(
                matches!(Table::parse(&table(bad)), Err(Error::Row { line: 4, .. })),
                "{bad}"
            );
        }
    }

    #[test]
    fn types_that_are_no_longer_sold_are_known() {
        let table = Table::embedded();
        for name in [
            "g4ad.xlarge",
            "dl1.24xlarge",
            "hs1.8xlarge",
            "u-24tb1.metal",
        ] {
            assert!(table.find(name).is_some(), "{name}");
        }
        assert_eq!(
            table.find("c5.metal").unwrap().hypervisor,
            Some(Hypervisor::BareMetal)
        );
        assert_eq!(
            table.find("m4.large").unwrap().hypervisor,
            Some(Hypervisor::Xen)
        );
    }
}
