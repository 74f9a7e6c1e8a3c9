//! From the client's errors to ours. The URL is taken out first: it may carry a secret.

use std::{error::Error, io, time::Duration};

use crate::{
    error::{DenyReason, EgressError, TransportKind},
    request::RequestBodyFailed,
    resolver::{AddressRefused, LookupFailed, PlainHttpRefused},
};

pub(crate) fn translate(error: reqwest::Error, host: &str, deadline: Duration) -> EgressError {
    let error = error.without_url();
    let host = host.to_owned();
    if let Some(AddressRefused { address, class }) = cause(&error) {
        return EgressError::Address { host, address: *address, class: *class };
    }
    if cause::<PlainHttpRefused>(&error).is_some() {
        return EgressError::Denied { host, reason: DenyReason::PlainHttp };
    }
    // Too slow to connect counts as no connection: nothing was sent yet.
    if error.is_timeout() && !error.is_connect() {
        return EgressError::Timeout { host, after: deadline };
    }
    let kind = if cause::<LookupFailed>(&error).is_some() {
        TransportKind::Dns
    } else if cause::<RequestBodyFailed>(&error).is_some() {
        TransportKind::RequestBody
    } else if error.is_connect() {
        // rustls reports a failed handshake as invalid data inside an I/O error.
        let is_tls = causes(&error)
            .filter_map(|e| e.downcast_ref::<io::Error>())
            .any(|e| matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof));
        if is_tls { TransportKind::Tls } else { TransportKind::Connect }
    } else {
        TransportKind::Protocol
    };
    EgressError::Transport { host, kind, source: Some(Box::new(error)) }
}

/// Whether the answer had more header fields than the HTTP/1 parser was told to accept. The client has no type for it.
pub(crate) fn is_head_too_large(error: &reqwest::Error) -> bool {
    causes(error).any(|e| e.to_string().contains("message head is too large"))
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let this = next?;
        // An I/O error hides the error it wraps from `source`.
        next = match this.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => this.source(),
        };
        Some(this)
    })
}

fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    causes(error).find_map(|e| e.downcast_ref::<T>())
}
