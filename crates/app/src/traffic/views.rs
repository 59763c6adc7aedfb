//! The views that pages have opened.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::Result;
use crate::api::{ApiError, ErrorCode};

/// Views that are open at a time. One more closes the one that was not asked for longest: a page that went away
/// without closing its views holds no room.
pub(super) const VIEWS: usize = 16;

/// Open views, by number.
#[derive(Debug)]
pub(super) struct Views<V> {
    /// The last used comes last.
    open: Vec<(u32, Arc<Mutex<V>>)>,
    last_id: u32,
}

impl<V> Default for Views<V> {
    fn default() -> Self {
        Self {
            open: Vec::new(),
            last_id: 0,
        }
    }
}

impl<V> Views<V> {
    /// Opens one more.
    pub fn open(&mut self, view: V) -> u32 {
        if self.open.len() == VIEWS {
            self.open.remove(0);
        }
        self.last_id = self.last_id.wrapping_add(1);
        self.open.push((self.last_id, Arc::new(Mutex::new(view))));
        self.last_id
    }

    /// The view of a number.
    pub fn get(&mut self, id: u32) -> Result<Arc<Mutex<V>>> {
        let at = self.position(id)?;
        self.open[at..].rotate_left(1);
        Ok(Arc::clone(&self.open[self.open.len() - 1].1))
    }

    /// Closes one.
    pub fn close(&mut self, id: u32) -> Result<()> {
        let at = self.position(id)?;
        self.open.remove(at);
        Ok(())
    }

    fn position(&self, id: u32) -> Result<usize> {
        self.open
            .iter()
            .position(|(open, _)| *open == id)
            .ok_or_else(|| {
                ApiError::new(
                    ErrorCode::NotFound,
                    format!("view {id} on the traffic is not open"),
                )
                .hint("Open a new one.")
            })
    }
}
