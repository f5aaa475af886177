//! Network addresses, which PostgreSQL has.

use sea_orm::prelude::IpNetwork;
use sea_orm::sea_query::prelude::MacAddress;

use super::sample::Sample;

fn network(text: &str) -> Sample {
    Sample::new(text.parse::<IpNetwork>().expect("a network"), text)
}

/// Hosts, and hosts in networks.
pub fn inets() -> Vec<Sample> {
    [
        "0.0.0.0",
        "255.255.255.255",
        "10.1.2.3/8",
        "0.0.0.0/0",
        "::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::1/64",
        "::/0",
    ]
    .map(network)
    .into()
}

/// Networks, hosts written as networks of one. The database leaves out which host it was.
pub fn cidrs() -> Vec<Sample> {
    let networks = [
        "0.0.0.0/0",
        "255.255.255.255/32",
        "10.0.0.0/8",
        "::/0",
        "::1/128",
        "2001:db8::/32",
    ];
    let mut samples: Vec<Sample> = networks.map(network).into();
    let Sample { value: host, .. } = network("10.1.2.3/8");
    let Sample { value: stored, .. } = network("10.0.0.0/8");
    samples.push(Sample::new(host, "10.0.0.0/8").stored(stored));
    samples
}

/// The first, the last, and one in between.
pub fn macs() -> Vec<Sample> {
    [
        ([0; 6], "00:00:00:00:00:00"),
        ([0xff; 6], "ff:ff:ff:ff:ff:ff"),
        ([0x08, 0x00, 0x2b, 0x01, 0x02, 0x03], "08:00:2b:01:02:03"),
    ]
    .map(|(bytes, text)| Sample::new(MacAddress::new(bytes), text))
    .into()
}
