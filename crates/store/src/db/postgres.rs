//! PostgreSQL: connections, their settings and their encryption.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::task::AbortHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::{DbError, Severity};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, Connection, Socket, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::sent::Sent;
use super::{Answer, Edge, Param, Row, Step, Value};
use crate::StoreError;

/// How long making a connection may take.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How long sent bytes may stay unacknowledged before the connection counts as lost.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// What every connection is set to. Waiting for a lock or inside a transaction is bounded, so that one
/// stuck node cannot hold the others for long.
pub(super) const SETTINGS: &str = "SET TIME ZONE 'UTC'; SET lock_timeout = '5s'; \
     SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '15s'";

/// What the connection that writes is set to as well. Its statements find rows by their keys, however
/// small the tables look when they are first planned; planning them again each time, with arrays of
/// hundreds of bodies, would cost more than running them.
const WRITER_SETTINGS: &str = "SET plan_cache_mode = force_generic_plan; SET jit = off; \
     SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off";

/// How to reach the server.
#[derive(Clone)]
pub(crate) struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

/// Either kind of connection, before it is driven.
#[expect(clippy::large_enum_variant, reason = "there is one a connection")]
pub(crate) enum Wire {
    Plain(Connection<Socket, tokio_postgres::tls::NoTlsStream>),
    Tls(
        Box<
            Connection<
                Socket,
                <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream,
            >,
        >,
    ),
}

impl Server {
    /// Reads `postgres://user:password@host:port/database?…`.
    ///
    /// `sslrootcert=FILE` names the certificate authority. A server that is neither a socket of this
    /// machine nor a loopback address is reached by TLS with its name checked, or not at all.
    // SECURITY: a password and match codes must not cross a network in the clear. Guarded by
    // `a_distant_server_is_reached_by_tls_or_not_at_all`.
    pub(crate) fn parse(url: &str, danger_plain: bool) -> Result<Self, StoreError> {
        let (url, roots) = take_root_certificate(url);
        let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
            // The text of the URL stays out of the message: it may hold a password.
            StoreError::Setup(format!("the PostgreSQL URL cannot be read: {error}"))
        })?;
        config.application_name("pushback");
        config.connect_timeout(CONNECT_WAIT);
        config.tcp_user_timeout(SILENCE_MAX);
        config.keepalives_idle(SILENCE_MAX);
        let is_near = config.get_hosts().iter().all(is_near) && config.get_hostaddrs().is_empty();
        let wants_tls = roots.is_some() || config.get_ssl_mode() == SslMode::Require;
        if !wants_tls && (is_near || danger_plain) {
            config.ssl_mode(SslMode::Disable);
            return Ok(Self { config, tls: None });
        }
        let Some(roots) = roots else {
            return Err(StoreError::Setup(
                "a PostgreSQL server that is not on this machine is reached by TLS: add \
                 sslrootcert=FILE to its URL, the certificate authority as PEM"
                    .to_owned(),
            ));
        };
        config.ssl_mode(SslMode::Require);
        Ok(Self { config, tls: Some(MakeRustlsConnect::new(tls(&roots)?)) })
    }

    /// Connects and checks that commits here are durable.
    pub(crate) async fn connect(&self) -> Result<(Client, Wire), StoreError> {
        let connecting = async {
            Ok::<_, StoreError>(match &self.tls {
                Some(tls) => {
                    let (client, wire) = self.config.connect(tls.clone()).await?;
                    (client, Wire::Tls(Box::new(wire)))
                }
                None => {
                    let (client, wire) = self.config.connect(tokio_postgres::NoTls).await?;
                    (client, Wire::Plain(wire))
                }
            })
        };
        let late = StoreError::Timeout { seconds: CONNECT_WAIT.as_secs() };
        tokio::time::timeout(CONNECT_WAIT, connecting).await.map_err(|_| late)?
    }
}

impl Wire {
    /// Drives the connection until it ends.
    pub(crate) async fn drive(self) {
        // How it ended is told to whoever waits for an answer on it.
        let _ = match self {
            Self::Plain(wire) => wire.await,
            Self::Tls(wire) => wire.await,
        };
    }

    /// Waits for the next notification; `None` when the connection has ended.
    pub(crate) async fn notification(&mut self) -> Option<tokio_postgres::Notification> {
        loop {
            let message = std::future::poll_fn(|cx| match self {
                Self::Plain(wire) => wire.poll_message(cx),
                Self::Tls(wire) => wire.poll_message(cx),
            });
            match message.await? {
                Ok(tokio_postgres::AsyncMessage::Notification(told)) => return Some(told),
                // The type is open: what is not a notification does not matter here.
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

/// Splits `sslrootcert=FILE` off the query, which the driver does not know.
fn take_root_certificate(url: &str) -> (String, Option<PathBuf>) {
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let mut roots = None;
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| match pair.strip_prefix("sslrootcert=") {
            Some(path) => {
                roots = Some(PathBuf::from(path.replace("%2F", "/")));
                false
            }
            None => true,
        })
        .collect();
    let joint = if kept.is_empty() { "" } else { "?" };
    (format!("{base}{joint}{}", kept.join("&")), roots)
}

fn is_near(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn tls(roots: &Path) -> Result<rustls::ClientConfig, StoreError> {
    let wrong = |why: String| StoreError::Setup(format!("{}: {why}", roots.display()));
    let mut store = rustls::RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(roots).map_err(|error| wrong(error.to_string()))?
    {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        store.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(wrong("holds no certificate".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

/// A connection with the statements that were prepared on it.
pub(crate) struct Postgres {
    client: Client,
    statements: BTreeMap<String, Statement>,
    driver: AbortHandle,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Postgres {
    /// Connects; the connection is driven on the runtime that calls this.
    pub(crate) async fn open(server: &Server) -> Result<Self, StoreError> {
        let (client, wire) = server.connect().await?;
        let driver = tokio::spawn(wire.drive()).abort_handle();
        let conn = Self { client, statements: BTreeMap::new(), driver };
        conn.client.batch_execute(SETTINGS).await?;
        conn.client.batch_execute(WRITER_SETTINGS).await?;
        conn.check().await?;
        Ok(conn)
    }

    // SECURITY: as on SQLite, a commit that can be taken back lets a spent prompt ring again. Guarded
    // by `a_connection_commits_durably_whatever_the_role_is_set_to`.
    async fn check(&self) -> Result<(), StoreError> {
        let is = |name: &'static str| async move {
            let row = self.client.query_one("SELECT current_setting($1)", &[&name]).await?;
            Ok::<String, StoreError>(row.try_get(0)?)
        };
        // Set in any case: what a connection has not set follows the server's file when that is read
        // again.
        let level = match is("synchronous_commit").await?.as_str() {
            "local" => "local",
            "remote_write" => "remote_write",
            "remote_apply" => "remote_apply",
            _ => "on",
        };
        self.client.batch_execute(&format!("SET synchronous_commit = {level}")).await?;
        for name in ["fsync", "full_page_writes"] {
            if is(name).await? != "on" {
                let message = format!("PostgreSQL runs with {name} = off: a crash loses commits");
                return Err(StoreError::Setup(message));
            }
        }
        // One name that the database cannot hold would fail everything that is batched with it.
        let encoding = is("server_encoding").await?;
        if encoding != "UTF8" {
            let message = format!("the database has the encoding {encoding}, but needs UTF8");
            return Err(StoreError::Setup(message));
        }
        Ok(())
    }

    async fn statement(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<u64, StoreError> {
        let statement = self.statement(sql).await?;
        Ok(self.client.execute_raw(&statement, params).await?)
    }

    pub(crate) async fn query(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let statement = self.statement(sql).await?;
        query(&self.client, &statement, params).await
    }

    pub(crate) async fn script(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// Runs one statement that is a whole transaction.
    ///
    /// # Errors
    /// As [`super::Conn::run`] at [`Edge::Commit`].
    pub(crate) async fn alone(&mut self, sql: &str, sent: &[Sent<'_>]) -> Result<(), StoreError> {
        let statement = self.statement(sql).await?;
        self.client.execute_raw(&statement, sent).await.map(|_| ()).map_err(ending)
    }

    #[cfg(test)]
    pub(crate) fn knows(&self, sql: &str) -> bool {
        self.statements.contains_key(sql)
    }

    /// Whether the connection is known to be lost.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(crate) async fn run(
        &mut self,
        edge: Edge,
        steps: &[Step<'_>],
    ) -> Result<Vec<Answer>, StoreError> {
        let mut statements = Vec::with_capacity(steps.len());
        for step in steps {
            statements.push(self.statement(&step.sql).await?);
        }
        let client = &self.client;
        let mut answers = Vec::with_capacity(steps.len());
        let pairs: Vec<(&Step<'_>, &Statement)> = steps.iter().zip(&statements).collect();
        let mut parts = pairs.chunks(TOGETHER).peekable();
        if edge == Edge::Begin {
            let part = parts.next().unwrap_or_default();
            let (begun, given) = join(client.batch_execute("BEGIN"), together(client, part)).await;
            begun?;
            answers.extend(given?);
        }
        while let Some(part) = parts.next() {
            if edge == Edge::Commit && parts.peek().is_none() {
                let (given, ended) =
                    join(together(client, part), client.batch_execute("COMMIT")).await;
                // A statement that failed has turned the commit into the opposite.
                answers.extend(given.map_err(ending)?);
                ended.map_err(ending)?;
                return Ok(answers);
            }
            answers.extend(together(client, part).await?);
        }
        if edge == Edge::Commit {
            client.batch_execute("COMMIT").await.map_err(ending)?;
        }
        Ok(answers)
    }
}

/// Statements that travel together at most.
// SECURITY: a commit that overtakes what it commits would lose it. The order holds because `join_all`
// polls at most 30 futures in their order. Guarded by
// `of_changes_in_one_transaction_a_conflict_touches_no_other`.
const TOGETHER: usize = 16;

/// Sends statements at once and waits for all their answers. They are sent in their order, because
/// so few are polled in their order and each is sent when it is first polled.
async fn together(
    client: &Client,
    steps: &[(&Step<'_>, &Statement)],
) -> Result<Vec<Answer>, tokio_postgres::Error> {
    let answers = steps.iter().map(|(step, statement)| async {
        let sent = Sent::of(step);
        if statement.columns().is_empty() {
            let count = client.execute_raw(*statement, &sent).await?;
            return Ok(Answer { rows: Vec::new(), count });
        }
        let params: Vec<&(dyn ToSql + Sync)> =
            sent.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
        let rows = client.query(*statement, &params).await?;
        Ok(Answer { rows: rows.iter().map(row).collect::<Result<_, _>>()?, count: 0 })
    });
    join_all(answers).await.into_iter().collect()
}

/// What an error means for a transaction whose commit was sent.
fn ending(error: tokio_postgres::Error) -> StoreError {
    match error.as_db_error().is_some_and(is_answer) {
        true => error.into(),
        false => StoreError::Unknown,
    }
}

/// Whether an error tells how the transaction ended. The last words of a connection that is shut down
/// do not: it may have committed here and waited for another server to have it too.
fn is_answer(error: &DbError) -> bool {
    error.parsed_severity() == Some(Severity::Error)
}

/// Runs a prepared statement; several may be under way on one client.
pub(crate) async fn query(
    client: &Client,
    statement: &Statement,
    params: &[Param<'_>],
) -> Result<Vec<Row>, StoreError> {
    let params: Vec<&(dyn ToSql + Sync)> =
        params.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
    let rows = client.query(statement, &params).await?;
    Ok(rows.iter().map(row).collect::<Result<_, _>>()?)
}

fn row(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let values = row.columns().iter().enumerate().map(|(at, column)| {
        Ok(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(at)?.map_or(Value::Null, Value::Int),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(at)?.map_or(Value::Null, Value::Blob),
            // No statement here selects any other type; another one fails as text.
            _ => row.try_get::<_, Option<String>>(at)?.map_or(Value::Null, Value::Text),
        })
    });
    Ok(Row::new(values.collect::<Result<_, tokio_postgres::Error>>()?))
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql_checked(ty, out),
            Self::Text(text) => text.to_sql_checked(ty, out),
            Self::Blob(bytes) => bytes.to_sql_checked(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> bool {
        matches!(Server::parse(url, false), Err(StoreError::Setup(_)))
    }

    #[test]
    fn a_distant_server_is_reached_by_tls_or_not_at_all() {
        for near in [
            "postgres://u:p@localhost/d",
            "postgres://u:p@127.0.0.1:5433/d",
            "postgres://u@%2Fvar%2Frun%2Fpostgresql/d",
        ] {
            assert!(Server::parse(near, false).unwrap().tls.is_none(), "{near}");
        }
        for distant in [
            "postgres://u:p@db.example.org/d",
            "postgres://u:p@db.example.org/d?sslmode=disable",
            "postgres://u:p@db.example.org/d?sslmode=require",
            "postgres://u:p@198.51.100.7/d",
            "postgres://u:p@localhost,db.example.org/d",
            "postgres://u:p@localhost/d?sslmode=require",
            "postgres://u:p@localhost/d?hostaddr=198.51.100.7",
        ] {
            assert!(refused(distant), "{distant}");
        }
        assert!(Server::parse("postgres://u:p@db.example.org/d", true).unwrap().tls.is_none());
    }

    #[test]
    fn the_certificate_authority_is_taken_out_of_the_url() {
        let (url, roots) = take_root_certificate("postgres://h/d?sslrootcert=a%2Fca.pem&options=x");
        assert_eq!((url.as_str(), roots), ("postgres://h/d?options=x", Some("a/ca.pem".into())));
        let (url, roots) = take_root_certificate("postgres://h/d?sslrootcert=ca.pem");
        assert_eq!((url.as_str(), roots), ("postgres://h/d", Some("ca.pem".into())));
    }

    #[test]
    fn a_wrong_url_does_not_show_its_password() {
        let Err(error) = Server::parse("postgres://u:hunter2@h:port/d", false) else { panic!() };
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[tokio::test]
    async fn a_connection_commits_durably_whatever_the_role_is_set_to() {
        let Ok(url) = std::env::var("PUSHBACK_TEST_POSTGRES") else {
            return;
        };
        // As a role or a database would set it: at the start of every connection.
        let server = Server::parse(&format!("{url}?options=-csynchronous_commit%3Doff"), false);
        let conn = Postgres::open(&server.unwrap()).await.unwrap();
        assert_eq!(shown(&conn).await, ("on".to_owned(), "session".to_owned()));
        // Neither may reading the server's file again take it back, nor is more than "on" lowered.
        for (level, kept) in [("on", "on"), ("remote_apply", "remote_apply")] {
            let url = format!("{url}?options=-csynchronous_commit%3D{level}");
            let conn = Postgres::open(&Server::parse(&url, false).unwrap()).await.unwrap();
            assert_eq!(shown(&conn).await, (kept.to_owned(), "session".to_owned()));
        }
    }

    async fn shown(conn: &Postgres) -> (String, String) {
        let sql = "SELECT setting, source FROM pg_settings WHERE name = 'synchronous_commit'";
        let row = conn.client.query_one(sql, &[]).await.unwrap();
        (row.get(0), row.get(1))
    }
}
