//! What one client can use up, now and for ever.

use super::*;
use crate::words::thousands;

/// A session expiry that a new `broker.toml` has.
const EXPIRY: &str = "30 d";
/// The least that is proposed as the most messages a second of a client.
const RATE: f64 = 1_000.0;

pub(super) fn look(picture: &Picture<'_>) -> Vec<Finding> {
    let limits = &picture.config.limits;
    let mut found = Vec::new();
    if limits.session_expiry_max == u32::MAX {
        found.push(endless(picture));
    }
    if limits.message_rate == 0 && limits.byte_rate == 0 {
        found.push(no_rate(picture));
    }
    if limits.connection_rate == 0 {
        found.push(
            Finding::new(
                weight(picture),
                "No limit holds how often an address may connect",
                "One computer can keep the broker busy with handshakes, so that nobody else comes in.",
            )
            .mended_by(Fix::set("Allow 1,000 a second", "limits.connection_rate", "1000")),
        );
    }
    found
}

/// What strangers can do weighs more than what programs of this computer can.
fn weight(picture: &Picture<'_>) -> Severity {
    match picture.is_wide() {
        true => Severity::Warning,
        false => Severity::Info,
    }
}

fn endless(picture: &Picture<'_>) -> Finding {
    let sessions = picture.live.map_or(&[][..], |live| &live.endless);
    let waiting: usize = sessions.iter().map(|(_, waiting)| waiting).sum();
    let detail = "Clients that never come back leave queues that fill memory and disk. Give sessions an end with \
                  mqtt.session_expiry_max in broker.toml.";
    let finding = match sessions.len() {
        0 => Finding::new(Severity::Info, "Sessions may be kept for ever", detail),
        n => {
            let verb = if n == 1 { "expires" } else { "expire" };
            let hold = if n == 1 { "It holds" } else { "They hold" };
            Finding::new(
                Severity::Warning,
                format!("{} never {verb}", counted(n, "session")),
                detail,
            )
            .seen([format!(
                "{hold} {}: {}.",
                counted(waiting, "queued message"),
                named(sessions.iter().map(|(client, _)| client.as_str()))
            )])
        }
    };
    let finding = finding.mended_by(
        Fix::set("End them after 30 days", "mqtt.session_expiry_max", EXPIRY)
            .at_the_price_of("A client that connects from then on and stays away longer than 30 days loses what waits for it. Sessions that are kept already get the new end when their client connects again."),
    );
    match sessions.is_empty() {
        true => finding,
        false => finding.mended_by(
            Fix::show("Look at them", "sessions", None).in_a_shell("mqttwb broker sessions"),
        ),
    }
}

fn no_rate(picture: &Picture<'_>) -> Finding {
    let busiest = picture.live.and_then(|live| {
        let by_rate = |client: &&live::Seen| client.rate;
        live.clients
            .iter()
            .max_by(|a, b| by_rate(a).total_cmp(&by_rate(b)))
    });
    let finding = Finding::new(
        weight(picture),
        "No limit holds how much a client may send",
        "One faulty or hostile client can take all of the broker's time. Who is faster than limits.message_rate is read from \
         more slowly, and loses nothing.",
    )
    .seen(busiest.filter(|client| client.rate >= 0.05).map(|client| {
        format!(
            "The busiest client now, {}, has published {:.1} messages a second.",
            client.client, client.rate
        )
    }));
    // Twice what anybody needs now, in round numbers.
    let most = busiest.map_or(RATE, |client| {
        (client.rate * 2.0 / RATE).ceil().max(1.0) * RATE
    });
    finding.mended_by(
        Fix::set(
            &format!("Allow {} messages a second", thousands(most as u64)),
            "limits.message_rate",
            most.to_string(),
        )
        .at_the_price_of(
            "It holds for clients that connect from then on: who is faster is read from more slowly.",
        ),
    )
}
