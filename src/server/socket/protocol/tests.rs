use super::*;

const INIT: &str = r#"{"type":"connection_init"}"#;

/// The form that the table compares: an action in a few words.
fn describe(action: Action) -> String {
    match action {
        Action::Nothing => "nothing".to_owned(),
        Action::Authenticate(None) => "authenticate".to_owned(),
        Action::Authenticate(Some(payload)) => {
            format!("authenticate {}", Value::Object(payload))
        }
        Action::Send(text) => format!("send {text}"),
        Action::Start(operation, request) => {
            format!(
                "start {} {} {}",
                operation.serial.0, operation.id, request.query
            )
        }
        Action::Stop(serial) => format!("stop {}", serial.0),
        Action::Refuse { id } => format!("refuse {id}"),
        Action::Close(close) => format!("close {}", close.code.number()),
    }
}

/// Feeds the messages to a connection, accepting every `connection_init`; returns the last action.
fn last(messages: &[&str]) -> String {
    let mut protocol = Protocol::new(2);
    let mut described = String::new();
    for message in messages {
        assert!(
            !described.starts_with("close"),
            "{described} before {message}"
        );
        let action = protocol.receive(message);
        if matches!(action, Action::Authenticate(_)) {
            assert_eq!(protocol.accept(), r#"{"type":"connection_ack"}"#);
        }
        described = describe(action);
    }
    described
}

fn subscribe(id: &str) -> String {
    format!(r#"{{"id":"{id}","type":"subscribe","payload":{{"query":"{{a}}"}}}}"#)
}

fn complete(id: &str) -> String {
    format!(r#"{{"id":"{id}","type":"complete"}}"#)
}

#[test]
fn the_first_message() {
    for (message, expected) in [
        (INIT, "authenticate"),
        (
            r#"{"type":"connection_init","payload":null}"#,
            "authenticate",
        ),
        (
            r#"{"payload":{"a":[1]},"type":"connection_init"}"#,
            r#"authenticate {"a":[1]}"#,
        ),
        (r#"{"type":"connection_init","payload":[]}"#, "close 4400"),
        (r#"{"type":"connection_init","payload":"x"}"#, "close 4400"),
        (r#"{"type":"ping"}"#, r#"send {"type":"pong"}"#),
        (
            r#"{"type":"ping","payload":null}"#,
            r#"send {"type":"pong"}"#,
        ),
        (
            r#"{"type":"ping","payload":{"b": 1.10, "a":12345678901234567890123}}"#,
            r#"send {"type":"pong","payload":{"b": 1.10, "a":12345678901234567890123}}"#,
        ),
        (r#"{"type":"ping","payload":1}"#, "close 4400"),
        (r#"{"type":"pong"}"#, "nothing"),
        (r#"{"type":"pong","payload":{}}"#, "nothing"),
        (r#"{"type":"pong","payload":[]}"#, "close 4400"),
        (&complete("1"), "nothing"),
        (&subscribe("1"), "close 4401"),
    ] {
        assert_eq!(last(&[message]), expected, "{message}");
    }
    assert_eq!(describe(Protocol::receive_binary()), "close 4400");
}

#[test]
fn malformed_messages() {
    let deep = format!(
        r#"{{"type":"ping","payload":{}"#,
        r#"{"a":"#.repeat(100_000)
    );
    let long = "x".repeat(5000);
    let variables = format!(
        r#"{{"id":"1","type":"subscribe","payload":{{"query":"a","variables":{{"a":{}1{}}}}}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000),
    );
    for message in [
        "",
        "null",
        "{",
        "[]",
        "\"connection_init\"",
        "{}",
        r#"{"type":null}"#,
        r#"{"type":1}"#,
        r#"{"type":"connection_ack"}"#,
        r#"{"type":"start"}"#,
        r#"{"type":"CONNECTION_INIT"}"#,
        r#"["ping"]"#,
        r#"{"type":"ping","type":"ping"}"#,
        r#"{"type":"ping"} {}"#,
        r#"{"type":"complete"}"#,
        r#"{"type":"complete","id":1}"#,
        r#"{"type":"complete","id":""}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","id":"1"}"#,
        r#"{"type":"subscribe","id":"1","payload":null}"#,
        r#"{"type":"subscribe","id":"1","payload":"{a}"}"#,
        r#"{"type":"subscribe","id":"1","payload":["{a}"]}"#,
        r#"{"type":"subscribe","id":"1","payload":{}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":1}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"a","variables":[]}}"#,
        r#"{"type":"subscribe","id":"","payload":{"query":"a"}}"#,
        r#"{"type":"subscribe","payload":{"query":"a"}}"#,
        &subscribe(&long),
        &format!(r#"{{"type":"{long}"}}"#),
        &format!(r#"{{"type":"{}"}}"#, "ä€🦀".repeat(100)),
        &deep,
        &variables,
    ] {
        assert_eq!(last(&[INIT, message]), "close 4400", "{:.80}", message);
    }
}

#[test]
fn conversations() {
    let (one, two, three) = (&*subscribe("1"), &*subscribe("2"), &*subscribe("3"));
    let (end_one, end_two) = (&*complete("1"), &*complete("2"));
    let cases: [(&[&str], &str); 11] = [
        (&[INIT, INIT], "close 4429"),
        (&[INIT, one, INIT], "close 4429"),
        (&[INIT, one], "start 1 1 {a}"),
        (&[INIT, one, two], "start 2 2 {a}"),
        (&[INIT, one, one], "close 4409"),
        (&[INIT, one, two, three], "refuse 3"),
        (&[INIT, one, two, three, end_two, three], "start 3 3 {a}"),
        (&[INIT, one, two, one], "close 4409"),
        (&[INIT, one, end_one], "stop 1"),
        (&[INIT, one, end_one, end_one], "nothing"),
        (&[INIT, one, end_one, one], "start 2 1 {a}"),
    ];
    for (messages, expected) in cases {
        assert_eq!(last(messages), expected, "{messages:?}");
    }
}

#[test]
fn whole_requests() {
    let mut protocol = Protocol::new(1);
    protocol.accept();
    let text = r#"{"type":"subscribe","id":"ä\"","payload":{"query":"query A($x: Int) { a }",
        "operationName":"A","variables":{"x":1},"extensions":{"idempotencyKey":"k"}}}"#;
    let Action::Start(operation, request) = protocol.receive(text) else {
        panic!("not started");
    };
    assert_eq!(operation.id, "ä\"");
    assert_eq!(request.operation_name.as_deref(), Some("A"));
    assert_eq!(request.variables["x"], async_graphql::Value::from(1));
    assert_eq!(
        request.extensions["idempotencyKey"],
        async_graphql::Value::from("k")
    );
}

/// Answers still queued when the client completed must not reach a new operation with the id.
#[test]
fn answers_of_an_operation_that_is_over() {
    let mut protocol = Protocol::new(2);
    protocol.accept();
    let start = |protocol: &mut Protocol| match protocol.receive(&subscribe("1")) {
        Action::Start(operation, _) => operation,
        other => panic!("{}", describe(other)),
    };
    let first = start(&mut protocol);
    assert!(protocol.is_running(&first));
    protocol.receive(&complete("1"));
    assert!(!protocol.is_running(&first));
    let second = start(&mut protocol);
    assert!(!protocol.is_running(&first));
    protocol.finish(&first);
    assert!(protocol.is_running(&second));
    protocol.finish(&second);
    assert!(!protocol.is_running(&second));
    assert_eq!(describe(protocol.receive(&complete("1"))), "nothing");
    assert_eq!(describe(protocol.receive(&subscribe("1"))), "start 3 1 {a}");
}
