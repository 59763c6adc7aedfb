use proptest::prelude::*;

use super::*;

fn at(second: u64) -> Timestamp {
    Timestamp(second * 1_000_000_000)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn number(second: u64, number: f64) -> Datum {
    Datum {
        at: at(second),
        text: number.to_string(),
        number: Some(number),
    }
}

fn word(second: u64, text: &str) -> Datum {
    Datum {
        at: at(second),
        text: text.into(),
        number: None,
    }
}

/// What happened, in a letter each.
fn letter(event: Option<Event>) -> char {
    match event {
        None => '.',
        Some(Event::Raised { .. }) => 'R',
        Some(Event::Over { .. }) => 'o',
    }
}

#[test]
fn what_falls_quiet_is_neither_high_nor_waited_for() {
    let mut watch = Watch::new(Condition::Above {
        limit: 4.0,
        hold: secs(10),
    });
    watch.value("slow", number(1, 9.0));
    watch.value("slower", number(1, 9.0));
    for second in 2..=12 {
        watch.value("slower", number(second, 9.0));
    }
    // One has come on, the other has not: it is not met for longer than its last value.
    assert!(watch.quiet(at(10), at(12)).is_empty());
    assert_eq!(
        watch.tick(at(20)).len(),
        0,
        "the one was told, the other is quiet"
    );
    assert_eq!(watch.raised(), 1);
    let over: Vec<char> = (watch.quiet(at(14), at(21)).into_iter())
        .map(|event| letter(Some(event)))
        .collect();
    assert_eq!((over, watch.raised()), (vec!['o'], 0));
    assert!(watch.quiet(at(14), at(22)).is_empty());
    // A silence that is itself watched for goes on.
    let mut watch = Watch::new(Condition::NoData { after: secs(5) });
    watch.value("a", number(1, 9.0));
    assert!(watch.quiet(at(9), at(10)).is_empty());
    assert_eq!(watch.tick(at(10)).len(), 1);
}

#[test]
fn a_value_above_a_limit_is_told_once_until_it_is_below() {
    let mut watch = Watch::new(Condition::Above {
        limit: 5.0,
        hold: Duration::ZERO,
    });
    let values = [4.0, 5.0, 6.0, 7.0, 5.0, 6.0];
    let told: String = values
        .iter()
        .enumerate()
        .map(|(second, value)| letter(watch.value("a", number(second as u64, *value))))
        .collect();
    assert_eq!(told, "..R.oR");
    assert_eq!(watch.raised(), 1);
}

#[test]
fn a_limit_that_has_to_hold_is_told_by_time_alone() {
    let mut watch = Watch::new(Condition::Below {
        limit: 1.0,
        hold: secs(10),
    });
    assert_eq!(watch.value("a", number(0, 0.5)), None);
    assert_eq!(watch.tick(at(9)), []);
    let told = watch.tick(at(10));
    let [
        Event::Raised {
            thing, why, data, ..
        },
    ] = &told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!((&**thing, why.as_str()), ("a", "0.5 is below 1 for 10 s."));
    assert_eq!(data, &[number(0, 0.5)]);
    assert_eq!(watch.tick(at(60)), []);
    assert_eq!(letter(watch.value("a", number(61, 2.0))), 'o');
}

#[test]
fn a_short_excursion_is_not_told() {
    let mut watch = Watch::new(Condition::Above {
        limit: 5.0,
        hold: secs(10),
    });
    for (second, value) in [(0, 6.0), (5, 6.0), (9, 4.0), (10, 6.0), (19, 6.0)] {
        assert_eq!(watch.value("a", number(second, value)), None, "{second}");
        assert_eq!(watch.tick(at(second)), []);
    }
    assert_eq!(letter(watch.value("a", number(20, 6.0))), 'R');
}

#[test]
fn silence_is_told_and_ends_with_the_next_value() {
    let mut watch = Watch::new(Condition::NoData { after: secs(30) });
    assert_eq!(watch.tick(at(1_000)), [], "what never came is not missed");
    watch.value("a", word(1_000, "x"));
    watch.value("b", word(1_020, "x"));
    let told = watch.tick(at(1_031));
    assert_eq!(told.len(), 1);
    assert!(matches!(&told[0], Event::Raised { thing, why, .. }
        if &**thing == "a" && why == "Nothing has come for 31 s."));
    assert_eq!(letter(watch.value("a", word(1_040, "x"))), 'o');
}

#[test]
fn each_change_is_told_with_what_it_was() {
    let mut watch = Watch::new(Condition::Changed);
    let told: String = ["on", "on", "off", "on"]
        .iter()
        .enumerate()
        .map(|(second, text)| letter(watch.value("a", word(second as u64, text))))
        .collect();
    assert_eq!(told, "..RR");
    let Some(Event::Raised { why, .. }) = watch.value("a", word(9, "off")) else {
        panic!("not told");
    };
    assert_eq!(why, "It changed from “on” to “off”.");
}

#[test]
fn a_value_that_changes_too_fast_is_told() {
    let mut watch = Watch::new(Condition::Rate {
        per_second: 2.0,
        over: secs(10),
    });
    let told: String = [(0, 0.0), (1, 1.0), (2, 2.0), (3, 20.0), (30, 21.0)]
        .map(|(second, value)| letter(watch.value("a", number(second, value))))
        .iter()
        .collect();
    // 20 in three seconds; and what is older than ten seconds counts no more.
    assert_eq!(told, "...Ro");
}

#[test]
fn what_is_far_from_the_usual_is_told_and_noise_is_not() {
    let mut watch = Watch::new(Condition::Unusual { score: 6.0 });
    for second in 0..40 {
        let noise = [0.0, 0.3, -0.2, 0.1, -0.3][second as usize % 5];
        assert_eq!(
            watch.value("a", number(second, 20.0 + noise)),
            None,
            "{second}"
        );
    }
    let Some(Event::Raised { why, .. }) = watch.value("a", number(41, 35.0)) else {
        panic!("not told");
    };
    assert!(
        why.starts_with("35 is ") && why.contains("from the usual 20"),
        "{why}"
    );
    assert_eq!(letter(watch.value("a", number(42, 20.1))), 'o');
}

#[test]
fn of_what_never_varied_any_other_value_is_unusual() {
    let mut watch = Watch::new(Condition::Unusual { score: 6.0 });
    for second in 0..20 {
        watch.value("a", number(second, 3.0));
    }
    assert_eq!(letter(watch.value("a", number(20, 3.0))), '.');
    assert_eq!(letter(watch.value("a", number(21, 3.1))), 'R');
}

#[test]
fn a_device_that_stays_away_is_told() {
    let mut watch = Watch::new(Condition::State {
        state: State::Offline,
        hold: secs(5),
    });
    assert_eq!(watch.state("pump", State::Online, at(1), at(2)), None);
    assert_eq!(watch.state("pump", State::Offline, at(10), at(11)), None);
    let told = watch.state("pump", State::Offline, at(10), at(15));
    let Some(Event::Raised { why, data, .. }) = told else {
        panic!("not told");
    };
    assert_eq!(why, "It is offline for 5 s.");
    let words: Vec<&str> = data.iter().map(|datum| datum.text.as_str()).collect();
    assert_eq!(words, ["online", "offline"]);
    assert_eq!(watch.state("pump", State::Offline, at(10), at(16)), None);
    assert_eq!(
        letter(watch.state("pump", State::Online, at(20), at(20))),
        'o'
    );
}

#[test]
fn what_a_full_rule_leaves_out_is_counted() {
    let mut watch = Watch::new(Condition::Changed);
    for thing in 0..THINGS + 7 {
        watch.value(&thing.to_string(), word(1, "x"));
    }
    assert_eq!((watch.len(), watch.left_out()), (THINGS, 7));
}

proptest! {
    /// Raised and over take turns, and what is raised held for long enough: told by looking at all values.
    #[test]
    fn a_limit_that_has_to_hold_is_told_as_if_all_values_were_known(
        values in proptest::collection::vec((1u64..8, 0i32..10), 1..60),
        hold in 0u64..15,
    ) {
        let mut watch = Watch::new(Condition::Above { limit: 5.0, hold: secs(hold) });
        let (mut now, mut since, mut raised) = (0, None, false);
        for (pause, value) in values {
            now += pause;
            let met = value > 5;
            let expected = if met {
                let since = *since.get_or_insert(now);
                if !raised && now - since >= hold { raised = true; 'R' } else { '.' }
            } else {
                since = None;
                if std::mem::take(&mut raised) { 'o' } else { '.' }
            };
            prop_assert_eq!(letter(watch.value("a", number(now, f64::from(value)))), expected);
        }
    }

    /// A robust score does not move with a few wild values among those before.
    #[test]
    fn a_few_wild_values_do_not_make_others_usual(
        wild in proptest::collection::vec(-1e9f64..1e9, 0..8),
    ) {
        let mut watch = Watch::new(Condition::Unusual { score: 6.0 });
        for second in 0..52 {
            watch.value("a", number(second, 20.0 + (second % 5) as f64 * 0.1));
        }
        for (place, value) in wild.iter().enumerate() {
            watch.value("a", number(60 + place as u64, *value));
        }
        watch.value("a", number(100, 20.2));
        prop_assert_eq!(watch.raised(), 0, "20.2 is usual");
        prop_assert_eq!(letter(watch.value("a", number(101, 30.0))), 'R');
    }

    /// Nothing that comes makes it fail, and silence is told of each thing once.
    #[test]
    fn whatever_comes_is_judged(
        values in proptest::collection::vec((0u64..1_000, any::<f64>(), 0usize..3), 0..100),
        score in 0.0f64..10.0,
    ) {
        let conditions = [
            Condition::Above { limit: score, hold: secs(3) },
            Condition::Unusual { score },
            Condition::Rate { per_second: score, over: secs(9) },
            Condition::Changed,
            Condition::NoData { after: secs(5) },
        ];
        for condition in conditions {
            let mut watch = Watch::new(condition);
            for (second, value, thing) in &values {
                watch.value(&thing.to_string(), number(*second, *value));
                watch.tick(at(*second));
            }
            let names: HashSet<usize> = values.iter().map(|(.., thing)| *thing).collect();
            watch.tick(at(10_000));
            prop_assert!(watch.tick(at(10_001)).is_empty());
            if matches!(condition, Condition::NoData { .. }) {
                prop_assert_eq!(watch.raised(), names.len());
            }
        }
    }
}
