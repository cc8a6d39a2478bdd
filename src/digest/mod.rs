//! Digests: which posts go out together, of when, and how the mail looks that carries them.

pub mod choose;
pub mod colour;
pub mod compose;
pub mod due;
pub mod history;
pub mod issue;
pub mod links;
pub mod note;
pub mod period;
pub mod preview;
pub mod render;
#[cfg(test)]
mod support;
pub mod theme;
pub mod view;
pub mod words;
