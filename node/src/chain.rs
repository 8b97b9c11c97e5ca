//! An error and its sources on one line: `applying the plan: writing `/etc/x`: No space left on device`.
//!
//! Display of our errors never repeats the source, so whoever shows an error to a person goes through [`Chain`].

use std::error::Error;
use std::fmt;

/// Displays an error followed by each of its sources, separated by `: `.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut shown = self.0.to_string();
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            // Some libraries repeat their source in their own Display; a reader wants each fact once.
            if !shown.ends_with(&text) {
                write!(formatter, ": {text}")?;
            }
            shown = text;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("writing `{path}`")]
    struct Writing {
        path: &'static str,
        #[source]
        source: std::io::Error,
    }

    #[test]
    fn every_source_is_shown_once() {
        let error = Writing {
            path: "/etc/x",
            source: std::io::Error::other("no space"),
        };
        assert_eq!(Chain(&error).to_string(), "writing `/etc/x`: no space");
    }
}
