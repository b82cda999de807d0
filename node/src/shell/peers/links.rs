//! The links that are wanted: one task each.

use std::collections::BTreeMap;
use std::sync::Weak;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::link::keep_link;
use super::wanted::WantedLinks;
use crate::core::effect::Link;
use crate::core::message::Hello;
use crate::shell::driver::Driver;
use crate::shell::tls::members::Security;

/// Keeps exactly the links that are wanted, until this is dropped.
pub(crate) async fn keep_links(
    driver: Weak<Driver>,
    security: Security,
    mut wanted: watch::Receiver<WantedLinks>,
) {
    let mut links = Links { driver, security, hello: None, tasks: BTreeMap::new() };
    loop {
        let now = wanted.borrow_and_update().clone();
        links.keep(now);
        if wanted.changed().await.is_err() {
            return;
        }
    }
}

struct Links {
    driver: Weak<Driver>,
    security: Security,
    hello: Option<Hello>,
    tasks: BTreeMap<Link, AbortHandle>,
}

impl Links {
    /// Keeps exactly these. Who we say we are may have changed: then all are made anew.
    fn keep(&mut self, wanted: WantedLinks) {
        let WantedLinks { hello: Some(hello), links } = wanted else { return };
        if self.hello.as_ref() != Some(&hello) {
            self.end_all();
        }
        self.tasks.retain(|link, task| {
            let wanted = links.contains(link);
            if !wanted {
                task.abort();
            }
            wanted
        });
        for link in links {
            let hello = Hello { to: link.member, proof: link.secret.clone(), ..hello.clone() };
            let kept = keep_link(self.driver.clone(), self.security.clone(), link.clone(), hello);
            self.tasks.entry(link).or_insert_with(|| tokio::spawn(kept).abort_handle());
        }
        self.hello = Some(hello);
    }

    fn end_all(&mut self) {
        std::mem::take(&mut self.tasks).values().for_each(AbortHandle::abort);
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.end_all();
    }
}
