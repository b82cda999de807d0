//! Errors that a server answers, as `KeeperException.Code` has them.

use std::fmt;

macro_rules! codes {
    ($($name:ident = $number:literal, $what:literal;)*) => {
        /// Why a request did not succeed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(
                #[doc = $what]
                $name,
            )*
            /// A number that is none of these.
            Other(i32),
        }

        impl Code {
            /// What a number stands for; 0 is no error.
            pub fn of(number: i32) -> Option<Self> {
                match number {
                    0 => None,
                    $($number => Some(Code::$name),)*
                    other => Some(Code::Other(other)),
                }
            }

            /// As it is sent.
            pub fn number(self) -> i32 {
                match self {
                    $(Code::$name => $number,)*
                    Code::Other(number) => number,
                }
            }

            fn what(self) -> &'static str {
                match self {
                    $(Code::$name => $what,)*
                    Code::Other(_) => "An unknown error",
                }
            }
        }

        #[cfg(test)]
        const NUMBERS: &[i32] = &[$($number),*];
    };
}

codes! {
    SystemError = -1, "A system error";
    RuntimeInconsistency = -2, "A part of a multi that was not tried";
    DataInconsistency = -3, "Inconsistent data";
    ConnectionLoss = -4, "A lost connection";
    MarshallingError = -5, "A request or an answer that cannot be read or written";
    Unimplemented = -6, "An operation that the server does not know";
    OperationTimeout = -7, "An operation that took too long";
    BadArguments = -8, "Arguments that cannot be";
    NewConfigNoQuorum = -13, "A configuration without a quorum in step";
    ReconfigInProgress = -14, "Another reconfig is on its way";
    NoNode = -101, "No such znode";
    NoAuth = -102, "Not allowed";
    BadVersion = -103, "Another version";
    NoChildrenForEphemerals = -108, "An ephemeral has no children";
    NodeExists = -110, "The znode is there already";
    NotEmpty = -111, "The znode has children";
    SessionExpired = -112, "The session is over";
    InvalidAcl = -114, "An access list that cannot be";
    AuthFailed = -115, "Failed authentication";
    SessionMoved = -118, "The session is with another server";
    NotReadOnly = -119, "Not for a server in read-only mode";
    EphemeralOnLocalSession = -120, "No ephemerals for local sessions";
    NoWatcher = -121, "No such watch";
    ReconfigDisabled = -123, "Reconfigs are not allowed here";
    SessionClosedRequireSasl = -124, "Authentication by SASL is asked for";
    QuotaExceeded = -125, "A quota is used up";
    Throttled = -127, "The server has too much to do";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what(), self.number())
    }
}

impl std::error::Error for Code {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_one_code_and_back() {
        assert_eq!(Code::of(0), None);
        for number in NUMBERS.iter().copied().chain([-9, 1, i32::MIN]) {
            let code = Code::of(number).expect("an error");
            assert_eq!(code.number(), number);
            assert_eq!(matches!(code, Code::Other(_)), !NUMBERS.contains(&number), "{number}");
        }
        assert_eq!(Code::of(-101), Some(Code::NoNode));
        assert_eq!(Code::NoNode.to_string(), "No such znode (-101)");
    }
}
