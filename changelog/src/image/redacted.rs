//! What stands in an image for a value that the log does not show.

use serde_json::Value as Json;

/// What a redacted column's image is, whatever its value, NULL included.
pub const REDACTED: &str = "[redacted]";

/// What it is in the image after an update that changed it. So the two images of a change differ in
/// exactly the columns that changed, for whoever compares them, and say no more than that.
pub const REDACTED_CHANGED: &str = "[redacted, changed]";

/// Whether this is what stands in a log for a redacted value.
pub fn is_redacted(image: &Json) -> bool {
    matches!(image.as_str(), Some(REDACTED | REDACTED_CHANGED))
}
