//! Are the interfaces up that the node cannot do without: the loopback, and the one that leads out?

use node::finding;

use super::reading::{Open, Reading};
use crate::host::root::Root;

const LOOPBACK: &str = "lo";
/// Routes of the machine's main table, whatever network this process has.
const ROUTES: &str = "/proc/1/net/route";
const INTERFACES: &str = "/sys/class/net";
/// `RTF_UP` of a route, `IFF_UP` of an interface.
const UP: u32 = 1;

/// What is seen of the interfaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The interface of the default route.
    pub primary: Option<String>,
    /// The interfaces that were looked at, and what is wrong with each.
    pub interfaces: Vec<(String, Option<String>)>,
}

/// Looks at the loopback and at the interface of the default route. The kernel takes the routes of an interface that goes
/// down away: then at the one that was `known` before.
pub fn look(root: &Root, known: Option<&str>) -> Seen {
    let routes = root.read_text(ROUTES).ok().flatten().unwrap_or_default();
    let primary = primary(&routes);
    let there = root.list(INTERFACES).unwrap_or_default();
    if there.is_empty() {
        return Seen::default();
    }
    let wanted = primary.as_deref().or(known);
    let interfaces = [Some(LOOPBACK), wanted]
        .into_iter()
        .flatten()
        .filter_map(|name| {
            if !there.iter().any(|known| known == name) {
                let missing = format!("there is no interface `{name}`");
                return Some((name.to_owned(), Some(missing)));
            }
            let read = |file: &str| {
                let text = root.read_text(format!("{INTERFACES}/{name}/{file}"));
                text.ok().flatten()
            };
            let wrong = wrong(name, &read("flags")?, &read("operstate")?);
            Some((name.to_owned(), wrong))
        })
        .collect();
    Seen {
        primary,
        interfaces,
    }
}

/// The interface of the default route of the least metric.
fn primary(routes: &str) -> Option<String> {
    let defaults = routes.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [name, to, _, flags, _, _, metric, mask, ..] = fields.as_slice() else {
            return None;
        };
        let is_up = u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & UP != 0);
        let is_default = [to, mask].iter().all(|part| **part == "00000000");
        (is_up && is_default).then_some((metric.parse::<u32>().ok()?, *name))
    });
    defaults.min().map(|(_, name)| name.to_owned())
}

/// What is wrong with an interface: <https://docs.kernel.org/networking/operstates.html>. One that does not know its own
/// state, as a loopback, runs.
fn wrong(name: &str, flags: &str, state: &str) -> Option<String> {
    let flags = u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16).ok()?;
    let state = state.trim();
    if flags & UP == 0 {
        return Some(format!(
            "interface `{name}` is not up (ip link set {name} up)"
        ));
    }
    let is_running = matches!(state, "up" | "unknown" | "");
    (!is_running)
        .then(|| format!("interface `{name}` is up and has no link: its state is `{state}`"))
}

/// The interface that led out when there was a way out.
#[derive(Debug, Default)]
pub struct Interfaces {
    primary: Option<String>,
}

impl Interfaces {
    /// The interface to look at where no route leads out. After a restart of the agent it is the one of which the fault
    /// was known.
    pub fn known(&self, open: &Open) -> Option<String> {
        let mut told = open
            .objects(&finding::NETWORK_INTERFACE_DOWN)
            .filter(|object| *object != LOOPBACK);
        self.primary
            .clone()
            .or_else(|| told.next().map(str::to_owned))
    }

    /// What this means.
    pub fn judge(&mut self, seen: Seen, open: &Open) -> Vec<Reading> {
        let finding = &finding::NETWORK_INTERFACE_DOWN;
        let is_seen = |object: &str| seen.interfaces.iter().any(|(name, _)| name == object);
        // Another one leads out now.
        let mut readings: Vec<Reading> = open
            .objects(finding)
            .filter(|object| seen.primary.is_some() && !is_seen(object))
            .map(|object| Reading::passed(finding, object))
            .collect();
        let looked_at = seen.interfaces.into_iter();
        readings.extend(looked_at.map(|(object, failure)| Reading {
            finding,
            object,
            failure,
        }));
        self.primary = seen.primary.or_else(|| self.primary.take());
        readings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
    const ROUTE: &str = "ens5\t00000000\t0100000A\t0003\t0\t0\t512\t00000000\t0\t0\t0\n";
    const OTHERS: &str = "ens6\t00000000\t0100000A\t0003\t0\t0\t1024\t00000000\t0\t0\t0\nens5\t0000000A\t00000000\t0001\t0\t0\t512\t00FFFFFF\t0\t0\t0\n";

    struct Machine {
        _directory: tempfile::TempDir,
        root: Root,
        interfaces: Interfaces,
        open: Open,
    }

    impl Machine {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let machine = Self {
                root: Root::new(directory.path()),
                _directory: directory,
                interfaces: Interfaces::default(),
                open: Open::default(),
            };
            machine.interface("lo", "0x9", "unknown");
            machine.interface("ens5", "0x1003", "up");
            machine.routes(&[OTHERS, ROUTE]);
            machine
        }

        fn interface(&self, name: &str, flags: &str, state: &str) {
            for (file, text) in [("flags", flags), ("operstate", state)] {
                let path = format!("/sys/class/net/{name}/{file}");
                self.root
                    .write(path, format!("{text}\n").as_bytes(), 0o644)
                    .unwrap();
            }
        }

        fn routes(&self, routes: &[&str]) {
            let text = format!("{HEAD}{}", routes.concat());
            self.root.write(ROUTES, text.as_bytes(), 0o644).unwrap();
        }

        fn told(&mut self) -> Vec<(String, Option<String>)> {
            let known = self.interfaces.known(&self.open);
            let seen = look(&self.root, known.as_deref());
            let readings = self.interfaces.judge(seen, &self.open).into_iter();
            readings
                .map(|reading| (reading.object, reading.failure))
                .collect()
        }
    }

    fn passed(name: &str) -> (String, Option<String>) {
        (name.to_owned(), None)
    }

    fn failed(name: &str, words: &str) -> (String, Option<String>) {
        (name.to_owned(), Some(words.to_owned()))
    }

    #[test]
    fn an_interface_without_a_link_is_told() {
        let mut machine = Machine::new();
        assert_eq!(machine.told(), [passed("lo"), passed("ens5")]);
        machine.interface("ens5", "0x1003", "down");
        let down = failed(
            "ens5",
            "interface `ens5` is up and has no link: its state is `down`",
        );
        assert_eq!(machine.told(), [passed("lo"), down]);
        machine.interface("lo", "0x8", "down");
        machine.interface("ens5", "0x1003", "up");
        let lo = failed("lo", "interface `lo` is not up (ip link set lo up)");
        assert_eq!(machine.told(), [lo, passed("ens5")]);
    }

    #[test]
    fn an_interface_that_was_taken_down_or_away_is_told_although_its_routes_are_gone() {
        let mut machine = Machine::new();
        machine.told();
        machine.routes(&[]);
        machine.interface("ens5", "0x1002", "down");
        let down = failed("ens5", "interface `ens5` is not up (ip link set ens5 up)");
        assert_eq!(machine.told(), [passed("lo"), down.clone()]);
        // A restart of the agent.
        machine.interfaces = Interfaces::default();
        assert_eq!(machine.told(), [passed("lo")]);
        machine.open = Open::one(&finding::NETWORK_INTERFACE_DOWN, "ens5");
        assert_eq!(machine.told(), [passed("lo"), down]);
        std::fs::remove_dir_all(machine.root.path("/sys/class/net/ens5")).unwrap();
        assert_eq!(
            machine.told(),
            [passed("lo"), failed("ens5", "there is no interface `ens5`")]
        );
    }

    #[test]
    fn an_interface_that_leads_out_no_more_is_forgiven_and_nothing_is_said_without_interfaces() {
        let mut machine = Machine::new();
        machine.open = Open::one(&finding::NETWORK_INTERFACE_DOWN, "eth9");
        assert_eq!(
            machine.told(),
            [passed("eth9"), passed("lo"), passed("ens5")]
        );
        std::fs::remove_dir_all(machine.root.path("/sys")).unwrap();
        assert_eq!(machine.told(), []);
    }
}
