//! What says who comes in and what each may do: rules, password files, tokens and keys.

use mqttwb_model::{QoS, Timestamp, TopicFilter};
use mqttwb_policy::foreign::{Format, from_mosquitto};
use mqttwb_policy::password;
use mqttwb_policy::token::{Expected, TokenKeys, looks_like_token};
use mqttwb_policy::{Rules, Want, Who, write};

/// A file of rules is rules or mistakes with lines; what is written reads back as the same, in whatever broker's words it
/// came; a verdict on any topic is given.
pub fn acl(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let translated = from_mosquitto(text);
    let of_mosquitto = Rules::parse(&translated.text).unwrap();
    let lines = text.lines().count().max(1);
    match Rules::parse(text) {
        Ok(rules) => {
            let again = Rules::parse(&write(rules.list(), rules.groups())).unwrap();
            assert_eq!(again.list().len(), rules.list().len());
            judge(&rules);
        }
        Err(error) => {
            assert!(!error.0.is_empty());
            for mistake in error.0 {
                let line = mistake.line as usize;
                assert!((1..=lines + 1).contains(&line), "{mistake:?}");
            }
        }
    }
    judge(&of_mosquitto);
}

fn judge(rules: &Rules) {
    let none = Default::default();
    for to in [Format::Mosquitto, Format::Emqx] {
        rules.translated(to, &none);
    }
    let who = Who {
        client: "c",
        account: Some("ann"),
        certificate: Some("pump-7"),
        ..Who::default()
    };
    let qos = QoS::AtLeastOnce;
    // Topics of the rules themselves, and one that nobody named.
    let named = rules.list().iter().flat_map(|rule| &rule.topics);
    for topic in named
        .map(|pattern| pattern.as_str())
        .take(20)
        .chain(["a/b"])
    {
        let retain = true;
        let want = Want::Publish { topic, qos, retain };
        let verdict = rules.verdict(&who, &want);
        assert!(!verdict.to_string().is_empty());
        if let Ok(filter) = TopicFilter::try_from(topic) {
            let filter = &filter;
            let allowed = |filter| {
                rules
                    .verdict(&who, &Want::Subscribe { filter, qos })
                    .allowed
            };
            // Who may subscribe to many topics may to each of them.
            let one = filter.pattern().replace(['+', '#'], "zz");
            let one = TopicFilter::try_from(one.as_str()).unwrap();
            assert!(!allowed(filter) || allowed(&one), "{filter} and not {one}");
        }
    }
}

/// A password file gives accounts or lines with what is wrong; no hash takes a password by chance, nor endless work.
pub fn passwords(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (accounts, errors) = password::read_mosquitto(text);
    assert!(accounts.len() + errors.len() <= text.lines().count());
    for error in errors {
        assert!(!error.to_string().is_empty());
    }
    for (name, hash) in accounts {
        assert!(!name.is_empty());
        let again = password::Hash::try_from(hash.as_str()).unwrap();
        assert_eq!(again, hash);
        assert!(!format!("{hash:?}").contains(hash.as_str()));
    }
}

/// The secret that tokens of the corpus are signed with.
const SECRET: &[u8] = b"thirty-two bytes are long enough";

/// Bytes as a token: no panic, and nobody is proved but by a token that somebody signed who has the secret. As a key set and as
/// PEM: keys or an error.
pub fn token(input: &[u8]) {
    let keys = TokenKeys::from_secret(SECRET).unwrap();
    let now = Timestamp(1_800_000_000_000_000_000);
    let good = keys.verify(input, &Expected::default(), "c", now);
    if let Ok(token) = &good {
        assert!(looks_like_token(input));
        assert!(token.expires > now && !token.user.is_empty());
        // The same token does not prove the same to whoever has another secret.
        let other = TokenKeys::from_secret(b"another secret of thirty-two bytes").unwrap();
        assert!(other.verify(input, &Expected::default(), "c", now).is_err());
    }
    // By public keys nothing is proved but what was signed before their private keys were thrown away.
    if public_keys().verify(input, &all_asked(), "c", now).is_ok() {
        let message = |token: &[u8]| {
            token
                .rsplitn(2, |byte| *byte == b'.')
                .nth(1)
                .map(<[u8]>::to_vec)
        };
        assert!(
            SIGNED
                .iter()
                .any(|signed| message(signed.as_bytes()) == message(input))
        );
    }
    for with_secrets in [false, true] {
        match TokenKeys::from_set(input, with_secrets) {
            Ok(keys) => {
                assert!(!keys.list().is_empty());
                // A set of somebody else's keys takes no token of this secret, unless it holds that secret.
                if !with_secrets {
                    assert!(keys.verify(GOOD, &Expected::default(), "c", now).is_err());
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    if let Ok(keys) = TokenKeys::from_pem(input) {
        assert_eq!(keys.list().len(), 1);
        assert!(keys.verify(GOOD, &Expected::default(), "c", now).is_err());
    }
}

/// A token of the secret, good until 2100.
const GOOD: &[u8] = b"eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJzdWIiOiAicHVtcC03IiwgImV4cCI6IDQxMDI0NDQ4MDAsICJzaXRlIjogIm9zbG8ifQ._iosXOnlrNoBp_PAlcvXArDzkVh56FKE-xznRN07Q5c";

/// Tokens of each public key, good until 2100.
const SIGNED: [&str; 3] = [
    include_str!("../../../fuzz/corpus/token/rs256"),
    include_str!("../../../fuzz/corpus/token/es256"),
    include_str!("../../../fuzz/corpus/token/eddsa"),
];

/// A key of each algorithm that has public ones, whose private keys are nowhere.
fn public_keys() -> TokenKeys {
    let set = include_bytes!("../../../fuzz/corpus/token/keys");
    TokenKeys::from_set(set, false).unwrap()
}

/// All that can be asked of a token.
fn all_asked() -> Expected {
    Expected {
        issuer: Some("https://id.plant.example".into()),
        client_id_claim: Some("device".into()),
        ..Expected::default()
    }
}

#[test]
fn the_good_tokens_are_good() {
    let now = Timestamp(1_800_000_000_000_000_000);
    let by_secret = TokenKeys::from_secret(SECRET).unwrap();
    let told = by_secret.verify(GOOD, &Expected::default(), "c", now);
    assert_eq!(told.unwrap().user, "pump-7");
    assert_eq!(public_keys().list().len(), SIGNED.len());
    for token in SIGNED {
        let told = public_keys().verify(token.as_bytes(), &all_asked(), "c", now);
        assert_eq!(told.unwrap().user, "pump-7", "{token}");
    }
}
