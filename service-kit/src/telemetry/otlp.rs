//! Where spans and figures are pushed: a collector beside us, or far away behind TLS and a
//! key.

use std::time::Duration;

use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithTonicConfig as _};
use tonic::{
    Request, Status,
    metadata::MetadataValue,
    transport::{Channel, Error},
};

use crate::{
    config::Settings,
    grpc::{
        SERVICE_KEY,
        client::{self, OutgoingKey},
        tls::Authorities,
    },
};

/// One export; OpenTelemetry's own limit is the same.
const EXPORT: Duration = Duration::from_secs(10);

/// A receiver of spans and figures by OTLP over gRPC.
#[derive(Debug, Clone)]
pub struct OtlpConfig {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: `http://host:port` or `https://…`.
    pub url: http::Uri,
    /// `OTEL_EXPORTER_OTLP_CERTIFICATE`: a PEM file of who vouches for an `https` receiver;
    /// default: whom the system believes.
    pub authorities: Authorities,
    /// `<P>_OTLP_KEY` (or `…_KEY_FILE`): the key that is shown it, if one is.
    pub key: OutgoingKey,
}

impl OtlpConfig {
    /// Reads the settings named at the fields; `None` without an endpoint.
    pub(super) fn read(settings: &mut Settings) -> Option<Self> {
        const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let key = OutgoingKey::read_optional(settings, "OTLP_KEY");
        settings.unprefixed(|settings| {
            let url = settings.optional(ENDPOINT)?;
            client::check_url(settings, ENDPOINT, &url);
            Some(Self {
                url,
                authorities: Authorities::read(settings, "OTEL_EXPORTER_OTLP_CERTIFICATE"),
                key,
            })
        })
    }
}

/// The connection to it, which spans and figures share.
#[derive(Debug)]
pub(crate) struct Receiver {
    channel: Channel,
    key: OutgoingKey,
}

impl Receiver {
    /// Connects when something is pushed.
    ///
    /// # Errors
    ///
    /// When certificates cannot be used.
    pub(super) fn new(config: &OtlpConfig) -> Result<Self, Error> {
        Ok(Self {
            channel: client::channel(&config.url, &config.authorities, EXPORT)?,
            key: config.key.clone(),
        })
    }

    /// Looks for another key from now on; once figures can be counted.
    pub(super) fn follow(&self) {
        self.key.follow();
    }

    /// What pushes spans.
    pub(super) fn spans(&self) -> Result<SpanExporter, ExporterBuildError> {
        SpanExporter::builder()
            .with_tonic()
            .with_channel(self.channel.clone())
            .with_interceptor(self.shown())
            .build()
    }

    /// What pushes figures.
    pub(crate) fn figures(&self) -> Result<MetricExporter, ExporterBuildError> {
        MetricExporter::builder()
            .with_tonic()
            .with_channel(self.channel.clone())
            .with_interceptor(self.shown())
            .build()
    }

    /// Puts the present key on a request.
    fn shown(&self) -> impl FnMut(Request<()>) -> Result<Request<()>, Status> + Clone + 'static {
        let key = self.key.clone();
        move |mut request| {
            let key = key.header();
            if let Some(mut key) = key.and_then(|key| MetadataValue::try_from(key.as_bytes()).ok())
            {
                key.set_sensitive(true);
                request.metadata_mut().insert(SERVICE_KEY, key);
            }
            Ok(request)
        }
    }
}
