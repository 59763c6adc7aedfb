//! Schemas and rules, as they are kept in the data folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mqttwb_model::TopicFilter;
use mqttwb_payload::{AvroSchema, Decoder, ProtobufSchema};
use serde::{Deserialize, Serialize};

use crate::api::{ApiError, DecoderChoice, DecoderRule, ErrorCode, SchemaEntry, SchemaKind};
use crate::{Result, files};

/// The folder within the data folder.
const FOLDER: &str = "decoders";
/// The file of the rules in it.
const RULES: &str = "rules.json";
/// Bytes of a schema at most.
const LARGEST: usize = 4 * 1024 * 1024;
/// Schemas and rules at most.
const MOST: usize = 500;

/// What `rules.json` holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    rules: Vec<DecoderRule>,
}

/// A schema, read.
#[derive(Debug, Clone)]
enum Schema {
    Protobuf(ProtobufSchema),
    Avro(AvroSchema),
}

/// Rules and schemas. Cheap to ask, replaced as a whole.
#[derive(Debug)]
pub(super) struct Schemas {
    folder: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
    read: BTreeMap<String, std::result::Result<Schema, String>>,
    rules: Vec<(TopicFilter, DecoderRule)>,
    /// Why the rules can't be read: they are not overwritten then.
    damage: Option<ApiError>,
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidInput, message)
}

impl Schemas {
    /// What the data folder holds; nothing where it holds none.
    pub fn open(data: &Path) -> Result<Self> {
        let folder = data.join(FOLDER);
        let mut schemas = Self {
            files: BTreeMap::new(),
            read: BTreeMap::new(),
            rules: Vec::new(),
            damage: None,
            folder,
        };
        if !files::exists(&schemas.folder)? {
            return Ok(schemas);
        }
        for name in files::names_in(&schemas.folder)? {
            if kind_of(&name).is_some() {
                let bytes = files::read_bytes(&schemas.folder.join(&name))?;
                schemas.files.insert(name, bytes.to_vec());
            }
        }
        schemas.read_all();
        // Without its rules the workbench is as good; a file that a person has mistyped must not keep it from starting.
        match schemas.kept_rules() {
            Ok(rules) => schemas.rules = rules,
            Err(damage) => schemas.damage = Some(damage),
        }
        Ok(schemas)
    }

    fn kept_rules(&self) -> Result<Vec<(TopicFilter, DecoderRule)>> {
        let path = self.folder.join(RULES);
        if !files::exists(&path)? {
            return Ok(Vec::new());
        }
        let kept: Kept = serde_json::from_str(&files::read(&path)?).map_err(|error| {
            ApiError::new(
                ErrorCode::File,
                format!("{} can't be read: {error}.", path.display()),
            )
            .hint("Mend it, or remove it with the rules in it, and start the workbench again.")
        })?;
        kept.rules
            .into_iter()
            .map(|rule| Ok((filter_of(&rule)?, rule)))
            .collect()
    }

    /// Why the rules that were kept can't be read.
    pub fn damage(&self) -> Option<String> {
        self.damage.as_ref().map(|damage| damage.message.clone())
    }

    fn read_all(&mut self) {
        let texts: BTreeMap<String, String> = self
            .files
            .iter()
            .filter(|(name, _)| name.ends_with(".proto"))
            .map(|(name, bytes)| (name.clone(), String::from_utf8_lossy(bytes).into_owned()))
            .collect();
        self.read = self
            .files
            .iter()
            .map(|(name, bytes)| (name.clone(), read(name, bytes, &texts)))
            .collect();
    }

    pub fn rules(&self) -> Vec<DecoderRule> {
        self.rules.iter().map(|(_, rule)| rule.clone()).collect()
    }

    /// The first rule for a topic.
    pub fn rule_for(&self, topic: &str) -> Option<&DecoderRule> {
        self.rules
            .iter()
            .find(|(filter, _)| filter.matches(topic))
            .map(|(_, rule)| rule)
    }

    pub fn entries(&self) -> Vec<SchemaEntry> {
        self.read
            .iter()
            .map(|(name, read)| SchemaEntry {
                name: name.clone(),
                kind: kind_of(name).unwrap_or(SchemaKind::Protobuf),
                messages: match read {
                    Ok(Schema::Protobuf(schema)) => schema.messages(),
                    Ok(Schema::Avro(schema)) => vec![schema.name()],
                    Err(_) => Vec::new(),
                },
                problem: read.as_ref().err().cloned(),
            })
            .collect()
    }

    /// The Avro schemas that can be told from their fingerprints.
    pub fn avro(&self) -> Vec<AvroSchema> {
        self.read
            .values()
            .filter_map(|read| match read {
                Ok(Schema::Avro(schema)) => Some(schema.clone()),
                _ => None,
            })
            .collect()
    }

    /// The decoder of a choice.
    pub fn decoder(&self, choice: &DecoderChoice) -> Result<Decoder> {
        Ok(match choice {
            DecoderChoice::Json => Decoder::Json,
            DecoderChoice::Text => Decoder::Text,
            DecoderChoice::Hex => Decoder::Hex,
            DecoderChoice::Base64 => Decoder::Base64,
            DecoderChoice::Cbor => Decoder::Cbor,
            DecoderChoice::MessagePack => Decoder::MessagePack,
            DecoderChoice::Image => Decoder::Image,
            DecoderChoice::Numbers { layout } => Decoder::Numbers(
                layout
                    .parse()
                    .map_err(|error: mqttwb_payload::LayoutError| invalid(format!("{error}.")))?,
            ),
            DecoderChoice::Protobuf { schema: None, .. } => Decoder::Protobuf(None),
            DecoderChoice::Protobuf {
                schema: Some(name),
                message,
            } => {
                let Schema::Protobuf(schema) = self.schema(name)? else {
                    return Err(invalid(format!("{name} is no Protobuf schema.")));
                };
                let messages = schema.messages();
                let message = match (message, messages.as_slice()) {
                    (Some(message), _) => message,
                    (None, [only]) => only,
                    (None, _) => {
                        return Err(invalid(format!(
                            "{name} defines {} messages: say which one this is.",
                            messages.len()
                        )));
                    }
                };
                let message = schema.message(message).ok_or_else(|| {
                    ApiError::new(
                        ErrorCode::NotFound,
                        format!("{name} defines no message {message}."),
                    )
                    .hint(format!("It defines {}.", messages.join(", ")))
                })?;
                Decoder::Protobuf(Some(message))
            }
            DecoderChoice::Avro { schema: None } => Decoder::AvroContainer,
            DecoderChoice::Avro { schema: Some(name) } => match self.schema(name)? {
                Schema::Avro(schema) => Decoder::Avro(schema.clone()),
                Schema::Protobuf(_) => {
                    return Err(invalid(format!("{name} is no Avro schema.")));
                }
            },
        })
    }

    /// What a detected decoder is called.
    pub fn choice(&self, decoder: &Decoder) -> DecoderChoice {
        match decoder {
            Decoder::Json => DecoderChoice::Json,
            Decoder::Text => DecoderChoice::Text,
            Decoder::Hex => DecoderChoice::Hex,
            Decoder::Base64 => DecoderChoice::Base64,
            Decoder::Cbor => DecoderChoice::Cbor,
            Decoder::MessagePack => DecoderChoice::MessagePack,
            Decoder::Image => DecoderChoice::Image,
            Decoder::Numbers(layout) => DecoderChoice::Numbers {
                layout: layout.to_string(),
            },
            Decoder::Protobuf(_) => DecoderChoice::Protobuf {
                schema: None,
                message: None,
            },
            Decoder::AvroContainer => DecoderChoice::Avro { schema: None },
            Decoder::Avro(schema) => DecoderChoice::Avro {
                schema: self
                    .read
                    .iter()
                    .find(|(_, read)| matches!(read, Ok(Schema::Avro(own)) if own == schema))
                    .map(|(name, _)| name.clone()),
            },
        }
    }

    fn schema(&self, name: &str) -> Result<&Schema> {
        match self.read.get(name) {
            Some(Ok(schema)) => Ok(schema),
            Some(Err(problem)) => Err(invalid(format!(
                "The schema {name} can't be used: {problem}"
            ))),
            None => Err(
                ApiError::new(ErrorCode::NotFound, format!("There is no schema {name}."))
                    .hint("Add it under Decoders, or choose another one."),
            ),
        }
    }

    /// Puts a rule in front of the others; one for the same filter makes way for it.
    pub fn set_rule(&mut self, rule: DecoderRule) -> Result<()> {
        let filter = filter_of(&rule)?;
        self.decoder(&rule.decoder)?;
        let mut rules = self.rules();
        rules.retain(|other| other.filter != rule.filter);
        if rules.len() >= MOST {
            return Err(invalid(format!(
                "There are {MOST} rules, as many as are kept; remove one first."
            )));
        }
        rules.insert(0, rule.clone());
        self.keep(&rules)?;
        self.rules.retain(|(_, other)| other.filter != rule.filter);
        self.rules.insert(0, (filter, rule));
        Ok(())
    }

    /// Removes the rule for a filter.
    pub fn remove_rule(&mut self, filter: &str) -> Result<()> {
        let mut rules = self.rules();
        let before = rules.len();
        rules.retain(|rule| rule.filter != filter);
        if rules.len() == before {
            return Err(ApiError::new(
                ErrorCode::NotFound,
                format!("There is no rule for {filter}."),
            ));
        }
        self.keep(&rules)?;
        self.rules.retain(|(_, rule)| rule.filter != filter);
        Ok(())
    }

    fn keep(&self, rules: &[DecoderRule]) -> Result<()> {
        if let Some(damage) = &self.damage {
            return Err(damage.clone());
        }
        files::create_folder(&self.folder)?;
        let kept = Kept {
            rules: rules.to_vec(),
        };
        let text = serde_json::to_string_pretty(&kept)
            .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
        files::write(&self.folder.join(RULES), &(text + "\n"))
    }

    /// Adds a schema, or puts it in place of the one of that name. One that can't be used is not added.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) -> Result<()> {
        check_name(name)?;
        if bytes.len() > LARGEST {
            return Err(invalid(format!(
                "{name} has {} bytes; a schema has at most {LARGEST}.",
                bytes.len()
            )));
        }
        if self.files.len() >= MOST && !self.files.contains_key(name) {
            return Err(invalid(format!(
                "There are {MOST} schemas, as many as are kept; remove one first."
            )));
        }
        let before = self.files.insert(name.to_owned(), bytes);
        self.read_all();
        let outcome = match self.read.get(name) {
            Some(Err(problem)) => Err(invalid(format!("{name} was not added: {problem}"))
                .hint("A .proto that imports others needs them added first.")),
            _ => self.write(name),
        };
        if outcome.is_err() {
            match before {
                Some(before) => self.files.insert(name.to_owned(), before),
                None => self.files.remove(name),
            };
            self.read_all();
        }
        outcome
    }

    fn write(&self, name: &str) -> Result<()> {
        files::create_folder(&self.folder)?;
        let bytes = self.files.get(name).map(Vec::as_slice).unwrap_or_default();
        files::write_bytes(&self.folder.join(name), bytes)
    }

    /// Removes a schema; rules that name it then say so. Returns what was in it, for an undo.
    pub fn remove(&mut self, name: &str) -> Result<Vec<u8>> {
        if !self.files.contains_key(name) {
            return Err(ApiError::new(
                ErrorCode::NotFound,
                format!("There is no schema {name}."),
            ));
        }
        let path = self.folder.join(name);
        std::fs::remove_file(&path)
            .map_err(|cause| files::error("could not be removed", &path, &cause))?;
        let bytes = self.files.remove(name).unwrap_or_default();
        self.read_all();
        Ok(bytes)
    }
}

fn filter_of(rule: &DecoderRule) -> Result<TopicFilter> {
    TopicFilter::try_from(rule.filter.as_str())
        .map_err(|error| invalid(format!("“{}” is no topic filter: {error}.", rule.filter)))
}

fn kind_of(name: &str) -> Option<SchemaKind> {
    let (stem, ending) = name.rsplit_once('.')?;
    match ending {
        _ if stem.is_empty() => None,
        "proto" | "desc" | "pb" | "binpb" => Some(SchemaKind::Protobuf),
        "avsc" => Some(SchemaKind::Avro),
        _ => None,
    }
}

/// A name that is a file's everywhere.
fn check_name(name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if kind_of(name).is_none() {
        return Err(invalid(format!("“{name}” does not say what it is.")).hint(
            "Its name ends with .proto, .avsc, or .desc, .pb or .binpb for a Protobuf descriptor set.",
        ));
    }
    if name.len() > 100 || name.starts_with('.') || !name.chars().all(is_plain) {
        return Err(invalid(format!("“{name}” is no name for a schema.")).hint(
            "A name has at most 100 characters, all of them letters, digits, dots, dashes or underlines.",
        ));
    }
    Ok(())
}

fn read(
    name: &str,
    bytes: &[u8],
    texts: &BTreeMap<String, String>,
) -> std::result::Result<Schema, String> {
    let text = || std::str::from_utf8(bytes).map_err(|error| format!("it is no text: {error}"));
    if name.ends_with(".avsc") {
        let schema = AvroSchema::parse(text()?).map_err(|error| error.to_string())?;
        return Ok(Schema::Avro(schema));
    }
    if name.ends_with(".proto") {
        text()?;
        return ProtobufSchema::from_proto(name, texts)
            .map(Schema::Protobuf)
            .map_err(|error| error.to_string());
    }
    ProtobufSchema::from_descriptor_set(bytes)
        .map(Schema::Protobuf)
        .map_err(|error| error.to_string())
}
