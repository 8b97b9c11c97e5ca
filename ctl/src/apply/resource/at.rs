//! One thing, and the clients that speak of it.

use std::error::Error as StdError;
use std::fmt::Debug;

use aws_config::retry::RetryConfig;
use aws_sdk_ec2::config::Builder;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};

use super::error::Reason;
use super::tags::is_ours;
use crate::apply::hands::{Error, Look, Why};
use crate::observe::aws;
use crate::observe::clients::Clients;
use crate::resource::{Address, Attribute, Outputs, Tags, Text};

/// One thing, and the clients that speak of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    /// The clients.
    pub(super) clients: &'a Clients,
    /// Which thing.
    pub(super) address: &'a Address,
}

impl At<'_> {
    /// The error of a call about this thing.
    pub(super) fn failed<E, R>(self, action: &'static str) -> impl FnOnce(SdkError<E, R>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
        R: Debug + Send + Sync + 'static,
    {
        let object = self.address.to_string();
        move |error| aws::Error::of_call(action, object, error).into()
    }

    /// What an answer should have.
    pub(super) fn has<T>(
        self,
        action: &'static str,
        what: &'static str,
        value: Option<T>,
    ) -> Result<T, Error> {
        value.ok_or_else(|| {
            let object = self.address.to_string();
            Reason::Incomplete {
                action,
                object,
                what,
            }
            .into()
        })
    }

    /// Something else has to end first.
    pub(super) fn busy(self, what: impl Into<String>) -> Error {
        Reason::Busy {
            object: self.address.to_string(),
            what: what.into(),
        }
        .into()
    }

    /// A change that was accepted has not come about.
    pub(super) fn has_failed(self, what: impl Into<String>) -> Error {
        Reason::Failed {
            object: self.address.to_string(),
            what: what.into(),
        }
        .into()
    }

    /// A thing of this name that was found, with these tags, is the one that is wanted; else it is not ours.
    pub(super) fn ours<'t>(
        self,
        found: impl IntoIterator<Item = (&'t str, &'t str)>,
        wanted: &Tags,
        name: &str,
    ) -> Result<(), Error> {
        if is_ours(found, wanted) {
            Ok(())
        } else {
            Err(self.exists(name))
        }
    }

    /// A thing of this name is not ours.
    pub(super) fn exists(self, name: &str) -> Error {
        Reason::Exists {
            name: name.to_owned(),
            object: self.address.to_string(),
        }
        .into()
    }
}

/// The text of a reference that the engine has resolved, as it does before any call.
pub(super) fn plain(text: &Text) -> &str {
    text.known().unwrap_or_default()
}

/// The texts of references that the engine has resolved.
pub(super) fn plains<'a>(texts: impl IntoIterator<Item = &'a Text>) -> Vec<String> {
    texts
        .into_iter()
        .map(|text| plain(text).to_owned())
        .collect()
}

/// The outputs of a thing that has nothing but an id.
pub(super) fn id(id: impl Into<String>) -> Outputs {
    Outputs::from([(Attribute::Id, id.into())])
}

/// It is on its way.
pub(super) fn pending(waits_for: impl Into<String>) -> Look {
    Look::Pending {
        waits_for: waits_for.into(),
    }
}

/// That it is gone already is no error where it was to go.
pub(super) fn unless_gone<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.why == Why::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

/// That it exists already is no error where the caller has seen to it that it is ours.
pub(super) fn unless_exists<T>(result: Result<T, Error>) -> Result<(), Error> {
    match result {
        Err(error) if error.why != Why::Exists => Err(error),
        _ => Ok(()),
    }
}

/// For calls of EC2 that make another thing each time they are made, since they have no client token. The SDK would repeat one whose
/// answer was lost; the engine asks for the creation again, which looks first for what the lost call has made.
pub(super) fn once() -> Builder {
    Builder::new().retry_config(RetryConfig::disabled())
}
