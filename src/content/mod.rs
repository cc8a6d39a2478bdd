//! Posts and what they refer to, as values.

mod body;
pub mod call_to_action;
pub mod collection;
pub mod date;
pub mod dialect;
mod document;
mod elements;
mod embed;
pub mod filter;
mod footnotes;
mod front_matter;
pub mod identity;
pub mod links;
pub mod lock;
pub mod markdown;
pub mod media;
mod naming;
pub mod people;
pub mod post;
mod raw;
mod read;
mod sanitize;
pub mod slug;
pub mod term;
pub mod term_file;
mod writer;
mod yaml;
