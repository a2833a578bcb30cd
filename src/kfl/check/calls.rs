//! Functions and methods: which there are, which arguments they take.

use super::super::ast::{Call, Node};
use super::super::error::KflError;
use super::super::ir::{Expr, Function, Kind, Quantifier};
use super::super::limits::REGEX_BYTES_MAX;
use super::super::net::Network;
use super::super::time::{Part, Zone};
use super::super::types::Type;
use super::super::value::Value;
use super::{Checker, Result};

/// Every function that may be called, for suggestions.
pub const FUNCTIONS: [&str; 37] = [
    "all",
    "bool",
    "bytes",
    "cidr",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "has",
    "int",
    "lower",
    "lowerAscii",
    "map",
    "map_get",
    "matches",
    "now",
    "size",
    "startsWith",
    "string",
    "timestamp",
    "type",
    "uint",
    "existsOne",
];

impl Checker<'_> {
    pub(super) fn call(&mut self, node: &Node, call: &Call) -> Result<Expr> {
        if let Some(quantifier) = quantifier(call) {
            return self.each(call, quantifier);
        }
        if let (None, "has", [arg]) = (&call.target, call.name.as_str(), call.args.as_slice()) {
            return self.has(arg);
        }
        // `x.f(y)` and `f(x, y)` are the same call; which forms there are is up to each function.
        let nodes: Vec<&Node> = call.target.as_deref().into_iter().chain(&call.args).collect();
        let args = nodes.iter().map(|n| self.node(n)).collect::<Result<Vec<Expr>>>()?;
        let is_method = call.target.is_some();
        match (call.name.as_str(), is_method, args.len()) {
            ("now", false, 0) => Ok(Expr::new(Type::Time, Kind::Now)),
            ("size", _, 1) => self.size(node, args),
            ("contains" | "startsWith" | "endsWith", true, 2) => self.text_test(call, &nodes, args),
            ("matches", _, 2) => self.matches(&nodes, args),
            ("lower" | "lowerAscii", _, 1) => lower(call, &nodes, args),
            ("map_get", false, 3) => map_get(&nodes, args),
            ("cidr", false, 2) => cidr(&nodes, args),
            ("type", false, 1) => Ok(Expr::new(Type::TypeOf, Kind::Call(Function::TypeOf, args))),
            (name, true, 1 | 2) if Part::named(name).is_some() => part(call, &nodes, args),
            (name, false, 1) if target_type(name).is_some() => convert(call, &nodes, args),
            _ => Err(self.unknown_call(node, call)),
        }
    }

    fn size(&self, node: &Node, args: Vec<Expr>) -> Result<Expr> {
        match &args[0].ty {
            Type::Text | Type::Bytes | Type::List(_) | Type::Map(..) | Type::Dyn => {
                Ok(Expr::new(Type::Int, Kind::Call(Function::Size, args)))
            }
            ty => Err(KflError::at(node.span.clone(), format!("{ty:#} has no size"))),
        }
    }

    fn text_test(&self, call: &Call, nodes: &[&Node], args: Vec<Expr>) -> Result<Expr> {
        if let (Type::List(_) | Type::Map(..), "contains") = (&args[0].ty, call.name.as_str()) {
            let (list, item) = (nodes[0], nodes[1]);
            let message = format!("`contains` is for strings, and `{list}` is {:#}", args[0].ty);
            return Err(KflError::at(list.span.start..item.span.end, message)
                .help(format!("write `{item} in {list}`")));
        }
        texts(&call.name, nodes, &args)?;
        let function = match call.name.as_str() {
            "contains" => Function::Contains,
            "startsWith" => Function::StartsWith,
            _ => Function::EndsWith,
        };
        Ok(Expr::new(Type::Bool, Kind::Call(function, args)))
    }

    fn matches(&self, nodes: &[&Node], args: Vec<Expr>) -> Result<Expr> {
        texts("matches", nodes, &args)?;
        let pattern = literal(nodes[1], &args[1], "a regular expression")?;
        let regex =
            regex::RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build().map_err(|e| {
                let what = match e {
                    regex::Error::CompiledTooBig(_) => "is too big".to_string(),
                    e => format!("is wrong: {}", last_line(&e.to_string())),
                };
                KflError::at(nodes[1].span.clone(), format!("this regular expression {what}"))
            })?;
        let text = args.into_iter().take(1).collect();
        Ok(Expr::new(Type::Bool, Kind::Call(Function::Matches(regex), text)))
    }

    fn unknown_call(&self, node: &Node, call: &Call) -> KflError {
        let name = &call.name;
        if FUNCTIONS.contains(&name.as_str()) {
            let message = format!("`{name}` is not called like this");
            return KflError::at(node.span.clone(), message).help(usage(name));
        }
        let error = KflError::at(call.name_span.clone(), format!("unknown function `{name}`"));
        match crate::catalogue::nearest(name, FUNCTIONS.into_iter()).first() {
            Some(near) => error.help(format!("did you mean `{near}`? {}", usage(near))),
            None => error,
        }
    }
}

/// The macro that a call is.
fn quantifier(call: &Call) -> Option<Quantifier> {
    call.target.as_ref()?;
    Some(match (call.name.as_str(), call.args.len()) {
        ("exists", 2) => Quantifier::Exists,
        ("all", 2) => Quantifier::All,
        ("exists_one" | "existsOne", 2) => Quantifier::ExistsOne,
        ("map", 2 | 3) => Quantifier::Map,
        ("filter", 2) => Quantifier::Filter,
        _ => return None,
    })
}

/// How a function is written.
fn usage(name: &str) -> String {
    let example = match name {
        "all" | "exists" | "exists_one" | "existsOne" | "filter" => {
            return format!("as in `dns_questions.{name}(q, q.endsWith(\".com\"))`");
        }
        "map" => "dns_questions.map(q, q.lower())",
        "contains" | "startsWith" | "endsWith" => {
            return format!("as in `path.{name}(\"/api\")`");
        }
        "matches" => "path.matches(\"^/api/v[0-9]+/\")",
        "lower" | "lowerAscii" => "tlsx_sni.lower()",
        "map_get" => "map_get(local_labels, \"app\", \"\")",
        "cidr" => "cidr(src.ip, \"10.0.0.0/8\")",
        "has" => "has(local_labels.app)",
        "size" => "size(dns_answers)",
        "now" => "timestamp > now() - duration(\"5m\")",
        "timestamp" => "timestamp(\"2026-03-14T22:00:00Z\")",
        "duration" => "duration(\"1h30m\")",
        name if name.starts_with("get") => return format!("as in `timestamp.{name}(\"UTC\")`"),
        name => return format!("as in `{name}(x)`"),
    };
    format!("as in `{example}`")
}

/// What a conversion converts to.
fn target_type(name: &str) -> Option<Type> {
    Some(match name {
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::Text,
        "bytes" => Type::Bytes,
        "bool" => Type::Bool,
        "timestamp" => Type::Time,
        "duration" => Type::Duration,
        "dyn" => Type::Dyn,
        _ => return None,
    })
}

fn convert(call: &Call, nodes: &[&Node], args: Vec<Expr>) -> Result<Expr> {
    use Type::*;
    let to = target_type(&call.name).unwrap_or(Dyn);
    let from = &args[0].ty;
    let known = match &to {
        Int => matches!(from, Int | Uint | Double | Text | Time),
        Uint | Double => matches!(from, Int | Uint | Double | Text),
        Text => matches!(from, Text | Bool | Int | Uint | Double | Bytes | Time | Duration),
        Bytes => matches!(from, Bytes | Text),
        Bool => matches!(from, Bool | Text),
        Time => matches!(from, Time | Int | Text),
        Duration => matches!(from, Duration | Text),
        _ => true,
    };
    let span = nodes[0].span.clone();
    if !known && *from != Dyn {
        return Err(KflError::at(span, format!("no {to} can be made of {from:#}")));
    }
    let expr = Expr::new(to, Kind::Call(Function::Convert, args));
    // A literal that does not read is a mistake, where a field's value is just a row's fault.
    if matches!(&expr.kind, Kind::Call(_, args) if args[0].as_const().is_some())
        && super::super::eval::constant(&expr).is_err()
    {
        let message = format!("{} does not read as {:#}", nodes[0], expr.ty);
        return Err(KflError::at(span, message).help(usage(&call.name)));
    }
    Ok(expr)
}

fn lower(call: &Call, nodes: &[&Node], args: Vec<Expr>) -> Result<Expr> {
    texts(&call.name, nodes, &args)?;
    let function = if call.name == "lower" { Function::Lower } else { Function::LowerAscii };
    Ok(Expr::new(Type::Text, Kind::Call(function, args)))
}

fn map_get(nodes: &[&Node], args: Vec<Expr>) -> Result<Expr> {
    let (key, default) = (&args[1].ty, &args[2].ty);
    let ty = match &args[0].ty {
        Type::Map(of, value) if of.comparable(key) && value.fits(default) => (**value).clone(),
        Type::Dyn => Type::Dyn,
        Type::Map(of, value) => {
            let message =
                format!("this map has {value:#} for each {of}, not {default:#} for {key:#}");
            return Err(KflError::at(nodes[1].span.start..nodes[2].span.end, message));
        }
        ty => {
            let message = format!("map_get() takes a map, and `{}` is {ty:#}", nodes[0]);
            return Err(KflError::at(nodes[0].span.clone(), message).help(usage("map_get")));
        }
    };
    Ok(Expr::new(ty, Kind::Call(Function::MapGet, args)))
}

fn cidr(nodes: &[&Node], args: Vec<Expr>) -> Result<Expr> {
    texts("cidr", nodes, &args)?;
    let range = literal(nodes[1], &args[1], "an address range")?;
    let network = Network::parse(range).ok_or_else(|| {
        let message = format!("{} is no address range", nodes[1]);
        KflError::at(nodes[1].span.clone(), message).help(usage("cidr"))
    })?;
    let text = args.into_iter().take(1).collect();
    Ok(Expr::new(Type::Bool, Kind::Call(Function::Cidr(network), text)))
}

fn part(call: &Call, nodes: &[&Node], args: Vec<Expr>) -> Result<Expr> {
    let part = Part::named(&call.name).unwrap_or(Part::Seconds);
    match (&args[0].ty, nodes.get(1)) {
        (Type::Time | Type::Dyn, _) => {}
        (Type::Duration, None) if part.is_of_duration() => {}
        (ty, _) => {
            let message = format!("`{}` is not a part of {ty:#}", call.name);
            return Err(KflError::at(call.name_span.clone(), message));
        }
    }
    let zone = match (nodes.get(1), args.get(1)) {
        (Some(node), Some(arg)) => {
            let name = literal(node, arg, "a time zone")?;
            Zone::parse(name).ok_or_else(|| {
                KflError::at(node.span.clone(), format!("{node} is no time zone"))
                    .help("a name such as `Europe/Berlin`, or an offset such as `+02:00`")
            })?
        }
        _ => Zone::UTC,
    };
    let time = args.into_iter().take(1).collect();
    Ok(Expr::new(Type::Int, Kind::Call(Function::Part(part, zone), time)))
}

/// All arguments must be strings.
fn texts(name: &str, nodes: &[&Node], args: &[Expr]) -> Result<()> {
    for (node, arg) in nodes.iter().zip(args) {
        if !arg.ty.fits(&Type::Text) {
            let message = format!("`{name}` takes strings, and `{node}` is {:#}", arg.ty);
            let error = KflError::at(node.span.clone(), message);
            return Err(match arg.ty {
                Type::Int | Type::Uint | Type::Double | Type::Time | Type::Duration => {
                    error.help(format!("`string({node})` makes one of it"))
                }
                Type::List(_) => error.help(format!("write `{node}.exists(x, x.{name}(\"...\"))`")),
                _ => error,
            });
        }
    }
    Ok(())
}

/// An argument that is compiled once, so that it must not depend on the entry.
fn literal<'e>(node: &Node, arg: &'e Expr, what: &str) -> Result<&'e str> {
    match arg.as_const() {
        Some(Value::Text(text)) => Ok(text),
        _ => Err(KflError::at(node.span.clone(), format!("{what} must be a literal text"))),
    }
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or(text).trim_start_matches("error: ")
}
