//! Addresses: which can be asked, and how they stand in messages.

use reqwest::Url;

use crate::error::excerpt;

/// An address that can be asked.
pub(super) fn address(url: &str) -> Result<Url, String> {
    let address = Url::parse(url).map_err(|error| format!("{error}; give a full http or https address"))?;
    if !matches!(address.scheme(), "http" | "https") {
        return Err(format!("`{}` is not supported; use http or https", excerpt(address.scheme())));
    }
    Ok(address)
}

/// Name and port of a server: what a rate is kept for.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The address without a password, short enough for a line.
pub(super) fn shown(url: &str) -> String {
    let mut parsed = match Url::parse(url) {
        Ok(parsed) if parsed.password().is_some() => parsed,
        _ if url.len() > 200 => return excerpt(url),
        _ => return url.to_owned(),
    };
    match parsed.set_password(None) {
        Ok(()) => parsed.to_string(),
        Err(()) => "the address".to_owned(),
    }
}
