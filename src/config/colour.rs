//! Colours, and whether one can be read on another (WCAG 2.2, section 1.4.3).

use std::fmt;

/// What text needs at least to be read on its background.
pub const LEAST_CONTRAST: f64 = 4.5;

/// An opaque colour of the sRGB space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    const BLACK: Colour = Colour([0; 3]);
    const WHITE: Colour = Colour([255; 3]);

    /// `#rrggbb` or `#rgb`, in any case: the one form that every mail client reads.
    pub fn parse(text: &str) -> Option<Colour> {
        let digits = text.strip_prefix('#')?;
        let digits: Vec<u8> = digits.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
        match digits[..] {
            [r, g, b] => Some(Colour([r * 17, g * 17, b * 17])),
            [a, b, c, d, e, f] => Some(Colour([a * 16 + b, c * 16 + d, e * 16 + f])),
            _ => None,
        }
    }

    /// How far two colours are apart in brightness: 1 for the same, 21 for black and white.
    pub fn contrast(self, other: Colour) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The nearest colour on the way to black or to white that can be read on each of some backgrounds; none where no
    /// colour can.
    pub fn readable_on(self, backgrounds: &[Colour]) -> Option<Colour> {
        const STEPS: u32 = 256;
        (0..=STEPS).find_map(|step| {
            [Colour::BLACK, Colour::WHITE].into_iter().find_map(|end| {
                let colour = self.mixed(end, step, STEPS);
                backgrounds.iter().all(|&b| colour.contrast(b) >= LEAST_CONTRAST).then_some(colour)
            })
        })
    }

    fn mixed(self, other: Colour, part: u32, of: u32) -> Colour {
        let mix = |a: u8, b: u8| ((u32::from(a) * (of - part) + u32::from(b) * part) / of) as u8;
        Colour(std::array::from_fn(|i| mix(self.0[i], other.0[i])))
    }

    /// Relative luminance, as WCAG defines it.
    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|channel| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_has_three_or_six_digits() {
        #[track_caller]
        fn case(text: &str, want: Option<&str>) {
            assert_eq!(Colour::parse(text).map(|colour| colour.to_string()).as_deref(), want, "{text}");
        }
        case("#a83a08", Some("#a83a08"));
        case("#FFF", Some("#ffffff"));
        case("#1a2", Some("#11aa22"));
        for text in ["", "#", "red", "a83a08", "#a83a0", "#a83a08ff", "#ggg", "#é12", "# 12"] {
            case(text, None);
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        #[track_caller]
        fn case(a: &str, b: &str, want: f64) {
            let found = Colour::parse(a).unwrap().contrast(Colour::parse(b).unwrap());
            assert!((found - want).abs() < 0.005, "{a} {b}: {found}");
        }
        case("#000", "#fff", 21.0);
        case("#fff", "#fff", 1.0);
        case("#777", "#fff", 4.48);
        case("#767676", "#fff", 4.54);
        case("#fff", "#0000ff", 8.59);
    }

    #[test]
    fn the_nearest_readable_colour_keeps_its_hue_and_passes() {
        #[track_caller]
        fn case(colour: &str, backgrounds: &[&str], want: Option<&str>) {
            let backgrounds: Vec<Colour> = backgrounds.iter().map(|b| Colour::parse(b).unwrap()).collect();
            let found = Colour::parse(colour).unwrap().readable_on(&backgrounds).map(|colour| colour.to_string());
            assert_eq!(found.as_deref(), want, "{colour}");
        }
        case("#777777", &["#ffffff"], Some("#767676"));
        case("#ff8800", &["#ffffff"], Some("#b56000"));
        case("#ff8800", &["#000000"], Some("#ff8800"));
        case("#333333", &["#1f1e1b"], Some("#858585"));
        case("#808080", &["#ffffff", "#777777", "#000000"], None);
    }
}
