//! A listener that others on the network reach, and nobody has said that it may be: no test here opens one, since what comes
//! behind the decision fails before anything is bound.

use mqttwb_app::api::{BrokerState, FixAct, Severity};

use super::*;

const TITLE: &str = "Listener door lets anyone";

#[tokio::test]
async fn it_is_opened_after_an_explicit_yes_alone_and_is_found_until_it_is_mended() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("broker.toml");
    let config = "[listeners.door]\nbind = \"0.0.0.0:0\"\nprotocol = \"tcp\"\n\
                  [access.jwt]\njwks_file = \"no-such-file.json\"\n";
    std::fs::write(&file, config).unwrap();
    let app = App::open(data.path().into()).await.unwrap();
    let start = async || app.broker_start(BrokerStart::default()).await.unwrap_err();
    let found = async || {
        let all = app.access_findings().await.unwrap();
        all.into_iter().find(|one| one.title.starts_with(TITLE))
    };
    let change = async |key: &str, value: &str| {
        let change = ConfigChange {
            key: key.into(),
            value: Some(value.into()),
        };
        app.broker_settings_change(change).await.unwrap()
    };

    let refused = start().await;
    assert_eq!(refused.code, ErrorCode::OpenToAll);
    for part in ["Listener door", "0.0.0.0:0", "without any proof"] {
        assert!(refused.message.contains(part), "{refused}");
    }
    assert!(refused.hint.as_deref().unwrap().contains("allow_open"));
    let status = app.broker_status();
    assert_eq!(status.state, BrokerState::Stopped);
    assert_eq!(status.failure, Some(refused));
    assert_eq!(found().await.unwrap().severity, Severity::Serious);

    // With the yes the start goes on, up to the file that is not there.
    let written = change("access.allow_open", "true").await;
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("allow_open = true"), "{text}");
    let next = start().await;
    assert_eq!(next.code, ErrorCode::Config, "{next}");
    assert!(next.message.contains("no-such-file.json"), "{next}");
    let still = found().await.unwrap();
    assert_eq!(still.severity, Severity::Serious, "a yes mends nothing");

    // It is taken back, and asked for again.
    app.broker_settings_undo(written.undo.unwrap())
        .await
        .unwrap();
    assert_eq!(start().await.code, ErrorCode::OpenToAll);

    // Each button of the finding mends it, and no yes is needed then.
    for fix in &still.fixes {
        let Some(FixAct::Set { key, value }) = &fix.act else {
            panic!("{fix:?}");
        };
        let written = change(key, value).await;
        assert_eq!(found().await, None, "{key} = {value}");
        assert_eq!(start().await.code, ErrorCode::Config);
        app.broker_settings_undo(written.undo.unwrap())
            .await
            .unwrap();
        assert!(found().await.is_some(), "it was taken back");
    }
    app.close().await;
}
