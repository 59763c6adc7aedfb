//! How long a message takes from one client to another while the broker has little to do.
//!
//! Blocking sockets and a thread for each direction: what is measured is the broker, not a runtime of ours.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::Bench;
use crate::broker::{Broker, Setup};
use crate::frames::{self, PublishFrame, Said, Session};
use crate::load::PAYLOAD;
use crate::report::{Table, median};

/// Between two messages.
const PACE: Duration = Duration::from_millis(1);
/// Not counted, then counted.
const WARM_UP: usize = 500;
const MESSAGES: usize = 4_000;
const PATIENCE: Duration = Duration::from_secs(10);

pub fn measure(bench: &Bench) -> io::Result<String> {
    let all = bench.interleaved(Setup::Usual, |_, broker| {
        Ok([at_qos(broker, 0)?, at_qos(broker, 1)?])
    })?;
    let kinds = bench.kinds();
    let mut table = Table::new("µs", kinds.iter().map(|kind| kind.name().to_owned()));
    for qos in 0..2 {
        for (name, part) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
            let cells = all.iter().map(|rounds| {
                let nanos = rounds.iter().map(|round| percentile(&round[qos], part));
                format!("{:.0}", median(nanos) / 1e3)
            });
            table.row(&format!("QoS {qos}, {name}"), cells);
        }
    }
    Ok(format!(
        "Latency at 1,000 messages a second, one publisher, one subscriber, {PAYLOAD} B payloads, from before the write to \
         after the read; medians of {} interleaved rounds of {MESSAGES} messages.\n\n{table}",
        bench.rounds
    ))
}

/// Of sorted values.
fn percentile(sorted: &[u64], part: f64) -> f64 {
    let at = (sorted.len() as f64 * part).ceil() as usize;
    sorted
        .get(at.saturating_sub(1))
        .map_or(0.0, |nanos| *nanos as f64)
}

/// Nanoseconds that the messages took, sorted.
fn at_qos(broker: &Broker, qos: u8) -> io::Result<Vec<u64>> {
    let topic = format!("latency/{qos}");
    let mut subscriber = Client::open(broker, &format!("s-{qos}"))?;
    subscriber
        .stream
        .write_all(&frames::subscribe(&topic, qos))?;
    subscriber.until(|said| matches!(said, Said::Subscribed { .. }))?;
    let mut publisher = Client::open(broker, &format!("p-{qos}"))?;
    let epoch = Instant::now();
    let nanos = move || epoch.elapsed().as_nanos() as u64;

    let receiving = thread::spawn(move || -> io::Result<Vec<u64>> {
        let mut taken = Vec::with_capacity(WARM_UP + MESSAGES);
        while taken.len() < WARM_UP + MESSAGES {
            let mut answers = Vec::new();
            subscriber.read(|said| {
                if let Said::Published { qos, id, payload } = said {
                    let now = nanos();
                    let sent = payload
                        .first_chunk()
                        .map_or(now, |stamp| u64::from_le_bytes(*stamp));
                    taken.push(now - sent);
                    if qos > 0 {
                        frames::puback(&mut answers, id);
                    }
                }
            })?;
            subscriber.stream.write_all(&answers)?;
        }
        Ok(taken)
    });
    // What the broker answers the publisher is read, so that it never waits.
    let mut answers = publisher.stream.try_clone()?;
    let answered = thread::spawn(move || io::copy(&mut answers, &mut io::sink()));

    let frame = PublishFrame::new(&topic, qos, &[b'x'; PAYLOAD]);
    let mut out = Vec::new();
    let begin = Instant::now();
    for number in 0..WARM_UP + MESSAGES {
        let due = begin + PACE * number as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        out.clear();
        frame.write_stamped(&mut out, (number % 60_000) as u16 + 1, nanos());
        publisher.stream.write_all(&out)?;
    }
    let ended = |_| io::Error::other("a thread failed");
    let mut taken = receiving.join().map_err(ended)??;
    publisher.stream.shutdown(std::net::Shutdown::Both)?;
    let _ = answered.join().map_err(ended)?;
    let mut counted = taken.split_off(WARM_UP);
    counted.sort_unstable();
    Ok(counted)
}

struct Client {
    stream: TcpStream,
    bytes: Vec<u8>,
    filled: usize,
}

impl Client {
    fn open(broker: &Broker, name: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(broker.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = Self {
            stream,
            bytes: vec![0; 64 * 1024],
            filled: 0,
        };
        client
            .stream
            .write_all(&frames::connect(name, Session::Clean))?;
        client.until(|said| *said == Said::Connected)?;
        Ok(client)
    }

    fn until(&mut self, wanted: impl Fn(&Said<'_>) -> bool) -> io::Result<()> {
        let mut met = false;
        while !met {
            self.read(|said| met |= wanted(&said))?;
        }
        Ok(())
    }

    /// Reads once, and hands on every whole frame.
    fn read(&mut self, each: impl FnMut(Said<'_>)) -> io::Result<()> {
        let count = self.stream.read(&mut self.bytes[self.filled..])?;
        if count == 0 {
            return Err(io::Error::other("the broker closed the connection"));
        }
        self.filled += count;
        let used = frames::read(&self.bytes[..self.filled], each)?;
        self.bytes.copy_within(used..self.filled, 0);
        self.filled -= used;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_value_that_so_many_do_not_exceed() {
        let sorted: Vec<u64> = (1..=1_000).collect();
        assert_eq!(percentile(&sorted, 0.5), 500.0);
        assert_eq!(percentile(&sorted, 0.999), 999.0);
        assert_eq!(percentile(&[7], 0.99), 7.0);
    }
}
