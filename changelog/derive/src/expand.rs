//! From a model's attributes to a call of `track!`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident};

use crate::columns::column_of;
use crate::options::{Options, Role};

/// The name that SeaORM demands of an entity's struct.
const MODEL: &str = "Model";
/// The struct with relations that `#[sea_orm::model]` makes beside it, with the same derives.
const MODEL_WITH_RELATIONS: &str = "ModelEx";

/// The call of `track!`, or of `compile_error!`.
pub(crate) fn expand(input: TokenStream, path: &TokenStream) -> TokenStream {
    try_expand(input, path).unwrap_or_else(Error::into_compile_error)
}

fn try_expand(input: TokenStream, path: &TokenStream) -> syn::Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    if input.ident == MODEL_WITH_RELATIONS {
        return Ok(TokenStream::new());
    }
    let fields = fields_of(&input)?;
    let mut options = Options::default();
    for attribute in input
        .attrs
        .iter()
        .filter(|own| own.path().is_ident("track"))
    {
        options.read_model(attribute)?;
    }
    for field in fields {
        for attribute in field
            .attrs
            .iter()
            .filter(|own| own.path().is_ident("track"))
        {
            options.read_field(field, attribute)?;
        }
    }
    let columns = Role::ALL.map(|role| columns_with(&options, role, fields));
    let [created_at, updated_at, redacted, excluded, computed] = columns;
    let created_at = created_at?
        .into_iter()
        .map(|name| quote!(created_at: #name));
    let updated_at = updated_at?
        .into_iter()
        .map(|name| quote!(updated_at: #name));
    let (redacted, excluded, computed) = (redacted?, excluded?, computed?);
    let redacted = (!redacted.is_empty()).then(|| quote!(redact: [#(#redacted),*]));
    let excluded = (!excluded.is_empty()).then(|| quote!(exclude: [#(#excluded),*]));
    let computed = (!computed.is_empty()).then(|| quote!(computed: [#(#computed),*]));
    let hooks = options.hooks.map(|_| quote!(hooks));
    let others = [redacted, excluded, computed, hooks].into_iter().flatten();
    let said = created_at.chain(updated_at).chain(others);
    let path = match &options.path {
        Some(given) => quote!(#given),
        None => path.clone(),
    };
    Ok(quote!(#path::track! { #(#said),* }))
}

fn fields_of(
    input: &DeriveInput,
) -> syn::Result<&syn::punctuated::Punctuated<Field, syn::Token![,]>> {
    match &input.data {
        Data::Struct(data) if input.ident == MODEL => match &data.fields {
            Fields::Named(fields) => Ok(&fields.named),
            _ => Err(Error::new_spanned(&input.ident, "a model has named fields")),
        },
        _ => Err(Error::new_spanned(
            &input.ident,
            "`Track` is derived on the `Model` of an entity, beside `DeriveEntityModel`",
        )),
    }
}

/// The columns with a role, in the order in which they were named.
fn columns_with<'a>(
    options: &Options,
    role: Role,
    fields: impl IntoIterator<Item = &'a Field> + Copy,
) -> syn::Result<Vec<Ident>> {
    let mut columns: Vec<Ident> = Vec::new();
    for said in options.said.iter().filter(|said| said.role == role) {
        let name = said.field.unraw();
        let mut fields = fields.into_iter();
        let field =
            fields.find(|field| field.ident.as_ref().is_some_and(|own| own.unraw() == name));
        let field = field.ok_or_else(|| {
            Error::new_spanned(&said.field, format!("the model has no field `{name}`"))
        })?;
        let column = column_of(field, &said.field)?.ok_or_else(|| {
            Error::new_spanned(&said.field, format!("the field `{name}` is no column"))
        })?;
        let word = role.word();
        if columns.contains(&column) {
            let twice = format!("`{name}` is named twice for `{word}`");
            return Err(Error::new_spanned(&said.field, twice));
        }
        if role.is_single() && !columns.is_empty() {
            let two = format!("`{word}` is one column, and two are named");
            return Err(Error::new_spanned(&said.field, two));
        }
        columns.push(column);
    }
    Ok(columns)
}
