//! Who may come in and what they may do: the points at which somebody is asked.
//!
//! Duty: the words of a question and of its answer, and the order in which proofs are looked at. Not here: accounts,
//! rules, methods of authentication themselves; whoever starts the broker gives them.
//! Invariant: where nobody is asked (no policy), a question costs nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use mqttwb_model::{ClientId, ConnectionInfo, QoS, Timestamp, TopicFilter};
use mqttwb_wire::ReasonCode;

/// Why something may not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// What the client is told.
    pub reason: ReasonCode,
    /// The rule that decided, or what was wrong, for the operator. The client does not learn it.
    pub rule: String,
}

impl Denied {
    /// 0x87, by this rule.
    pub fn not_authorized(rule: impl Into<String>) -> Self {
        Self {
            reason: ReasonCode::NOT_AUTHORIZED,
            rule: rule.into(),
        }
    }
}

/// A user name and a password, as a CONNECT has them.
#[derive(Clone)]
pub struct Login {
    /// The connection, by its CONNECT.
    pub connection: Arc<ConnectionInfo>,
    /// May be empty: MQTT 5 lets a password come alone.
    pub user_name: Arc<str>,
    /// As it came.
    pub password: Option<Vec<u8>>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user_name", &self.user_name)
            .finish_non_exhaustive() // a password goes into no log
    }
}

/// Knows user names and passwords.
pub trait Accounts: fmt::Debug + Send + Sync {
    /// Whether they go together; `None` where there are no accounts to say so. Called from a thread that may be blocked:
    /// hashing may take its time.
    fn verify(&self, login: &Login) -> Result<Option<Verified>, Denied>;
}

/// What proved something of a client, besides its certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProvedBy {
    /// The password of an account.
    #[default]
    Account,
    /// A token, as a password or in AUTH packets.
    Token,
}

/// What a proof says of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// What proved it, for the operator.
    pub by: ProvedBy,
    /// Its user name, where it is another than CONNECT says, or CONNECT says none.
    pub user_name: Option<Arc<str>>,
    /// What its token says of it, by name.
    pub claims: BTreeMap<String, String>,
    /// Groups that its token puts it into.
    pub groups: Vec<Arc<str>>,
    /// When the proof ends, and with it the connection.
    pub expires: Option<Timestamp>,
}

/// A method of enhanced authentication (MQTT 5, section 4.12).
pub trait AuthenticationMethod: fmt::Debug + Send + Sync {
    /// Its name, as CONNECT says it.
    fn name(&self) -> &str;
    /// Begins an exchange with a client. At its CONNECT a step `may_wait`, for a key that must be fetched: it is taken on
    /// a thread that may be blocked. When it authenticates again a step must not: everything else goes on meanwhile.
    fn begin(&self, connection: &ConnectionInfo, may_wait: bool) -> Box<dyn Exchange>;
}

/// One exchange of a method: it is told what the client sent and says what to answer.
pub trait Exchange: Send {
    /// The authentication data of CONNECT or AUTH; `None` where the packet has none.
    fn step(&mut self, data: Option<&[u8]>) -> Step;
}

/// What an exchange answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The client is to go on from this data.
    Continue(Vec<u8>),
    /// It is who it says.
    Success {
        /// Data for the client to verify; `None` for none.
        data: Option<Vec<u8>>,
        /// Who it proved to be.
        verified: Verified,
    },
    /// It is not.
    Fail(Denied),
}

/// Who a client is, as far as that is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its connection: client identifier, listener, address, the name in its certificate.
    pub connection: Arc<ConnectionInfo>,
    /// Its user name. Where there are no accounts it is what the client calls itself.
    pub user_name: Option<Arc<str>>,
    /// What was proved by a password, a token or a method; `None` where its user name is only what it calls itself.
    pub verified: Option<Arc<Verified>>,
}

impl Identity {
    /// The user name, where it was proved.
    pub fn proved_name(&self) -> Option<&str> {
        self.verified.as_ref()?;
        self.user_name.as_deref().filter(|name| !name.is_empty())
    }

    /// Whether a session of this one may be taken over by another: of somebody who proved who he is, only by the same.
    pub(crate) fn hands_over_to(&self, other: &Self) -> bool {
        let (name, certificate) = (self.proved_name(), &self.connection.common_name);
        (name.is_none() && certificate.is_none())
            || (name == other.proved_name() && *certificate == other.connection.common_name)
    }
}

/// A subscription that was taken away, or a will that is not kept, since a rule does not allow it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenAway {
    /// Whose it was.
    pub client: ClientId,
    /// The topic filter, or the will's topic.
    pub topic: String,
    /// It was a will.
    pub is_will: bool,
    /// The rule that decided.
    pub rule: String,
}

/// What a client wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt<'a> {
    /// To publish.
    Publish {
        /// Topic name.
        topic: &'a str,
        /// QoS of the PUBLISH.
        qos: QoS,
        /// With the retain flag.
        retain: bool,
    },
    /// To leave a last will.
    Will {
        /// Topic name.
        topic: &'a str,
        /// Will QoS.
        qos: QoS,
        /// Will retain.
        retain: bool,
    },
    /// To subscribe.
    Subscribe {
        /// Topic filter, `$share/…` included.
        filter: &'a TopicFilter,
        /// The most that messages are to be delivered with.
        qos: QoS,
    },
}

/// Says what a client may do. Called on the way of each message: it must be quick and must not block.
pub trait Policy: fmt::Debug + Send + Sync {
    /// The verdict, with the rule that decided where it is no.
    fn verdict(&self, who: &Identity, attempt: &Attempt<'_>) -> Result<(), Denied>;

    /// The same, of something that was allowed before: asked when rules have changed or a session is resumed.
    fn again(&self, who: &Identity, attempt: &Attempt<'_>) -> Result<(), Denied> {
        self.verdict(who, attempt)
    }
}

/// Who may come in, and who is asked.
#[derive(Debug, Clone)]
pub struct Access {
    /// Clients that prove nothing may come in. Default yes: then a user name is taken as it is where there are no
    /// accounts. Otherwise a client without user name and certificate is refused with 0x87 in CONNACK (return code 5
    /// before MQTT 5), and a user name that nobody can verify with 0x86 (return code 4).
    pub anonymous: bool,
    /// Verifies user names and passwords. Default nobody.
    pub accounts: Option<Arc<dyn Accounts>>,
    /// Methods of enhanced authentication, by name. A CONNECT with another is refused with 0x8C. Default none.
    pub methods: Vec<Arc<dyn AuthenticationMethod>>,
    /// Asked before each publish, subscription and will. Default nobody: all is allowed.
    pub policy: Option<Arc<dyn Policy>>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            anonymous: true,
            accounts: None,
            methods: Vec::new(),
            policy: None,
        }
    }
}

/// The same switch, and the same ones who are asked.
impl PartialEq for Access {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            anonymous,
            accounts,
            methods,
            policy,
        } = self;
        *anonymous == other.anonymous
            && same(accounts.as_ref(), other.accounts.as_ref())
            && same(policy.as_ref(), other.policy.as_ref())
            && methods.len() == other.methods.len()
            && methods
                .iter()
                .zip(&other.methods)
                .all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl Eq for Access {}

fn same<T: ?Sized>(one: Option<&Arc<T>>, other: Option<&Arc<T>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (None, None) => true,
        _ => false,
    }
}

impl Access {
    /// The method of a name.
    pub(crate) fn method(&self, name: &str) -> Option<&dyn AuthenticationMethod> {
        self.methods
            .iter()
            .find(|method| method.name() == name)
            .map(AsRef::as_ref)
    }

    /// Whether a client without enhanced authentication may come in, as far as that can be said without accounts.
    pub(crate) fn without_accounts(
        &self,
        has_login: bool,
        has_certificate: bool,
    ) -> Result<(), Denied> {
        if self.anonymous || has_certificate {
            Ok(())
        } else if has_login {
            Err(Denied {
                reason: ReasonCode::BAD_USER_NAME_OR_PASSWORD,
                rule: "there are no accounts to verify its user name with".into(),
            })
        } else {
            Err(Denied::not_authorized(
                "it proves nothing, and anonymous clients are not let in",
            ))
        }
    }
}
