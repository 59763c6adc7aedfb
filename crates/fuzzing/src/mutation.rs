//! Inputs made from inputs, the same ones for the same seed.

/// Mutants of some inputs, without end.
#[derive(Debug)]
pub struct Mutants<'a> {
    parents: &'a [Vec<u8>],
    state: u64,
}

/// An input grows no longer than this.
const LONGEST: usize = 2_048;
/// Bytes that often mean something: lengths, flags, wildcards, ends of integers.
const TELLING: [u8; 16] = [
    0, 1, 2, 3, 4, 0x10, 0x20, b'#', b'$', b'+', b'/', 0x62, 0x7f, 0x80, 0xfe, 0xff,
];

impl<'a> Mutants<'a> {
    /// `parents` has one input at least.
    pub fn new(parents: &'a [Vec<u8>], seed: u64) -> Self {
        assert!(!parents.is_empty());
        let state = seed;
        Self { parents, state }
    }

    /// SplitMix64: equal for equal seeds on every machine, and good enough to choose places.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.random() % end.max(1) as u64) as usize
    }

    fn parent(&mut self) -> &'a [u8] {
        let at = self.below(self.parents.len());
        &self.parents[at]
    }

    fn span(&mut self, of: usize) -> std::ops::Range<usize> {
        let start = self.below(of + 1);
        let len = self.below((of - start).min(32) + 1);
        start..start + len
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = self.random() as u8,
            2 if !bytes.is_empty() => bytes[at] = TELLING[self.below(TELLING.len())],
            3 => {
                let span = self.span(bytes.len());
                bytes.drain(span);
            }
            4 => {
                // A piece again, somewhere else.
                let piece = bytes[self.span(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => {
                let other = self.parent();
                let piece = other[self.span(other.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.insert(at, TELLING[self.below(TELLING.len())]),
        }
        bytes.truncate(LONGEST);
    }
}

impl Iterator for Mutants<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut bytes = self.parent().to_vec();
        for _ in 0..=self.below(4) {
            self.mutate(&mut bytes);
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutants_are_the_same_for_the_same_seed_and_differ_among_themselves() {
        let parents = [b"\x30\x05\x00\x01a".to_vec(), Vec::new()];
        let some = |seed| Mutants::new(&parents, seed).take(500).collect::<Vec<_>>();
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
        let different: std::collections::HashSet<_> = some(1).into_iter().collect();
        assert!(different.len() > 300, "{}", different.len());
    }
}
