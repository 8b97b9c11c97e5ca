//! Keys and certificates of one lab, made anew at each `lab up`. Two authorities that know nothing of each other, as on
//! AWS: the cluster's own, which machines learn from their user data only, and the lab's, which stands for the public
//! ones behind AWS's names and is limited to those names.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
};
use thiserror::Error;

use crate::{
    file::{self, FileError},
    layout::Layout,
    network,
};

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum PkiError {
    /// A key or a certificate could not be made.
    #[error("making `{name}`")]
    Make {
        /// Its file, without the extension.
        name: String,
        /// What the library said.
        #[source]
        source: rcgen::Error,
    },
    /// It could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// An authority and what it signs.
struct Authority<'a> {
    layout: &'a Layout,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What a certificate is for.
#[derive(Clone, Copy)]
enum Use {
    Server,
    Client,
}

fn making(name: &str) -> impl Fn(rcgen::Error) -> PkiError + '_ {
    move |source| PkiError::Make {
        name: name.to_owned(),
        source,
    }
}

fn subject(common_name: &str, organization: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    if let Some(organization) = organization {
        subject.push(DnType::OrganizationName, organization);
    }
    subject.push(DnType::CommonName, common_name);
    subject
}

impl<'a> Authority<'a> {
    /// Makes an authority and writes it to `FILE.crt` and `FILE.key`.
    fn create(
        layout: &'a Layout,
        file: &str,
        common_name: &str,
        only_below: Option<&str>,
    ) -> Result<Self, PkiError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(common_name, None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = only_below.map(|domain| NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
            excluded_subtrees: Vec::new(),
        });
        let key = KeyPair::generate().map_err(making(file))?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(making(file))?;
        file::write(&layout.pki(&format!("{file}.crt")), issuer.pem())?;
        file::write_secret(
            &layout.pki(&format!("{file}.key")),
            issuer.key().serialize_pem(),
        )?;
        Ok(Self { layout, issuer })
    }

    /// Signs a certificate for `names` and writes it to `FILE.crt` and `FILE.key`.
    fn sign(
        &self,
        file: &str,
        subject: DistinguishedName,
        names: &[&str],
        purpose: Use,
    ) -> Result<(), PkiError> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(making(file))?;
        params.distinguished_name = subject;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match purpose {
            Use::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Use::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let key = KeyPair::generate().map_err(making(file))?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(making(file))?;
        file::write(&self.layout.pki(&format!("{file}.crt")), certificate.pem())?;
        file::write_secret(
            &self.layout.pki(&format!("{file}.key")),
            key.serialize_pem(),
        )?;
        Ok(())
    }
}

/// Makes everything that the lab's processes need. `endpoint` is the host name of the cluster's endpoint, `region` the
/// AWS region whose names the gateway answers to.
pub fn create(layout: &Layout, endpoint: &str, region: &str) -> Result<(), PkiError> {
    let api_server = network::API_SERVER.to_string();
    let cluster = Authority::create(layout, "cluster-ca", "kubernetes", None)?;
    cluster.sign(
        "apiserver",
        subject("kube-apiserver", None),
        &[
            endpoint,
            &api_server,
            "127.0.0.1",
            // The service `kubernetes`: the first address of the service network.
            "10.100.0.1",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ],
        Use::Server,
    )?;
    // As on EKS these identities belong to the control plane; no machine and no user gets one.
    for (file, name, organization) in [
        (
            "apiserver-kubelet-client",
            "kube-apiserver-kubelet-client",
            "system:masters",
        ),
        ("controller-manager", "system:kube-controller-manager", ""),
        ("authenticator", "aws-iam-authenticator", "system:masters"),
        ("lab", "lab", "system:masters"),
    ] {
        let organization = (!organization.is_empty()).then_some(organization);
        cluster.sign(file, subject(name, organization), &[], Use::Client)?;
    }

    let service_account = KeyPair::generate().map_err(making("service-account"))?;
    file::write_secret(
        &layout.pki("service-account.key"),
        service_account.serialize_pem(),
    )?;
    file::write(
        &layout.pki("service-account.pub"),
        service_account.public_key_pem(),
    )?;

    let aws = Authority::create(layout, "aws-ca", "nodectl lab AWS", Some("amazonaws.com"))?;
    let regional = format!("*.{region}.amazonaws.com");
    let names = [regional.as_str(), "*.amazonaws.com"];
    aws.sign(
        "gateway",
        subject("nodectl lab gateway", None),
        &names,
        Use::Server,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Cache;

    #[test]
    fn keys_are_readable_by_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let layout = Cache::at(directory.path()).lab("x").unwrap();
        create(&layout, "abc.gr7.us-east-1.eks.amazonaws.com", "us-east-1").unwrap();
        for name in file::entries(&layout.pki("")).unwrap() {
            let mode = std::fs::metadata(layout.pki(&name))
                .unwrap()
                .permissions()
                .mode();
            let secret = std::path::Path::new(&name)
                .extension()
                .is_some_and(|e| e == "key");
            assert_eq!(secret, mode & 0o777 == 0o600, "{name}: {mode:o}");
        }
    }
}
