//! Posts and what they refer to, as values.

pub mod filter;
pub mod identity;
pub mod lock;
pub mod post;
