//! `mqttwb`: the workbench without a window.
//!
//! Duty: arguments, printing, exit codes, signals. Not here: anything that the window could do as well (`mqttwb_app`).
//! Invariant: standard output holds what was asked for and nothing else; logs and errors go to standard error.
//! Exit codes: 0 done, 1 failed, 2 wrong usage.

mod access;
mod alerts;
mod arguments;
mod broker;
mod cert;
mod chart;
mod check;
mod devices;
mod input;
mod inspect;
mod output;
mod recordings;
mod remote;
mod secret;
mod signal;
mod story;
mod table;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mqttwb_app::api::ApiError;
use mqttwb_app::{App, Result};
use tracing_subscriber::EnvFilter;

use arguments::{Arguments, BrokerCommand, Command};
use output::Output;

/// What a load needed goes back to the system within seconds after it; glibc keeps most of it (docs/benchmarks.md).
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log_to_standard_error();
    let output = Output::new(arguments.json);
    match run(arguments, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.fail(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments, output: &Output) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        ApiError::new(
            mqttwb_app::api::ErrorCode::Internal,
            format!("The system gives no threads: {error}."),
        )
    })?;
    let data = |data: Option<PathBuf>| data.map_or_else(App::default_data_folder, Ok);
    runtime.block_on(async {
        match arguments.command {
            Command::Broker(BrokerCommand::Run(run)) => {
                broker::run(data(arguments.data)?, run, output).await
            }
            Command::Broker(BrokerCommand::Inspect(wanted)) => {
                inspect::run(data(arguments.data)?, wanted, output).await
            }
            Command::Broker(BrokerCommand::Check(wanted)) => {
                check::check(data(arguments.data)?, wanted, output).await
            }
            Command::Broker(BrokerCommand::Audit(wanted)) => {
                access::audit(data(arguments.data)?, wanted, output).await
            }
            Command::Account(wanted) => {
                access::account(data(arguments.data)?, wanted, output).await
            }
            Command::Access(wanted) => access::access(data(arguments.data)?, wanted, output).await,
            Command::Cert(wanted) => cert::run(data(arguments.data)?, wanted, output).await,
            Command::Story(wanted) => story::run(data(arguments.data)?, wanted, output).await,
            Command::Pub(publish) => remote::publish(publish).await,
            Command::Sub(subscribe) => remote::subscribe(subscribe, output).await,
            Command::Record(record) => {
                recordings::record(data(arguments.data)?, record, output).await
            }
            Command::Chart(wanted) => chart::chart(data(arguments.data)?, wanted, output).await,
            Command::Devices(wanted) => {
                devices::devices(data(arguments.data)?, wanted, output).await
            }
            Command::Alerts(wanted) => alerts::alerts(data(arguments.data)?, wanted, output).await,
            Command::Export(export) => recordings::export(export, output).await,
            Command::Import(import) => recordings::import(import, output).await,
            Command::Replay(replay) => recordings::replay(replay, output).await,
            Command::Compare(compare) => recordings::compare(compare, output).await,
        }
    })
}

fn log_to_standard_error() {
    // rumqttd's router opens spans for every batch that it carries, which costs more than carrying it.
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,rumqttd=off,rumqttc=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}
