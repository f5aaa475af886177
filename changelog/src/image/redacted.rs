//! The placeholders in an image for values that the log does not show.

use serde_json::Value as Json;

/// The image of a redacted column, whatever its value, including NULL.
pub const REDACTED: &str = "[redacted]";

/// The image of a redacted column after an update that changed it. So the two images of a change differ in
/// exactly the columns that changed, and reveal no more than that.
pub const REDACTED_CHANGED: &str = "[redacted, changed]";

/// Whether this is the placeholder of a redacted value.
pub fn is_redacted(image: &Json) -> bool {
    matches!(image.as_str(), Some(REDACTED | REDACTED_CHANGED))
}
