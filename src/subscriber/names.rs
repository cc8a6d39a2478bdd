//! Names of digests, categories and topics as people write them, and what each stands for here.

use crate::content::slug::fold;
use crate::diagnostic::nearest;
use std::collections::BTreeMap;

/// The names of one kind that there are.
#[derive(Clone, Debug)]
pub struct Names {
    kind: &'static str,
    /// Spellings, folded, and what each stands for.
    known: BTreeMap<String, String>,
}

/// A name that stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} `{name}`")]
pub struct Unknown {
    kind: &'static str,
    name: String,
    /// What to do about it.
    pub hint: String,
}

impl Names {
    /// Spellings with what they stand for; `kind` is what messages call them.
    pub fn new<S: AsRef<str>, N: Into<String>>(kind: &'static str, known: impl IntoIterator<Item = (S, N)>) -> Names {
        Names {
            kind,
            known: known.into_iter().map(|(spelling, name)| (fold(spelling.as_ref()), name.into())).collect(),
        }
    }

    /// What a name stands for.
    ///
    /// # Errors
    ///
    /// [`Unknown`], with the nearest that there is.
    pub fn find(&self, name: &str) -> Result<&str, Unknown> {
        if let Some(known) = self.known.get(&fold(name)) {
            return Ok(known);
        }
        let mut all: Vec<&str> = self.known.values().map(String::as_str).collect();
        all.sort_unstable();
        all.dedup();
        let near = nearest(&fold(name), self.known.keys().map(String::as_str)).and_then(|key| self.known.get(key));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if all.is_empty() => format!("there is no {} at all yet", self.kind),
            None if all.len() > 12 => format!("there are `{}` and {} more", all[..12].join("`, `"), all.len() - 12),
            None => format!("there are `{}`", all.join("`, `")),
        };
        // What a file says may be long, and it may be somebody's address.
        let shown = crate::mail::address::masked(&name.chars().take(60).collect::<String>());
        Err(Unknown { kind: self.kind, name: shown, hint })
    }

    /// The only thing that the names stand for, where it is one.
    pub fn only(&self) -> Option<&str> {
        let mut all = self.known.values();
        let first = all.next()?;
        all.all(|other| other == first).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_any_spelling() {
        let names = Names::new("category", [("care", "care"), ("Home Care", "care"), ("news", "news")]);
        assert_eq!(names.find("home-care"), Ok("care"));
        assert_eq!(names.find("NEWS"), Ok("news"));
        assert_eq!(names.only(), None);
        assert_eq!(Names::new("digest", [("weekly", "weekly"), ("news", "weekly")]).only(), Some("weekly"));
    }

    #[test]
    fn a_name_that_is_not_known_has_a_nearest() {
        #[track_caller]
        fn case(known: &[&str], name: &str, want: &str, hint: &str) {
            let names = Names::new("digest", known.iter().map(|name| (name, *name)));
            let err = names.find(name).unwrap_err();
            assert_eq!((err.to_string().as_str(), err.hint.as_str()), (want, hint));
        }
        case(&["weekly", "daily"], "wekly", "there is no digest `wekly`", "did you mean `weekly`?");
        case(&["weekly", "daily"], "x", "there is no digest `x`", "there are `daily`, `weekly`");
        case(&[], "x", "there is no digest `x`", "there is no digest at all yet");
        case(&["w"], "ana@example.org", "there is no digest `a***@e***.org`", "there are `w`");
    }
}
