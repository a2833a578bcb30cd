//! The merged field list: the tables of calls, connections, workloads and protocols, and the
//! Kubeshark variables that none of them stores, become one sorted list of names that KFL,
//! frames, reports and docs share. It holds no values and reads no rows.

mod compat;
mod nearest;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::call::fields::{CallCommon, CallKeys, CallLink};
use crate::conn::fields::ConnCommon;
use crate::conn::flow::FlowCommon;
use crate::dissect::{PROTOCOLS, Protocol};
use crate::field::{FieldDef, FieldType, Origin};

pub use nearest::nearest;

/// A kind of entry: what one row of a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Requests with their responses.
    Calls,
    /// Connections.
    Conns,
    /// All connections between two peers.
    Flows,
}

impl Family {
    pub const ALL: [Family; 3] = [Family::Calls, Family::Conns, Family::Flows];

    /// The table that holds its rows.
    pub fn table(self) -> &'static str {
        match self {
            Family::Calls => "calls",
            Family::Conns => "conns",
            Family::Flows => "flows",
        }
    }
}

/// What makes a boolean like `http` or `tcp_conn` true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flag {
    /// Every entry of the family.
    Family(Family),
    /// Entries of the family over this transport; without one, connections and flows.
    Transport(Option<Family>, &'static str),
    /// Calls whose `protocol` is one of these; none where no such protocol is built in.
    Protocols(Vec<&'static str>),
}

impl Flag {
    /// The values of `protocol` with which entries of the family carry the flag; None where all
    /// of them do.
    pub fn protocols(&self, family: Family) -> Option<&[&'static str]> {
        let is_call = family == Family::Calls;
        match self {
            Flag::Family(f) if *f == family => None,
            Flag::Transport(f, transport) if !is_call && f.is_none_or(|f| f == family) => {
                Some(std::slice::from_ref(transport))
            }
            Flag::Protocols(titles) if is_call => Some(titles),
            _ => Some(&[]),
        }
    }

    /// Whether an entry of this family and `protocol` carries the flag.
    pub fn holds(&self, family: Family, protocol: &str) -> bool {
        self.protocols(family).is_none_or(|titles| titles.contains(&protocol))
    }
}

/// One name of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub def: FieldDef,
    /// Position in the catalogue's order.
    pub index: usize,
    /// Tables with a column of it: `calls`, `conns` or a protocol's side table.
    pub tables: Vec<&'static str>,
    /// Flags of the protocols whose entries carry it; empty where any entry does.
    pub protocols: Vec<&'static str>,
    /// What a field of origin [`Origin::Flag`] stands for.
    pub flag: Option<Flag>,
}

impl Deref for Field {
    type Target = FieldDef;
    fn deref(&self) -> &FieldDef {
        &self.def
    }
}

impl Field {
    /// Whether entries of the family hold a value: in their own table, for calls in a side table
    /// too, and for workload attributes through the row's workload ids.
    pub fn stored_for(&self, family: Family) -> bool {
        match self.origin {
            Origin::Workload(..) => true,
            Origin::Stored => {
                self.tables.contains(&family.table())
                    || (family == Family::Calls && self.side_table().is_some())
            }
            Origin::Derived(_) | Origin::Flag | Origin::Declared => false,
        }
    }

    /// The protocol table that holds it, where no family's own table does.
    pub fn side_table(&self) -> Option<&'static str> {
        let family_table = |t: &&str| Family::ALL.iter().any(|f| f.table() == *t);
        if self.tables.contains(&Family::Calls.table()) {
            return None;
        }
        self.tables.iter().copied().find(|t| !family_table(t))
    }
}

/// A field as expressions hold it.
pub type FieldRef = Arc<Field>;

/// Every name, sorted.
#[derive(Debug)]
pub struct Catalogue {
    fields: BTreeMap<&'static str, FieldRef>,
    version: String,
    conflicts: Vec<String>,
}

/// The catalogue of the protocols built into this program.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| Catalogue::of(PROTOCOLS))
}

impl Catalogue {
    /// The catalogue of some protocols: all tables merged, in the order in which a name defined
    /// twice is decided.
    pub fn of(protocols: &[&Protocol]) -> Catalogue {
        let mut merge = Merge::default();
        merge.table(CallCommon::FIELDS, Family::Calls.table());
        merge.table(CallLink::FIELDS, "links");
        merge.table(ConnCommon::FIELDS, Family::Conns.table());
        merge.table(FlowCommon::FIELDS, Family::Flows.table());
        merge.add(call_index(), Family::Calls.table(), None);
        for def in crate::workload::fields::FIELDS {
            merge.add(*def, "", None);
        }
        for protocol in protocols {
            merge.protocol(protocol);
        }
        merge.flags(protocols);
        merge.compat();
        merge.finish()
    }

    pub fn get(&self, name: &str) -> Option<&FieldRef> {
        self.fields.get(name)
    }

    /// All fields, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &FieldRef> {
        self.fields.values()
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Names close to a misspelt one, best first.
    pub fn nearest(&self, name: &str) -> Vec<&'static str> {
        nearest(name, self.fields.keys().copied())
    }

    /// Hash of all names, types, tables and origins: files written with another catalogue differ.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Names that two tables define differently; empty unless a protocol's table is wrong.
    pub fn conflicts(&self) -> &[String] {
        &self.conflicts
    }
}

/// A call's position in its connection is a key column, and KFL's `index`.
fn call_index() -> FieldDef {
    let stored = CallKeys::FIELDS.iter().find(|f| f.name == "index").copied();
    let index = FieldDef {
        name: "index",
        ty: FieldType::Int,
        doc: "Position of the call in its connection, from 0.",
        example: "index == 0",
        origin: Origin::Stored,
        absent: 0,
    };
    FieldDef { example: index.example, ..stored.unwrap_or(index) }
}

/// The catalogue while its tables are read.
#[derive(Default)]
struct Merge {
    fields: BTreeMap<&'static str, Field>,
    conflicts: Vec<String>,
}

impl Merge {
    fn table(&mut self, defs: &[FieldDef], table: &'static str) {
        for def in defs {
            self.add(*def, table, None);
        }
    }

    fn protocol(&mut self, protocol: &Protocol) {
        for def in protocol.request.iter().chain(protocol.response) {
            self.add(*def, protocol.table, Some(protocol.flag));
        }
        for def in protocol.derived {
            self.add(*def, "", Some(protocol.flag));
        }
    }

    /// Adds one definition, or another place of a field that is there already.
    fn add(&mut self, def: FieldDef, table: &'static str, protocol: Option<&'static str>) {
        let field = self.fields.entry(def.name).or_insert_with(|| new_field(def));
        let side = |t: &&str| Family::ALL.iter().all(|f| f.table() != *t);
        if field.ty != def.ty || field.origin != def.origin {
            let (ty, other) = (field.ty.name(), def.ty.name());
            self.conflicts.push(format!("{}: {ty} and {other}, or stored and derived", def.name));
        } else if side(&table) && field.side_table().is_some_and(|first| first != table) {
            self.conflicts.push(format!("{}: in two side tables", def.name));
        }
        if !table.is_empty() && !field.tables.contains(&table) {
            field.tables.push(table);
        }
        if let Some(flag) = protocol
            && !field.tables.contains(&Family::Calls.table())
            && !field.protocols.contains(&flag)
        {
            field.protocols.push(flag);
        }
    }

    /// The booleans: of families, of transports, of the protocols and of those not built in.
    fn flags(&mut self, protocols: &[&Protocol]) {
        for (name, doc, flag) in [
            ("conn", "Connections.", Flag::Family(Family::Conns)),
            ("flow", "All connections between two peers.", Flag::Family(Family::Flows)),
            ("tcp_conn", "TCP connections.", Flag::Transport(Some(Family::Conns), "TCP")),
            ("udp_conn", "UDP conversations.", Flag::Transport(Some(Family::Conns), "UDP")),
            ("tcp_flow", "TCP flows.", Flag::Transport(Some(Family::Flows), "TCP")),
            ("udp_flow", "UDP flows.", Flag::Transport(Some(Family::Flows), "UDP")),
            ("tcp", "TCP connections and flows.", Flag::Transport(None, "TCP")),
            ("udp", "UDP conversations and flows.", Flag::Transport(None, "UDP")),
        ] {
            self.flag(name, doc, flag);
        }
        for (name, doc) in compat::FLAGS {
            self.flag(name, doc, Flag::Protocols(titles(protocols, name)));
        }
        for protocol in protocols {
            if !self.fields.contains_key(protocol.flag) {
                let titles = titles(protocols, protocol.flag);
                self.flag(protocol.flag, "Entries of this protocol.", Flag::Protocols(titles));
            }
        }
    }

    fn flag(&mut self, name: &'static str, doc: &'static str, flag: Flag) {
        let (ty, origin) = (FieldType::Bool, Origin::Flag);
        let def = FieldDef { name, ty, doc, example: name, origin, absent: 0 };
        self.add(def, "", None);
        if let Some(field) = self.fields.get_mut(name) {
            field.flag = Some(flag);
        }
    }

    /// Kubeshark's variables that are still missing, and what it says of common ones.
    fn compat(&mut self) {
        for def in compat::VARIABLES {
            let field = self.fields.entry(def.name).or_insert_with(|| new_field(*def));
            field.def.absent = def.absent;
        }
        for (name, protocols) in compat::SPECIFIC {
            if let Some(field) = self.fields.get_mut(name) {
                field.protocols = protocols.to_vec();
            }
        }
    }

    fn finish(self) -> Catalogue {
        let mut fields = BTreeMap::new();
        let mut hash = blake3::Hasher::new();
        for (index, (name, field)) in self.fields.into_iter().enumerate() {
            let line = format!("{name} {:?} {:?} {:?}\n", field.ty, field.tables, field.origin);
            hash.update(line.as_bytes());
            fields.insert(name, Arc::new(Field { index, ..field }));
        }
        let version = hash.finalize().to_hex()[..16].to_string();
        Catalogue { fields, version, conflicts: self.conflicts }
    }
}

fn new_field(def: FieldDef) -> Field {
    Field { def, index: 0, tables: Vec::new(), protocols: Vec::new(), flag: None }
}

/// `protocol` values of the entries that carry a flag, their own and implied ones.
fn titles(protocols: &[&Protocol], flag: &str) -> Vec<&'static str> {
    let carries = |p: &&&Protocol| {
        p.flag == flag || compat::IMPLIED.iter().any(|&(own, other)| own == p.flag && other == flag)
    };
    let mut titles: Vec<_> = protocols.iter().filter(carries).map(|p| p.title).collect();
    titles.sort_unstable();
    titles.dedup();
    titles
}
