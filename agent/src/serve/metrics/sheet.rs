//! The values of one moment, and their text.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::metric::{ALL, Kind, Metric, PREFIX};

type Labels = Vec<(&'static str, String)>;

/// A value of a metric.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    /// A count, or a level.
    Whole(u64),
    /// A time.
    Time(Duration),
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Self {
        Self::Whole(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

impl From<bool> for Number {
    fn from(is_so: bool) -> Self {
        Self::Whole(is_so.into())
    }
}

impl From<Duration> for Number {
    fn from(time: Duration) -> Self {
        Self::Time(time)
    }
}

impl Number {
    fn whole(self) -> u64 {
        match self {
            Self::Whole(number) => number,
            Self::Time(time) => time.as_secs(),
        }
    }

    fn seconds(self) -> f64 {
        match self {
            Self::Whole(number) => Duration::from_secs(number).as_secs_f64(),
            Self::Time(time) => time.as_secs_f64(),
        }
    }
}

/// What is known of each metric.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    values: Vec<(&'static Metric, Labels, Number)>,
}

impl Sheet {
    /// A value of a metric, for these values of its labels. Values for the same labels add up.
    pub(super) fn add(
        &mut self,
        metric: &'static Metric,
        labels: &[&str],
        number: impl Into<Number>,
    ) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.stem);
        let labels = metric.labels.iter().zip(labels);
        let labels = labels
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        self.values.push((metric, labels, number.into()));
    }

    /// The text. A metric of which nothing is known is not in it.
    pub(super) fn text(&self) -> String {
        let mut registry = Registry::with_prefix(PREFIX);
        for metric in ALL {
            self.register(metric, &mut registry);
        }
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &registry) {
            tracing::error!(%error, "metrics are not encoded");
        }
        // What has no labels needs no braces.
        text.replace("{} ", " ")
    }

    fn register(&self, metric: &'static Metric, registry: &mut Registry) {
        let Metric {
            stem, kind, help, ..
        } = *metric;
        let of_it = |(of, ..): &&(&Metric, Labels, Number)| of.stem == stem;
        let mut values = self.values.iter().filter(of_it).peekable();
        if values.peek().is_none() {
            return;
        }
        match kind {
            Kind::Counter => {
                let family = Family::<Labels, Counter>::default();
                for (_, labels, number) in values {
                    family.get_or_create(labels).inc_by(number.whole());
                }
                registry.register(stem, help, family);
            }
            Kind::SecondsCounter => {
                let family = Family::<Labels, Counter<f64, AtomicU64>>::default();
                for (_, labels, number) in values {
                    family.get_or_create(labels).inc_by(number.seconds());
                }
                registry.register_with_unit(stem, help, Unit::Seconds, family);
            }
            Kind::Gauge => {
                let family = Family::<Labels, Gauge>::default();
                for (_, labels, number) in values {
                    let number = i64::try_from(number.whole()).unwrap_or(i64::MAX);
                    family.get_or_create(labels).inc_by(number);
                }
                registry.register(stem, help, family);
            }
            Kind::Seconds => {
                let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
                for (_, labels, number) in values {
                    family.get_or_create(labels).inc_by(number.seconds());
                }
                registry.register_with_unit(stem, help, Unit::Seconds, family);
            }
            Kind::Info => {
                for (_, labels, _) in values {
                    registry.register(stem, help, Info::new(labels.clone()));
                }
            }
        }
    }
}
