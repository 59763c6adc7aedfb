//! Protobuf schemas: message types out of `.proto` texts or of descriptor sets.
//!
//! Not here: the files that schemas come from, and messages (`protobuf`). Invariant: a schema has a message type.

use std::collections::BTreeMap;
use std::path::Path;

use prost_reflect::{DescriptorPool, MessageDescriptor};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

/// Why a schema can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// A `.proto` text is not as it must be, or imports what is not there.
    #[error("{0}")]
    Proto(String),
    /// The bytes are no descriptor set.
    #[error(
        "this is no descriptor set (one is made by protoc --descriptor_set_out --include_imports): {0}"
    )]
    DescriptorSet(String),
    /// There is no message in it.
    #[error("no message is defined in it")]
    NoMessage,
}

/// Message types.
#[derive(Debug, Clone)]
pub struct ProtobufSchema(pub(super) DescriptorPool);

/// Texts by the names that they import each other by.
struct Texts(BTreeMap<String, String>);

impl FileResolver for Texts {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        path.to_str().map(ToOwned::to_owned)
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        // An import names a file by its folder too; schemas that were added are known by their last name as well.
        let last = name.rsplit('/').next().unwrap_or(name);
        match self.0.get(name).or_else(|| self.0.get(last)) {
            Some(text) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

impl ProtobufSchema {
    /// The types of one `.proto` text, which may import others of these and Google's own.
    pub fn from_proto(name: &str, texts: &BTreeMap<String, String>) -> Result<Self, ProtobufError> {
        let mut resolver = ChainFileResolver::new();
        resolver.add(Texts(texts.clone()));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = protox::Compiler::with_file_resolver(resolver);
        compiler
            .include_imports(true)
            .open_file(name)
            .map_err(|error| ProtobufError::Proto(format!("{error:?}").trim().to_owned()))?;
        Self::of(compiler.descriptor_pool())
    }

    /// The types of a descriptor set.
    pub fn from_descriptor_set(bytes: &[u8]) -> Result<Self, ProtobufError> {
        let pool = DescriptorPool::decode(bytes)
            .map_err(|error| ProtobufError::DescriptorSet(error.to_string()))?;
        Self::of(pool)
    }

    fn of(pool: DescriptorPool) -> Result<Self, ProtobufError> {
        let schema = Self(pool);
        if schema.messages().is_empty() {
            return Err(ProtobufError::NoMessage);
        }
        Ok(schema)
    }

    /// The full names of its message types, sorted; without those that stand for entries of maps, and Google's own.
    pub fn messages(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .0
            .all_messages()
            .filter(|message| {
                !message.is_map_entry() && message.package_name() != "google.protobuf"
            })
            .map(|message| message.full_name().to_owned())
            .collect();
        names.sort();
        names
    }

    /// The message type of that name.
    pub fn message(&self, name: &str) -> Option<ProtobufMessage> {
        self.0.get_message_by_name(name).map(ProtobufMessage)
    }
}

/// A message type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtobufMessage(pub(super) MessageDescriptor);
