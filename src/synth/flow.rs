//! One user request on its way through the system: whom and what it is about, and the identifiers
//! that it carries from service to service.

use super::random::Random;

/// What stays the same along the whole chain of calls of one client request.
pub struct Flow {
    pub random: Random,
    pub trace_id: u128,
    /// The trace id as a UUID.
    pub request_id: String,
    pub user: String,
    pub sku: String,
    pub order: String,
}

impl Flow {
    /// The `number`th request of the run.
    pub fn new(seed: u64, number: u64, users: u64, skus: u64) -> Self {
        let mut random = Random::stream(seed, "flow", number);
        let trace_id = u128::from(random.next()) << 64 | u128::from(random.next());
        let hex = format!("{trace_id:032x}");
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &hex[part]);
        let request_id = parts.join("-");
        let user = format!("u{:04}", random.below(users));
        let sku = format!("sku-{:03}", random.below(skus));
        let order = format!("ord-{:08x}", random.next() as u32);
        Flow { random, trace_id, request_id, user, sku, order }
    }

    /// A template of the scenario with its places filled in.
    pub fn fill(&self, template: &str) -> String {
        template
            .replace("{user}", &self.user)
            .replace("{sku}", &self.sku)
            .replace("{order}", &self.order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled() {
        let flow = Flow::new(1, 2, 10, 5);
        let filled = flow.fill("SET cart:{user} {sku}");
        assert_eq!(filled, format!("SET cart:{} {}", flow.user, flow.sku));
        assert_eq!(flow.request_id.replace('-', ""), format!("{:032x}", flow.trace_id));
        assert_eq!(Flow::new(1, 2, 10, 5).order, flow.order);
        assert_ne!(Flow::new(1, 3, 10, 5).order, flow.order);
    }
}
