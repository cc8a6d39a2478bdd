//! So many mails in so much time: `10/s`, `600/min`, `20000/h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// At most so many in a second, a minute or an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    per: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

/// A text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a whole number of at least 1 and a unit: `10/s`, `600/min`, `20000/h`")]
pub struct RateError;

impl Rate {
    /// How many, at least 1.
    pub fn count(self) -> u32 {
        self.count
    }

    /// In how much time: a second, a minute or an hour.
    pub fn per(self) -> Duration {
        Duration::from_secs(match self.per {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3_600,
        })
    }

    /// The time from one to the next where they are spread evenly.
    pub fn interval(self) -> Duration {
        self.per() / self.count
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Rate, RateError> {
        let (count, unit) = text.split_once('/').ok_or(RateError)?;
        let count = count.trim();
        let per = match unit.trim() {
            "s" => Unit::Second,
            "min" => Unit::Minute,
            "h" => Unit::Hour,
            _ => return Err(RateError),
        };
        match count.parse() {
            Ok(n) if n > 0 && count.bytes().all(|b| b.is_ascii_digit()) => Ok(Rate { count: n, per }),
            _ => Err(RateError),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per {
            Unit::Second => "s",
            Unit::Minute => "min",
            Unit::Hour => "h",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read() {
        #[track_caller]
        fn case(text: &str, interval_ms: u64) {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.to_string().as_str(), rate.interval()), (text, Duration::from_millis(interval_ms)));
        }
        case("10/s", 100);
        case("600/min", 100);
        case("3600/h", 1000);
        assert_eq!("5 / s".parse::<Rate>().unwrap().to_string(), "5/s");
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["", "10", "10/", "/s", "0/s", "-1/s", "+1/s", "1.5/s", "10/d", "10/sec", "99999999999/s"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError), "{text}");
        }
    }
}
