//! `kill -9` at any moment, under load: nothing that was acknowledged is lost, and nothing of QoS 2 comes twice.
//!
//! `CRASH_KILLS` and `CRASH_SEED` make it long, and repeat one; `cargo xtask soak` does both.

#![allow(clippy::unwrap_used)] // a test may fail
#![cfg(unix)]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use acceptance::broker::Patient;
use acceptance::load::{END, Got, Habit, KINDS, Kind, Publisher, Random, Stage, Subscriber};
use acceptance::raw::{Ack, Incoming, Publish, Wire};
use acceptance::{Running, Version};

/// Times that the broker is killed where nobody says otherwise: enough to meet every kind of kill in a few seconds.
const KILLS: u64 = 6;

/// Publishers, half of them 3.1.1 and half 5.
const PUBLISHERS: usize = 4;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
    )
}

/// Ends it with the signal that can't be caught; it must not have ended before.
fn kill(process: Running, how: u64, random: &mut Random) {
    let said: Vec<String> = process.printed();
    let panics = said.iter().filter(|line| line.contains("panicked")).count();
    assert_eq!(panics, 0, "{said:#?}");
    if how == 0 {
        // In the middle of an orderly end, or right behind it.
        process.signal("TERM");
        random.pause(30);
        drop(process);
    } else {
        process.kill();
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_of_qos_2_comes_twice() {
    let kills = number("CRASH_KILLS").unwrap_or(KILLS);
    let seed = number("CRASH_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        now.as_millis() as u64
    });
    println!("CRASH_SEED={seed}, {kills} kills");
    let begun = Instant::now();
    let mut random = Random::new(seed);
    let patient = Patient::default();
    let (mut process, address) = patient.start();
    let stage = Arc::new(Stage::default());
    stage.open(address);

    let mut subscribers = Vec::new();
    for version in [Version::V311, Version::V5] {
        for qos in [1, 2] {
            for habit in [Habit::Stays, Habit::Roams] {
                let random = Random::new(random.below(u64::MAX));
                let as_what = (version, qos, habit);
                subscribers.push(Subscriber::start(
                    stage.clone(),
                    PUBLISHERS,
                    as_what,
                    random,
                ));
            }
        }
    }
    stage.until("all are subscribed", |stage| stage.subscribed() == 8);
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|number| {
            let version = [Version::V311, Version::V5][number % 2];
            let random = Random::new(random.below(u64::MAX));
            Publisher::start(stage.clone(), number, version, random)
        })
        .collect();

    for round in 1..=kills {
        let wanted = stage.acknowledged() + 100 + random.below(1_500);
        stage.until("more is acknowledged", |stage| {
            stage.acknowledged() >= wanted
        });
        random.pause(10);
        kill(process, random.below(6), &mut random);
        stage.close();
        if random.below(4) == 0 {
            // While it starts.
            let process = patient.begin();
            random.pause(400);
            process.kill();
        }
        let address;
        (process, address) = patient.start();
        stage.open(address);
        if round % 20 == 0 {
            println!(
                "{round} kills, {} acknowledged, {} s, {:?}",
                stage.acknowledged(),
                begun.elapsed().as_secs(),
                stage.violations()
            );
        }
    }

    stage.enough();
    let publishing = PUBLISHERS as u64;
    stage.until("all is acknowledged", |stage| stage.done() == publishing);
    let made: Vec<[u64; 3]> = publishers
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    // And once as it should end.
    stage.close();
    process.signal("TERM");
    process.finish().success();
    let (process, address) = patient.start();
    stage.open(address);
    end(address);
    let all = publishing + subscribers.len() as u64;
    stage.until("all came to the end", |stage| stage.done() == all);
    let verdict = judge(&stage, &made, subscribers);
    kept(address, &made);
    process.signal("TERM");
    process.finish().success();
    println!(
        "{kills} kills, {} acknowledged, {} s: {verdict}",
        stage.acknowledged(),
        begun.elapsed().as_secs()
    );
    assert_eq!(
        stage.violations(),
        Vec::<String>::new(),
        "CRASH_SEED={seed}"
    );
}

/// Publishes the last message.
fn end(address: SocketAddr) {
    let (_, mut wire) = Wire::connect(address, Version::V311, "end", false).unwrap();
    wire.publish(Publish {
        topic: END,
        payload: b"",
        qos: 1,
        retain: false,
        dup: false,
        id: 1,
    });
    wire.flush().unwrap();
    assert_eq!(wire.wait().unwrap(), Incoming::Ack(Ack::PubAck, 1, 0));
}

/// Waits for the subscribers, and looks what each is missing and has too often.
fn judge(
    stage: &Stage,
    made: &[[u64; 3]],
    subscribers: Vec<JoinHandle<(String, u8, Got)>>,
) -> String {
    let mut verdict = String::new();
    let (mut lost, mut twice, mut again) = (0, 0, 0);
    for subscriber in subscribers {
        let (name, qos, got) = subscriber.join().unwrap();
        for (publisher, made) in made.iter().enumerate() {
            for kind in [Kind::AtLeastOnce, Kind::ExactlyOnce] {
                let times = &got.times[publisher][kind as usize];
                let exactly_once = kind == Kind::ExactlyOnce && qos == 2;
                let mut missing = Vec::new();
                for number in 0..made[kind as usize] {
                    match times.get(number as usize) {
                        None | Some(0) => missing.push(number),
                        Some(1) => {}
                        Some(_) if exactly_once => twice += 1,
                        Some(_) => again += 1,
                    }
                }
                lost += missing.len();
                if !missing.is_empty() {
                    missing.truncate(10);
                    let topic = kind.topic(publisher);
                    write!(verdict, "{name} never got {topic} {missing:?}…; ").unwrap();
                }
            }
        }
    }
    write!(
        verdict,
        "{lost} lost, {twice} twice at QoS 2, {again} again at QoS 1 (as may be)"
    )
    .unwrap();
    assert_eq!(
        (lost, twice),
        (0, 0),
        "{verdict}; {:#?}",
        stage.violations()
    );
    verdict
}

/// The retained message of each publisher is its last.
fn kept(address: SocketAddr, made: &[[u64; 3]]) {
    assert_eq!(KINDS[2], Kind::Kept);
    let (_, mut wire) = Wire::connect(address, Version::V5, "kept", false).unwrap();
    wire.subscribe(1, "kept/#", 0);
    wire.flush().unwrap();
    let mut left: usize = made.iter().filter(|made| made[2] > 0).count();
    while left > 0 {
        match wire.wait().unwrap() {
            Incoming::Publish {
                topic,
                payload,
                retain: true,
                ..
            } => {
                let publisher = made
                    .iter()
                    .enumerate()
                    .find(|(publisher, _)| Kind::Kept.topic(*publisher) == topic);
                let (_, made) = publisher.unwrap();
                let last = format!("{} ", made[2] - 1);
                let payload = String::from_utf8(payload).unwrap();
                assert!(payload.starts_with(&last), "{topic}: {payload}, not {last}");
                left -= 1;
            }
            Incoming::SubAck(0) => {}
            other => panic!("{other:?}"),
        }
    }
}
