//! What the window asks of payloads. Decoding takes as long as the payload is large, so it happens off the threads that
//! serve connections.

use std::sync::Arc;

use mqttwb_capture::Source;

use super::Payloads;
use crate::api::{
    DecoderRule, Decoders, NumberReading, PayloadBytes, PayloadDiff, PayloadNode, PayloadOpened,
    PayloadRequest, PayloadSaved, PayloadText, SchemaFile,
};
use crate::{App, Result, blocking};

impl App {
    async fn payload<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Payloads, &Arc<dyn Source>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (payloads, source) = (Arc::clone(&self.payloads), self.traffic.source());
        blocking(move || work(&payloads, &source)).await
    }

    /// A payload as it is read: by a rule, by its looks, or as asked.
    pub async fn payload_open(&self, request: PayloadRequest) -> Result<PayloadOpened> {
        self.payload(move |payloads, source| payloads.open(source, &request))
            .await
    }

    /// Values within a value of a payload, which is named by its positions; at most 500.
    pub async fn payload_nodes(
        &self,
        request: PayloadRequest,
        at: Vec<u32>,
        start: u32,
        count: u32,
    ) -> Result<Vec<PayloadNode>> {
        self.payload(move |payloads, source| payloads.nodes(source, &request, &at, start, count))
            .await
    }

    /// A value of a payload as a text, whole.
    pub async fn payload_value(&self, request: PayloadRequest, at: Vec<u32>) -> Result<String> {
        self.payload(move |payloads, source| payloads.value(source, &request, &at))
            .await
    }

    /// A part of a payload as text; `raw` for a hex dump of the bytes as they came.
    pub async fn payload_text(
        &self,
        request: PayloadRequest,
        raw: bool,
        start: u64,
    ) -> Result<PayloadText> {
        self.payload(move |payloads, source| payloads.text(source, &request, raw, start))
            .await
    }

    /// A part of a payload's bytes, at most 1 MiB; `expanded` for those within what was around them.
    pub async fn payload_bytes(
        &self,
        request: PayloadRequest,
        expanded: bool,
        start: u32,
        count: u32,
    ) -> Result<PayloadBytes> {
        self.payload(move |payloads, source| {
            payloads.bytes(source, &request, expanded, start, count)
        })
        .await
    }

    /// The bytes at a place of a payload, read as every number that they could be.
    pub async fn payload_readings(
        &self,
        request: PayloadRequest,
        at: u32,
    ) -> Result<Vec<NumberReading>> {
        self.payload(move |payloads, source| payloads.readings(source, &request, at))
            .await
    }

    /// What differs from the message before on the same topic.
    pub async fn payload_diff(&self, request: PayloadRequest) -> Result<PayloadDiff> {
        self.payload(move |payloads, source| payloads.diff(source, &request))
            .await
    }

    /// Writes a whole payload to a new file in the folder for downloads.
    pub async fn payload_save(
        &self,
        request: PayloadRequest,
        expanded: bool,
    ) -> Result<PayloadSaved> {
        self.payload(move |payloads, source| payloads.save(source, &request, expanded))
            .await
    }

    /// The number of the newest message to a topic after a packet; none where there is none yet.
    pub async fn payload_newest(&self, topic: String, after: u64) -> Result<Option<u64>> {
        self.payload(move |payloads, source| Ok(payloads.newest(source, &topic, after)))
            .await
    }

    /// Rules for decoders, and schemas.
    pub async fn decoders(&self) -> Decoders {
        self.payloads.decoders()
    }

    /// Payloads of a topic filter are always read this way from now on; the newest rule is asked first.
    pub async fn decoder_rule_set(&self, rule: DecoderRule) -> Result<Decoders> {
        self.payload(move |payloads, _| payloads.set_rule(rule))
            .await
    }

    /// Removes the rule for a topic filter.
    pub async fn decoder_rule_remove(&self, filter: String) -> Result<Decoders> {
        self.payload(move |payloads, _| payloads.remove_rule(&filter))
            .await
    }

    /// Adds a schema, or puts it in place of the one of that name.
    pub async fn schema_add(&self, file: SchemaFile) -> Result<Decoders> {
        self.payload(move |payloads, _| payloads.add_schema(&file))
            .await
    }

    /// Removes a schema. Returns it, for an undo.
    pub async fn schema_remove(&self, name: String) -> Result<SchemaFile> {
        self.payload(move |payloads, _| payloads.remove_schema(&name))
            .await
    }
}
