//! From where a request comes: the address behind our own proxies, and what the client calls itself.

use std::net::{IpAddr, SocketAddr};

use poem::Request;
use poem::http::{HeaderMap, header};

use crate::context::{LONGEST_USER_AGENT, Origin};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The origin of a request that has passed so many proxies of ours.
pub(super) fn of(request: &Request, proxies: usize) -> Origin {
    let peer = request.remote_addr().as_socket_addr().map(SocketAddr::ip);
    Origin::Client {
        ip: address(request.headers(), peer, proxies),
        user_agent: user_agent(request.headers()),
    }
}

/// Each proxy appends the address it was called from, so that of the client stands as many places from the end as we
/// have proxies; what stands before it is the client's own word. Without proxies the header is not read at all.
fn address(headers: &HeaderMap, peer: Option<IpAddr>, proxies: usize) -> Option<IpAddr> {
    let place = proxies.checked_sub(1);
    let named = place.and_then(|place| {
        let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
        let places: Vec<_> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        places.iter().rev().nth(place).and_then(|text| parse(text))
    });
    named.or(peer).map(|ip| ip.to_canonical())
}

/// With a port or without.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
}

fn user_agent(headers: &HeaderMap) -> Option<std::sync::Arc<str>> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    // What `to_str` lets through is ASCII.
    let clipped = &text[..text.len().min(LONGEST_USER_AGENT)];
    (!clipped.is_empty()).then(|| clipped.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(lines: &[&'static str], proxies: usize) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        address(&headers, Some("::ffff:10.0.0.9".parse().unwrap()), proxies).unwrap().to_string()
    }

    #[test]
    fn a_client_cannot_choose_its_address() {
        assert_eq!(seen(&[], 0), "10.0.0.9");
        assert_eq!(seen(&["203.0.113.7"], 0), "10.0.0.9", "nobody may say so");
        assert_eq!(seen(&["6.6.6.6, 203.0.113.7"], 1), "203.0.113.7");
        assert_eq!(seen(&["6.6.6.6", "203.0.113.7, 10.0.0.1"], 2), "203.0.113.7");
        assert_eq!(seen(&["203.0.113.7"], 2), "10.0.0.9", "it did not pass two proxies");
        assert_eq!(seen(&["203.0.113.7, nonsense"], 1), "10.0.0.9");
        assert_eq!(seen(&[], 1), "10.0.0.9");
    }

    #[test]
    fn addresses_may_have_ports() {
        assert_eq!(seen(&["203.0.113.7:4711"], 1), "203.0.113.7");
        assert_eq!(seen(&["[2001:db8::1]:4711"], 1), "2001:db8::1");
        assert_eq!(seen(&["[2001:db8::1]"], 1), "2001:db8::1");
        assert_eq!(seen(&["2001:db8::1"], 1), "2001:db8::1");
    }

    #[test]
    fn long_user_agents_are_clipped() {
        let agent = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, text.parse().unwrap());
            user_agent(&headers).map(|agent| agent.to_string())
        };
        assert_eq!(agent("curl/8").as_deref(), Some("curl/8"));
        assert_eq!(agent(&"x".repeat(4_000)).unwrap().len(), LONGEST_USER_AGENT);
        assert_eq!(agent(""), None);
        assert_eq!(agent("한글"), None, "not printable ASCII");
    }
}
