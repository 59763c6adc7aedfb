//! Reads everything that was committed.
//!
//! Duty: rows to records, and doubt: a row that could not have been written by this program is damage. Invariant: a
//! message that several share is one memory again.

use std::collections::HashMap;

use bytes::Bytes;
use mqttwb_model::durable::{
    DeliveryRecord, Restored, RestoredSession, RetainedRecord, SessionKey, SessionRecord,
    ShareRecord, SubscriptionRecord, WillRecord,
};
use mqttwb_model::{ProtocolVersion, QoS, Timestamp, TopicFilter};
use rusqlite::{Connection, Row};

use crate::schema::{QOS, RELEASED, RETAIN};

/// Why not all could be read.
#[derive(Debug)]
pub enum ReadError {
    /// SQLite's word.
    Sqlite(rusqlite::Error),
    /// A row that can't be.
    Damaged(String),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{
            FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType,
        };
        match error {
            FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) => {
                Self::Damaged(error.to_string())
            }
            error => Self::Sqlite(error),
        }
    }
}

type Result<T> = std::result::Result<T, ReadError>;

fn damaged<T>(what: impl Into<String>) -> Result<T> {
    Err(ReadError::Damaged(what.into()))
}

/// A body, and how many rows are still to name it.
struct Body {
    message: Bytes,
    uses: u32,
}

/// Reads all of it.
pub fn everything(connection: &Connection) -> Result<Restored> {
    let mut bodies = bodies(connection)?;
    let mut sessions = sessions(connection)?;
    let at: HashMap<SessionKey, usize> = sessions
        .iter()
        .enumerate()
        .map(|(at, session)| (session.record.key, at))
        .collect();
    let find = |row: &Row<'_>| -> Result<usize> {
        let key = SessionKey(unsigned(row.get("session")?));
        match at.get(&key) {
            Some(at) => Ok(*at),
            None => damaged(format!(
                "a row belongs to session {}, which is not there",
                key.0
            )),
        }
    };
    each(
        connection,
        "SELECT * FROM subscription ORDER BY session, filter",
        |row| {
            sessions[find(row)?].subscriptions.push(subscription(row)?);
            Ok(())
        },
    )?;
    each(
        connection,
        "SELECT * FROM delivery ORDER BY session, seq",
        |row| {
            sessions[find(row)?]
                .deliveries
                .push(delivery(row, &mut bodies)?);
            Ok(())
        },
    )?;
    each(
        connection,
        "SELECT * FROM received ORDER BY session, packet_id",
        |row| {
            let received = (row.get("packet_id")?, message(row, &mut bodies)?);
            sessions[find(row)?].received.push(received);
            Ok(())
        },
    )?;
    let mut retained = Vec::new();
    each(connection, "SELECT * FROM retained ORDER BY topic", |row| {
        retained.push(RetainedRecord {
            topic: row.get::<_, Box<str>>("topic")?.into(),
            message: message(row, &mut bodies)?,
            publisher: row.get::<_, String>("publisher")?.into(),
        });
        Ok(())
    })?;
    if bodies.values().any(|body| body.uses != 0) {
        return damaged("a message is counted more often than it is used");
    }
    for session in &mut sessions {
        // Stored with a sign, so the highest would come first.
        session.deliveries.sort_by_key(|delivery| delivery.seq);
    }
    sessions.sort_by_key(|session| session.record.key);
    Ok(Restored { sessions, retained })
}

fn each(
    connection: &Connection,
    sql: &str,
    mut take: impl FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

fn bodies(connection: &Connection) -> Result<HashMap<i64, Body>> {
    let mut bodies = HashMap::new();
    each(connection, "SELECT * FROM body", |row| {
        let body = Body {
            message: checked(row)?,
            uses: row.get("uses")?,
        };
        bodies.insert(row.get("id")?, body);
        Ok(())
    })?;
    Ok(bodies)
}

fn sessions(connection: &Connection) -> Result<Vec<RestoredSession>> {
    let mut sessions = Vec::new();
    each(connection, "SELECT * FROM session", |row| {
        let will = match row.get::<_, Option<Vec<u8>>>("will")? {
            Some(message) => Some(WillRecord {
                message: message.into(),
                delay: row.get("will_delay")?,
            }),
            None => None,
        };
        sessions.push(RestoredSession {
            record: SessionRecord {
                key: SessionKey(unsigned(row.get("key")?)),
                client: row.get::<_, String>("client")?.into(),
                version: version(row.get("version")?)?,
                expiry: row.get("expiry")?,
                away_since: row
                    .get::<_, Option<i64>>("away_since")?
                    .map(|time| Timestamp(unsigned(time))),
                sent: unsigned(row.get("sent")?),
                will,
            },
            subscriptions: Vec::new(),
            deliveries: Vec::new(),
            received: Vec::new(),
        });
        Ok(())
    })?;
    Ok(sessions)
}

fn subscription(row: &Row<'_>) -> Result<SubscriptionRecord> {
    let text: String = row.get("filter")?;
    let Ok(filter) = TopicFilter::try_from(text.as_str()) else {
        return damaged(format!("{text:?} is no topic filter"));
    };
    Ok(SubscriptionRecord {
        filter,
        options: row.get("options")?,
        id: row.get("id")?,
    })
}

fn delivery(row: &Row<'_>, bodies: &mut HashMap<i64, Body>) -> Result<DeliveryRecord> {
    let flags: u8 = row.get("flags")?;
    let flags = i64::from(flags);
    let Ok(qos) = QoS::try_from((flags & QOS) as u8) else {
        return damaged("a delivery has a QoS of 3");
    };
    let released = flags & RELEASED != 0;
    let ids: Option<Vec<u8>> = row.get("subscription_ids")?;
    let ids = ids.unwrap_or_default();
    let (ids, rest) = ids.as_chunks();
    if !rest.is_empty() {
        return damaged("subscription identifiers are cut off");
    }
    Ok(DeliveryRecord {
        seq: unsigned(row.get("seq")?),
        qos,
        retain: flags & RETAIN != 0,
        released,
        packet_id: row.get("packet_id")?,
        share: share(row)?,
        subscription_ids: ids.iter().copied().map(u32::from_be_bytes).collect(),
        message: if released {
            Bytes::new()
        } else {
            message(row, bodies)?
        },
    })
}

fn share(row: &Row<'_>) -> Result<ShareRecord> {
    let Some(text) = row.get::<_, Option<String>>("share")? else {
        return Ok(ShareRecord::Own);
    };
    if text.is_empty() {
        return Ok(ShareRecord::Unknown);
    }
    match TopicFilter::try_from(text.as_str()) {
        Ok(filter) if filter.share_name().is_some() => Ok(ShareRecord::Of(filter)),
        _ => damaged(format!("{text:?} is no shared subscription")),
    }
}

/// The message of a row, its own or a body's.
fn message(row: &Row<'_>, bodies: &mut HashMap<i64, Body>) -> Result<Bytes> {
    let Some(id) = row.get::<_, Option<i64>>("body")? else {
        return checked(row);
    };
    let Some(body) = bodies.get_mut(&id) else {
        return damaged(format!("message {id} is not there"));
    };
    match body.uses.checked_sub(1) {
        Some(left) => body.uses = left,
        None => {
            return damaged(format!(
                "message {id} is used more often than it is counted"
            ));
        }
    }
    Ok(body.message.clone())
}

/// The message that stands in a row.
fn checked(row: &Row<'_>) -> Result<Bytes> {
    let message: Vec<u8> = row.get("message")?;
    if crc32fast::hash(&message) != row.get::<_, u32>("crc")? {
        return damaged("the bytes of a message are not those that were written");
    }
    Ok(message.into())
}

/// The level byte of CONNECT.
pub fn level(version: ProtocolVersion) -> u8 {
    match version {
        ProtocolVersion::V31 => 3,
        ProtocolVersion::V311 => 4,
        ProtocolVersion::V5 => 5,
    }
}

fn version(level: u8) -> Result<ProtocolVersion> {
    Ok(match level {
        3 => ProtocolVersion::V31,
        4 => ProtocolVersion::V311,
        5 => ProtocolVersion::V5,
        other => return damaged(format!("a session has protocol level {other}")),
    })
}

fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}
