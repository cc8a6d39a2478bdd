//! Posts and what they refer to, as values.

pub mod address;
mod body;
pub mod call_to_action;
pub mod collection;
pub mod date;
pub mod dialect;

pub(crate) mod front_matter;
pub mod identity;
pub mod links;
pub mod lock;
pub mod markdown;
pub mod media;
mod naming;
pub mod people;
pub mod post;
mod references;
pub mod slug;
pub mod term;
pub mod term_file;
