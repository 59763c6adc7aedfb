//! The rules by which payloads are read, and the schemas for them, as pages see and change them.
//!
//! Not here: where they are kept, and what may be kept (`schemas`). Invariant: after a change nothing is shown that was read by the
//! rules as they were.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqttwb_payload::Layout;

use super::Payloads;
use super::schemas::Schemas;
use crate::Result;
use crate::api::{ApiError, DecoderRule, Decoders, ErrorCode, SchemaFile};

impl Payloads {
    /// Rules and schemas.
    pub fn decoders(&self) -> Decoders {
        let schemas = self.schemas.lock();
        Decoders {
            rules: schemas.rules(),
            schemas: schemas.entries(),
            layouts: Layout::all().map(|layout| layout.to_string()).collect(),
            problem: schemas.damage(),
        }
    }

    /// Puts a rule in front of the others, in place of one for the same filter.
    pub fn set_rule(&self, rule: DecoderRule) -> Result<Decoders> {
        self.change(|schemas| schemas.set_rule(rule))
    }

    /// Removes the rule for a filter.
    pub fn remove_rule(&self, filter: &str) -> Result<Decoders> {
        self.change(|schemas| schemas.remove_rule(filter))
    }

    /// Adds a schema, or puts it in place of the one of that name.
    pub fn add_schema(&self, file: &SchemaFile) -> Result<Decoders> {
        let bytes = STANDARD.decode(&file.bytes).map_err(|error| {
            ApiError::new(
                ErrorCode::InvalidInput,
                format!("What {} holds is no base64: {error}.", file.name),
            )
        })?;
        self.change(|schemas| schemas.add(&file.name, bytes))
    }

    /// Removes a schema. Returns it, for an undo.
    pub fn remove_schema(&self, name: &str) -> Result<SchemaFile> {
        let bytes = self.schemas.lock().remove(name)?;
        self.open.lock().clear();
        Ok(SchemaFile {
            name: name.to_owned(),
            bytes: STANDARD.encode(bytes),
        })
    }

    fn change(&self, change: impl FnOnce(&mut Schemas) -> Result<()>) -> Result<Decoders> {
        change(&mut self.schemas.lock())?;
        // What is open was read by the rules as they were.
        self.open.lock().clear();
        Ok(self.decoders())
    }
}
