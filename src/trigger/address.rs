//! Which addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Deserialize;

use crate::protocol::Code;

/// Networks that no target lies in, and what they are.
const BLOCKED_V4: [(Ipv4Net, &str); 17] = [
    (v4([0, 0, 0, 0], 8), "unspecified"),
    (v4([10, 0, 0, 0], 8), "private"),
    (v4([100, 64, 0, 0], 10), "shared"),
    (v4([127, 0, 0, 0], 8), "loopback"),
    // Azure's, reached from any machine there, and on the way to nothing else.
    (v4([168, 63, 129, 16], 32), "cloud platform"),
    (v4([169, 254, 0, 0], 16), "link-local"),
    (v4([172, 16, 0, 0], 12), "private"),
    (v4([192, 0, 0, 0], 24), "reserved"),
    (v4([192, 0, 2, 0], 24), "documentation"),
    (v4([192, 88, 99, 0], 24), "reserved"),
    (v4([192, 168, 0, 0], 16), "private"),
    (v4([198, 18, 0, 0], 15), "benchmark"),
    (v4([198, 51, 100, 0], 24), "documentation"),
    (v4([203, 0, 113, 0], 24), "documentation"),
    (v4([224, 0, 0, 0], 4), "multicast"),
    (v4([255, 255, 255, 255], 32), "broadcast"),
    (v4([240, 0, 0, 0], 4), "reserved"),
];

const BLOCKED_V6: [(Ipv6Net, &str); 12] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "private"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "discard"),
    (v6([0x2001, 0x2, 0, 0, 0, 0, 0, 0], 48), "benchmark"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "documentation"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "documentation"),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), "segment-routing"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "unique-local"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site-local"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
];

/// What was ever given out for hosts of the Internet; anything else is reserved.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

const fn v4(parts: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::from_octets(parts), length)
}

const fn v6(parts: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from_segments(parts), length)
}

/// What a blocked address is; `None` of one that may be connected to. An IPv6 address that carries an IPv4 address is
/// judged by both.
pub fn blocked_network(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => blocked_v4(address),
        IpAddr::V6(address) => blocked_v6(address),
    }
}

fn blocked_v4(address: Ipv4Addr) -> Option<&'static str> {
    BLOCKED_V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, what)| *what)
}

fn blocked_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some((_, what)) = BLOCKED_V6.iter().find(|(network, _)| network.contains(&address)) {
        return Some(what);
    }
    let (inner, does_no_more) = carried(address);
    if let Some(what) = inner.into_iter().flatten().find_map(blocked_v4) {
        return Some(what);
    }
    (!does_no_more && !GLOBAL_V6.contains(&address)).then_some("reserved")
}

/// The IPv4 addresses that an IPv6 address carries, and whether it does no more than carry one.
fn carried(address: Ipv6Addr) -> ([Option<Ipv4Addr>; 2], bool) {
    let parts = address.segments();
    let two = |high: u16, low: u16| Some(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low)));
    let last = two(parts[6], parts[7]);
    match parts {
        // Mapped and compatible, also with the translated prefix of SIIT; NAT64.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => ([last, None], true),
        _ if NAT64.contains(&address) => ([last, None], true),
        // 6to4; Teredo, with its server and its client (inverted).
        [0x2002, high, low, ..] => ([two(high, low), None], false),
        [0x2001, 0, high, low, ..] => ([two(high, low), two(!parts[6], !parts[7])], false),
        // ISATAP.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => ([last, None], false),
        _ => ([None, None], false),
    }
}

/// Ports that targets may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ports {
    /// http: 80, 21, 443, 70, 210, 280, 488, 591, 777 and 1025–65535; https: 443.
    #[default]
    Alibaba,
    /// 80, 443, 8080, 8443.
    Web,
    /// Every one.
    Any,
}

impl Ports {
    /// Whether a target may have the port.
    pub fn allow(self, https: bool, port: u16) -> bool {
        match self {
            Self::Alibaba if https => port == 443,
            Self::Alibaba => {
                matches!(port, 80 | 21 | 443 | 70 | 210 | 280 | 488 | 591 | 777 | 1025..=u16::MAX)
            }
            Self::Web => matches!(port, 80 | 443 | 8080 | 8443),
            Self::Any => port != 0,
        }
    }
}

/// What the operator allows and what is the gateway's own.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The ports.
    pub ports: Ports,
    /// Networks that are allowed though they are blocked by default.
    pub allow: Vec<IpNet>,
    /// Where this gateway listens; that is never a target.
    pub own: Vec<SocketAddr>,
}

/// Why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// It lies in a network that is not for targets.
    #[error("{0} is a {1} address; the operator may allow its network (targets.allow_networks)")]
    Network(IpAddr, &'static str),
    /// It is the gateway itself.
    #[error("{0} is this gateway itself")]
    Own(SocketAddr),
    /// The port is not one for targets.
    #[error("port {0} is not allowed (targets.ports)")]
    Port(u16),
}

impl PolicyRefusal {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Self::Port(_) => Code::TargetPort,
            Self::Network(..) | Self::Own(_) => Code::TargetBlocked,
        }
    }
}

impl Policy {
    /// Whether `address` may be connected to. `local`: whether it is one of this machine's.
    ///
    /// # Errors
    ///
    /// [`PolicyRefusal`], which says why not.
    pub fn check(&self, address: SocketAddr, local: bool) -> Result<(), PolicyRefusal> {
        let ip = address.ip().to_canonical();
        let listens = |own: &SocketAddr| {
            let same = own.ip().to_canonical() == ip;
            own.port() == address.port() && (same || local || ip.is_loopback() || ip.is_unspecified())
        };
        if self.own.iter().any(listens) {
            return Err(PolicyRefusal::Own(address));
        }
        if self.allow.iter().any(|network| network.contains(&ip)) {
            return Ok(());
        }
        match blocked_network(ip).or_else(|| local.then_some("local")) {
            Some(what) => Err(PolicyRefusal::Network(ip, what)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_blocked_network_and_its_neighbours() {
        for (text, what) in [
            ("0.0.0.0", "unspecified"),
            ("10.255.255.255", "private"),
            ("100.64.0.1", "shared"),
            ("127.0.0.1", "loopback"),
            ("168.63.129.16", "cloud platform"),
            ("::ffff:168.63.129.16", "cloud platform"),
            ("::168.63.129.16", "cloud platform"),
            ("64:ff9b::a83f:8110", "cloud platform"),
            ("2002:a83f:8110::1", "cloud platform"),
            ("2001:0:a83f:8110::1", "cloud platform"),
            ("2001:470::5efe:168.63.129.16", "cloud platform"),
            ("169.254.169.254", "link-local"),
            ("172.31.255.255", "private"),
            ("192.168.0.1", "private"),
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "multicast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::ffff:10.0.0.1", "private"),
            ("::10.0.0.1", "private"),
            ("64:ff9b::10.0.0.1", "private"),
            ("64:ff9b:1::1", "private"),
            ("2002:0a00:0001::1", "private"),
            ("2001:0:4136:e378:8000:63bf:f5ff:fffe", "private"),
            ("2001:0:0a00:1::1", "private"),
            ("2001:470::5efe:127.0.0.1", "loopback"),
            ("fd00::1", "unique-local"),
            ("fe80::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
            ("4000::1", "reserved"),
        ] {
            let found = blocked_network(text.parse().unwrap());
            let reserved = text == "255.255.255.255";
            assert!(found == Some(what) || (reserved && found.is_some()), "{text}: {found:?}");
        }
        for open in [
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "172.15.255.255",
            "172.32.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:0808:0808::1",
        ] {
            assert_eq!(blocked_network(open.parse().unwrap()), None, "{open}");
        }
    }

    #[test]
    fn ports_of_the_policies() {
        for port in [80, 21, 443, 70, 210, 280, 488, 591, 777, 1025, 65535] {
            assert!(Ports::Alibaba.allow(false, port), "{port}");
        }
        for port in [0, 22, 25, 79, 81, 1024] {
            assert!(!Ports::Alibaba.allow(false, port), "{port}");
        }
        assert!(Ports::Alibaba.allow(true, 443) && !Ports::Alibaba.allow(true, 8443));
        assert!(Ports::Web.allow(true, 8443) && !Ports::Web.allow(false, 9000));
        assert!(Ports::Any.allow(true, 22) && !Ports::Any.allow(true, 0));
    }

    #[test]
    fn the_gateway_is_no_target_even_where_its_network_is_allowed() {
        let own: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let policy =
            Policy { allow: vec!["127.0.0.0/8".parse().unwrap()], own: vec![own], ..Policy::default() };
        for itself in ["127.0.0.1:8080", "[::ffff:127.0.0.1]:8080", "127.0.0.2:8080", "[::1]:8080"] {
            let refused = policy.check(itself.parse().unwrap(), false);
            assert!(matches!(refused, Err(PolicyRefusal::Own(_))), "{itself}: {refused:?}");
        }
        assert_eq!(policy.check("127.0.0.1:8081".parse().unwrap(), false), Ok(()));
        let elsewhere = "8.8.8.8:80".parse().unwrap();
        assert_eq!(policy.check(elsewhere, false), Ok(()));
        assert!(policy.check(elsewhere, true).is_err(), "an address of this machine");
    }

    proptest! {
        /// However an IPv4 address is carried, it is judged as it is alone.
        #[test]
        fn carried_addresses_are_judged_as_they_are_alone(bits: u32) {
            let address = Ipv4Addr::from(bits);
            let [a, b, c, d] = bits.to_be_bytes();
            let [high, low] = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
            let alone = blocked_network(address.into()).is_some();
            let reference = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_broadcast() || address.is_documentation() || address.is_unspecified()
                || address.is_multicast();
            prop_assert!(alone || !reference, "{}", address);
            for carrier in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0x470, 0, 0, 0, 0x5efe, high, low),
                Ipv6Addr::new(0x2001, 0, 0x808, 0x808, 0, 0, !high, !low),
            ] {
                prop_assert_eq!(blocked_network(carrier.into()).is_some(), alone, "{}", carrier);
            }
        }
    }
}
