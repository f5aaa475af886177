//! A result, and how it is printed.

use std::fmt;

/// What a figure must keep to.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
}

/// One line of results. The target is about the ratio where there is one, else about the value.
#[derive(Clone, Debug)]
pub struct Line {
    name: String,
    value: f64,
    unit: &'static str,
    beside: Option<(&'static str, f64)>,
    target: Option<Target>,
}

impl Line {
    /// A case and its figure.
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            beside: None,
            target: None,
        }
    }

    /// What the figure is divided by, in the same unit.
    #[must_use]
    pub fn beside(mut self, name: &'static str, value: f64) -> Self {
        self.beside = Some((name, value));
        self
    }

    /// The target.
    #[must_use]
    pub fn target(mut self, target: impl Into<Option<Target>>) -> Self {
        self.target = target.into();
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.beside.map(|(_, beside)| self.value / beside)
    }

    /// Whether it keeps to its target, if it has one.
    pub fn is_met(&self) -> Option<bool> {
        let held = self.ratio().unwrap_or(self.value);
        self.target.map(|target| match target {
            Target::AtLeast(bound) => held >= bound,
            Target::AtMost(bound) => held <= bound,
        })
    }
}

/// Above the lines of a bench.
pub fn heading(bench: &str) -> String {
    format!(
        "{bench:<50} {:>13}  {:<34} {:>6}  {:<8}",
        "measured", "compared with", "ratio", "target"
    )
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figure = |value: f64| match value {
            // A count, or digits enough.
            value if self.unit.is_empty() || value >= 100.0 => format!("{value:.0}{}", self.unit),
            value => format!("{value:.2}{}", self.unit),
        };
        let beside = self
            .beside
            .map(|(name, value)| format!("{name}: {}", figure(value)));
        let ratio = self.ratio().map(|ratio| format!("{ratio:.2}"));
        let target = self.target.map(|target| match target {
            Target::AtLeast(bound) => format!("≥ {bound}"),
            Target::AtMost(bound) => format!("≤ {bound}"),
        });
        let verdict = self.is_met().map(|met| if met { "met" } else { "MISSED" });
        write!(
            f,
            "{:<50} {:>13}  {:<34} {:>6}  {:<8} {}",
            self.name,
            figure(self.value),
            beside.as_deref().unwrap_or("–"),
            ratio.as_deref().unwrap_or("–"),
            target.as_deref().unwrap_or("–"),
            verdict.unwrap_or_default()
        )
    }
}
