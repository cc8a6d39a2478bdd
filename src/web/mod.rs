//! The web server.

pub mod feeds;
