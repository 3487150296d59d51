//! Who calls, where proxies stand between: the nearest address that is not a trusted proxy's.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderName, header},
};
use clap::ValueEnum;
use ipnet::IpNet;

/// Proxies that tell the truth about who called them, and how they tell it.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    /// Where they are; nobody is trusted when there are none.
    pub networks: Networks,
    /// The one header they write. Any other comes from the caller, who may write anything.
    pub header: ForwardedHeader,
}

/// Addresses and networks, parted by commas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Networks(pub Arc<[IpNet]>);

impl FromStr for Networks {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = |text: &str| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let networks = text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(network);
        let networks: Result<Vec<_>, _> = networks.collect();
        networks
            .map(|networks| Self(networks.into()))
            .map_err(|_| "write addresses or networks: 192.0.2.7, 10.0.0.0/8, fd00::/8".to_owned())
    }
}

/// How proxies tell who called them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ForwardedHeader {
    /// X-Forwarded-For, which most proxies write.
    #[default]
    XForwardedFor,
    /// Forwarded, of RFC 7239.
    Forwarded,
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl TrustedProxies {
    /// Lets the rest of the server see the caller instead of the proxy.
    pub fn see_through(&self, mut request: Request) -> Request {
        if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied()
            && self.trusts(peer.ip())
        {
            let caller = self.caller(peer.ip(), request.headers());
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(caller, 0)));
        }
        request
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.0.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// Goes back from the nearest hop, as long as whoever tells of the next one is trusted. What cannot be read ends the way: then it
    /// is the last proxy that counts as the caller.
    fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let hops = match self.header {
            ForwardedHeader::XForwardedFor => listed(headers, &X_FORWARDED_FOR).iter().map(|hop| address(hop)).collect::<Vec<_>>(),
            ForwardedHeader::Forwarded => listed(headers, &header::FORWARDED).iter().map(|hop| address(node(hop)?)).collect(),
        };
        let mut nearest = peer;
        for hop in hops {
            let Some(hop) = hop.filter(|_| self.trusts(nearest)) else { break };
            nearest = hop;
        }
        nearest.to_canonical()
    }
}

/// The elements of a list in all headers of this name, the last one first. A comma in quotes parts nothing; they are read from the
/// right, so that a quote which a caller left open hides nothing of what proxies added after it.
fn listed(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let mut elements = Vec::new();
    for value in headers.get_all(name).iter().rev() {
        let mut quoted = false;
        let text = String::from_utf8_lossy(value.as_bytes());
        let parts = text.rsplit(|character| {
            quoted ^= character == '"';
            character == ',' && !quoted
        });
        elements.extend(parts.map(|part| part.trim().to_owned()));
    }
    elements
}

/// Whom an element of Forwarded is for.
fn node(element: &str) -> Option<&str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    Some(node.trim().trim_matches('"'))
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn caller(header: ForwardedHeader, peer: &str, told: &[(&'static str, &str)]) -> String {
        let proxies = TrustedProxies { networks: "10.0.0.0/8, fd00::/8,192.0.2.7".parse().unwrap(), header };
        let mut request = Request::new(axum::body::Body::empty());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 50_000)));
        for (name, value) in told {
            request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
        }
        let request = proxies.see_through(request);
        request.extensions().get::<ConnectInfo<SocketAddr>>().unwrap().ip().to_string()
    }

    #[test]
    fn the_nearest_address_that_is_no_proxys_is_the_callers() {
        let by = |peer: &str, told: &[&str]| {
            let told: Vec<_> = told.iter().map(|value| ("x-forwarded-for", *value)).collect();
            caller(ForwardedHeader::XForwardedFor, peer, &told)
        };
        assert_eq!(by("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        // Whatever a caller sent stands further left.
        assert_eq!(by("10.0.0.1", &["1.2.3.4, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(by("10.0.0.1", &["1.2.3.4", "203.0.113.9, 10.1.1.1"]), "203.0.113.9");
        // A caller who is no proxy is believed nothing.
        assert_eq!(by("203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
        assert_eq!(by("203.0.113.9", &["10.0.0.1"]), "203.0.113.9");
        assert_eq!(by("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(by("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        for unreadable in ["", "unknown", "_hidden", "1.2.3", "203.0.113.9 1.2.3.4", "\"1.2.3.4"] {
            assert_eq!(by("10.0.0.1", &[&format!("1.2.3.4, {unreadable}")]), "10.0.0.1", "{unreadable}");
            assert_eq!(by("10.0.0.1", &[&format!("1.2.3.4, {unreadable}, 10.0.0.5")]), "10.0.0.5", "{unreadable}");
        }
        for (told, meant) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::9", "2001:db8::9"),
            ("[2001:db8::9]:4711", "2001:db8::9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(by("10.0.0.1", &[told]), meant);
        }
        // A quote that a caller left open hides nothing of what the proxy added.
        assert_eq!(by("10.0.0.1", &["\"1.2.3.4, 203.0.113.9"]), "203.0.113.9");
        // A proxy that is reached over IPv6 with an address of IPv4 is the same proxy.
        assert_eq!(by("::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(by("fd00::1", &["203.0.113.9, ::ffff:10.0.0.2"]), "203.0.113.9");
    }

    #[test]
    fn networks_are_read_and_nobody_is_trusted_by_mistake() {
        assert_eq!("".parse(), Ok(Networks::default()));
        for text in ["10.0.0.0/33", "all", "10.0.0", "10.0.0.0/8;fd00::/8", "*"] {
            assert!(text.parse::<Networks>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_header_that_the_proxies_write_counts() {
        use ForwardedHeader::{Forwarded, XForwardedFor};
        let both = [("forwarded", "for=1.2.3.4"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(caller(XForwardedFor, "10.0.0.1", &both), "203.0.113.9");
        assert_eq!(caller(Forwarded, "10.0.0.1", &both), "1.2.3.4");
        assert_eq!(caller(Forwarded, "10.0.0.1", &both[1..]), "10.0.0.1");
        for (told, meant) in [
            ("for=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9"),
            ("proto=https; For=\"203.0.113.9:4711\"", "203.0.113.9"),
            ("for=\"[2001:db8::9]:4711\"", "2001:db8::9"),
            ("for=1.2.3.4, for=203.0.113.9;host=\"a,b\", for=192.0.2.7", "203.0.113.9"),
            ("for=\"1.2.3.4, for=203.0.113.9", "203.0.113.9"),
            ("for=1.2.3.4, for=unknown", "10.0.0.1"),
            ("for=1.2.3.4, for=\"_secret\"", "10.0.0.1"),
            ("for=1.2.3.4, by=203.0.113.9", "10.0.0.1"),
        ] {
            assert_eq!(caller(Forwarded, "10.0.0.1", &[("forwarded", told)]), meant, "{told}");
        }
    }
}
