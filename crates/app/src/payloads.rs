//! Payloads as pages see them: decoded by a rule, by their looks, or as somebody asks.
//!
//! Duty: find a payload in what is recorded, hand out its tree and its text a part at a time, compare it with the one before, save
//! it; keep rules and schemas.
//! Not here: decoding (`payload`), keeping packets (`capture`).
//! Invariant: no answer is larger than a part; the whole can be reached by asking for part after part.

mod changes;
mod charted;
mod commands;
mod decoders;
mod find;
mod opened;
mod schemas;
#[cfg(test)]
mod tests;

use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqttwb_capture::Source;
use mqttwb_model::Direction;
use mqttwb_payload::{Decoder, Page, Path, Value, ValueKind, numbers_in, readings};
use parking_lot::Mutex;

use crate::api::{
    NumberAt, NumberReading, PayloadBytes, PayloadImage, PayloadNode, PayloadOpened,
    PayloadRequest, PayloadSaved, PayloadText, PayloadValueKind,
};
use crate::{Result, files};

use find::{find, last_on_topic};
use opened::{Opened, reach};
use schemas::Schemas;

/// Bytes of a text in one answer.
const TEXT: usize = 256 * 1024;
/// Bytes in one answer.
const BYTES: usize = 1024 * 1024;
/// Nodes in one answer.
const NODES: usize = 500;
/// Numbers that are listed.
const NUMBERS: usize = 200;
/// Bytes of a value in a node or a difference.
const BRIEF: usize = 200;
/// Payloads that stay decoded: the one that is looked at, and the one that it is compared with.
const OPEN: usize = 2;
/// The payloads of what is recorded.
#[derive(Debug)]
pub struct Payloads {
    schemas: Mutex<Schemas>,
    /// The last that was asked for comes last.
    open: Mutex<Vec<Open>>,
    downloads: PathBuf,
}

/// What a payload was read from, as what, and what came of it.
type Open = (Weak<dyn Source>, PayloadRequest, Arc<Opened>);

impl Payloads {
    /// With the rules and schemas of a data folder.
    pub fn open_in(data: &FilePath) -> Result<Self> {
        let downloads = directories::UserDirs::new()
            .and_then(|dirs| dirs.download_dir().map(ToOwned::to_owned))
            .unwrap_or_else(|| data.join("payloads"));
        Ok(Self {
            schemas: Mutex::new(Schemas::open(data)?),
            open: Mutex::default(),
            downloads,
        })
    }

    /// A payload as it is read.
    pub fn open(
        &self,
        source: &Arc<dyn Source>,
        request: &PayloadRequest,
    ) -> Result<PayloadOpened> {
        let opened = self.opened(source, request)?;
        let decoded = &opened.decoded;
        let (numbers, number_count) = match &decoded.value {
            Some(value) => numbers_in(value, NUMBERS),
            None => (Vec::new(), 0),
        };
        Ok(PayloadOpened {
            size: opened.found.payload.len() as u32,
            layers: opened.layers.clone(),
            decoder: opened.choice.clone(),
            chosen: opened.chosen.clone(),
            detected: opened.detected.clone(),
            problems: opened.problems.clone(),
            root: decoded
                .value
                .as_ref()
                .map(|value| node(Vec::new(), &Path::default(), None, value)),
            numbers: numbers
                .into_iter()
                .map(|(path, value)| NumberAt {
                    path: path.to_string(),
                    value,
                })
                .collect(),
            number_count: number_count as u32,
            image: decoded.image.map(|image| PayloadImage {
                media_type: image.media_type.to_owned(),
                width: image.pixels.unwrap_or_default().0,
                height: image.pixels.unwrap_or_default().1,
                drawable: image.can_be_drawn(),
            }),
        })
    }

    fn opened(&self, source: &Arc<dyn Source>, request: &PayloadRequest) -> Result<Arc<Opened>> {
        // A recording numbers its packets as the live memory does. A source that is held weakly keeps its address, so no
        // other one can be taken for it.
        let is_it = |of: &Weak<dyn Source>| std::ptr::addr_eq(of.as_ptr(), Arc::as_ptr(source));
        let found = self
            .open
            .lock()
            .iter()
            .find(|(of, open, _)| is_it(of) && open == request)
            .map(|(_, _, opened)| Arc::clone(opened));
        if let Some(opened) = found {
            return Ok(opened);
        }
        let found = find(&**source, request.seq)?;
        let opened = Arc::new(self.read(found, request.decoder.as_ref())?);
        let mut open = self.open.lock();
        if open.len() >= OPEN {
            open.remove(0);
        }
        open.push((Arc::downgrade(source), request.clone(), Arc::clone(&opened)));
        Ok(opened)
    }

    /// Values within a value, from a position on; at most 500.
    pub fn nodes(
        &self,
        source: &Arc<dyn Source>,
        request: &PayloadRequest,
        at: &[u32],
        start: u32,
        count: u32,
    ) -> Result<Vec<PayloadNode>> {
        let opened = self.opened(source, request)?;
        let (path, value) = reach(&opened, at)?;
        let start = start as usize;
        let end = value
            .len()
            .min(start.saturating_add((count as usize).min(NODES)));
        Ok((start..end)
            .filter_map(|position| {
                let (name, child) = value.child(position)?;
                let mut at = at.to_vec();
                at.push(position as u32);
                Some(node(at, &path.child(name, position), name, child))
            })
            .collect())
    }

    /// A value as a text, to copy.
    pub fn value(
        &self,
        source: &Arc<dyn Source>,
        request: &PayloadRequest,
        at: &[u32],
    ) -> Result<String> {
        let opened = self.opened(source, request)?;
        Ok(reach(&opened, at)?.1.plain())
    }

    /// A part of the payload as text: decoded, or as a hex dump of the bytes as they came.
    pub fn text(
        &self,
        source: &Arc<dyn Source>,
        request: &PayloadRequest,
        raw: bool,
        start: u64,
    ) -> Result<PayloadText> {
        let opened = self.opened(source, request)?;
        let mut page = Page::new(start, TEXT);
        if raw {
            mqttwb_payload::hex_dump(&opened.found.payload, &mut page);
        } else {
            opened
                .decoder
                .write(&opened.bytes, &opened.decoded, &mut page);
        }
        let is_json = !raw
            && opened.decoded.value.is_some()
            && !matches!(opened.decoder, Decoder::Text | Decoder::Base64);
        Ok(PayloadText {
            begin: page.begin,
            end: page.begin + page.text.len() as u64,
            total: page.total,
            text: page.text,
            is_json,
        })
    }

    /// A part of the bytes, as they came or as they came out of what was around them; at most 1 MiB.
    pub fn bytes(
        &self,
        source: &Arc<dyn Source>,
        request: &PayloadRequest,
        expanded: bool,
        start: u32,
        count: u32,
    ) -> Result<PayloadBytes> {
        let opened = self.opened(source, request)?;
        let all = opened.all(expanded);
        let start = (start as usize).min(all.len());
        let end = start
            .saturating_add((count as usize).min(BYTES))
            .min(all.len());
        Ok(PayloadBytes {
            bytes: STANDARD.encode(&all[start..end]),
            total: all.len() as u32,
        })
    }

    /// The bytes at a place, read as every number that they could be.
    pub fn readings(
        &self,
        source: &Arc<dyn Source>,
        request: &PayloadRequest,
        at: u32,
    ) -> Result<Vec<NumberReading>> {
        let opened = self.opened(source, request)?;
        let from = opened.found.payload.get(at as usize..).unwrap_or_default();
        let some = &from[..from.len().min(8)];
        Ok(readings(some)
            .into_iter()
            .map(|(layout, value)| NumberReading {
                layout: layout.to_string(),
                value: value.plain(),
            })
            .collect())
    }

    /// Writes the whole payload to a new file in the folder for downloads.
    pub fn save(
        &self,
        source: &Arc<dyn Source>,
        request: &PayloadRequest,
        expanded: bool,
    ) -> Result<PayloadSaved> {
        let opened = self.opened(source, request)?;
        let bytes = opened.all(expanded);
        let stem: String = opened
            .found
            .topic
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(60)
            .collect();
        let ending = opened.ending(expanded);
        files::create_folder(&self.downloads)?;
        let path = self
            .downloads
            .join(format!("{stem}-{}.{ending}", request.seq));
        files::write_bytes(&path, bytes)?;
        Ok(PayloadSaved {
            path: path.display().to_string(),
            size: bytes.len() as u32,
        })
    }

    /// The newest message to a topic after a packet; none where there is none yet.
    pub fn newest(&self, source: &Arc<dyn Source>, topic: &str, after: u64) -> Option<u64> {
        let end = source.kept().end;
        last_on_topic(
            &**source,
            topic,
            (Direction::ToBroker, None),
            after.saturating_add(1),
            end,
        )
    }

    /// The folder for downloads.
    pub(crate) fn downloads(&self) -> &FilePath {
        &self.downloads
    }
}

fn node(at: Vec<u32>, path: &Path, name: Option<&str>, value: &Value) -> PayloadNode {
    let (text, size) = value.brief(BRIEF);
    PayloadNode {
        at,
        path: path.to_string(),
        name: name.map(Into::into),
        kind: value.kind().into(),
        said: value.names().into_iter().map(Into::into).collect(),
        text,
        size: size as u32,
        children: value.len() as u32,
        number: value.number(),
    }
}

impl From<ValueKind> for PayloadValueKind {
    fn from(kind: ValueKind) -> Self {
        match kind {
            ValueKind::Null => Self::Null,
            ValueKind::Bool => Self::Bool,
            ValueKind::Number => Self::Number,
            ValueKind::Text => Self::Text,
            ValueKind::Bytes => Self::Bytes,
            ValueKind::List => Self::List,
            ValueKind::Map => Self::Map,
        }
    }
}
