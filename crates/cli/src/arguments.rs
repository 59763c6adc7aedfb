//! What can be written after `mqttwb`.

mod access;
mod alerts;
mod certificates;
mod chart;
mod devices;
mod faults;
mod inspect;
mod recordings;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use mqttwb_app::api::Version;

pub use access::{AccessCommand, AccountCommand, LearnCommand, OtherBroker, WhatIfArguments};
pub use alerts::Alerts;
pub use certificates::*;
pub use chart::Chart;
pub use devices::Devices;
pub use faults::{FaultCommand, action_text};
pub use inspect::{InspectCommand, Paging, SessionArguments};
pub use recordings::{Compare, ExportRecording, Import, Record, Replay};

/// The workbench without a window: a real MQTT broker, device certificates, and clients for any broker.
#[derive(Debug, Parser)]
#[command(name = "mqttwb", version, propagate_version = false)]
pub struct Arguments {
    /// Folder of certificates and settings, instead of the platform's own
    #[arg(long, value_name = "DIR", env = "MQTTWB_DATA", global = true)]
    pub data: Option<PathBuf>,
    /// Print JSON, one value a line
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The embedded broker
    #[command(subcommand)]
    Broker(BrokerCommand),
    /// The authority and its device certificates
    #[command(subcommand)]
    Cert(CertCommand),
    /// Who may come in with a user name and a password
    #[command(subcommand)]
    Account(AccountCommand),
    /// What each may publish and subscribe
    #[command(subcommand)]
    Access(AccessCommand),
    /// Tell the story of a message: its publish and everything that follows from it
    Story(StoryArguments),
    /// Publish a message to any broker
    #[command(disable_help_flag = true)]
    Pub(Publish),
    /// Print the messages of any broker
    #[command(disable_help_flag = true)]
    Sub(Subscribe),
    /// Record packets into a file: of the broker that runs on the data folder
    Record(Record),
    /// Draw values of a recording or of a broker, as SVG, PNG or CSV
    Chart(Chart),
    /// List the devices of the broker that runs on the data folder: who is there, since when, and their last values
    Devices(Devices),
    /// What the alert rules of the broker that runs on the data folder have raised
    Alerts(Alerts),
    /// Write a recording as JSON lines, CSV or pcapng
    Export(ExportRecording),
    /// Make a recording of the MQTT in a pcapng or pcap file
    Import(Import),
    /// Publish a recording again, to any broker
    #[command(disable_help_flag = true)]
    Replay(Replay),
    /// Compare two recordings, message by message
    Compare(Compare),
}

/// Which message's story to tell, and of what.
#[derive(Debug, Args)]
pub struct StoryArguments {
    /// The recording; the broker that runs on the data folder where it is left out
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub which: StoryOf,
}

/// Which message it is.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct StoryOf {
    /// The number that ties the packets of a message together, as --watch --json and the window show it
    #[arg(long, value_name = "ID")]
    pub message: Option<u64>,
    /// The number of a packet that carries or acknowledges it
    #[arg(long, value_name = "SEQ")]
    pub packet: Option<u64>,
}

/// What to do with the broker.
#[derive(Debug, Subcommand)]
pub enum BrokerCommand {
    /// Run it until SIGINT or SIGTERM
    ///
    /// Prints one line, `ready NAME=ADDRESS …` with every listener, when it accepts connections.
    Run(Run),
    /// Look into the broker that runs on the data folder, or act on it.
    #[command(flatten)]
    Inspect(InspectCommand),
    /// Explain the configuration: every key, its value and where it comes from; nothing is started
    Check(Check),
    /// Say what makes the broker easier to break into than it need be; exit code 1 where it is serious
    Audit(Check),
}

/// Which configuration to explain.
#[derive(Debug, Args)]
pub struct Check {
    /// Configuration, instead of broker.toml in the data folder or the defaults
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// How to run the broker.
#[derive(Debug, Args)]
pub struct Run {
    /// Configuration, instead of broker.toml in the data folder or the defaults
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where a port is taken, use a free one
    #[arg(long)]
    pub free_ports: bool,
    /// Print a line for each packet
    #[arg(long)]
    pub watch: bool,
    /// Opens the authority's key, so that certificates and list are renewed while it runs.
    #[command(flatten)]
    pub unlock: Passphrase,
}

/// A message to publish.
#[derive(Debug, Args)]
pub struct Publish {
    /// Topic
    #[arg(value_name = "TOPIC", required_unless_present = "topic_option")]
    pub topic: Option<String>,
    /// Message; nothing where it is left out
    #[arg(value_name = "MESSAGE")]
    pub message: Option<String>,
    /// Topic, as mosquitto_pub has it
    #[arg(
        id = "topic_option",
        short = 't',
        long = "topic",
        value_name = "TOPIC",
        conflicts_with = "topic"
    )]
    pub topic_option: Option<String>,
    /// Message, as mosquitto_pub has it
    #[arg(
        id = "message_option",
        short = 'm',
        long = "message",
        value_name = "MESSAGE",
        conflicts_with = "message"
    )]
    pub message_option: Option<String>,
    /// QoS: 0, 1 or 2
    #[arg(short, long, value_name = "QOS", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    pub qos: u8,
    /// Ask the broker to retain the message
    #[arg(short, long)]
    pub retain: bool,
    /// Which broker, and who to be there.
    #[command(flatten)]
    pub remote: RemoteArguments,
}

/// A subscription.
#[derive(Debug, Args)]
pub struct Subscribe {
    /// Topic filters, as plant/# or plant/+/state
    #[arg(value_name = "FILTER", required_unless_present = "filter_options")]
    pub filters: Vec<String>,
    /// A topic filter, as mosquitto_sub has it; may be given several times
    #[arg(
        id = "filter_options",
        short = 't',
        long = "topic",
        value_name = "FILTER"
    )]
    pub filter_options: Vec<String>,
    /// QoS: 0, 1 or 2
    #[arg(short, long, value_name = "QOS", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=2))]
    pub qos: u8,
    /// End after this many messages
    #[arg(short = 'C', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Which broker, and who to be there.
    #[command(flatten)]
    pub remote: RemoteArguments,
}

/// Which broker, and who to be there.
#[derive(Debug, Args)]
pub struct RemoteArguments {
    /// Address of the broker: mqtt://HOST:PORT, mqtts://HOST:PORT or HOST:PORT
    #[arg(long, visible_alias = "to", value_name = "ADDRESS", conflicts_with_all = ["host", "port"])]
    pub url: Option<String>,
    /// Host name or address
    #[arg(short = 'h', long, value_name = "HOST", default_value = "localhost")]
    pub host: String,
    /// Port; 1883, or 8883 with TLS, where it is left out
    #[arg(short, long, value_name = "PORT")]
    pub port: Option<u16>,
    /// MQTT version
    #[arg(long = "version", value_name = "VERSION", default_value = "5")]
    pub mqtt: MqttVersion,
    /// Client identifier; one that nobody else has where it is left out
    #[arg(short, long, value_name = "ID")]
    pub id: Option<String>,
    /// The authority to trust, PEM; means TLS
    #[arg(long, value_name = "FILE")]
    pub cafile: Option<PathBuf>,
    /// The certificate to show, PEM; means TLS
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// The key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    pub help: Option<bool>,
}

/// A version that clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MqttVersion {
    /// MQTT 3.1.1
    #[value(name = "3.1.1")]
    V311,
    /// MQTT 5
    #[value(name = "5")]
    V5,
}

impl From<MqttVersion> for Version {
    fn from(version: MqttVersion) -> Self {
        match version {
            MqttVersion::V311 => Self::V311,
            MqttVersion::V5 => Self::V5,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, error::ErrorKind};

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_topic_can_be_written_as_mosquitto_has_it_or_without_options() {
        for line in [
            "mqttwb pub -t a/b -m hello -q 1 -r -h broker -p 1884",
            "mqttwb pub a/b hello -q 1 -r -h broker -p 1884",
        ] {
            let Command::Pub(publish) = parse(line).unwrap().command else {
                panic!("{line}");
            };
            assert_eq!(
                publish.topic.or(publish.topic_option).as_deref(),
                Some("a/b")
            );
            assert_eq!(
                publish.message.or(publish.message_option).as_deref(),
                Some("hello")
            );
            assert_eq!((publish.qos, publish.retain), (1, true));
            assert_eq!(publish.remote.host, "broker");
            assert_eq!(publish.remote.port, Some(1884));
        }
    }

    #[test]
    fn global_options_stand_anywhere() {
        for line in [
            "mqttwb --json --data /d cert list",
            "mqttwb cert list --json --data /d",
        ] {
            let arguments = parse(line).unwrap();
            assert!(arguments.json, "{line}");
            assert_eq!(arguments.data, Some("/d".into()), "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_wrong_usage() {
        for line in [
            "mqttwb",
            "mqttwb broker",
            "mqttwb pub",
            "mqttwb sub",
            "mqttwb pub -t a -m b -q 3",
            "mqttwb pub a -t b",
            "mqttwb sub -t a -C 0",
            "mqttwb sub -t a --cert x",
            "mqttwb sub -t a --to h:1 -p 2",
            "mqttwb sub -t a --version 3.1",
            "mqttwb cert issue",
            "mqttwb cert issue x --days many",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
        let help = parse("mqttwb pub --help").unwrap_err();
        assert_eq!(help.kind(), ErrorKind::DisplayHelp);
    }
}
