use proptest::prelude::*;

use super::*;

/// The first `limit` bytes of a text that was indented, and whether there is more; nothing where it is not JSON.
fn indented(text: &str, limit: usize) -> Option<(String, bool)> {
    let mut page = crate::Page::new(0, limit);
    crate::text::indent_json(text, &mut page).ok()?;
    let more = page.has_more();
    Some((page.text, more))
}

fn is_json(text: &str) -> bool {
    let mut tokens = Tokens::new(text);
    loop {
        match tokens.next() {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

#[test]
fn indenting_keeps_every_digit_and_escape() {
    let text = r#"{"a":1.2300000000000000000001e+05,"b":[ ],"c":{},"d":[1,[2,{"e":null}]],"f":"x\u00e9\n"}"#;
    let expected = "{\n  \"a\": 1.2300000000000000000001e+05,\n  \"b\": [],\n  \"c\": {},\n  \"d\": [\n    1,\n    [\n      2,\n      {\n        \"e\": null\n      }\n    ]\n  ],\n  \"f\": \"x\\u00e9\\n\"\n}";
    let whole = |text| {
        let (text, more) = indented(text, usize::MAX).unwrap();
        assert!(!more);
        text
    };
    assert_eq!(whole(text), expected);
    assert_eq!(whole(expected), expected);
    assert_eq!(whole(" 12 "), "12");
}

#[test]
fn a_long_text_is_cut_but_checked_to_its_end() {
    let text = r#"["grün",  1]"#;
    assert_eq!(indented(text, 8).unwrap(), ("[\n  \"gr".to_owned(), true));
    assert!(!indented(text, 18).unwrap().1);
    assert_eq!(indented(r#"["grün",  1"#, 9), None);
}

#[test]
fn what_is_not_json_is_told_by_its_place() {
    for (text, at) in [
        ("", 0),
        ("{", 1),
        ("[1,]", 3),
        ("01", 1),
        ("[1 2]", 3),
        ("tru", 0),
        ("{\"a\" 1}", 5),
        ("1 x", 2),
        ("\"\n\"", 1),
        ("[}", 1),
    ] {
        let mut tokens = Tokens::new(text);
        let error = loop {
            match tokens.next() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{text:?} passed"),
                Err(error) => break error,
            }
        };
        assert_eq!(error, NotJson { at }, "{text:?}");
    }
    assert!(is_json(&("[".repeat(127) + &"]".repeat(127))));
    assert!(!is_json(&("[".repeat(100_000))));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn it_takes_what_serde_json_takes(value in json(), cut in any::<prop::sample::Index>(), put in "[\\[\\]{},:\"0-9eE+.a-z \\\\-]?") {
        let text = value.to_string();
        prop_assert!(is_json(&text));
        let pretty = indented(&text, usize::MAX).unwrap().0;
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&pretty).unwrap(), value);
        // And refuses what it refuses, where a character was changed.
        let at = (0..=cut.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let rest = text[at..].char_indices().nth(1).map_or("", |(next, _)| &text[at + next..]);
        let changed = format!("{}{put}{rest}", &text[..at]);
        let taken = serde_json::from_str::<&serde_json::value::RawValue>(&changed).is_ok();
        prop_assert_eq!(is_json(&changed), taken, "{}", changed);
    }

    #[test]
    fn strings_mean_what_serde_json_says(text in any::<String>()) {
        let written = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(unescape(&written[1..written.len() - 1]), text.as_str());
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        prop_assert_eq!(unescape(&escaped), text);
    }

    #[test]
    fn unescaping_never_fails(raw in "[\\\\u0-9d-f\"nß]*") {
        unescape(&raw);
    }
}
