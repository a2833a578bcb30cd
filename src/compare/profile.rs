//! Facts of one run -> its profile: counts and times of each service and endpoint, calls of each
//! dependency, under names that stay the same from run to run.

use std::collections::{BTreeMap, BTreeSet};

use super::Subject;
use crate::field::Text;
use crate::incident::{Bin, Facts};

/// Times compared at most; of more an even choice, so that large runs cost no more than that.
const TIMES_MAX: usize = 20_000;
/// Endpoints kept per run: the first that come.
const ENDPOINTS_MAX: usize = 5000;

/// Who called whom in which protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub from: Text,
    pub to: Text,
    pub protocol: Text,
}

/// What was measured of one subject.
#[derive(Debug, Default)]
pub(super) struct Measures {
    pub calls: Bin,
    /// Of answered calls that did not fail: failing fast is no improvement.
    pub elapsed_ms: Vec<f64>,
}

impl Measures {
    /// Times, an even choice of many.
    pub fn sample(&self) -> Vec<f64> {
        let step = self.elapsed_ms.len().div_ceil(TIMES_MAX).max(1);
        self.elapsed_ms.iter().copied().step_by(step).collect()
    }
}

/// One run.
pub(super) struct Profile {
    pub measures: BTreeMap<Subject, Measures>,
    pub edges: BTreeMap<Edge, u64>,
    /// Everybody that calls or is called.
    pub names: BTreeSet<Text>,
    pub calls: u64,
    seconds: f64,
}

impl Profile {
    pub fn of(facts: &Facts) -> Self {
        let seconds = (facts.last_ns - facts.first_ns) as f64 / 1e9;
        let mut profile = Profile {
            measures: BTreeMap::new(),
            edges: BTreeMap::new(),
            names: BTreeSet::new(),
            calls: 0,
            seconds,
        };
        for call in facts.counted() {
            let (from, to) = (facts.entity(call.src), facts.entity(call.dst));
            let (namespace, service) = (to.namespace.clone(), to.name.clone());
            let operation = Text::from(facts.text(call.operation));
            let whole = Subject::Service { namespace: namespace.clone(), service: service.clone() };
            let endpoint = Subject::Endpoint { namespace, service, operation };
            for subject in [whole, endpoint] {
                let is_new = !profile.measures.contains_key(&subject);
                if is_new && profile.measures.len() >= ENDPOINTS_MAX {
                    continue;
                }
                let measures = profile.measures.entry(subject).or_default();
                measures.calls.n += 1;
                measures.calls.k += u64::from(call.failed());
                measures.elapsed_ms.extend(call.elapsed_ms().filter(|_| !call.failed()));
            }
            let protocol = Text::from(facts.text(call.protocol));
            profile.names.extend([from.name.clone(), to.name.clone()]);
            let edge = Edge { from: from.name.clone(), to: to.name.clone(), protocol };
            *profile.edges.entry(edge).or_default() += 1;
            profile.calls += 1;
        }
        profile
    }

    /// Calls per second.
    pub fn rate(&self) -> f64 {
        self.calls as f64 / self.seconds.max(1e-3)
    }
}
