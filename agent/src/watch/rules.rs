//! The rules that are in use, and their exchange while the daemon runs.
//!
//! [`follow`] is one long-lived task. In: SIGHUP, and the plan of the boot, whose settings may disable rules. Out: the
//! rules, whenever they are read anew. It ends only by being dropped.

use std::collections::BTreeSet;
use std::sync::Arc;

use node::config::{Watch, check};
use node::rule::{self, RuleSet};
use tokio::sync::watch;

use crate::host::path;
use crate::host::root::Root;
use crate::plan::Summary;
use crate::source;
use crate::source::rules::RuleFiles;

use super::boot::Boot;

/// Rules, and what is read for them.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The rules.
    pub set: Arc<RuleSet>,
    /// Units whose lines are read beyond those of the program's rules.
    pub units: BTreeSet<String>,
    /// What is wrong with the owner's files and settings, a line each.
    pub problems: Vec<String>,
}

impl Rules {
    /// The rules of the program, and no others.
    pub fn shipped() -> Self {
        Self {
            set: RuleSet::shipped(),
            units: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// The rules of this node: the owner's files and settings, read once.
    pub fn of_node(root: &Root) -> Self {
        Keeper::new(root).read(&Summary::watch_of_boot(root))
    }

    /// All sources of lines that are in the journal.
    pub fn journal_sources(&self) -> BTreeSet<String> {
        let shipped = rule::sources().into_iter().map(str::to_owned);
        let all = shipped.chain(self.units.iter().cloned());
        all.filter(|source| !rule::is_file(source)).collect()
    }
}

/// Reads the rules again and again.
#[derive(Debug)]
pub struct Keeper {
    root: Root,
    files: RuleFiles,
}

impl Keeper {
    /// Nothing was read yet.
    pub fn new(root: &Root) -> Self {
        Self {
            root: root.clone(),
            files: RuleFiles::default(),
        }
    }

    /// Reads the owner's files and settings. `of_boot` are the settings that came with the boot's user data.
    pub fn read(&mut self, of_boot: &Watch) -> Rules {
        let settings = source::own_settings(&self.root).watch.with(of_boot);
        let read = self.files.read(&self.root, path::RULES);
        let mut problems = read.told();
        let codes: Vec<&str> = read.rules.iter().map(|rule| rule.code.as_str()).collect();
        for code in &settings.disabled_rules {
            if let Some((why, help)) = check::not_disabled(code, &codes) {
                let help = help.map_or_else(String::new, |help| format!("; {help}"));
                problems.push(format!("`spec.watch.disabledRules`: `{code}` {why}{help}"));
            }
        }
        let set = if read.rules.is_empty() && settings.disabled_rules.is_empty() {
            RuleSet::shipped()
        } else {
            Arc::new(RuleSet::new(&read.rules, &settings.disabled_rules))
        };
        let mut units = set.user_sources();
        for unit in &settings.units {
            if check::is_unit_name(unit) {
                units.insert(rule::source(unit).into_owned());
            } else {
                problems.push(format!(
                    "`spec.watch.units`: `{unit}` is not the name of a unit"
                ));
            }
        }
        Rules {
            set,
            units,
            problems,
        }
    }
}

/// Tells of the rules what there is to tell.
pub fn log(rules: &Rules) {
    for problem in &rules.problems {
        tracing::warn!("rules: {problem}");
    }
    tracing::info!(
        own = rules.set.user().count(),
        problems = rules.problems.len(),
        "rules are read"
    );
}

/// Reads the rules anew when `hangup` comes back, and when the boot brings other settings.
pub async fn follow(
    mut keeper: Keeper,
    mut boot: watch::Receiver<Boot>,
    mut hangup: impl AsyncFnMut() -> bool,
    out: watch::Sender<Arc<Rules>>,
) {
    let settings = |boot: &Boot| {
        let summary = boot.summary.as_ref();
        summary.map(|summary| summary.watch.clone())
    };
    let mut known = settings(&boot.borrow_and_update()).unwrap_or_default();
    let (mut can_hang_up, mut can_change) = (true, true);
    loop {
        tokio::select! {
            came = hangup(), if can_hang_up => {
                can_hang_up = came;
                if !came {
                    continue;
                }
            }
            changed = boot.changed(), if can_change => {
                can_change = changed.is_ok();
                match settings(&boot.borrow_and_update()) {
                    Some(new) if new != known => known = new,
                    _ => continue,
                }
            }
            else => std::future::pending().await,
        }
        let rules = keeper.read(&known);
        log(&rules);
        out.send_replace(Arc::new(rules));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "apiVersion: nodectl.dev/v1alpha1
kind: RuleSet
spec:
  rules:
    - {code: user.a, severity: info, title: t, fix: f, match: [{units: [sensor], contains: [some words]}]}
";

    fn root() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        (directory, root)
    }

    fn settings(root: &Root, watch: &str) {
        let text = format!(
            "apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {{watch: {watch}}}\n"
        );
        root.write("/etc/nodeagent/config.d/watch.yaml", text.as_bytes(), 0o644)
            .unwrap();
    }

    #[test]
    fn units_of_rules_and_settings_are_read_and_codes_disabled() {
        let (_directory, root) = root();
        root.write("/etc/nodeagent/rules.d/a.yaml", RULE.as_bytes(), 0o644)
            .unwrap();
        settings(
            &root,
            "{units: [sshd, 'a b'], disabledRules: [kernel.oom_node, kernel.oom_nod]}",
        );
        let mut of_boot = Watch::default();
        of_boot.disabled_rules.insert("user.b".to_owned());
        let rules = Keeper::new(&root).read(&of_boot);
        assert_eq!(
            rules.units,
            ["sensor.service", "sshd.service"].map(str::to_owned).into()
        );
        let sources = rules.journal_sources();
        assert!(sources.contains("sshd.service") && sources.contains("kubelet.service"));
        assert!(!sources.contains("ipamd"));
        assert_eq!(
            rules.problems,
            [
                "`spec.watch.disabledRules`: `kernel.oom_nod` is the code of no rule; did you mean `kernel.oom_node`?",
                "`spec.watch.disabledRules`: `user.b` is the code of no rule; did you mean `user.a`?",
                "`spec.watch.units`: `a b` is not the name of a unit",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn rules_are_read_again_on_demand_and_when_the_boot_brings_settings() {
        let (_directory, root) = root();
        let (boot, boot_out) = watch::channel(Boot::default());
        let (out, mut rules) = watch::channel(Arc::new(Rules::shipped()));
        let (hang_up, mut hangups) = tokio::sync::mpsc::channel(1);
        let following = follow(
            Keeper::new(&root),
            boot_out,
            async move || hangups.recv().await.is_some(),
            out,
        );
        let changes = async {
            root.write("/etc/nodeagent/rules.d/a.yaml", RULE.as_bytes(), 0o644)
                .unwrap();
            hang_up.send(()).await.unwrap();
            rules.changed().await.unwrap();
            assert_eq!(rules.borrow_and_update().set.user().count(), 1);
            let mut summary = Summary::default();
            summary.watch.disabled_rules.insert("user.a".to_owned());
            boot.send_modify(|boot| boot.summary = Some(summary));
            rules.changed().await.unwrap();
            assert_eq!(rules.borrow_and_update().set.user().count(), 0);
            // Anything else of the boot is no reason to read them.
            boot.send_modify(|boot| boot.verdict = None);
            let quiet = tokio::time::timeout(std::time::Duration::from_mins(1), rules.changed());
            assert!(quiet.await.is_err());
        };
        tokio::select! {
            () = following => panic!("it does not end"),
            () = changes => {}
        }
    }
}
