//! What a server says it can do, in its reply to EHLO (RFC 5321, section 4.1.1.1).
//!
//! Pure. lettre's list of extensions knows neither PIPELINING nor SIZE.

/// The extensions that matter here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 1870: `MAIL` may say how large the message is.
    pub size: bool,
    /// The largest message, in bytes, where the server says so.
    pub size_limit: Option<u64>,
    /// RFC 3207.
    pub starttls: bool,
    /// RFC 4954, with PLAIN (RFC 4616).
    pub plain: bool,
    /// The same, with LOGIN.
    pub login: bool,
}

impl Extensions {
    /// Reads the lines of the reply, without their codes. The first is a greeting; what is not known is passed over.
    pub fn parse(lines: &[String]) -> Extensions {
        let mut found = Extensions::default();
        for line in lines.iter().skip(1) {
            // `AUTH=LOGIN` is how some servers wrote it before there was a standard.
            let line = line.to_ascii_uppercase().replacen("AUTH=", "AUTH ", 1);
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("PIPELINING") => found.pipelining = true,
                Some("STARTTLS") => found.starttls = true,
                Some("SIZE") => {
                    found.size = true;
                    // 0 stands for no limit.
                    found.size_limit = words.next().and_then(|n| n.parse().ok()).filter(|&n| n > 0);
                }
                Some("AUTH") => {
                    for word in words {
                        found.plain |= word == "PLAIN";
                        found.login |= word == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_can_do_is_read() {
        #[track_caller]
        fn case(lines: &[&str], want: Extensions) {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            assert_eq!(Extensions::parse(&lines), want);
        }
        let none = Extensions::default();
        case(&[], none);
        case(&["PIPELINING is the name of this server"], none);
        case(&["mail.example.org", "8BITMIME", "SIZES 3", "", "DSN"], none);
        case(&["x", "pipelining", "STARTTLS"], Extensions { pipelining: true, starttls: true, ..none });
        case(&["x", "SIZE 1000"], Extensions { size: true, size_limit: Some(1000), ..none });
        for line in ["SIZE", "SIZE 0", "SIZE many", "SIZE -1"] {
            case(&["x", line], Extensions { size: true, ..none });
        }
        case(&["x", "AUTH CRAM-MD5 PLAIN LOGIN"], Extensions { plain: true, login: true, ..none });
        case(&["x", "AUTH=LOGIN"], Extensions { login: true, ..none });
        case(&["x", "AUTH XPLAIN"], none);
    }
}
