//! The APIs of Kafka by key: what they are called, from which version on their messages are flexible
//! (compact lengths, tagged fields), and what request and response hold, in the words of `schema.rs`.
//! From the message definitions of Apache Kafka 4; where it has given up a version, from those of 2.

/// One API.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    /// As KFL spells it.
    pub name: &'static str,
    /// The first version whose messages are flexible.
    pub flexible_from: i16,
    /// Empty where only the header is read: what brokers say to each other and no longer do.
    pub request: &'static str,
    pub response: &'static str,
}

const fn api(
    name: &'static str,
    flexible_from: i16,
    request: &'static str,
    response: &'static str,
) -> Api {
    Api { name, flexible_from, request, response }
}

/// Every API, in the order of keys.
#[rustfmt::skip]
pub const APIS: &[Api] = &[
    api("PRODUCE", 9, "txn:str@3 acks:i16 _:i32 [topic:str@0-12 id:uuid@13 [partition:i32 records:records]]", "[topic:str@0-12 id:uuid@13 [partition:i32 error:i16 _:i64 _:i64@2 _:i64@5 [_:i32 _:str]@8 message:str@8]] throttle:i32@1"),
    api("FETCH", 12, "_:i32@0-14 _:i32 _:i32 _:i32@3 _:i8@4 _:i32@7 _:i32@7 [topic:str@0-12 id:uuid@13 [partition:i32 _:i32@9 _:i64 _:i32@12 _:i64@5 _:i32]] [_:str@7-12 _:uuid@13 *i32]@7 _:str@11", "throttle:i32@1 error:i16@7 _:i32@7 [topic:str@0-12 id:uuid@13 [partition:i32 error:i16 _:i64 _:i64@4 _:i64@5 [_:i64 _:i64]@4 _:i32@11 records:records]]"),
    api("LIST_OFFSETS", 6, "_:i32 _:i8@2 [topic:str [partition:i32 _:i32@4 _:i64 _:i32@0-0]] _:i32@10", "throttle:i32@2 [topic:str [partition:i32 error:i16 *i64@0-0 _:i64@1 _:i64@1 _:i32@4]]"),
    api("METADATA", 9, "[id:uuid@10 topic:str] _:i8@4 _:i8@8-10 _:i8@8", "throttle:i32@3 [_:i32 _:str _:i32 _:str@1] _:str@2 _:i32@1 [error:i16 topic:str id:uuid@10 _:i8@1 [error:i16 partition:i32 _:i32 _:i32@7 *i32 *i32 *i32@5] _:i32@8] _:i32@8-10 error:i16@13"),
    api("LEADER_AND_ISR", 4, "", ""),
    api("STOP_REPLICA", 2, "", ""),
    api("UPDATE_METADATA", 6, "", ""),
    api("CONTROLLED_SHUTDOWN", 3, "", ""),
    api("OFFSET_COMMIT", 8, "group:str _:i32@1 _:str@1 _:str@7 _:i64@2-4 [topic:str@0-9 id:uuid@10 [partition:i32 _:i64 _:i32@6 _:i64@1-1 _:str]]", "throttle:i32@3 [topic:str@0-9 id:uuid@10 [partition:i32 error:i16]]"),
    api("OFFSET_FETCH", 6, "group:str@0-7 [topic:str *i32]@0-7 [group:str _:str@9 _:i32@9 [topic:str@0-9 id:uuid@10 *i32]]@8 _:i8@7", "throttle:i32@3 [topic:str [partition:i32 _:i64 _:i32@5 _:str error:i16]]@0-7 error:i16@2-7 [group:str [topic:str@0-9 id:uuid@10 [partition:i32 _:i64 _:i32 _:str error:i16]] error:i16]@8"),
    api("FIND_COORDINATOR", 3, "group:str@0-3 _:i8@1 *group:str@4", "throttle:i32@1 error:i16@0-3 message:str@1-3 _:i32@0-3 _:str@0-3 _:i32@0-3 [_:str _:i32 _:str _:i32 error:i16 message:str]@4"),
    api("JOIN_GROUP", 6, "group:str _:i32 _:i32@1 _:str _:str@5 _:str [_:str _:records] _:str@8", "throttle:i32@2 error:i16 _:i32 _:str@7 _:str _:str _:i8@9 _:str [_:str _:str@5 _:records]"),
    api("HEARTBEAT", 4, "group:str _:i32 _:str _:str@3", "throttle:i32@1 error:i16"),
    api("LEAVE_GROUP", 4, "group:str _:str@0-2 [_:str _:str _:str@5]@3", "throttle:i32@1 error:i16 [_:str _:str error:i16]@3"),
    api("SYNC_GROUP", 4, "group:str _:i32 _:str _:str@3 _:str@5 _:str@5 [_:str _:records]", "throttle:i32@1 error:i16 _:str@5 _:str@5 _:records"),
    api("DESCRIBE_GROUPS", 5, "*group:str _:i8@3", "throttle:i32@1 [error:i16 message:str@6 group:str _:str _:str _:str [_:str _:str@4 _:str _:str _:records _:records] _:i32@3]"),
    api("LIST_GROUPS", 3, "*str@4 *str@5", "throttle:i32@1 error:i16 [group:str _:str _:str@4 _:str@5]"),
    api("SASL_HANDSHAKE", 99, "mechanism:str", "error:i16 *str"),
    api("API_VERSIONS", 3, "_:str@3 _:str@3", "error:i16 [_:i16 _:i16 _:i16] throttle:i32@1"),
    api("CREATE_TOPICS", 5, "[topic:str _:i32 _:i16 [_:i32 *i32] [_:str _:str]] _:i32 _:i8@1", "throttle:i32@2 [topic:str id:uuid@7 error:i16 message:str@1 _:i32@5 _:i16@5 [_:str _:str _:i8 _:i8 _:i8]@5]"),
    api("DELETE_TOPICS", 4, "*topic:str@0-5 [topic:str id:uuid]@6 _:i32", "throttle:i32@1 [topic:str id:uuid@6 error:i16 message:str@5]"),
    api("DELETE_RECORDS", 2, "[topic:str [partition:i32 _:i64]] _:i32", "throttle:i32 [topic:str [partition:i32 _:i64 error:i16]]"),
    api("INIT_PRODUCER_ID", 2, "txn:str _:i32 _:i64@3 _:i16@3", "throttle:i32 error:i16 _:i64 _:i16 _:i64@6 _:i16@6"),
    api("OFFSET_FOR_LEADER_EPOCH", 4, "_:i32@3 [topic:str [partition:i32 _:i32@2 _:i32]]", "throttle:i32@2 [topic:str [error:i16 partition:i32 _:i32@1 _:i64]]"),
    api("ADD_PARTITIONS_TO_TXN", 3, "[txn:str _:i64 _:i16 _:i8 [topic:str *partition:i32]]@4 txn:str@0-3 _:i64@0-3 _:i16@0-3 [topic:str *partition:i32]@0-3", "throttle:i32 error:i16@4 [txn:str [topic:str [partition:i32 _:i16]]]@4 [topic:str [partition:i32 _:i16]]@0-3"),
    api("ADD_OFFSETS_TO_TXN", 3, "txn:str _:i64 _:i16 group:str", "throttle:i32 error:i16"),
    api("END_TXN", 3, "txn:str _:i64 _:i16 _:i8", "throttle:i32 error:i16 _:i64@5 _:i16@5"),
    api("WRITE_TXN_MARKERS", 1, "[_:i64 _:i16 _:i8 [topic:str *i32] _:i32]", "[_:i64 [topic:str [partition:i32 error:i16]]]"),
    api("TXN_OFFSET_COMMIT", 3, "txn:str group:str _:i64 _:i16 _:i32@3 _:str@3 _:str@3 [topic:str [partition:i32 _:i64 _:i32@2 _:str]]", "throttle:i32 [topic:str [partition:i32 error:i16]]"),
    api("DESCRIBE_ACLS", 2, "_:i8 _:str _:i8 _:str _:str _:i8 _:i8", "throttle:i32 error:i16 message:str [_:i8 _:str _:i8 [_:str _:str _:i8 _:i8]]"),
    api("CREATE_ACLS", 2, "[_:i8 _:str _:i8 _:str _:str _:i8 _:i8]", "throttle:i32 [error:i16 message:str]"),
    api("DELETE_ACLS", 2, "[_:i8 _:str _:i8 _:str _:str _:i8 _:i8]", "throttle:i32 [error:i16 message:str [error:i16 message:str _:i8 _:str _:i8 _:str _:str _:i8 _:i8]]"),
    api("DESCRIBE_CONFIGS", 4, "[_:i8 _:str *str] _:i8 _:i8@3", "throttle:i32 [error:i16 message:str _:i8 _:str [_:str _:str _:i8 _:i8@0-0 _:i8@1 _:i8 [_:str _:str _:i8]@1 _:i8@3 _:str@3]]"),
    api("ALTER_CONFIGS", 2, "[_:i8 _:str [_:str _:str]] _:i8", "throttle:i32 [error:i16 message:str _:i8 _:str]"),
    api("ALTER_REPLICA_LOG_DIRS", 2, "[_:str [topic:str *partition:i32]]", "throttle:i32 [topic:str [partition:i32 error:i16]]"),
    api("DESCRIBE_LOG_DIRS", 2, "[topic:str *partition:i32]", "throttle:i32 error:i16@3 [error:i16 _:str [topic:str [partition:i32 _:i64 _:i64 _:i8]] _:i64@4 _:i64@4]"),
    api("SASL_AUTHENTICATE", 2, "_:records", "error:i16 message:str _:records _:i64@1"),
    api("CREATE_PARTITIONS", 2, "[topic:str _:i32 [*i32]] _:i32 _:i8", "throttle:i32 [topic:str error:i16 message:str]"),
    api("CREATE_DELEGATION_TOKEN", 2, "_:str@3 _:str@3 [_:str _:str] _:i64", "error:i16 _:str _:str _:str@3 _:str@3 _:i64 _:i64 _:i64 _:str _:records throttle:i32"),
    api("RENEW_DELEGATION_TOKEN", 2, "_:records _:i64", "error:i16 _:i64 throttle:i32"),
    api("EXPIRE_DELEGATION_TOKEN", 2, "_:records _:i64", "error:i16 _:i64 throttle:i32"),
    api("DESCRIBE_DELEGATION_TOKEN", 2, "[_:str _:str]", "error:i16 [_:str _:str _:str@3 _:str@3 _:i64 _:i64 _:i64 _:str _:records [_:str _:str]] throttle:i32"),
    api("DELETE_GROUPS", 2, "*group:str", "throttle:i32 [group:str error:i16]"),
    api("ELECT_LEADERS", 2, "_:i8@1 [topic:str *partition:i32] _:i32", "throttle:i32 error:i16@1 [topic:str [partition:i32 error:i16 message:str]]"),
    api("INCREMENTAL_ALTER_CONFIGS", 1, "[_:i8 _:str [_:str _:i8 _:str]] _:i8", "throttle:i32 [error:i16 message:str _:i8 _:str]"),
    api("ALTER_PARTITION_REASSIGNMENTS", 0, "_:i32 _:i8@1 [topic:str [partition:i32 *i32]]", "throttle:i32 _:i8@1 error:i16 message:str [topic:str [partition:i32 error:i16 message:str]]"),
    api("LIST_PARTITION_REASSIGNMENTS", 0, "_:i32 [topic:str *i32]", "throttle:i32 error:i16 message:str [topic:str [partition:i32 *i32 *i32 *i32]]"),
    api("OFFSET_DELETE", 99, "group:str [topic:str [partition:i32]]", "error:i16 throttle:i32 [topic:str [partition:i32 error:i16]]"),
    api("DESCRIBE_CLIENT_QUOTAS", 1, "[_:str _:i8 _:str] _:i8", "throttle:i32 error:i16 message:str [[_:str _:str] [_:str _:i64]]"),
    api("ALTER_CLIENT_QUOTAS", 1, "[[_:str _:str] [_:str _:i64 _:i8]] _:i8", "throttle:i32 [error:i16 message:str [_:str _:str]]"),
    api("DESCRIBE_USER_SCRAM_CREDENTIALS", 0, "[_:str]", "throttle:i32 error:i16 message:str [_:str error:i16 message:str [_:i8 _:i32]]"),
    api("ALTER_USER_SCRAM_CREDENTIALS", 0, "[_:str mechanism:i8] [_:str mechanism:i8 _:i32 _:records _:records]", "throttle:i32 [_:str error:i16 message:str]"),
    api("VOTE", 0, "_:str _:i32@1 [topic:str [partition:i32 _:i32 _:i32 _:uuid@1 _:uuid@1 _:i32 _:i64 _:i8@2]]", "error:i16 [topic:str [partition:i32 error:i16 _:i32 _:i32 _:i8]]"),
    api("BEGIN_QUORUM_EPOCH", 1, "_:str _:i32@1 [topic:str [partition:i32 _:uuid@1 _:i32 _:i32]] [_:str _:str _:i16]@1", "error:i16 [topic:str [partition:i32 error:i16 _:i32 _:i32]]"),
    api("END_QUORUM_EPOCH", 1, "_:str [topic:str [partition:i32 _:i32 _:i32 *i32@0-0 [_:i32 _:uuid]@1]] [_:str _:str _:i16]@1", "error:i16 [topic:str [partition:i32 error:i16 _:i32 _:i32]]"),
    api("DESCRIBE_QUORUM", 0, "[topic:str [partition:i32]]", "error:i16 message:str@2 [topic:str [partition:i32 error:i16 message:str@2 _:i32 _:i32 _:i64 [_:i32 _:uuid@2 _:i64 _:i64@1 _:i64@1] [_:i32 _:uuid@2 _:i64 _:i64@1 _:i64@1]]] [_:i32 [_:str _:str _:i16]]@2"),
    api("ALTER_PARTITION", 0, "_:i32 _:i64 [id:uuid [partition:i32 _:i32 *i32@2-2 [_:i32 _:i64]@3 _:i8 _:i32]]", "throttle:i32 error:i16 [id:uuid [partition:i32 error:i16 _:i32 _:i32 *i32 _:i8 _:i32]]"),
    api("UPDATE_FEATURES", 0, "_:i32 [_:str _:i16 _:i8@0-0 _:i8@1] _:i8@1", "throttle:i32 error:i16 message:str [_:str error:i16 message:str]@0-1"),
    api("ENVELOPE", 0, "_:records _:records _:records", "_:records error:i16"),
    api("FETCH_SNAPSHOT", 0, "_:i32 _:i32 [topic:str [partition:i32 _:i32 {_:i64 _:i32} _:i64]]", "throttle:i32 error:i16 [topic:str [partition:i32 error:i16 {_:i64 _:i32} _:i64 _:i64 _:records]]"),
    api("DESCRIBE_CLUSTER", 0, "_:i8 _:i8@1 _:i8@2", "throttle:i32 error:i16 message:str _:i8@1 _:str _:i32 [_:i32 _:str _:i32 _:str _:i8@2] _:i32"),
    api("DESCRIBE_PRODUCERS", 0, "[topic:str *i32]", "throttle:i32 [topic:str [partition:i32 error:i16 message:str [_:i64 _:i32 _:i32 _:i64 _:i32 _:i64]]]"),
    api("BROKER_REGISTRATION", 0, "_:i32 _:str _:uuid [_:str _:str _:i16 _:i16] [_:str _:i16 _:i16] _:str _:i8@1 *uuid@2 _:i64@3", "throttle:i32 error:i16 _:i64"),
    api("BROKER_HEARTBEAT", 0, "_:i32 _:i64 _:i64 _:i8 _:i8", "throttle:i32 error:i16 _:i8 _:i8 _:i8"),
    api("UNREGISTER_BROKER", 0, "_:i32", "throttle:i32 error:i16 message:str"),
    api("DESCRIBE_TRANSACTIONS", 0, "*txn:str", "throttle:i32 [error:i16 txn:str _:str _:i32 _:i64 _:i64 _:i16 [topic:str *partition:i32]]"),
    api("LIST_TRANSACTIONS", 0, "*str *i64 _:i64@1 _:str@2", "throttle:i32 error:i16 *str [txn:str _:i64 _:str]"),
    api("ALLOCATE_PRODUCER_IDS", 0, "_:i32 _:i64", "throttle:i32 error:i16 _:i64 _:i32"),
    api("CONSUMER_GROUP_HEARTBEAT", 0, "group:str _:str _:i32 _:str _:str _:i32 *topic:str _:str@1 _:str [id:uuid *partition:i32]", "throttle:i32 error:i16 message:str _:str _:i32 _:i32 ?{[id:uuid *partition:i32]}"),
    api("CONSUMER_GROUP_DESCRIBE", 0, "*group:str _:i8", "throttle:i32 [error:i16 message:str group:str _:str _:i32 _:i32 _:str [_:str _:str _:str _:i32 _:str _:str *topic:str _:str {[id:uuid topic:str *partition:i32]} {[id:uuid topic:str *partition:i32]} _:i8@1] _:i32]"),
    api("CONTROLLER_REGISTRATION", 0, "_:i32 _:uuid _:i8 [_:str _:str _:i16 _:i16] [_:str _:i16 _:i16]", "throttle:i32 error:i16 message:str"),
    api("GET_TELEMETRY_SUBSCRIPTIONS", 0, "_:uuid", "throttle:i32 error:i16 _:uuid _:i32 *i8 _:i32 _:i32 _:i8 *str"),
    api("PUSH_TELEMETRY", 0, "_:uuid _:i32 _:i8 _:i8 _:records", "throttle:i32 error:i16"),
    api("ASSIGN_REPLICAS_TO_DIRS", 0, "_:i32 _:i64 [_:uuid [id:uuid [partition:i32]]]", "throttle:i32 error:i16 [_:uuid [id:uuid [partition:i32 error:i16]]]"),
    api("LIST_CONFIG_RESOURCES", 0, "*i8@1", "throttle:i32 error:i16 [_:str _:i8@1]"),
    api("DESCRIBE_TOPIC_PARTITIONS", 0, "[topic:str] _:i32 ?{topic:str partition:i32}", "throttle:i32 [error:i16 topic:str id:uuid _:i8 [error:i16 partition:i32 _:i32 _:i32 *i32 *i32 *i32 *i32 *i32] _:i32] ?{topic:str partition:i32}"),
    api("SHARE_GROUP_HEARTBEAT", 0, "group:str _:str _:i32 _:str *topic:str", "throttle:i32 error:i16 message:str _:str _:i32 _:i32 ?{[id:uuid *partition:i32]}"),
    api("SHARE_GROUP_DESCRIBE", 0, "*group:str _:i8", "throttle:i32 [error:i16 message:str group:str _:str _:i32 _:i32 _:str [_:str _:str _:i32 _:str _:str *topic:str {[id:uuid topic:str *partition:i32]}] _:i32]"),
    api("SHARE_FETCH", 0, "group:str _:str _:i32 _:i32 _:i32 _:i32 _:i32 _:i32 [id:uuid [partition:i32 [_:i64 _:i64 *i8]]] [_:uuid *i32]", "throttle:i32 error:i16 message:str _:i32 [id:uuid [partition:i32 error:i16 message:str _:i16 _:str {_:i32 _:i32} records:records [_:i64 _:i64 _:i16]]] [_:i32 _:str _:i32 _:str]"),
    api("SHARE_ACKNOWLEDGE", 0, "group:str _:str _:i32 [id:uuid [partition:i32 [_:i64 _:i64 *i8]]]", "throttle:i32 error:i16 message:str [id:uuid [partition:i32 error:i16 message:str {_:i32 _:i32}]] [_:i32 _:str _:i32 _:str]"),
    api("ADD_RAFT_VOTER", 0, "_:str _:i32 _:i32 _:uuid [_:str _:str _:i16]", "throttle:i32 error:i16 message:str"),
    api("REMOVE_RAFT_VOTER", 0, "_:str _:i32 _:uuid", "throttle:i32 error:i16 message:str"),
    api("UPDATE_RAFT_VOTER", 0, "_:str _:i32 _:i32 _:uuid [_:str _:str _:i16] {_:i16 _:i16}", "throttle:i32 error:i16"),
    api("INITIALIZE_SHARE_GROUP_STATE", 0, "group:str [id:uuid [partition:i32 _:i32 _:i64]]", "[id:uuid [partition:i32 error:i16 message:str]]"),
    api("READ_SHARE_GROUP_STATE", 0, "group:str [id:uuid [partition:i32 _:i32]]", "[id:uuid [partition:i32 error:i16 message:str _:i32 _:i64 [_:i64 _:i64 _:i8 _:i16]]]"),
    api("WRITE_SHARE_GROUP_STATE", 0, "group:str [id:uuid [partition:i32 _:i32 _:i32 _:i64 [_:i64 _:i64 _:i8 _:i16]]]", "[id:uuid [partition:i32 error:i16 message:str]]"),
    api("DELETE_SHARE_GROUP_STATE", 0, "group:str [id:uuid [partition:i32]]", "[id:uuid [partition:i32 error:i16 message:str]]"),
    api("READ_SHARE_GROUP_STATE_SUMMARY", 0, "group:str [id:uuid [partition:i32 _:i32]]", "[id:uuid [partition:i32 error:i16 message:str _:i32 _:i32 _:i64]]"),
    api("STREAMS_GROUP_HEARTBEAT", 0, "", ""),
    api("STREAMS_GROUP_DESCRIBE", 0, "", ""),
    api("DESCRIBE_SHARE_GROUP_OFFSETS", 0, "[group:str [topic:str *partition:i32]]", "throttle:i32 [group:str [topic:str id:uuid [partition:i32 _:i64 _:i32 error:i16 message:str]] error:i16 message:str]"),
    api("ALTER_SHARE_GROUP_OFFSETS", 0, "group:str [topic:str [partition:i32 _:i64]]", "throttle:i32 error:i16 message:str [topic:str id:uuid [partition:i32 error:i16 message:str]]"),
    api("DELETE_SHARE_GROUP_OFFSETS", 0, "group:str [topic:str]", "throttle:i32 error:i16 message:str [topic:str id:uuid error:i16 message:str]"),
];

/// Highest version that any API has, with room for what comes.
pub const VERSION_MAX: i16 = 24;

/// The API with this key; None when there is no such.
pub fn by_key(key: i16) -> Option<&'static Api> {
    APIS.get(usize::try_from(key).ok()?)
}

/// Whether the messages of an API are flexible in this version.
pub fn is_flexible(key: i16, version: i16) -> bool {
    by_key(key).is_some_and(|api| version >= api.flexible_from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_positions() {
        let name = |key| by_key(key).map(|api| api.name);
        assert_eq!((name(0), name(36)), (Some("PRODUCE"), Some("SASL_AUTHENTICATE")));
        assert_eq!((name(92), name(-1)), (Some("DELETE_SHARE_GROUP_OFFSETS"), None));
        assert_eq!(name(500), None);
        assert!(is_flexible(0, 9) && !is_flexible(0, 8) && !is_flexible(17, 1));
    }
}
