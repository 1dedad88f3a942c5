//! What recurring texts came to.

/// Texts that are remembered at a time.
const PLACES: usize = 256;

/// Longer texts are not remembered, so that memory stays bounded: about 128 KiB if all are so long.
const TEXT_BYTES_MAX: usize = 512;

/// Remembers what a function made of `N` texts. A new text takes the place of an older one.
///
/// Whether a text is a remembered one is decided by comparing all of it; the place at which it may
/// be found is a guess, which at worst costs time.
#[derive(Clone, Debug)]
pub(crate) struct Memory<const N: usize, T>(Vec<Known<N, T>>);

#[derive(Clone, Debug)]
struct Known<const N: usize, T> {
    text: String,
    /// Where each part ends.
    ends: [usize; N],
    value: T,
}

impl<const N: usize, T> Default for Memory<N, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<const N: usize, T: Copy + Default> Memory<N, T> {
    /// What `learn` makes of the texts, which must depend on nothing else. Nothing but empty texts
    /// comes to the default.
    #[inline]
    pub(crate) fn get(&mut self, parts: [&str; N], learn: impl FnOnce([&str; N]) -> T) -> T {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length == 0 {
            return T::default();
        }
        let place = place(parts);
        if let Some(known) = self.0.get(place)
            && known.is(parts)
        {
            return known.value;
        }
        let value = learn(parts);
        if length <= TEXT_BYTES_MAX {
            self.note(place, parts, value);
        }
        value
    }

    #[cold]
    fn note(&mut self, place: usize, parts: [&str; N], value: T) {
        if self.0.is_empty() {
            let empty = Known { text: String::new(), ends: [0; N], value: T::default() };
            self.0.resize(PLACES, empty);
        }
        if let Some(known) = self.0.get_mut(place) {
            known.text.clear();
            for (part, end) in parts.iter().zip(&mut known.ends) {
                known.text.push_str(part);
                *end = known.text.len();
            }
            known.value = value;
        }
    }
}

impl<const N: usize, T> Known<N, T> {
    #[inline]
    fn is(&self, parts: [&str; N]) -> bool {
        let mut start = 0;
        parts.iter().zip(self.ends).all(|(part, end)| {
            let known = self.text.as_bytes().get(start..end);
            start = end;
            known == Some(part.as_bytes())
        })
    }
}

#[inline]
fn place<const N: usize>(parts: [&str; N]) -> usize {
    let mut mix = 0_u64;
    for part in parts {
        let bytes = part.as_bytes();
        let ends = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => {
                u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last) << 1
            }
            _ => bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
        };
        mix = (mix ^ ends ^ bytes.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    (mix >> 56) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learnt_is_told_again_and_borders_count() {
        let mut memory: Memory<2, usize> = Memory::default();
        for _ in 0..2 {
            assert_eq!(memory.get(["", ""], |_| 7), 0);
            assert_eq!(memory.get(["ab", "c"], |[a, _]| a.len()), 2);
            assert_eq!(memory.get(["a", "bc"], |[a, _]| a.len()), 1);
        }
        assert_eq!(memory.get(["ab", "c"], |_| unreachable!()), 2);
    }

    #[test]
    fn more_texts_than_places_cost_no_answer() {
        let mut memory: Memory<1, usize> = Memory::default();
        for _ in 0..2 {
            for n in 0..2_000 {
                let text = "x".repeat(n % 700) + &n.to_string();
                assert_eq!(memory.get([&text], |[text]| text.len()), text.len());
            }
        }
    }
}
