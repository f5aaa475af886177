use async_graphql::parser::parse_query;

use super::*;

fn total(query: &str) -> u64 {
    Names::of(&parse_query(query).expect(query)).total
}

#[test]
fn what_a_document_names() {
    for (query, names) in [
        ("{ a }", 1),
        ("{ a b: a c { d } }", 4),
        ("{ a(x: 1, y: [1, 2, 3]) }", 3),
        (
            "query($x: Int) @d(e: 1) { a @skip(if: true) }",
            1 + 2 + 1 + 2,
        ),
        ("{ ... { a } ...f } fragment f on Q { b c }", 2 + 1 + 2),
        ("{ ...f ...f } fragment f on Q { b }", 4),
        // Nothing spreads the fragment, but validation visits it.
        ("{ a } fragment f on Q { b }", 2),
        ("{ ...unknown }", 1),
        ("query a { a } query b { b c }", 3),
    ] {
        assert_eq!(total(query), names, "{query}");
    }
}

#[test]
fn fragments_are_counted_without_being_spread() {
    let mut doubling = String::from("{ ...f0 }");
    for n in 0..60 {
        doubling.push_str(&format!(" fragment f{n} on Q {{ ...f{0} ...f{0} }}", n + 1));
    }
    doubling.push_str(" fragment f60 on Q { a }");
    assert!(total(&doubling) > 1 << 60);
    let circles = [
        "{ ...a } fragment a on Q { ...a }",
        "{ ...a } fragment a on Q { ...b } fragment b on Q { x ...a }",
        "{ x } fragment a on Q { ...b ...c } fragment b on Q { ...c } fragment c on Q { y { ...b } }",
    ];
    for circle in circles {
        assert_eq!(total(circle), u64::MAX, "{circle}");
    }
    let mut chain = String::from("{ x }");
    for n in 0..20_000 {
        chain.push_str(&format!(" fragment f{n} on Q {{ ...f{} }}", n + 1));
    }
    assert_eq!(total(&chain), u64::MAX, "a stack is finite");
}

#[test]
fn fields_of_an_object() {
    let document = "{ a b { c } ...f ... { d ...g } } fragment f on Q { e ...g } fragment g on Q { h i { j } }";
    let document = parse_query(document).expect("a document");
    let widths = Names::of(&document).into_widths();
    let (_, operation) = document.operations.iter().next().expect("an operation");
    // a, b, e, h, i, d, h, i
    assert_eq!(width(&operation.node.selection_set.node, &widths), 8);
}

#[test]
fn what_the_parser_is_given() {
    let text = "word ".repeat(TOKENS);
    for (query, fits) in [
        (format!("{{a{}}}", ",".repeat(8 << 20)), true),
        (format!("{{a{}}}", "#x\n".repeat(1 << 20)), true),
        (format!("{{a(b: \"{text}\")}}"), true),
        (format!("{{a(b: \"\\\"{text}\")}}"), true),
        (
            format!("{{a(b: \"\"\"{text}\n\\\"\"\" \"{text}\"\"\")}}"),
            true,
        ),
        (format!("{{{text}}}"), false),
        // These are not strings, because they do not end on their lines.
        (format!("{{a(b: \"\n {text})}}"), false),
        (format!("{{a(b: \"\"{text})}}"), false),
        (format!("{{a(b: [{}])}}", "1 ".repeat(TOKENS)), false),
        (format!("{{a(b: [{}])}}", "{}".repeat(TOKENS / 2)), false),
        (format!("{{{}}}", "n".repeat(NAME)), true),
        (format!("{{{}}}", "n".repeat(NAME + 1)), false),
        (format!("{{a(b: {})}}", "9".repeat(NAME + 1)), true),
        ("{".repeat(BRACKETS), true),
        ("{".repeat(BRACKETS + 1), false),
        ("{}".repeat(BRACKETS + 1), true),
    ] {
        assert_eq!(check_text(&query).is_ok(), fits, "{query:.40}");
    }
}
