//! What is wrong with a capture as evidence, in plain words: what was not captured, what was lost,
//! what cannot be read or compared, how much of it, and what mends it.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;
use serde::Serialize;

use crate::frame::{CONNS, Coverage, Dataset, Meta, workloads};
use crate::workload::Directory;

mod files;
mod words;

use words::{of, seconds};

/// Nanoseconds that two vantages may begin or end apart without a word.
const EDGE_NS: i64 = 2_000_000_000;
/// The same as a part of the window; and the part that is grave.
const EDGE_PARTS: i64 = 50;
const EDGE_GRAVE_PARTS: i64 = 10;
/// Silence of a vantage that is told, in nanoseconds and in mean distances of its packets.
const SILENCE_NS: i64 = 5_000_000_000;
const SILENCE_PACKETS: i64 = 50;
/// Times of a node are told to be loose from this bound on, and its clock to be off from this on.
const BOUND_NS: i64 = 5_000_000;
const AHEAD_NS: i64 = 100_000_000;
/// Names listed before the rest is only counted.
const LISTED_MAX: usize = 8;

/// How much a complaint weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Conclusions may be wrong or impossible.
    Bad,
    /// Some things are missing or less certain.
    Weak,
    /// Good to know.
    Note,
}

/// What would mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// Whether it helps with this capture, or only with the next.
    pub now: bool,
    pub text: String,
    /// To paste; placeholders are in capitals.
    pub command: Option<String>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Complaint {
    /// One of a closed list of words.
    pub kind: &'static str,
    pub grade: Grade,
    pub text: String,
    /// Nodes it is about; empty: all.
    pub nodes: Vec<String>,
    pub remedy: Option<Remedy>,
}

impl Complaint {
    fn new(kind: &'static str, grade: Grade, text: String) -> Self {
        Complaint { kind, grade, text, nodes: Vec::new(), remedy: None }
    }

    fn nodes<'n>(mut self, nodes: impl IntoIterator<Item = &'n str>) -> Self {
        self.nodes = nodes.into_iter().map(str::to_string).collect();
        self
    }

    fn now(mut self, text: &str, command: Option<String>) -> Self {
        self.remedy = Some(Remedy { now: true, text: text.into(), command });
        self
    }

    fn next_time(mut self, text: &str, command: Option<&str>) -> Self {
        let command = command.map(str::to_string);
        self.remedy = Some(Remedy { now: false, text: text.into(), command });
        self
    }
}

/// What is examined; `inputs` is how the inputs were given, for commands to paste.
pub struct Patient<'a> {
    pub dataset: &'a Dataset,
    pub directory: &'a Directory,
    pub inputs: &'a str,
}

/// Everything there is to complain about, the gravest first.
///
/// # Errors
/// Tables that cannot be read.
pub fn examine(patient: &Patient<'_>) -> PolarsResult<Vec<Complaint>> {
    let meta = &patient.dataset.meta;
    let mut found = Vec::new();
    if meta.packets == 0 {
        let text = "there is no packet in these files within the window".to_string();
        found.push(Complaint::new("no_packets", Grade::Bad, text).now(
            "ask for another window; the summary tells what the files hold",
            Some(format!("pcapsule dissect {}", patient.inputs)),
        ));
    }
    metadata(patient, &mut found)?;
    nodes(patient, &mut found);
    for coverage in meta.coverage.iter().filter(|c| c.packets > 0) {
        extent(meta, coverage, patient.inputs, &mut found);
        losses(coverage, &mut found);
    }
    for coverage in meta.coverage.iter().filter(|c| c.packets == 0 && meta.packets > 0) {
        let text = format!("{} has no packet within the window", place(meta, coverage));
        found.push(Complaint::new("silent_node", Grade::Bad, text).nodes([&*coverage.node]));
    }
    clocks(meta, &mut found);
    links(meta, &mut found);
    mended(meta, &mut found);
    drops_unknown(meta, &mut found);
    content(patient, &mut found)?;
    files::examine(meta, &mut found);
    found.sort_by_key(|complaint| complaint.grade);
    Ok(found)
}

/// The node, and its vantage where it has several.
fn place(meta: &Meta, coverage: &Coverage) -> String {
    let vantages = meta.coverage.iter().filter(|c| c.node == coverage.node).count();
    match vantages {
        1 => coverage.node.clone(),
        _ => format!("{}/{}", coverage.node, coverage.vantage),
    }
}

fn metadata(patient: &Patient<'_>, found: &mut Vec<Complaint>) -> PolarsResult<()> {
    let kubectl = "kubectl get pods,services,endpointslices,nodes,replicasets,events -A -o json > cluster.json";
    if patient.directory.is_empty() {
        let text = "there is no Kubernetes metadata: everything is shown by its address".into();
        found.push(Complaint::new("no_metadata", Grade::Bad, text).now(
            "while the pods still live, ask the cluster, and give the answer with --cluster cluster.json",
            Some(kubectl.into()),
        ));
        return Ok(());
    }
    let rows = workloads::rows(&patient.dataset.workloads()?)?;
    let unknown: Vec<&str> =
        rows.iter().filter(|row| row.how == "unresolved").map(|row| row.ip.as_str()).collect();
    if !unknown.is_empty() {
        let text = format!(
            "{} that are not of the Internet are named by no metadata: {}",
            words::count(unknown.len() as u64, "address", "addresses"),
            words::list(&unknown, LISTED_MAX)
        );
        found.push(Complaint::new("addresses_unresolved", Grade::Weak, text).now(
            "metadata taken nearer to the capture names more; several --cluster files add up",
            Some(kubectl.into()),
        ));
    }
    Ok(())
}

/// Nodes that metadata names and nobody captured.
fn nodes(patient: &Patient<'_>, found: &mut Vec<Complaint>) {
    let known: BTreeSet<&str> = patient.directory.nodes().iter().map(|n| n.as_str()).collect();
    let captured: BTreeSet<&str> =
        patient.dataset.meta.coverage.iter().map(|c| c.node.as_str()).collect();
    let strange: Vec<&str> = captured.difference(&known).copied().collect();
    if !known.is_empty() && strange.len() == captured.len() {
        let all: Vec<&str> = known.into_iter().collect();
        let text = format!(
            "the captures are named {}, and the metadata knows no such node (it knows {}): what was captured where cannot be told",
            words::list(&strange, LISTED_MAX),
            words::list(&all, LISTED_MAX)
        );
        found.push(Complaint::new("nodes_unnamed", Grade::Weak, text).now(
            "put each node's files into a folder of the node's name",
            Some("mkdir -p DIR/NODE && mv FILE DIR/NODE/".into()),
        ));
        return;
    }
    let missing: Vec<&str> = known.difference(&captured).copied().collect();
    if !missing.is_empty() {
        let text = format!(
            "{} were not captured: {}; what happened among their own pods is not seen",
            of(missing.len() as u64, known.len() as u64, "nodes"),
            words::list(&missing, LISTED_MAX)
        );
        found.push(Complaint::new("node_missing", Grade::Bad, text).nodes(missing).next_time(
            "capture every node that runs a pod of the affected services",
            Some("kubectl debug node/NODE --profile=sysadmin --image=nicolaka/netshoot -- tcpdump -i any -s 0 -w /host/tmp/NODE.pcap"),
        ));
    }
}

/// A vantage that covers only part of the window, or falls silent.
fn extent(meta: &Meta, coverage: &Coverage, inputs: &str, found: &mut Vec<Complaint>) {
    let (Some(begin), Some(end)) = (meta.first_ns(), meta.last_ns()) else { return };
    let (first, last) = (coverage.first_ns.unwrap_or(begin), coverage.last_ns.unwrap_or(end));
    let edge = EDGE_NS.max((end - begin) / EDGE_PARTS);
    let (late, early) = (first - begin, end - last);
    if late > edge || early > edge {
        let missing = if late > edge { late } else { 0 } + if early > edge { early } else { 0 };
        let text = format!(
            "{} lacks {} of {}: {}",
            place(meta, coverage),
            seconds(missing),
            seconds(end - begin),
            words::edges((late > edge).then_some(late), (early > edge).then_some(early))
        );
        let grave = missing > (end - begin) / EDGE_GRAVE_PARTS;
        let grade = if grave { Grade::Bad } else { Grade::Weak };
        let time = crate::kfl::format_time;
        found.push(Complaint::new("node_partly", grade, text).nodes([&*coverage.node]).now(
            "compare nodes only where all were captured",
            Some(format!("pcapsule {inputs} --since {} --until {}", time(first), time(last))),
        ));
    }
    let mean = (last - first) / i64::try_from(coverage.packets).unwrap_or(1).max(1);
    let least = SILENCE_NS.max(mean.saturating_mul(SILENCE_PACKETS));
    if let Some((from, to)) = coverage.silence_ns.filter(|(from, to)| to - from >= least) {
        let text = format!(
            "{} has no packet for {} from {} on: the capture stopped there, or nothing was said",
            place(meta, coverage),
            seconds(to - from),
            crate::kfl::format_time(from)
        );
        found.push(
            Complaint::new("silence", Grade::Weak, text).nodes([&*coverage.node]).next_time(
                "see that rotated files are kept, and that no disk fills up",
                Some("tcpdump -i any -s 0 -C 500 -W 40 -w NODE.pcap"),
            ),
        );
    }
}

/// What a vantage lost: drops, holes, cut packets, directions.
fn losses(coverage: &Coverage, found: &mut Vec<Complaint>) {
    let node = coverage.node.as_str();
    let mut say = |kind, grade, text: String, mend: &str, command: &str| {
        let complaint = Complaint::new(kind, grade, format!("{node}: {text}")).nodes([node]);
        found.push(complaint.next_time(mend, Some(command)));
    };
    if let Some(dropped) = coverage.dropped.filter(|&dropped| dropped > 0) {
        let all = coverage.received.unwrap_or(0).saturating_add(dropped);
        let grade = if dropped.saturating_mul(1000) > all { Grade::Bad } else { Grade::Weak };
        let text = format!("{} were dropped while capturing", of(dropped, all, "packets"));
        say(
            "drops",
            grade,
            text,
            "a larger buffer, or a filter that captures less",
            "tcpdump -B 131072 -s 0 -w NODE.pcap",
        );
    }
    if coverage.gaps > 0 {
        let holes = words::count(coverage.gaps, "hole", "holes");
        let text = format!("{holes} in TCP streams: bytes that were acknowledged but not captured");
        let grade = if coverage.gaps > coverage.conns / 20 { Grade::Bad } else { Grade::Weak };
        say(
            "gaps",
            grade,
            text,
            "a larger buffer, or a filter that captures less",
            "tcpdump -B 131072 -s 0 -w NODE.pcap",
        );
    }
    if coverage.snaplen_cut > 0 {
        let text = format!(
            "{} were cut by the snap length: messages, and all that follows them, cannot be read",
            of(coverage.snaplen_cut, coverage.packets, "packets")
        );
        let grade =
            if coverage.snaplen_cut > coverage.packets / 100 { Grade::Bad } else { Grade::Weak };
        say("snaplen", grade, text, "capture whole packets", "tcpdump -s 0 -w NODE.pcap");
    }
    if coverage.one_sided_conns > 0 {
        let text = format!(
            "of {} only one direction was captured",
            of(coverage.one_sided_conns, coverage.conns, "connections")
        );
        let grade =
            if coverage.one_sided_conns > coverage.conns / 20 { Grade::Bad } else { Grade::Weak };
        say(
            "one_sided",
            grade,
            text,
            "capture where both directions pass: on all interfaces, or both ways of the mirror port",
            "tcpdump -i any -s 0 -w NODE.pcap",
        );
    }
}

/// Connections that no vantage holds whole.
fn mended(meta: &Meta, found: &mut Vec<Complaint>) {
    if meta.mended_conns > 0 {
        let text = format!(
            "{} are whole at no vantage and were put together from several",
            of(meta.mended_conns, meta.conns, "connections")
        );
        found.push(
            Complaint::new("mended_conns", Grade::Note, text)
                .next_time("capture where a connection passes with both of its directions", None),
        );
    }
}

/// Clocks that cannot be compared, or only loosely.
fn clocks(meta: &Meta, found: &mut Vec<Complaint>) {
    let mut nodes: BTreeMap<&str, &Coverage> = BTreeMap::new();
    for coverage in meta.coverage.iter().filter(|c| c.packets > 0) {
        nodes.entry(&coverage.node).or_insert(coverage);
    }
    if nodes.len() < 2 {
        return;
    }
    let ms = |ns: i64| format!("{:.3} ms", ns as f64 / 1e6);
    let mut say = |kind, grade, text: String, about: &[&str]| {
        found.push(Complaint::new(kind, grade, text).nodes(about.iter().copied()).next_time(
            "keep the nodes' clocks in step, and check before capturing",
            Some("chronyc tracking"),
        ));
    };
    let mut unknown = Vec::new();
    for (node, coverage) in &nodes {
        match (coverage.clock_ahead_ns, coverage.clock_bound_ns) {
            (Some(_), Some(bound)) if bound > BOUND_NS => {
                let text = format!(
                    "{node}: its clock is known only to within {}: the order of events there and elsewhere is uncertain by that",
                    ms(bound)
                );
                say("clock_loose", Grade::Weak, text, &[node]);
            }
            (Some(ahead), Some(bound)) if ahead.abs() > AHEAD_NS => {
                let way = if ahead > 0 { "ahead" } else { "behind" };
                let text = format!(
                    "{node}: its clock was {} {way} (to within {}); times are set right",
                    ms(ahead.abs()),
                    ms(bound)
                );
                say("clock_off", Grade::Note, text, &[node]);
            }
            (Some(_), Some(_)) => {}
            _ => unknown.push(*node),
        }
    }
    if !unknown.is_empty() {
        let text = format!(
            "the clocks of {} could not be compared with others: nothing was seen both there and on another node, so times are taken as they are",
            words::list(&unknown, LISTED_MAX)
        );
        say("clock_unknown", Grade::Weak, text, &unknown);
    }
}

/// What one node sent and another never got, of the connections that both captured.
fn links(meta: &Meta, found: &mut Vec<Complaint>) {
    for link in meta.links.iter().filter(|link| link.lost_segments > 0) {
        let text = format!(
            "{} from {} to {} were seen leaving and not arriving: the network lost them, or the capture of {} did",
            of(link.lost_segments, link.segments, "segments"),
            link.from,
            link.to,
            link.to
        );
        let grade =
            if link.lost_segments * 100 > link.segments { Grade::Weak } else { Grade::Note };
        let nodes = [&*link.from, &*link.to];
        found.push(Complaint::new("link_loss", grade, text).nodes(nodes).now(
            "see whether they were sent again: then the network lost them",
            Some("pcapsule flows INPUT --aggregate node --sort=-retransmission_rate".into()),
        ));
    }
}

/// Without counters nobody knows what a capture lost.
fn drops_unknown(meta: &Meta, found: &mut Vec<Complaint>) {
    let silent: BTreeSet<&str> = meta
        .coverage
        .iter()
        .filter(|c| c.dropped.is_none() && c.packets > 0)
        .map(|c| c.node.as_str())
        .collect();
    if silent.is_empty() {
        return;
    }
    let names: Vec<&str> = silent.into_iter().collect();
    let text = format!(
        "whether packets were dropped while capturing is not known for {}: such files carry no counters (holes in streams would tell of losses inside connections)",
        words::list(&names, LISTED_MAX)
    );
    found.push(Complaint::new("drops_unknown", Grade::Note, text).nodes(names).next_time(
        "keep what tcpdump says when it ends",
        Some("tcpdump -i any -s 0 -w NODE.pcap 2> NODE.tcpdump.txt"),
    ));
}

/// What was captured and cannot be read.
fn content(patient: &Patient<'_>, found: &mut Vec<Complaint>) -> PolarsResult<()> {
    let meta = &patient.dataset.meta;
    undecoded(meta, found);
    let Some(conns) = patient.dataset.scan(CONNS)? else { return Ok(()) };
    let bytes = col("conn_local_bytes") + col("conn_remote_bytes");
    let tcp = conns.filter(col("protocol").eq(lit("TCP"))).filter(bytes.clone().gt(lit(0)));
    let opaque = || col("conn_l7_detected").list().len().eq(lit(0));
    let tls = || {
        let ports = [443i64, 8443, 6443, 5671, 6380, 8883, 993].map(|p| col("dst_port").eq(lit(p)));
        ports.into_iter().reduce(Expr::or).unwrap_or(lit(false))
    };
    let count = |test: Expr| test.sum().cast(DataType::Int64);
    let sums = tcp
        .select([
            len().cast(DataType::Int64).alias("conns"),
            bytes.clone().sum().alias("bytes"),
            count(opaque()).alias("opaque"),
            bytes.filter(opaque()).sum().alias("opaque_bytes"),
            count(opaque().and(tls())).alias("tls"),
            count((col("conn_completeness") % lit(2i64)).eq(lit(0i64))).alias("mid"),
        ])
        .collect()?;
    let sum = |name: &str| -> PolarsResult<u64> {
        Ok(sums.column(name)?.i64()?.get(0).unwrap_or(0).unsigned_abs())
    };
    let (all, opaque, tls) = (sum("conns")?, sum("opaque")?, sum("tls")?);
    if opaque > 0 {
        let bytes = 100.0 * sum("opaque_bytes")? as f64 / sum("bytes")?.max(1) as f64;
        let guess = match tls {
            0 => String::new(),
            tls => format!(", {tls} of them to ports where TLS is usual"),
        };
        let text = format!(
            "{} ({bytes:.0} % of the payload) carry what was not decoded: encrypted, or of no known protocol{guess}",
            of(opaque, all, "TCP connections with payload")
        );
        let grade = if opaque == all { Grade::Bad } else { Grade::Weak };
        found.push(Complaint::new("opaque", grade, text).next_time(
            "capture where TLS ends, for example the plain side of the proxy inside the pod",
            Some("kubectl debug POD --image=nicolaka/netshoot --target=CONTAINER -- tcpdump -i lo -s 0 -w POD.pcap"),
        ));
    }
    let mid = sum("mid")?;
    if mid > 0 {
        let text = format!(
            "{} began before the capture: who opened them is a guess, and requests under way then have no begin",
            of(mid, all, "TCP connections with payload")
        );
        found.push(Complaint::new("mid_stream", Grade::Note, text).next_time(
            "start capturing some minutes before the time of interest, or record all the time",
            Some("tcpdump -i any -s 0 -G 60 -W 60 -w 'NODE-%H%M%S.pcap'"),
        ));
    }
    Ok(())
}

fn undecoded(meta: &Meta, found: &mut Vec<Complaint>) {
    if meta.undecoded_packets == 0 {
        return;
    }
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, count) in meta.coverage.iter().flat_map(|c| &c.undecoded) {
        *reasons.entry(reason).or_default() += count;
    }
    let mut reasons: Vec<(&str, u64)> = reasons.into_iter().collect();
    reasons.sort_by_key(|&(reason, count)| (std::cmp::Reverse(count), reason));
    let listed: Vec<String> = reasons.iter().map(|(why, n)| format!("{why} {n}")).collect();
    let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
    // ARP, spanning tree and their like are on every wire and say nothing of services.
    let harmless = |(reason, _): &(&str, u64)| {
        ["ARP", "spanning tree", "LLDP", "LLC"].iter().any(|name| reason.starts_with(name))
    };
    let grade = match reasons.iter().all(harmless) {
        true => Grade::Note,
        false if meta.undecoded_packets > meta.packets / 100 => Grade::Bad,
        false => Grade::Weak,
    };
    let text = format!(
        "{} were not decoded: {}",
        of(meta.undecoded_packets, meta.packets, "packets"),
        words::list(&listed, LISTED_MAX)
    );
    let complaint = Complaint::new("undecoded", grade, text);
    found.push(match grade {
        Grade::Note => complaint,
        _ => complaint.next_time(
            "capture on an interface of Ethernet or IP packets",
            Some("tcpdump -i any -s 0 -w NODE.pcap"),
        ),
    });
}
