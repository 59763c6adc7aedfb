//! What can be asked of the traffic: packets, messages, stories and topics.

use mqttwb_model::Timestamp;

use crate::api::*;
use crate::{App, Result, blocking, traffic};

/// Subscriptions that the detail of a topic names.
const SUBSCRIBERS: u32 = 50;

impl App {
    /// Opens a view on the traffic.
    pub async fn traffic_open(&self, filter: TrafficFilter) -> Result<u32> {
        self.traffic.open(&filter)
    }

    /// Changes the filter of a view; its positions begin anew.
    pub async fn traffic_filter(&self, view: u32, filter: TrafficFilter) -> Result<()> {
        self.traffic.filter(view, &filter)
    }

    /// Closes a view.
    pub async fn traffic_close(&self, view: u32) -> Result<()> {
        self.traffic.close(view)
    }

    /// The state of a view, with at most `tail` of its newest rows. `frame` is 0; who sends it numbers it.
    pub async fn traffic_frame(&self, view: u32, tail: u32) -> Result<TrafficFrame> {
        self.traffic.frame(view, tail)
    }

    /// Rows of a view from a position on; at most 1,000.
    pub async fn traffic_rows(&self, view: u32, start: u64, count: u32) -> Result<TrafficRows> {
        self.traffic.rows(view, start, count)
    }

    /// Everything about one packet; `whole` for all its bytes however many they are.
    pub async fn packet_detail(&self, seq: u64, whole: bool) -> Result<PacketDetail> {
        self.traffic.detail(seq, whole)
    }

    /// Opens a view on the messages.
    pub async fn messages_open(&self, filter: TrafficFilter) -> Result<u32> {
        self.traffic.messages().open(&filter)
    }

    /// Changes the filter of a view on the messages; its positions begin anew.
    pub async fn messages_filter(&self, view: u32, filter: TrafficFilter) -> Result<()> {
        self.traffic.messages().filter(view, &filter)
    }

    /// Closes a view on the messages.
    pub async fn messages_close(&self, view: u32) -> Result<()> {
        self.traffic.messages().close(view)
    }

    /// The state of a view on the messages, with at most `tail` of its newest rows. `frame` is 0; who sends it numbers it.
    pub async fn messages_frame(&self, view: u32, tail: u32) -> Result<MessagesFrame> {
        self.traffic.messages().frame(view, tail)
    }

    /// Messages of a view from a position on; at most 1,000.
    pub async fn message_rows(&self, view: u32, start: u64, count: u32) -> Result<MessageRows> {
        self.traffic.messages().rows(view, start, count)
    }

    /// The story of a message: its publish and everything that follows from it.
    pub async fn story(&self, request: StoryRequest) -> Result<Story> {
        let source = self.traffic.source();
        blocking(move || traffic::story(source.as_ref(), &request)).await
    }

    /// Writes a sequence diagram into the folder of exports, under a name made of this one. Where it is.
    pub async fn flow_save(&self, name: String, svg: String) -> Result<String> {
        let folder = self.data.join("exports");
        blocking(move || traffic::save_flow(&folder, &name, &svg)).await
    }

    /// Opens a view on the topic tree.
    pub async fn topics_open(&self) -> Result<u32> {
        Ok(self.traffic.topics().open())
    }

    /// Shows only topics whose name holds a text, or that match a topic filter with wildcards.
    pub async fn topics_filter(&self, view: u32, text: String) -> Result<()> {
        self.traffic.topics().filter(view, &text)
    }

    /// Opens or closes a branch of the topic tree.
    pub async fn topics_branch(&self, view: u32, node: u32, open: bool) -> Result<()> {
        self.traffic.topics().set_open(view, node, open)
    }

    /// Opens everything below a branch of the topic tree, or all of it. Returns how many branches stay closed, since more rows
    /// than a person can look through would be shown.
    pub async fn topics_open_all(&self, view: u32, node: Option<u32>) -> Result<u32> {
        self.traffic.topics().open_all(view, node)
    }

    /// The place of the next row of the topic tree, from a place on and round to it, whose level begins with a text.
    pub async fn topics_seek(&self, view: u32, from: u32, text: String) -> Result<Option<u32>> {
        self.traffic.topics().seek(view, from, &text)
    }

    /// Closes a view on the topic tree.
    pub async fn topics_close(&self, view: u32) -> Result<()> {
        self.traffic.topics().close(view)
    }

    /// The rows of the topic tree in sight. `frame` is 0; who sends it numbers it.
    pub async fn topics_frame(&self, view: u32, look: TopicsLook) -> Result<TopicsFrame> {
        self.traffic.topics().frame(view, &look, Timestamp::now())
    }

    /// Everything about a topic: what was seen of it, and what the broker knows where it runs.
    pub async fn topic(&self, topic: String) -> Result<TopicDetail> {
        let mut detail = self.traffic.topics().detail(&topic, Timestamp::now());
        let wanted = SubscriptionRequest {
            client_id: None,
            topic: Some(topic.clone()),
        };
        // A broker that does not run, and a topic that none would take, have neither.
        if let Ok(page) = self.broker_subscriptions(wanted, first(SUBSCRIBERS)).await {
            detail.subscriber_count = page.total;
            detail.subscribers = page.items;
        }
        if let Ok(page) = self.broker_retained(&topic, first(1)).await {
            detail.retained = page.items.into_iter().next();
        }
        Ok(detail)
    }

    /// Forgets every packet.
    pub async fn traffic_clear(&self) -> Result<()> {
        self.traffic.clear()
    }
}

/// The first entries of a list.
fn first(count: u32) -> PageRequest {
    PageRequest { after: None, count }
}
