//! Asks an agent by TLS, from the lab's network, as somebody who trusts one authority and expects one name.

use std::{sync::Arc, time::Duration};

use lab::{cloud::record::MachineRecord, file, lifecycle::Lab};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

/// Whom the client trusts, and whom it expects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trust<'a> {
    pub(super) authority: &'a str,
    pub(super) name: &'a str,
}

/// Status and body, when the cluster's authority vouches for the node's name.
pub(super) fn get(lab: &Lab, record: &MachineRecord, path: &str, token: &str) -> (u16, String) {
    let trust = Trust {
        authority: "cluster-ca.crt",
        name: &record.local_hostname,
    };
    get_from(lab, record, &trust, path, token).unwrap()
}

/// The same, or why there is no connection.
pub(super) fn get_from(
    lab: &Lab,
    record: &MachineRecord,
    trust: &Trust<'_>,
    path: &str,
    token: &str,
) -> Result<(u16, String), String> {
    let authority = file::read(&lab.layout.pki(trust.authority)).unwrap();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(trust.name.to_owned()).unwrap();
    let authorization = match token {
        "" => String::new(),
        token => format!("authorization: Bearer {token}\r\n"),
    };
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n{authorization}\r\n");
    let address = (record.private_ip, node::wire::access::TLS_PORT);
    let asking = || async move {
        let asking = async {
            let stream = TcpStream::connect(address).await?;
            let connector = TlsConnector::from(Arc::new(config));
            let mut stream = connector.connect(name, stream).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        tokio::time::timeout(Duration::from_mins(1), asking).await
    };
    let answer = lab
        .inside(asking)
        .unwrap()
        .map_err(|_| "no answer in a minute".to_owned())?
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no answer")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok((status, body.to_owned()))
}
