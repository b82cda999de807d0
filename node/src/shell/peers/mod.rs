//! The other members: links that we dial, links that they dial, snapshots between them.
//!
//! [`wanted`] which links there should be · [`links`] keeps them · `link` one of them · [`queue`] what
//! waits on it · [`port`] where others dial · [`snapshot_stream`] snapshots, on connections of their
//! own · `frames` what all of them read and write.

pub(crate) mod links;
pub(crate) mod port;
pub(crate) mod queue;
pub(crate) mod snapshot_stream;
pub(crate) mod wanted;

mod frames;
mod link;
