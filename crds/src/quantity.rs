//! What a Kubernetes quantity is worth, so that `1024Mi` and `1Gi` are the same. The grammar and the
//! bounds are those of `k8s.io/apimachinery/pkg/api/resource`: a decimal number and a suffix, at most
//! 2^63-1, rounded up to nanos.

/// Nanos in one.
const NANOS: u32 = 9;
/// The greatest quantity, in nanos: whatever is greater counts as this.
const GREATEST: i128 = i64::MAX as i128 * 1_000_000_000;

/// The value of a quantity, whatever it was spelled like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount {
    nanos: i128,
}

impl Amount {
    /// The value; `None` if the text is no quantity, or has more digits than any quantity needs.
    pub fn parse(text: &str) -> Option<Amount> {
        let (sign, unsigned) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        let end = unsigned.find(|it: char| !it.is_ascii_digit() && it != '.');
        let (number, suffix) = unsigned.split_at(end.unwrap_or(unsigned.len()));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}").parse::<u128>().ok()?;
        let places = i32::try_from(fraction.len()).ok()?;
        let (factor, exponent) = unit(suffix)?;
        // All that is decimal at once, so that nothing grows only to be divided again.
        let shift = exponent.checked_add(NANOS as i32)?.checked_sub(places)?;
        let nanos = scaled(digits.checked_mul(factor)?, shift);
        let nanos = i128::try_from(nanos).unwrap_or(GREATEST).min(GREATEST);
        Some(Amount { nanos: sign * nanos })
    }
}

/// Whether two quantities are worth the same. What is no quantity is only the same as itself.
pub fn same(one: &str, other: &str) -> bool {
    match (Amount::parse(one), Amount::parse(other)) {
        (Some(one), Some(other)) => one == other,
        (_, _) => one == other,
    }
}

/// A suffix as a factor and a power of ten.
fn unit(suffix: &str) -> Option<(u128, i32)> {
    let decimal = |exponent: i32| Some((1, exponent));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => Some((1 << 10, 0)),
        "Mi" => Some((1 << 20, 0)),
        "Gi" => Some((1 << 30, 0)),
        "Ti" => Some((1 << 40, 0)),
        "Pi" => Some((1 << 50, 0)),
        "Ei" => Some((1 << 60, 0)),
        other => decimal(other.strip_prefix(['e', 'E'])?.parse().ok()?),
    }
}

/// `value` times ten to the power of `shift`: rounded up, and the greatest number if it is too large.
fn scaled(value: u128, shift: i32) -> u128 {
    let power = 10u128.checked_pow(shift.unsigned_abs());
    match (shift >= 0, power) {
        _ if value == 0 => 0,
        (true, Some(power)) => value.saturating_mul(power),
        (true, None) => u128::MAX,
        (false, Some(power)) => value.div_ceil(power),
        (false, None) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_the_same_value_are_the_same() {
        for all in [
            &["1Gi", "1024Mi", "1048576Ki", "1073741824", "1073741824000m", "+1Gi", "1.0Gi"][..],
            &["1k", "1e3", "1E3", "1000", "1000.", ".001M", "1000000m", "10e+2", "10000E-1"],
            &["0", "0Gi", "-0", "0e400", "0.000"],
            &["1n", "0.1n", "0.0000000001", "1e-400"],
            &["1.5Gi", "1536Mi"],
            &["9223372036854775807", "8Ei", "10E", "1e30", "1e400", "99999999999999999999"],
            &["-1m", "-0.001"],
        ] {
            for one in all {
                assert!(Amount::parse(one).is_some(), "{one}");
                assert!(all.iter().all(|other| same(one, other)), "{one} in {all:?}");
            }
        }
    }

    #[test]
    fn greater_ones_are_greater() {
        let rising = [
            "-1Gi",
            "-1",
            "-1n",
            "0",
            "1n",
            "1u",
            "1m",
            "1",
            "1k",
            "1Ki",
            "1M",
            "1Mi",
            "1G",
            "1Gi",
            "1T",
            "1Ti",
            "1P",
            "1Pi",
            "1E",
            "1.123456789123456789Ei",
            "7Ei",
            "9e18",
            "8Ei",
        ];
        for pair in rising.windows(2) {
            assert!(Amount::parse(pair[0]) < Amount::parse(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn what_is_no_quantity_has_no_value_and_is_the_same_as_itself() {
        for text in [
            "", "lots", "Gi", "+", "-", ".", "1.2.3", "1 Gi", " 1Gi", "1gi", "1K", "1GiB", "1e",
            "1e1.5", "1ee1", "--1", "1-", "e3", "1Kim", "１Gi", "1€",
        ] {
            assert_eq!(Amount::parse(text), None, "{text:?}");
            assert!(same(text, text) && !same(text, "1Gi"), "{text:?}");
        }
    }
}
