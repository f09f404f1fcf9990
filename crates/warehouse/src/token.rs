//! What a run calls itself, and what it makes only for a while: from the name others can tell that it is no more.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Of a run elsewhere nobody knows whether it lives: it is taken to be dead after so long.
const LONGEST_RUN: u64 = 24 * 60 * 60;

/// Hexadecimal digits of second, machine, process and salt. All of a table's name must fit into 63 characters.
const DIGITS: [usize; 4] = [8, 6, 6, 4];

/// A process of a token's number is that of the run if it began no more seconds after the token: clocks get corrected.
const SLACK: u64 = 60;

/// Ticks of a second in what Linux tells programs about processes.
const TICKS: u64 = 100;

/// A name for a run: when it began, on which machine, as which process, and something that tells runs of one second apart.
/// Written as 24 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    second: u64,
    /// 0 where the machine does not say which it is.
    machine: u64,
    process: u64,
    salt: u64,
}

/// What a run can know of the machine that it is on.
#[derive(Debug, Clone, Copy)]
pub struct Here {
    now: u64,
    machine: u64,
    /// The second in which a process began; `None` when there is none of that number.
    began: fn(u64) -> Option<u64>,
}

impl Token {
    /// A name for a run of this process that begins now.
    pub fn new() -> Self {
        let here = Here::look();
        Self {
            second: here.now,
            machine: here.machine,
            process: u64::from(std::process::id()),
            salt: RandomState::new().hash_one(here.now) & 0xFFFF,
        }
    }

    /// The token at the start of a text, in upper or lower case, as [`fmt::Display`] writes it.
    pub fn at_start(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut numbers = [0; 4];
        for (number, digits) in numbers.iter_mut().zip(DIGITS) {
            let part = rest.get(..digits).filter(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            *number = u64::from_str_radix(part, 16).ok()?;
            rest = &rest[digits..];
        }
        let [second, machine, process, salt] = numbers;
        Some(Self { second, machine, process, salt })
    }

    /// Whether the run is certainly no more: it was of this machine, and its process is gone; or it is a day old.
    pub fn is_dead(&self, here: Here) -> bool {
        if self.machine != 0 && self.machine == here.machine {
            // A process that began later is another, with the same number.
            return (here.began)(self.process).is_none_or(|began| began > self.second + SLACK);
        }
        self.second + LONGEST_RUN < here.now
    }
}

impl Default for Token {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = [self.second, self.machine, self.process, self.salt];
        for (number, digits) in numbers.into_iter().zip(DIGITS) {
            write!(formatter, "{number:0digits$x}")?;
        }
        Ok(())
    }
}

impl Here {
    /// Looks at the clock and the machine.
    pub fn look() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self { now: since.map_or(0, |since| since.as_secs()), machine: machine(), began }
    }
}

/// A number for where process numbers mean the same: this boot of this machine, and within it this container. 0 where
/// the system does not tell.
fn machine() -> u64 {
    let text = |path: &str| std::fs::read_to_string(path).ok();
    let Some(boot) = text("/proc/sys/kernel/random/boot_id") else { return 0 };
    let Ok(processes) = std::fs::read_link("/proc/self/ns/pid") else { return 0 };
    let host = text("/proc/sys/kernel/hostname").unwrap_or_default();
    let hash = blake3::hash(format!("{boot}{host}{}", processes.display()).as_bytes());
    let bytes = hash.as_bytes();
    u64::from_be_bytes([0, 0, 0, 0, 0, bytes[0], bytes[1], bytes[2]]).max(1)
}

/// The second in which a process of this machine began; 0 if the system does not say, so that it counts as alive.
fn began(process: u64) -> Option<u64> {
    let folder = format!("/proc/{process}");
    if !Path::new(&folder).exists() {
        return None;
    }
    Some(began_of(&folder).unwrap_or(0))
}

/// By the kernel's tables: ticks from the machine's start to the process', and when the machine started.
fn began_of(folder: &str) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("{folder}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_, after) = stat.rsplit_once(')')?;
    let ticks: u64 = after.split_whitespace().nth(19)?.parse().ok()?;
    let machine = std::fs::read_to_string("/proc/stat").ok()?;
    let boot: u64 = machine.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + ticks / TICKS)
}

#[cfg(test)]
mod tests {
    use super::{Here, LONGEST_RUN, Token, began, machine};

    const HERE: Here = Here {
        now: 1_000_000,
        machine: 7,
        began: |process| match process {
            1 => Some(500),
            2 => Some(999_000),
            _ => None,
        },
    };

    fn token(second: u64, machine: u64, process: u64) -> Token {
        Token { second, machine, process, salt: 0xF }
    }

    #[test]
    fn a_name_is_read_back_in_any_case() {
        let token = Token::new();
        let written = token.to_string();
        assert_eq!(written.len(), 24);
        assert_eq!(Token::at_start(&format!("{}_TRACKLET_EVENTS", written.to_uppercase())), Some(token));
        for other in ["", "x", &written[..23], "000000000000+00000000000", "é00000000000000000000000"] {
            assert_eq!(Token::at_start(other), None, "{other}");
        }
    }

    #[test]
    fn a_run_of_this_machine_is_dead_when_its_process_is_gone() {
        assert!(!token(600, 7, 1).is_dead(HERE));
        assert!(token(999_999, 7, 3).is_dead(HERE));
    }

    #[test]
    fn a_process_that_began_later_is_another() {
        assert!(token(600, 7, 2).is_dead(HERE));
        assert!(!token(998_999, 7, 2).is_dead(HERE), "clocks get corrected");
    }

    #[test]
    fn of_runs_elsewhere_only_time_tells() {
        for machine in [0, 8] {
            assert!(!token(HERE.now - LONGEST_RUN, machine, 3).is_dead(HERE));
            assert!(token(HERE.now - LONGEST_RUN - 1, machine, 1).is_dead(HERE));
        }
        assert!(
            !token(HERE.now, 0, 3).is_dead(Here { machine: 0, ..HERE }),
            "two machines that don't say which"
        );
    }

    #[test]
    fn this_process_lives() {
        assert!(!Token::new().is_dead(Here::look()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_ended_is_gone() {
        assert_ne!(machine(), 0);
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let of_child = Token { process: u64::from(child.id()), ..Token::new() };
        assert!(began(of_child.process).unwrap() + 60 > Here::look().now);
        assert!(!of_child.is_dead(Here::look()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(of_child.is_dead(Here::look()));
    }
}
