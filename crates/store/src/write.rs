//! Writes what a list of changes comes to, within a transaction that the caller began.
//!
//! Duty: rows. What goes is written before what comes, so that a file that is full can take a list that makes room.
//! Invariant: `body.uses` is the number of rows that name the body; the triggers count down.

use std::collections::HashMap;

use bytes::Bytes;
use mqttwb_model::durable::{
    DeliveryRecord, RetainedRecord, SessionKey, SessionRecord, ShareRecord,
};
use rusqlite::{Connection, params};

use crate::effect::{Delivery, Effect, SessionEffect, Shared, place};
use crate::schema::{RELEASED, RETAIN};

/// A message up to this long is kept in the row of what it is for, when nothing else shares it: one row instead of two,
/// in a tree whose pages still hold several.
const LONGEST_INLINE: usize = 512;

/// Writes one effect.
pub struct Writer<'c> {
    connection: &'c Connection,
    shared: Shared,
    /// Bodies that this list wrote, by their place in memory.
    bodies: HashMap<(usize, usize), i64>,
    /// The number of the next body.
    next_body: i64,
}

/// Where a message went: three columns.
struct Kept<'a> {
    body: Option<i64>,
    crc: Option<u32>,
    message: Option<&'a [u8]>,
}

const NOWHERE: Kept<'static> = Kept {
    body: None,
    crc: None,
    message: None,
};

impl<'c> Writer<'c> {
    /// Of bodies, `next_body` and those after it are free.
    pub fn new(connection: &'c Connection, next_body: i64) -> Self {
        Self {
            connection,
            shared: Shared::default(),
            bodies: HashMap::new(),
            next_body,
        }
    }

    /// Writes all of it, and says which body is the next.
    pub fn write(mut self, effect: &Effect<'_>) -> rusqlite::Result<i64> {
        self.shared = Shared::of(effect);
        for (key, session) in &effect.sessions {
            self.remove(*key, session)?;
        }
        for topic in effect.retained.keys() {
            self.execute("DELETE FROM retained WHERE topic = ?1", params![topic])?;
        }
        for (key, session) in &effect.sessions {
            self.add(*key, session)?;
        }
        for record in effect.retained.values().flatten() {
            self.retain(record)?;
        }
        Ok(self.next_body)
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    fn remove(&self, key: SessionKey, session: &SessionEffect<'_>) -> rusqlite::Result<()> {
        let key = signed(key.0);
        if session.ended {
            self.execute("DELETE FROM session WHERE key = ?1", [key])?;
            self.execute("DELETE FROM subscription WHERE session = ?1", [key])?;
            self.execute("DELETE FROM delivery WHERE session = ?1", [key])?;
            self.execute("DELETE FROM received WHERE session = ?1", [key])?;
            return Ok(());
        }
        for (filter, record) in &session.subscriptions {
            if record.is_none() {
                self.execute(
                    "DELETE FROM subscription WHERE session = ?1 AND filter = ?2",
                    params![key, filter],
                )?;
            }
        }
        for (seq, delivery) in &session.deliveries {
            match delivery {
                Delivery::New { .. } => {}
                Delivery::Changed {
                    released,
                    packet_id,
                } => {
                    if *released {
                        self.execute(
                            "UPDATE delivery SET flags = flags | 8, body = NULL, crc = NULL, message = NULL
                             WHERE session = ?1 AND seq = ?2",
                            [key, signed(*seq)],
                        )?;
                    }
                    if let Some(packet_id) = packet_id {
                        self.execute(
                            "UPDATE delivery SET packet_id = ?3 WHERE session = ?1 AND seq = ?2",
                            params![key, signed(*seq), packet_id],
                        )?;
                    }
                }
                Delivery::Gone => self.execute(
                    "DELETE FROM delivery WHERE session = ?1 AND seq = ?2",
                    [key, signed(*seq)],
                )?,
            }
        }
        for packet_id in session.received.keys() {
            self.execute(
                "DELETE FROM received WHERE session = ?1 AND packet_id = ?2",
                params![key, packet_id],
            )?;
        }
        Ok(())
    }

    fn add(&mut self, key: SessionKey, session: &SessionEffect<'_>) -> rusqlite::Result<()> {
        if let Some(record) = session.record {
            self.session(record)?;
        }
        let key = signed(key.0);
        for record in session.subscriptions.values().flatten() {
            self.execute(
                "INSERT OR REPLACE INTO subscription (session, filter, options, id) VALUES (?1, ?2, ?3, ?4)",
                params![key, record.filter.as_str(), record.options, record.id],
            )?;
        }
        for delivery in session.deliveries.values() {
            if let Delivery::New {
                record,
                released,
                packet_id,
            } = delivery
            {
                self.deliver(key, record, *released, *packet_id)?;
            }
        }
        for (packet_id, message) in &session.received {
            if let Some(message) = message {
                let kept = self.keep(message)?;
                self.execute(
                    "INSERT INTO received (session, packet_id, body, crc, message) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![key, packet_id, kept.body, kept.crc, kept.message],
                )?;
            }
        }
        Ok(())
    }

    fn session(&self, record: &SessionRecord) -> rusqlite::Result<()> {
        let (will, will_delay) = match &record.will {
            Some(will) => (Some(&will.message[..]), will.delay),
            None => (None, 0),
        };
        self.execute(
            "INSERT OR REPLACE INTO session (key, client, version, expiry, away_since, sent, will, will_delay)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                signed(record.key.0),
                record.client.as_str(),
                crate::read::level(record.version),
                record.expiry,
                record.away_since.map(|time| signed(time.0)),
                signed(record.sent),
                will,
                will_delay,
            ],
        )
    }

    fn deliver(
        &mut self,
        key: i64,
        record: &DeliveryRecord,
        released: bool,
        packet_id: Option<u16>,
    ) -> rusqlite::Result<()> {
        let kept = if released {
            NOWHERE
        } else {
            self.keep(&record.message)?
        };
        let mut flags = i64::from(u8::from(record.qos));
        if record.retain {
            flags |= RETAIN;
        }
        if released {
            flags |= RELEASED;
        }
        let share = match &record.share {
            ShareRecord::Own => None,
            ShareRecord::Of(filter) => Some(filter.as_str()),
            ShareRecord::Unknown => Some(""),
        };
        let ids: Option<Vec<u8>> = (!record.subscription_ids.is_empty()).then(|| {
            let ids = record.subscription_ids.iter();
            ids.flat_map(|id| id.to_be_bytes()).collect()
        });
        self.execute(
            "INSERT OR REPLACE INTO delivery (session, seq, flags, packet_id, share, subscription_ids, body, crc, message)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                key,
                signed(record.seq),
                flags,
                packet_id,
                share,
                ids,
                kept.body,
                kept.crc,
                kept.message
            ],
        )
    }

    fn retain(&mut self, record: &RetainedRecord) -> rusqlite::Result<()> {
        let kept = self.keep(&record.message)?;
        self.execute(
            "INSERT INTO retained (topic, publisher, body, crc, message) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                record.topic.as_ref(),
                record.publisher.as_str(),
                kept.body,
                kept.crc,
                kept.message
            ],
        )
    }

    fn keep<'m>(&mut self, message: &'m Bytes) -> rusqlite::Result<Kept<'m>> {
        let uses = self.shared.uses(message);
        if uses == 1 && message.len() <= LONGEST_INLINE {
            return Ok(Kept {
                body: None,
                crc: Some(crc32fast::hash(message)),
                message: Some(message),
            });
        }
        let body = match self.bodies.get(&place(message)) {
            Some(body) => *body,
            None => {
                let body = self.next_body;
                self.execute(
                    "INSERT INTO body (id, uses, crc, message) VALUES (?1, ?2, ?3, ?4)",
                    params![body, uses, crc32fast::hash(message), &message[..]],
                )?;
                self.next_body += 1;
                self.bodies.insert(place(message), body);
                body
            }
        };
        Ok(Kept {
            body: Some(body),
            ..NOWHERE
        })
    }
}

/// The number with the same bits: SQLite's integers have a sign.
fn signed(number: u64) -> i64 {
    number.cast_signed()
}
