use std::time::Duration;

use doorward_domain::entropy::Entropy;

/// A time that is random between nine tenths of `span` and all of it: what recurs in many threads and instances does not stay
/// in step, and no wait is longer than `span`.
pub(crate) fn shortened(span: Duration, entropy: &dyn Entropy) -> Duration {
    let mut random = [0_u8; 2];
    entropy.fill(&mut random);
    let part = u32::from(u16::from_le_bytes(random));
    span.saturating_sub(span / 10 * part / u32::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use doorward_testkit::SeededEntropy;

    use super::*;

    #[test]
    fn a_shortened_span_keeps_nine_tenths() {
        let entropy = SeededEntropy::new(1);
        let span = Duration::from_secs(10);
        let spans: Vec<Duration> = (0..1000).map(|_| shortened(span, &entropy)).collect();
        assert!(spans.iter().all(|one| (span * 9 / 10..=span).contains(one)));
        let (least, most) = (spans.iter().min(), spans.iter().max());
        assert!(least < Some(&Duration::from_millis(9_100)) && most > Some(&Duration::from_millis(9_900)));
        assert_eq!(shortened(Duration::ZERO, &entropy), Duration::ZERO);
    }
}
