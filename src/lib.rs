//! tidings turns a folder of Markdown posts into feeds that every reader accepts, and into newsletters.
//!
//! # The house
//!
//! ```text
//! content/*.md -> Post -> Collection -+-> Feed -> atom | rss | json -> files -> HTTP
//!                                     +-> Chosen -> Issue -> HTML, text -> Message -+-> preview
//!                                           ^ History <- store        Subscriber --^  +-> Delivery -> Ledger
//!                                                                form -> Notice --^
//!                                                       store -> pages of issues -> list, Feed -> files
//! ```
//!
//! The middle is pure: text and values in, values and text out. The disk, the network and the clock are touched in
//! `disk/`, `store/`, `cli/`, `web/`, `main.rs`, the loops of `delivery/` and the transports of `mail/` only, and a pure function that needs the time gets it as an argument, `now`.
//!
//! A folder is a stage, a file a word of the field. Each floor may use the floors below it, never one above:
//!
//! | floor | rooms | what for |
//! |---|---|---|
//! | 9 | `main.rs`, this file | run, print the error once, set the exit code; the map |
//! | 8 | `cli/` | one short file per command: joins core and rim |
//! | 7 | `web/` | the server: feeds over HTTP, and the pages by which people sign up, choose and leave; who asks, how often, and what a log may show |
//! | 6 | `delivery/` | one mail for one subscriber, of an issue or a notice; rates, pauses, and when to try again (pure); the loops that claim, send and record |
//! | 5 | `store/` | what must be remembered from one run to the next; the same tests on every store |
//! | 4 | `disk/` | reads the content folder, keys, Maildirs and other tools' feeds; writes each file whole, by rename, and remembers which; takes over what an earlier build found out, where it still holds |
//! | 3 | `feed/` | which feeds there are, of posts and of issues; [`feed::Feed`] and [`feed::Entry`], which know no format; one writer per format, and documents put together from their pieces; what a feed is made of, as a number; feeds of others read, adopted, compared |
//! | 3 | `digest/` | which posts an issue carries, and why not the others; the issue as a value that knows no format; HTML and text that fit; the page that shows it; the list of those that went out, and a post taken out of one |
//! | 2 | `content/` | text to [`content::post::Post`]; all posts sorted, checked against each other, selected; Markdown to HTML |
//! | 2 | `mail/` | headers, addresses, MIME parts: a finished message as bytes, and its signature; SMTP and the other ways out, step by step; reports and letters that come back, read; has not heard of digests |
//! | 2 | `subscriber/` | who gets mail and what of it; lists that are imported; the site's keys, and tokens that prove who somebody is; what a mail that came back asks for, as far as it proves whose it is |
//! | 1 | `config.rs`, `schedule.rs`, `filter.rs`, `template.rs`, `language.rs` | settings text to [`config::Config`], unknown keys refused, the look of a mail among them; when a digest is cut off; the language that chooses posts; Tera with built-ins compiled in; fixed texts and dates in each language |
//! | 0 | `diagnostic.rs`, `text.rs`, `wrap.rs`, `clock.rs` | place in a file, caret, hint, nearest known name; text that XML can carry; text in lines; what a clock on a wall means |

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod cli;
pub mod clock;
pub mod config;
pub mod content;
pub mod delivery;
pub mod diagnostic;
pub mod digest;
pub mod disk;
pub mod feed;
pub mod filter;
pub mod language;
pub mod mail;
pub mod schedule;
pub mod store;
pub mod subscriber;
pub mod template;
pub mod text;
pub mod web;
pub mod wrap;
