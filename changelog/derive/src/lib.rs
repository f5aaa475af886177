//! `#[derive(Track)]`: the options of `seachange_changelog::track!`, read from the attributes of an entity's
//! `Model`.
//!
//! The derive writes a call of `track!` and nothing else, so there is one implementation of capture. It knows
//! how SeaORM names the variants of `Column`, and neither tables nor databases.

mod columns;
mod expand;
mod options;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use quote::quote;

/// The derive of `seachange_changelog::Track`, where it is documented.
#[proc_macro_derive(Track, attributes(track))]
pub fn track(input: TokenStream) -> TokenStream {
    expand::expand(input.into(), &quote!(::seachange_changelog)).into()
}

/// The same for a crate that knows `seachange` only.
#[doc(hidden)]
#[proc_macro_derive(TrackInSeachange, attributes(track))]
pub fn track_in_seachange(input: TokenStream) -> TokenStream {
    expand::expand(input.into(), &quote!(::seachange::changelog)).into()
}
