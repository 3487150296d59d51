//! A household's turns in somebody's calendar.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use entity::{calendar_settings as rows, id::HouseholdId};
use service::calendars::{self, google::Google};

use super::{
    error::Result,
    person::Person,
    scalars::{Date, DateTime, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// The connection of a household to a Google calendar: its turns are events there, and a member's name that somebody writes between
/// the brackets of an event's title, such as "[Ben] Bedtime", becomes the turn's. Everything else about an event is the rota's: an
/// event that is moved in the calendar comes back as it was, and `whenEventDeleted` says what a deletion means.
pub struct ConnectedCalendar(pub calendars::Connection);

/// The connection of a household to a Google calendar: its turns are events there, and a member's name that somebody writes between
/// the brackets of an event's title, such as "[Ben] Bedtime", becomes the turn's. Everything else about an event is the rota's: an
/// event that is moved in the calendar comes back as it was, and `whenEventDeleted` says what a deletion means.
#[Object]
impl ConnectedCalendar {
    /// How it stands.
    async fn status(&self) -> CalendarStatus {
        match self.0.settings.status {
            _ if self.0.abandoned => CalendarStatus::Broken,
            rows::CalendarStatus::Choosing => CalendarStatus::Choosing,
            rows::CalendarStatus::Connected => CalendarStatus::Connected,
            rows::CalendarStatus::Broken | rows::CalendarStatus::Disconnecting => CalendarStatus::Broken,
        }
    }

    /// Why it is broken, for people; null when it is not.
    async fn problem(&self) -> Option<&str> {
        match &self.0.settings.problem {
            _ if self.0.abandoned => Some("whoever connected this calendar no longer administers the household: connect one anew"),
            problem => problem.as_deref(),
        }
    }

    /// The calendar that was chosen, as its provider calls it; null until one is.
    async fn calendar_id(&self) -> Option<&str> {
        self.0.settings.calendar_id.as_deref()
    }

    /// As people call it.
    async fn calendar_name(&self) -> Option<&str> {
        self.0.settings.calendar_name.as_deref()
    }

    /// Who connected it: events are written in their name. Null once the account is gone.
    async fn connected_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        Some(Person::known_as(ctx, self.0.settings.created_by?).await)
    }

    /// When the current access has to be renewed, which happens by itself.
    async fn token_expires_at(&self) -> Option<DateTime> {
        self.0.settings.token_expires_at.map(DateTime)
    }

    /// When turns and calendar were last the same; null for never.
    async fn last_synced_at(&self) -> Option<DateTime> {
        self.0.settings.last_synced_at.map(DateTime)
    }

    /// When the channel ends by which the calendar calls on a change; it is renewed before. Null while there is none: then the calendar
    /// is looked at every quarter of an hour.
    async fn channel_expires_at(&self) -> Option<DateTime> {
        self.0.channel_expires_at.map(DateTime)
    }

    /// What comes of a turn whose event somebody deletes in the calendar.
    async fn when_event_deleted(&self) -> WhenEventDeleted {
        self.0.settings.when_event_deleted.into()
    }

    /// Titles of events that name nobody of the household. Each stays until somebody reassigns the turn, or writes a known name.
    async fn questions(&self) -> Vec<CalendarQuestion> {
        self.0.questions.iter().cloned().map(Into::into).collect()
    }

    /// The calendars that may be chosen: for whoever connected it, empty for others.
    async fn available_calendars(&self, ctx: &Context<'_>) -> Result<Vec<AvailableCalendar>> {
        let calendars = calendars::calendars(&*scope(ctx).read().await?, self.0.settings.household_id).await?;
        Ok(calendars.into_iter().map(Into::into).collect())
    }
}

/// How a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum CalendarStatus {
    /// Consent was given: choose a calendar.
    Choosing,
    /// Turns go into the calendar.
    Connected,
    /// It has to be connected again: `problem` says why.
    Broken,
}

/// What comes of a turn whose event somebody deletes in the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::WhenEventDeleted")]
pub enum WhenEventDeleted {
    /// The turn stands, and its event comes back.
    RestoreEvent,
    /// The turn is skipped: nobody does it, it counts for nobody, and `changes` tells it with the cause event_deleted. A turn that was
    /// done, or is too long ago to be changed, stands, and its event comes back.
    SkipTurn,
}

/// A title that somebody wrote into the calendar and that names nobody.
#[derive(SimpleObject)]
pub struct CalendarQuestion {
    /// Of which routine.
    routine_id: Uuid,
    /// The day of the turn.
    date: Date,
    /// The name between the brackets, or the whole title where there are none.
    text: String,
}

impl From<calendars::Question> for CalendarQuestion {
    fn from(question: calendars::Question) -> Self {
        Self { routine_id: Uuid(question.routine_id.0), date: Date(question.date), text: question.question }
    }
}

/// A calendar that may be chosen.
#[derive(SimpleObject)]
pub struct AvailableCalendar {
    /// Pass it to chooseCalendar.
    id: String,
    /// As people call it.
    name: String,
    /// Whether it is the account's main one. One of its own is better for a family.
    primary: bool,
}

impl From<calendars::google::CalendarEntry> for AvailableCalendar {
    fn from(entry: calendars::google::CalendarEntry) -> Self {
        Self { id: entry.id, name: entry.name, primary: entry.primary }
    }
}

/// Which household's calendar.
#[derive(InputObject)]
pub struct CalendarInput {
    /// The household.
    household_id: Unchecked<Uuid>,
}

impl CalendarInput {
    fn household(self) -> Result<HouseholdId> {
        Ok(HouseholdId(self.household_id.check("householdId")?.0))
    }
}

/// A choice.
#[derive(InputObject)]
pub struct ChooseCalendarInput {
    /// The household.
    household_id: Unchecked<Uuid>,
    /// One of `availableCalendars`.
    calendar_id: String,
}

/// A change of how a connected calendar is followed. Absent keeps.
#[derive(InputObject)]
pub struct UpdateCalendarInput {
    /// The household.
    household_id: Unchecked<Uuid>,
    /// What comes of a turn whose event somebody deletes in the calendar; RESTORE_EVENT until somebody says otherwise.
    when_event_deleted: Option<WhenEventDeleted>,
}

/// Where to consent.
#[derive(SimpleObject)]
pub struct ConnectCalendarPayload {
    /// The address to open in a browser. It is the viewer's own: whoever else opens it lets the viewer's household write into their calendar.
    authorization_url: String,
    /// When it is too late.
    expires_at: DateTime,
}

/// The calendars there are.
#[derive(SimpleObject)]
pub struct RefreshAvailableCalendarsPayload {
    /// All that may be written.
    calendars: Vec<AvailableCalendar>,
}

/// The connection with its calendar.
#[derive(SimpleObject)]
pub struct ChooseCalendarPayload {
    /// The connection.
    calendar: ConnectedCalendar,
}

/// The connection as it is now.
#[derive(SimpleObject)]
pub struct UpdateCalendarPayload {
    /// The connection.
    calendar: ConnectedCalendar,
}

/// The end of a connection.
#[derive(SimpleObject)]
pub struct DisconnectCalendarPayload {
    /// Always true.
    disconnected: bool,
}

/// Google Calendar, for whoever is signed in.
fn google<'a>(ctx: &Context<'a>) -> Result<&'a Google> {
    scope(ctx).viewer()?;
    Ok(scope(ctx).outside().google()?)
}

/// Connecting calendars.
#[derive(Default)]
pub struct CalendarsMutation;

#[Object]
impl CalendarsMutation {
    /// Begins to connect a Google calendar: sends the viewer to consent. UNAVAILABLE where the server is not set up for it. For
    /// administrators; also how a broken connection is mended.
    async fn connect_calendar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which household's.")] input: CalendarInput,
    ) -> Option<Result<ConnectCalendarPayload>> {
        nullable(async {
            let household = input.household()?;
            let google = google(ctx)?;
            let tx = scope(ctx).write().await?;
            let consent = calendars::connect(scope(ctx).database(), google, &tx, household).await?;
            tx.commit().await?;
            Ok(ConnectCalendarPayload { authorization_url: consent.url, expires_at: DateTime(consent.expires_at) })
        })
        .await
    }

    /// Asks Google once more which calendars there are. For whoever connected it.
    async fn refresh_available_calendars(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which household's.")] input: CalendarInput,
    ) -> Option<Result<RefreshAvailableCalendarsPayload>> {
        nullable(async {
            let household = input.household()?;
            let google = google(ctx)?;
            let calendars = calendars::refresh_calendars(google, scope(ctx).viewer()?, household).await?;
            Ok(RefreshAvailableCalendarsPayload { calendars: calendars.into_iter().map(Into::into).collect() })
        })
        .await
    }

    /// Chooses the calendar that the turns go to. From one that was chosen before they are taken away.
    async fn choose_calendar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The choice.")] input: ChooseCalendarInput,
    ) -> Option<Result<ChooseCalendarPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            google(ctx)?;
            let tx = scope(ctx).write().await?;
            let connection = calendars::choose(&tx, household, &input.calendar_id).await?;
            tx.commit().await?;
            Ok(ChooseCalendarPayload { calendar: ConnectedCalendar(connection) })
        })
        .await
    }

    /// Says how the connected calendar is followed from now on. NOT_FOUND where there is none. For administrators.
    async fn update_calendar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateCalendarInput,
    ) -> Option<Result<UpdateCalendarPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let tx = scope(ctx).write().await?;
            let connection = calendars::update(&tx, household, input.when_event_deleted.map(Into::into)).await?;
            tx.commit().await?;
            Ok(UpdateCalendarPayload { calendar: ConnectedCalendar(connection) })
        })
        .await
    }

    /// Ends the connection. The events of days to come are taken out of the calendar, and the consent is given back. For administrators.
    async fn disconnect_calendar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which household's.")] input: CalendarInput,
    ) -> Option<Result<DisconnectCalendarPayload>> {
        nullable(async {
            let household = input.household()?;
            google(ctx)?;
            let tx = scope(ctx).write().await?;
            calendars::disconnect(&tx, household).await?;
            tx.commit().await?;
            Ok(DisconnectCalendarPayload { disconnected: true })
        })
        .await
    }
}
