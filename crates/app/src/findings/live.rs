//! What is seen of a broker that runs, as evidence.

use mqttwb_broker::inspect::Page;
use mqttwb_model::Timestamp;

use crate::broker::BrokerControl;

/// Clients or sessions that are asked for at once.
const AT_ONCE: usize = 1_000;

/// A client that is connected.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) client: String,
    pub(super) listener: String,
    /// The user name that it proved.
    pub(super) account: Option<String>,
    /// The name in its certificate.
    pub(super) certificate: Option<String>,
    pub(super) filters: Vec<String>,
    /// Messages a second that it has published since it connected.
    pub(super) rate: f64,
}

impl Seen {
    /// It could be anybody.
    pub(super) fn proved_nothing(&self) -> bool {
        self.account.is_none() && self.certificate.is_none()
    }
}

/// What is seen of a broker that runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Live {
    pub(super) clients: Vec<Seen>,
    /// Sessions that never expire, and how many messages wait in each.
    pub(super) endless: Vec<(String, usize)>,
}

impl BrokerControl {
    /// What is seen now; `None` while the broker does not run.
    pub(super) async fn seen(&self) -> Option<Live> {
        let running = self.running()?;
        let mut live = Live::default();
        let now = Timestamp::now();
        let mut page = Page {
            after: None,
            at_most: AT_ONCE,
        };
        loop {
            let part = running.broker.client_page(page.clone()).await?;
            page.after = part.items.last().map(|client| client.info.client.clone());
            live.clients.extend(part.items.iter().map(|client| {
                // One that has just come is no flood.
                let millis = now
                    .as_millis()
                    .saturating_sub(client.connected_at.as_millis());
                let seconds = (millis as f64 / 1_000.0).max(1.0);
                Seen {
                    client: client.info.client.to_string(),
                    listener: client.info.listener.to_string(),
                    account: client
                        .identity
                        .as_ref()
                        .and_then(|who| who.proved_name().map(str::to_owned)),
                    certificate: client.info.common_name.as_deref().map(str::to_owned),
                    filters: client
                        .filters
                        .iter()
                        .map(|f| f.as_str().to_owned())
                        .collect(),
                    rate: client.messages_in as f64 / seconds,
                }
            }));
            if !part.more || page.after.is_none() {
                break;
            }
        }
        if self.held().broker.limits.session_expiry_max != u32::MAX {
            return Some(live);
        }
        page.after = None;
        loop {
            let part = running.broker.sessions(page.clone()).await?;
            page.after = part.items.last().map(|session| session.client.clone());
            let endless = part
                .items
                .iter()
                .filter(|session| session.expiry == u32::MAX);
            live.endless
                .extend(endless.map(|session| (session.client.to_string(), session.waiting)));
            if !part.more || page.after.is_none() {
                return Some(live);
            }
        }
    }
}
