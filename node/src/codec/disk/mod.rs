//! The files of the data folder as bytes.
//!
//! [`small`] identity and vote · [`snapshot_file`] · [`survey`] what a start finds, read from whatever
//! holds the files · [`journal`] how they are written.

pub(crate) mod journal;
pub(crate) mod small;
pub(crate) mod snapshot_file;
pub(crate) mod survey;
