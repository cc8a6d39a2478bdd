//! The disk and the network: the content folder and other tools' feeds are read here, and everything that is written is
//! written here.

pub mod fetch;
pub mod hosting;
pub mod http;
pub mod load;
pub mod lockfile;
pub mod output;
pub mod replace;
pub mod written;
