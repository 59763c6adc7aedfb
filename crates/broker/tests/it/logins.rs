//! User names with passwords, clients without any, and sessions of those who proved who they are.

use std::sync::Arc;

use mqttwb_broker::{Access, Accounts, Denied, Login, Verified};
use mqttwb_model::{ProtocolVersion, RefusalCause};
use mqttwb_wire::{Connect, ReasonCode};

use crate::auth::{friend, questions};
use crate::support::*;

#[derive(Debug)]
struct OneAccount;

impl Accounts for OneAccount {
    fn verify(&self, login: &Login) -> Result<Option<Verified>, Denied> {
        let password = login.password.as_deref();
        if (&*login.user_name, password) == ("plant", Some(b"secret")) {
            Ok(Some(Verified::default()))
        } else {
            Err(Denied {
                reason: ReasonCode::BAD_USER_NAME_OR_PASSWORD,
                rule: "no such account".into(),
            })
        }
    }
}

fn login<'a>(version: ProtocolVersion, user: Option<&'a str>, password: &'a str) -> Connect<'a> {
    Connect {
        user_name: user,
        password: user.map(|_| password.as_bytes()),
        ..connect(version, "client")
    }
}

#[tokio::test]
async fn a_user_name_goes_with_its_password() {
    // [MQTT-3.1.4-2], [MQTT3-3.1.4-2], [MQTT3-3.2.2-4]
    let (broker, observer) = guarded(Access {
        accounts: Some(Arc::new(OneAccount)),
        ..Access::default()
    })
    .await;
    for (version, bad) in [
        (V5, ReasonCode::BAD_USER_NAME_OR_PASSWORD),
        (V311, ReasonCode(4)),
    ] {
        for (user, password, answer) in [
            (Some("plant"), "secret", ReasonCode::SUCCESS),
            (Some("plant"), "guess", bad),
            (Some("other"), "secret", bad),
            (None, "", ReasonCode::SUCCESS),
        ] {
            let connect = login(version, user, password);
            assert_eq!(answered(&broker, connect).await, answer, "{user:?}");
        }
    }
    assert_eq!(observer.causes(), [RefusalCause::Access; 4]);
}

#[tokio::test]
async fn without_anonymous_clients_each_must_prove_who_it_is() {
    // [MQTT-3.1.4-2]
    for accounts in [true, false] {
        let accounts = accounts.then(|| Arc::new(OneAccount) as Arc<dyn Accounts>);
        // Where there is nobody to verify a user name it is refused as a wrong one is.
        let known = accounts.is_some();
        let (broker, _) = guarded(Access {
            anonymous: false,
            accounts,
            ..questions()
        })
        .await;
        for (version, none, bad) in [
            (
                V5,
                ReasonCode::NOT_AUTHORIZED,
                ReasonCode::BAD_USER_NAME_OR_PASSWORD,
            ),
            (V311, ReasonCode(5), ReasonCode(4)),
        ] {
            let good = if known { ReasonCode::SUCCESS } else { bad };
            assert_eq!(answered(&broker, login(version, None, "")).await, none);
            let connect = login(version, Some("plant"), "secret");
            assert_eq!(answered(&broker, connect).await, good);
        }
        friend(&broker).await;
    }
}

#[tokio::test]
async fn a_session_of_somebody_who_proved_who_he_is_is_taken_over_by_nobody_else() {
    let access = Access {
        accounts: Some(Arc::new(OneAccount)),
        ..Access::default()
    };
    let (broker, refused) = guarded(access).await;
    let own = Connect {
        user_name: Some("plant"),
        password: Some(b"secret"),
        ..persistent(V5, "pump-7")
    };
    let (mut owner, _) = Client::accepted(&broker, own.clone()).await;
    owner.subscribe("commands/pump-7", 1).await;
    for stranger in [connect(V5, "pump-7"), persistent(V5, "pump-7")] {
        let no = ReasonCode::CLIENT_IDENTIFIER_NOT_VALID;
        assert_eq!(answered(&broker, stranger).await, no);
    }
    // It goes on undisturbed, and its session waits for it alone while it is away.
    owner.publish(publish("commands/pump-7", "go", 1)).await;
    assert_eq!(owner.message().await.payload, "go");
    owner.disconnect().await;
    let no = ReasonCode::CLIENT_IDENTIFIER_NOT_VALID;
    assert_eq!(answered(&broker, connect(V5, "pump-7")).await, no);
    let (_, session_present) = Client::accepted(&broker, own).await;
    assert!(session_present);
    assert_eq!(refused.causes(), [RefusalCause::Access; 3]);
}
