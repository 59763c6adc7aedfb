//! Packets in the formats of others.
//!
//! Duty: write one packet after the other as JSON lines, CSV or pcapng. Not here: files, progress, which packets (app).
//! Invariant: nothing is cut short, and what a recording lost stands where it is missing.

mod pcapng;
mod rows;

use std::io::{self, Write};

use mqttwb_model::ConnectionInfo;
use mqttwb_model::recording::{ConnectionEnd, Gap};

use crate::Packet;

use pcapng::Pcapng;
use rows::Row;

/// A format that packets can be exported in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A JSON object a line.
    Jsonl,
    /// A header and a row for each packet, as RFC 4180 has it.
    Csv,
    /// What Wireshark reads: MQTT over TCP over IP.
    Pcapng,
}

/// Writes packets in a format.
pub struct Exporter<W: Write>(Writer<W>);

enum Writer<W: Write> {
    Jsonl(W),
    Csv(Box<csv::Writer<W>>),
    Pcapng(Box<Pcapng<W>>),
}

impl<W: Write> Exporter<W> {
    /// Begins the file. `comment` says for people where the packets are from.
    pub fn new(format: Format, out: W, comment: &str) -> io::Result<Self> {
        Ok(Self(match format {
            Format::Jsonl => Writer::Jsonl(out),
            Format::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(rows::COLUMNS).map_err(of_csv)?;
                Writer::Csv(Box::new(writer))
            }
            Format::Pcapng => Writer::Pcapng(Box::new(Pcapng::new(out, comment)?)),
        }))
    }

    /// Writes a packet. `info` is `None` where its connection was never announced.
    pub fn packet(&mut self, packet: &Packet<'_>, info: Option<&ConnectionInfo>) -> io::Result<()> {
        match &mut self.0 {
            Writer::Jsonl(out) => {
                serde_json::to_writer(&mut *out, &Row::of(packet, info))?;
                out.write_all(b"\n")
            }
            Writer::Csv(writer) => writer
                .write_record(Row::of(packet, info).columns().iter().map(|c| c.as_bytes()))
                .map_err(of_csv),
            Writer::Pcapng(writer) => writer.packet(packet, info),
        }
    }

    /// Writes that packets are missing here.
    pub fn gap(&mut self, gap: &Gap) -> io::Result<()> {
        match &mut self.0 {
            Writer::Jsonl(out) => {
                serde_json::to_writer(&mut *out, &rows::Missing::of(gap))?;
                out.write_all(b"\n")
            }
            Writer::Csv(writer) => writer
                .write_record(
                    rows::Missing::of(gap)
                        .columns()
                        .iter()
                        .map(|c| c.as_bytes()),
                )
                .map_err(of_csv),
            Writer::Pcapng(writer) => {
                writer.gap(gap);
                Ok(())
            }
        }
    }

    /// Writes that a connection has ended.
    pub fn end(&mut self, end: &ConnectionEnd, info: Option<&ConnectionInfo>) -> io::Result<()> {
        match &mut self.0 {
            Writer::Jsonl(out) => {
                serde_json::to_writer(&mut *out, &rows::Ended::of(end, info))?;
                out.write_all(b"\n")
            }
            Writer::Csv(writer) => writer
                .write_record(
                    rows::Ended::of(end, info)
                        .columns()
                        .iter()
                        .map(|c| c.as_bytes()),
                )
                .map_err(of_csv),
            Writer::Pcapng(writer) => writer.end(end),
        }
    }

    /// Ends the file, and hands what it was written to back.
    pub fn finish(self) -> io::Result<W> {
        let mut out = match self.0 {
            Writer::Jsonl(out) => out,
            Writer::Csv(writer) => writer
                .into_inner()
                .map_err(|error| io::Error::from(error.error().kind()))?,
            Writer::Pcapng(writer) => writer.finish()?,
        };
        out.flush()?;
        Ok(out)
    }
}

impl<W: Write> std::fmt::Debug for Exporter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}

fn of_csv(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests;
