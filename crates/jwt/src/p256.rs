//! The curve equation of P-256 (SP 800-186, section 3.2.1.3), over public coordinates.
//!
//! It exists to reject an unusable key when a key set is read, with a reason. The security of verification does not
//! depend on it: the cryptographic library checks the point again for each signature. It is slow and not constant-time.

/// An integer below 2^256, the least significant limb first.
type Integer = [u64; 4];

/// The prime of the field: 2^256 - 2^224 + 2^192 + 2^96 - 1.
const P: Integer = [
    0xffff_ffff_ffff_ffff,
    0x0000_0000_ffff_ffff,
    0x0000_0000_0000_0000,
    0xffff_ffff_0000_0001,
];

/// The constant term of the equation.
const B: Integer = [
    0x3bce_3c3e_27d2_604b,
    0x651d_06b0_cc53_b0f6,
    0xb3eb_bd55_7698_86bc,
    0x5ac6_35d8_aa3a_93e7,
];

/// Whether y² = x³ - 3x + b, with both coordinates below the prime.
pub(crate) fn is_on_curve(x: &[u8; 32], y: &[u8; 32]) -> bool {
    let (x, y) = (from_big_endian(x), from_big_endian(y));
    if !is_reduced(&x) || !is_reduced(&y) {
        return false;
    }
    // Both sides plus 3x, so that nothing has to be subtracted.
    let left = add(&multiply(&y, &y), &add(&x, &add(&x, &x)));
    let right = add(&multiply(&multiply(&x, &x), &x), &B);
    left == right
}

fn from_big_endian(bytes: &[u8; 32]) -> Integer {
    let mut integer = [0; 4];
    let (chunks, _) = bytes.as_chunks();
    for (limb, chunk) in integer.iter_mut().zip(chunks.iter().rev()) {
        *limb = u64::from_be_bytes(*chunk);
    }
    integer
}

/// `integer - P`, and whether that is negative.
fn subtract_p(integer: &Integer) -> (Integer, bool) {
    let mut difference = [0; 4];
    let mut borrow = false;
    for ((limb, a), b) in difference.iter_mut().zip(integer).zip(P) {
        (*limb, borrow) = a.borrowing_sub(b, borrow);
    }
    (difference, borrow)
}

fn is_reduced(integer: &Integer) -> bool {
    subtract_p(integer).1
}

/// The sum modulo P of two integers below P.
fn add(left: &Integer, right: &Integer) -> Integer {
    let mut sum = [0; 4];
    let mut carry = false;
    for ((limb, a), b) in sum.iter_mut().zip(left).zip(right) {
        (*limb, carry) = a.carrying_add(*b, carry);
    }
    let (difference, is_negative) = subtract_p(&sum);
    if carry || !is_negative { difference } else { sum }
}

/// The product modulo P of two integers below P: doubles and adds, bit by bit.
fn multiply(left: &Integer, right: &Integer) -> Integer {
    let mut product = [0; 4];
    for limb in right.iter().rev() {
        for bit in (0..u64::BITS).rev() {
            product = add(&product, &product);
            if (limb >> bit) & 1 == 1 {
                product = add(&product, left);
            }
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(hex: &str) -> [u8; 32] {
        core::array::from_fn(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap())
    }

    /// The base point of the curve.
    const GENERATOR: (&str, &str) = (
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    );

    /// A point whose first coordinate is zero.
    const ZERO: (&str, &str) = (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4",
    );

    const PRIME: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

    #[test]
    fn points_of_the_standard_are_on_the_curve() {
        for (x, y) in [GENERATOR, ZERO] {
            assert!(is_on_curve(&bytes(x), &bytes(y)), "{x}");
        }
    }

    #[test]
    fn a_coordinate_that_is_not_reduced_is_rejected() {
        assert!(!is_on_curve(&bytes(PRIME), &bytes(ZERO.1)));
        assert!(!is_on_curve(&[0xff; 32], &[0xff; 32]));
        assert!(!is_on_curve(&[0; 32], &[0; 32]));
    }

    proptest! {
        #[test]
        fn a_changed_coordinate_is_off_the_curve(bit in 0_usize..512) {
            let (mut x, mut y) = (bytes(GENERATOR.0), bytes(GENERATOR.1));
            let changed = if bit < 256 { &mut x } else { &mut y };
            changed[bit % 256 / 8] ^= 1 << (bit % 8);
            prop_assert!(!is_on_curve(&x, &y));
        }

        #[test]
        fn the_result_agrees_with_aws_lc(x in any::<[u8; 32]>(), y in any::<[u8; 32]>(), seed in 1_u8..) {
            use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};

            let parses = |x: &[u8], y: &[u8]| {
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], x, y].concat()).is_ok()
            };
            prop_assert_eq!(is_on_curve(&x, &y), parses(&x, &y));
            let mut private = [0; 32];
            private[31] = seed;
            let point = public_key(&private);
            let (x, y) = point[1..].split_at(32);
            prop_assert!(is_on_curve(x.try_into().unwrap(), y.try_into().unwrap()));
        }
    }

    fn public_key(private: &[u8; 32]) -> Vec<u8> {
        use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};

        let key = PrivateKey::from_private_key(&ECDH_P256, private).unwrap();
        key.compute_public_key().unwrap().as_ref().to_vec()
    }
}
