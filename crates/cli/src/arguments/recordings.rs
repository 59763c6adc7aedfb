//! Recordings.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mqttwb_app::api::{RecordingFormat, TrafficFilter};
use mqttwb_app::config::{parse_size, parse_time};

use super::{MqttVersion, RemoteArguments};

/// What to record.
#[derive(Debug, Args)]
pub struct Record {
    /// The file to make; there must be none of that name
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Only messages of this topic filter, with their acknowledgements; may be given several times
    #[arg(long = "filter", value_name = "FILTER")]
    pub filters: Vec<String>,
    /// How long it lasts, as 90s, 10min or 2h; until Ctrl-C where it is left out
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub duration: Option<Duration>,
    /// How large its files get, as 100MiB or 2GiB; 1MiB at least
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_size: Option<u64>,
    /// At the duration or the size let the oldest packets go, instead of ending
    #[arg(long)]
    pub rolling: bool,
    /// Begin with what the broker's memory holds already
    #[arg(long, conflicts_with = "from")]
    pub past: bool,
    /// Record what a subscriber of this broker gets instead: mqtt://HOST:PORT or mqtts://HOST:PORT; --filter says what it
    /// subscribes to, # where it is left out
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// With --from: the MQTT version
    #[arg(long = "version", value_name = "VERSION", default_value = "5")]
    pub mqtt: MqttVersion,
    /// With --from: the client identifier; one that nobody else has where it is left out
    #[arg(long, value_name = "ID", requires = "from")]
    pub id: Option<String>,
    /// With --from: the authority to trust, PEM; means TLS
    #[arg(long, value_name = "FILE", requires = "from")]
    pub cafile: Option<PathBuf>,
    /// With --from: the certificate to show, PEM; means TLS
    #[arg(long, value_name = "FILE", requires_all = ["key", "from"])]
    pub cert: Option<PathBuf>,
    /// With --from: the key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
}

/// Which packets of a recording.
#[derive(Debug, Args)]
pub struct Selection {
    /// Only messages of this topic filter
    #[arg(long, value_name = "FILTER", default_value = "")]
    pub filter: String,
    /// Only packets whose client identifier or topic holds this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub text: String,
    /// Only messages whose payload holds this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub payload: String,
    /// Only packets of this client; * stands for any characters; may be given several times
    #[arg(long = "client", value_name = "ID")]
    pub clients: Vec<String>,
}

impl From<Selection> for TrafficFilter {
    fn from(selection: Selection) -> Self {
        Self {
            topic: selection.filter,
            text: selection.text,
            payload: selection.payload,
            clients: selection.clients,
            ..Self::default()
        }
    }
}

/// A format to export in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A JSON object a line
    Jsonl,
    /// A table with a header
    Csv,
    /// For Wireshark
    Pcapng,
}

impl From<Format> for RecordingFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Jsonl => Self::Jsonl,
            Format::Csv => Self::Csv,
            Format::Pcapng => Self::Pcapng,
        }
    }
}

/// A recording to export.
#[derive(Debug, Args)]
pub struct ExportRecording {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// In which format
    #[arg(long, value_name = "FORMAT")]
    pub format: Format,
    /// The file to make; there must be none of that name
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Which packets.
    #[command(flatten)]
    pub selection: Selection,
}

/// A capture to import.
#[derive(Debug, Args)]
pub struct Import {
    /// A file of Wireshark, tcpdump or `mqttwb export`: pcapng or pcap
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The recording to make; there must be none of that name
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// A recording to publish again.
#[derive(Debug, Args)]
pub struct Replay {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How fast: original, max, or how many times as fast as it was recorded, as 10 or 0.5
    #[arg(long, value_name = "SPEED", default_value = "original", value_parser = speed)]
    pub speed: Speed,
    /// Make other topics: plant/#=test/#; the first rule that matches counts; may be given several times
    #[arg(long, value_name = "FILTER=FILTER")]
    pub rewrite: Vec<String>,
    /// Which messages.
    #[command(flatten)]
    pub selection: Selection,
    /// Which broker, and who to be there.
    #[command(flatten)]
    pub remote: RemoteArguments,
}

/// Two recordings to compare.
#[derive(Debug, Args)]
pub struct Compare {
    /// The recording of what was expected
    #[arg(value_name = "LEFT")]
    pub left: PathBuf,
    /// The recording of what came
    #[arg(value_name = "RIGHT")]
    pub right: PathBuf,
    /// Make other topics of the left one first: plant/#=test/#
    #[arg(long, value_name = "FILTER=FILTER")]
    pub rewrite: Vec<String>,
    /// After how long a message is late
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = time)]
    pub late: Duration,
}

/// How fast a replay is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed(pub Option<f64>);

fn speed(text: &str) -> Result<Speed, String> {
    match text {
        "original" => Ok(Speed(Some(1.0))),
        "max" => Ok(Speed(None)),
        number => match number.trim_end_matches('x').parse() {
            Ok(factor) if factor > 0.0 => Ok(Speed(Some(factor))),
            _ => Err("it is original, max, or a number above 0".into()),
        },
    }
}

fn time(text: &str) -> Result<Duration, String> {
    parse_time(text).ok_or_else(|| "write a number and ms, s, min, h or d, as 90s".into())
}

fn size(text: &str) -> Result<u64, String> {
    parse_size(text).ok_or_else(|| "write a number and B, KiB, MiB, GiB or TiB, as 100MiB".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_original_max_or_a_factor() {
        for (text, expected) in [
            ("original", Some(Speed(Some(1.0)))),
            ("max", Some(Speed(None))),
            ("10", Some(Speed(Some(10.0)))),
            ("0.5", Some(Speed(Some(0.5)))),
            ("2x", Some(Speed(Some(2.0)))),
            ("0", None),
            ("-1", None),
            ("fast", None),
            ("NaN", None),
        ] {
            assert_eq!(speed(text).ok(), expected, "{text}");
        }
        assert_eq!(time("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(size("2KiB"), Ok(2048));
        assert!(time("soon").is_err() && size("large").is_err());
    }
}
