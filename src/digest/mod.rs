//! Digests: which posts go out together, and the mail that carries them.

pub mod archive;
pub mod choose;
pub mod compose;
pub mod due;
pub mod footer;
pub mod history;
pub mod issue;
pub mod links;
pub mod note;
pub mod preview;
pub mod redact;
pub mod render;
pub mod snippet;
#[cfg(test)]
mod support;
pub mod view;
pub mod words;
