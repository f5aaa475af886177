//! Network addresses, as PostgreSQL prints them.
//!
//! Only texts that PostgreSQL could have printed are read, and upper case hexadecimal; the crates' own
//! parsers also accept netmasks, missing digits and plus signs. This module knows no SQL types but the two
//! forms.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use mac_address::MacAddress;
use serde_json::Value as Json;

use super::ImageError;
use super::form::Form;
use super::text::string;

const NETWORK: &str = "a network address";
const MAC: &str = "a MAC address";

/// The image of an address or network: a `cidr` always has its prefix length, any other only if it is not a
/// single host.
pub(super) fn encode(form: Form, network: IpNetwork) -> Result<Json, ImageError> {
    let host = network.prefix() == host_prefix(network.ip());
    match form {
        Form::Inet | Form::Text | Form::Natural if host => Ok(network.ip().to_string().into()),
        Form::Inet | Form::Text | Form::Natural | Form::Cidr => {
            Ok(format!("{}/{}", network.ip(), network.prefix()).into())
        }
        _ => Err(form.refuses(NETWORK)),
    }
}

/// The address or network behind an image; without a prefix length it is a single host.
pub(super) fn decode(form: Form, json: &Json) -> Result<IpNetwork, ImageError> {
    if !matches!(form, Form::Inet | Form::Cidr | Form::Text | Form::Natural) {
        return Err(form.refuses(NETWORK));
    }
    let text = string(NETWORK, json)?;
    network(text).ok_or_else(|| ImageError::malformed(NETWORK, text))
}

fn network(text: &str) -> Option<IpNetwork> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let prefix = match prefix {
        Some(digits) if !digits.bytes().all(|byte| byte.is_ascii_digit()) => return None,
        Some(digits) => digits.parse().ok()?,
        None => host_prefix(address),
    };
    IpNetwork::new(address, prefix).ok()
}

fn host_prefix(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The image of a MAC address.
pub(super) fn encode_mac(form: Form, mac: MacAddress) -> Result<Json, ImageError> {
    if !matches!(form, Form::MacAddr | Form::Text | Form::Natural) {
        return Err(form.refuses(MAC));
    }
    let octets = mac.bytes().map(|octet| format!("{octet:02x}"));
    Ok(octets.join(":").into())
}

/// The MAC address behind an image.
pub(super) fn decode_mac(form: Form, json: &Json) -> Result<MacAddress, ImageError> {
    if !matches!(form, Form::MacAddr | Form::Text | Form::Natural) {
        return Err(form.refuses(MAC));
    }
    let text = string(MAC, json)?;
    mac(text).ok_or_else(|| ImageError::malformed(MAC, text))
}

fn mac(text: &str) -> Option<MacAddress> {
    let mut bytes = [0; 6];
    let mut octets = text.split(':');
    for byte in &mut bytes {
        let digits = octets.next()?;
        if digits.len() != 2 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    octets.next().is_none().then(|| MacAddress::new(bytes))
}
