//! What the web server knows of the site: `.tidings/site.json`, as a build writes it and the server reads it.

use super::file::same;
use super::load::reason;
use super::replace;
use super::written::STATE;
use crate::diagnostic::Diagnostic;
use crate::feed::document::Document;
use crate::feed::served::Served;
use std::fs;
use std::path::Path;

/// The name of the file in [`STATE`].
pub const FILE: &str = "site.json";

/// Writes it, where it would change.
///
/// # Errors
///
/// What the system said.
pub fn write(root: &Path, site: &Served) -> Result<(), Diagnostic> {
    let mut bytes = serde_json::to_vec_pretty(site).unwrap_or_default();
    bytes.push(b'\n');
    let path = root.join(STATE).join(FILE);
    if same(&path, &Document::of(&bytes)) {
        return Ok(());
    }
    replace::whole(&path, &bytes).map_err(|err| {
        Diagnostic::error(format!("cannot write `{STATE}/{FILE}`: {}", reason(&err)))
            .hint("the feeds are written; run `tidings build` again")
    })
}

/// Reads it.
///
/// # Errors
///
/// That there is none, that it cannot be read, or what is wrong with it.
pub fn load(root: &Path) -> Result<Served, Diagnostic> {
    let wrong = |what: String| {
        Diagnostic::error(format!("cannot read `{STATE}/{FILE}`: {what}"))
            .hint("it is written by `tidings build`; run that first")
    };
    let bytes = fs::read(root.join(STATE).join(FILE)).map_err(|err| wrong(reason(&err)))?;
    serde_json::from_slice(&bytes).map_err(|err| wrong(err.to_string()))
}
