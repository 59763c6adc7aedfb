//! `mqttwb broker run`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mqttwb_app::api::{BrokerStart, BrokerStatus, ErrorCode, SettingApplies};
use mqttwb_app::config::ConfigFile;
use mqttwb_app::{App, Result};

use crate::arguments::Run;
use crate::output::Output;
use crate::secret;
use crate::signal::{Ending, Reloading};
use crate::watch;

/// Runs the broker until it is told to end.
pub async fn run(data: PathBuf, run: Run, output: &Output) -> Result<()> {
    let mut ending = Ending::catch()?;
    let mut reloading = Reloading::catch()?;
    let app = match run.config {
        Some(path) => App::open_with(data, ConfigFile::named(path)).await?,
        None => App::open(data).await?,
    };
    let passphrase = secret::given(&run.unlock)?;
    if app.desk().is_locked() {
        match passphrase {
            Some(passphrase) => drop(app.desk().unlock(passphrase).await?),
            None => tracing::warn!(
                "the authority's key is locked: certificates and the revocation list are not renewed while this runs \
                 (`mqttwb cert authority unlock` opens it, or --passphrase-file FILE or MQTTWB_PASSPHRASE at the start)"
            ),
        }
    }
    let start = BrokerStart {
        free_ports: run.free_ports,
    };
    let started = tokio::select! {
        started = app.broker_start(start) => started,
        () = ending.wanted() => {
            app.close().await;
            return Ok(());
        }
    };
    let status = match started {
        Ok(status) => status,
        Err(mut error) => {
            app.close().await;
            if error.code == ErrorCode::PortInUse {
                error = error.hint("End the program that uses it, or start with --free-ports.");
            }
            return Err(error);
        }
    };
    tracing::info!(data = app.about().data_folder, "the broker runs");
    let told = ready(&status, output);
    let outcome = match told {
        // Who started it does not read; it runs all the same until it is told to end.
        Ok(printed) => tokio::select! {
            outcome = watch::packets(&app, &status, output), if run.watch && printed => outcome,
            () = ending.wanted() => Ok(()),
            () = reload(&app, &mut reloading) => Ok(()),
        },
        Err(error) => Err(error),
    };
    tracing::info!("the broker ends");
    app.close().await;
    outcome
}

/// Reads the configuration again as often as it is wanted.
async fn reload(app: &App, wanted: &mut Reloading) {
    loop {
        wanted.wanted().await;
        match app.broker_reload().await {
            Ok(reloaded) => {
                for change in reloaded.applied.iter().chain(&reloaded.restart) {
                    let restart = change.applies == SettingApplies::Restart;
                    let felt = if restart {
                        "when it is started again"
                    } else {
                        "applied"
                    };
                    let to = change.to.as_deref().unwrap_or("-");
                    tracing::info!("reloaded: {} = {to}: {felt}", change.key);
                }
                let (applied, later) = (reloaded.applied.len(), reloaded.restart.len());
                tracing::info!("reloaded: {applied} changes applied, {later} need a restart");
            }
            Err(error) => tracing::error!("nothing is reloaded: {error}"),
        }
    }
}

/// Prints the one line that says that every listener accepts connections. False where nobody reads it.
fn ready(status: &BrokerStatus, output: &Output) -> Result<bool> {
    let listeners = status.listeners.iter();
    let printed = if output.is_json() {
        let addresses: BTreeMap<&str, &str> = listeners
            .map(|listener| (listener.name.as_str(), listener.address.as_str()))
            .collect();
        output.json(&serde_json::json!({ "ready": addresses }))?
    } else {
        let mut line = String::from("ready");
        for listener in listeners {
            line.push_str(&format!(" {}={}", listener.name, listener.address));
        }
        output.line(line.as_bytes())
    };
    Ok(printed.is_ok())
}
