//! Doors: where connections come in, how many may be open, and for how long they may say nothing.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use pushback_web::{Connected, Connections};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::wiring::SetupError;

/// How often a connection is asked whether anybody is there (HTTP/2), and how long the answer may take.
const PING_EVERY: Duration = Duration::from_secs(30);
const PONG_WITHIN: Duration = Duration::from_secs(15);

/// Files that the process has besides connections: the database's, and 256 rings and 16 mails on their way.
const OTHER_FILES: u64 = 384;
/// Connections of a process at most: as many as there may be streams, and some.
const CONNECTIONS_MAX: u64 = 32_000;

/// How many connections the limit of open files leaves room for; it is raised as far as it goes.
pub fn connections_max() -> usize {
    connections_within(open_files())
}

/// Without a limit, as many as there may ever be. Of a limit that leaves little, half.
fn connections_within(files: Option<u64>) -> usize {
    let room = files.map_or(CONNECTIONS_MAX, |files| {
        files.saturating_sub(OTHER_FILES).max(files / 2).min(CONNECTIONS_MAX)
    });
    usize::try_from(room).unwrap_or(usize::MAX)
}

#[cfg(unix)]
fn open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(u64::MAX).min(2 * CONNECTIONS_MAX);
    if current.is_some_and(|current| current < wanted) {
        // Where that is forbidden the limit stays what it was.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
    getrlimit(Resource::Nofile).current
}

/// Systems without this limit.
#[cfg(not(unix))]
const fn open_files() -> Option<u64> {
    None
}

/// How long a connection is waited for. Encryption has ten seconds before that.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// Until it has said what it wants.
    first_request: Duration,
    /// From an answer to the end of the next request's head (HTTP/1).
    next_request: Duration,
}

impl Waits {
    pub const OF_CLIENTS: Self =
        Self { first_request: Duration::from_secs(10), next_request: Duration::from_secs(10) };

    /// Proxies keep connections for a minute, and one that is closed while they send costs somebody a
    /// request.
    pub const OF_PROXIES: Self = Self { next_request: Duration::from_secs(75), ..Self::OF_CLIENTS };
}

/// Listens, so that nobody else can; nothing is answered yet.
///
/// # Errors
/// [`SetupError`] with what to do about it.
pub async fn listen(at: SocketAddr, setting: &str) -> Result<TcpListener, SetupError> {
    TcpListener::bind(at).await.map_err(|error| {
        SetupError::new(match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "{at} is in use, perhaps by this service: stop what listens there, or choose another \
                 with {setting}"
            ),
            io::ErrorKind::AddrNotAvailable => {
                format!("{at} is no address of this machine: choose another with {setting}")
            }
            io::ErrorKind::PermissionDenied => {
                format!("{at}: permission denied; ports below 1024 take CAP_NET_BIND_SERVICE")
            }
            _ => format!("{at}: {error}"),
        })
    })
}

/// A door at which nobody is answered yet.
pub struct Door {
    pub listener: TcpListener,
    /// Encrypted with this certificate, if at all.
    pub tls: Option<RustlsConfig>,
    pub connections: Connections,
    pub waits: Waits,
}

impl Door {
    /// Serves until the handle says to stop.
    ///
    /// # Errors
    /// What the system says if it cannot go on listening.
    pub async fn serve(self, router: Router, handle: Handle<SocketAddr>) -> io::Result<()> {
        let Self { listener, tls, connections, waits } = self;
        let make = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = timed(Server::from_listener(listener), waits).handle(handle);
        let counted = Counted(connections);
        match tls {
            Some(tls) => {
                server.acceptor(RustlsAcceptor::new(tls).acceptor(counted)).serve(make).await
            }
            None => server.acceptor(counted).serve(make).await,
        }
    }
}

/// Nobody is waited for without end. A stream that is being answered has said what it wants, and may stay for
/// hours.
// SECURITY: each connection costs one of the process's files, and to say nothing costs nothing. Guarded by
// `a_connection_that_says_nothing_is_closed`, `half_a_head_is_not_waited_for` and
// `a_connection_is_closed_when_nothing_follows_an_answer`.
fn timed(mut server: Server<SocketAddr>, waits: Waits) -> Server<SocketAddr> {
    let builder = server.http_builder();
    builder.http1().header_read_timeout(waits.next_request);
    builder.http2().keep_alive_interval(PING_EVERY).keep_alive_timeout(PONG_WITHIN);
    server.first_request_timeout(waits.first_request)
}

/// Lets in whom there is a place for, and closes the others at once.
#[derive(Clone)]
struct Counted(Connections);

impl<S> Accept<TcpStream, S> for Counted {
    type Stream = Held;
    type Service = S;
    type Future = std::future::Ready<io::Result<(Held, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let held = stream.peer_addr().and_then(|peer| match self.0.open(peer.ip()) {
            Some(place) => Ok(Held { stream, _place: place }),
            None => Err(io::ErrorKind::ConnectionRefused.into()),
        });
        std::future::ready(held.map(|held| (held, service)))
    }
}

/// A connection with its place, which goes with it.
struct Held {
    stream: TcpStream,
    _place: Connected,
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, to)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
