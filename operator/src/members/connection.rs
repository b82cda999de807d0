//! A connection to one pod's admin port, kept from one look to the next, for looks alone.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::causes::chain;
use crate::member_api::{CallError, answered, read};
use crate::plan::member::Member;
use crate::plan::names::ADMIN_PORT;

/// Time for a status.
const GLANCE: Duration = Duration::from_millis(1_500);
/// Time of it for a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// The connection, if there is one.
#[derive(Debug, Default)]
pub(super) struct Connection {
    sender: Option<SendRequest<Empty<Bytes>>>,
}

impl Connection {
    /// What the member at this address says of itself.
    ///
    /// # Errors
    /// When it does not answer in time, or not with a status.
    pub(super) async fn status(&mut self, ip: &str, ordinal: i32) -> Result<Member, CallError> {
        // What breaks off here is not used again: an answer may still be under way on it.
        let kept = self.sender.take().filter(|it| !it.is_closed());
        let answer = timeout(GLANCE, self.exchange(kept, ip)).await;
        let (code, body) = answer.map_err(|_| CallError::Silent(GLANCE))??;
        if code != StatusCode::OK {
            return Err(answered(code, &body));
        }
        Member::read(ordinal, &body).map_err(CallError::NoStatus)
    }

    /// On the kept connection; if the member has ended that one meanwhile, on a new one.
    async fn exchange(
        &mut self,
        kept: Option<SendRequest<Empty<Bytes>>>,
        ip: &str,
    ) -> Result<(StatusCode, Bytes), CallError> {
        if let Some(sender) = kept
            && let Ok(answer) = self.ask(sender, ip).await
        {
            return Ok(answer);
        }
        let sender = connect(ip).await?;
        self.ask(sender, ip).await
    }

    async fn ask(
        &mut self,
        mut sender: SendRequest<Empty<Bytes>>,
        ip: &str,
    ) -> Result<(StatusCode, Bytes), CallError> {
        let host = address(ip)?.to_string();
        let request = Request::get("/status").header(HOST, host).body(Empty::new());
        let request = request.map_err(|error| CallError::Request(error.to_string()))?;
        sender.ready().await.map_err(|error| CallError::Cut(chain(&error)))?;
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| CallError::Cut(chain(&error)))?;
        let answer = read(response).await?;
        self.sender = Some(sender);
        Ok(answer)
    }
}

fn address(ip: &str) -> Result<SocketAddr, CallError> {
    let wrong = || CallError::Request(format!("{ip} is no address"));
    let address: IpAddr = ip.parse().map_err(|_| wrong())?;
    Ok(SocketAddr::new(address, u16::try_from(ADMIN_PORT).map_err(|_| wrong())?))
}

async fn connect(ip: &str) -> Result<SendRequest<Empty<Bytes>>, CallError> {
    let stream = timeout(CONNECT, TcpStream::connect(address(ip)?)).await;
    let stream = stream.map_err(|_| CallError::Connect("no answer".to_owned()))?;
    let stream = stream.map_err(|error| CallError::Connect(error.to_string()))?;
    let hands = handshake(TokioIo::new(stream)).await;
    let (sender, connection) = hands.map_err(|error| CallError::Connect(chain(&error)))?;
    tokio::spawn(async move {
        // It ends with its sender; whoever asks learns of any other end.
        let _ = connection.await;
    });
    Ok(sender)
}
