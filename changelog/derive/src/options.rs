//! What the `track` attributes of a model and its fields say, as they say it.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Field, Ident, Path, Token, parenthesized};

/// What can be said of a column. The words are those of `track!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    CreatedAt,
    UpdatedAt,
    Redact,
    Exclude,
    Computed,
}

impl Role {
    pub(crate) const ALL: [Self; 5] = [
        Self::CreatedAt,
        Self::UpdatedAt,
        Self::Redact,
        Self::Exclude,
        Self::Computed,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Redact => "redact",
            Self::Exclude => "exclude",
            Self::Computed => "computed",
        }
    }

    /// Whether only one column can have the role.
    pub(crate) fn is_single(self) -> bool {
        matches!(self, Self::CreatedAt | Self::UpdatedAt)
    }

    fn of(path: &Path) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|role| path.is_ident(role.word()))
    }
}

/// One column with a role: the field's name, where it was said.
pub(crate) struct Said {
    pub(crate) role: Role,
    pub(crate) field: Ident,
}

/// Everything that the attributes say.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) said: Vec<Said>,
    pub(crate) hooks: Option<Span>,
    /// Where the crate is, if it has another name.
    pub(crate) path: Option<Path>,
}

impl Options {
    /// Reads an attribute of the model.
    pub(crate) fn read_model(&mut self, attribute: &Attribute) -> syn::Result<()> {
        attribute.parse_nested_meta(|meta| {
            if let Some(role) = Role::of(&meta.path) {
                return self.read_columns(role, &meta);
            }
            if meta.path.is_ident("hooks") {
                return match self.hooks.replace(span(&meta)) {
                    Some(_) => Err(meta.error("`hooks` is there twice")),
                    None => Ok(()),
                };
            }
            if meta.path.is_ident("crate") {
                self.path = Some(meta.value()?.call(Path::parse_mod_style)?);
                return Ok(());
            }
            Err(meta.error(
                "unknown option; there are created_at, updated_at, redact(…), exclude(…), computed(…), hooks \
                 and crate = …",
            ))
        })
    }

    /// `role(field, …)`, or `role` alone for the field of that name.
    fn read_columns(&mut self, role: Role, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if !meta.input.peek(syn::token::Paren) {
            if !role.is_single() {
                let word = role.word();
                let which =
                    format!("which columns? `{word}(field)`, or `#[track({word})]` on the field");
                return Err(meta.error(which));
            }
            let field = Ident::new(role.word(), span(meta));
            self.said.push(Said { role, field });
            return Ok(());
        }
        let within;
        parenthesized!(within in meta.input);
        let fields = within.parse_terminated(Ident::parse_any, Token![,])?;
        let said = fields.into_iter().map(|field| Said { role, field });
        self.said.extend(said);
        Ok(())
    }

    /// Reads an attribute of a field.
    pub(crate) fn read_field(&mut self, field: &Field, attribute: &Attribute) -> syn::Result<()> {
        attribute.parse_nested_meta(|meta| {
            let role = Role::of(&meta.path).ok_or_else(|| {
                meta.error(
                    "unknown option of a column; there are created_at, updated_at, redact, exclude and computed",
                )
            })?;
            let name = field.ident.as_ref().map(Ident::unraw);
            let name = name.ok_or_else(|| meta.error("the column has no name"))?;
            let field = Ident::new(&name.to_string(), span(&meta));
            self.said.push(Said { role, field });
            Ok(())
        })
    }
}

fn span(meta: &ParseNestedMeta<'_>) -> Span {
    let first = meta.path.segments.first();
    first.map_or_else(Span::call_site, |segment| segment.ident.span())
}
