//! The limits as flags and environment variables.

use std::sync::LazyLock;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};

use crate::limits::{LimitSetting, Limits};

/// What the command line says of a setting, in texts that live as long as it.
struct Flag {
    setting: &'static LimitSetting,
    /// The variable without the program's name: `PAGE_ROWS`.
    name: &'static str,
    /// The flag: `page-rows`.
    long: String,
    default: String,
}

static FLAGS: LazyLock<Vec<Flag>> = LazyLock::new(|| {
    let defaults = Limits::default();
    let flags = Limits::SETTINGS.iter().map(|setting| {
        let variable = setting.variable;
        let name = variable.strip_prefix("SEACHANGE_").unwrap_or(variable);
        Flag {
            setting,
            name,
            long: name.to_lowercase().replace('_', "-"),
            default: (setting.get)(&defaults).to_string(),
        }
    });
    flags.collect()
});

impl Flag {
    fn argument(&'static self) -> Arg {
        let meaning = self.setting.meaning.trim();
        Arg::new(self.setting.variable)
            .long(self.long.as_str())
            .env(self.setting.variable)
            .value_name(self.name)
            .help(meaning.strip_suffix('.').unwrap_or(meaning))
            .default_value(self.default.as_str())
            .value_parser(value_parser!(u64).range(self.setting.range.clone()))
            .global(true)
    }
}

impl Args for Limits {
    fn augment_args(command: Command) -> Command {
        command.args(FLAGS.iter().map(Flag::argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Limits {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut limits = Self::default();
        limits.update_from_arg_matches(matches)?;
        Ok(limits)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for setting in Self::SETTINGS {
            if let Some(number) = matches.get_one::<u64>(setting.variable) {
                (setting.set)(self, *number);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn parsed(flags: &[&str]) -> Result<Limits, clap::Error> {
        let command = Limits::augment_args(Command::new("test").no_binary_name(true));
        Limits::from_arg_matches(&command.try_get_matches_from(flags)?)
    }

    #[test]
    fn flags_set_limits_within_their_ranges() {
        assert_eq!(parsed(&[]).expect("defaults"), Limits::default());
        let limits = parsed(&[
            "--page-rows",
            "7",
            "--idempotency-hours=0",
            "--request-ms=300",
        ]);
        let expected = Limits {
            page_rows: 7,
            idempotency: Duration::ZERO,
            request_time: Duration::from_millis(300),
            ..Limits::default()
        };
        assert_eq!(limits.expect("limits"), expected);
        for wrong in [
            "--page-rows=0",
            "--page-rows=x",
            "--idempotency-hours=87841",
            "--rows=1",
        ] {
            parsed(&[wrong]).expect_err(wrong);
        }
    }
}
