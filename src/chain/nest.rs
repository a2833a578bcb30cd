//! Calls of one place -> candidates for their parents: what the place was serving when they began.
//! Ids narrow them down; what stays ambiguous goes to `pauses.rs`.

use std::collections::BTreeMap;

use super::pauses::Model;
use super::{Parent, Span, Tier};

/// Open calls looked at as parents: the newest of more.
const CANDIDATES_MAX: usize = 64;
/// Open calls remembered, among which ids are looked for.
const OPEN_MAX: usize = 512;
/// How often what is usual is learnt anew from the links so far.
const ROUNDS: usize = 3;

/// One place: the calls it serves and those it makes, by begin; indices into the spans.
pub(super) struct Place {
    served: Vec<u32>,
    made: Vec<u32>,
}

/// The places that both serve and make calls.
pub(super) fn places(spans: &[Span]) -> Vec<Place> {
    let mut places: BTreeMap<u32, Place> = BTreeMap::new();
    let mut place = |number, index, is_caller: bool| {
        let place =
            places.entry(number).or_insert_with(|| Place { served: Vec::new(), made: Vec::new() });
        if is_caller { place.made.push(index) } else { place.served.push(index) }
    };
    for (index, span) in (0..).zip(spans) {
        place(span.callee, index, false);
        place(span.caller, index, true);
    }
    let mut places: Vec<Place> = places.into_values().collect();
    places.retain(|place| !place.served.is_empty() && !place.made.is_empty());
    for place in &mut places {
        place.served.sort_by_key(|&index| (spans[index as usize].served_ns[0], index));
        place.made.sort_by_key(|&index| (spans[index as usize].called_ns[0], index));
    }
    places
}

/// The candidates of one call, by begin, and how they were told.
pub(super) struct Choice {
    pub child: u32,
    pub candidates: Vec<u32>,
    pub tier: Tier,
}

impl Place {
    pub fn link(&self, spans: &[Span], parents: &mut [Option<Parent>]) {
        let choices = self.choices(spans);
        let mut chosen: Vec<Option<u32>> = choices
            .iter()
            .map(|c| if c.tier == Tier::Likeliest { None } else { newest(c) })
            .collect();
        if choices.iter().any(|choice| choice.tier == Tier::Likeliest) {
            for _ in 0..ROUNDS {
                let model = Model::learn(spans, &self.served, &choices, &chosen);
                chosen = model.choose(spans, &choices);
            }
        }
        for (choice, chosen) in choices.iter().zip(chosen) {
            parents[choice.child as usize] =
                chosen.map(|index| Parent { index, tier: choice.tier });
        }
    }

    /// What each call made here may have been made for.
    fn choices(&self, spans: &[Span]) -> Vec<Choice> {
        let mut choices = Vec::with_capacity(self.made.len());
        let (mut open, mut next): (Vec<u32>, usize) = (Vec::new(), 0);
        for &child in &self.made {
            let span = &spans[child as usize];
            while let Some(&served) = self.served.get(next)
                && spans[served as usize].served_ns[0] <= span.called_ns[0]
            {
                open.push(served);
                next += 1;
            }
            open.drain(..open.len().saturating_sub(OPEN_MAX));
            open.retain(|&served| spans[served as usize].served_ns[1] >= span.called_ns[0]);
            choices.push(choice(spans, child, &open));
        }
        choices
    }
}

/// Of the open calls those that may be the parent.
fn choice(spans: &[Span], child: u32, open: &[u32]) -> Choice {
    let span = &spans[child as usize];
    let open: Vec<u32> = open.iter().copied().filter(|&served| served != child).collect();
    let of = |keep: &dyn Fn(&Span) -> bool| -> Vec<u32> {
        let mut kept: Vec<u32> =
            open.iter().copied().filter(|&served| keep(&spans[served as usize])).collect();
        kept.drain(..kept.len().saturating_sub(CANDIDATES_MAX));
        kept
    };
    let by_trace = of(&|parent| span.trace != 0 && parent.trace == span.trace);
    if !by_trace.is_empty() {
        return Choice { child, candidates: by_trace, tier: Tier::Trace };
    }
    let by_request = of(&|parent| span.request != 0 && parent.request == span.request);
    if !by_request.is_empty() {
        return Choice { child, candidates: by_request, tier: Tier::Request };
    }
    let strange = |parent: &Span| span.trace != 0 && parent.trace != 0;
    let around = of(&|parent| !strange(parent) && parent.served_ns[1] >= span.called_ns[1]);
    let candidates = match around.is_empty() {
        // What outlives all that was open is not waited for.
        true => of(&|parent| !strange(parent)),
        false => around,
    };
    let tier = if candidates.len() > 1 { Tier::Likeliest } else { Tier::Only };
    Choice { child, candidates, tier }
}

fn newest(choice: &Choice) -> Option<u32> {
    choice.candidates.last().copied()
}
