//! Alerts.

use clap::Args;

/// Which alerts to print.
#[derive(Debug, Args)]
pub struct Alerts {
    /// Go on with those that come, until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
    /// End after so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// The rules and how each goes, instead of alerts
    #[arg(long, conflicts_with_all = ["follow", "count"])]
    pub rules: bool,
}
