//! What can be said of certificates.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mqttwb_app::api::{BundleFormat, KeyProtection, KeyType, RevocationReason};

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub enum CertCommand {
    /// Show the authority, make another, take one over, or write it for others to trust
    Authority {
        #[command(subcommand)]
        what: Option<AuthorityCommand>,
    },
    /// Show the broker's own certificate, renew it, or give it further names
    Server(Server),
    /// Make a key and a certificate for a device, and write what the device needs
    Issue(Issue),
    /// Write what a device needs that was issued before
    Export(Export),
    /// Make another certificate for a device that has one
    Renew(Renew),
    /// Let a device in no more: its connections end at once
    Revoke(Revoke),
    /// List the authority, the server certificate and the devices
    List,
    /// Look into any file of certificates, and say what would make a device refuse it
    Show(Show),
    /// Write all that a device, or another broker, is set up from
    Bundle(BundleOf),
    /// Show the revocation list, sign it anew, or write it for others
    Crl(Crl),
}

/// What to do with the authority.
#[derive(Debug, Subcommand)]
pub enum AuthorityCommand {
    /// Make another in place of the one that is there: every device needs a new certificate then
    Create(CreateAuthority),
    /// Take over one that you have, in place of the one that is there
    Import(ImportAuthority),
    /// Keep its keys under a passphrase, by the system's keychain, or by their files' mode alone
    Protect(Protect),
    /// Unlock its key in the broker that runs on the data folder, until that ends; without a file or variable the passphrase
    /// is asked for, or read from standard input
    Unlock(Passphrase),
    /// Have the broker that runs on the data folder forget its key, until it is unlocked again
    Lock,
    /// Write its certificates and its revocation list as PEM and DER; with --key the root and its key as PKCS #12
    Export(ExportAuthority),
}

/// Where a passphrase comes from: never from the command line, which others can see.
#[derive(Debug, Args)]
pub struct Passphrase {
    /// File whose first line is the passphrase; without one the variable MQTTWB_PASSPHRASE holds it
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// An authority to make.
#[derive(Debug, Args)]
pub struct CreateAuthority {
    /// Its name (CN); one with eight random digits where it is left out
    #[arg(long, value_name = "NAME", default_value = "")]
    pub name: String,
    /// Its organization (O)
    #[arg(long, value_name = "NAME", default_value = "")]
    pub organization: String,
    /// Its keys
    #[arg(long, value_enum, default_value_t = Key::EcdsaP256)]
    pub key: Key,
    /// Days that it signs for
    #[arg(long, value_name = "N", default_value_t = 3653)]
    pub days: u32,
    /// Yes: the authority that is there is put aside, and no certificate of its is let in any more
    #[arg(long)]
    pub replace: bool,
    /// Encrypts the root's key.
    #[command(flatten)]
    pub passphrase: Passphrase,
}

/// An authority to take over.
#[derive(Debug, Args)]
pub struct ImportAuthority {
    /// PEM with certificate, those above it and key; or PKCS #12
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The key's file, where it is another
    #[arg(long = "key", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Yes: the authority that is there is put aside, and no certificate of its is let in any more
    #[arg(long)]
    pub replace: bool,
    /// Opens the key or the PKCS #12 file.
    #[command(flatten)]
    pub passphrase: Passphrase,
}

/// How to keep the authority's keys.
#[derive(Debug, Args)]
pub struct Protect {
    /// By what
    #[arg(value_enum)]
    pub by: By,
    /// File whose first line is the new passphrase
    #[arg(long, value_name = "FILE")]
    pub new_passphrase_file: Option<PathBuf>,
    /// Opens the keys where they are under a passphrase already.
    #[command(flatten)]
    pub passphrase: Passphrase,
}

/// What keeps keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The passphrase of --new-passphrase-file
    Passphrase,
    /// The system's keychain
    Keychain,
    /// The files' mode (0600) alone
    File,
}

impl From<By> for KeyProtection {
    fn from(by: By) -> Self {
        match by {
            By::Passphrase => Self::Passphrase,
            By::Keychain => Self::Keychain,
            By::File => Self::File,
        }
    }
}

/// Where to write an authority.
#[derive(Debug, Args)]
pub struct ExportAuthority {
    /// Folder for ca.crt, ca.der, ca-chain.crt, ca.crl and ca.crl.der
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write the root and its key into this PKCS #12 file instead
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    pub key: Option<PathBuf>,
    /// Encrypts the PKCS #12 file, and opens the root's key where that is encrypted.
    #[command(flatten)]
    pub passphrase: Passphrase,
}

/// The broker's own certificate.
#[derive(Debug, Args)]
pub struct Server {
    /// Make another now
    #[arg(long)]
    pub renew: bool,
    /// A name or address that devices connect to, for it and all later ones; may be given more than once
    #[arg(long = "name", value_name = "HOST")]
    pub names: Vec<String>,
    /// Forget the names that were given before
    #[arg(long)]
    pub only: bool,
    /// Opens the authority's key.
    #[command(flatten)]
    pub unlock: Passphrase,
}

/// A device certificate to make.
#[derive(Debug, Args)]
pub struct Issue {
    /// The device's name: 1 to 64 letters, digits, '.', '_' and '-'
    #[arg(value_name = "NAME", required_unless_present_any = ["csr", "list"])]
    pub name: Option<String>,
    /// Folder for ca.crt, NAME.crt, NAME.key and README.md; they are written into DIR itself
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Days that it is valid for; 1 to 3650
    #[arg(long, value_name = "N", default_value_t = 365)]
    pub days: u32,
    /// Its key
    #[arg(long, value_enum, default_value_t = Key::EcdsaP256)]
    pub key: Key,
    /// Organization (O)
    #[arg(long, value_name = "NAME", default_value = "")]
    pub organization: String,
    /// Organizational unit (OU)
    #[arg(long, value_name = "NAME", default_value = "")]
    pub unit: String,
    /// Alternative name, as DNS:pump-7.local or URI:urn:dev:7; may be given more than once
    #[arg(long = "alt", value_name = "NAME")]
    pub names: Vec<String>,
    /// Sign this request, whose key the device has made itself; the certificate alone is written then
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "list"])]
    pub csr: Option<PathBuf>,
    /// Issue every device of this list (CSV: name,days,key,organization,unit,names), each into a folder of its own
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "csr"])]
    pub list: Option<PathBuf>,
    /// Opens the authority's key.
    #[command(flatten)]
    pub unlock: Passphrase,
}

/// A device to export.
#[derive(Debug, Args)]
pub struct Export {
    /// The device's name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Folder for ca.crt, NAME.crt, NAME.key and README.md; they are written into DIR itself
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Opens the device's key.
    #[command(flatten)]
    pub unlock: Passphrase,
}

/// A device to renew.
#[derive(Debug, Args)]
pub struct Renew {
    /// The device's name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Days that the new one is valid for; 1 to 3650
    #[arg(long, value_name = "N", default_value_t = 365)]
    pub days: u32,
    /// With a new key, in place of the one that the device has
    #[arg(long)]
    pub new_key: bool,
    /// Revoke the one before at once; otherwise it is good until it ends
    #[arg(long)]
    pub revoke_old: bool,
    /// Folder to write the device's files into
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Opens the authority's key.
    #[command(flatten)]
    pub unlock: Passphrase,
}

/// A device to revoke.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The device's name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Why
    #[arg(long, value_enum, default_value_t = Reason::Unspecified)]
    pub reason: Reason,
    /// Opens the authority's key.
    #[command(flatten)]
    pub unlock: Passphrase,
}

/// A file to look into.
#[derive(Debug, Args)]
pub struct Show {
    /// PEM, DER or PKCS #12
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The host that a device connects to
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// The device trusts the authority of this data folder
    #[arg(long)]
    pub trust_own: bool,
    /// Opens the file.
    #[command(flatten)]
    pub passphrase: Passphrase,
}

/// A bundle to write.
#[derive(Debug, Args)]
pub struct BundleOf {
    /// The device; of a broker's configuration the name of its folder
    #[arg(value_name = "NAME")]
    pub name: String,
    /// What for
    #[arg(long, value_enum, default_value_t = Format::Pem)]
    pub format: Format,
    /// Folder that the bundle's own is made in
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// One zip file in place of a folder
    #[arg(long)]
    pub zip: bool,
    /// The host that the device connects to
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// And the port
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// File whose first line opens the keys of this data folder, where that is another passphrase
    #[arg(long, value_name = "FILE")]
    pub authority_passphrase_file: Option<PathBuf>,
    /// Of a PKCS #12 file, and what opens the keys of this data folder.
    #[command(flatten)]
    pub passphrase: Passphrase,
}

/// The revocation list.
#[derive(Debug, Args)]
pub struct Crl {
    /// Sign it anew now
    #[arg(long)]
    pub sign: bool,
    /// Folder for ca.crl (PEM), ca.crl.der and the authority's certificates
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Opens the authority's key.
    #[command(flatten)]
    pub unlock: Passphrase,
}

/// What key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Key {
    EcdsaP256,
    #[value(name = "rsa-2048")]
    Rsa2048,
    #[value(name = "ed25519")]
    Ed25519,
}

impl From<Key> for KeyType {
    fn from(key: Key) -> Self {
        match key {
            Key::EcdsaP256 => Self::EcdsaP256,
            Key::Rsa2048 => Self::Rsa2048,
            Key::Ed25519 => Self::Ed25519,
        }
    }
}

/// Why (CRLReason).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Reason {
    Unspecified,
    KeyCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    PrivilegeWithdrawn,
}

impl From<Reason> for RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unspecified => Self::Unspecified,
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::AffiliationChanged => Self::AffiliationChanged,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
            Reason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
        }
    }
}

/// What a bundle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Format {
    Pem,
    Pkcs12,
    Arduino,
    EspIdf,
    Micropython,
    Python,
    Nodejs,
    Mosquitto,
    Emqx,
    Rmqtt,
}

impl From<Format> for BundleFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Pem => Self::Pem,
            Format::Pkcs12 => Self::Pkcs12,
            Format::Arduino => Self::Arduino,
            Format::EspIdf => Self::EspIdf,
            Format::Micropython => Self::MicroPython,
            Format::Python => Self::Python,
            Format::Nodejs => Self::NodeJs,
            Format::Mosquitto => Self::MosquittoBroker,
            Format::Emqx => Self::Emqx,
            Format::Rmqtt => Self::Rmqtt,
        }
    }
}
