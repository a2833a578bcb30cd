//! Connections that clients keep open: taken out for an exchange, given back after it.

use super::tcp::Conn;
use std::collections::BTreeMap;

/// The host that opened a connection, and the service it leads to.
pub type Key = (usize, usize);

#[derive(Default)]
pub struct Pool {
    kept: BTreeMap<Key, Vec<Conn>>,
}

impl Pool {
    /// The connection that was free longest, if one is free at that time.
    pub fn take(&mut self, key: Key, at: i64) -> Option<Conn> {
        let kept = self.kept.get_mut(&key)?;
        let free = (0..).zip(&*kept).filter(|(_, conn)| conn.free_at <= at);
        let (index, _) = free.min_by_key(|(_, conn)| conn.free_at)?;
        Some(kept.remove(index))
    }

    pub fn give(&mut self, key: Key, conn: Conn) {
        self.kept.entry(key).or_default().push(conn);
    }

    pub fn find(&mut self, key: Key, id: u64) -> Option<&mut Conn> {
        self.kept.get_mut(&key)?.iter_mut().find(|conn| conn.id == id)
    }

    /// Takes out every connection for which `leaves` holds, in the order of keys.
    pub fn extract(&mut self, leaves: impl Fn(Key, &Conn) -> bool) -> Vec<Conn> {
        let mut extracted = Vec::new();
        for (&key, kept) in &mut self.kept {
            extracted.extend(kept.extract_if(.., |conn| leaves(key, conn)));
        }
        extracted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn(id: u64, free_at: i64) -> Conn {
        let mut conn = Conn::new(1, id, (0, 40_000), (1, 80));
        conn.free_at = free_at;
        conn
    }

    #[test]
    fn the_longest_free_goes_first() {
        let mut pool = Pool::default();
        for (id, free_at) in [(1, 50), (2, 30), (3, 90)] {
            pool.give((0, 1), conn(id, free_at));
        }
        assert!(pool.take((0, 1), 20).is_none());
        assert!(pool.take((0, 2), 100).is_none());
        assert_eq!(pool.take((0, 1), 60).map(|c| c.id), Some(2));
        assert_eq!(pool.take((0, 1), 60).map(|c| c.id), Some(1));
        assert!(pool.take((0, 1), 60).is_none());
        assert!(pool.find((0, 1), 3).is_some());
        assert_eq!(pool.extract(|key, c| key.1 == 1 && c.free_at > 0).len(), 1);
        assert!(pool.find((0, 1), 3).is_none());
    }
}
