//! Labels of metrics: values of closed sets, under the names that dashboards know.

use crate::core::effect::CloseReason;

/// What happens on the secure port, as metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsEvent {
    /// A client is through.
    Handshake,
    /// It broke off, or its certificate is not believed.
    HandshakeFailed,
    /// It took too long.
    HandshakeTimedOut,
    /// Too many were under way.
    HandshakeRefused,
    /// The client does not speak TLS.
    NotTls,
    /// Changed files are in force.
    Reload,
    /// Changed files cannot be used; the former content stays in force.
    ReloadFailed,
}

impl TlsEvent {
    pub(super) fn label(self) -> &'static str {
        match self {
            TlsEvent::Handshake => "handshake",
            TlsEvent::HandshakeFailed => "handshake_failed",
            TlsEvent::HandshakeTimedOut => "handshake_timed_out",
            TlsEvent::HandshakeRefused => "handshake_refused",
            TlsEvent::NotTls => "not_tls",
            TlsEvent::Reload => "reload",
            TlsEvent::ReloadFailed => "reload_failed",
        }
    }
}

pub(super) fn close_label(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Goodbye => "goodbye",
        CloseReason::SessionExpired => "session_expired",
        CloseReason::SessionMoved => "session_moved",
        CloseReason::SessionRefused => "session_refused",
        CloseReason::ClientAhead => "client_ahead",
        CloseReason::AuthFailed => "auth_failed",
        CloseReason::AuthRequired => "auth_required",
        CloseReason::OtherEnsemble => "other_ensemble",
        CloseReason::UnknownOp => "unknown_op",
        CloseReason::NotServing => "not_serving",
        CloseReason::Draining => "draining",
        CloseReason::TooManyOutstanding => "too_many_outstanding",
        CloseReason::TooManyWatches => "too_many_watches",
        CloseReason::SlowReader => "slow_reader",
        CloseReason::BadFrame => "bad_frame",
        CloseReason::SlowFrame => "slow_frame",
        CloseReason::Protocol => "protocol",
    }
}
