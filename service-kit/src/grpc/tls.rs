//! Whose word is taken for a server's name.

use std::{fs, path::PathBuf};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Error};

use crate::config::Settings;

/// Where a certificate begins in a PEM file.
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// The authorities by which certificates of `https` servers are judged: the system's by
/// default, or those of one file and nobody else.
#[derive(Debug, Clone, Default)]
pub struct Authorities(Option<Certificate>);

impl Authorities {
    /// Reads the PEM file that variable `name` names; without one they are the system's.
    pub(crate) fn read(settings: &mut Settings, name: &str) -> Self {
        let Some(path) = settings.optional::<PathBuf>(name) else {
            return Self::default();
        };
        let text = fs::read_to_string(&path).map_err(|error| format!("cannot be read: {error}"));
        match text.and_then(|text| Self::of_pem(&text)) {
            Ok(authorities) => authorities,
            Err(fault) => {
                settings.fault(name, format_args!("{} {fault}", path.display()));
                Self::default()
            }
        }
    }

    /// Those whose certificates `pem` has.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub fn of_pem(pem: &str) -> Result<Self, String> {
        if pem.contains(BEGIN) {
            Ok(Self(Some(Certificate::from_pem(pem))))
        } else {
            Err("has no certificate (PEM)".to_owned())
        }
    }

    /// Has an `https` endpoint judge by them; another one stays as it is.
    ///
    /// # Errors
    ///
    /// When certificates cannot be used, or the system has none.
    pub(crate) fn secure(&self, endpoint: Endpoint) -> Result<Endpoint, Error> {
        if endpoint.uri().scheme_str() != Some("https") {
            return Ok(endpoint);
        }
        let tls = ClientTlsConfig::new();
        endpoint.tls_config(match &self.0 {
            Some(own) => tls.ca_certificate(own.clone()),
            None => tls.with_native_roots(),
        })
    }
}
