//! Secrets that nobody generated: constant bytes, repetitions, counting.

/// The fewest steps between neighbouring bytes that must differ from the most frequent one: a quarter of them.
const COUNTING_SHARE: usize = 4;

/// At most this many different bytes are a pattern however long the secret is. Random hexadecimal digits have 16.
const MAX_FEW: usize = 8;

/// Whether bytes follow an obvious pattern: few different values, a shorter block repeated, or counting up or down. Of random
/// bytes, or random hexadecimal or base64 text, from 16 bytes up fewer than one in a million do.
pub fn is_pattern(bytes: &[u8]) -> bool {
    has_few_values(bytes) || repeats_a_block(bytes) || counts(bytes)
}

fn has_few_values(bytes: &[u8]) -> bool {
    let mut values = bytes.to_vec();
    values.sort_unstable();
    values.dedup();
    values.len() <= (bytes.len() / 4).min(MAX_FEW)
}

fn repeats_a_block(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|length| {
        let mut shifted = bytes.iter().skip(length).zip(bytes);
        shifted.all(|(byte, earlier)| byte == earlier)
    })
}

/// Whether most neighbours are the same step apart: `0, 1, 2, …`, but also the alphabet followed by digits.
fn counts(bytes: &[u8]) -> bool {
    let mut steps: Vec<u8> = bytes
        .iter()
        .skip(1)
        .zip(bytes)
        .map(|(byte, earlier)| byte.wrapping_sub(*earlier))
        .collect();
    steps.sort_unstable();
    let most = steps.chunk_by(|one, other| one == other).map(<[u8]>::len).max();
    most.is_some_and(|most| (steps.len() - most) * COUNTING_SHARE <= steps.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn constant_repeating_and_counting_bytes_are_patterns() {
        let counting: Vec<u8> = (0..32).collect();
        let down: Vec<u8> = (0..32).rev().map(|byte| byte * 3).collect();
        let wrapping: Vec<u8> = (0_u8..32).map(|byte| byte.wrapping_add(240)).collect();
        for bytes in [
            &[0; 32][..],
            &[0xff; 16],
            &[1; 1024],
            &counting,
            &down,
            &wrapping,
            b"0123456789abcdef0123456789abcdef",
            b"abcdefghijklmnopqrstuvwxyz012345",
            b"changemechangemechangemechangeme",
            b"aaaabbbbaaaabbbb",
        ] {
            assert!(is_pattern(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn generated_secrets_are_no_patterns() {
        for bytes in [
            &b"\x9a\x02\xf1\x7c\x33\x5e\xb8\x41\xd0\x6f\x18\xe4\x27\x8b\xc5\x90"[..],
            b"4f9d0a7be21c63585ad07be9c1f43826",
            b"c41f09be77d2a365",
            b"pepper and salt and spice",
        ] {
            assert!(!is_pattern(bytes), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_are_no_pattern(bytes in prop::array::uniform32(any::<u8>())) {
            prop_assert!(!is_pattern(&bytes));
        }

        #[test]
        fn a_shifted_count_is_a_pattern(start in any::<u8>(), step in any::<u8>(), length in 16_usize..64) {
            let bytes: Vec<u8> = (0..length)
                .scan(start, |byte, _| { let now = *byte; *byte = byte.wrapping_add(step); Some(now) })
                .collect();
            prop_assert!(is_pattern(&bytes));
        }
    }
}
