//! Tables of attributes, and what becomes of them.

use proc_macro2::TokenStream;
use quote::quote;

use crate::expand::expand;

fn expanded(input: &str) -> String {
    let input: TokenStream = input.parse().expect("Rust");
    expand(input, &quote!(::log)).to_string()
}

fn is_as(input: &str, wanted: &str) {
    let wanted: TokenStream = wanted.parse().expect("Rust");
    assert_eq!(expanded(input), wanted.to_string(), "{input}");
}

#[test]
fn attributes_become_a_call() {
    let cases = [
        ("struct Model { id: i32 }", "::log::track! {}"),
        (
            "#[track(created_at, updated_at)] struct Model { created_at: A, updated_at: A }",
            "::log::track! { created_at: CreatedAt, updated_at: UpdatedAt }",
        ),
        (
            "#[track(created_at(made), redact(password, key_2), hooks)]
             struct Model { made: A, password: String, key_2: String }",
            "::log::track! { created_at: Made, redact: [Password, Key2], hooks }",
        ),
        (
            "#[track(hooks)] #[track(computed(total))]
             struct Model { #[track(updated_at)] at: A, #[track(redact)] a: B, #[track(exclude)] seen: B,
             total: i32, #[track(redact)] c: B }",
            "::log::track! { updated_at: At, redact: [A, C], exclude: [Seen], computed: [Total], hooks }",
        ),
        (
            r#"#[track(redact(secret, r#type, plain))] struct Model {
             #[sea_orm(column_name = "s", enum_name = "Hidden", nullable)] secret: A, r#type: B,
             #[sea_orm(belongs_to(x = 1), plain)] plain: C }"#,
            "::log::track! { redact: [Hidden, Type, Plain] }",
        ),
        (
            "#[track(exclude(r#self_))] struct Model { self_: A }",
            "::log::track! { exclude: [Self_] }",
        ),
        (
            "#[track(crate = my::renamed)] struct Model { id: i32 }",
            "my::renamed::track! {}",
        ),
    ];
    for (input, wanted) in cases {
        is_as(input, wanted);
    }
}

#[test]
fn nothing_is_made_for_the_model_with_relations() {
    is_as(
        "#[track(redact(a), hooks)] struct ModelEx { b: HasMany<c::Entity> }",
        "",
    );
}

#[test]
fn mistakes_are_named() {
    let cases = [
        ("struct Note { id: i32 }", "on the `Model` of an entity"),
        ("enum Model { A }", "on the `Model` of an entity"),
        ("struct Model(i32);", "named fields"),
        (
            "#[track(redact(pasword))] struct Model { password: A }",
            "no field `pasword`",
        ),
        (
            "#[track(updated_at)] struct Model { id: A }",
            "no field `updated_at`",
        ),
        (
            "#[track(redact(a))] struct Model { #[sea_orm(ignore)] a: A }",
            "the field `a` is no column",
        ),
        (
            "#[track(redact)] struct Model { a: A }",
            "which columns? `redact(field)`",
        ),
        (
            "#[track(redacted(a))] struct Model { a: A }",
            "unknown option; there are",
        ),
        (
            "struct Model { #[track(hooks)] a: A }",
            "unknown option of a column",
        ),
        (
            "#[track(redact(a))] struct Model { #[track(redact)] a: A }",
            "`a` is named twice",
        ),
        (
            "#[track(created_at(a, b))] struct Model { a: A, b: A }",
            "`created_at` is one column",
        ),
        (
            "#[track(hooks, hooks)] struct Model { a: A }",
            "`hooks` is there twice",
        ),
    ];
    for (input, wanted) in cases {
        let text = expanded(input);
        assert!(text.contains("compile_error"), "{input}: {text}");
        assert!(text.contains(wanted), "{input}: {text}");
    }
}
