//! Who gets what, and proves it: the keys of a site, and the tokens that they sign.
//!
//! Pure: it reads no file, no clock and no random numbers, and knows neither the store nor the web server.

pub mod keys;
pub mod token;
