//! Who was not let in, lately.

use std::collections::VecDeque;

use mqttwb_model::Refusal;

/// How many are kept.
const KEPT: usize = 1000;

/// A refusal, numbered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRefusal {
    /// Counts up from 1.
    pub seq: u64,
    /// What was seen.
    pub refusal: Refusal,
}

#[derive(Debug, Default)]
pub(crate) struct Refusals {
    newest: VecDeque<Refusal>,
    count: u64,
}

impl Refusals {
    pub fn add(&mut self, refusal: &Refusal) {
        if self.newest.len() == KEPT {
            self.newest.pop_back();
        }
        self.newest.push_front(refusal.clone());
        self.count += 1;
    }

    pub fn newest(&self, max: usize) -> (Vec<SeenRefusal>, u64) {
        let newest = (0..)
            .zip(&self.newest)
            .take(max)
            .map(|(age, refusal)| SeenRefusal {
                seq: self.count - age,
                refusal: refusal.clone(),
            })
            .collect();
        (newest, self.count)
    }
}
