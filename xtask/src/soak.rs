//! `cargo xtask soak`: the crash test, long.

use crate::process::{Stop, run};
use crate::tree::cargo_here;

/// Times that the broker is killed where nobody says otherwise.
const KILLS: u64 = 200;

/// Kills the broker again and again under load, as it is shipped.
pub fn soak(options: &[&str]) -> Result<(), Stop> {
    let wanted = Wanted::read(options)?;
    run(cargo_here().args(["build", "--release", "--package", "mqttwb-cli"]))?;
    let mut test = cargo_here();
    test.args([
        "test",
        "--release",
        "--package",
        "acceptance",
        "--test",
        "crash",
    ])
    .args(["--", "--nocapture"])
    .env("CRASH_KILLS", wanted.kills.to_string());
    if let Some(seed) = wanted.seed {
        test.env("CRASH_SEED", seed.to_string());
    }
    run(&mut test)
}

/// What the options ask for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    kills: u64,
    seed: Option<u64>,
}

impl Wanted {
    fn read(options: &[&str]) -> Result<Self, Stop> {
        let mut wanted = Self {
            kills: KILLS,
            seed: None,
        };
        let mut words = options.iter();
        while let Some(option) = words.next() {
            let number = words.next().and_then(|text| text.parse().ok());
            match (*option, number) {
                ("--kills", Some(kills)) => wanted.kills = kills,
                ("--seed", Some(seed)) => wanted.seed = Some(seed),
                _ => {
                    return Err(Stop::new(format!(
                        "{option}: soak takes --kills NUMBER and --seed NUMBER"
                    )));
                }
            }
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_and_seed_can_be_given_and_anything_else_is_refused() {
        let read = |options: &[&str]| Wanted::read(options).ok();
        let wanted = |kills, seed| Some(Wanted { kills, seed });
        assert_eq!(read(&[]), wanted(KILLS, None));
        assert_eq!(read(&["--seed", "7", "--kills", "3"]), wanted(3, Some(7)));
        for wrong in [&["--kills"][..], &["--kills", "many"], &["--rounds", "3"]] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
