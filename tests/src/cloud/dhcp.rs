//! The DHCP server of the lab's subnets, as every VPC has one: each machine gets its own address for good. cloud-init asks
//! it before the network is configured, to reach the metadata service. Others in the lab have their addresses in files.
//!
//! Formats: RFC 2131 (messages), RFC 2132 (options).

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use tokio::net::UdpSocket;
use tracing::{info, warn};

use super::record;
use crate::network::{self, Subnet};

const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// Leads to everybody on the bridge; clients have no address yet that they could be told by.
const BROADCAST: Ipv4Addr = Ipv4Addr::new(10, 88, 255, 255);
/// EC2's leases are as long.
const LEASE_SECONDS: u32 = 3600;

const HARDWARE_ADDRESS: usize = 28;
const OPTIONS: usize = 240;
const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];
const BOOT_REQUEST: u8 = 1;
const BOOT_REPLY: u8 = 2;
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;

/// The socket on which clients without an address are heard.
pub(super) async fn bind() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, SERVER_PORT)).await?;
    socket.set_broadcast(true)?;
    Ok(socket)
}

/// Answers until it is dropped; ends only when the socket does not work.
pub(super) async fn serve(socket: UdpSocket, run: &Path) -> io::Result<()> {
    let mut buffer = [0; 1500];
    loop {
        let (length, _) = socket.recv_from(&mut buffer).await?;
        let Some(question) = buffer.get(..length).and_then(Question::parse) else {
            continue;
        };
        let mac = question.mac();
        let machine = match record::read_all(run) {
            Ok(records) => records.into_iter().find(|record| record.mac == mac),
            Err(error) => {
                warn!("no records of machines: {}", super::chain(&error));
                continue;
            }
        };
        let Some(machine) = machine else {
            warn!(mac, "a stranger asks for an address");
            continue;
        };
        let Some(subnet) = Subnet::parse(&machine.subnet_cidr) else {
            warn!(mac, subnet = machine.subnet_cidr, "no subnet");
            continue;
        };
        info!(mac, address = %machine.private_ip, "lease");
        let answer = question.answer(machine.private_ip, subnet);
        socket
            .send_to(&answer, SocketAddrV4::new(BROADCAST, CLIENT_PORT))
            .await?;
    }
}

/// What of a client's message decides the answer.
#[derive(Debug)]
struct Question<'a> {
    /// The fixed part, which the answer repeats in part.
    head: &'a [u8],
    kind: u8,
}

impl<'a> Question<'a> {
    /// The client's question; `None` for what needs no answer.
    fn parse(message: &'a [u8]) -> Option<Self> {
        let (head, rest) = message.split_at_checked(OPTIONS)?;
        if *head.first()? != BOOT_REQUEST || !head.ends_with(&MAGIC_COOKIE) {
            return None;
        }
        let kind = option(rest, 53)?.first().copied()?;
        [DISCOVER, REQUEST]
            .contains(&kind)
            .then_some(Self { head, kind })
    }

    fn mac(&self) -> String {
        self.head[HARDWARE_ADDRESS..HARDWARE_ADDRESS + 6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(":")
    }

    fn answer(&self, address: Ipv4Addr, subnet: Subnet) -> Vec<u8> {
        let mut answer = self.head.to_vec();
        answer[0] = BOOT_REPLY;
        // `yiaddr`, `siaddr`: the client's address, the server's.
        answer[16..20].copy_from_slice(&address.octets());
        answer[20..24].copy_from_slice(&network::GATEWAY.octets());
        let kind = if self.kind == DISCOVER { OFFER } else { ACK };
        let mut add = |code: u8, value: &[u8]| {
            answer.push(code);
            answer.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
            answer.extend_from_slice(value);
        };
        add(53, &[kind]);
        add(54, &network::GATEWAY.octets());
        add(51, &LEASE_SECONDS.to_be_bytes());
        add(1, &subnet.mask().octets());
        add(3, &subnet.router().octets());
        answer.push(255);
        answer
    }
}

/// The value of an option.
fn option(mut options: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        match options {
            [0, rest @ ..] => options = rest,
            [code, length, rest @ ..] if *code != 255 => {
                let (value, rest) = rest.split_at_checked(usize::from(*length))?;
                if *code == wanted {
                    return Some(value);
                }
                options = rest;
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::record::MachineRecord;

    fn discover() -> Vec<u8> {
        let mut message = vec![0; OPTIONS];
        message[..4].copy_from_slice(&[BOOT_REQUEST, 1, 6, 0]);
        message[4..8].copy_from_slice(&[1, 2, 3, 4]);
        message[HARDWARE_ADDRESS..HARDWARE_ADDRESS + 6].copy_from_slice(&[2, 0x88, 0, 0, 0, 11]);
        message[OPTIONS - 4..].copy_from_slice(&MAGIC_COOKIE);
        message.extend([0, 12, 2, b'h', b'i', 53, 1, DISCOVER, 255]);
        message
    }

    #[test]
    fn a_machine_is_offered_its_own_address() {
        let message = discover();
        let question = Question::parse(&message).unwrap();
        let machine = MachineRecord::typical();
        assert_eq!(question.mac(), machine.mac);
        let subnet = Subnet::parse("10.88.0.0/20").unwrap();
        let answer = question.answer(machine.private_ip, subnet);
        assert_eq!(answer[4..8], [1, 2, 3, 4]);
        assert_eq!(answer[16..20], [10, 88, 0, 11]);
        assert_eq!(option(&answer[OPTIONS..], 53), Some([OFFER].as_slice()));
        assert_eq!(
            option(&answer[OPTIONS..], 1),
            Some([255, 255, 240, 0].as_slice())
        );
        assert_eq!(
            option(&answer[OPTIONS..], 3),
            Some([10, 88, 0, 1].as_slice())
        );
    }

    #[test]
    fn what_is_no_question_gets_no_answer() {
        let mut reply = discover();
        reply[0] = BOOT_REPLY;
        assert!(Question::parse(&reply).is_none());
        let mut torn = discover();
        torn.truncate(OPTIONS + 1);
        assert!(Question::parse(&torn).is_none());
        assert!(Question::parse(&[]).is_none());
    }
}
