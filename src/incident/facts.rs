//! The calls table -> facts in memory: who called whom, when, and whether it failed; some sixty
//! bytes a call. Failed connections that carried no call count as calls that failed.

use std::collections::{BTreeMap, HashMap};

use polars::prelude::*;

use crate::field::Text;
use crate::frame::{CALLS, CONNS, Dataset, LINKS, workloads};
use crate::outcome::Outcome;
use crate::workload::fields::WorkloadRow;

use super::own::fill_own_time;

/// Index into [`Facts::entities`].
pub type EntityId = u32;

/// What people mean by "a service": the pods of one workload taken together, a node, an address
/// outside.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entity {
    pub name: Text,
    pub namespace: Text,
    /// service, node or external.
    pub kind: Text,
}

/// One call.
#[derive(Debug, Clone, Copy)]
pub struct CallFact {
    pub id: i64,
    pub start_ns: i64,
    /// When its fate was known; the start where nothing tells.
    pub end_ns: i64,
    pub src: EntityId,
    pub dst: EntityId,
    /// Index into [`Facts::texts`]: what was called.
    pub operation: u32,
    /// Index into [`Facts::texts`]: protocol.
    pub protocol: u32,
    /// Index into [`Facts::texts`]: status or error as people count them.
    pub status: u32,
    pub outcome: Outcome,
    /// Index into [`Facts::calls`]: the call that this one was made for, where that is known.
    pub parent: Option<u32>,
    /// Microseconds that the callee took without waiting for calls of its own.
    pub own_us: Option<i64>,
    /// Microseconds on the way there and back, where both ends were seen.
    pub way_us: Option<i64>,
    pub has_response: bool,
    /// A connection, not a call.
    pub is_conn: bool,
    /// Carried by nothing else in these facts: calls, and connections that failed or whose
    /// protocol is not known. Others are only there to compare with.
    pub counts: bool,
    pub segment: u32,
    pub frame: u32,
}

impl CallFact {
    pub fn failed(&self) -> bool {
        self.outcome.is_failure()
    }

    /// Milliseconds from request to response, `None` without one.
    pub fn elapsed_ms(&self) -> Option<f64> {
        (self.has_response && !self.is_conn).then(|| (self.end_ns - self.start_ns) as f64 / 1e6)
    }
}

/// All facts, by time.
#[derive(Debug, Default)]
pub struct Facts {
    pub entities: Vec<Entity>,
    pub texts: Vec<Text>,
    pub calls: Vec<CallFact>,
    /// First and last packet.
    pub first_ns: i64,
    pub last_ns: i64,
    /// Connections whose protocol is not known.
    pub opaque_conns: u64,
    pub conns: u64,
    /// Calls whose parent is known, by how it was told.
    pub tiers: BTreeMap<Text, u64>,
}

/// Notes the parents of calls; how many were told how comes back.
fn link(calls: &mut [CallFact], links: &DataFrame) -> PolarsResult<BTreeMap<Text, u64>> {
    let index: HashMap<i64, u32, foldhash::fast::FixedState> =
        (0..).zip(&*calls).filter(|(_, c)| !c.is_conn).map(|(at, c)| (c.id, at)).collect();
    let (id, parent) = (links.column("id")?.i64()?, links.column("parent_id")?.i64()?);
    let how = links.column("parent_how")?.str()?;
    let mut tiers: BTreeMap<Text, u64> = BTreeMap::new();
    for row in 0..links.height() {
        let at = |id: Option<i64>| id.and_then(|id| index.get(&id)).copied();
        let (Some(child), Some(parent)) = (at(id.get(row)), at(parent.get(row))) else { continue };
        if let Some(call) = calls.get_mut(child as usize) {
            call.parent = Some(parent);
            *tiers.entry(how.get(row).unwrap_or("").into()).or_default() += 1;
        }
    }
    Ok(tiers)
}

/// Interns texts in order of appearance.
#[derive(Default)]
struct Texts {
    list: Vec<Text>,
    index: HashMap<Text, u32>,
}

impl Texts {
    fn id(&mut self, text: &str) -> u32 {
        if let Some(&id) = self.index.get(text) {
            return id;
        }
        let id = self.list.len() as u32;
        self.list.push(text.into());
        self.index.insert(text.into(), id);
        id
    }
}

impl Facts {
    /// Reads a dataset.
    ///
    /// # Errors
    /// Tables that cannot be read.
    pub fn read(dataset: &Dataset) -> PolarsResult<Self> {
        let rows = workloads::rows(&dataset.workloads()?)?;
        let mut reader =
            Reader { entities: Entities::new(&rows), texts: Texts::default(), calls: Vec::new() };
        let mut facts = Facts {
            first_ns: dataset.meta.first_ns().unwrap_or(0),
            last_ns: dataset.meta.last_ns().unwrap_or(0),
            conns: dataset.meta.conns,
            ..Facts::default()
        };
        if let Some(calls) = dataset.scan(CALLS)? {
            reader.calls(
                &calls
                    .filter(col("is_half").not().or(col("unanswered").neq(lit(""))))
                    .filter(is_asked_of_a_service())
                    .select(call_columns())
                    .collect()?,
            )?;
        }
        if let Some(conns) = dataset.scan(CONNS)? {
            let tcp = conns.filter(col("protocol").eq(lit("TCP"))).select(conn_columns());
            facts.opaque_conns = reader.conns(&tcp.collect()?)?;
        }
        reader.calls.sort_by_key(|c| (c.start_ns, c.id));
        if let Some(links) = dataset.scan(LINKS)? {
            facts.tiers = link(&mut reader.calls, &links.collect()?)?;
        }
        fill_own_time(&mut reader.calls);
        facts.entities = reader.entities.list;
        facts.texts = reader.texts.list;
        facts.calls = reader.calls;
        Ok(facts)
    }

    pub fn text(&self, id: u32) -> &str {
        self.texts.get(id as usize).map_or("", Text::as_str)
    }

    pub fn entity(&self, id: EntityId) -> &Entity {
        &self.entities[id as usize]
    }

    /// Calls whose first byte lies in [from, to).
    pub fn between(&self, from_ns: i64, to_ns: i64) -> &[CallFact] {
        let start = self.calls.partition_point(|c| c.start_ns < from_ns);
        let end = self.calls.partition_point(|c| c.start_ns < to_ns);
        &self.calls[start..end.max(start)]
    }

    /// The calls that tables count.
    pub fn counted(&self) -> impl Iterator<Item = &CallFact> {
        self.calls.iter().filter(|c| c.counts)
    }

    /// Whether a call is a user's request where it enters the captured system, given
    /// [`is_source`](Self::is_source): probes of nodes and name lookups are none.
    pub fn is_entry(&self, call: &CallFact, sources: &[bool]) -> bool {
        sources[call.src as usize]
            && !call.is_conn
            && self.text(call.protocol) != "DNS"
            && self.entity(call.src).kind != "node"
    }

    /// Entities that call but are never called: where requests enter the captured system.
    pub fn is_source(&self) -> Vec<bool> {
        let mut called = vec![false; self.entities.len()];
        for call in &self.calls {
            called[call.dst as usize] = true;
        }
        called.iter().map(|c| !c).collect()
    }
}

/// What hosts tell each other of the network is asked of no service; errors of ICMP count with the
/// connections that they are about.
fn is_asked_of_a_service() -> Expr {
    let others = ["ICMP", "MDNS", "LLMNR"].map(|title| col("protocol").neq(lit(title)));
    others.into_iter().fold(lit(true), Expr::and)
}

fn call_columns() -> Vec<Expr> {
    [
        "id",
        "ts_ns",
        "elapsed_time",
        "settled_ns",
        "server_time",
        "network_time",
        "src_id",
        "dst_id",
        "operation",
        "protocol",
        "outcome",
        "error",
        "status_code",
        "has_response",
        "packet_segment",
        "packet_frame",
    ]
    .map(col)
    .to_vec()
}

fn conn_columns() -> Vec<Expr> {
    let stored = [
        "id",
        "ts_ns",
        "elapsed_time",
        "src_id",
        "dst_id",
        "dst_port",
        "protocol",
        "outcome",
        "conn_local_bytes",
        "packet_segment",
        "packet_frame",
    ];
    let protocols = col("conn_l7_detected").list().len().cast(DataType::UInt32).alias("protocols");
    stored.map(col).into_iter().chain([protocols]).collect()
}

/// Workload ids to entities.
struct Entities {
    list: Vec<Entity>,
    by_workload: HashMap<i64, EntityId>,
}

impl Entities {
    fn new(rows: &[WorkloadRow]) -> Self {
        let entity = |row: &WorkloadRow| Entity {
            name: row.display.clone(),
            namespace: row.namespace.clone(),
            kind: match row.kind.as_str() {
                "pod" | "service" => Text::const_new("service"),
                _ => row.kind.clone(),
            },
        };
        let mut list: Vec<Entity> = rows.iter().map(entity).collect();
        list.sort();
        list.dedup();
        let by_workload = rows
            .iter()
            .filter_map(|row| Some((row.id, list.binary_search(&entity(row)).ok()? as EntityId)))
            .collect();
        Entities { list, by_workload }
    }
}

struct Reader {
    entities: Entities,
    texts: Texts,
    calls: Vec<CallFact>,
}

impl Reader {
    fn calls(&mut self, frame: &DataFrame) -> PolarsResult<()> {
        let (status, response) =
            (frame.column("status_code")?.i64()?, frame.column("has_response")?.bool()?);
        let settled = frame.column("settled_ns")?.i64()?;
        let (server, way) =
            (frame.column("server_time")?.i64()?, frame.column("network_time")?.i64()?);
        let known = |column: &Int64Chunked, row| column.get(row).filter(|&us| us > 0);
        let (operation, error) = (frame.column("operation")?.str()?, frame.column("error")?.str()?);
        for (row, mut fact) in self.common(frame)? {
            fact.operation = self.texts.id(operation.get(row).unwrap_or(""));
            fact.has_response = response.get(row).unwrap_or(false);
            fact.end_ns = settled.get(row).unwrap_or(0).max(fact.start_ns);
            if fact.has_response {
                let elapsed_us = (fact.end_ns - fact.start_ns) / 1000;
                fact.own_us = known(server, row).or(Some(elapsed_us));
                fact.way_us = known(way, row);
            }
            fact.status = match (error.get(row).unwrap_or(""), status.get(row).unwrap_or(0)) {
                ("", 0) if fact.has_response => self.texts.id("ok"),
                ("", 0) => self.texts.id("no response"),
                ("", code) => self.texts.id(&code.to_string()),
                (error, _) => self.texts.id(error),
            };
            self.calls.push(fact);
        }
        Ok(())
    }

    /// Connections; the number of those that said something in no known protocol comes back. A
    /// connection that carried calls was good as a connection: its calls tell the rest.
    fn conns(&mut self, frame: &DataFrame) -> PolarsResult<u64> {
        let (port, bytes) =
            (frame.column("dst_port")?.i64()?, frame.column("conn_local_bytes")?.i64()?);
        let protocols = frame.column("protocols")?.u32()?;
        let mut opaque = 0;
        for (row, mut fact) in self.common(frame)? {
            let carried_calls = protocols.get(row).unwrap_or(0) > 0;
            if carried_calls {
                fact.outcome = Outcome::Ok;
            } else if bytes.get(row).unwrap_or(0) > 0 {
                opaque += 1;
            }
            fact.operation = self.texts.id(&format!("connect :{}", port.get(row).unwrap_or(0)));
            fact.status = self.texts.id(fact.outcome.name());
            fact.end_ns = fact.start_ns;
            fact.is_conn = true;
            fact.counts = !carried_calls;
            self.calls.push(fact);
        }
        Ok(opaque)
    }

    /// What calls and connections have in common, by row.
    fn common(&mut self, frame: &DataFrame) -> PolarsResult<Vec<(usize, CallFact)>> {
        let int = |name: &str| frame.column(name)?.i64();
        let (id, start, elapsed) = (int("id")?, int("ts_ns")?, int("elapsed_time")?);
        let (src, dst) = (int("src_id")?, int("dst_id")?);
        let (segment, packet) = (int("packet_segment")?, int("packet_frame")?);
        let (protocol, outcome) =
            (frame.column("protocol")?.str()?, frame.column("outcome")?.str()?);
        let mut facts = Vec::with_capacity(frame.height());
        for row in 0..frame.height() {
            let entity =
                |id: Option<i64>| id.and_then(|id| self.entities.by_workload.get(&id)).copied();
            let (Some(src), Some(dst)) = (entity(src.get(row)), entity(dst.get(row))) else {
                continue;
            };
            let start_ns = start.get(row).unwrap_or(0);
            let outcome = outcome.get(row).unwrap_or("");
            facts.push((
                row,
                CallFact {
                    id: id.get(row).unwrap_or(0),
                    start_ns,
                    end_ns: start_ns + elapsed.get(row).unwrap_or(0) * 1000,
                    src,
                    dst,
                    operation: 0,
                    protocol: self.texts.id(protocol.get(row).unwrap_or("")),
                    status: 0,
                    outcome: Outcome::ALL
                        .iter()
                        .copied()
                        .find(|o| o.name() == outcome)
                        .unwrap_or_default(),
                    parent: None,
                    own_us: None,
                    way_us: None,
                    has_response: false,
                    is_conn: false,
                    counts: true,
                    segment: segment.get(row).unwrap_or(0) as u32,
                    frame: packet.get(row).unwrap_or(0) as u32,
                },
            ));
        }
        Ok(facts)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `per_second` calls from entity 0 to entity 1 for `seconds`, failing where `failed` says.
    pub fn facts(seconds: u64, per_second: u64, failed: impl Fn(f64) -> bool) -> Facts {
        let entity = |name: &str| Entity {
            name: name.into(),
            namespace: "shop".into(),
            kind: "service".into(),
        };
        let calls = (0..seconds * per_second).map(|i| {
            let t = i as f64 / per_second as f64;
            let start_ns = (t * 1e9) as i64;
            CallFact {
                id: i as i64 + 1,
                start_ns,
                end_ns: start_ns + 2_000_000,
                src: 0,
                dst: 1,
                operation: 0,
                protocol: 1,
                status: 2,
                outcome: if failed(t) { Outcome::ServerError } else { Outcome::Ok },
                parent: None,
                own_us: Some(2000),
                way_us: None,
                has_response: true,
                is_conn: false,
                counts: true,
                segment: 0,
                frame: 1,
            }
        });
        Facts {
            entities: vec![entity("client"), entity("server")],
            texts: ["GET /", "HTTP", "503"].map(Text::from).to_vec(),
            calls: calls.collect(),
            first_ns: 0,
            last_ns: seconds as i64 * 1_000_000_000,
            opaque_conns: 0,
            conns: 1,
            tiers: BTreeMap::new(),
        }
    }
}
