//! The variant of `Column` that SeaORM's derives make of a field.

use heck::ToUpperCamelCase;
use syn::ext::IdentExt;
use syn::{Field, Ident, LitStr};

/// The variant's name, at the place of `said`, so that the compiler shows that place. `None` for a field that is
/// no column.
///
/// # Errors
/// If the field's `sea_orm` attribute cannot be read.
pub(crate) fn column_of(field: &Field, said: &Ident) -> syn::Result<Option<Ident>> {
    let mut name = field
        .ident
        .as_ref()
        .map(|ident| ident.unraw().to_string().to_upper_camel_case());
    for attribute in &field.attrs {
        if !attribute.path().is_ident("sea_orm") {
            continue;
        }
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("enum_name") {
                name = Some(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.path.is_ident("ignore") {
                name = None;
            } else if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            } else if meta.input.peek(syn::token::Paren) {
                let within;
                syn::parenthesized!(within in meta.input);
                within.parse::<proc_macro2::TokenStream>()?;
            }
            Ok(())
        })?;
    }
    Ok(name.map(|name| variant(&name, said)))
}

/// `Self` is the one name in this case that cannot be a variant; SeaORM gives it an underscore.
fn variant(name: &str, said: &Ident) -> Ident {
    match name {
        "Self" => Ident::new("Self_", said.span()),
        _ => Ident::new(name, said.span()),
    }
}
