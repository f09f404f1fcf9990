//! How long a client waits for a server that says nothing.
//!
//! A statement may take hours, and a server at work on one says nothing either. So silence alone ends no statement: the
//! server is asked, over another connection, whether it is still there, and who does not answer that has gone.

use super::TargetError;
use futures::future::BoxFuture;
use serde::{Deserialize, Deserializer};
use std::pin::pin;
use std::time::Duration;
use tracklet_display::error::with_causes;

/// How often in a row a server must leave the question unanswered.
const QUESTIONS: u32 = 2;

/// Seconds as a target's fields have them, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl Seconds {
    /// A number of seconds.
    pub const fn new(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A day is longer than any client waits, and sums of it stay numbers.
        Ok(Self::new(u64::deserialize(deserializer)?.clamp(1, 24 * 60 * 60)))
    }
}

/// What a target's fields say about waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Until a session must be open, or a question answered.
    pub(crate) connect: Duration,
    /// Silence after which the server is asked.
    pub(crate) idle: Duration,
}

impl Patience {
    /// Patience by the fields `connect_timeout` and `idle_timeout`.
    pub(crate) fn new(connect: Seconds, idle: Seconds) -> Self {
        Self { connect: connect.0, idle: idle.0 }
    }

    /// What opening a session gives.
    ///
    /// # Errors
    /// Those of `work`, and [`TargetError::Connection`] when it takes too long.
    pub(crate) async fn connecting<T>(
        self,
        place: &str,
        work: impl Future<Output = Result<T, TargetError>>,
    ) -> Result<T, TargetError> {
        tokio::time::timeout(self.connect, work).await.unwrap_or_else(|_| {
            let seconds = self.connect.as_secs_f64();
            Err(TargetError::Connection {
                place: place.to_owned(),
                hint: Some(
                    "is it the right server, and is it up? `connect_timeout` of the target sets how long to wait"
                        .to_owned(),
                ),
                source: format!("no session was open after {seconds} s").into(),
            })
        })
    }

    /// What `work` gives. Whenever it has given nothing for a while, `ask` asks the server whether it is still at it.
    ///
    /// # Errors
    /// Those of `work`, and [`TargetError::Connection`] when the server does not answer.
    pub(crate) async fn answered<'a, T>(
        self,
        place: &str,
        work: impl Future<Output = Result<T, TargetError>> + Send,
        ask: impl Fn() -> BoxFuture<'a, Result<(), TargetError>>,
    ) -> Result<T, TargetError> {
        let mut work = pin!(work);
        let mut unanswered = 0;
        loop {
            if let Ok(result) = tokio::time::timeout(self.idle, &mut work).await {
                return result;
            }
            let asked = async {
                match tokio::time::timeout(self.connect, ask()).await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(with_causes(&error)),
                    Err(_) => Some(format!("no answer for {} s", self.connect.as_secs_f64())),
                }
            };
            let silence = tokio::select! {
                result = &mut work => return result,
                silence = asked => silence,
            };
            unanswered = if silence.is_some() { unanswered + 1 } else { 0 };
            if let Some(cause) = silence.filter(|_| unanswered == QUESTIONS) {
                return Err(TargetError::Connection {
                    place: place.to_owned(),
                    hint: Some(
                        "what was running may or may not have taken effect; run it again when the server answers. \
                         `idle_timeout` of the target sets how much silence makes Tracklet ask"
                            .to_owned(),
                    ),
                    source: format!("the server has gone silent: {cause}").into(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Patience, Seconds};
    use crate::connection::TargetError;
    use futures::FutureExt as _;
    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    use std::time::Duration;
    use tokio::sync::Notify;
    use tracklet_display::error::with_causes;

    const PATIENCE: Patience =
        Patience { connect: Duration::from_millis(20), idle: Duration::from_millis(10) };

    fn lost() -> TargetError {
        TargetError::Answer { message: "no".to_owned() }
    }

    #[tokio::test]
    async fn connecting_ends_in_time() {
        let error = PATIENCE.connecting::<()>("h:1", pending()).await.unwrap_err();
        assert_eq!(with_causes(&error), "no connection to h:1: no session was open after 0.02 s");
    }

    #[tokio::test]
    async fn a_long_statement_goes_on_while_the_server_answers() {
        let (asked, enough) = (AtomicU32::new(0), Notify::new());
        let ask = || {
            if asked.fetch_add(1, SeqCst) + 1 == 20 {
                enough.notify_one();
            }
            ready(Ok(())).boxed()
        };
        let work = async {
            enough.notified().await;
            Ok(7)
        };
        assert_eq!(PATIENCE.answered("h:1", work, ask).await.unwrap(), 7);
        assert_eq!(asked.load(SeqCst), 20);
    }

    #[tokio::test]
    async fn a_server_that_leaves_two_questions_unanswered_has_gone() {
        let asked = AtomicU32::new(0);
        let ask = || {
            asked.fetch_add(1, SeqCst);
            pending().boxed()
        };
        let error = PATIENCE.answered::<()>("h:1", pending(), ask).await.unwrap_err();
        assert_eq!(asked.load(SeqCst), 2);
        let error_text = with_causes(&error);
        assert_eq!(error_text, "no connection to h:1: the server has gone silent: no answer for 0.02 s");
    }

    #[tokio::test]
    async fn one_question_that_fails_is_no_reason_to_end() {
        let (asked, enough) = (AtomicU32::new(0), Notify::new());
        let ask = || {
            let number = asked.fetch_add(1, SeqCst) + 1;
            if number == 9 {
                enough.notify_one();
            }
            ready(if number % 2 == 0 { Ok(()) } else { Err(lost()) }).boxed()
        };
        let work = async {
            enough.notified().await;
            Ok(7)
        };
        assert_eq!(PATIENCE.answered("h:1", work, ask).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn an_answer_while_the_question_is_open_counts() {
        let open = Notify::new();
        let ask = || {
            open.notify_one();
            pending().boxed()
        };
        let work = async {
            open.notified().await;
            Ok(7)
        };
        assert_eq!(PATIENCE.answered("h:1", work, ask).await.unwrap(), 7);
    }

    #[test]
    fn seconds_are_at_least_one() {
        let of = |text: &str| serde_json::from_str::<Seconds>(text).unwrap();
        assert_eq!([of("0"), of("5"), of("18446744073709551615")], [1, 5, 86_400].map(Seconds::new));
    }
}
