//! The text of `/zookeeper/config`, and what a client's reconfig makes of it.
//! Rules: ZooKeeper's `PrepRequestProcessor`, `QuorumPeerConfig.parseDynamicConfig` and
//! `QuorumPeer.QuorumServer`.

use crate::core::op::{ErrorCode, Reconfig};
use crate::core::options::StaticServer;
use crate::core::raft::config::{Config, Role};
use crate::core::types::ServerId;

/// Something to show as the election port, which does not exist here. It must not be the peer port:
/// ZooKeeper's own classes, by which Curator reads this text, refuse that.
pub fn election_port(peer: &str) -> u16 {
    let port = peer.rsplit(':').next().and_then(|it| it.parse().ok());
    let port: u16 = port.unwrap_or(2888);
    // As 3888 stands beside 2888.
    port.checked_add(1000)
        .unwrap_or_else(|| port.saturating_sub(1000))
}

/// Who is shown: a learner on its way to becoming a voter is not.
pub(super) fn members(config: &Config) -> Vec<StaticServer> {
    let shown = config.members.iter().filter(|it| it.role != Role::Learner);
    let mut servers: Vec<StaticServer> = shown
        .map(|member| StaticServer {
            server: member.server,
            peer: member.peer.clone(),
            client: member.client.clone(),
            role: member.role,
        })
        .collect();
    servers.sort_by_key(|it| it.server);
    servers
}

/// The text, but for the version in its last line.
pub fn lines(servers: &[StaticServer]) -> String {
    let mut text = String::new();
    for it in servers {
        let role = match it.role {
            Role::Voter => "participant",
            Role::Learner | Role::Observer => "observer",
        };
        let election = election_port(&it.peer);
        text += &format!("server.{}={}:{election}:{role}", it.server, it.peer);
        if !it.client.is_empty() {
            text += &format!(";{}", it.client);
        }
        text += "\n";
    }
    text
}

/// The servers of a text that [`lines`] wrote.
pub(super) fn read(text: &str) -> Vec<StaticServer> {
    let line = |line: &str| {
        let (id, value) = line.strip_prefix("server.")?.split_once('=')?;
        server(id, value).ok()
    };
    text.lines().filter_map(line).collect()
}

/// The servers that a reconfig asks for, sorted.
///
/// # Errors
/// ZooKeeper's code for what is wrong with it. A number that is none is an exception there that
/// nobody expects, hence `MarshallingError`.
pub(super) fn next(
    present: &[StaticServer],
    request: &Reconfig,
) -> Result<Vec<StaticServer>, ErrorCode> {
    let mut servers = match &request.members {
        Some(list) => whole(list)?,
        None => changed(present, request)?,
    };
    servers.sort_by_key(|it| it.server);
    let voters = servers.iter().filter(|it| it.role == Role::Voter).count();
    if voters < usize::from(request.least_voters) {
        return Err(ErrorCode::BadArguments);
    }
    Ok(servers)
}

/// `newMembers`: the whole list, as a Java properties file with commas for line ends.
fn whole(list: &str) -> Result<Vec<StaticServer>, ErrorCode> {
    let mut servers: Vec<StaticServer> = Vec::new();
    for line in list.split([',', '\n', '\r']) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let end = line.find(|c: char| c == '=' || c == ':' || c.is_whitespace());
        let (key, value) = line.split_at(end.unwrap_or(line.len()));
        let value = value.trim_start_matches(|c: char| c == '=' || c == ':' || c.is_whitespace());
        if key == "version" {
            i64::from_str_radix(value, 16).map_err(|_| ErrorCode::MarshallingError)?;
            continue;
        }
        let id = key.strip_prefix("server.").ok_or(ErrorCode::BadArguments)?;
        let new = server(id, value)?;
        servers.retain(|it| it.server != new.server);
        servers.push(new);
    }
    for (at, one) in servers.iter().enumerate() {
        if servers.iter().skip(at + 1).any(|other| clash(one, other)) {
            return Err(ErrorCode::BadArguments);
        }
    }
    Ok(servers)
}

/// `joiningServers` and `leavingServers`: what leaves goes first; a leaving one that is not there
/// is no error.
fn changed(present: &[StaticServer], request: &Reconfig) -> Result<Vec<StaticServer>, ErrorCode> {
    let items = |list: &Option<String>| -> Vec<String> {
        let list = list.as_deref().unwrap_or_default().split(',');
        let items = list.map(str::trim).filter(|it| !it.is_empty());
        items.map(str::to_owned).collect()
    };
    let mut servers = present.to_vec();
    for id in items(&request.leaving) {
        let id: i64 = id.parse().map_err(|_| ErrorCode::MarshallingError)?;
        servers.retain(|it| i64::from(it.server.0) != id);
    }
    for joiner in items(&request.joining) {
        let (key, value) = joiner.split_once('=').ok_or(ErrorCode::BadArguments)?;
        let new = server(key.rsplit('.').next().unwrap_or_default(), value)?;
        if new.client.is_empty() {
            return Err(ErrorCode::BadArguments);
        }
        let mut others = servers.iter().filter(|it| it.server != new.server);
        if others.any(|other| clash(&new, other)) {
            return Err(ErrorCode::BadArguments);
        }
        servers.retain(|it| it.server != new.server);
        servers.push(new);
    }
    Ok(servers)
}

/// Whether two servers name an address that only one can have.
fn clash(one: &StaticServer, other: &StaticServer) -> bool {
    let any = |address: &str| {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        address.is_empty() || matches!(host, "0.0.0.0" | "[::]" | "[0:0:0:0:0:0:0:0]")
    };
    let addresses = |it: &StaticServer| [it.peer.clone(), it.client.clone()];
    let theirs = addresses(other);
    addresses(one)
        .iter()
        .any(|address| !any(address) && theirs.contains(address))
}

/// `host:peer:election[:role][;[address:]client]`.
fn server(id: &str, value: &str) -> Result<StaticServer, ErrorCode> {
    const WRONG: ErrorCode = ErrorCode::BadArguments;
    let id: i64 = id.trim().parse().map_err(|_| ErrorCode::MarshallingError)?;
    // Session ids have room for one byte of it.
    let id = u8::try_from(id).ok().filter(|it| (1..=254).contains(it));
    let server = ServerId(id.ok_or(WRONG)?);
    let value = value.trim();
    let (quorum, client) = value.split_once(';').unwrap_or((value, ""));
    let (host, rest) = host_of(quorum).ok_or(WRONG)?;
    let mut parts = rest.split(':');
    let peer = port(parts.next().ok_or(WRONG)?)?;
    let election = port(parts.next().ok_or(WRONG)?)?;
    let role = match parts.next().map(|it| it.trim().to_ascii_lowercase()) {
        None => Role::Voter,
        Some(role) if role == "participant" => Role::Voter,
        Some(role) if role == "observer" => Role::Observer,
        Some(_) => return Err(WRONG),
    };
    if parts.next().is_some() || peer == election {
        return Err(WRONG);
    }
    let client = match host_of(client) {
        _ if client.is_empty() => String::new(),
        None => format!("0.0.0.0:{}", port(client)?),
        Some((host, rest)) => format!("{host}:{}", port(rest)?),
    };
    Ok(StaticServer {
        server,
        peer: format!("{host}:{peer}"),
        client,
        role,
    })
}

/// A host and what follows its colon. One with colons of its own stands in brackets.
fn host_of(text: &str) -> Option<(&str, &str)> {
    let end = match text.starts_with('[') {
        true => text.find(']')? + 1,
        false => text.find(':')?,
    };
    let (host, rest) = text.split_at(end);
    let rest = rest.strip_prefix(':')?;
    (!host.is_empty()).then_some((host, rest))
}

fn port(text: &str) -> Result<u16, ErrorCode> {
    let port: i64 = text.parse().map_err(|_| ErrorCode::BadArguments)?;
    u16::try_from(port).map_err(|_| ErrorCode::MarshallingError)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: &str = "server.1=a:2888:3888:participant;0.0.0.0:2181\n\
                         server.2=b:2888:3888:participant;0.0.0.0:2181\n\
                         server.3=c:2888:3888:observer;0.0.0.0:2181\n";

    fn request(joining: Option<&str>, leaving: Option<&str>, members: Option<&str>) -> Reconfig {
        Reconfig {
            joining: joining.map(str::to_owned),
            leaving: leaving.map(str::to_owned),
            members: members.map(str::to_owned),
            version: -1,
            least_voters: 2,
        }
    }

    fn made(request: &Reconfig) -> Result<String, ErrorCode> {
        next(&read(THREE), request).map(|servers| lines(&servers))
    }

    #[test]
    fn the_election_port_of_the_configuration_is_never_the_peer_port() {
        assert_eq!(election_port("zk-0.zk:2888"), 3888);
        assert_eq!(election_port("[::1]:65000"), 64000);
        assert_eq!(election_port("nonsense"), 3888);
    }

    #[test]
    fn the_text_is_read_as_it_was_written() {
        assert_eq!(lines(&read(THREE)), THREE);
        let other = "server.7=[fd00::1]:2888:3888:participant;[fd00::1]:2181\n";
        assert_eq!(lines(&read(other)), other);
    }

    #[test]
    fn servers_leave_and_join_and_change_their_part() {
        let four = "server.4=d:2888:3888;2181, server.3=c:2888:3888;2181";
        let text = made(&request(Some(four), Some("1, 9"), None)).unwrap();
        assert_eq!(
            text,
            "server.2=b:2888:3888:participant;0.0.0.0:2181\n\
             server.3=c:2888:3888:participant;0.0.0.0:2181\n\
             server.4=d:2888:3888:participant;0.0.0.0:2181\n"
        );
    }

    #[test]
    fn a_whole_list_replaces_all() {
        let list = "server.2=b:2888:3888:participant;x:2181,\nversion=1f\nserver.5=e:1:2\n";
        let text = made(&request(Some("junk"), Some("junk"), Some(list))).unwrap();
        assert_eq!(
            text,
            "server.2=b:2888:3888:participant;x:2181\nserver.5=e:1:1001:participant\n"
        );
    }

    #[test]
    fn what_is_wrong_gets_zookeepers_code() {
        let (bad, odd) = (ErrorCode::BadArguments, ErrorCode::MarshallingError);
        for (joining, expected) in [
            ("server.4", bad),
            ("server.4=d:2888:3888", bad),
            ("server.4=d:2888;2181", bad),
            ("server.4=d:2888:2888;2181", bad),
            ("server.4=d:2888:3888:leader;2181", bad),
            ("server.4=d:2888:3888:observer:x;2181", bad),
            ("server.4=d:x:3888;2181", bad),
            ("server.4=d:70000:3888;2181", odd),
            ("server.x=d:2888:3888;2181", odd),
            ("server.255=d:2888:3888;2181", bad),
            ("server.4=a:2888:3888;2181", bad),
            ("server.4=[::1:2888:3888;2181", bad),
        ] {
            let request = request(Some(joining), None, None);
            assert_eq!(made(&request), Err(expected), "{joining}");
        }
        assert_eq!(made(&request(None, Some("x"), None)), Err(odd));
        assert_eq!(made(&request(None, Some("1"), None)), Err(bad), "one voter");
        for list in [
            "clientPort=1",
            "group.1=1",
            "server.1=a:1:2,server.2=a:1:3",
            "",
        ] {
            assert_eq!(made(&request(None, None, Some(list))), Err(bad), "{list}");
        }
    }
}
