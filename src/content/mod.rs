//! Posts and what they refer to, as values.

pub mod body;
pub mod call_to_action;
pub mod date;
pub mod dialect;
pub mod filter;
pub mod front_matter;
pub mod identity;
pub mod lock;
mod naming;
mod document;
mod elements;
mod embed;
mod footnotes;
pub mod links;
pub mod markdown;
pub mod media;
mod raw;
mod sanitize;
mod writer;
pub mod people;
pub mod post;
mod read;
pub mod term_file;
mod yaml;
