//! The list of origins, as a setting gives it.

use std::fmt;
use std::str::FromStr;

use url::{Origin, Url};

/// The origins whose pages may use the API in addition to the server's own, read from
/// `https://app.example.com, http://localhost:5173` or `*`. The empty text is the default: pages of this
/// machine in open mode, and none if there is a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(pub(super) Choice);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Choice {
    /// Loopback origins in open mode, none with a key.
    #[default]
    ByMode,
    /// All origins, without credentials.
    Any,
    /// These origins, as browsers write them.
    Listed(Vec<String>),
}

/// A list of origins that is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{entry}` {fault}; an origin is written like https://app.example.com or http://localhost:5173"
)]
pub struct BadOrigins {
    entry: String,
    fault: &'static str,
}

impl AllowedOrigins {
    /// Whether pages of every site are allowed.
    pub(crate) fn are_all(&self) -> bool {
        self.0 == Choice::Any
    }
}

impl FromStr for AllowedOrigins {
    type Err = BadOrigins;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "" => Ok(Self(Choice::ByMode)),
            "*" => Ok(Self(Choice::Any)),
            list => {
                let entries = list.split(',').map(str::trim);
                let origins: Result<_, _> = entries.map(origin).collect();
                Ok(Self(Choice::Listed(origins?)))
            }
        }
    }
}

impl fmt::Display for AllowedOrigins {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Choice::ByMode => Ok(()),
            Choice::Any => formatter.write_str("*"),
            Choice::Listed(list) => formatter.write_str(&list.join(",")),
        }
    }
}

/// The origin as browsers write it: in lower case, without the scheme's default port.
fn origin(entry: &str) -> Result<String, BadOrigins> {
    let bad = |fault| BadOrigins {
        entry: entry.to_owned(),
        fault,
    };
    match entry {
        "" => return Err(bad("is an empty entry of the list")),
        "*" => return Err(bad("stands for every origin and must stand alone")),
        "null" => return Err(bad("is what every page without an origin sends")),
        _ if entry.contains('*') => return Err(bad("has a wildcard, which is not supported")),
        _ => {}
    }
    let Some((scheme, rest)) = entry.split_once("://") else {
        return Err(bad("has no scheme"));
    };
    if rest.contains(['/', '?', '#', '\\']) {
        return Err(bad("has a path or a slash at its end"));
    }
    if rest.contains('@') {
        return Err(bad("has a user name"));
    }
    let url = Url::parse(entry).map_err(|_| bad("is not an address"))?;
    match (url.origin(), url.host_str()) {
        (own @ Origin::Tuple(..), _) if ["http", "https"].contains(&url.scheme()) => {
            Ok(own.ascii_serialization())
        }
        (Origin::Tuple(..), _) => Err(bad("has a scheme that no page has")),
        // Applications that show their own pages have such origins, for example `capacitor://localhost`.
        (Origin::Opaque(_), Some(host)) if !host.is_empty() && scheme != "file" => {
            Ok(match url.port() {
                Some(port) => format!("{}://{host}:{port}", url.scheme()),
                None => format!("{}://{host}", url.scheme()),
            })
        }
        (Origin::Opaque(_), _) => Err(bad("has no host")),
    }
}
