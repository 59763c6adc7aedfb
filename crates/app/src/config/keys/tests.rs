use super::*;

/// Sets a field to the ends of its range, and tells whether it holds them.
fn holds_its_bounds(field: &Field<BrokerConfig>, config: &mut BrokerConfig) -> bool {
    fn holds<V: Clone + PartialEq>(
        slot: &Slot<BrokerConfig, V>,
        config: &mut BrokerConfig,
        values: [V; 2],
    ) -> bool {
        values.into_iter().all(|value| {
            (slot.set)(config, value.clone());
            (slot.get)(config) == Some(value)
        })
    }
    match field {
        Field::Count { from, to, slot, .. } | Field::Size { from, to, slot } => {
            holds(slot, config, [*from, *to])
        }
        Field::Seconds { to, slot } => holds(slot, config, [0, *to]),
        Field::Time { from, to, slot } => holds(slot, config, [*from, *to]),
        Field::Word { words, slot } => holds(slot, config, [0, words.len() - 1]),
        Field::Words { slot, .. } => holds(slot, config, [vec![], vec![1, 0]]),
        Field::Flag(slot) => holds(slot, config, [false, true]),
        Field::Text { slot, .. } => holds(slot, config, ["a".into(), "b".into()]),
        Field::Address(_) | Field::File(_) => true,
    }
}

#[test]
fn what_a_key_is_set_to_is_what_it_holds_and_no_other_key_holds_it() {
    for key in &KEYS {
        let mut config = BrokerConfig::default();
        assert!(holds_its_bounds(&key.field, &mut config), "{}", key.name);
        for other in KEYS.iter().filter(|other| other.name != key.name) {
            let default = other.field.written(&BrokerConfig::default());
            let (key, other_name) = (key.name, other.name);
            assert_eq!(
                other.field.written(&config),
                default,
                "{key} sets {other_name}"
            );
        }
    }
}

#[test]
fn the_default_of_each_key_is_within_its_bounds() {
    let config = BrokerConfig::default();
    for key in &KEYS {
        let within = match &key.field {
            Field::Count { from, to, slot, .. } | Field::Size { from, to, slot } => {
                (slot.get)(&config).is_some_and(|v| (*from..=*to).contains(&v))
            }
            Field::Seconds { to, slot } => (slot.get)(&config).is_some_and(|v| v <= *to),
            Field::Time { from, to, slot } => {
                (slot.get)(&config).is_some_and(|v| (*from..=*to).contains(&v))
            }
            Field::Word { slot, .. } => (slot.get)(&config).is_some(),
            Field::Words { words, slot } => (slot.get)(&config)
                .is_some_and(|places| places.iter().all(|place| *place < words.len())),
            Field::Flag(_) | Field::Text { .. } | Field::Address(_) | Field::File(_) => true,
        };
        assert!(within, "{}.{}", key.section, key.name);
    }
}
