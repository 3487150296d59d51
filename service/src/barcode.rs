//! Barcodes: the shorter codes of a product are one with its GTIN-14.

use crate::error::{Error, Result};

/// A barcode as GTIN-14. GTIN-8, -12 and -13 are padded with zeros, UPC-E is expanded, the check digit must be right.
pub fn gtin14(field: &str, barcode: &str) -> Result<String> {
    let digits: String = barcode.chars().filter(|character| !matches!(character, ' ' | '-')).collect();
    let refused = |why: &str| Error::invalid(field, format!("not a barcode ({why}): write the 8, 12, 13 or 14 digits below the bars"));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused("digits only"));
    }
    let candidate = match digits.len() {
        // Eight digits may be right in both readings. A GTIN-8 that begins with 0 is for use inside one shop alone, so it is UPC-E.
        8 => upc_a(&digits).filter(|_| digits.starts_with('0') || !has_check_digit(&digits)).unwrap_or(digits),
        12..=14 => digits,
        length => return Err(refused(&format!("{length} digits"))),
    };
    if has_check_digit(&candidate) { Ok(format!("{candidate:0>14}")) } else { Err(refused("wrong check digit")) }
}

/// Whether a GTIN-14 names the same food everywhere. What a shop or a chain numbers itself does not: 02, 04 and 20 to 29, and 0 and 2 of
/// eight digits. Nor do 977 to 979, which number magazines and books.
pub fn is_public(gtin: &str) -> bool {
    let within = gtin.get(1..).unwrap_or_default();
    match gtin.strip_prefix("000000") {
        Some(short) => !short.starts_with(['0', '2']),
        None => !(within.starts_with('2') || ["02", "04", "977", "978", "979"].iter().any(|prefix| within.starts_with(prefix))),
    }
}

/// Modulo 10, weights 3 and 1 in turn from the right.
fn has_check_digit(digits: &str) -> bool {
    let sum: u32 =
        digits.bytes().rev().map(|byte| u32::from(byte - b'0')).zip([1, 3].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
    sum.is_multiple_of(10)
}

/// The UPC-A that eight digits of UPC-E stand for: number system, six digits, check digit.
fn upc_a(digits: &str) -> Option<String> {
    let (system, code, check) = (&digits[..1], &digits[1..7], &digits[7..]);
    if !matches!(system, "0" | "1") {
        return None;
    }
    let last = &code[5..];
    let (manufacturer, product) = match last {
        "0" | "1" | "2" => (format!("{}{last}00", &code[..2]), format!("00{}", &code[2..5])),
        "3" => (format!("{}00", &code[..3]), format!("000{}", &code[3..5])),
        "4" => (format!("{}0", &code[..4]), format!("0000{}", &code[4..5])),
        _ => (code[..5].to_owned(), format!("0000{last}")),
    };
    Some(format!("{system}{manufacturer}{product}{check}")).filter(|expanded| has_check_digit(expanded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shops_number_themselves_is_not_public() {
        let public = |barcode: &str| is_public(&gtin14("barcode", barcode).expect(barcode));
        for barcode in ["4260392550101", "3017620422003", "96385074", "034000470693", "01234565"] {
            assert!(public(barcode), "{barcode}");
        }
        for barcode in ["20203467", "2000000000015", "2912345678906", "0212345678909", "0412345678903", "9780306406157", "9771234567003"] {
            assert!(!public(barcode), "{barcode}");
        }
    }

    #[test]
    fn barcodes_of_one_product_are_one() {
        for (barcode, expected) in [
            ("034000470693", "00034000470693"),
            ("0034000470693", "00034000470693"),
            ("4260392550101", "04260392550101"),
            ("96385074", "00000096385074"),
            ("04252614", "00042100005264"),
            ("01234565", "00012345000065"),
            ("01234531", "00012300000451"),
            ("01234543", "00012340000053"),
        ] {
            assert_eq!(gtin14("barcode", barcode).expect(barcode), expected, "{barcode}");
        }
        for barcode in ["", "abc", "4260392550102", "123", "123456789012345"] {
            assert!(gtin14("barcode", barcode).is_err(), "{barcode}");
        }
    }
}
