//! Which addresses of the network lie outside the house. What others name as theirs must never lead back to us: to
//! this machine, to the network it stands in, or to the addresses where a cloud tells secrets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// The longest address of an endpoint, in bytes, as it was named and as it is called and stored: with what no URL may
/// hold written in percents, and names in other letters in ASCII.
pub const LONGEST_URL: usize = 500;

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("not an absolute URL of at most 500 characters")]
    NotAUrl,
    #[error("must begin with https://")]
    NotHttps,
    #[error("must have no user, password or fragment")]
    NotPlain,
    #[error("leads to a private address")]
    Private,
}

/// Which addresses may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Fence {
    /// For development alone: this machine may be called, also without TLS.
    pub loopback: bool,
}

impl Fence {
    /// Whether a connection to this address may be opened.
    pub fn lets(self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        is_public(ip) || (self.loopback && ip.is_loopback())
    }

    /// Reads an address that somebody names. A name is judged again when it is called, by what it leads to then.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn read(self, text: &str) -> Result<Url, Refused> {
        if text.len() > LONGEST_URL || text.trim() != text {
            return Err(Refused::NotAUrl);
        }
        let url: Url = text.parse().map_err(|_| Refused::NotAUrl)?;
        if url.as_str().len() > LONGEST_URL {
            return Err(Refused::NotAUrl);
        }
        let host = url.host_str().ok_or(Refused::NotAUrl)?;
        let ip = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let is_local = ip.map_or_else(|| is_local_name(host), |ip| ip.to_canonical().is_loopback());
        if url.scheme() != "https" && !(url.scheme() == "http" && is_local && self.loopback) {
            return Err(Refused::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(Refused::NotPlain);
        }
        let named_inside = ip.is_none() && is_local_name(host) && !self.loopback;
        if named_inside || ip.is_some_and(|ip| !self.lets(ip)) {
            return Err(Refused::Private);
        }
        Ok(url)
    }
}

/// Names that never leave a machine or its network (RFC 6761, RFC 6762).
fn is_local_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let ends = |zone: &str| host == zone || host.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'));
    ["localhost", "local", "internal", "home.arpa"].into_iter().any(ends)
}

/// Addresses of the public network alone: everything that the registries of special addresses (RFC 6890) keep for
/// something else is not.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        // Shared by carriers, tests of devices, and relays of old.
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (b == 18 || b == 19))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99);
    !special
}

/// The one block that is given to the public network, without what inside it carries other addresses.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let parts = ip.segments();
    let global = parts[0] & 0xe000 == 0x2000;
    // Teredo, 6to4 and documentation.
    let carries = (parts[0] == 0x2001 && parts[1] < 0x0200)
        || parts[0] == 0x2002
        || (parts[0] == 0x2001 && parts[1] == 0x0db8)
        || (parts[0] == 0x3fff && parts[1] < 0x1000);
    global && !carries
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Fence = Fence { loopback: false };
    const LOCAL: Fence = Fence { loopback: true };

    #[test]
    fn private_addresses_are_not_outside() {
        for inside in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            assert!(!STRICT.lets(inside.parse().unwrap()), "{inside}");
        }
        for outside in
            ["8.8.8.8", "203.0.114.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]
        {
            assert!(STRICT.lets(outside.parse().unwrap()), "{outside}");
        }
        assert!(LOCAL.lets("127.0.0.1".parse().unwrap()) && LOCAL.lets("::1".parse().unwrap()));
        assert!(!LOCAL.lets("10.0.0.1".parse().unwrap()) && !LOCAL.lets("169.254.169.254".parse().unwrap()));
    }

    #[test]
    fn addresses_are_read_as_browsers_read_them() {
        let refused = |fence: Fence, text: &str| fence.read(text).expect_err(text);
        for text in ["", "hooks", "//a.example/x", " https://a.example", "https://"] {
            assert_eq!(refused(STRICT, text), Refused::NotAUrl, "{text}");
        }
        assert_eq!(refused(STRICT, &format!("https://a.example/{}", "x".repeat(500))), Refused::NotAUrl);
        // As it is stored, a letter of three bytes has nine.
        assert_eq!(refused(STRICT, &format!("https://a.example/{}", "가".repeat(60))), Refused::NotAUrl);
        assert!(STRICT.read(&format!("https://a.example/{}", "가".repeat(50))).is_ok());
        for text in ["http://a.example/", "ftp://a.example/", "http://127.0.0.1/", "javascript:1"] {
            assert!(matches!(refused(STRICT, text), Refused::NotHttps | Refused::NotAUrl), "{text}");
        }
        assert_eq!(refused(LOCAL, "http://a.example/"), Refused::NotHttps);
        for text in ["https://u@a.example/", "https://u:p@a.example/", "https://a.example/#x"] {
            assert_eq!(refused(STRICT, text), Refused::NotPlain, "{text}");
        }
        // As numbers, in other bases, mapped, and by the names that mean the same.
        for text in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
            "https://metadata.google.internal/",
            "https://169.254.169.254/latest",
            "https://10.0.0.1/",
            "https://0/",
        ] {
            assert_eq!(refused(STRICT, text), Refused::Private, "{text}");
        }
        for text in ["https://a.example/hooks?x=1", "https://hooks.partner.example:8443/", "https://8.8.8.8/"]
        {
            assert!(STRICT.read(text).is_ok(), "{text}");
        }
        for text in ["http://127.0.0.1:1/x", "http://localhost:1/", "http://[::1]:1/"] {
            assert!(LOCAL.read(text).is_ok(), "{text}");
        }
        assert_eq!(refused(LOCAL, "https://10.0.0.1/"), Refused::Private);
    }
}
