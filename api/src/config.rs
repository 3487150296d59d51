//! Settings: each has one name, as a flag and as an environment variable. Secrets can also come from a file, `NAME_FILE`.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use axum::http::HeaderValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use migration::cli::path;
use service::{
    backup::{Retention, Schedule},
    calendars::google::{self, Google},
    food_providers::{self, Credential, FoodProviders, quota::Quota},
    mail::{self, MailFolder, Mailer, Smtp},
    recipe_servers::{self, RecipeServers},
};

use crate::{
    graphql::cost::Allowance,
    http::client_address::{ForwardedHeader, Networks},
    store::Error,
};

/// Hale: a fitness tracking server with a GraphQL API
#[derive(Parser)]
#[command(name = "hale", version)]
pub struct Arguments {
    /// The settings of every command.
    #[command(flatten)]
    pub settings: Settings,
    /// What to do; serve when absent.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What every command may need to know.
#[derive(Args, Clone)]
pub struct Settings {
    /// Where to listen
    #[arg(long, env = "HALE_LISTEN", default_value = "127.0.0.1:8080", global = true)]
    pub listen: SocketAddr,
    /// For how many seconds a server that is told to stop still takes what comes, while /readyz says no, so that a balancer sends
    /// nothing more [default: 5 on an address that others reach, else 0]
    #[arg(long, env = "HALE_STOP_DELAY", value_parser = clap::value_parser!(u8).range(0..=60), global = true)]
    pub stop_delay: Option<u8>,
    /// For how many seconds a connection may be idle, or take to say what it wants: longer than a balancer before it keeps one
    #[arg(long, env = "HALE_IDLE_TIMEOUT", default_value_t = 75, value_parser = clap::value_parser!(u16).range(1..=3600), global = true)]
    pub idle_timeout: u16,
    /// Show the explorer and answer introspection on an address that others reach, too
    #[arg(long, env = "HALE_EXPLORER", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, default_value = "false", default_missing_value = "true", global = true)]
    pub explorer: bool,
    /// Origins whose web pages may call the API from a browser, such as https://app.example.org; none when absent
    #[arg(long, env = "HALE_CORS_ORIGINS", value_delimiter = ',', value_parser = origin, global = true)]
    pub cors_origins: Vec<HeaderValue>,
    /// Proxies in front of Hale that are believed who called, by their addresses or networks, such as 10.0.0.0/8
    #[arg(long, env = "HALE_TRUSTED_PROXIES", default_value = "", hide_default_value = true, global = true)]
    pub trusted_proxies: Networks,
    /// The header in which they tell it; another one is not looked at, for a caller may send it
    #[arg(long, env = "HALE_FORWARDED_HEADER", default_value = "x-forwarded-for", global = true)]
    pub forwarded_header: ForwardedHeader,
    /// Where Prometheus reads /metrics, such as 127.0.0.1:9187; whoever reaches it reads it. Nowhere when absent
    #[arg(long, env = "HALE_METRICS_LISTEN", global = true)]
    pub metrics_listen: Option<SocketAddr>,
    /// The OpenTelemetry collector that takes traces in protobuf over HTTP, such as http://127.0.0.1:4318; none when absent
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", global = true)]
    pub otlp_endpoint: Option<String>,
    /// A JSON file of documents by their SHA-256, which clients may name by it
    #[arg(long, env = "HALE_TRUSTED_DOCUMENTS", value_parser = path(), global = true)]
    pub trusted_documents: Option<PathBuf>,
    /// Run nothing but the trusted documents
    #[arg(long, env = "HALE_ONLY_TRUSTED_DOCUMENTS", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, default_value = "false", default_missing_value = "true", global = true)]
    pub only_trusted_documents: bool,
    /// How many points of cost a person may spend at once, and how many come back each second; or off
    #[arg(long, env = "HALE_POINTS_PER_PERSON", default_value = "2000/50", global = true)]
    pub points_per_person: Allowance,
    /// The same for an address, while nobody is signed in
    #[arg(long, env = "HALE_POINTS_PER_ADDRESS", default_value = "10000/200", global = true)]
    pub points_per_address: Allowance,
    /// Where Hale keeps its data and keys [default: /var/lib/hale for root, else hale in the user's data folder]
    #[arg(long, env = "HALE_DATA_DIR", value_parser = path(), global = true)]
    pub data_dir: Option<PathBuf>,
    /// Where PostgreSQL's programs are; looked for in the usual places when absent
    #[arg(long, env = "HALE_PG_BIN", value_parser = path(), global = true)]
    pub pg_bin: Option<PathBuf>,
    /// A PostgreSQL server of your own, as hale_app; Hale runs its own when absent
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// A file that holds it
    #[arg(long, env = "DATABASE_URL_FILE", value_parser = path(), global = true)]
    pub database_url_file: Option<PathBuf>,
    /// The same around a pooler that shares connections between transactions, to listen for changes [default: DATABASE_URL]
    #[arg(long, env = "DATABASE_LISTEN_URL", hide_env_values = true, global = true)]
    pub database_listen_url: Option<String>,
    /// A file that holds it
    #[arg(long, env = "DATABASE_LISTEN_URL_FILE", value_parser = path(), global = true)]
    pub database_listen_url_file: Option<PathBuf>,
    /// A copy that follows it by streaming replication, as hale_app, for what only reads
    #[arg(long, env = "DATABASE_REPLICA_URL", hide_env_values = true, global = true)]
    pub database_replica_url: Option<String>,
    /// A file that holds it
    #[arg(long, env = "DATABASE_REPLICA_URL_FILE", value_parser = path(), global = true)]
    pub database_replica_url_file: Option<PathBuf>,
    /// The same server as hale_owner, for migrations, imports and backups
    #[arg(long, env = "DATABASE_OWNER_URL", hide_env_values = true, global = true)]
    pub database_owner_url: Option<String>,
    /// A file that holds it
    #[arg(long, env = "DATABASE_OWNER_URL_FILE", value_parser = path(), global = true)]
    pub database_owner_url_file: Option<PathBuf>,
    /// The same server as an administrator, for migrate bootstrap
    #[arg(long, env = "DATABASE_ADMIN_URL", hide_env_values = true, global = true)]
    pub database_admin_url: Option<String>,
    /// A file that holds it
    #[arg(long, env = "DATABASE_ADMIN_URL_FILE", value_parser = path(), global = true)]
    pub database_admin_url_file: Option<PathBuf>,
    /// Where this server is reached from outside, such as https://hale.example.org; Google Calendar needs it
    #[arg(long, env = "HALE_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,
    /// The OAuth client by which Google knows this server
    #[arg(long, env = "HALE_GOOGLE_CLIENT_ID", global = true)]
    pub google_client_id: Option<String>,
    /// Its secret
    #[arg(long, env = "HALE_GOOGLE_CLIENT_SECRET", hide_env_values = true, global = true)]
    pub google_client_secret: Option<String>,
    /// A file that holds it
    #[arg(long, env = "HALE_GOOGLE_CLIENT_SECRET_FILE", value_parser = path(), global = true)]
    pub google_client_secret_file: Option<PathBuf>,
    /// Where people consent
    #[arg(long, env = "HALE_GOOGLE_ACCOUNTS_URL", default_value = "https://accounts.google.com", hide = true, global = true)]
    pub google_accounts_url: String,
    /// Where tokens come from
    #[arg(long, env = "HALE_GOOGLE_OAUTH_URL", default_value = "https://oauth2.googleapis.com", hide = true, global = true)]
    pub google_oauth_url: String,
    /// Where calendars are
    #[arg(long, env = "HALE_GOOGLE_CALENDAR_URL", default_value = "https://www.googleapis.com/calendar/v3", hide = true, global = true)]
    pub google_calendar_url: String,
    /// Where volunteers of Open Food Facts reach you, whose server this is: an address of mail or of a page; they ask for it
    /// [default: HALE_PUBLIC_URL]
    #[arg(long, env = "HALE_FOOD_PROVIDER_CONTACT", global = true)]
    pub food_provider_contact: Option<String>,
    /// Where foods of Open Food Facts come from; empty to ask it nothing
    #[arg(long, env = "HALE_OPEN_FOOD_FACTS_URL", default_value = "https://world.openfoodfacts.org", global = true)]
    pub open_food_facts_url: String,
    /// How many products are read there at most, by all servers on the database together
    #[arg(long, env = "HALE_OPEN_FOOD_FACTS_PRODUCTS", default_value = "15/min", global = true)]
    pub open_food_facts_products: Quota,
    /// How often is searched there at most
    #[arg(long, env = "HALE_OPEN_FOOD_FACTS_SEARCHES", default_value = "10/min", global = true)]
    pub open_food_facts_searches: Quota,
    /// Where foods of USDA FoodData Central come from; empty to ask it nothing
    #[arg(long, env = "HALE_FDC_URL", default_value = "https://api.nal.usda.gov/fdc/v1", global = true)]
    pub fdc_url: String,
    /// Your key there, for everybody who has none of their own
    #[arg(long, env = "HALE_FDC_KEY", hide_env_values = true, global = true)]
    pub fdc_key: Option<String>,
    /// A file that holds it
    #[arg(long, env = "HALE_FDC_KEY_FILE", value_parser = path(), global = true)]
    pub fdc_key_file: Option<PathBuf>,
    /// How often it is asked at most
    #[arg(long, env = "HALE_FDC_REQUESTS", default_value = "1000/h", global = true)]
    pub fdc_requests: Quota,
    /// Where foods of FatSecret come from; empty to ask it nothing
    #[arg(long, env = "HALE_FATSECRET_URL", default_value = "https://platform.fatsecret.com/rest", global = true)]
    pub fatsecret_url: String,
    /// Where its tokens come from
    #[arg(long, env = "HALE_FATSECRET_TOKEN_URL", default_value = "https://oauth.fatsecret.com/connect/token", hide = true, global = true)]
    pub fatsecret_token_url: String,
    /// Your client's id there, for everybody who has none of their own
    #[arg(long, env = "HALE_FATSECRET_CLIENT_ID", global = true)]
    pub fatsecret_client_id: Option<String>,
    /// Its secret
    #[arg(long, env = "HALE_FATSECRET_CLIENT_SECRET", hide_env_values = true, global = true)]
    pub fatsecret_client_secret: Option<String>,
    /// A file that holds it
    #[arg(long, env = "HALE_FATSECRET_CLIENT_SECRET_FILE", value_parser = path(), global = true)]
    pub fatsecret_client_secret_file: Option<PathBuf>,
    /// By what agreement with FatSecret you may store what its foods contain, as foods will show it; without one nothing is stored
    #[arg(long, env = "HALE_FATSECRET_LICENCE", value_parser = licence, global = true)]
    pub fatsecret_licence: Option<String>,
    /// How often it is asked at most
    #[arg(long, env = "HALE_FATSECRET_REQUESTS", default_value = "5000/day", global = true)]
    pub fatsecret_requests: Quota,
    /// Hosts from which people may read recipes of their own Mealie or Tandoor, such as recipes.example.org or 10.0.0.5:9000; * for all
    /// that are public, none when absent
    #[arg(long, env = "HALE_RECIPE_SERVERS", value_delimiter = ',', global = true)]
    pub recipe_servers: Vec<String>,
    /// Let these be in private networks, this machine's own services among them
    #[arg(long, env = "HALE_RECIPE_SERVERS_PRIVATE", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, default_value = "false", default_missing_value = "true", global = true)]
    pub recipe_servers_private: bool,
    /// The server that sends mail: smtps://mail.example.org, or smtp://mail.example.org with STARTTLS; ?tls=none speaks in the clear
    #[arg(long, env = "HALE_SMTP_URL", global = true)]
    pub smtp_url: Option<String>,
    /// Hale's account there
    #[arg(long, env = "HALE_SMTP_USER", global = true)]
    pub smtp_user: Option<String>,
    /// Its password
    #[arg(long, env = "HALE_SMTP_PASSWORD", hide_env_values = true, global = true)]
    pub smtp_password: Option<String>,
    /// A file that holds it
    #[arg(long, env = "HALE_SMTP_PASSWORD_FILE", value_parser = path(), global = true)]
    pub smtp_password_file: Option<PathBuf>,
    /// Certificates (PEM) that vouch for that server, beside the usual ones
    #[arg(long, env = "HALE_SMTP_CA_FILE", value_parser = path(), global = true)]
    pub smtp_ca_file: Option<PathBuf>,
    /// Who mail comes from, such as "Hale <hale@example.org>"
    #[arg(long, env = "HALE_MAIL_FROM", global = true)]
    pub mail_from: Option<String>,
    /// The web client that links in mail lead to, such as https://app.example.org: it takes what follows # at /verify-email, /reset-password
    /// and /sign-in. Without it mail has codes alone
    #[arg(long, env = "HALE_APP_URL", global = true)]
    pub app_url: Option<String>,
    /// The keys that sign tokens and seal others' secrets; several servers share the file [default: keys.json in the data folder]
    #[arg(long, env = "HALE_KEYS_FILE", value_parser = path(), global = true)]
    pub keys_file: Option<PathBuf>,
    /// Where backups go [default: backups in the data folder]
    #[arg(long, env = "HALE_BACKUP_DIR", value_parser = path(), global = true)]
    pub backup_dir: Option<PathBuf>,
    /// When backups are made by themselves, where jobs run: a time of UTC for every day, how often (6h), or off [default: 03:30 where
    /// HALE_BACKUP_DIR is set or PostgreSQL is Hale's own, else off]
    #[arg(long, env = "HALE_BACKUP_SCHEDULE", global = true)]
    pub backup_schedule: Option<Schedule>,
    /// For how many days, weeks and months one of these is kept
    #[arg(long, env = "HALE_BACKUP_KEEP", default_value = "7d,4w,6m", global = true)]
    pub backup_keep: Retention,
    /// Public keys of age's (age1…), whose holders can open backups; others cannot then
    #[arg(long, env = "HALE_BACKUP_ENCRYPT_TO", value_delimiter = ',', global = true)]
    pub backup_encrypt_to: Vec<String>,
    /// A passphrase that opens backups, in place of public keys
    #[arg(long, env = "HALE_BACKUP_PASSPHRASE", hide_env_values = true, global = true)]
    pub backup_passphrase: Option<String>,
    /// A file that holds it
    #[arg(long, env = "HALE_BACKUP_PASSPHRASE_FILE", value_parser = path(), global = true)]
    pub backup_passphrase_file: Option<PathBuf>,
    /// The identities of age's (age-keygen writes such a file) that open backups
    #[arg(long, env = "HALE_BACKUP_IDENTITY_FILE", value_parser = path(), global = true)]
    pub backup_identity_file: Option<PathBuf>,
    /// Whether serve runs jobs too; false where `hale worker` does
    #[arg(long, env = "HALE_JOBS", value_parser = clap::builder::BoolishValueParser::new(), action = clap::ArgAction::Set, default_value = "true", global = true)]
    pub jobs: bool,
    /// How many connections to the database at most
    #[arg(long, env = "HALE_MAX_CONNECTIONS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000), global = true)]
    pub max_connections: u32,
    /// How many prepared statements a connection keeps; 0 for a pooler that cannot keep any
    #[arg(long, env = "HALE_STATEMENT_CACHE", default_value_t = 100, global = true)]
    pub statement_cache: usize,
    /// What is logged: error, warn, info, debug, trace, or a filter such as info,service=debug
    #[arg(long, env = "HALE_LOG", default_value = "info", global = true)]
    pub log: String,
    /// How it is logged; text on a terminal and JSON elsewhere when absent
    #[arg(long, env = "HALE_LOG_FORMAT", global = true)]
    pub log_format: Option<LogFormat>,
}

impl Settings {
    /// Whether anybody but this machine reaches a server that listens there.
    pub fn is_reached_by_others(&self, address: SocketAddr) -> bool {
        !address.ip().is_loopback() || !self.trusted_proxies.0.is_empty()
    }
}

/// What is outside this server: others', and itself as they see it.
#[derive(Default, Clone)]
pub struct Outside {
    /// Where this server is reached from outside.
    pub public_url: Option<String>,
    /// Google Calendar, where it is set up.
    pub google: Option<Arc<Google>>,
    /// Mail to people, where that is set up.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Foods from elsewhere.
    pub food_providers: Arc<FoodProviders>,
    /// Where recipes may be read; nowhere when absent.
    pub recipe_servers: Option<Arc<RecipeServers>>,
    /// Where links in mail lead.
    pub app_url: Option<String>,
}

impl Outside {
    /// Google Calendar, or an error that tells the operator what to set.
    pub fn google(&self) -> Result<&Google, service::error::Error> {
        self.google.as_deref().ok_or(service::calendars::NOT_CONFIGURED)
    }

    /// Servers of recipes, or an error that tells the operator what to set.
    pub fn recipe_servers(&self) -> Result<&RecipeServers, service::error::Error> {
        self.recipe_servers.as_deref().ok_or(recipe_servers::NOT_CONFIGURED)
    }

    /// Mail, or an error that tells the operator what to set.
    pub fn mailer(&self) -> Result<&dyn Mailer, service::error::Error> {
        self.mailer.as_deref().ok_or(mail::NOT_CONFIGURED)
    }

    /// As these settings have it.
    pub async fn of(settings: &Settings) -> Result<Self, Error> {
        let public_url = settings.public_url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
        let secret = migration::cli::secret(
            "HALE_GOOGLE_CLIENT_SECRET",
            settings.google_client_secret.clone(),
            settings.google_client_secret_file.clone(),
        )
        .await?;
        let google = match (settings.google_client_id.clone(), secret, public_url.clone()) {
            (None, None, _) => None,
            (Some(client_id), Some(client_secret), Some(public_url)) => Some(Arc::new(Google::new(google::Settings {
                client_id,
                client_secret,
                accounts_url: settings.google_accounts_url.clone(),
                oauth_url: settings.google_oauth_url.clone(),
                calendar_url: settings.google_calendar_url.clone(),
                public_url,
            })?)),
            _ => {
                return Err(Error::Other(
                    "Google Calendar needs HALE_GOOGLE_CLIENT_ID, HALE_GOOGLE_CLIENT_SECRET and HALE_PUBLIC_URL: set all three, or neither of the first two"
                        .into(),
                ));
            }
        };
        let app_url = settings.app_url.as_deref().map(|url| url.trim_end_matches('/').to_owned()).filter(|url| !url.is_empty());
        if app_url.as_deref().is_some_and(|url| !url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))) {
            return Err(Error::Other("HALE_APP_URL is no address of a web client: write one such as https://app.example.org".into()));
        }
        let (food_providers, recipe_servers) = (food_providers(settings).await?, recipe_servers(settings)?);
        Ok(Self { public_url, google, mailer: mailer(settings).await?, food_providers: Arc::new(food_providers), recipe_servers, app_url })
    }
}

async fn food_providers(settings: &Settings) -> Result<FoodProviders, Error> {
    let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let fdc_key = migration::cli::secret("HALE_FDC_KEY", settings.fdc_key.clone(), settings.fdc_key_file.clone()).await?;
    let secret = migration::cli::secret(
        "HALE_FATSECRET_CLIENT_SECRET",
        settings.fatsecret_client_secret.clone(),
        settings.fatsecret_client_secret_file.clone(),
    )
    .await?;
    let fat_secret_client = match (settings.fatsecret_client_id.clone().filter(|id| !id.is_empty()), secret) {
        (None, None) => None,
        (Some(key), secret @ Some(_)) => Some(Credential { key, secret }),
        _ => {
            return Err(Error::Other(
                "FatSecret needs HALE_FATSECRET_CLIENT_ID and HALE_FATSECRET_CLIENT_SECRET: set both, or neither".into(),
            ));
        }
    };
    let contact = settings.food_provider_contact.clone().filter(|contact| !contact.is_empty()).or_else(|| settings.public_url.clone());
    Ok(FoodProviders::new(food_providers::Settings {
        contact: contact.unwrap_or_else(|| "self-hosted".to_owned()),
        open_food_facts_url: set(&settings.open_food_facts_url),
        open_food_facts_products: settings.open_food_facts_products,
        open_food_facts_searches: settings.open_food_facts_searches,
        fdc_url: set(&settings.fdc_url),
        fdc_key,
        fdc_requests: settings.fdc_requests,
        fat_secret_url: set(&settings.fatsecret_url),
        fat_secret_token_url: settings.fatsecret_token_url.clone(),
        fat_secret_client,
        fat_secret_licence: settings.fatsecret_licence.clone().filter(|licence| !licence.is_empty()),
        fat_secret_requests: settings.fatsecret_requests,
        deadline: food_providers::DEADLINE,
        rest: food_providers::REST,
    })?)
}

fn recipe_servers(settings: &Settings) -> Result<Option<Arc<RecipeServers>>, Error> {
    let hosts: Vec<_> = settings.recipe_servers.iter().filter(|host| !host.is_empty()).cloned().collect();
    if hosts.is_empty() {
        return Ok(None);
    }
    let servers = RecipeServers::new(recipe_servers::Settings {
        hosts,
        private_networks: settings.recipe_servers_private,
        deadline: recipe_servers::DEADLINE,
        rest: food_providers::REST,
    })?;
    Ok(Some(Arc::new(servers)))
}

/// What foods can show as their licence.
fn licence(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.chars().count() <= 100 { Ok(text.to_owned()) } else { Err("write at most 100 characters".to_owned()) }
}

/// The server that sends mail. Without one, mail to those who use Hale on this machine is put into its data folder, and a server that
/// others reach sends none: its operator would read what is theirs alone.
async fn mailer(settings: &Settings) -> Result<Option<Arc<dyn Mailer>>, Error> {
    let password =
        migration::cli::secret("HALE_SMTP_PASSWORD", settings.smtp_password.clone(), settings.smtp_password_file.clone()).await?;
    let from = settings.mail_from.clone().filter(|from| !from.is_empty());
    let Some(url) = settings.smtp_url.clone().filter(|url| !url.is_empty()) else {
        if settings.is_reached_by_others(settings.listen) {
            return Ok(None);
        }
        let folder = crate::store::data_dir(settings)?.join("mail");
        return Ok(Some(Arc::new(MailFolder::new(folder, from.as_deref().unwrap_or("Hale <hale@localhost>"))?)));
    };
    let from = from.ok_or_else(|| Error::Other("HALE_SMTP_URL needs HALE_MAIL_FROM: say who mail comes from".into()))?;
    let authorities = settings.smtp_ca_file.clone().filter(|path| !path.as_os_str().is_empty());
    let authorities = authorities.map(|path| std::fs::read(&path).map_err(|source| Error::File { path, source })).transpose()?;
    let user = settings.smtp_user.clone().filter(|user| !user.is_empty());
    Ok(Some(Arc::new(Smtp::new(mail::Settings { url, user, password, from, authorities })?)))
}

/// An origin exactly as a browser sends it.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let exact =
        url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text);
    let value = exact.then(|| HeaderValue::from_str(text).ok()).flatten();
    value.ok_or_else(|| "write scheme, host and port as a browser does, without a path: https://app.example.org".to_owned())
}

/// How lines of the log look.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Run the server
    Serve,
    /// Run jobs alone, beside servers with HALE_JOBS=false or any others
    Worker,
    /// Look after jobs
    #[command(subcommand)]
    Jobs(Jobs),
    /// Look after the database's schema
    #[command(subcommand)]
    Migrate(migration::cli::Command),
    /// Examine the installation: exits with 0 when all is well, 1 with warnings, 2 when something is broken
    Doctor(Doctor),
    /// Vacuum, analyse and rebuild indexes where that pays, while Hale serves
    Maintain {
        /// Say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Make a backup, or look after those that there are
    #[command(args_conflicts_with_subcommands = true)]
    Backup {
        /// How to make it.
        #[command(flatten)]
        make: MakeBackup,
        /// What to do with those that there are.
        #[command(subcommand)]
        what: Option<Backups>,
    },
    /// Put a backup in the place of the data, which are kept as a database of another name
    Restore(Restore),
    /// Bring foods or exercises into the shared catalogue
    #[command(subcommand)]
    Import(Import),
    /// Add a household of three with 120 days of data, to look at
    Demo {
        /// Add it even where other people have accounts
        #[arg(long)]
        yes: bool,
    },
    /// Look after accounts
    #[command(subcommand)]
    Admin(Admin),
    /// Print every setting: what it is now, and where that came from; secrets are not shown
    Config {
        /// Print the page for people instead, in Markdown: what settings there are
        #[arg(long)]
        markdown: bool,
    },
    /// Ask the server at HALE_LISTEN whether it is ready, for who watches over containers: 0 if it is, 1 if not
    Healthcheck,
    /// Print the GraphQL schema, or the SQL of the tables that devices with Talon work on
    Schema {
        /// Whose; the GraphQL API's when absent
        of: Option<SchemaOf>,
    },
}

/// How to make a backup.
#[derive(Args)]
pub struct MakeBackup {
    /// The folder it goes to [default: HALE_BACKUP_DIR]
    #[arg(long)]
    pub to: Option<PathBuf>,
    /// A public key of age's (age1…), whose holder can open it; may be given several times [default: HALE_BACKUP_ENCRYPT_TO]
    #[arg(long)]
    pub encrypt_to: Vec<String>,
    /// A file with a passphrase that opens it [default: HALE_BACKUP_PASSPHRASE]
    #[arg(long, conflicts_with = "encrypt_to")]
    pub passphrase_file: Option<PathBuf>,
}

/// What opens an encrypted backup.
#[derive(Args)]
pub struct OpenBackup {
    /// A file with an identity of age's, as age-keygen writes it [default: HALE_BACKUP_IDENTITY_FILE]
    #[arg(long)]
    pub identity: Option<PathBuf>,
    /// A file with the passphrase [default: HALE_BACKUP_PASSPHRASE]
    #[arg(long, conflicts_with = "identity")]
    pub passphrase_file: Option<PathBuf>,
}

/// What to do with backups.
#[derive(Subcommand)]
pub enum Backups {
    /// Read a backup from its beginning to its end, and check everything about it
    Verify {
        /// The file
        file: PathBuf,
        /// What opens it.
        #[command(flatten)]
        open: OpenBackup,
    },
    /// List the backups in a folder
    List {
        /// The folder [default: HALE_BACKUP_DIR]
        #[arg(long = "in")]
        folder: Option<PathBuf>,
    },
}

/// What to restore.
#[derive(Args)]
pub struct Restore {
    /// The backup
    #[arg(required_unless_present = "drop_previous")]
    pub file: Option<PathBuf>,
    /// What opens it.
    #[command(flatten)]
    pub open: OpenBackup,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Remove what earlier restores kept
    #[arg(long, conflicts_with = "file")]
    pub drop_previous: bool,
}

/// What has a schema beside the GraphQL API.
#[derive(Clone, Copy, ValueEnum)]
pub enum SchemaOf {
    /// The tables of a device that syncs with Talon, for SQLite, and the view of the server
    Talon,
}

/// How to examine.
#[derive(Args, Clone, Copy)]
pub struct Doctor {
    /// Answer as JSON, whose form docs/maintenance.md promises
    #[arg(long)]
    pub json: bool,
    /// Mend what can be mended without any risk, and look again
    #[arg(long)]
    pub fix: bool,
    /// Ask Google and the mail server, too, where they are set up
    #[arg(long)]
    pub providers: bool,
}

/// What to import.
#[derive(Subcommand)]
pub enum Import {
    /// Foods
    Foods {
        /// Which format the file has
        #[arg(long)]
        format: FoodFormat,
        /// The file
        file: PathBuf,
    },
    /// Exercises
    Exercises {
        /// Which format the file has
        #[arg(long)]
        format: ExerciseFormat,
        /// The file
        file: PathBuf,
    },
}

/// Formats of food catalogues.
#[derive(Clone, Copy, ValueEnum)]
pub enum FoodFormat {
    /// ABBREV.csv of the USDA National Nutrient Database for Standard Reference
    UsdaSr,
    /// JSON of USDA FoodData Central
    FdcJson,
}

/// Formats of exercise catalogues.
#[derive(Clone, Copy, ValueEnum)]
pub enum ExerciseFormat {
    /// exercises.json of free-exercise-db
    FreeExerciseDb,
}

/// What to do with jobs.
#[derive(Subcommand)]
pub enum Jobs {
    /// List them, those that were given up first
    List {
        /// Only those that were given up
        #[arg(long)]
        dead: bool,
    },
    /// Try one again that was given up
    Retry {
        /// Its id
        id: uuid::Uuid,
    },
}

/// What to do with accounts.
#[derive(Subcommand)]
pub enum Admin {
    /// Take an e-mail address for proved to be its account's
    Verify {
        /// The address
        address: String,
    },
    /// Let every device read its data anew: what a restored backup calls for, since devices know of changes that it does not hold
    NewEpoch,
}
