//! Recordings into the formats of others, and out of them.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mqttwb_capture::export::{Exporter, Format};
use mqttwb_capture::import::{Found, ImportError, Importer, Sink};
use mqttwb_capture::{Filter, Packer, Packet, Recording, Source};
use mqttwb_model::recording::{About, ConnectionEnd, Gap, GapCause, Origin, PackedSegment};
use mqttwb_model::{ConnectionId, ConnectionInfo, Timestamp};
use mqttwb_store::recording::{Part, RecordingWriter};

use crate::Result;
use crate::api::{ApiError, ErrorCode};
use crate::files;

use super::work::Work;
use super::{archive_failed, library};

/// Packets that are read at a time: some megabytes.
const AT_ONCE: u64 = 4 * 1024;
/// Segments that are written together.
const TOGETHER: usize = 64;

/// How each SQLite file begins, and so each recording.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// Bytes that are copied at a time.
const CHUNK: usize = 1 << 20;

/// Writes what passes the filter into a new file. Returns how many packets. Where it fails or is cancelled nothing is left.
pub fn export(
    recording: &Arc<Recording>,
    filter: &Filter,
    format: Format,
    out: &Path,
    work: &Work,
) -> Result<u64> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => ApiError::new(
            ErrorCode::AlreadyExists,
            format!("{} is there already.", out.display()),
        )
        .hint("An export overwrites nothing: name another file, or remove that one."),
        _ => files::error("could not be written", out, &error),
    };
    let file = new_file(out).map_err(failed)?;
    let exported = write(
        recording,
        filter,
        format,
        BufWriter::new(file),
        work,
        failed,
    );
    if exported.is_err() {
        // It was made by this call, and a part of it would look like the whole.
        let _ = fs::remove_file(out);
    }
    exported
}

fn write(
    recording: &Arc<Recording>,
    filter: &Filter,
    format: Format,
    out: BufWriter<File>,
    work: &Work,
    failed: impl Fn(io::Error) -> ApiError,
) -> Result<u64> {
    let kept = recording.kept();
    work.total(kept.end - kept.start);
    let about = recording.about();
    let comment = format!("Recorded by MQTT Workbench. {}", about.detail);
    let mut exporter = Exporter::new(format, out, comment.trim()).map_err(&failed)?;
    let mut gaps = recording.gaps().iter().peekable();
    let mut exported = 0;
    // Connections that have a packet in the file: the end of another would come out of nothing.
    let mut begun = HashSet::new();
    let mut next = kept.start;
    while next < kept.end {
        work.check()?;
        let packets = recording.read(next, AT_ONCE);
        let end = packets.end().max(next + 1);
        let mut ends = ends(recording, next..end)?.into_iter().peekable();
        for packet in packets.passing(filter, &**recording) {
            while let Some(gap) = gaps.next_if(|gap| gap.before <= packet.seq) {
                exporter.gap(gap).map_err(&failed)?;
            }
            while let Some(end) = ends.next_if(|end| end.before <= packet.seq) {
                export_end(&mut exporter, recording, &mut begun, &end).map_err(&failed)?;
            }
            let info = recording.connection(packet.connection);
            exporter.packet(&packet, info.as_deref()).map_err(&failed)?;
            begun.insert(packet.connection);
            exported += 1;
        }
        for end in ends {
            export_end(&mut exporter, recording, &mut begun, &end).map_err(&failed)?;
        }
        next = end;
        work.done(next.min(kept.end) - kept.start);
    }
    for gap in gaps {
        exporter.gap(gap).map_err(&failed)?;
    }
    for end in ends(recording, next..u64::MAX)? {
        export_end(&mut exporter, recording, &mut begun, &end).map_err(&failed)?;
    }
    let file = exporter.finish().map_err(&failed)?;
    let file = file
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(&failed)?;
    if recording.damaged() > 0 {
        return Err(ApiError::new(
            ErrorCode::File,
            format!(
                "{} packets of the recording are damaged and can't be read, so it is not exported.",
                recording.damaged()
            ),
        ));
    }
    Ok(exported)
}

fn ends(recording: &Recording, before: Range<u64>) -> Result<Vec<ConnectionEnd>> {
    let mut ends = Vec::new();
    recording
        .ends(before, &mut |end| ends.push(end))
        .map_err(|error| archive_failed(&error))?;
    Ok(ends)
}

fn export_end<W: Write>(
    exporter: &mut Exporter<W>,
    recording: &Recording,
    begun: &mut HashSet<ConnectionId>,
    end: &ConnectionEnd,
) -> io::Result<()> {
    if begun.remove(&end.connection) {
        let info = recording.connection(end.connection);
        exporter.end(end, info.as_deref())?;
    }
    Ok(())
}

/// A file that was not there, which only its owner can read.
fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a recording of a capture. Where it fails or is cancelled nothing is left.
pub fn import(from: &Path, to: &Path, work: &Work) -> Result<Found> {
    let failed = |error: io::Error| files::error("could not be read", from, &error);
    let file = File::open(from).map_err(failed)?;
    work.total(file.metadata().map_err(failed)?.len());
    let counted = Counted {
        file,
        read: 0,
        work: work.clone(),
    };
    let importer = Importer::new(BufReader::with_capacity(1 << 20, counted))
        .map_err(|error| import_failed(from, &error))?;
    let now = Timestamp::now();
    let about = About {
        origin: Origin::Import,
        detail: format!("Imported from {}.", from.display()),
        begun: now,
        ended: None,
        rolled_off: 0,
    };
    let writer = RecordingWriter::create(to, &about).map_err(|error| archive_failed(&error))?;
    let imported = read(importer, writer, from, work);
    if imported.is_err() {
        remove(to);
    }
    imported
}

/// Whether a file is a recording already, and no capture of another program.
pub fn is_recording(from: &Path) -> Result<bool> {
    let failed = |error: io::Error| files::error("could not be read", from, &error);
    let mut begin = Vec::new();
    let file = File::open(from).map_err(failed)?;
    file.take(SQLITE.len() as u64)
        .read_to_end(&mut begin)
        .map_err(failed)?;
    Ok(begin == SQLITE)
}

/// Takes in a recording from elsewhere: a copy, which has to open. Returns how many packets it has. Where it fails or is
/// cancelled nothing is left.
pub fn adopt(from: &Path, to: &Path, work: &Work) -> Result<u64> {
    let adopted = copy(from, to, work).and_then(|()| {
        let recording = library::open(to)?;
        let kept = recording.kept();
        Ok(kept.end - kept.start)
    });
    if adopted.is_err() {
        remove(to);
    }
    adopted
}

fn copy(from: &Path, to: &Path, work: &Work) -> Result<()> {
    // A writer that was killed left its last parts beside the file.
    let parts = ["", "-wal"].map(|suffix| (beside(from, suffix), beside(to, suffix)));
    let size = |(from, _): &(PathBuf, PathBuf)| fs::metadata(from).map_or(0, |found| found.len());
    work.total(parts.iter().map(size).sum());
    let mut done = 0;
    for (from, to) in parts {
        let reading = |error: io::Error| files::error("could not be read", &from, &error);
        let writing = |error: io::Error| files::error("could not be written", &to, &error);
        let mut source = match File::open(&from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && done > 0 => continue,
            source => source.map_err(reading)?,
        };
        let mut target = new_file(&to).map_err(writing)?;
        loop {
            work.check()?;
            let mut chunk = Vec::with_capacity(CHUNK);
            let read = (&mut source).take(CHUNK as u64).read_to_end(&mut chunk);
            if read.map_err(reading)? == 0 {
                break;
            }
            target.write_all(&chunk).map_err(writing)?;
            done += chunk.len() as u64;
            work.done(done);
        }
        target.sync_all().map_err(writing)?;
    }
    RecordingWriter::settle(to).map_err(|error| archive_failed(&error))
}

fn read(
    mut importer: Importer<BufReader<Counted>>,
    mut writer: RecordingWriter,
    from: &Path,
    work: &Work,
) -> Result<Found> {
    let mut into = Into::default();
    loop {
        let more = importer
            .step(&mut into)
            .map_err(|error| import_failed(from, &error))?;
        if into.segments.len() >= TOGETHER || !more {
            work.check()?;
            if !more {
                into.segments.extend(into.packer.pack());
            }
            into.write(&mut writer)?;
        }
        if !more {
            break;
        }
    }
    let found = importer.finish();
    if found.packets == 0 {
        return Err(ApiError::new(
            ErrorCode::InvalidInput,
            format!("There is no MQTT in {}: {}.", from.display(), told(&found)),
        )
        .hint(
            "MQTT is found in TCP without TLS or WebSocket, from its CONNECT on or at port 1883.",
        ));
    }
    writer
        .finish(Timestamp::now())
        .map_err(|error| archive_failed(&error))?;
    Ok(found)
}

/// What was found, in words: what was MQTT, and what was not.
pub fn told(found: &Found) -> String {
    let mut told = format!(
        "{} packets of MQTT in {} connections, of {} packets of the network",
        found.packets, found.connections, found.read
    );
    for (what, count) in &found.others {
        told.push_str(&format!("; {count} connections: {what}"));
    }
    for (count, what) in [
        (found.not_tcp, "packets without TCP"),
        (found.cut_short, "packets captured in part only"),
        (found.missing_bytes, "bytes of MQTT that could not be read"),
    ] {
        if count > 0 {
            told.push_str(&format!("; {count} {what}"));
        }
    }
    told
}

/// Removes a recording's files.
pub fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        // Most of them are not there.
        let _ = fs::remove_file(beside(path, suffix));
    }
}

/// The file of the same name with something behind it, as SQLite makes them.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    name.into()
}

fn import_failed(from: &Path, error: &ImportError) -> ApiError {
    ApiError::new(
        ErrorCode::InvalidInput,
        format!("{} can't be imported: {error}.", from.display()),
    )
}

/// A file that tells how much of it was read.
struct Counted {
    file: File,
    read: u64,
    work: Work,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.read += read as u64;
        self.work.done(self.read);
        Ok(read)
    }
}

/// Packets on their way into a recording.
#[derive(Default)]
struct Into {
    packer: Packer,
    segments: Vec<PackedSegment>,
    connections: Vec<ConnectionInfo>,
    gaps: Vec<Gap>,
    ends: Vec<ConnectionEnd>,
}

impl Into {
    fn write(&mut self, writer: &mut RecordingWriter) -> Result<()> {
        let topics = self.packer.take_topics();
        writer
            .write(&Part {
                topics: &topics,
                connections: &self.connections,
                segments: &self.segments,
                gaps: &self.gaps,
                ends: &self.ends,
            })
            .map_err(|error| archive_failed(&error))?;
        self.segments.clear();
        self.connections.clear();
        self.gaps.clear();
        self.ends.clear();
        Ok(())
    }
}

impl Sink for Into {
    fn connected(&mut self, info: ConnectionInfo) {
        self.connections.push(info);
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        self.segments.extend(self.packer.push(packet));
    }

    fn ended(&mut self, connection: ConnectionId, at: Timestamp, why: &str) {
        self.ends.push(ConnectionEnd {
            connection,
            before: self.packer.next_seq(),
            at,
            why: why.into(),
        });
    }

    fn missing(&mut self, packets: u64) {
        self.gaps.push(Gap {
            before: self.packer.next_seq(),
            packets,
            cause: GapCause::NotCaptured,
            at: Timestamp::now(),
        });
    }
}
