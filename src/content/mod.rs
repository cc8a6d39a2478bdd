//! Posts and what they refer to, as values.

pub mod post;
