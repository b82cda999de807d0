//! Stock clients.

use std::sync::Arc;

use anyhow::{Context, Result};

use crate::common::progress::say;
use crate::stage::ctx::Ctx;
use crate::stage::ensemble::Ensemble;

pub(super) async fn stock_clients_work(ctx: Arc<Ctx>) -> Result<()> {
    let ensemble = Ensemble::formed(&ctx, 3).await?;
    let clients = &ctx.stage.clients;
    let members: Vec<String> = (0..3).map(|it| ensemble.member_name(it)).collect();
    // The Service, then each member by itself, then all of them as users list them.
    let mut connects = vec![ensemble.service_name()];
    connects.extend(members.clone());
    connects.push(members.join(","));
    for connect in &connects {
        let root = format!("/client-{}", ctx.serial());
        clients.kazoo(connect, &format!("{root}-kazoo")).await.with_context(|| connect.clone())?;
        clients.rust(connect, &format!("{root}-rust")).await.with_context(|| connect.clone())?;
        clients.java(connect, &format!("{root}-java")).await.with_context(|| connect.clone())?;
        say(format!("kazoo, zookeeper-client and zkCli are content with {connect}"));
    }
    Ok(())
}
