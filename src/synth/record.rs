//! Counts what happens during the run, as it happens: the raw material of the truth.

use super::network::Seen;
use std::collections::BTreeMap;

/// Messages of one service, each once however many captures hold it, and none that no capture
/// holds whole.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    pub requests: u64,
    pub responses: u64,
    pub failed: u64,
    /// By HTTP status, DNS rcode, `OK` or Redis error.
    pub status: BTreeMap<String, u64>,
}

/// The first time that the fault showed at a service.
#[derive(Debug, Clone)]
pub struct Touch {
    pub at: i64,
    /// None when the service only became slow, or did without something.
    pub error: Option<String>,
}

/// One request of a load, in true time.
#[derive(Debug, Clone)]
pub struct ClientRequest {
    pub endpoint: String,
    pub start: i64,
    pub end: i64,
    /// 0 when there was no answer.
    pub status: u16,
    pub failed: bool,
    /// Whether a fault had a hand in it.
    pub touched: bool,
    pub request_id: String,
}

#[derive(Debug)]
pub struct Recorder {
    /// Per service.
    pub messages: Vec<Messages>,
    /// Per service: the first failure, else the first other effect.
    pub touches: Vec<Option<Touch>>,
    pub clients: Vec<ClientRequest>,
    /// Connections tried, also those refused or unanswered.
    pub tcp_conns: u64,
    pub tcp_refused: u64,
    pub tcp_unanswered: u64,
}

impl Recorder {
    pub fn new(services: usize) -> Self {
        Recorder {
            messages: vec![Messages::default(); services],
            touches: vec![None; services],
            clients: Vec::new(),
            tcp_conns: 0,
            tcp_refused: 0,
            tcp_unanswered: 0,
        }
    }

    pub fn request(&mut self, service: usize, seen: Seen) {
        self.messages[service].requests += u64::from(seen != 0);
    }

    pub fn response(&mut self, service: usize, label: &str, failed: bool, seen: Seen) {
        if seen != 0 {
            let messages = &mut self.messages[service];
            messages.responses += 1;
            messages.failed += u64::from(failed);
            *messages.status.entry(label.into()).or_default() += 1;
        }
    }

    /// The fault showed at a service. Walks of requests overlap, so the earliest counts.
    pub fn touch(&mut self, service: usize, at: i64, error: Option<&str>) {
        let known = &mut self.touches[service];
        let earlier = known
            .as_ref()
            .is_none_or(|known| (error.is_none(), at) < (known.error.is_none(), known.at));
        if earlier {
            *known = Some(Touch { at, error: error.map(Into::into) });
        }
    }

    pub fn client(&mut self, request: ClientRequest) {
        self.clients.push(request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_failure_stays() {
        let mut record = Recorder::new(1);
        record.touch(0, 5, None);
        record.touch(0, 9, Some("x"));
        record.touch(0, 7, Some("y"));
        record.touch(0, 8, Some("z"));
        record.touch(0, 1, None);
        let touch = record.touches[0].clone().unwrap();
        assert_eq!((touch.at, touch.error.as_deref()), (7, Some("y")));
    }

    #[test]
    fn what_no_capture_holds_does_not_count() {
        let mut record = Recorder::new(1);
        record.request(0, 0);
        record.request(0, 0b10);
        record.response(0, "503", true, 0b11);
        let messages = &record.messages[0];
        assert_eq!((messages.requests, messages.responses, messages.failed), (1, 1, 1));
    }
}
