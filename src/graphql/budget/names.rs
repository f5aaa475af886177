//! How much a document names, found without spreading its fragments: a text of 500 bytes can name millions of
//! fields, and validation would visit each of them.
//!
//! This check must come before anything else is done with a document. Nothing here recurses through fragments.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    Directive, ExecutableDocument, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, ServerError};

use crate::graphql::error::refusal;
use crate::service::code::ErrorCode;

/// How deep a request may nest brackets: far above `query_depth`, far below what overflows a stack.
const BRACKETS: usize = 200;

/// How many words, values and marks a document may have: the parser takes half a kilobyte for each. A thousand
/// rows of a batch that are written into the document have about forty thousand.
const TOKENS: usize = 200_000;

/// Longest name, in bytes: validation compares an unknown name with known ones, letter by letter.
const NAME: usize = 255;

/// How deep fragments may spread fragments: validation recurses through them.
const FRAGMENTS: usize = 200;

/// Refuses a text that is too large for the parser.
///
/// # Errors
/// `LIMIT_EXCEEDED`.
pub(in crate::graphql) fn check_text(query: &str) -> Result<(), ServerError> {
    let mut depth = 0_usize;
    for byte in query.bytes() {
        match byte {
            // Brackets in strings and comments count too: no sensible request has 200 of them open at once.
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth > BRACKETS {
            return Err(too_much("the request is nested too deep"));
        }
    }
    check_words(query.as_bytes())
}

fn too_much(message: impl Into<String>) -> ServerError {
    refusal(ErrorCode::LimitExceeded, message)
}

/// Counts words, values and marks. In doubt, a byte is counted.
fn check_words(bytes: &[u8]) -> Result<(), ServerError> {
    let (mut at, mut tokens) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        let rest = &bytes[at..];
        at += match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => 1,
            b'#' => run(rest, |byte| byte != b'\n' && byte != b'\r'),
            b'"' => {
                tokens += 1;
                string(rest)
            }
            byte if is_word(*byte) => {
                tokens += 1;
                let length = run(rest, is_word);
                if length > NAME && !byte.is_ascii_digit() {
                    return Err(too_much(format!("a name has at most {NAME} bytes")));
                }
                length
            }
            _ => {
                tokens += 1;
                1
            }
        };
        if tokens > TOKENS {
            let message = "the request's document is too long; pass values as variables";
            return Err(too_much(message));
        }
    }
    Ok(())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn run(bytes: &[u8], goes_on: impl Fn(u8) -> bool) -> usize {
    let end = bytes.iter().position(|byte| !goes_on(*byte));
    end.unwrap_or(bytes.len())
}

/// The length of the string that begins here. One that is not closed on its line ends there, because the parser
/// does not accept it as a string.
fn string(bytes: &[u8]) -> usize {
    let is_block = bytes.starts_with(b"\"\"\"");
    let mut at = if is_block { 3 } else { 1 };
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if is_block && bytes[at..].starts_with(b"\\\"\"\"") => at += 4,
            b'"' if is_block && bytes[at..].starts_with(b"\"\"\"") => return at + 3,
            b'\\' if !is_block => at += 2,
            b'"' | b'\n' | b'\r' if !is_block => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// What a document names.
#[derive(Debug, Default)]
pub(in crate::graphql) struct Names {
    total: u64,
    fragments: HashMap<Name, Whole>,
}

/// A fragment or an operation, without the fragments that it spreads.
#[derive(Default)]
struct Part {
    /// How many fields, fragments, arguments and directives it has.
    names: u64,
    /// How many fields the object itself has.
    width: u64,
    /// The fragments that it spreads, and whether their fields belong to the object itself.
    spreads: Vec<(Name, bool)>,
}

/// A fragment together with all that it spreads.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Whole {
    names: u64,
    width: u64,
    levels: usize,
}

/// The value for a fragment that spreads itself.
const ENDLESS: Whole = Whole {
    names: u64::MAX,
    width: u64::MAX,
    levels: usize::MAX,
};

impl Names {
    /// Counts the names of a document.
    pub(in crate::graphql) fn of(document: &ExecutableDocument) -> Self {
        let parts: HashMap<&Name, Part> = document
            .fragments
            .iter()
            .map(|(name, fragment)| (name, Part::of_fragment(&fragment.node)))
            .collect();
        let mut wholes = HashMap::with_capacity(parts.len());
        for name in parts.keys() {
            settle(name, &parts, &mut wholes);
        }
        let operations = document.operations.iter();
        let operations: Vec<Part> = operations
            .map(|(_, operation)| Part::of_operation(&operation.node))
            .collect();
        let spread: HashSet<&Name> = parts
            .values()
            .chain(&operations)
            .flat_map(|part| part.spreads.iter().map(|(name, _)| name))
            .collect();
        let named = operations.iter().map(|part| part.whole(&wholes).names);
        // Validation also visits fragments that nothing spreads.
        let unspread = wholes
            .iter()
            .filter(|(name, _)| !spread.contains(name))
            .map(|(_, whole)| whole.names);
        // In a circle of fragments each is spread by another, so all of them would be left out.
        let endless = wholes
            .values()
            .filter(|whole| whole.levels > FRAGMENTS)
            .map(|_| u64::MAX);
        let total = named.chain(unspread).chain(endless);
        Self {
            total: total.fold(0, u64::saturating_add),
            fragments: wholes,
        }
    }

    /// # Errors
    /// `LIMIT_EXCEEDED` if the document names more than this.
    pub(in crate::graphql) fn check(&self, most: u64) -> Result<(), ServerError> {
        if self.total > most {
            Err(too_much(format!(
                "a request names at most {most} fields, arguments and directives, those of its fragments \
                 counted wherever they are spread"
            )))
        } else {
            Ok(())
        }
    }

    pub(super) fn into_widths(self) -> HashMap<Name, u64> {
        let fragments = self.fragments.into_iter();
        fragments.map(|(name, whole)| (name, whole.width)).collect()
    }
}

impl Part {
    fn of_fragment(fragment: &FragmentDefinition) -> Self {
        let mut part = Self::default();
        part.directives(&fragment.directives);
        part.set(&fragment.selection_set.node, true);
        part
    }

    fn of_operation(operation: &OperationDefinition) -> Self {
        let mut part = Self::default();
        part.directives(&operation.directives);
        part.names += count(operation.variable_definitions.len());
        part.set(&operation.selection_set.node, true);
        part
    }

    /// The recursion is bounded by the brackets of a request.
    fn set(&mut self, set: &SelectionSet, is_own: bool) {
        for selection in &set.items {
            self.names += 1;
            match &selection.node {
                Selection::Field(field) => {
                    self.width += u64::from(is_own);
                    self.names += count(field.node.arguments.len());
                    self.directives(&field.node.directives);
                    self.set(&field.node.selection_set.node, false);
                }
                Selection::InlineFragment(fragment) => {
                    self.directives(&fragment.node.directives);
                    self.set(&fragment.node.selection_set.node, is_own);
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.node.directives);
                    let name = spread.node.fragment_name.node.clone();
                    self.spreads.push((name, is_own));
                }
            }
        }
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) {
        for directive in directives {
            self.names += 1 + count(directive.node.arguments.len());
        }
    }

    /// Adds what it spreads, which must be known. An unknown fragment counts nothing, because validation
    /// reports it.
    fn whole(&self, known: &HashMap<Name, Whole>) -> Whole {
        let mut whole = Whole {
            names: self.names,
            width: self.width,
            levels: 1,
        };
        for (name, is_own) in &self.spreads {
            let Some(spread) = known.get(name) else {
                continue;
            };
            whole.names = whole.names.saturating_add(spread.names);
            if *is_own {
                whole.width = whole.width.saturating_add(spread.width);
            }
            whole.levels = whole.levels.max(spread.levels.saturating_add(1));
        }
        whole
    }
}

/// Counts a fragment together with all that it spreads.
fn settle(name: &Name, parts: &HashMap<&Name, Part>, wholes: &mut HashMap<Name, Whole>) {
    let mut path: Vec<(&Name, usize)> = vec![(name, 0)];
    let mut is_on_path: HashSet<&Name> = HashSet::from([name]);
    while let Some((name, next)) = path.pop() {
        let Some(part) = parts.get(name).filter(|_| !wholes.contains_key(name)) else {
            is_on_path.remove(name);
            continue;
        };
        match part.spreads.get(next) {
            None => {
                wholes.insert(name.clone(), part.whole(wholes));
                is_on_path.remove(name);
            }
            Some((spread, _)) => {
                path.push((name, next + 1));
                if is_on_path.insert(spread) {
                    path.push((spread, 0));
                } else if !wholes.contains_key(spread) {
                    // The fragment spreads itself.
                    wholes.insert(spread.clone(), ENDLESS);
                }
            }
        }
    }
}

/// How many fields an object has with these selections. The recursion is bounded by the brackets of a request.
pub(super) fn width(set: &SelectionSet, fragments: &HashMap<Name, u64>) -> u64 {
    let widths = set.items.iter().map(|selection| match &selection.node {
        Selection::Field(_) => 1,
        Selection::InlineFragment(fragment) => width(&fragment.node.selection_set.node, fragments),
        Selection::FragmentSpread(spread) => {
            let name = &spread.node.fragment_name.node;
            fragments.get(name).copied().unwrap_or_default()
        }
    });
    widths.fold(0, u64::saturating_add)
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
