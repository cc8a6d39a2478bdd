//! Mails on their way: one for each subscriber, at a pace that servers like, recorded step by step.
//!
//! [`message`], [`notice`], [`outcome`], [`pace`], [`breaker`], [`retry`] and `queue` are pure; [`sender`] runs the lines that claim,
//! send and record, and [`recorder`] groups what is recorded into few commits. [`postman`] does the same for notices, one by
//! one, for as long as a server runs.

pub mod breaker;
mod line;
pub mod message;
pub mod notice;
pub mod outcome;
pub mod pace;
pub mod postman;
mod queue;
pub mod recorder;
pub mod retry;
pub mod sender;
pub mod stop;
