//! Mails on their way: one for each subscriber, at a pace that servers like, recorded step by step.
//!
//! [`message`], [`outcome`], [`pace`] and [`retry`] are pure; [`sender`] claims, sends and records, and [`recorder`] groups
//! what is recorded into few commits.

pub mod breaker;
pub mod message;
pub mod outcome;
pub mod pace;
mod queue;
pub mod recorder;
pub mod retry;
pub mod sender;
pub mod stop;
