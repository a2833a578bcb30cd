//! A typed tree -> a smaller one that says the same of every row: constants are computed, logic
//! that is settled goes away, and tests on lists and conditionals that were put in for derived
//! fields become plain tests on the fields behind them.

use super::ast::Operator;
use super::eval;
use super::ir::{Each, Expr, Function, Kind, Quantifier};
use super::types::Type;
use super::value::{Value, lookup};

/// Lists of fields up to this long are taken apart.
const UNROLL_MAX: usize = 4;

/// Parts of a predicate that is copied per item.
const UNROLLED_NODES_MAX: usize = 32;

/// Simplifies an expression whose parts are simplified.
pub fn simplify(expr: Expr) -> Expr {
    let ty = expr.ty.clone();
    let expr = match expr.kind {
        Kind::All(parts) => logic(parts, false),
        Kind::Any(parts) => logic(parts, true),
        Kind::Not(operand) => not(*operand),
        Kind::If(parts) => conditional(*parts, &ty),
        Kind::Binary(op, parts) => binary(op, *parts, ty),
        Kind::Index(parts) => index(*parts, ty),
        Kind::Call(function, args) => call(function, args, ty),
        Kind::Each(each) => each_of(*each, ty),
        kind => Expr { ty, kind },
    };
    compute(expr)
}

/// Replaces parts from the leaves up and simplifies what that changes.
pub fn rewrite(expr: Expr, f: &mut dyn FnMut(Expr) -> Expr) -> Expr {
    let expr = expr.map_children(&mut |child| rewrite(child, f));
    f(simplify(expr))
}

/// An expression of constants is a constant, unless it is a fault in every row.
fn compute(expr: Expr) -> Expr {
    let is_leaf = matches!(
        expr.kind,
        Kind::Const(_) | Kind::Field(_) | Kind::Flag(_) | Kind::Var(_) | Kind::Now
    );
    let parts = expr.children();
    if is_leaf || !parts.iter().all(|part| part.as_const().is_some()) {
        return expr;
    }
    match eval::constant(&expr) {
        Ok(value) => Expr::constant(expr.ty, value),
        Err(_) => expr,
    }
}

/// `||` (`decides` is true) or `&&`. Faults are absorbed, so a part that decides does so alone.
fn logic(parts: Vec<Expr>, decides: bool) -> Expr {
    let mut kept = Vec::with_capacity(parts.len());
    for part in parts {
        match (part.as_bool(), part.kind) {
            (Some(b), _) if b == decides => return Expr::bool(decides),
            (Some(_), _) => {}
            (None, Kind::Any(inner)) if decides => kept.extend(inner),
            (None, Kind::All(inner)) if !decides => kept.extend(inner),
            (None, kind) => kept.push(Expr { ty: part.ty, kind }),
        }
    }
    match kept.len() {
        0 => Expr::bool(!decides),
        1 if kept[0].ty == Type::Bool => kept.remove(0),
        _ if decides => Expr::new(Type::Bool, Kind::Any(kept)),
        _ => Expr::new(Type::Bool, Kind::All(kept)),
    }
}

fn not(operand: Expr) -> Expr {
    match operand.kind {
        Kind::Not(inner) if inner.ty == Type::Bool => *inner,
        kind => Expr::new(Type::Bool, Kind::Not(Box::new(Expr { ty: operand.ty, kind }))),
    }
}

fn conditional(parts: [Expr; 3], ty: &Type) -> Expr {
    let [condition, then, otherwise] = parts;
    match condition.as_bool() {
        Some(true) => then,
        Some(false) => otherwise,
        None => Expr::new(ty.clone(), Kind::If(Box::new([condition, then, otherwise]))),
    }
}

fn binary(op: Operator, parts: [Expr; 2], ty: Type) -> Expr {
    let [left, right] = parts;
    match (op, left, right) {
        (Operator::In, wanted, list) if is_cheap(&wanted) => contains(wanted, list, ty),
        (op, Expr { kind: Kind::If(branches), .. }, other) if other.as_const().is_some() => {
            per_branch(*branches, ty, |branch| Kind::Binary(op, Box::new([branch, other.clone()])))
        }
        (op, other, Expr { kind: Kind::If(branches), .. }) if other.as_const().is_some() => {
            per_branch(*branches, ty, |branch| Kind::Binary(op, Box::new([other.clone(), branch])))
        }
        (op, left, right) => Expr::new(ty, Kind::Binary(op, Box::new([left, right]))),
    }
}

/// `f(c ? a : b)` as `c ? f(a) : f(b)`: each branch may then be settled for itself.
fn per_branch(branches: [Expr; 3], ty: Type, f: impl Fn(Expr) -> Kind) -> Expr {
    let [condition, then, otherwise] = branches;
    let apply = |branch| simplify(Expr::new(ty.clone(), f(branch)));
    conditional([condition, apply(then), apply(otherwise)], &ty)
}

/// `wanted in [a, b]` as `wanted == a || wanted == b`, also behind a filter of that list.
fn contains(wanted: Expr, list: Expr, ty: Type) -> Expr {
    let equals = |item: Expr| {
        let parts = Box::new([wanted.clone(), item]);
        simplify(Expr::new(Type::Bool, Kind::Binary(Operator::Equal, parts)))
    };
    match list.kind {
        // A fault of one item is a fault of the whole list, but not of `||`.
        Kind::List(items) if items.len() <= UNROLL_MAX && !items.iter().any(Expr::can_fail) => {
            logic(items.into_iter().map(equals).collect(), true)
        }
        Kind::Each(each) if is_sieve(&each) => {
            let Kind::List(items) = each.over.kind else { return Expr::bool(false) };
            let passes = items.into_iter().map(|item| {
                let kept = substitute(each.test.clone(), each.var, &item);
                logic(vec![kept, equals(item)], false)
            });
            logic(passes.collect(), true)
        }
        kind => {
            let list = Expr { ty: list.ty, kind };
            Expr::new(ty, Kind::Binary(Operator::In, Box::new([wanted, list])))
        }
    }
}

/// A filter of a few fields by a plain test that cannot fail.
fn is_sieve(each: &Each) -> bool {
    let few = matches!(&each.over.kind, Kind::List(items)
        if items.len() <= UNROLL_MAX && !items.iter().any(Expr::can_fail));
    few && each.quantifier == Quantifier::Filter && is_plain(&each.test) && !each.test.can_fail()
}

/// Small, and without macros of its own, whose variables would count levels anew.
fn is_plain(test: &Expr) -> bool {
    test.nodes() <= UNROLLED_NODES_MAX && !test.any(&mut |e| matches!(e.kind, Kind::Each(_)))
}

fn is_cheap(expr: &Expr) -> bool {
    matches!(expr.kind, Kind::Const(_) | Kind::Field(_) | Kind::Var(_))
}

/// A predicate with its variable replaced by an item.
fn substitute(test: Expr, var: usize, item: &Expr) -> Expr {
    rewrite(test, &mut |part| match part.kind {
        Kind::Var(level) if level == var => item.clone(),
        kind => Expr { ty: part.ty, kind },
    })
}

/// `{"a": x}["a"]` as `x`.
fn index(parts: [Expr; 2], ty: Type) -> Expr {
    let [operand, key] = parts;
    if let (Kind::Map(entries), Some(wanted)) = (&operand.kind, key.as_const()) {
        let known = entries.iter().all(|(k, v)| k.as_const().is_some() && !v.can_fail());
        let is_wanted = |k: &Expr| k.as_const().is_some_and(|k| k.equals(wanted));
        let found: Vec<&Expr> =
            entries.iter().filter(|(k, _)| is_wanted(k)).map(|(_, v)| v).collect();
        if let (true, [value]) = (known, found.as_slice()) {
            return (*value).clone();
        }
    }
    Expr::new(ty, Kind::Index(Box::new([operand, key])))
}

fn call(function: Function, mut args: Vec<Expr>, ty: Type) -> Expr {
    let others_const = args.iter().skip(1).all(|arg| arg.as_const().is_some());
    match (&function, args.first()) {
        (Function::MapGet, Some(map)) => {
            if let (Some(Value::Map(entries)), Some(key)) = (map.as_const(), args[1].as_const())
                && lookup(entries, key).is_none()
            {
                return args.swap_remove(2);
            }
            Expr::new(ty, Kind::Call(function, args))
        }
        (_, Some(Expr { kind: Kind::If(_), .. })) if others_const => {
            let first = args.remove(0);
            let Kind::If(branches) = first.kind else { return first };
            per_branch(*branches, ty, |branch| {
                let args = [branch].into_iter().chain(args.iter().cloned()).collect();
                Kind::Call(function.clone(), args)
            })
        }
        _ => Expr::new(ty, Kind::Call(function, args)),
    }
}

/// `[a, b].exists(x, p(x))` as `p(a) || p(b)`; `all` likewise, and behind a filter.
fn each_of(each: Each, ty: Type) -> Expr {
    let is_empty = match each.over.as_const() {
        Some(Value::List(items)) => items.is_empty(),
        Some(Value::Map(entries)) => entries.is_empty(),
        _ => false,
    };
    let decides = match each.quantifier {
        Quantifier::Exists | Quantifier::ExistsOne if is_empty => return Expr::bool(false),
        Quantifier::All if is_empty => return Expr::bool(true),
        Quantifier::Map | Quantifier::Filter if is_empty => {
            return Expr::constant(ty, Value::List(Vec::new()));
        }
        Quantifier::Exists => true,
        Quantifier::All => false,
        _ => return Expr::new(ty, Kind::Each(Box::new(each))),
    };
    if !is_plain(&each.test) {
        return Expr::new(ty, Kind::Each(Box::new(each)));
    }
    let holds = |item: &Expr| substitute(each.test.clone(), each.var, item);
    match &each.over.kind {
        Kind::List(items) if items.len() <= UNROLL_MAX && items.iter().all(is_cheap) => {
            logic(items.iter().map(holds).collect(), decides)
        }
        Kind::Each(sieve) if is_sieve(sieve) => {
            let Kind::List(items) = &sieve.over.kind else { return Expr::bool(!decides) };
            let parts = items.iter().map(|item| {
                let kept = substitute(sieve.test.clone(), sieve.var, item);
                let kept = if decides { kept } else { simplify(not(kept)) };
                logic(vec![kept, holds(item)], !decides)
            });
            logic(parts.collect(), decides)
        }
        _ => Expr::new(ty, Kind::Each(Box::new(each))),
    }
}
