//! What happens in a run: made from a seed before it begins, so that it can be printed, repeated, and made shorter.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::device::Codec;

/// A world and all that happens in it. Numbers choose among what there is by then.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    pub people: usize,
    pub devices: Vec<Kind>,
    pub steps: Vec<Step>,
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kind {
    /// Whose.
    pub owner: usize,
    /// How it tells what it wrote.
    pub codec: Codec,
    /// Whether its app is older than some columns and collections, and leaves them alone.
    pub older: bool,
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Somebody writes on a device.
    Edit {
        device: usize,
        what: u8,
        which: u8,
        value: u8,
    },
    /// A device sends what it wrote.
    Push {
        device: usize,
        space: u8,
        most: u8,
        fate: Fate,
    },
    /// A device reads on.
    Pull {
        device: usize,
        space: u8,
        limit: u8,
        fate: Fate,
    },
    /// Something that was under way arrives.
    Arrive {
        which: u8,
    },
    /// Time passes.
    Pass {
        milliseconds: u32,
    },
    /// The clock of a device jumps.
    Skew {
        device: usize,
        seconds: i32,
    },
    /// The clock of a device stands, or goes on.
    Freeze {
        device: usize,
    },
    /// The counter of a device's clock is all but used up.
    Exhaust {
        device: usize,
    },
    Offline {
        device: usize,
    },
    Online {
        device: usize,
    },
    Persist {
        device: usize,
    },
    Crash {
        device: usize,
    },
    BackUp {
        device: usize,
    },
    Restore {
        device: usize,
    },
    /// Somebody writes a measurement by an ordinary mutation.
    Write {
        person: usize,
        what: u8,
        which: u8,
        value: u8,
    },
    /// A person lets another one read and write measurements or noots, or no longer.
    Share {
        grantor: usize,
        grantee: usize,
        measurements: bool,
    },
    CollectTombstones {
        person: usize,
    },
    CollectChanges {
        person: usize,
        part: u8,
    },
    BackUpServer,
    RestoreServer,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    Answered,
    Lost,
    AnswerLost,
    /// It arrives twice.
    Twice,
    /// It arrives later, perhaps after others.
    Late,
    /// It is answered later.
    AnsweredLate,
    /// The server dies before it commits.
    ServerDies,
    /// The transaction takes its time.
    Slow,
}

impl Script {
    /// The script of a seed.
    pub fn new(seed: u64, length: usize) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let people = random.random_range(1..=4);
        let count = if random.random_ratio(1, 8) { random.random_range(2..=12) } else { random.random_range(2..=5) };
        let devices = (0..count).map(|_| {
            let codec = [Codec::Cells, Codec::Messages, Codec::Replace][random.random_range(0..3_usize)];
            Kind { owner: random.random_range(0..people), codec, older: random.random_ratio(1, 4) }
        });
        let devices: Vec<_> = devices.collect();
        let steps = (0..length).map(|_| Step::random(&mut random, people, count)).collect();
        Self { people, devices, steps }
    }

    /// Without what only a server in memory can go through.
    pub fn for_a_database(mut self) -> Self {
        self.steps.retain(|step| !matches!(step, Step::BackUpServer | Step::RestoreServer));
        self
    }

    /// Without some of its steps.
    fn without(&self, from: usize, to: usize) -> Self {
        let steps = [&self.steps[..from], &self.steps[to..]].concat();
        Self { steps, ..self.clone() }
    }

    /// A shorter script that fails as well.
    pub fn shrunk(mut self, fails: impl Fn(&Self) -> bool) -> Self {
        let mut size = self.steps.len() / 2;
        while size > 0 {
            let mut from = 0;
            while from < self.steps.len() {
                let shorter = self.without(from, (from + size).min(self.steps.len()));
                if fails(&shorter) {
                    self = shorter;
                } else {
                    from += size;
                }
            }
            size /= 2;
        }
        self
    }
}

impl Step {
    fn random(random: &mut StdRng, people: usize, devices: usize) -> Self {
        let device = random.random_range(0..devices);
        let person = random.random_range(0..people);
        match random.random_range(0..100) {
            0..28 => Self::Edit { device, what: random.random(), which: random.random(), value: random.random() },
            28..48 => Self::Push { device, space: random.random(), most: random.random_range(1..7), fate: Fate::random(random) },
            48..70 => Self::Pull { device, space: random.random(), limit: random.random_range(1..8), fate: Fate::random(random) },
            70..75 => Self::Arrive { which: random.random() },
            75..80 => Self::Pass { milliseconds: [0, 1, 500, 60_000, 3_600_000][random.random_range(0..5_usize)] },
            80 => Self::Skew { device, seconds: [0, -600, 290, 600, -90_000, 100_000][random.random_range(0..6_usize)] },
            81 if random.random() => Self::Freeze { device },
            81 => Self::Exhaust { device },
            82 => Self::Offline { device },
            83..85 => Self::Online { device },
            85 => Self::Persist { device },
            86 => Self::Crash { device },
            87 => Self::BackUp { device },
            88 => Self::Restore { device },
            89..92 => Self::Write { person, what: random.random(), which: random.random(), value: random.random() },
            92..95 => Self::Share { grantor: person, grantee: random.random_range(0..people), measurements: random.random() },
            95..97 => Self::CollectTombstones { person },
            97 => Self::CollectChanges { person, part: random.random() },
            98 => Self::BackUpServer,
            _ => Self::RestoreServer,
        }
    }
}

impl Fate {
    fn random(random: &mut StdRng) -> Self {
        match random.random_range(0..24) {
            0 => Self::Lost,
            1..3 => Self::AnswerLost,
            3 => Self::Twice,
            4 => Self::Late,
            5 => Self::AnsweredLate,
            6 => Self::ServerDies,
            7..9 => Self::Slow,
            _ => Self::Answered,
        }
    }
}
