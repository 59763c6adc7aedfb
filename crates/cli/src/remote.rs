//! `mqttwb pub` and `mqttwb sub`.

use mqttwb_app::Result;
use mqttwb_app::api::{PayloadEncoding, PublishRequest};
use mqttwb_app::oneshot::{self, Address, Heard, Received, Remote, Subscriber};

use crate::arguments::{Publish, RemoteArguments, Subscribe};
use crate::output::{Output, ReaderGone};
use crate::signal::Ending;

/// Publishes a message.
pub async fn publish(publish: Publish) -> Result<()> {
    let request = PublishRequest {
        topic: publish.topic.or(publish.topic_option).unwrap_or_default(),
        payload: publish
            .message
            .or(publish.message_option)
            .unwrap_or_default(),
        encoding: PayloadEncoding::Text,
        qos: publish.qos,
        retain: publish.retain,
        ..Default::default()
    };
    oneshot::publish(&remote(publish.remote)?, &request).await
}

/// Prints messages until it is told to end, or enough have come.
pub async fn subscribe(subscribe: Subscribe, output: &Output) -> Result<()> {
    let mut ending = Ending::catch()?;
    let mut filters = subscribe.filters;
    filters.extend(subscribe.filter_options);
    let remote = remote(subscribe.remote)?;
    let connecting = Subscriber::connect(&remote, &filters, subscribe.qos);
    let mut subscriber = tokio::select! {
        subscriber = connecting => subscriber?,
        () = ending.wanted() => return Ok(()),
    };
    let mut left = subscribe.count;
    let outcome = loop {
        if left == Some(0) {
            break Ok(());
        }
        let heard = tokio::select! {
            heard = subscriber.next() => heard,
            () = ending.wanted() => break Ok(()),
        };
        match heard {
            Ok(Heard::Subscribed) => tracing::info!("subscribed to {}", filters.join(" ")),
            Ok(Heard::Message(message)) => {
                match print(&message, output) {
                    Ok(Ok(())) => {}
                    Ok(Err(ReaderGone)) => break Ok(()),
                    Err(error) => break Err(error),
                }
                left = left.map(|left| left - 1);
            }
            Err(error) => break Err(error),
        }
    };
    subscriber.close().await;
    outcome
}

/// The topic and the payload as it came; or all of it as JSON.
fn print(message: &Received, output: &Output) -> Result<std::result::Result<(), ReaderGone>> {
    if output.is_json() {
        return output.json(message);
    }
    let line = [message.topic.as_bytes(), b" ", &message.bytes].concat();
    Ok(output.line(&line))
}

/// The broker that is meant, and who to be there.
pub fn remote(arguments: RemoteArguments) -> Result<Remote> {
    let address = match &arguments.url {
        Some(url) => Address::try_from(url.as_str())?,
        None => Address::new(arguments.host, arguments.port),
    };
    Ok(Remote {
        address,
        version: arguments.mqtt.into(),
        client_id: arguments.id,
        ca: arguments.cafile,
        identity: arguments.cert.zip(arguments.key),
    })
}
