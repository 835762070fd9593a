//! Where traces go.

use clap::Args;

/// Traces by OTLP over HTTP. Without an address nothing is exported.
#[derive(Clone, Debug, Args)]
pub struct TraceConfig {
    /// A collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`; spans are posted to its `/v1/traces`.
    #[arg(long, env = "KONNECT_OTLP_ENDPOINT", value_parser = super::web_address)]
    pub otlp_endpoint: Option<String>,
    /// The share of traces that is exported, from 0 to 1. A caller's `traceparent` decides for its own trace.
    #[arg(long, env = "KONNECT_TRACE_RATIO", default_value_t = 0.1, value_parser = ratio)]
    pub trace_ratio: f64,
}

impl Default for TraceConfig {
    fn default() -> Self {
        super::defaults()
    }
}

fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&ratio) { Ok(ratio) } else { Err("not from 0 to 1".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_a_share() {
        assert_eq!(ratio("0.25"), Ok(0.25));
        for bad in ["", "-0.1", "1.1", "NaN", "all"] {
            assert!(ratio(bad).is_err(), "{bad}");
        }
        assert!(TraceConfig::default().otlp_endpoint.is_none(), "nothing is exported by itself");
    }
}
