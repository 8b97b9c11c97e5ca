//! Credentials, region and endpoints: one configuration for all AWS clients, and AWS errors as one sentence.
//!
//! Everything the AWS CLI honours is left to the SDK's default chain: profiles, single sign-on, instance roles,
//! `AWS_ENDPOINT_URL`. Called by the commands; the clients are made by the module of each service.

mod refusal;

use std::error::Error as StdError;
use std::time::SystemTime;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_ec2::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use jiff::Timestamp;
use node::redact::Secret;
use node::token::{self, Credentials, Token};

pub use refusal::{Quota, Refusal};

/// What to do about credentials that are not there, or have expired.
const SIGN_IN: &str = "sign in (`aws sso login`), choose a profile (`--profile NAME`), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

type Source = Box<dyn StdError + Send + Sync>;

/// Why AWS did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither flag, environment, profile nor instance metadata names a region.
    #[error("no AWS region is known")]
    NoRegion,
    /// The default chain has no credentials, or could not get them.
    #[error("getting AWS credentials of {}", .profile.as_ref().map_or_else(|| "the environment".to_owned(), |name| format!("profile `{name}`")))]
    Credentials {
        /// Profile that was named.
        profile: Option<String>,
        /// What the chain says.
        #[source]
        source: CredentialsError,
    },
    /// Credentials end at a time that no clock of ours can hold.
    #[error("reading the expiry of the AWS credentials")]
    Expiry {
        /// What the conversion says.
        #[source]
        source: jiff::Error,
    },
    /// No token for the API server of a cluster could be signed.
    #[error("signing a token for cluster `{cluster}`")]
    Token {
        /// Name of the cluster.
        cluster: String,
        /// What the signer says.
        #[source]
        source: token::Error,
    },
    /// The service answered, and refused.
    #[error("`{action}` of {object}: {code}: {message}")]
    Refused {
        /// IAM action, such as `ec2:DescribeInstances`.
        action: &'static str,
        /// What was asked about.
        object: String,
        /// Error code of the service.
        code: String,
        /// Message of the service.
        message: String,
    },
    /// No usable answer came back.
    #[error("`{action}` of {object}")]
    Unanswered {
        /// IAM action, such as `ec2:DescribeInstances`.
        action: &'static str,
        /// What was asked about.
        object: String,
        /// What the transport says.
        #[source]
        source: Source,
    },
}

impl Error {
    /// The error of one call, for any operation of any service.
    pub fn of_call<E, R>(
        action: &'static str,
        object: impl Into<String>,
        error: SdkError<E, R>,
    ) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let object = object.into();
        if let Some(code) = error.code() {
            let (code, message) = (
                code.to_owned(),
                error.message().unwrap_or("no message").to_owned(),
            );
            return Self::Refused {
                action,
                object,
                code,
                message,
            };
        }
        // The connector's own words ("dispatch failure: io error") say less than its source.
        let source = error.into_source().unwrap_or_else(Into::into);
        let source = source
            .downcast::<ConnectorError>()
            .map_or_else(|other| other, |error| error.into_source());
        Self::Unanswered {
            action,
            object,
            source,
        }
    }

    /// The service's error code, if it answered.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// What the refusal means, if the service answered.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused {
                action,
                code,
                message,
                ..
            } => Some(refusal::refusal(action, code, message)),
            _ => None,
        }
    }

    /// Whether no call was made, for want of credentials.
    pub fn is_about_credentials(&self) -> bool {
        match self {
            Self::Credentials { .. } | Self::Expiry { .. } => true,
            Self::Unanswered { source, .. } => chain_has::<CredentialsError>(source.as_ref()),
            Self::NoRegion | Self::Token { .. } | Self::Refused { .. } => false,
        }
    }

    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoRegion => vec![
                "name one with `--region REGION`, AWS_REGION, or `region` in your AWS profile"
                    .into(),
            ],
            Self::Credentials { .. } => vec![SIGN_IN.into()],
            Self::Expiry { .. } | Self::Token { .. } => Vec::new(),
            Self::Refused {
                action,
                code,
                message,
                ..
            } => refusal::hints(action, &refusal::refusal(action, code, message)),
            Self::Unanswered { .. } if self.is_about_credentials() => vec![SIGN_IN.into()],
            Self::Unanswered { .. } => {
                vec![
                    "check the region, the network and AWS_ENDPOINT_URL; `-vv` shows each request"
                        .into(),
                ]
            }
        }
    }
}

/// None for what a service does not know, or no longer.
pub(super) fn present<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Err(error) if error.refusal() == Some(Refusal::Gone) => Ok(None),
        answer => answer.map(Some),
    }
}

fn chain_has<T: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<T>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// Who asks, and where: each field falls back to the SDK's default chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Profile of `~/.aws/config` that a person named: its credentials and no others, as in the AWS CLI.
    pub profile: Option<String>,
    /// Profile that a context names through `AWS_PROFILE`: credentials in the environment go before it.
    pub context_profile: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Role to assume with the credentials of the profile.
    pub role_arn: Option<String>,
}

/// A loaded configuration, and the clients of those services that are asked again and again: each holds the certificates that it
/// trusts and its open connections.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
    ec2: aws_sdk_ec2::Client,
    eks: aws_sdk_eks::Client,
    region: String,
    profile: Option<String>,
}

impl Aws {
    /// Loads the default chain. Nothing is asked of AWS yet, except for a region that only the instance metadata knows.
    pub async fn load(access: &Access) -> Result<Self, Error> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(profile) = access.profile.as_ref().or(access.context_profile.as_ref()) {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &access.region {
            loader = loader.region(Region::new(region.clone()));
        }
        // The chain's future holds every provider of credentials: 20 KB, better on the heap.
        let mut config = Box::pin(loader.load()).await;
        let region = config.region().ok_or(Error::NoRegion)?.clone();
        if let Some(profile) = &access.profile {
            // The default chain would prefer AWS_ACCESS_KEY_ID to the profile that was named.
            let provider = ProfileFileCredentialsProvider::builder()
                .configure(&ProviderConfig::without_region().with_region(Some(region.clone())))
                .profile_name(profile)
                .build();
            config = config
                .into_builder()
                .credentials_provider(SharedCredentialsProvider::new(provider))
                .build();
        }
        if let Some(role_arn) = &access.role_arn {
            let role = AssumeRoleProvider::builder(role_arn)
                .session_name("nodectl")
                .configure(&config);
            let provider = Box::pin(role.build()).await;
            config = config
                .into_builder()
                .credentials_provider(SharedCredentialsProvider::new(provider))
                .build();
        }
        Ok(Self {
            ec2: aws_sdk_ec2::Client::new(&config),
            eks: aws_sdk_eks::Client::new(&config),
            config,
            region: region.to_string(),
            profile: access.profile.clone(),
        })
    }

    /// Configuration for a service's client.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// EC2, for those who look.
    pub fn ec2(&self) -> &aws_sdk_ec2::Client {
        &self.ec2
    }

    /// EKS, for those who look.
    pub fn eks(&self) -> &aws_sdk_eks::Client {
        &self.eks
    }

    /// The region that is asked.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// A token for the API server of a cluster, signed with the caller's credentials.
    pub async fn token(&self, cluster: &str, now: Timestamp) -> Result<Token, Error> {
        let credentials = self.credentials().await?;
        Token::sign(&credentials, &self.region, cluster, now).map_err(|source| Error::Token {
            cluster: cluster.to_owned(),
            source,
        })
    }

    /// The caller's credentials, for signing.
    pub async fn credentials(&self) -> Result<Credentials, Error> {
        let failed = |source| Error::Credentials {
            profile: self.profile.clone(),
            source,
        };
        let provider = self
            .config
            .credentials_provider()
            .ok_or_else(|| failed(CredentialsError::not_loaded("no provider is configured")))?;
        let credentials = provider.provide_credentials().await.map_err(failed)?;
        Ok(Credentials {
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: Secret::new(credentials.secret_access_key().to_owned()),
            session_token: credentials
                .session_token()
                .map(|token| Secret::new(token.to_owned())),
            expires_at: credentials.expiry().map(timestamp).transpose()?,
        })
    }
}

fn timestamp(time: SystemTime) -> Result<Timestamp, Error> {
    Timestamp::try_from(time).map_err(|source| Error::Expiry { source })
}
