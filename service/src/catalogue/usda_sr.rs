//! `ABBREV.csv` of the USDA National Nutrient Database for Standard Reference: a food per row, per 100 g, in Latin-1.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    io::{self, Read},
};

use csv::{ByteRecord, ReaderBuilder, Terminator, Trim};
use entity::nutrition_data::{Basis, CarbohydrateBasis};
use rust_decimal::Decimal;

use super::{Food, Record, Records, amount, portion, tidy};

/// Columns of further nutrients, and their codes. Headings are compared without what is not ASCII: the µ of "Selenium_(µg)" is
/// one byte in Latin-1 and two in UTF-8. Vitamins A and D in international units are left out, being there in µg as well.
const NUTRIENTS: [(&str, &str); 37] = [
    ("Water_(g)", "WATER"),
    ("Ash_(g)", "ASH"),
    ("Calcium_(mg)", "CA"),
    ("Iron_(mg)", "FE"),
    ("Magnesium_(mg)", "MG"),
    ("Phosphorus_(mg)", "P"),
    ("Potassium_(mg)", "K"),
    ("Zinc_(mg)", "ZN"),
    ("Copper_(mg)", "CU"),
    ("Manganese_(mg)", "MN"),
    ("Selenium_(g)", "SE"),
    ("Vit_C_(mg)", "VITC"),
    ("Thiamin_(mg)", "THIA"),
    ("Riboflavin_(mg)", "RIBF"),
    ("Niacin_(mg)", "NIA"),
    ("Panto_Acid_(mg)", "PANTAC"),
    ("Vit_B6_(mg)", "VITB6A"),
    ("Folate_Tot_(g)", "FOL"),
    ("Folic_Acid_(g)", "FOLAC"),
    ("Food_Folate_(g)", "FOLFD"),
    ("Folate_DFE_(g)", "FOLDFE"),
    ("Choline_Tot_(mg)", "CHOLN"),
    ("Vit_B12_(g)", "VITB12"),
    ("Vit_A_RAE_(g)_", "VITA_RAE"),
    ("Retinol_(g)", "RETOL"),
    ("Alpha_Carot_(g)", "CARTA"),
    ("Beta_Carot_(g)", "CARTB"),
    ("Beta_Crypt_(g)", "CRYPX"),
    ("Lycopene_(g)", "LYCPN"),
    ("Lut+Zea_(g)", "LUT_ZEA"),
    ("Vit_E_(mg)", "VITE"),
    ("Vit_D_g", "VITD"),
    ("Vit_K_(g)", "VITK"),
    ("FA_Sat_(g)", "FASAT"),
    ("FA_Mono_(g)", "FAMS"),
    ("FA_Poly_(g)", "FAPU"),
    ("Cholestrl_(mg)", "CHOLE"),
];

/// The foods of the file.
pub(super) fn foods<'a>(reader: impl Read + Send + 'a) -> io::Result<Records<'a, Food>> {
    // Rows of the wrong length are reported by us, with the others. By default the reader takes the CR of CRLF for the end of a
    // row, and then counts each row as one line too early.
    let mut csv = ReaderBuilder::new().flexible(true).terminator(Terminator::Any(b'\n')).trim(Trim::All).from_reader(reader);
    let columns = Columns::of(csv.byte_headers()?)?;
    let mut record = 0;
    let mut row = ByteRecord::new();
    Ok(Box::new(std::iter::from_fn(move || {
        loop {
            match csv.read_byte_record(&mut row) {
                Ok(true) if row.iter().all(<[u8]>::is_empty) => {}
                Ok(true) => {
                    record += 1;
                    let line = row.position().map_or(0, csv::Position::line);
                    return Some(Ok(Record { line, record, content: columns.food(&row) }));
                }
                Ok(false) => return None,
                Err(error) => return Some(Err(error.into())),
            }
        }
    })))
}

/// Where the columns are.
struct Columns {
    positions: HashMap<String, usize>,
    count: usize,
}

impl Columns {
    fn of(headings: &ByteRecord) -> io::Result<Self> {
        let ascii = |heading: &[u8]| heading.iter().filter(|byte| byte.is_ascii()).map(|byte| char::from(*byte)).collect();
        let columns = Self { positions: headings.iter().map(ascii).zip(0..).collect(), count: headings.len() };
        for needed in ["NDB_No", "Shrt_Desc", "Energ_Kcal", "Protein_(g)", "Lipid_Tot_(g)", "Carbohydrt_(g)"] {
            if !columns.positions.contains_key(needed) {
                let message = format!("this is not ABBREV.csv of USDA SR: the column {needed} is missing");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(columns)
    }

    fn food(&self, row: &ByteRecord) -> Result<Food, String> {
        if row.len() != self.count {
            return Err(format!("{} fields instead of {}", row.len(), self.count));
        }
        let number = self.text(row, "NDB_No");
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("{number:?} is not an NDB number"));
        }
        let mut nutrients = BTreeMap::new();
        for (heading, code) in NUTRIENTS {
            if let Some(value) = self.amount(row, heading)? {
                nutrients.insert(code, value);
            }
        }
        let portions = [("GmWt_1", "GmWt_Desc1"), ("GmWt_2", "GmWt_Desc2")].map(|(weight, description)| {
            Ok(self.amount(row, weight)?.and_then(|weight| portion::described(&self.text(row, description), weight, "g")))
        });
        let portions = portions.into_iter().collect::<Result<Vec<_>, String>>()?;
        Ok(Food {
            source: "usda-sr",
            // A spreadsheet that saved the file has taken the leading zeros away.
            source_id: format!("{number:0>5}"),
            name: readable(&self.text(row, "Shrt_Desc")),
            brand: None,
            barcode: None,
            serving_size: Decimal::ONE_HUNDRED,
            serving_unit: "g".to_owned(),
            calories: self.amount(row, "Energ_Kcal")?,
            protein: self.amount(row, "Protein_(g)")?,
            carbohydrates: self.amount(row, "Carbohydrt_(g)")?,
            fat: self.amount(row, "Lipid_Tot_(g)")?,
            fiber: self.amount(row, "Fiber_TD_(g)")?,
            sugar: self.amount(row, "Sugar_Tot_(g)")?,
            sodium: self.amount(row, "Sodium_(mg)")?,
            nutrients,
            basis: Basis::Analysed,
            licence: "CC0-1.0",
            carbohydrate_basis: CarbohydrateBasis::Total,
            portions: portion::distinct(portions.into_iter().flatten()),
        })
    }

    /// An empty cell is unknown, not zero.
    fn amount(&self, row: &ByteRecord, heading: &str) -> Result<Option<Decimal>, String> {
        let text = self.text(row, heading);
        if text.is_empty() {
            return Ok(None);
        }
        amount::parse_amount(&text).map(Some).map_err(|reason| format!("{heading}: {reason}"))
    }

    fn text<'a>(&self, row: &'a ByteRecord, heading: &str) -> Cow<'a, str> {
        let cell = self.positions.get(heading).and_then(|column| row.get(*column)).unwrap_or_default();
        // Text that is valid UTF-8 by chance is rare in Latin-1, so a file that was converted is read rightly too.
        str::from_utf8(cell).map_or_else(|_| cell.iter().map(|byte| char::from(*byte)).collect(), Cow::Borrowed)
    }
}

/// "BUTTER,WITH SALT" is shouted: "Butter, with salt". A name in mixed case keeps it.
fn readable(name: &str) -> String {
    let shouted = !name.contains(char::is_lowercase);
    let mut readable = String::with_capacity(name.len() + 8);
    // The two characters before: the comma of 1,000 stays as it is.
    let mut before = (None, None);
    for char in name.chars() {
        let in_number = char.is_ascii_digit() && before.0.is_some_and(|char: char| char.is_ascii_digit());
        if before.1 == Some(',') && !in_number {
            readable.push(' ');
        }
        if shouted && before.1.is_some() {
            readable.extend(char.to_lowercase());
        } else {
            readable.push(char);
        }
        before = (before.1, Some(char));
    }
    tidy(&readable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The heading as the file has it, µ in one byte.
    const HEADING: &[u8] = b"NDB_No,Shrt_Desc,Water_(g),Energ_Kcal,Protein_(g),Lipid_Tot_(g),Carbohydrt_(g),Fiber_TD_(g),Sugar_Tot_(g),\
        Sodium_(mg),Selenium_(\xB5g),Vit_A_IU,Vit_A_RAE_(\xB5g)_,Vit_D_\xB5g,Vit_D_IU,GmWt_1,GmWt_Desc1,GmWt_2,GmWt_Desc2,Refuse_Pct\r\n";

    fn read(rows: &[u8]) -> Vec<Record<Food>> {
        let file = [HEADING, rows].concat();
        foods(file.as_slice()).expect("a heading").map(|record| record.expect("a record")).collect()
    }

    fn only(row: &[u8]) -> Food {
        let content = read(row).pop().expect("a record").content;
        content.expect("a food")
    }

    fn decimal(text: &str) -> Option<Decimal> {
        Some(amount::parse(text).expect("a number"))
    }

    #[test]
    fn reads_a_row() {
        let food = only(
            b"1001,\"PASTRY,FILLED,W/ JAM\",15.87,717,.85,81.11,0.06,0,,643,1.5,2499,684,1.5,60,5,\"1 pat,  (1\"\" sq)\",28.35,1 oz,0\r\n",
        );
        assert_eq!((food.source, food.source_id.as_str(), food.name.as_str()), ("usda-sr", "01001", "Pastry, filled, w/ jam"));
        assert_eq!((food.serving_size, food.serving_unit.as_str()), (Decimal::ONE_HUNDRED, "g"));
        assert_eq!((food.calories, food.protein, food.fat), (decimal("717"), decimal("0.85"), decimal("81.11")));
        assert_eq!((food.carbohydrates, food.fiber, food.sodium), (decimal("0.06"), decimal("0"), decimal("643")));
        assert_eq!(food.sugar, None, "an empty cell is unknown");
        let nutrients: Vec<_> = food.nutrients.iter().map(|(code, value)| format!("{code} {value}")).collect();
        assert_eq!(nutrients, ["SE 1.5", "VITA_RAE 684", "VITD 1.5", "WATER 15.87"], "micrograms, never international units");
        assert_eq!(food.portions, [portion::described("pat, (1\" sq)", Decimal::from(5), "g").expect("a portion")]);
    }

    #[test]
    fn decodes_latin_1_and_utf_8() {
        assert_eq!(only(b"2,CR\xC8ME BR\xDBL\xC9E,,,,,,,,,,,,,,,,,,\r\n").name, "Crème brûlée");
        assert_eq!(only("2,CRÈME BRÛLÉE,,,,,,,,,,,,,,,,,,\r\n".as_bytes()).name, "Crème brûlée");
    }

    #[test]
    fn reports_a_bad_row_with_its_line_and_reads_on() {
        let rows = read(
            b"1,GOOD,,1,,,,,,,,,,,,,,,,\r\n2,SHORT,1\n3,\"TWO\nLINES\",,,,,,,,,,,,,,,,,,\n4,NEGATIVE,,-1,,,,,,,,,,,,,,,,\n\
              5,NOT A NUMBER,,NaN,,,,,,,,,,,,,,,,\nx,NO NUMBER,,,,,,,,,,,,,,,,,,\n7,ALSO GOOD,,,,,,,,,,,,,,,,,,\r\n\r\n",
        );
        let rows: Vec<_> = rows.into_iter().map(|row| (row.line, row.content.map(|food| food.name))).collect();
        let bad = |reason: &str| Err(reason.to_owned());
        assert_eq!(
            rows,
            [
                (2, Ok("Good".to_owned())),
                (3, bad("3 fields instead of 20")),
                (4, Ok("Two lines".to_owned())),
                (6, bad("Energ_Kcal: -1 is negative")),
                (7, bad("Energ_Kcal: \"NaN\" is not a number")),
                (8, bad("\"x\" is not an NDB number")),
                (9, Ok("Also good".to_owned())),
            ]
        );
    }

    #[test]
    fn refuses_another_file() {
        let error = foods(&b"name;energy\n"[..]).err().expect("an error");
        assert_eq!(error.to_string(), "this is not ABBREV.csv of USDA SR: the column NDB_No is missing");
    }

    #[test]
    fn names_are_readable() {
        assert_eq!(readable("BUTTER,WITH SALT"), "Butter, with salt");
        assert_eq!(readable("Beef, bottom round, roast,lean only"), "Beef, bottom round, roast, lean only");
        assert_eq!(readable("SPREAD,1,000 ISLAND, 50%,2OZ"), "Spread, 1,000 island, 50%, 2oz");
    }
}
