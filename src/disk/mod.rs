//! The disk and the network: the content folder, keys, Maildirs and other tools' feeds are read here, and everything that is written
//! is written here.

pub mod cache;
pub mod compress;
pub mod dkim;
pub mod fetch;
pub mod file;
mod fingerprint;
pub mod hosting;
pub mod http;
pub mod key;
pub mod last;
pub mod load;
pub mod lockfile;
pub mod maildir;
pub mod output;
pub mod posts;
pub mod replace;
pub mod secret;
pub mod served;
pub mod stamp;
pub mod tree;
pub mod turn;
pub mod worker;
pub mod written;
