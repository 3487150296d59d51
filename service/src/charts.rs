//! Charts as SVG, for clients without a chart library and for e-mail. Each is drawn from what the same functions answer that the API asks. A
//! picture loads nothing, runs nothing and names nobody; whoever cannot see it is told by its title and description what it shows.

use chrono::{Days, NaiveDate};
use entity::{
    id::UserId,
    unit::{Dimension, Unit, round},
};
use plotters::{
    backend::SVGBackend,
    chart::ChartBuilder,
    drawing::IntoDrawingArea,
    element::{Circle, Rectangle},
    series::LineSeries,
    style::{Color, IntoTextStyle, RGBColor, ShapeStyle, TextStyle},
};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    weight_trend,
};

/// In which colours a chart is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As whoever looks at it prefers (`prefers-color-scheme`); light where nothing is known of that.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The theme of this name.
    pub fn named(field: &str, name: &str) -> Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "light" => Ok(Self::Light),
            "dark" => Ok(Self::Dark),
            _ => Err(Error::invalid(field, "must be auto, light or dark")),
        }
    }
}

/// What is drawn, in layers: bars behind points behind lines.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// What it is, in a few words.
    pub title: String,
    /// What it shows, in a sentence or two.
    pub description: String,
    /// The first and the last day.
    pub days: (NaiveDate, NaiveDate),
    /// The unit of the figures.
    pub unit: String,
    /// One bar per day, from zero.
    pub bars: Vec<(NaiveDate, Decimal)>,
    /// Single figures.
    pub points: Vec<(NaiveDate, Decimal)>,
    /// Figures that belong together.
    pub line: Vec<(NaiveDate, Decimal)>,
}

const SIZE: (u32, u32) = (800, 400);

struct Palette {
    paper: RGBColor,
    ink: RGBColor,
    grid: RGBColor,
    bar: RGBColor,
    point: RGBColor,
    line: RGBColor,
}

/// Each colour occurs once, so that one theme can be told from the other by them. Contrast to the paper is 4.5 at the least where something
/// is read, and 3 where it is only seen.
const LIGHT: Palette = Palette {
    paper: RGBColor(0xff, 0xff, 0xff),
    ink: RGBColor(0x1f, 0x29, 0x37),
    grid: RGBColor(0xe2, 0xe5, 0xe9),
    bar: RGBColor(0x5b, 0x8d, 0xc9),
    point: RGBColor(0x6b, 0x72, 0x80),
    line: RGBColor(0xb4, 0x3c, 0x1e),
};
const DARK: Palette = Palette {
    paper: RGBColor(0x11, 0x18, 0x27),
    ink: RGBColor(0xe5, 0xe7, 0xeb),
    grid: RGBColor(0x2b, 0x35, 0x43),
    bar: RGBColor(0x3f, 0x76, 0xb8),
    point: RGBColor(0x9c, 0xa3, 0xaf),
    line: RGBColor(0xfb, 0x92, 0x6a),
};

impl Palette {
    fn colours(&self) -> [RGBColor; 6] {
        [self.paper, self.ink, self.grid, self.bar, self.point, self.line]
    }
}

impl Chart {
    /// The chart as SVG, 800 by 400.
    pub fn svg(&self, theme: Theme) -> Result<String> {
        let palette = if theme == Theme::Dark { &DARK } else { &LIGHT };
        let mut drawn = String::new();
        self.draw(&mut drawn, palette).map_err(|error| Error::internal(format!("a chart cannot be drawn: {error}")))?;
        let text = |text: &str| html_escape::encode_text(text).into_owned();
        let style = if theme == Theme::Auto { prefers_dark() } else { String::new() };
        let head = format!(
            " role=\"img\" aria-labelledby=\"title description\">\n<title id=\"title\">{}</title>\n<desc id=\"description\">{}</desc>\n{style}",
            text(&self.title),
            text(&self.description),
        );
        Ok(drawn.replacen(">\n", &head, 1))
    }

    fn draw(&self, drawn: &mut String, palette: &Palette) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let area = SVGBackend::with_string(drawn, SIZE).into_drawing_area();
        area.fill(&palette.paper)?;
        let (from, to) = self.days;
        let (low, high) = self.bounds();
        // A day is as wide as it is long: the last one ends where the next would begin.
        let end = to.succ_opt().unwrap_or(to);
        let label = |size: u32| -> TextStyle<'_> { ("sans-serif", size).into_text_style(&SIZE).color(&palette.ink) };
        let mut chart = ChartBuilder::on(&area)
            .margin(14)
            .caption(&self.title, label(18))
            .x_label_area_size(34)
            .y_label_area_size(64)
            .build_cartesian_2d(from..end, low..high)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&|date| date.to_string())
            .y_label_formatter(&|figure| shown(*figure, high - low))
            .y_desc(self.unit.clone())
            .axis_desc_style(label(14))
            .label_style(label(13))
            .axis_style(palette.point)
            .bold_line_style(palette.grid)
            .light_line_style(palette.paper.mix(0.0))
            .draw()?;
        let plain = |figure: Decimal| figure.to_f64().unwrap_or_default();
        let bars = self.bars.iter().map(|(day, figure)| {
            let next = day.succ_opt().unwrap_or(*day);
            let mut bar = Rectangle::new([(*day, 0.0), (next, plain(*figure))], palette.bar.filled());
            bar.set_margin(0, 0, 1, 1);
            bar
        });
        chart.draw_series(bars)?;
        chart.draw_series(self.points.iter().map(|(day, figure)| Circle::new((*day, plain(*figure)), 3, palette.point.filled())))?;
        let line = self.line.iter().map(|(day, figure)| (*day, plain(*figure)));
        chart.draw_series(LineSeries::new(line, ShapeStyle::from(palette.line).stroke_width(2)))?;
        if self.bars.is_empty() && self.points.is_empty() && self.line.is_empty() {
            area.draw_text("Nothing in these days", &label(16), (330, 190))?;
        }
        area.present()?;
        Ok(())
    }

    /// From where to where the figures go, with some air; bars stand on zero.
    fn bounds(&self) -> (f64, f64) {
        let figures = || self.bars.iter().chain(&self.points).chain(&self.line).map(|(_, figure)| *figure);
        let zero = (!self.bars.is_empty()).then_some(Decimal::ZERO);
        let (low, high) = (figures().chain(zero).min().unwrap_or_default(), figures().chain(zero).max().unwrap_or(Decimal::ONE));
        let air = ((high - low) / Decimal::from(20)).max(Decimal::new(5, 1));
        let below = if zero == Some(low) { Decimal::ZERO } else { air };
        ((low - below).to_f64().unwrap_or_default(), (high + air).to_f64().unwrap_or(1.0))
    }
}

/// A figure beside the axis, with decimals where they tell something.
fn shown(figure: f64, span: f64) -> String {
    let figure = Decimal::from_f64_retain(figure).unwrap_or_default();
    round(figure, if span > 20.0 { 0 } else { 1 }).normalize().to_string()
}

/// The same picture in dark colours, for whoever prefers them.
fn prefers_dark() -> String {
    let hex = |RGBColor(red, green, blue): RGBColor| format!("#{red:02X}{green:02X}{blue:02X}");
    let rules = LIGHT.colours().into_iter().zip(DARK.colours()).map(|(light, dark)| {
        let (light, dark) = (hex(light), hex(dark));
        format!("[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}")
    });
    format!("<style>@media (prefers-color-scheme:dark){{{}}}</style>\n", rules.collect::<String>())
}

/// Which chart is wanted.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whose.
    pub person: UserId,
    /// The first day; 89 days before the last one when absent.
    pub from: Option<NaiveDate>,
    /// The last day; the person's today when absent.
    pub to: Option<NaiveDate>,
    /// The unit of the figures; kg when absent.
    pub unit: Option<String>,
    /// In which colours.
    pub theme: Theme,
}

/// The weights of a person's days, and their trend.
pub async fn weight_trend(tx: &Tx, asked: Asked) -> Result<String> {
    let name = asked.unit.as_deref().unwrap_or("kg");
    let mass = Unit::named(name).filter(|unit| unit.dimension == Dimension::Mass);
    let unit = mass.ok_or_else(|| Error::invalid("unit", format!("not a unit of mass: write one of {}", Unit::codes(Dimension::Mass))))?;
    let to = match asked.to {
        Some(to) => day::checked("to", to)?,
        None => Calendar::of(tx, asked.person).await?.today(tx.now()),
    };
    let from = asked.from.unwrap_or_else(|| to.checked_sub_days(Days::new(89)).unwrap_or(to));
    let points = weight_trend::between(tx, asked.person, from, to).await?;
    let in_unit = |kilograms: Decimal| unit.of_base(kilograms * Decimal::ONE_THOUSAND).map(|figure| round(figure, 3)).unwrap_or_default();
    let shown = |kilograms: Decimal| round(in_unit(kilograms), 1).normalize();
    let description = match (points.first(), points.last()) {
        (Some(first), Some(last)) => format!(
            "The trend of the weight goes from {} {unit} on {} to {} {unit} on {}. A dot is the mean of a day, the line is the trend.",
            shown(first.trend),
            first.on,
            shown(last.trend),
            last.on,
            unit = unit.code,
        ),
        _ => "No weight was measured in these days.".to_owned(),
    };
    let chart = Chart {
        title: format!("Weight, {from} to {to}"),
        description,
        days: (from, to),
        unit: unit.code.to_owned(),
        bars: Vec::new(),
        points: points.iter().map(|point| (point.on, in_unit(point.weight))).collect(),
        line: points.iter().map(|point| (point.on, in_unit(point.trend))).collect(),
    };
    chart.svg(asked.theme)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn chart() -> Chart {
        let weights = [("2026-03-01", 824), ("2026-03-02", 819), ("2026-03-09", 811)];
        let weights: Vec<_> = weights.into_iter().map(|(date, tenths)| (day(date), Decimal::new(tenths, 1))).collect();
        Chart {
            title: "Weight <script>alert(1)</script> & more".to_owned(),
            description: "From 82.4 to 81.1 kg \"since\" March".to_owned(),
            days: (day("2026-03-01"), day("2026-03-10")),
            unit: "kg".to_owned(),
            points: weights.clone(),
            line: weights,
            ..Chart::default()
        }
    }

    #[test]
    fn a_chart_says_what_it_shows_and_loads_and_runs_nothing() {
        let svg = chart().svg(Theme::Auto).expect("it can be drawn");
        assert!(
            svg.starts_with("<svg width=\"800\" height=\"400\" viewBox=\"0 0 800 400\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\""),
            "{svg}"
        );
        assert!(svg.contains("<title id=\"title\">Weight &lt;script&gt;alert(1)&lt;/script&gt; &amp; more</title>"), "{svg}");
        assert!(svg.contains("<desc id=\"description\">From 82.4 to 81.1 kg"));
        for active in ["<script", "href", "url(", "@import", "<image", "foreignObject", "onload"] {
            assert!(!svg.contains(active), "{active}: {svg}");
        }
        assert_eq!(svg.matches("http").count(), 1, "the name of the format alone");
        assert_eq!((svg.matches("<circle").count(), svg.matches("<polyline").count() >= 1), (3, true));
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn every_colour_has_its_other_in_the_dark() {
        let (auto, light, dark) = (Theme::Auto, Theme::Light, Theme::Dark);
        let drawn = |theme| chart().svg(theme).expect("it can be drawn");
        assert!(drawn(auto).contains("prefers-color-scheme:dark"));
        let colours = |svg: &str| {
            let mut found: Vec<_> = svg.match_indices("=\"#").map(|(at, _)| svg[at + 2..at + 9].to_owned()).collect();
            found.sort();
            found.dedup();
            found
        };
        let hex = |palette: &Palette| palette.colours().map(|RGBColor(red, green, blue)| format!("#{red:02X}{green:02X}{blue:02X}"));
        assert!(colours(&drawn(light)).iter().all(|colour| hex(&LIGHT).contains(colour)), "{:?}", colours(&drawn(light)));
        assert!(colours(&drawn(dark)).iter().all(|colour| hex(&DARK).contains(colour)), "{:?}", colours(&drawn(dark)));
    }

    #[test]
    fn a_chart_of_nothing_is_a_chart() {
        let none = Chart { points: Vec::new(), line: Vec::new(), ..chart() };
        assert!(none.svg(Theme::Light).expect("it can be drawn").contains("Nothing in these days"));
        let one =
            Chart { days: (day("2026-03-01"), day("2026-03-01")), bars: vec![(day("2026-03-01"), Decimal::ZERO)], ..Chart::default() };
        assert!(one.svg(Theme::Light).is_ok());
    }
}
