//! What each scheme takes for an id in an access list, and whom that id names. Source: the
//! `isValid` and `matches` of ZooKeeper's authentication providers. The same on every server, for
//! access lists are judged when entries are applied.

use std::net::IpAddr;

use super::x500;

/// Whether an access list may name this id. `world` and `auth` have rules of their own.
pub(crate) fn is_valid(scheme: &str, id: &str) -> bool {
    match scheme {
        "digest" => is_user_and_hash(id),
        "ip" => network(id).is_some(),
        "x509" => x500::is_name(id),
        "sasl" => is_principal(id),
        _ => false,
    }
}

/// Whether somebody who is `own` under a scheme is meant by that scheme's id in an access list.
pub(crate) fn matches(scheme: &str, own: &str, listed: &str) -> bool {
    match scheme {
        "ip" => in_network(listed, own),
        // ZooKeeper lets this user pass for every other one of SASL.
        "sasl" => own == listed || own == "super",
        _ => own == listed,
    }
}

/// Two parts between colons. As in Java, what is empty at the end is no part.
fn is_user_and_hash(id: &str) -> bool {
    id.trim_end_matches(':').split(':').count() == 2
}

/// A Kerberos principal of two components at most, `user[/host]@REALM`, or anything without `@`.
fn is_principal(id: &str) -> bool {
    match id.split_once('@') {
        None => true,
        Some((name, realm)) => name.split('/').count() <= 2 && !realm.contains(['/', '@']),
    }
}

/// Parses `address` or `address/bits`.
fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
        None => (text, None),
    };
    let address = address_of(address)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(most);
    (bits <= most).then_some((address, bits))
}

/// An address as ZooKeeper reads it: more forgiving than the standard library about leading
/// zeros, and less about an IPv4 address inside one of IPv6.
fn address_of(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        return v6(text);
    }
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let number: i32 = parts.next()?.parse().ok()?;
        *octet = u8::try_from(number).ok()?;
    }
    parts.next().is_none().then(|| IpAddr::from(octets))
}

fn v6(text: &str) -> Option<IpAddr> {
    let groups = |text: &str| -> Option<Vec<u16>> {
        let group = |group: &str| {
            let short = !group.is_empty() && group.len() <= 4;
            let digits = group.bytes().all(|byte| byte.is_ascii_hexdigit());
            (short && digits).then(|| u16::from_str_radix(group, 16).ok())?
        };
        if text.is_empty() {
            return Some(Vec::new());
        }
        text.split(':').map(group).collect()
    };
    let mut all = Vec::new();
    match text.split_once("::") {
        None => all = groups(text)?,
        Some((before, after)) => {
            let (before, after) = (groups(before)?, groups(after)?);
            let zeros = 8_usize.checked_sub(before.len() + after.len())?;
            if zeros == 0 {
                return None;
            }
            all.extend(before);
            all.resize(all.len() + zeros, 0);
            all.extend(after);
        }
    }
    let groups: [u16; 8] = all.try_into().ok()?;
    Some(IpAddr::from(groups))
}

fn in_network(listed: &str, own: &str) -> bool {
    let (Some((network, bits)), Some(address)) = (network(listed), address_of(own)) else {
        return false;
    };
    match (network, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(a) & mask == u32::from(b) & mask
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            u128::from(a) & mask == u128::from(b) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ZooKeeper 3.9's providers answer; IPv6 as since 3.9.4.
    const VALID: [(&str, &[&str], &[&str]); 4] = [
        ("digest", &["a:b", ":b", "a:b:", "a:b::"], &["", "a", "a:", "a:b:c", "a::b", "::"]),
        (
            "ip",
            &[
                "1.2.3.4",
                "01.2.3.4",
                "+1.2.3.4",
                "1.2.3.4/0",
                "1.2.3.4/32",
                "1.2.3.4/+8",
                "::1",
                "1::",
                "fe80::/10",
                "1:2:3:4:5:6:7:8",
                "::1/128",
            ],
            &[
                "",
                "x",
                "1.2.3",
                "1.2.3.4.5",
                "1.2.3.256",
                "1.2.3.4/33",
                "1.2.3.4/-1",
                "1.2.3.4/",
                "1.2.3.4/8/9",
                "::1/129",
                "1::2::3",
                "1:2:3:4:5:6:7",
                "1:2:3:4::5:6:7:8",
                "12345::",
                ":1:2:3:4:5:6:7:8",
                "::ffff:1.2.3.4",
            ],
        ),
        (
            "sasl",
            &["", "a", "a b", "a/b", "a/b/c", "a@b", "a/b@c", "@", "/@"],
            &["a@b@c", "a/b/c@d", "a@b/c"],
        ),
        ("x509", &["CN=a", "CN=a,O=b"], &["anyone", "CN"]),
    ];

    #[test]
    fn each_scheme_takes_the_ids_that_zookeeper_takes() {
        for (scheme, good, bad) in VALID {
            for id in good {
                assert!(is_valid(scheme, id), "{scheme}:{id}");
            }
            for id in bad {
                assert!(!is_valid(scheme, id), "{scheme}:{id}");
            }
        }
        for scheme in ["", "super", "ensemble", "kerberos"] {
            assert!(!is_valid(scheme, "a:b"), "{scheme}");
        }
    }

    #[test]
    fn an_id_names_whom_zookeeper_lets_it_name() {
        let cases = [
            ("ip", "10.1.2.3", "10.1.2.3", true),
            ("ip", "10.1.2.3", "010.1.2.3", true),
            ("ip", "10.1.9.9", "10.1.0.0/16", true),
            ("ip", "10.2.9.9", "10.1.0.0/16", false),
            ("ip", "10.127.2.3", "10.0.0.0/9", true),
            ("ip", "10.200.2.3", "10.0.0.0/9", false),
            ("ip", "10.2.9.9", "0.0.0.0/0", true),
            ("ip", "fd12:0:0:0:0:0:0:1", "fd00::/8", true),
            ("ip", "fe12:0:0:0:0:0:0:1", "fd00::/8", false),
            ("ip", "fd12:0:0:0:0:0:0:1", "::/0", true),
            ("ip", "10.1.1.1", "::/0", false),
            ("ip", "10.1.1.1", "nonsense", false),
            ("digest", "u:h", "u:h", true),
            ("digest", "super:h", "u:h", false),
            ("x509", "CN=a,O=b", "CN=a,O=b", true),
            ("x509", "CN=a,O=b", "CN=a, O=b", false),
            ("sasl", "bob", "bob", true),
            ("sasl", "bob", "super", false),
            ("sasl", "super", "bob", true),
        ];
        for (scheme, own, listed, expected) in cases {
            let found = matches(scheme, own, listed);
            assert_eq!(found, expected, "{scheme}: {own} under {listed}");
        }
    }
}
