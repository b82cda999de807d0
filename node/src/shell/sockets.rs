//! Socket options, and listening with a fallback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

/// Listens. A wildcard of IPv6 serves IPv4 too, and falls back to it where there is no IPv6.
pub async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(_) if address.is_ipv6() && address.ip().is_unspecified() => {
            let v4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port());
            TcpListener::bind(v4).await
        }
        other => other,
    }
}

/// No delay, and a peer that vanished is noticed: what is unacknowledged for `patience`, or a
/// silence that keepalives do not end, breaks the connection.
pub fn tune(stream: &TcpStream, patience: Duration) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(patience)
        .with_interval(patience / 3)
        .with_retries(3);
    // Each is an improvement only: a kernel that refuses one still carries the connection.
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keepalive);
    let _ = socket.set_tcp_user_timeout(Some(patience));
}
