//! Small rotas for the tests, written in letters: `A`, `B` and so on are members, `h` is a helper, `-` nobody, and `.` a day of
//! which nothing is stored.

use chrono::{Days, NaiveDate, Weekday};
use uuid::Uuid;

use super::{Assignment, Doer, Keep, Member, MemberId, Participation, Plan, Policy, Reason, Rota, Slot, Span, plan};

/// The first day that is planned: a Monday.
pub(super) const FIRST: NaiveDate = NaiveDate::from_ymd_opt(2026, 6, 1).expect("a date");
pub(super) const LEDGER: Policy = Policy::Ledger { streak_cap: None };

/// Days after the first one; negative ones are before it.
pub(super) fn day(number: i64) -> NaiveDate {
    FIRST + chrono::TimeDelta::days(number)
}

pub(super) fn span(from: i64, until: i64) -> Span {
    Span { from: day(from), until: Some(day(until)) }
}

pub(super) fn id(letter: char) -> MemberId {
    MemberId(Uuid::from_u128(letter.into()))
}

/// Members of weight 1 and always free, in the order of their letters.
pub(super) fn members(letters: &str) -> Vec<Member> {
    let always = Span { from: NaiveDate::MIN, until: None };
    let member = |(rank, letter): (usize, char)| Member {
        id: id(letter),
        rank: rank as u32,
        participations: vec![Participation { span: always, weight: 1 }],
        unavailable: Vec::new(),
        absences: Vec::new(),
        skills: Vec::new(),
    };
    letters.chars().enumerate().map(member).collect()
}

pub(super) fn doer(letter: char) -> Doer {
    match letter {
        'h' => Doer::Helper("Dana".to_owned()),
        '-' => Doer::Nobody,
        letter => Doer::Member(id(letter)),
    }
}

/// What is stored from `first` on.
pub(super) fn stored(first: NaiveDate, letters: &str) -> Vec<Assignment> {
    let assignment = |(number, letter): (u64, char)| Assignment {
        date: first + Days::new(number),
        effort: 1,
        doer: doer(letter),
        pinned: letter == 'h',
        done_by: None,
        reason: Some(if letter == 'h' { Reason::Override } else { Reason::Alternating }),
    };
    (0..).zip(letters.chars()).filter(|(_, letter)| *letter != '.').map(assignment).collect()
}

impl Rota {
    /// A rota for `days` days from the first one, which is today.
    pub(super) fn of(policy: Policy, letters: &str, days: i64) -> Self {
        Self {
            policy,
            members: members(letters),
            assignments: Vec::new(),
            slots: Slot::daily(FIRST, day(days - 1)),
            today: FIRST,
            keep: Keep::Published,
            causes: Vec::new(),
        }
    }

    /// With what was stored until the day before the first.
    pub(super) fn after(mut self, letters: &str) -> Self {
        let first = FIRST - Days::new(letters.chars().count() as u64);
        self.assignments.extend(stored(first, letters));
        self
    }

    /// With what is stored from the first day on.
    pub(super) fn storing(mut self, letters: &str) -> Self {
        self.assignments.extend(stored(FIRST, letters));
        self
    }

    pub(super) fn unavailable(mut self, letter: char, weekdays: &[Weekday]) -> Self {
        self.member(letter).unavailable = weekdays.to_vec();
        self
    }

    pub(super) fn member(&mut self, letter: char) -> &mut Member {
        self.members.iter_mut().find(|member| member.id == id(letter)).expect("a member")
    }

    /// Stores what the plan says.
    pub(super) fn store(&mut self, plan: &Plan) {
        for planned in &plan.days {
            self.assignments.retain(|assignment| assignment.date != planned.assignment.date);
            self.assignments.push(planned.assignment.clone());
        }
    }

    pub(super) fn planned(&self) -> Plan {
        plan(self).expect("a plan")
    }

    /// The stored assignment of a day.
    pub(super) fn stored_on(&mut self, number: i64) -> &mut Assignment {
        self.assignments.iter_mut().find(|assignment| assignment.date == day(number)).expect("an assignment")
    }
}

impl Plan {
    /// Who does the days.
    pub(super) fn letters(&self) -> String {
        let letter = |doer: &Doer| match doer {
            Doer::Member(member) => char::from_u32(member.0.as_u128() as u32).expect("a letter"),
            Doer::Helper(_) => 'h',
            Doer::Nobody => '-',
        };
        self.days.iter().map(|planned| letter(&planned.assignment.doer)).collect()
    }

    /// Why.
    pub(super) fn reasons(&self) -> Vec<Reason> {
        self.days.iter().filter_map(|planned| planned.assignment.reason).collect()
    }
}
