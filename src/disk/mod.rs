//! The rim: the disk and the network, turned into values.

pub mod fetch;
pub mod http;
