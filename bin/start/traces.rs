//! Where spans go: to a collector by OTLP over HTTP, or nowhere. Either way they have ids, which stand in log lines and
//! travel on.

use std::time::Duration;

use anyhow::{Context, Result};
use konnect::config::TraceConfig;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

/// For one batch. Batches leave by a thread of their own, and spans that find its queue full are dropped: a collector
/// that is away slows nobody.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the end of a process waits for its last batch.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Sends what is left when it is dropped.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// `process`: its name in the Procfile.
    ///
    /// # Errors
    /// The address is none.
    pub fn new(config: &TraceConfig, process: &str) -> Result<Self> {
        let resource = Resource::builder()
            .with_service_name(format!("konnect-{process}"))
            .with_attributes([
                KeyValue::new("service.namespace", "konnect"),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("service.instance.id", konnect::id::NodeId::generate().to_string()),
            ])
            .build();
        let provider = SdkTracerProvider::builder().with_resource(resource);
        let Some(endpoint) = &config.otlp_endpoint else {
            return Ok(Self(provider.with_sampler(Sampler::AlwaysOff).build()));
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            // The crate adds no path to an address that is set here.
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .context("KONNECT_OTLP_ENDPOINT")?;
        let ratio = Sampler::TraceIdRatioBased(config.trace_ratio);
        let provider = provider.with_sampler(Sampler::ParentBased(Box::new(ratio)));
        Ok(Self(provider.with_batch_exporter(exporter).build()))
    }

    pub fn provider(&self) -> &SdkTracerProvider {
        &self.0
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(SHUTDOWN_TIMEOUT) {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }
}
