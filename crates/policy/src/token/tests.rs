//! Tokens that are good, and every way in which one is not.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as URL};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::json;

use super::*;

/// PKCS#8 of an RSA key of 2048 bits, made for these tests.
const RSA: &str = "\
     MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDC8mJYYsdd1EPdta5ZGQotfgvVacHgWhjMDYr61qvKCVnEPFGT\
     hhlFWklmiIi626P77vc6slaz5069k+FN+FU9+Yt4lnMfN8a+cF8XyQkxiwlczVipoV9kDMnuOcTcAQJfuW0MnoTDKeKmorWDbnM6\
     dkBh/ZLoYpSOBRlOkijKUPyggCp5fUR/mZagCB1OIpWd3pjn5EDHhLESiaK9hDWw66haF2plh9tWLcvZF5rBneQyFOwV4kYZ0Dj+\
     qocmOt6cSp9ScTSqqP7aEjsC/iPCGlnn0ljj8MHSUoo2xnlpAw8hiJ3RHhpTgAOa/G93bhM/+z9ASinEXieBvmD641sRAgMBAAEC\
     ggEAC66ETZFJKsp+3pjRUgl5zBU3hFDlwhnkBV0W9g9J8AbP/NBYf6Nu6xb6zUysC61JspR90mQJZXJlec0B4dOjakuWrfQKk7Ca\
     g1nBC0uL0cWe0bfyF1E/6vDjh6oXGz2OhyVZphTKzPqEIYr7nzhNs1iOrfUbHDt8B2fBq5rIQKvUAmYf+J7AO3xSSbnGEVrI306y\
     KnyJDK8IZCWY0CfhZ6DUeDKfayADk0hId/fzeY8LtkbMdaa18MgEMMD+4Er52okoX9VrYs397yU2cq12+Cbw4QszFIh2fkNoRLPz\
     9ib+7nlLrkYt3DDVpqzSvfAC8haxQnw2HWqyk0fJV/oa2QKBgQDuwjYTI1Xe5wXThtSSmwubgDkX+XBACSY8jLEb30B4DORex6Al\
     mX7LfiOZGIQ8+A4LJrPd1t8s/8TCQ3Rx70RyN1xdrJN6FjXyS51McY4JvughyYw6idStMW6KUUCJ7ydRfgDK9+l+JZbwykjahga4\
     HvP6/cDVBRW4RMsHKFzQEwKBgQDRBj/0JIb2ONPT/PsCiJG86IAaEDFuKQdZxmaSmXTAyHsXStGpeziyNM0krIuK/B0EQuKsslFB\
     oCDuTyV+V9OfWMIvtA2by/4JQp2d35NFGS3xWCx7iAzMDjnAYNfcTddP143KyxQLfsWfNHHH1SgMTTr5iMl5OHDxvpzQ3q+0ywKB\
     gQCNJSTAhZgjEOHh3YhXLu9aux+Fa8GPKZmAHBArkPxUvBJZcZvb/nT1qZkzzUmHnYD32KZmU7tVp9JSoXv6St9kwhOJkRcSCoVT\
     up2/7jVwz3n9V1/dz1N6G4nknQoRQN82js27L3nKSECGEp+lB6x7Nlk3nMFdbQcdCxYXIiZUHwKBgHUNJus1OU7Q6+6ekIIOsG41\
     VOdDgirKVw9zByW5QaRjoGqev2JFWq6Q2wBaj5o5LJaiTgWfpdk2LrrFH53s2Nk2/ydvkN9aENxmrZUnCnV7cDriwaY7vc7XeIe+\
     s6LvBE/1ybVym7sENu68k6rwNwkMhqYOb6SucrEtqOteiM6ZAoGBAOvtvpowdd0/unNMDQf0ZYYX+/jlwTHKC09S+6a4x/nzkt1l\
     v4SAK4kLmv29UoJuPtXVXuB2HgiPSVFZNe4dOZ9dT6dTFH3hWsgLFIYTA8bK3rIHZUmYSB6wjSHygqyvc8hGd3FlxhYhEZBVkoPM\
     VqYyi2S+T7UgZskwy3hsAgVd\
     ";

const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);
const SECRET: &[u8] = b"thirty-two bytes are long enough";

/// Signs as an issuer does.
enum Signer {
    Hs(Vec<u8>),
    Rs(Box<RsaKeyPair>),
    Es(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    fn rs() -> Self {
        let der = STANDARD.decode(RSA.replace(' ', "")).unwrap();
        Self::Rs(Box::new(RsaKeyPair::from_pkcs8(&der).unwrap()))
    }

    fn es() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self::Es(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap())
    }

    fn ed() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Hs(_) => "HS256",
            Self::Rs(_) => "RS256",
            Self::Es(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Hs(secret) => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
                ring::hmac::sign(&key, message).as_ref().to_vec()
            }
            Self::Rs(key) => {
                let mut signed = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signed)
                    .unwrap();
                signed
            }
            Self::Es(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// Its public half as PEM, as OpenSSL writes it.
    fn pem(&self) -> String {
        let (algorithm, key): (&[u8], Vec<u8>) = match self {
            Self::Hs(_) => unreachable!("a secret has no public half"),
            // rsaEncryption NULL
            Self::Rs(key) => (
                &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0],
                key.public_key().as_ref().to_vec(),
            ),
            // id-ecPublicKey prime256v1
            Self::Es(key) => (
                &[
                    6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                    3, 1, 7,
                ],
                key.public_key().as_ref().to_vec(),
            ),
            // id-Ed25519
            Self::Ed(key) => (
                &[6, 3, 0x2b, 0x65, 0x70],
                key.public_key().as_ref().to_vec(),
            ),
        };
        let bits = der(3, &[&[0][..], &key].concat());
        let spki = der(0x30, &[der(0x30, algorithm), bits].concat());
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(spki)
        )
    }

    /// As a key of a set.
    fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Hs(secret) => json!({ "kty": "oct", "kid": kid, "k": URL.encode(secret) }),
            Self::Rs(key) => {
                let of = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({ "kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256",
                        "n": URL.encode(of.n), "e": URL.encode(of.e) })
            }
            Self::Es(key) => {
                let point = key.public_key().as_ref();
                json!({ "kty": "EC", "kid": kid, "crv": "P-256",
                        "x": URL.encode(&point[1..33]), "y": URL.encode(&point[33..]) })
            }
            Self::Ed(key) => {
                json!({ "kty": "OKP", "kid": kid, "crv": "Ed25519", "x": URL.encode(key.public_key()) })
            }
        }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let mut head = json!({ "typ": "JWT", "alg": self.algorithm() });
        for (name, value) in header.as_object().unwrap() {
            head[name] = value.clone();
        }
        let message = format!(
            "{}.{}",
            URL.encode(head.to_string()),
            URL.encode(claims.to_string())
        );
        let signed = URL.encode(self.sign(message.as_bytes()));
        format!("{message}.{signed}")
    }
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut out = match len {
        0..0x80 => vec![tag, len as u8],
        0x80..0x100 => vec![tag, 0x81, len as u8],
        _ => vec![tag, 0x82, (len >> 8) as u8, len as u8],
    };
    out.extend_from_slice(content);
    out
}

fn all() -> [Signer; 4] {
    [
        Signer::Hs(SECRET.to_vec()),
        Signer::rs(),
        Signer::es(),
        Signer::ed(),
    ]
}

fn keys(signer: &Signer) -> TokenKeys {
    match signer {
        Signer::Hs(secret) => TokenKeys::from_secret(secret).unwrap(),
        other => TokenKeys::from_pem(other.pem().as_bytes()).unwrap(),
    }
}

fn good() -> Value {
    json!({ "sub": "pump-7", "exp": NOW.as_secs() + 60 })
}

fn shown(keys: &TokenKeys, token: &str) -> Result<Token, TokenError> {
    keys.verify(token.as_bytes(), &Expected::default(), "c", NOW)
}

#[test]
fn a_token_of_each_algorithm_says_who_somebody_is() {
    for signer in all() {
        let claims = json!({ "sub": "pump-7", "exp": NOW.as_secs() + 60, "site": "oslo", "level": 3,
                             "admin": false, "list": [1], "groups": ["ops", "", "night"] });
        let token = signer.token(&json!({}), &claims);
        let told = shown(&keys(&signer), &token).unwrap();
        assert_eq!(told.user, "pump-7");
        assert_eq!(told.groups, ["ops".into(), Arc::<str>::from("night")]);
        assert_eq!(told.claims["site"], "oslo");
        assert_eq!(told.claims["level"], "3");
        assert_eq!(told.claims["admin"], "false");
        assert!(!told.claims.contains_key("list"));
        assert_eq!(told.expires.as_secs(), NOW.as_secs() + 90, "with leeway");
        assert!(looks_like_token(token.as_bytes()));
        // The same key in a set, by its name and without one.
        let set = json!({ "keys": [signer.jwk("k1")] }).to_string();
        let set = TokenKeys::from_set(set.as_bytes(), true).unwrap();
        assert!(shown(&set, &token).is_ok());
        assert!(shown(&set, &signer.token(&json!({ "kid": "k1" }), &claims)).is_ok());
        let unknown = signer.token(&json!({ "kid": "k2" }), &claims);
        assert_eq!(
            shown(&set, &unknown),
            Err(TokenError::UnknownKey("k2".into()))
        );
    }
}

#[test]
fn no_key_takes_a_token_of_another() {
    for (n, signer) in all().iter().enumerate() {
        for (m, other) in all().iter().enumerate() {
            let refused = shown(&keys(signer), &other.token(&json!({}), &good()));
            // Signatures of the two elliptic curves are made anew in each list.
            match (n == m, n) {
                (true, 0 | 1) => assert!(refused.is_ok()),
                (true, _) => assert_eq!(refused, Err(TokenError::Signature)),
                (false, _) => assert_eq!(refused, Err(TokenError::NoKey(other.algorithm().into()))),
            }
        }
    }
}

#[test]
fn a_public_key_is_no_secret_and_none_is_no_algorithm() {
    let signer = Signer::rs();
    let keys = keys(&signer);
    // What anybody can make who has the public key.
    for secret in [
        signer.pem().into_bytes(),
        signer.pem().trim().as_bytes().to_vec(),
    ] {
        assert_eq!(
            TokenKeys::from_secret(&secret).unwrap_err(),
            KeyError::NotSecret
        );
        let forged = Signer::Hs(secret).token(&json!({}), &good());
        assert_eq!(
            shown(&keys, &forged),
            Err(TokenError::NoKey("HS256".into()))
        );
        // The algorithm that it says is not the one that it was signed with.
        let forged = Signer::Hs(SECRET.to_vec()).token(&json!({ "alg": "RS256" }), &good());
        assert_eq!(shown(&keys, &forged), Err(TokenError::Signature));
    }
    for none in ["none", "None", "nOnE", "HS512", "RS512", ""] {
        let head = URL.encode(json!({ "alg": none }).to_string());
        let body = URL.encode(good().to_string());
        for signature in ["", "AAAA"] {
            let forged = format!("{head}.{body}.{signature}");
            assert_eq!(
                shown(&keys, &forged),
                Err(TokenError::Algorithm(none.into()))
            );
        }
    }
    let critical = signer.token(&json!({ "crit": ["b64"], "b64": false }), &good());
    assert_eq!(shown(&keys, &critical), Err(TokenError::Critical));
}

#[test]
fn a_token_that_was_changed_is_worth_nothing() {
    for signer in all() {
        let keys = keys(&signer);
        let token = signer.token(&json!({}), &good());
        let parts: Vec<&str> = token.split('.').collect();
        let other = URL.encode(json!({ "sub": "root", "exp": NOW.as_secs() + 60 }).to_string());
        let forged = format!("{}.{other}.{}", parts[0], parts[2]);
        assert_eq!(shown(&keys, &forged), Err(TokenError::Signature));
        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        assert_eq!(shown(&keys, &unsigned), Err(TokenError::Signature));
        for text in [
            "",
            ".",
            "..",
            "a.b.c",
            "e30.e30.e30",
            &parts[..2].join("."),
            &format!("{token}.x"),
        ] {
            assert!(shown(&keys, text).is_err(), "{text}");
            assert!(!looks_like_token(text.as_bytes()), "{text}");
        }
    }
}

#[test]
fn what_a_token_says_must_be_what_is_expected() {
    let signer = Signer::Hs(SECRET.to_vec());
    let keys = keys(&signer);
    let now = NOW.as_secs();
    let expected = Expected {
        issuer: Some("https://id.example".into()),
        audience: Some("broker".into()),
        client_id_claim: Some("device".into()),
        ..Expected::default()
    };
    let whole = json!({ "sub": "u", "exp": now + 60, "iss": "https://id.example", "aud": ["x", "broker"], "device": "c" });
    let said = |claims: &Value| {
        let token = signer.token(&json!({}), claims);
        keys.verify(token.as_bytes(), &expected, "c", NOW)
    };
    assert!(said(&whole).is_ok());
    let with = |name: &str, value: Value| {
        let mut claims = whole.clone();
        claims[name] = value;
        said(&claims).unwrap_err()
    };
    let claim = |name: &str| TokenError::Claim(name.into());
    assert_eq!(with("exp", json!(now - 31)), TokenError::Expired(31));
    assert_eq!(with("exp", json!(now - 30)), TokenError::Expired(30));
    assert_eq!(with("exp", json!("tomorrow")), claim("exp"));
    assert_eq!(with("exp", json!(-1)), claim("exp"));
    assert_eq!(with("exp", Value::Null), claim("exp"));
    assert_eq!(with("nbf", json!(now + 31)), TokenError::NotYet(31));
    assert_eq!(with("nbf", json!([])), claim("nbf"));
    assert!(matches!(
        with("iss", json!("https://evil.example")),
        TokenError::Issuer { .. }
    ));
    assert_eq!(with("iss", Value::Null), claim("iss"));
    assert!(matches!(
        with("aud", json!("other")),
        TokenError::Audience { .. }
    ));
    assert!(matches!(
        with("aud", Value::Null),
        TokenError::Audience { .. }
    ));
    assert!(matches!(
        with("device", json!("d")),
        TokenError::Client { .. }
    ));
    assert_eq!(with("device", json!(7)), claim("device"));
    assert_eq!(with("sub", json!("")), claim("sub"));
    assert_eq!(with("sub", json!("a\nb")), claim("sub"));
    // An end that is a fraction, and one that is past all counting.
    for end in [json!(now as f64 + 0.5), json!(1e300), json!(u64::MAX)] {
        let mut claims = whole.clone();
        claims["exp"] = end.clone();
        assert!(said(&claims).is_ok(), "{end}");
    }
    // A token for somebody else where nobody is expected (RFC 7519, section 4.1.3).
    let token = signer.token(&json!({}), &whole);
    assert!(matches!(
        shown(&keys, &token),
        Err(TokenError::Audience { .. })
    ));
}

#[test]
fn what_gives_no_keys_says_why() {
    let pem = |text: &str| TokenKeys::from_pem(text.as_bytes()).unwrap_err();
    assert_eq!(pem(""), KeyError::Pem);
    assert_eq!(
        pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
        KeyError::Pem
    );
    assert_eq!(
        pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
        KeyError::Private
    );
    assert_eq!(
        TokenKeys::from_secret(b"short").unwrap_err(),
        KeyError::Short(5)
    );
    let set = |value: Value| {
        TokenKeys::from_set(value.to_string().as_bytes(), false).map(|keys| keys.list())
    };
    assert!(matches!(set(json!([])), Err(KeyError::Set(_))));
    let said = |value: Value| match set(value) {
        Err(KeyError::NoneUsable(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(said(json!({ "keys": [] })), "it is empty");
    let secret = Signer::Hs(SECRET.to_vec()).jwk("s");
    assert!(said(json!({ "keys": [secret] })).contains("no secret"));
    let mut other = Signer::rs().jwk("r");
    other["alg"] = json!("RS512");
    assert!(said(json!({ "keys": [other] })).contains("another algorithm"));
    let mut encrypts = Signer::es().jwk("e");
    encrypts["use"] = json!("enc");
    assert!(said(json!({ "keys": [encrypts] })).contains("not for signatures"));
    let short = json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" });
    assert!(said(json!({ "keys": [short] })).contains("length"));
    // One that can't be used does not keep the others out.
    let keys = json!({ "keys": [{ "kty": "what" }, Signer::ed().jwk("d")] });
    assert_eq!(set(keys), Ok(vec!["EdDSA, key \"d\"".to_owned()]));
}
