use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Why the server ends a connection; whether to come back then says [`recovery`](Self::recovery).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// The client said good-bye.
    Normal,
    /// The frames break RFC 6455.
    ProtocolError,
    /// A binary message: the protocol is JSON text.
    BinaryNotSupported,
    /// A text message that is no UTF-8.
    InvalidUtf8,
    /// A message above the limit.
    MessageTooBig,
    /// A message in more fragments than allowed.
    TooManyFragments,
    /// A fault of ours.
    InternalError,
    /// The server stops; resume elsewhere or later.
    ShuttingDown,
    /// The peer took no byte for the write-stall time.
    SlowConsumer,
    /// A ping was not answered in time.
    PongTimeout,
    /// The connection is as old as it may get.
    MaxLifetime,
    /// The feed is no longer what it was.
    FeedChanged,
    /// The operator wants it elsewhere.
    Forbidden,
    /// The operator took its right away.
    Revoked,
    /// Commands, or control frames, keep coming faster than allowed.
    RateLimited,
    /// Too many requests that failed.
    TooManyErrors,
}

impl Close {
    /// The number of a stream's `close` in place of an answer with a status: the request was refused, and may be tried
    /// again. The reason is the error's code.
    pub const TRY_AGAIN: u16 = 1013;

    /// Every one.
    pub const ALL: [Self; 16] = [
        Self::Normal,
        Self::ProtocolError,
        Self::BinaryNotSupported,
        Self::InvalidUtf8,
        Self::MessageTooBig,
        Self::TooManyFragments,
        Self::InternalError,
        Self::ShuttingDown,
        Self::SlowConsumer,
        Self::PongTimeout,
        Self::MaxLifetime,
        Self::FeedChanged,
        Self::Forbidden,
        Self::Revoked,
        Self::RateLimited,
        Self::TooManyErrors,
    ];

    /// Those by which an operator may end a connection.
    pub const BY_OPERATOR: [Self; 5] =
        [Self::Normal, Self::ShuttingDown, Self::MaxLifetime, Self::Forbidden, Self::Revoked];

    /// The number in the closing frame.
    pub const fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::ProtocolError => 1002,
            Self::BinaryNotSupported => 1003,
            Self::InvalidUtf8 => 1007,
            Self::MessageTooBig | Self::TooManyFragments => 1009,
            Self::InternalError => 1011,
            Self::ShuttingDown => 1012,
            Self::SlowConsumer => 4001,
            Self::PongTimeout => 4002,
            Self::MaxLifetime => 4003,
            Self::FeedChanged => 4004,
            Self::Forbidden => 4403,
            Self::Revoked => 4410,
            Self::RateLimited => 4429,
            Self::TooManyErrors => 4431,
        }
    }

    /// The text in the closing frame.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Normal => "",
            Self::ProtocolError => "protocol_error",
            Self::BinaryNotSupported => "binary_not_supported",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::MessageTooBig => "message_too_big",
            Self::TooManyFragments => "too_many_fragments",
            Self::InternalError => "internal_error",
            Self::ShuttingDown => "shutting_down",
            Self::SlowConsumer => "slow_consumer",
            Self::PongTimeout => "pong_timeout",
            Self::MaxLifetime => "max_lifetime",
            Self::FeedChanged => "feed_changed",
            Self::Forbidden => "forbidden",
            Self::Revoked => "revoked",
            Self::RateLimited => "rate_limited",
            Self::TooManyErrors => "too_many_errors",
        }
    }
}

impl From<Close> for CloseFrame {
    fn from(close: Close) -> Self {
        Self { code: CloseCode::from(close.code()), reason: close.reason().into() }
    }
}
