//! The one source of chance: a PCG stream and the few distributions that the world draws from.

use rand_core::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;

/// A seeded stream of draws. The same seed gives the same draws on every run.
#[derive(Clone, Debug)]
pub(crate) struct Rng(Pcg64);

impl Rng {
    /// An independent stream for one part of a world: people, attacks and look-alikes do not
    /// disturb each other when one of them draws more.
    pub(crate) fn new(seed: u64, part: u64) -> Self {
        // SplitMix64's increment spreads neighbouring seeds and parts.
        Self(Pcg64::seed_from_u64(seed ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0.0 <= x < 1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `low <= n < high`; `low` when the range is empty.
    pub(crate) fn int(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(1) as u64;
        low + (self.bits() % span) as i64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Normal, by the Box-Muller transform.
    pub(crate) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        mean + deviation * radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Log-normal with the given median; `sigma` is the deviation of the logarithm.
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * self.normal(0.0, sigma).exp()
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Poisson, by Knuth's product of uniforms; meant for small means.
    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        let limit = (-mean.clamp(0.0, 60.0)).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// One of a list. The list must not be empty: every caller passes a constant table or a
    /// population that `World` keeps non-empty.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        debug_assert!(!list.is_empty());
        let at = (self.bits() % list.len().max(1) as u64) as usize;
        #[expect(clippy::indexing_slicing, reason = "`at` is below the length of a non-empty list")]
        &list[at]
    }

    /// The index drawn with the given weights.
    pub(crate) fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (at, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return at;
            }
        }
        weights.len().saturating_sub(1)
    }
}

/// A stable 64-bit mix for ids: the same parts give the same id wherever they are computed.
pub(crate) fn mix(parts: &[u64]) -> u64 {
    let mut state = 0x243f_6a88_85a3_08d3_u64;
    for part in parts {
        // SplitMix64 finaliser (Steele, Lea, Flood 2014).
        state = state.wrapping_add(*part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_draws_and_parts_differ() {
        let draw = |seed, part| {
            let mut rng = Rng::new(seed, part);
            (0..8).map(|_| rng.bits()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert_ne!(draw(7, 1), draw(8, 1));
    }

    #[test]
    fn the_distributions_have_the_middle_they_promise() {
        let mut rng = Rng::new(1, 1);
        let mut draws: Vec<f64> = (0..4001).map(|_| rng.log_normal(9.0, 0.7)).collect();
        draws.sort_by(f64::total_cmp);
        assert!((draws[2000] - 9.0).abs() < 0.7, "median {}", draws[2000]);
        let total: u32 = (0..4000).map(|_| rng.poisson(2.5)).sum();
        assert!((f64::from(total) / 4000.0 - 2.5).abs() < 0.15);
    }
}
