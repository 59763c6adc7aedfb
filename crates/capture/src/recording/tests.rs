use std::collections::BTreeMap;

use mqttwb_model::recording::{GapCause, Origin, PackedSegment, SegmentIndex};
use mqttwb_model::{ClientPattern, Direction, Observer, PacketType, QoS, TopicFilter};
use proptest::prelude::*;

use super::*;
use crate::shown::{connection, mark, packet, publish};
use crate::{Capture, Cursor, View};

/// A recording in memory.
#[derive(Debug, Default)]
struct Kept {
    segments: BTreeMap<u64, PackedSegment>,
    topics: Vec<(u32, Box<str>)>,
    connections: Vec<ConnectionInfo>,
    gaps: Vec<Gap>,
    ends: Vec<ConnectionEnd>,
}

impl Archive for Kept {
    fn segment(&self, first: u64) -> Result<Vec<u8>, ArchiveError> {
        Ok(self.segments[&first].bytes.clone())
    }
    fn directory(&self) -> Result<Vec<SegmentEntry>, ArchiveError> {
        Ok(self.segments.values().map(|kept| kept.entry).collect())
    }
    fn indexes(&self, each: &mut dyn FnMut(u64, &SegmentIndex)) -> Result<(), ArchiveError> {
        self.segments
            .values()
            .for_each(|kept| each(kept.entry.first, &kept.index));
        Ok(())
    }
    fn topics(&self, each: &mut dyn FnMut(u32, &str)) -> Result<(), ArchiveError> {
        self.topics
            .iter()
            .for_each(|(number, topic)| each(*number, topic));
        Ok(())
    }
    fn connections(&self, each: &mut dyn FnMut(&ConnectionInfo)) -> Result<(), ArchiveError> {
        self.connections.iter().for_each(each);
        Ok(())
    }
    fn connection(&self, id: ConnectionId) -> Result<Option<ConnectionInfo>, ArchiveError> {
        Ok(self.connections.iter().find(|info| info.id == id).cloned())
    }
    fn end(&self, id: ConnectionId) -> Result<Option<ConnectionEnd>, ArchiveError> {
        Ok(self.ends.iter().find(|end| end.connection == id).cloned())
    }
    fn ends(
        &self,
        before: Range<u64>,
        each: &mut dyn FnMut(ConnectionEnd),
    ) -> Result<(), ArchiveError> {
        let ends = self.ends.iter();
        ends.filter(|end| before.contains(&end.before))
            .cloned()
            .for_each(each);
        Ok(())
    }
    fn gaps(&self) -> Result<Vec<Gap>, ArchiveError> {
        Ok(self.gaps.clone())
    }
    fn about(&self) -> Result<About, ArchiveError> {
        Ok(About {
            origin: Origin::Broker,
            detail: String::new(),
            begun: Timestamp(0),
            ended: None,
            rolled_off: 0,
        })
    }
}

fn info(id: u64) -> ConnectionInfo {
    connection(id, &format!("client-{id}"))
}

/// A PUBLISH whose payload has so many bytes.
fn publish_of(topic: &str, qos: u8, size: usize) -> Vec<u8> {
    publish(topic, qos, &vec![b'x'; size])
}

fn see(capture: &Capture, connection: u64, direction: Direction, frame: &[u8]) {
    let at = capture.kept().end * 1_000;
    packet(capture, (connection, direction), frame, mark(at, frame));
}

/// Records all that is in the capture, packing the open segment now and then as a recorder does.
fn record(capture: &Arc<Capture>, connections: u64) -> Kept {
    let mut packer = Packer::new();
    let mut kept = Kept {
        connections: (0..connections).map(info).collect(),
        ..Kept::default()
    };
    let mut cursor = Cursor::at_oldest(capture.clone());
    loop {
        let batch = cursor.next_batch();
        if batch.is_empty() {
            break;
        }
        for packet in batch.iter() {
            let full = packer.push(&packet);
            let open = (packet.seq % 100 == 0).then(|| packer.pack()).flatten();
            for packed in full.into_iter().chain(open) {
                kept.segments.insert(packed.entry.first, packed);
            }
        }
    }
    if let Some(packed) = packer.pack() {
        kept.segments.insert(packed.entry.first, packed);
    }
    kept.topics = packer.take_topics();
    kept
}

fn opened(kept: Kept) -> Arc<Recording> {
    Arc::new(Recording::open(Arc::new(kept)).unwrap())
}

/// What a filter shows, whatever the source.
fn shown(source: Arc<dyn Source>, filter: &Filter) -> Vec<(u64, Vec<u8>)> {
    let mut view = View::new(source, filter.clone());
    while view.advance(500) {}
    let mut rows = Vec::new();
    while rows.len() < (view.positions().end - view.positions().start) as usize {
        let (_, page) = view.rows(rows.len() as u64, 700);
        rows.extend(
            page.iter()
                .map(|packet| (packet.seq, packet.frame.to_vec())),
        );
    }
    rows
}

#[test]
fn a_recording_is_read_as_the_live_memory_is() {
    let capture = Capture::new(8 << 20);
    for n in 0..6_000u64 {
        see(
            &capture,
            n % 7,
            Direction::ToBroker,
            &publish_of(&format!("plant/{}", n % 50), 1, 100),
        );
    }
    let kept = record(&capture, 7);
    assert!(kept.segments.len() > 3, "{}", kept.segments.len());
    let recording = opened(kept);
    assert_eq!(recording.kept(), capture.kept());
    let mut live = Cursor::at_oldest(capture.clone());
    let mut recorded = Cursor::at_oldest(recording.clone());
    for _ in 0..6_000 {
        let (a, b) = (live.next_batch(), recorded.next_batch());
        assert!(a.iter().eq(b.iter()));
        assert_eq!(b.missed, 0);
        if b.is_empty() {
            break;
        }
    }
    assert_eq!(recorded.next_seq(), 6_000);
    assert!(recording.packet(6_000).get(6_000).is_none());
    assert_eq!(
        recording.packet(4_321).get(4_321),
        capture.packet(4_321).get(4_321)
    );
    let named = recording.connection(ConnectionId(3)).unwrap();
    assert_eq!(named.client.as_str(), "client-3");
    assert!(recording.connection(ConnectionId(99)).is_none());
    assert_eq!(recording.span(), Some((Timestamp(0), Timestamp(5_999_000))));
}

#[test]
fn a_topic_that_was_forgotten_is_new_when_it_comes_again() {
    let capture = Capture::new(8 << 20);
    for n in 0..2_000u64 {
        see(
            &capture,
            1,
            Direction::ToBroker,
            &publish_of(if n < 1_000 { "a" } else { "b" }, 1, 200),
        );
    }
    see(&capture, 1, Direction::ToBroker, &publish_of("a", 1, 200));
    let mut packer = Packer::new();
    let batch = Cursor::at_oldest(capture.clone()).next_batch();
    let packets: Vec<_> = batch.iter().collect();
    for packet in &packets[..2_000] {
        packer.push(packet);
    }
    assert_eq!(packer.take_topics(), [(0, "a".into()), (1, "b".into())]);
    assert_eq!(packer.open_index().topics, Some(vec![1]));
    packer.forget_topics(&[0]);
    packer.push(&packets[2_000]);
    assert_eq!(packer.take_topics(), [(2, "a".into())]);
    let open = packer.open_index();
    assert!(open.names_topic(2) && open.names_topic(1) && !open.names_topic(0));
    assert!(open.names_connection(ConnectionId(1)));
}

#[test]
fn a_search_leaves_out_segments_that_cannot_hold_what_is_sought() {
    let capture = Capture::new(8 << 20);
    for n in 0..5_000u64 {
        let topic = if n == 4_321 { "rare/one" } else { "common" };
        see(
            &capture,
            u64::from(n == 17),
            Direction::ToBroker,
            &publish_of(topic, 0, 100),
        );
    }
    let recording = opened(record(&capture, 2));
    let all = recording.directory.len();
    assert!(all > 3);
    let rare = Filter::all().topic(TopicFilter::try_from("rare/#").unwrap());
    for (filter, seq) in [
        (rare, 4_321),
        (Filter::all().text("RARE"), 4_321),
        (Filter::all().text("client-1"), 17),
        (Filter::all().client(ClientPattern::from("client-1")), 17),
        (
            Filter::all()
                .from(Timestamp(4_321_000))
                .until(Timestamp(4_321_001)),
            4_321,
        ),
    ] {
        let places = recording.where_to_look(&filter).unwrap();
        assert_eq!(places.len(), 1, "{filter:?}");
        assert!(places[0].contains(&seq));
        assert!(places[0].end - places[0].start < 2_000, "one of {all}");
        let found = shown(recording.clone(), &filter);
        assert_eq!(found.iter().map(|row| row.0).collect::<Vec<_>>(), [seq]);
    }
    let none = Filter::all().packet(PacketType::Auth);
    assert_eq!(recording.where_to_look(&none), Some(Vec::new()));
    assert!(shown(recording.clone(), &none).is_empty());
    assert_eq!(recording.where_to_look(&Filter::all()), None);
}

#[test]
fn a_segment_that_was_changed_is_left_out_and_counted() {
    let capture = Capture::new(8 << 20);
    for _ in 0..5_000 {
        see(&capture, 0, Direction::ToBroker, &publish_of("a", 0, 100));
    }
    let mut kept = record(&capture, 1);
    let (first, count) = {
        let second = kept.segments.values_mut().nth(1).unwrap();
        second.bytes[40] ^= 1;
        (second.entry.first, second.entry.count)
    };
    kept.gaps.push(Gap {
        before: 3,
        packets: 8,
        cause: GapCause::Overtaken,
        at: Timestamp(0),
    });
    let recording = opened(kept);
    let seen: Vec<u64> = {
        let mut cursor = Cursor::at_oldest(recording.clone());
        std::iter::from_fn(|| Some(cursor.next_batch()).filter(|batch| !batch.is_empty()))
            .flat_map(|batch| batch.iter().map(|packet| packet.seq).collect::<Vec<_>>())
            .collect()
    };
    let sound: Vec<u64> = (0..first).chain(first + count..5_000).collect();
    assert_eq!(seen, sound);
    assert!(recording.packet(first).get(first).is_none());
    let filter = Filter::all().text("a");
    assert_eq!(shown(recording.clone(), &filter).len(), sound.len());
    let stats = recording.stats();
    assert_eq!(
        (stats.stored, stats.lost, stats.seen),
        (5_000 - count, count + 8, 5_008)
    );
}

#[test]
fn segments_that_do_not_follow_each_other_are_no_recording() {
    let capture = Capture::new(8 << 20);
    for _ in 0..5_000 {
        see(&capture, 0, Direction::ToBroker, &publish_of("a", 0, 100));
    }
    let mut kept = record(&capture, 1);
    let second = *kept.segments.keys().nth(1).unwrap();
    kept.segments.remove(&second);
    let error = Recording::open(Arc::new(kept)).unwrap_err();
    assert!(matches!(error, ArchiveError::Damaged(_)));
}

fn any_filter() -> impl Strategy<Value = Filter> {
    (
        prop::option::of(prop::sample::select(vec!["t/1", "t/#", "+/2", "other"])),
        prop::option::of(prop::sample::select(vec!["client-2", "T/1", "nothing"])),
        prop::option::of(prop::sample::select(vec![
            PacketType::Publish,
            PacketType::PingReq,
        ])),
        prop::option::of(any::<bool>()),
        prop::option::of(0u8..3),
        prop::option::of(prop::sample::select(vec!["client-2", "client-*", "x"])),
        prop::option::of((0u64..300, 0u64..300)),
    )
        .prop_map(|(topic, text, packet, to_broker, qos, client, time)| {
            let mut filter = Filter::all().text(text.unwrap_or_default());
            if let Some(topic) = topic {
                filter = filter.topic(TopicFilter::try_from(topic).unwrap());
            }
            if let Some(packet) = packet {
                filter = filter.packet(packet);
            }
            if let Some(to_broker) = to_broker {
                filter = filter.direction(if to_broker {
                    Direction::ToBroker
                } else {
                    Direction::ToClient
                });
            }
            if let Some(qos) = qos {
                filter = filter.qos(QoS::try_from(qos).unwrap());
            }
            if let Some(client) = client {
                filter = filter.client(ClientPattern::from(client));
            }
            if let Some((from, count)) = time {
                let until = Timestamp((from + count) * 1_000);
                filter = filter.from(Timestamp(from * 1_000)).until(until);
            }
            filter
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_filter_shows_of_a_recording_what_it_shows_live(
        packets in prop::collection::vec((0u64..4, any::<bool>(), 0u8..4, 0u8..4, 1usize..30), 1..300),
        filter in any_filter(),
    ) {
        let capture = Capture::new(64 << 20);
        for (connection, to_broker, topic, qos, size) in packets {
            let direction = if to_broker { Direction::ToBroker } else { Direction::ToClient };
            let frame = match qos {
                3 => vec![0xc0, 0],
                qos => publish_of(&format!("t/{topic}"), qos, size * 400),
            };
            see(&capture, connection, direction, &frame);
        }
        (0..4).for_each(|id| capture.connected(&info(id)));
        let recording = opened(record(&capture, 4));
        let passing: Vec<u64> = recording
            .read(0, u64::MAX)
            .passing(&filter, &*recording)
            .map(|packet| packet.seq)
            .collect();
        let live = shown(capture, &filter);
        prop_assert_eq!(passing, live.iter().map(|row| row.0).collect::<Vec<_>>());
        prop_assert_eq!(shown(recording, &filter), live);
    }
}
