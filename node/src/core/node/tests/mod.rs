//! One whole server, stepped by hand.

mod flow;
mod formation;
mod links;
