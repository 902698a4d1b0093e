//! Everything that can go wrong, by name: where it is done and what it needs to know.

/// Where in the simulator a fault is done. The wire asks the plan at each of these places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Somebody connects.
    Connect,
    /// An open connection, asked for whenever the wire looks at it.
    Connection,
    /// A request to subscribe, before it is acknowledged.
    Subscribe,
    /// A change of a book is about to be sent on a stream.
    Depth,
    /// Any frame is about to be sent on a stream.
    Frame,
    /// A whole book is asked for.
    Snapshot,
    /// A request, before anything is done with it.
    Request,
    /// A request that has been done, before it is answered.
    Answer,
    /// A report on an order is about to be sent to its owner.
    Report,
    /// Balances are about to be sent to their owner.
    Balances,
    /// The server's clock is read.
    Clock,
    /// The exchange itself: the simulation asks as time goes on.
    Exchange,
}

impl Place {
    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Connection => "connection",
            Self::Subscribe => "subscribe",
            Self::Depth => "depth",
            Self::Frame => "frame",
            Self::Snapshot => "snapshot",
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Report => "report",
            Self::Balances => "balances",
            Self::Clock => "clock",
            Self::Exchange => "exchange",
        }
    }
}

macro_rules! faults {
    ($($name:ident $text:literal $place:ident [$($param:literal),*] $meaning:literal;)*) => {
        /// What can go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $(#[doc = $meaning] $name,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in a plan.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it means, in one line.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// Where it is done.
            #[must_use]
            pub const fn place(self) -> Place {
                match self { $(Self::$name => Place::$place,)* }
            }

            /// The fields of a plan that it takes beside those that all take.
            #[must_use]
            pub const fn params(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($param),*],)* }
            }
        }
    };
}

faults! {
    DropDelta "drop-delta" Depth []
        "a change of the book is not sent: a gap";
    DuplicateDelta "duplicate-delta" Depth []
        "a change of the book is sent twice";
    SwapDeltas "swap-deltas" Depth []
        "a change of the book is sent behind the one after it";
    LateDelta "late-delta" Depth ["delay_ms"]
        "a change of the book is sent late, the others behind it";
    LinkBreak "link-break" Depth []
        "a change names a wrong one before it";
    SequenceDown "sequence-down" Depth []
        "the numbers of changes go down, as after a maintenance";
    FirstLinked "first-linked" Depth []
        "the first change after a snapshot begins behind it and names it";
    MidStreamSnapshot "mid-stream-snapshot" Depth []
        "a whole book comes in the middle of the changes";
    RestartSnapshot "restart-snapshot" Depth []
        "a whole book comes with the numbers begun anew";
    WrongChecksum "wrong-checksum" Depth []
        "the checksum of a book is wrong";
    ZeroChecksum "zero-checksum" Depth []
        "the checksum of a book is zero";
    LevelPushedOut "level-pushed-out" Depth []
        "a price falls out of the depth of a stream without being removed";
    ThinBook "thin-book" Depth ["parts"]
        "the book has fewer levels than the stream's depth";
    TinyPrices "tiny-prices" Depth []
        "prices of 10^-8 with zeros at the end";
    RemoveAbsent "remove-absent" Depth []
        "a price is removed that was not there";
    CrossedBook "crossed-book" Depth []
        "a change makes the best bid higher than the best ask";
    EmptySide "empty-side" Depth []
        "a side of the book becomes empty, and comes back";
    StaleSnapshot "stale-snapshot" Snapshot ["by"]
        "the snapshot is older than the first buffered change, by so many changes";
    SnapshotAtLast "snapshot-at-last" Snapshot []
        "the snapshot is exactly as new as a buffered change";
    SnapshotBeforeFirst "snapshot-before-first" Snapshot []
        "the snapshot ends right before a buffered change";
    SnapshotRefused "snapshot-refused" Snapshot ["status", "retry_ms"]
        "the snapshot is refused with a status (429, 418, 503)";
    SnapshotTimeout "snapshot-timeout" Snapshot []
        "the snapshot is never answered";
    SnapshotSlow "snapshot-slow" Snapshot ["delay_ms"]
        "the snapshot comes late";
    HugeFrame "huge-frame" Snapshot ["bytes"]
        "the snapshot has so many bytes (10 MB)";
    PrecisionChange "precision-change" Exchange ["tick"]
        "prices have another number of decimals";
    UnknownField "unknown-field" Frame []
        "a frame has a field that nobody knows";
    UnknownValue "unknown-value" Frame []
        "a field has a value that nobody knows";
    KeyOrder "key-order" Frame []
        "the fields of a frame come in another order";
    MissingField "missing-field" Frame []
        "a field that must be there is missing";
    GarbageFrame "garbage-frame" Frame ["bytes"]
        "a frame that is no JSON";
    FragmentedFrame "fragmented-frame" Frame ["parts"]
        "a frame comes in fragments";
    BinaryFrame "binary-frame" Frame []
        "a frame comes as binary";
    CompressedFrame "compressed-frame" Frame []
        "a frame comes compressed though nobody asked for it";
    PingInside "ping-inside" Frame ["bytes"]
        "a ping with a payload comes between the fragments of a frame";
    CutFrame "cut-frame" Frame []
        "the connection ends in the middle of a frame";
    Burst "burst" Exchange ["rate"]
        "so many changes of the book a second, for less than one";
    LargeIds "large-ids" Exchange []
        "ids above 2^53 (at the start only)";
    ForeignSymbol "foreign-symbol" Frame []
        "a message about a symbol with letters beyond ASCII";
    RefuseConnect "refuse-connect" Connect []
        "connections are refused";
    SlowConnect "slow-connect" Connect ["delay_ms"]
        "a handshake takes long";
    ConnectLimit "connect-limit" Connect ["status", "retry_ms"]
        "too many connections in a time: refused with a status";
    Outage "outage" Connect []
        "nothing is reachable, and what is connected is cut";
    CloseCode "close-code" Connection ["code"]
        "the connection is closed with a code (1000, 1006, 1012)";
    Reset "reset" Connection []
        "the connection is reset (TCP RST)";
    HalfOpen "half-open" Connection []
        "nothing comes any more, and nothing says so";
    LifetimeEnds "lifetime-ends" Connection []
        "the connection reaches its greatest age (24 h)";
    ShutdownNotice "shutdown-notice" Connection ["delay_ms"]
        "a shutdown is announced, and comes after a while";
    Overlap "overlap" Connection ["delay_ms"]
        "a rotation: the old connection goes on beside the new one";
    SlowConsumer "slow-consumer" Connection ["bytes"]
        "the send buffer counts as full: the server closes";
    HeartbeatDemanded "heartbeat-demanded" Connection ["delay_ms"]
        "a sign of life is asked for, and without one the server closes";
    AckWithoutData "ack-without-data" Subscribe []
        "a subscription is acknowledged and nothing ever comes";
    AckErrorOne "ack-error-one" Subscribe ["code"]
        "one of the streams of a request is refused";
    AckLost "ack-lost" Subscribe []
        "a subscription works and is not acknowledged";
    DataBeforeAck "data-before-ack" Subscribe []
        "data come before the acknowledgement";
    InboundLimit "inbound-limit" Subscribe []
        "too many messages a second: the server disconnects";
    OrderLost "order-lost" Request ["how", "status", "code"]
        "the request never arrives, and the answer says nothing of it";
    AnswerLost "answer-lost" Answer ["how", "status", "code"]
        "the request is done, and the answer is lost";
    AnswerSlow "answer-slow" Answer ["delay_ms"]
        "the answer comes late";
    FillBeforeAck "fill-before-ack" Answer ["delay_ms"]
        "reports of an order come before the answer to its request";
    NotFoundYet "not-found-yet" Answer ["delay_ms", "how"]
        "an order is not found by queries for a while after it was taken; with `how` unanswered";
    StaleAnswer "stale-answer" Answer ["delay_ms"]
        "a query shows what was a while ago, older than the stream";
    UnknownError "unknown-error" Request ["status", "code"]
        "a server error that leaves open what was done (the request is not)";
    SignatureRefused "signature-refused" Request []
        "the signature is refused";
    KeyRevoked "key-revoked" Request []
        "the key is not valid any more";
    RateLimited "rate-limited" Request ["retry_ms"]
        "too many requests: 429 with a time to wait";
    Banned "banned" Request ["retry_ms"]
        "the address is banned: 418 until a time";
    OrderCountLimit "order-count-limit" Request []
        "too many orders in a time";
    HiddenWeight "hidden-weight" Request ["by"]
        "others on the same address use so much of the weight";
    FilterRefused "filter-refused" Request ["rule"]
        "a rule refuses the order, whatever it is";
    AmendRejected "amend-rejected" Request []
        "an amendment is refused";
    CancelRejected "cancel-rejected" Request []
        "a cancel is refused though the order is open";
    ReplaceHalfDone "replace-half-done" Request ["part"]
        "of a cancel-replace one half fails: `cancel` or `new`";
    FillBeforeCancel "fill-before-cancel" Request []
        "the order is filled just before it is cancelled";
    FillBeforeAmend "fill-before-amend" Request []
        "the order is filled in part just before it is amended";
    PostOnlyCancel "post-only-cancel" Request []
        "an order that must rest is taken and then cancelled instead of refused";
    ExpireOrder "expire-order" Answer []
        "an order that was taken expires at once";
    PartialThenCancel "partial-then-cancel" Answer []
        "an order is filled in part, then the exchange cancels it";
    PartialFills "partial-fills" Answer ["parts"]
        "an order is filled whole, in so many parts";
    DuplicateReport "duplicate-report" Report ["parts"]
        "a report comes twice or more often";
    LateReport "late-report" Report ["delay_ms"]
        "a report comes late, others before it";
    DropReport "drop-report" Report []
        "a report never comes";
    SwapReports "swap-reports" Report []
        "a report comes behind the next one: what is filled goes back";
    LiteReport "lite-report" Report []
        "a fill is told twice: short and fast, then in full";
    ReplayReports "replay-reports" Report ["parts"]
        "the last reports are told again, as after a reconnect";
    ForeignReport "foreign-report" Report []
        "a report comes of an order that is not there";
    DoubleFilled "double-filled" Report []
        "a cancel that comes too late is told as filled a second time";
    FillAfterCancel "fill-after-cancel" Report ["delay_ms"]
        "a fill is told after the end of its order";
    BalanceBeforeFill "balance-before-fill" Report []
        "balances are told before the fill that changed them";
    BalanceLate "balance-late" Balances ["delay_ms"]
        "balances are told long after the fill that changed them";
    BalanceLost "balance-lost" Balances []
        "balances are not told";
    SessionExpired "session-expired" Connection []
        "the session of the account ends and is told so";
    TokenExpired "token-expired" Request []
        "the token is too old";
    ClockSkew "clock-skew" Clock ["by_ms"]
        "the server's clock is off";
    ClockDrift "clock-drift" Clock ["ppm"]
        "the server's clock goes wrong, in millionths";
    ForeignOrder "foreign-order" Exchange ["side", "by"]
        "somebody else places an order on the account, so many ticks behind the best price";
    ForeignTrade "foreign-trade" Exchange ["side"]
        "somebody else trades on the account";
    ForeignCancel "foreign-cancel" Exchange []
        "somebody else cancels the orders of the account";
    SelfMatch "self-match" Exchange []
        "the account meets its own order: the prevention of self-trades works";
    Transfer "transfer" Exchange ["asset", "amount"]
        "something comes to the account or leaves it";
    FeeInThirdAsset "fee-in-third-asset" Exchange []
        "commissions are taken from another asset";
    NegativeFee "negative-fee" Exchange ["ppm"]
        "resting orders are paid a commission, in millionths";
    OddFee "odd-fee" Exchange ["ppm"]
        "a commission that does not come out even";
    Liquidation "liquidation" Report []
        "a fill that the exchange made: liquidation (derivatives)";
    Deleverage "deleverage" Report []
        "a fill that the exchange made: deleveraging (derivatives)";
    FundingFill "funding-fill" Report []
        "a payment that looks like a fill: funding (derivatives)";
    Halt "halt" Exchange []
        "a symbol stops: nothing can be done";
    CancelOnly "cancel-only" Exchange []
        "a symbol takes cancels and nothing else";
    Delist "delist" Exchange []
        "a symbol is gone, its orders expire";
    TickChange "tick-change" Exchange ["tick"]
        "a symbol has another tick";
    AccountDisabled "account-disabled" Exchange []
        "an account may not trade";
    Maintenance "maintenance" Request []
        "everything is refused: maintenance";
    Restart "restart" Connection []
        "the server restarts: all connections end";
    RecentOrdersEmpty "recent-orders-empty" Answer []
        "ended orders are not found by queries of recent ones, as after a restart";
}

/// All faults, a line each: name, place, fields of its own, meaning.
#[must_use]
pub fn list() -> String {
    let mut text = String::new();
    for fault in Fault::ALL {
        let (name, place) = (fault.text(), fault.place().text());
        let params = match fault.params() {
            [] => String::new(),
            params => format!(" ({})", params.join(", ")),
        };
        text.push_str(&format!("{name:<22} {place:<10} {}{params}\n", fault.meaning()));
    }
    text
}

impl Fault {
    /// The fault with the name `text`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.text() == text)
    }
}
