//! The kept inputs of `fuzz/corpus` and some thousands of mutants, in seconds; `cargo xtask fuzz` goes on from there.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use mqttwb_fuzzing::{
    ACL, CERTIFICATE, FRONT_SESSION, Mutants, PASSWORDS, PKCS12, SESSION, TARGETS, TOKEN, TOPICS,
    Target, WIRE_DECODE,
};

/// The same mutants on every run and every machine, unless `FUZZ_SEED` says otherwise.
const SEED: u64 = 2026;

/// A number that the environment gives.
fn given(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn corpus(target: Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target.name);
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let inputs: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    inputs
}

/// Runs an input; where it fails, the bytes are told, to be kept in the corpus once it is mended.
fn run(target: Target, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        panic!("{} fails on {}", target.name, input.escape_ascii());
    }
}

fn holds(target: Target, mutants: usize) {
    let inputs = corpus(target);
    for input in &inputs {
        run(target, input);
    }
    let seed = given("FUZZ_SEED").unwrap_or(SEED);
    let mutants = given("FUZZ_MUTANTS").map_or(mutants, |n| n as usize);
    for input in Mutants::new(&inputs, seed).take(mutants) {
        run(target, &input);
    }
}

#[test]
fn any_bytes_are_decoded_or_refused_and_what_is_decoded_reads_back() {
    holds(WIRE_DECODE, 20_000);
}

#[test]
fn any_topic_matches_by_the_words_of_the_standard() {
    holds(TOPICS, 50_000);
}

#[test]
fn any_client_finds_a_session_within_its_bounds() {
    holds(SESSION, 20_000);
}

#[test]
fn any_client_of_a_broker_is_served_or_refused_in_well_formed_packets() {
    holds(FRONT_SESSION, 1_000);
}

#[test]
fn any_certificate_is_read_or_refused_and_what_is_read_reads_back() {
    holds(CERTIFICATE, 5_000);
}

#[test]
fn any_pkcs12_file_is_read_or_refused_in_bounded_work() {
    holds(PKCS12, 200);
}

#[test]
fn any_password_file_gives_accounts_or_lines_with_what_is_wrong() {
    holds(PASSWORDS, 5_000);
}

#[test]
fn any_rules_are_rules_or_mistakes_with_their_lines() {
    holds(ACL, 5_000);
}

#[test]
fn no_bytes_prove_who_somebody_is_but_a_token_that_was_signed() {
    holds(TOKEN, 5_000);
}

#[test]
fn each_body_has_a_target_of_cargo_fuzz() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for target in TARGETS {
        assert!(manifest.contains(&format!("name = \"{}\"", target.name)));
        let source = folder.join(format!("fuzz_targets/{}.rs", target.name));
        let constant = target.name.to_uppercase();
        assert!(fs::read_to_string(source).unwrap().contains(&constant));
    }
}
