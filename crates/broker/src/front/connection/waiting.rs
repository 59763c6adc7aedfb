//! Waiting for whatever comes first.
//!
//! Duty: room in the socket, bytes, mail and time wake the connection, in this order; a connection that waits for long lets go
//! of the memory of a burst. Not here: what is done then.
//! Invariant: nothing is read from a client that does not take what is written to it, or that must wait.

use super::*;

/// Silence after which a connection lets go of the memory of a burst.
const IDLE: Duration = Duration::from_secs(1);
/// Memory that the input of a silent connection may keep.
const WIDE_INPUT: usize = 2 * SMALL_READ;

/// What a task that waits for a connection is woken by.
pub(super) enum Wake {
    Read(usize),
    Wrote,
    Mail(Mail),
    Timer,
}

/// Reads what there is, at least so much at once.
pub(in crate::front) fn poll_read_into<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    input: &mut BytesMut,
    at_least: usize,
) -> Poll<io::Result<usize>> {
    input.reserve(at_least);
    poll_read_buf(Pin::new(stream), cx, input)
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Waits for whatever comes first: room in the socket, bytes, mail, the keep-alive's end.
    pub(super) async fn wait(&mut self) -> io::Result<Wake> {
        if self.idle_at.is_none() && (self.output.is_wide() || self.input.capacity() > WIDE_INPUT) {
            self.idle_at = Some(instant() + IDLE);
            self.timer = None; // it may be set for later
        }
        if self.timer.is_none() {
            let times = [
                self.keep_alive.deadline(),
                self.pace.paused_until(),
                self.idle_at,
                self.expires,
                self.faults.as_ref().and_then(|faults| faults.due()),
            ];
            if let Some(at) = times.into_iter().flatten().min() {
                let at = tokio::time::Instant::from_std(at);
                self.timer = Some(Box::pin(tokio::time::sleep_until(at)));
            }
        }
        poll_fn(|cx| self.poll_wait(cx)).await
    }

    /// Lets go of the memory of a burst, where there is nothing in it.
    pub(super) fn shrink(&mut self) {
        self.idle_at = None;
        self.output.shrink();
        if self.input.is_empty() {
            self.input = BytesMut::new();
            self.read_size = SMALL_READ;
        }
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Wake>> {
        if !self.output.is_empty() {
            if let Poll::Ready(n) =
                Pin::new(&mut self.stream).poll_write(cx, self.output.unwritten())?
            {
                if n == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.output.written(n);
                self.unflushed = true;
                return Poll::Ready(Ok(Wake::Wrote));
            }
        } else if self.unflushed && Pin::new(&mut self.stream).poll_flush(cx)?.is_ready() {
            self.unflushed = false;
        }
        if let Poll::Ready(mail) = self.inbox.poll(cx, self.takes_messages()) {
            return Poll::Ready(Ok(Wake::Mail(mail)));
        }
        if !self.output.is_full()
            && !self.owes_too_much()
            && self.pace.paused_until().is_none()
            && !self.faults.as_ref().is_some_and(|f| f.holds_input())
            && let Poll::Ready(n) =
                poll_read_into(&mut self.stream, cx, &mut self.input, self.read_size)?
        {
            return Poll::Ready(Ok(Wake::Read(n)));
        }
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Ok(Wake::Timer));
        }
        Poll::Pending
    }
}
