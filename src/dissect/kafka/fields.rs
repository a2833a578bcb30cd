//! The fields of Kafka calls. Their names are KFL's, with our own for what KFL leaves out.

crate::fields! {
    /// What a client or another broker asked.
    pub struct KafkaRequest {
        /// API key: 0 Produce, 1 Fetch.
        kafka_api_key: Int = "kafka && kafka_api_key == 0";
        /// API in upper case: `PRODUCE`, `FETCH`, `JOIN_GROUP`.
        kafka_api_key_name: Text = "kafka && kafka_api_key_name == \"PRODUCE\"";
        /// Version of the API.
        kafka_api_version: Int = "kafka && kafka_api_version > 8";
        /// Name that the client gave itself.
        kafka_client_id: Text = "kafka && kafka_client_id == \"payment-processor\"";
        /// Number that ties the response to the request.
        kafka_correlation_id: Int = "kafka && kafka_correlation_id == 7";
        /// Bytes of the request, else of the response.
        kafka_size: Int = "kafka && kafka_size > 1000";
        /// Whether the request was captured.
        kafka_request: Bool = "kafka && kafka_request";
        /// Topics; without one the group, the transaction or the client.
        kafka_request_summary: Text = "kafka && kafka_request_summary.contains(\"orders\")";
        /// Bytes of the request.
        kafka_request_size: Int = "kafka && kafka_request_size > 100000";
        /// First topic of the request, else of the response.
        kafka_topic: Text = "kafka && kafka_topic == \"orders\"";
        /// Topics of the request, at most 32.
        kafka_topics: List = "kafka && \"orders\" in kafka_topics";
        /// Partitions named by the request, each time counted.
        kafka_partitions: Int = "kafka && kafka_partitions > 100";
        /// First partition, -1 without one.
        kafka_partition: Int = "kafka && kafka_topic == \"orders\" && kafka_partition == 3";
        /// Consumer group.
        kafka_group: Text = "kafka && kafka_group == \"billing\"";
        /// Transactional id of the producer.
        kafka_transaction: Text = "kafka && kafka_transaction != \"\"";
        /// Mechanism of a SASL handshake.
        kafka_sasl_mechanism: Text = "kafka && kafka_sasl_mechanism == \"PLAIN\"";
        /// How the first batch of records is compressed: none gzip snappy lz4 zstd.
        kafka_compression: Text = "kafka && kafka_compression == \"zstd\"";
        /// Records of the first batch of each partition.
        kafka_records: Int = "kafka && kafka_records > 1000";
    }

    /// What a broker answered.
    pub struct KafkaResponse {
        /// Number that ties the response to the request.
        kafka_correlation_id: Int = "kafka && kafka_correlation_id == 7";
        /// Bytes of the request, else of the response.
        kafka_size: Int = "kafka && kafka_size > 1000";
        /// First topic of the request, else of the response.
        kafka_topic: Text = "kafka && kafka_topic == \"orders\"";
        /// Whether the response was captured.
        kafka_response: Bool = "kafka && kafka_response";
        /// Bytes of the response.
        kafka_response_size: Int = "kafka && kafka_response_size > 1000000";
        /// First error code of the response that is not 0.
        kafka_error_code: Int = "kafka && kafka_error_code == 6";
        /// Its name: `NOT_LEADER_OR_FOLLOWER`.
        kafka_error: Text = "kafka && kafka_error == \"NOT_LEADER_OR_FOLLOWER\"";
        /// The error in the broker's words.
        kafka_error_message: Text = "kafka && kafka_error_message != \"\"";
        /// Error codes of the response that are not 0.
        kafka_errors: Int = "kafka && kafka_errors > 10";
        /// Milliseconds for which the broker asked the client to wait.
        kafka_throttle_ms: Int = "kafka && kafka_throttle_ms > 0";
    }
}
