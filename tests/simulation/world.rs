//! Devices, a server, and what lies between them.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{FoodId, UserId};
use serde_json::{Value, json};
use service::sync::{
    Cursor, FeedPage, FeedRow, Push, Receipt,
    collection::{DELETED, Document},
    merge::{Cell, Mutation, Outcome, Write},
};
use uuid::Uuid;

use super::{
    device::{Codec, Device, Name, Replica},
    planted::Planted,
    script::{Fate, Script, Step},
    server::{JUMP, Ordinary, Server, Space, access_of},
    truth::{Truth, Verdict, Written, hold, shown},
};

/// How many times everybody reads and sends until all is quiet: once to hear of a new history, once to send, once to hear of that.
const ROUNDS: usize = 4;

pub struct World<'a, S: Server> {
    server: &'a S,
    planted: Option<Planted>,
    now: DateTime<Utc>,
    people: Vec<(UserId, FoodId)>,
    devices: Vec<Device>,
    /// Who reads and writes what of whom.
    grants: BTreeSet<(UserId, UserId, &'static str)>,
    truth: Truth,
    backup: Option<(S::Backup, Truth)>,
    flying: Vec<Flying>,
    ids: u128,
    /// What was written on devices, and what of it nobody waits for any more.
    issued: BTreeSet<Uuid>,
    given_up: BTreeSet<Uuid>,
    wrong: BTreeSet<Uuid>,
    /// The last clock of each name.
    clocks: BTreeMap<String, String>,
    /// Up to where each device has everything, with nothing unsent.
    acknowledged: BTreeMap<(UserId, usize), Cursor>,
    /// Of whom a transaction has its numbers and is not visible yet: only where that is planted.
    slow: BTreeSet<UserId>,
    trace: DefaultHasher,
    /// What happened, where somebody wants to read it.
    pub told: Option<Vec<String>>,
}

/// Something under way.
enum Flying {
    Request { device: usize, client: String, person: UserId, sent: Vec<Arc<Mutation>> },
    Answer { device: usize, start: u32, person: UserId, sent: Vec<Arc<Mutation>>, receipts: Vec<Receipt> },
    Page { device: usize, start: u32, person: UserId, asked: Option<Cursor>, page: FeedPage },
}

impl<'a, S: Server> World<'a, S> {
    pub fn new(script: &Script, people: &[(UserId, FoodId)], now: DateTime<Utc>, server: &'a S, planted: Option<Planted>) -> Self {
        let people = people[..script.people].to_vec();
        let devices = script.devices.iter().enumerate().map(|(index, kind)| Device::new(index, people[kind.owner].0, *kind, planted));
        Self {
            server,
            planted,
            now,
            devices: devices.collect(),
            people,
            grants: BTreeSet::new(),
            truth: Truth::default(),
            backup: None,
            flying: Vec::new(),
            ids: 0,
            issued: BTreeSet::new(),
            given_up: BTreeSet::new(),
            wrong: BTreeSet::new(),
            clocks: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            slow: BTreeSet::new(),
            trace: DefaultHasher::new(),
            told: None,
        }
    }

    /// Plays a script to its end and then until all is quiet. Answers a hash of all that happened.
    pub async fn play(&mut self, script: &Script) -> Result<u64, String> {
        for (number, step) in script.steps.iter().enumerate() {
            self.step(*step).await.map_err(|wrong| format!("step {number}, {step:?}: {wrong}"))?;
        }
        self.come_to_rest().await.map_err(|wrong| format!("at rest: {wrong}"))?;
        Ok(self.trace.finish())
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        let what = what();
        what.hash(&mut self.trace);
        if let Some(told) = &mut self.told {
            told.push(what);
        }
    }

    fn new_id(&mut self) -> Uuid {
        self.ids += 1;
        uuid::Builder::from_random_bytes((self.ids << 64 | self.ids).to_be_bytes()).into_uuid()
    }

    /// Whose feeds a device follows.
    fn followed(&self, device: usize) -> Vec<UserId> {
        let owner = self.devices[device].owner;
        let granted: BTreeSet<UserId> =
            self.grants.iter().filter(|(_, grantee, _)| *grantee == owner).map(|(grantor, ..)| *grantor).collect();
        std::iter::once(owner).chain(granted).collect()
    }

    fn may_read(&self, viewer: UserId, person: UserId, collection: &str) -> bool {
        viewer == person || access_of(collection).is_some_and(|access| self.grants.contains(&(person, viewer, access)))
    }

    async fn step(&mut self, step: Step) -> Verdict {
        match step {
            Step::Edit { device, what, which, value } => self.edit(device, what, which, value),
            Step::Push { device, space, most, fate } => {
                // Also where its access ended and it has not heard of that.
                let spaces: Vec<UserId> = self.devices[device].state.replicas.keys().copied().collect();
                self.push(device, spaces[usize::from(space) % spaces.len()], usize::from(most), fate).await
            }
            Step::Pull { device, space, limit, fate } => {
                let spaces = self.followed(device);
                self.forget_revoked(device, &spaces);
                self.pull(device, spaces[usize::from(space) % spaces.len()], limit.into(), fate).await
            }
            Step::Arrive { which } if !self.flying.is_empty() => {
                let flying = self.flying.swap_remove(usize::from(which) % self.flying.len());
                self.arrive(flying).await
            }
            Step::Arrive { .. } => Ok(()),
            Step::Pass { milliseconds } => {
                self.now += TimeDelta::milliseconds(milliseconds.into());
                self.server.set_now(self.now);
                for person in std::mem::take(&mut self.slow) {
                    self.check(person).await?;
                }
                Ok(())
            }
            Step::Skew { device, seconds } => {
                self.devices[device].skew = TimeDelta::seconds(seconds.into());
                Ok(())
            }
            Step::Freeze { device } => {
                let device = &mut self.devices[device];
                device.frozen = if device.frozen.is_some() { None } else { Some(self.now) };
                Ok(())
            }
            Step::Exhaust { device } => {
                self.devices[device].exhaust(self.now);
                Ok(())
            }
            Step::Offline { device } => {
                self.devices[device].online = false;
                self.devices[device].disconnect();
                Ok(())
            }
            Step::Online { device } => {
                self.devices[device].online = true;
                Ok(())
            }
            Step::Persist { device } => {
                self.devices[device].persist();
                Ok(())
            }
            Step::Crash { device } => {
                self.devices[device].crash();
                Ok(())
            }
            Step::BackUp { device } => {
                self.devices[device].back_up();
                Ok(())
            }
            Step::Restore { device } => {
                // What it had not sent is gone with the device.
                let forgotten = self.devices[device].restore().unwrap_or_default();
                self.given_up.extend(forgotten);
                Ok(())
            }
            Step::Write { person, what, which, value } => self.write(person, what, which, value).await,
            Step::Share { grantor, grantee, measurements } if grantor != grantee => {
                let access = if measurements { "checkin" } else { "organiser" };
                let grant = (self.people[grantor].0, self.people[grantee].0, access);
                let shared = !self.grants.remove(&grant) && self.grants.insert(grant);
                self.server.share(grant.0, grant.1, access, shared).await;
                Ok(())
            }
            Step::Share { .. } => Ok(()),
            Step::CollectTombstones { person } => self.collect_tombstones(self.people[person].0).await,
            Step::CollectChanges { person, part } => {
                let person = self.people[person].0;
                let head = *self.truth.checked.get(&person).unwrap_or(&0);
                let before = self.server.space(person, 0).await;
                // To the end of a change.
                let numbers = before.changes.iter().map(|change| change.number);
                let up_to = numbers.filter(|number| *number <= head * i64::from(part) / 255).max().unwrap_or_default();
                self.server.collect_changes(person, up_to).await;
                self.check(person).await
            }
            Step::BackUpServer => {
                self.backup = Some((self.server.backup().await, self.truth.clone()));
                Ok(())
            }
            Step::RestoreServer => self.restore_server().await,
        }
    }

    fn edit(&mut self, device: usize, what: u8, which: u8, value: u8) -> Verdict {
        let spaces = self.followed(device);
        let person = spaces[usize::from(which) % spaces.len()];
        let (owner, codec) = (self.devices[device].owner, self.devices[device].codec);
        if !self.devices[device].state.replicas.contains_key(&person) {
            return Ok(());
        }
        let which = usize::from(which) / spaces.len();
        let of = |names: Vec<Name>| if names.is_empty() { None } else { Some(names[which % names.len()].clone()) };
        let (alive, gone) = (of(self.devices[device].names(person, false)), of(self.devices[device].names(person, true)));
        let (name, changes, wrong) = match (what % 16, alive, gone) {
            (4..10, Some(name), _) => {
                let changes = changed(&name.0, what, value);
                (name, changes, false)
            }
            (10..12, Some(name), _) => (name, document([(DELETED, json!(true))]), false),
            (12..14, _, Some(name)) => (name, document([(DELETED, json!(false))]), false),
            (14, Some(name), _) => {
                let (column, is) =
                    [("value", json!("heavy")), ("quantity", json!("much")), ("canonical_value", json!("1")), ("colour", json!("red"))]
                        [usize::from(value) % 4]
                        .clone();
                (name, document([(column, is)]), true)
            }
            _ => {
                let food = self.people.iter().find(|(person, _)| *person == owner).map(|(_, food)| *food);
                let collection = match what {
                    0..64 => "food_diary",
                    64..128 if !self.devices[device].older => "noots",
                    _ => "measurements",
                };
                let mut made = made(collection, value, food);
                let wrong = what % 16 == 15;
                if wrong {
                    let column = match collection {
                        "measurements" => "value",
                        "noots" => "data",
                        _ => "quantity",
                    };
                    made.insert(column.to_owned(), json!("-5"));
                }
                ((collection.to_owned(), self.new_id()), made, wrong)
            }
        };
        let waits = |mutation: &Arc<Mutation>| mutation.row == name.1 && mutation.id.is_some_and(|id| self.wrong.contains(&id));
        if self.devices[device].state.replicas[&person].pending.iter().any(waits) {
            // Until it is told that this cannot be.
            return Ok(());
        }
        let shown = self.devices[device].view(person, &name).map(|shown| self.devices[device].known(shown));
        let changes = self.devices[device].known(changes);
        let mutations = match codec {
            Codec::Replace => {
                let mut new = shown.clone().unwrap_or_else(|| document([(DELETED, json!(false))]));
                new.extend(changes);
                vec![Write::Replace { assumed: shown, new }]
            }
            // A new row comes cell by cell, and the last may come first.
            Codec::Messages if shown.is_none() && !wrong => {
                let mut writes = Vec::new();
                for (column, value) in changes {
                    let cell = Cell { value, clock: self.tick(device)?, message: Some(self.new_id().to_string()) };
                    writes.push(Write::Cells(BTreeMap::from([(column, cell)])));
                }
                if value % 2 == 1 {
                    writes.reverse();
                }
                writes
            }
            Codec::Cells | Codec::Messages => {
                let clock = self.tick(device)?;
                let cell = |(column, value)| (column, Cell { value, clock: clock.clone(), message: None });
                vec![Write::Cells(changes.into_iter().map(cell).collect())]
            }
        };
        for write in mutations {
            let id = self.new_id();
            self.issued.insert(id);
            if wrong {
                self.wrong.insert(id);
            }
            let mutation = Mutation { id: Some(id), collection: name.0.clone(), row: name.1, write };
            self.devices[device].state.replicas.entry(person).or_default().pending.push(Arc::new(mutation));
        }
        // What somebody has written is on the disk before they are told so.
        self.devices[device].persist();
        Ok(())
    }

    fn tick(&mut self, device: usize) -> Result<service::sync::clock::Clock, String> {
        let clock = self.devices[device].tick(self.now);
        let last = self.clocks.insert(clock.node.clone(), clock.to_string());
        hold(last.as_ref().is_none_or(|last| *last < clock.to_string()), || format!("{clock} of a device is not after its {last:?}"))?;
        Ok(clock)
    }

    async fn push(&mut self, device: usize, person: UserId, most: usize, fate: Fate) -> Verdict {
        let Some(replica) = self.devices[device].state.replicas.get(&person) else { return Ok(()) };
        if !self.devices[device].online || !replica.ready || replica.pending.is_empty() {
            return Ok(());
        }
        let sent: Vec<Arc<Mutation>> = replica.pending.iter().take(most).cloned().collect();
        let client = self.devices[device].state.node.clone();
        match fate {
            Fate::Lost => Ok(()),
            Fate::Late => {
                self.flying.push(Flying::Request { device, client, person, sent });
                Ok(())
            }
            Fate::ServerDies => {
                let owner = self.devices[device].owner;
                self.server.crash_in(owner, batch(&client, person, &sent)).await;
                self.check(person).await
            }
            Fate::AnswerLost => self.receive(device, &client, person, &sent, false).await.map(drop),
            Fate::Slow | Fate::AnsweredLate => {
                let receipts = self.receive(device, &client, person, &sent, fate == Fate::Slow).await?;
                self.flying.extend(self.answer(device, person, sent, receipts));
                Ok(())
            }
            Fate::Answered | Fate::Twice => {
                let receipts = self.receive(device, &client, person, &sent, false).await?;
                if fate == Fate::Twice {
                    self.receive(device, &client, person, &sent, false).await?;
                }
                match self.answer(device, person, sent, receipts) {
                    Some(answer) => self.arrive(answer).await,
                    None => Ok(()),
                }
            }
        }
    }

    fn answer(&self, device: usize, person: UserId, sent: Vec<Arc<Mutation>>, receipts: Option<Vec<Receipt>>) -> Option<Flying> {
        Some(Flying::Answer { device, start: self.devices[device].start, person, sent, receipts: receipts? })
    }

    /// A server gets a push, and everything is held against what must become of it. `None` when it answers with an error.
    async fn receive(
        &mut self,
        device: usize,
        client: &str,
        person: UserId,
        sent: &[Arc<Mutation>],
        slowly: bool,
    ) -> Result<Option<Vec<Receipt>>, String> {
        let viewer = self.devices[device].owner;
        let last = *self.truth.checked.get(&person).unwrap_or(&0);
        // Whoever takes numbers at the commit keeps other writers waiting until then: nobody sees that it took its time.
        let slowly = slowly && self.planted == Some(Planted::IdentityNumbers);
        let receipts = match self.server.push(viewer, batch(client, person, sent), slowly).await {
            Ok(receipts) => receipts,
            Err(error) => {
                self.note(|| format!("device {device} pushes: {error}"));
                return Ok(None);
            }
        };
        hold(receipts.len() == sent.len(), || format!("{} receipts for {} mutations", receipts.len(), sent.len()))?;
        let space = self.server.space(person, last).await;
        for (mutation, receipt) in sent.iter().zip(&receipts) {
            let written = Written {
                viewer,
                person,
                mutation,
                may: self.may_read(viewer, person, &mutation.collection),
                wrong: self.wrong.contains(&mutation.id.unwrap_or_default()),
            };
            let row = row_of(&space, &mutation.collection, mutation.row).or(receipt.row.as_ref().filter(|_| slowly));
            self.truth.witness(&written, receipt, row, self.now)?;
            if let Some(shown) = &receipt.row {
                hold(written.may, || format!("{viewer} was shown {} of {person}", shown.collection))?;
            }
            let kept = match receipt.decision.outcome {
                Outcome::Rejected { .. } => !receipt.repeated && row.is_none(),
                Outcome::Merged { .. } | Outcome::Conflict { .. } => !receipt.repeated && matches!(mutation.write, Write::Replace { .. }),
                Outcome::Applied | Outcome::Duplicate => false,
            };
            hold(!kept || slowly || self.server.keeps(viewer, mutation).await, || format!("{:?} is not kept", mutation))?;
        }
        let all_known = receipts.iter().all(|receipt| receipt.repeated);
        hold(!all_known || space.head == last || self.slow.contains(&person), || "a repetition changed something".to_owned())?;
        self.note(|| format!("device {device} pushes: {}", told(&receipts)));
        if slowly {
            self.slow.insert(person);
        } else {
            self.check(person).await?;
            self.wake(person, &space);
        }
        Ok(Some(receipts))
    }

    /// Those who are connected hear of it, if the word is not lost.
    fn wake(&mut self, person: UserId, space: &Space) {
        for device in 0..self.devices.len() {
            if !self.devices[device].online || !self.followed(device).contains(&person) || (space.head + device as i64) % 5 == 0 {
                continue;
            }
            let device = &mut self.devices[device];
            device.woken.push(person);
            if self.planted == Some(Planted::CursorMovedByStream)
                && device.owner == person
                && let Some(replica) = device.state.replicas.get_mut(&person).filter(|replica| replica.ready)
                && let Some(cursor) = &mut replica.cursor
            {
                let last = space.changes.last().map_or(0, |change| change.first_number - 1);
                let rows = space.rows.iter().filter(|row| row.number > last);
                replica.rows.extend(rows.map(|row| ((row.collection.clone(), row.id), row.clone())));
                cursor.number = space.head;
            }
        }
    }

    /// Lets go of whom it follows no longer. What it had not sent is told to whoever wrote it.
    fn forget_revoked(&mut self, device: usize, followed: &[UserId]) {
        let device = &mut self.devices[device];
        let revoked: Vec<UserId> = device.state.replicas.keys().filter(|person| !followed.contains(person)).copied().collect();
        for person in revoked {
            let replica = device.state.replicas.remove(&person).unwrap_or_default();
            self.given_up.extend(replica.pending.iter().filter_map(|mutation| mutation.id));
            device.start += 1;
            device.persist();
        }
    }

    async fn pull(&mut self, device: usize, person: UserId, limit: u32, fate: Fate) -> Verdict {
        if !self.devices[device].online || matches!(fate, Fate::Lost | Fate::ServerDies) {
            return Ok(());
        }
        let asked = self.devices[device].cursor(person);
        let woken = self.devices[device].woken.contains(&person);
        self.devices[device].woken.retain(|woken| *woken != person);
        if self.planted == Some(Planted::OnlyWokenUp) && asked.is_some() && !woken {
            return Ok(());
        }
        let viewer = self.devices[device].owner;
        let page = self.server.page(viewer, person, asked, limit).await.map_err(|error| format!("no page: {error}"))?;
        self.judge_page(viewer, person, asked, &page)?;
        self.note(|| format!("device {device} pulls: {}", told_page(&page)));
        let arriving = Flying::Page { device, start: self.devices[device].start, person, asked, page };
        match fate {
            Fate::AnswerLost => Ok(()),
            Fate::Late | Fate::AnsweredLate => {
                self.flying.push(arriving);
                Ok(())
            }
            _ => {
                let Flying::Page { page, .. } = &arriving else { return Ok(()) };
                let (ends, number) = (!page.has_more, page.cursor.number);
                self.arrive(arriving).await?;
                if ends { self.has_all(device, person, number).await } else { Ok(()) }
            }
        }
    }

    fn judge_page(&self, viewer: UserId, person: UserId, asked: Option<Cursor>, page: &FeedPage) -> Verdict {
        let mut last = asked.filter(|_| !page.resync).map_or(0, |asked| asked.number);
        for row in &page.rows {
            hold(row.number > last, || format!("number {} comes after {last}", row.number))?;
            hold(self.may_read(viewer, person, &row.collection), || format!("{viewer} reads {} of {person}", row.collection))?;
            last = row.number;
        }
        hold(page.cursor.number == last, || format!("the page ends at {last} and not at {}", page.cursor.number))
    }

    /// A device that has read to the end has everything.
    async fn has_all(&self, device: usize, person: UserId, up_to: i64) -> Verdict {
        let space = self.server.space(person, i64::MAX).await;
        let viewer = self.devices[device].owner;
        let Some(replica) = self.devices[device].state.replicas.get(&person).filter(|replica| replica.ready) else { return Ok(()) };
        let seen = |row: &&Arc<FeedRow>| self.may_read(viewer, person, &row.collection);
        for row in space.rows.iter().filter(seen) {
            let has = replica.rows.get(&(row.collection.clone(), row.id));
            // A new device is not told of what was deleted and collected before it came, but of everything else.
            hold(has.is_some_and(|has| shown(has) == shown(row)), || {
                format!("device {device} has read to the end, which is {up_to}, and has {has:?} instead of {row:?}")
            })?;
        }
        Ok(())
    }

    async fn arrive(&mut self, flying: Flying) -> Verdict {
        match flying {
            Flying::Request { device, client, person, sent } => self.receive(device, &client, person, &sent, false).await.map(drop),
            Flying::Answer { device, start, person, sent, receipts } => {
                let now = self.now;
                let device = &mut self.devices[device];
                if device.online && device.start == start {
                    device.settle(person, &sent, &receipts, now);
                }
                Ok(())
            }
            Flying::Page { device, start, person, asked, page } => {
                let now = self.now;
                // A page that was read from elsewhere is of no use.
                let of_use =
                    self.devices[device].online && self.devices[device].start == start && self.devices[device].cursor(person) == asked;
                if !of_use || !self.followed(device).contains(&person) {
                    return Ok(());
                }
                let given_up = self.devices[device].read(person, asked, &page, now);
                self.given_up.extend(given_up);
                let replica = &self.devices[device].state.replicas[&person];
                if let Some(cursor) = replica.cursor.filter(|_| replica.ready && replica.pending.is_empty()) {
                    self.acknowledged.insert((person, device), cursor);
                }
                Ok(())
            }
        }
    }

    async fn write(&mut self, person: usize, what: u8, which: u8, value: u8) -> Verdict {
        let person = self.people[person].0;
        let last = *self.truth.checked.get(&person).unwrap_or(&0);
        let before = self.server.space(person, last).await;
        let ids: Vec<Uuid> = before.rows.iter().filter(|row| row.collection == "measurements").map(|row| row.id).collect();
        let write = if ids.is_empty() || what.is_multiple_of(4) {
            Ordinary::Record { id: self.new_id(), written: made("measurements", value, None) }
        } else {
            let id = ids[usize::from(which) % ids.len()];
            match what % 4 {
                1 => Ordinary::Delete { id },
                _ => Ordinary::Change { id, written: changed("measurements", what, value) },
            }
        };
        let alive = row_of(&before, "measurements", write.id()).is_some_and(|row| !row.deleted);
        let answer = self.server.write(person, person, &write).await;
        self.note(|| format!("{write:?}: {}", if answer.is_ok() { "done" } else { "refused" }));
        hold(answer.is_ok() == (alive || matches!(write, Ordinary::Record { .. })), || format!("{write:?}: {answer:?}"))?;
        let space = self.server.space(person, last).await;
        if answer.is_ok() {
            let row = row_of(&space, "measurements", write.id()).ok_or("what was written is not there")?;
            self.truth.write(person, &write, row)?;
        }
        self.check(person).await?;
        self.wake(person, &space);
        Ok(())
    }

    async fn collect_tombstones(&mut self, person: UserId) -> Verdict {
        let before = self.server.space(person, i64::MAX).await;
        // A relative's devices are not waited for: they read anew.
        let own = (0..self.devices.len()).filter(|device| self.devices[*device].owner == person);
        let acknowledged = |device| self.acknowledged.get(&(person, device)).map_or(0, |cursor| cursor.number);
        let up_to = match self.planted {
            Some(Planted::CollectedByTime) => before.head,
            _ => own.map(acknowledged).min().unwrap_or_default(),
        };
        self.server.collect_tombstones(person, up_to).await;
        let after = self.server.space(person, i64::MAX).await;
        self.truth.collect(person, &before, &after);
        self.check(person).await
    }

    async fn restore_server(&mut self) -> Verdict {
        let Some((backup, truth)) = &self.backup else { return Ok(()) };
        self.server.restore(backup).await;
        // What was decided since is lost with the server, and so is whatever was under way.
        let lost = self.truth.decided.keys().filter(|decided| !truth.decided.contains_key(decided)).map(|(_, id)| *id);
        self.given_up.extend(lost);
        self.truth = truth.clone();
        for checked in self.truth.checked.values_mut() {
            *checked += JUMP;
        }
        for (person, _) in &self.people {
            self.truth.checked.entry(*person).or_insert(JUMP);
        }
        self.flying.clear();
        self.acknowledged.clear();
        self.devices.iter_mut().for_each(Device::disconnect);
        Ok(())
    }

    async fn check(&mut self, person: UserId) -> Verdict {
        if self.slow.contains(&person) {
            return Ok(());
        }
        let last = *self.truth.checked.get(&person).unwrap_or(&0);
        let space = self.server.space(person, last).await;
        self.truth.check(person, &space)
    }

    /// Nothing fails any more, and nobody writes: within a few rounds everybody has everything, and nothing waits.
    async fn come_to_rest(&mut self) -> Verdict {
        self.now += TimeDelta::seconds(1);
        self.server.set_now(self.now);
        for person in std::mem::take(&mut self.slow) {
            self.check(person).await?;
        }
        while let Some(flying) = self.flying.pop() {
            self.arrive(flying).await?;
        }
        for device in &mut self.devices {
            device.online = true;
        }
        for _ in 0..ROUNDS {
            for device in 0..self.devices.len() {
                let followed = self.followed(device);
                self.forget_revoked(device, &followed);
                for person in followed {
                    self.catch_up(device, person).await?;
                    let most = self.devices[device].state.replicas.get(&person).map_or(0, |replica| replica.pending.len());
                    self.push(device, person, most, Fate::Answered).await?;
                }
            }
        }
        for device in 0..self.devices.len() {
            for person in self.followed(device) {
                self.catch_up(device, person).await?;
                let pending = self.devices[device].state.replicas.get(&person).map_or(0, |replica| replica.pending.len());
                hold(pending == 0, || format!("device {device} still has {pending} to send"))?;
                self.is_equal(device, person).await?;
            }
        }
        let decided: BTreeSet<Uuid> = self.truth.decided.keys().map(|(_, id)| *id).collect();
        let lost = self.issued.iter().find(|id| !decided.contains(id) && !self.given_up.contains(id));
        hold(lost.is_none(), || format!("{lost:?} was written and nothing became of it"))
    }

    /// Reads to the end.
    async fn catch_up(&mut self, device: usize, person: UserId) -> Verdict {
        for _ in 0..200 {
            let before = self.devices[device].cursor(person);
            self.pull(device, person, 5, Fate::Answered).await?;
            let replica = self.devices[device].state.replicas.get(&person);
            if replica.is_some_and(|replica| replica.ready) && self.devices[device].cursor(person) == before {
                return Ok(());
            }
        }
        Err(format!("device {device} does not come to the end"))
    }

    /// A device and the server hold the same: byte by byte what is there, and nothing that is not.
    async fn is_equal(&self, device: usize, person: UserId) -> Verdict {
        let space = self.server.space(person, i64::MAX).await;
        let nothing = Replica::default();
        let replica = self.devices[device].state.replicas.get(&person).unwrap_or(&nothing);
        let viewer = self.devices[device].owner;
        let server: BTreeMap<Name, Value> = space
            .rows
            .iter()
            .filter(|row| self.may_read(viewer, person, &row.collection))
            .map(|row| ((row.collection.clone(), row.id), shown(row)))
            .collect();
        // A tombstone that the server collected may still be here.
        let there = |row: &FeedRow| !row.deleted || row_of(&space, &row.collection, row.id).is_some();
        let here: BTreeMap<Name, Value> =
            replica.rows.iter().filter(|(_, row)| there(row)).map(|(name, row)| (name.clone(), shown(row))).collect();
        hold(here == server, || format!("device {device} has {here:?} and the server {server:?}"))
    }
}

/// What is sent under the name of a device: a restored one signs in anew and has another, for what it wrote since is not its own any more.
fn batch(client: &str, person: UserId, sent: &[Arc<Mutation>]) -> Push {
    Push { person, client: client.to_owned(), mutations: sent.iter().map(|mutation| Mutation::clone(mutation)).collect() }
}

fn row_of<'a>(space: &'a Space, collection: &str, id: Uuid) -> Option<&'a FeedRow> {
    space.rows.iter().find(|row| row.collection == collection && row.id == id).map(AsRef::as_ref)
}

fn document<const N: usize>(values: [(&str, Value); N]) -> Document {
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A whole new row.
fn made(collection: &str, value: u8, food: Option<FoodId>) -> Document {
    let mut made = changed(collection, 4, value);
    made.extend(changed(collection, 5, value));
    match collection {
        "measurements" => made.extend(document([("type", json!("weight"))])),
        "food_diary" => made.extend(document([("meal_type", json!("lunch")), ("food_item_id", json!(food))])),
        _ => {}
    }
    made
}

/// What an edit changes: whole groups, of which the first is odd in one unit and even in the other.
fn changed(collection: &str, what: u8, value: u8) -> Document {
    let instant = json!(format!("2026-03-{:02}T08:{:02}:00.000000Z", 1 + value % 9, value % 60));
    let number = 100 + u32::from(value);
    match (collection, what % 3) {
        ("measurements", 0 | 1) => {
            document([("value", json!(number.to_string())), ("unit", json!(if number % 2 == 1 { "lb" } else { "kg" }))])
        }
        ("measurements", _) => document([("measured_at", instant), ("time_zone", json!("UTC"))]),
        // Not in the order that its checksum is made of.
        ("noots", _) => document([(
            "data",
            json!({ "activities": [{ "properties": { "text": number, "done": value > 9 }, "id": "one", "activityType": "todo" }] }),
        )]),
        (_, 0) => document([("meal_type", json!(["breakfast", "lunch", "dinner", "snack"][usize::from(value) % 4]))]),
        (_, 1) => document([("quantity", json!(number.to_string())), ("unit", json!(if number % 2 == 1 { "serving" } else { "g" }))]),
        _ => document([("consumed_at", instant), ("time_zone", json!("UTC"))]),
    }
}

/// An answer in a line.
fn told(receipts: &[Receipt]) -> String {
    let one = |receipt: &Receipt| {
        let row = receipt.row.as_ref().map(told_row);
        format!("{} {} {row:?}", json!(receipt.decision), receipt.repeated)
    };
    receipts.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn told_page(page: &FeedPage) -> String {
    let rows: Vec<_> = page.rows.iter().map(told_row).collect();
    format!("{rows:?} to {} {} {}", page.cursor.number, page.has_more, page.resync)
}

fn told_row(row: &FeedRow) -> String {
    format!("{} {} {} {}", row.id, row.collection, row.access_type, sorted(shown(row)))
}

/// PostgreSQL keeps the fields of a document in an order of its own.
pub fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, sorted(value))).collect::<BTreeMap<_, _>>().into_iter().collect()
        }
        Value::Array(values) => values.into_iter().map(sorted).collect(),
        value => value,
    }
}
