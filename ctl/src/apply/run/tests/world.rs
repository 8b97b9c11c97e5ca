//! A cloud in a mutex: things take time, have owner tags, and know client tokens; it can be stopped between any two events.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::apply::hands::{Error, Hands, Look, Why};
use crate::plan::change::{Action, Change, FieldChange, Plan};
use crate::resource::{
    Address, Attribute, Body, Cluster, ElasticIp, Kind, LaunchTemplate, NatGateway, NodeGroup,
    Observed, Outputs, Owner, Role, Status, Subnet, TemplateVersion, Text, Vpc, Wanted, references,
};

pub(super) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// A small cluster: what it consists of.
pub(super) fn wanted() -> Vec<Wanted> {
    let id = |text: &str| Text::of(&address(text), Attribute::Id);
    let subnets = BTreeSet::from([id("subnet/a"), id("subnet/b")]);
    let subnet = || {
        Body::Subnet(Subnet {
            vpc: id("vpc/main"),
            ..Subnet::default()
        })
    };
    let all = [
        ("vpc/main", Body::Vpc(Vpc::default()), ""),
        ("role/cluster", Body::Role(Role::default()), ""),
        ("elastic-ip/a", Body::ElasticIp(ElasticIp::default()), ""),
        ("subnet/a", subnet(), ""),
        ("subnet/b", subnet(), ""),
        (
            "nat-gateway/a",
            Body::NatGateway(NatGateway {
                subnet: id("subnet/a"),
                allocation: id("elastic-ip/a"),
                ..NatGateway::default()
            }),
            "",
        ),
        (
            "cluster/prod",
            Body::Cluster(Cluster {
                role: Text::of(&address("role/cluster"), Attribute::Arn),
                subnets: subnets.clone(),
                ..Cluster::default()
            }),
            "",
        ),
        (
            "launch-template/blue",
            Body::LaunchTemplate(LaunchTemplate::default()),
            "",
        ),
        (
            "nodegroup/blue",
            Body::NodeGroup(NodeGroup {
                cluster: id("cluster/prod"),
                subnets,
                launch_template: TemplateVersion {
                    id: id("launch-template/blue"),
                    version: Text::of(&address("launch-template/blue"), Attribute::Version),
                },
                ..NodeGroup::default()
            }),
            "nat-gateway/a",
        ),
    ];
    all.into_iter()
        .map(|(name, body, after)| Wanted {
            address: address(name),
            body,
            after: after.parse().into_iter().collect(),
        })
        .collect()
}

/// How long things take in a real region, or so.
pub(super) fn realistic(kind: Kind) -> Duration {
    Duration::from_millis(match kind {
        Kind::Cluster => 540_000,
        Kind::NodeGroup => 150_000,
        Kind::NatGateway => 95_000,
        Kind::Vpc | Kind::Subnet => 2_000,
        _ => 300,
    })
}

/// How long they take where every event is tried.
pub(super) fn quick(kind: Kind) -> Duration {
    Duration::from_millis(match kind {
        Kind::Cluster => 2_000,
        Kind::NodeGroup | Kind::NatGateway => 700,
        _ => 0,
    })
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Making(Instant),
    There,
    Going(Instant),
}

#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) address: Address,
    pub(super) id: String,
    body: Body,
    token: String,
    version: u32,
    state: State,
}

impl Thing {
    fn outputs(&self) -> Outputs {
        Outputs::from([
            (Attribute::Id, self.id.clone()),
            (Attribute::Arn, format!("arn:{}", self.id)),
            (Attribute::Version, self.version.to_string()),
        ])
    }

    fn settle(&mut self) {
        if matches!(self.state, State::Making(until) if until <= Instant::now()) {
            self.state = State::There;
        }
    }
}

#[derive(Default)]
struct Inner {
    things: Vec<Thing>,
    /// Everything that was called, in order.
    calls: Vec<String>,
    made: usize,
    events: usize,
    /// What the next calls of this name answer.
    faults: BTreeMap<String, VecDeque<Why>>,
    /// What calls of this name answer for ever.
    broken: BTreeMap<String, Why>,
    /// Things that come up failed.
    failing: BTreeSet<Address>,
}

/// The cloud.
pub(super) struct World {
    takes: fn(Kind) -> Duration,
    /// How long each call lasts.
    pub(super) call: Duration,
    inner: Mutex<Inner>,
    /// The event at which the process is stopped.
    stop_at: Mutex<Option<usize>>,
    stopped: Notify,
}

impl World {
    pub(super) fn new(takes: fn(Kind) -> Duration) -> Self {
        Self {
            takes,
            call: Duration::from_millis(50),
            inner: Mutex::default(),
            stop_at: Mutex::default(),
            stopped: Notify::new(),
        }
    }

    /// Stops the process at the event of this number, from 0.
    pub(super) fn stop_at(&self, event: Option<usize>) {
        self.inner.lock().unwrap().events = 0;
        *self.stop_at.lock().unwrap() = event;
    }

    pub(super) async fn stopped(&self) {
        self.stopped.notified().await;
    }

    pub(super) fn fault(&self, call: &str, answers: impl IntoIterator<Item = Why>) {
        let mut inner = self.inner.lock().unwrap();
        inner
            .faults
            .insert(call.to_owned(), answers.into_iter().collect());
    }

    pub(super) fn break_for_ever(&self, call: &str, why: Why) {
        self.inner
            .lock()
            .unwrap()
            .broken
            .insert(call.to_owned(), why);
    }

    pub(super) fn mend(&self) {
        let mut inner = self.inner.lock().unwrap();
        inner.broken.clear();
        inner.faults.clear();
        inner.failing.clear();
    }

    pub(super) fn comes_up_failed(&self, name: &str) {
        self.inner.lock().unwrap().failing.insert(address(name));
    }

    pub(super) fn lose(&self, name: &str) {
        let address = address(name);
        let mut inner = self.inner.lock().unwrap();
        inner.things.retain(|thing| thing.address != address);
    }

    /// Addresses of everything that there is, doubles and all.
    pub(super) fn addresses(&self) -> Vec<String> {
        let inner = self.inner.lock().unwrap();
        let things = inner.things.iter();
        let mut names: Vec<String> = things.map(|thing| thing.address.to_string()).collect();
        names.sort();
        names
    }

    pub(super) fn calls(&self, of: &str) -> Vec<String> {
        let inner = self.inner.lock().unwrap();
        let calls = inner.calls.iter().filter(|call| call.starts_with(of));
        calls.cloned().collect()
    }

    /// What carries owner tags. A `blind` look does not find what is still being made.
    fn observe(&self, blind: bool) -> Vec<Observed> {
        let mut inner = self.inner.lock().unwrap();
        let observed = inner.things.iter_mut().filter_map(|thing| {
            thing.settle();
            let status = match thing.state {
                State::Making(_) if blind => return None,
                State::Making(_) => Status::Creating,
                State::There => Status::Ready,
                State::Going(_) => Status::Deleting,
            };
            Some(Observed {
                address: thing.address.clone(),
                body: thing.body.clone(),
                outputs: thing.outputs(),
                owner: Owner::Ours,
                status,
            })
        });
        observed.collect()
    }

    /// The plan that makes everything that is wanted.
    pub(super) fn plan(&self, blind: bool) -> Plan {
        let observed = self.observe(blind);
        let changes = wanted().into_iter().map(|wanted| {
            let found = observed
                .iter()
                .find(|observed| observed.address == wanted.address);
            let action = match found.map(|observed| &observed.status) {
                None | Some(Status::Deleting) => Action::Create,
                Some(Status::Ready) => Action::Keep,
                Some(_) => Action::Wait,
            };
            Change {
                address: wanted.address.clone(),
                action,
                needs: wanted.needs(),
                wanted: Some(wanted.body),
                observed: found.cloned(),
                fields: Vec::new(),
                rolls_nodes: None,
            }
        });
        plan(changes.collect())
    }

    /// The plan that deletes everything that is there.
    pub(super) fn deletion(&self) -> Plan {
        let all = wanted();
        let changes = self.observe(false).into_iter().map(|observed| Change {
            address: observed.address.clone(),
            action: Action::Delete,
            needs: all
                .iter()
                .filter(|wanted| wanted.needs().contains(&observed.address))
                .map(|wanted| wanted.address.clone())
                .collect(),
            wanted: None,
            observed: Some(observed),
            fields: Vec::new(),
            rolls_nodes: None,
        });
        plan(changes.collect())
    }

    async fn event(&self) {
        let is_last = {
            let mut inner = self.inner.lock().unwrap();
            inner.events += 1;
            *self.stop_at.lock().unwrap() == Some(inner.events - 1)
        };
        if is_last {
            self.stopped.notify_one();
            std::future::pending::<()>().await;
        }
    }

    fn answer(&self, call: &str) -> Result<(), Error> {
        let mut inner = self.inner.lock().unwrap();
        inner.calls.push(call.to_owned());
        let next = inner.faults.get_mut(call).and_then(VecDeque::pop_front);
        match next.or_else(|| inner.broken.get(call).cloned()) {
            Some(why) => Err(Error::new(why, format!("`{call}` was answered so"))),
            None => Ok(()),
        }
    }

    /// One call: it may be stopped before and after its effect.
    async fn call<T>(&self, name: &str, effect: impl FnOnce(&mut Inner) -> T) -> Result<T, Error> {
        self.event().await;
        tokio::time::sleep(self.call).await;
        self.answer(name)?;
        let done = {
            let mut inner = self.inner.lock().unwrap();
            let now = Instant::now();
            inner.things.iter_mut().for_each(Thing::settle);
            inner
                .things
                .retain(|thing| !matches!(thing.state, State::Going(until) if until <= now));
            effect(&mut inner)
        };
        self.event().await;
        Ok(done)
    }
}

pub(super) fn plan(changes: Vec<Change>) -> Plan {
    Plan {
        cluster: "prod".into(),
        region: "us-west-2".into(),
        account: "123456789012".into(),
        made_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        fingerprint: "f".into(),
        changes,
        warnings: Vec::new(),
    }
}

impl Hands for World {
    async fn create(&self, address: &Address, body: &Body, token: &str) -> Result<Outputs, Error> {
        assert_eq!(references(&body.to_json()), BTreeSet::new(), "{address}");
        let until = Instant::now() + self.call + (self.takes)(address.kind);
        self.call(&format!("create {address}"), |inner| {
            let same = inner.things.iter().find(|thing| thing.token == token);
            if let Some(thing) = same {
                assert_eq!(thing.address, *address);
                return thing.outputs();
            }
            inner.made += 1;
            let thing = Thing {
                address: address.clone(),
                id: format!("{}-{}", address.kind, inner.made),
                body: body.clone(),
                token: token.to_owned(),
                version: 1,
                state: State::Making(until),
            };
            inner.things.push(thing.clone());
            thing.outputs()
        })
        .await
    }

    async fn change(
        &self,
        address: &Address,
        _observed: &Observed,
        wanted: &Body,
        fields: &[FieldChange],
    ) -> Result<Outputs, Error> {
        for field in fields {
            let to = field.to.clone().unwrap_or_default();
            assert_eq!(references(&to), BTreeSet::new(), "{address}");
        }
        self.call(&format!("change {address}"), |inner| {
            let mut things = inner.things.iter_mut();
            let thing = things.find(|thing| thing.address == *address).unwrap();
            thing.body = wanted.clone();
            thing.version += 1;
            thing.outputs()
        })
        .await
    }

    async fn delete(&self, observed: &Observed) -> Result<(), Error> {
        let address = &observed.address;
        let until = Instant::now() + self.call + (self.takes)(address.kind) / 2;
        self.call(&format!("delete {address}"), |inner| {
            let things = inner.things.iter();
            let users = things.filter(|thing| {
                let text = thing.body.to_json().to_string();
                outputs_of(observed).any(|output| text.contains(&format!("\"{output}\"")))
            });
            let users: Vec<_> = users.map(|thing| thing.address.to_string()).collect();
            assert_eq!(users, [""; 0], "{address} is still used");
            for thing in &mut inner.things {
                if thing.address == *address && !matches!(thing.state, State::Going(_)) {
                    thing.state = State::Going(until);
                }
            }
        })
        .await
    }

    async fn look(&self, address: &Address, body: &Body, known: &Outputs) -> Result<Look, Error> {
        assert_eq!(body.kind(), address.kind);
        self.call(&format!("look {address}"), |inner| {
            let failing = inner.failing.contains(address);
            let id = known.get(&Attribute::Id);
            let mut things = inner.things.iter();
            match things.find(|thing| thing.address == *address && Some(&thing.id) == id) {
                None => Look::Gone,
                Some(_) if failing => Look::Failed {
                    reason: "CREATE_FAILED: no address is left".into(),
                },
                Some(thing) => match thing.state {
                    State::There => Look::Ready(thing.outputs()),
                    State::Making(_) => Look::Pending {
                        waits_for: "CREATING".into(),
                    },
                    State::Going(_) => Look::Pending {
                        waits_for: "DELETING".into(),
                    },
                },
            }
        })
        .await
    }
}

fn outputs_of(observed: &Observed) -> impl Iterator<Item = &String> {
    let unique = [Attribute::Id, Attribute::Arn];
    unique
        .into_iter()
        .filter_map(|attribute| observed.outputs.get(&attribute))
}
