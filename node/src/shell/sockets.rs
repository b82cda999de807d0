//! Socket options, and listening with a fallback.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Bytes read at once.
const READ: usize = 64 << 10;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// Appends what has arrived; 0 at the end. Through a buffer of the thread: a connection that waits
/// has none of its own, and what it keeps of a read is as large as what arrived.
pub(crate) async fn read_some(
    read: &mut (impl AsyncRead + Unpin),
    into: &mut BytesMut,
) -> std::io::Result<usize> {
    poll_fn(|context| {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut arrived = ReadBuf::new(scratch);
            match Pin::new(&mut *read).poll_read(context, &mut arrived) {
                Poll::Ready(Ok(())) => {
                    into.extend_from_slice(arrived.filled());
                    Poll::Ready(Ok(arrived.filled().len()))
                }
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Pending,
            }
        })
    })
    .await
}

/// Listens. A wildcard of IPv6 serves IPv4 too, and falls back to it where there is no IPv6.
pub(crate) async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
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
pub(crate) fn tune(stream: &TcpStream, patience: Duration) {
    let socket = SockRef::from(stream);
    let keepalive =
        TcpKeepalive::new().with_time(patience).with_interval(patience / 3).with_retries(3);
    // Each is an improvement only: a kernel that refuses one still carries the connection.
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keepalive);
    let _ = socket.set_tcp_user_timeout(Some(patience));
}
