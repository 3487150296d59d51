//! Barcodes: the shorter codes of a product are one with its GTIN-14.

use crate::error::{Error, Result};

/// A barcode as GTIN-14. GTIN-8, -12 and -13 are padded with zeros, UPC-E is expanded, the check digit must be right. Zeros that it begins
/// with may have been lost, as spreadsheets lose them: up to 7 digits are a code of 8, and 9 to 11 one of 13.
pub fn gtin14(field: &str, barcode: &str) -> Result<String> {
    let digits: String = barcode.chars().filter(|character| !matches!(character, ' ' | '-')).collect();
    let refused = |why: &str| Error::invalid(field, format!("not a barcode ({why}): write the 8, 12, 13 or 14 digits below the bars"));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused("digits only"));
    }
    if digits.bytes().all(|byte| byte == b'0') {
        return Err(refused("nothing but zeros"));
    }
    let digits = match digits.len() {
        ..=7 => format!("{digits:0>8}"),
        9..=11 => format!("{digits:0>13}"),
        _ => digits,
    };
    let candidate = match digits.len() {
        // Eight digits may be right in both readings. A GTIN-8 that begins with 0 is for use inside one shop alone, so it is UPC-E.
        8 => upc_a(&digits).filter(|_| digits.starts_with('0') || !has_check_digit(&digits)).unwrap_or(digits),
        12..=14 => digits,
        length => return Err(refused(&format!("{length} digits"))),
    };
    if has_check_digit(&candidate) { Ok(format!("{candidate:0>14}")) } else { Err(refused("wrong check digit")) }
}

/// Who gives a code its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circulation {
    /// It means one product everywhere.
    Public,
    /// A shop or a scale gave it out: it means something else in the next shop, so it may stand on a private food alone.
    Restricted,
    /// A book, a magazine or a pharmacy's product.
    NotFood,
}

/// Where a GTIN-14 means something: prefixes 02, 04 and 20 to 29, and GTIN-8 that begin with 0 or 2, are for use inside one company; 977 to
/// 979 are ISSN, ISBN and pharmacies'.
pub fn circulation(gtin14: &str) -> Circulation {
    let of = |digits: &[&str], place: usize| digits.iter().any(|digits| gtin14.get(place..).is_some_and(|rest| rest.starts_with(digits)));
    if gtin14.starts_with("000000") && !of(&["000000"], 6) {
        return if of(&["0", "2"], 6) { Circulation::Restricted } else { Circulation::Public };
    }
    if of(&["02", "04", "2"], 1) {
        Circulation::Restricted
    } else if of(&["977", "978", "979"], 1) {
        Circulation::NotFood
    } else {
        Circulation::Public
    }
}

/// The barcode of a food, as GTIN-14.
pub fn of_food(field: &str, barcode: &str) -> Result<String> {
    let gtin14 = gtin14(field, barcode)?;
    if circulation(&gtin14) == Circulation::NotFood {
        return Err(Error::invalid(field, "this is the number of a book, a magazine or a medicine, not of a food"));
    }
    Ok(gtin14)
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
            ("3017620422003", "03017620422003"),
            ("5901234123457", "05901234123457"),
            ("20203467", "00000020203467"),
            // Without the zeros that they begin with.
            ("34000470693", "00034000470693"),
            ("42100005264", "00042100005264"),
            ("4252614", "00042100005264"),
            ("1234565", "00012345000065"),
            ("614141007", "00000614141007"),
        ] {
            assert_eq!(gtin14("barcode", barcode).expect(barcode), expected, "{barcode}");
        }
        for barcode in
            ["", "abc", "4260392550102", "12345", "34000470694", "614141008", "123456789012345", "0", "00000000", "0000000000000"]
        {
            assert!(gtin14("barcode", barcode).is_err(), "{barcode}");
        }
    }

    #[test]
    fn what_a_shop_prints_means_nothing_elsewhere() {
        for (barcode, expected) in [
            ("4260392550101", Circulation::Public),
            ("034000470693", Circulation::Public),
            ("96385074", Circulation::Public),
            ("04252614", Circulation::Public),
            ("20203467", Circulation::Restricted),
            ("2012345678903", Circulation::Restricted),
            ("2912345678906", Circulation::Restricted),
            ("0212345678909", Circulation::Restricted),
            ("0412345678903", Circulation::Restricted),
            ("212345678909", Circulation::Restricted),
            ("9783161484100", Circulation::NotFood),
            ("9770317847001", Circulation::NotFood),
            ("9791234567896", Circulation::NotFood),
        ] {
            let gtin14 = gtin14("barcode", barcode).expect(barcode);
            assert_eq!(circulation(&gtin14), expected, "{barcode}");
            assert_eq!(of_food("barcode", barcode).is_err(), expected == Circulation::NotFood, "{barcode}");
        }
    }
}
