//! Mail as the standards know it: headers, addresses, MIME parts, how it leaves, and what comes back. Nothing in here has heard of digests.
//!
//! Pure, but for [`smtp`] and [`transport`], which touch the world: values in, bytes out, the same bytes every time. What may stand in a header has a type that cannot hold anything
//! else ([`header::HeaderText`], [`address::Address`], [`list::HeaderUrl`] and so on), so that writing a message cannot
//! fail and no value can start a header of its own.

pub mod address;
pub mod dkim;
pub mod encoded;
pub mod envelope;
pub mod header;
pub mod incoming;
pub mod list;
pub mod mime;
pub mod smtp;
pub mod spliced;
pub mod transport;
