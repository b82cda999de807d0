//! Which links to other members the core wants.

use crate::core::effect::Link;
use crate::core::message::Hello;
use crate::core::types::MemberId;

/// All of them, and who we say we are on each.
#[derive(Clone, Debug, Default)]
pub(crate) struct WantedLinks {
    /// `None` until the core has said.
    pub(super) hello: Option<Hello>,
    pub(super) links: Vec<Link>,
}

impl WantedLinks {
    pub(crate) fn new(hello: Hello, links: Vec<Link>) -> WantedLinks {
        WantedLinks { hello: Some(hello), links }
    }

    /// Whether messages to this member are wanted.
    pub(crate) fn has(&self, member: MemberId) -> bool {
        self.links.iter().any(|link| link.member == Some(member))
    }

    /// Where a member is reached, and who we say we are to it.
    pub(crate) fn address_of(&self, member: MemberId) -> Option<(String, Hello)> {
        let link = self.links.iter().find(|link| link.member == Some(member))?;
        let hello = self.hello.clone()?;
        let hello = Hello { to: Some(member), proof: link.secret.clone(), ..hello };
        Some((link.address.clone(), hello))
    }
}
