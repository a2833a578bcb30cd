//! A filter as written: names not yet resolved, macros still calls, `&&` and `||` flat. Two
//! filters that differ in space, comments, brackets or quotes only have equal trees.

use super::error::Span;

/// A parsed filter.
#[derive(Debug, Clone)]
pub struct Ast {
    /// None for the empty filter, which matches everything.
    pub root: Option<Node>,
    /// The text that was parsed.
    pub text: String,
    /// What was accepted although it is not CEL.
    pub notes: Vec<String>,
}

impl PartialEq for Ast {
    fn eq(&self, other: &Ast) -> bool {
        self.root == other.root
    }
}

impl Ast {
    /// The parts joined by `&&` at the top, each as a filter of its own.
    pub fn clauses(&self) -> Vec<String> {
        match &self.root {
            None => Vec::new(),
            Some(Node { kind: NodeKind::All(parts), .. }) => {
                parts.iter().map(Node::to_string).collect()
            }
            Some(root) => vec![root.to_string()],
        }
    }
}

/// One part of a filter and its place in the text.
#[derive(Debug, Clone)]
pub struct Node {
    pub span: Span,
    pub kind: NodeKind,
}

/// Places do not count.
impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.kind == other.kind
    }
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// A name before its first dot.
    Name(String),
    /// `operand.field`
    Select(Box<Node>, String),
    /// `operand[key]`
    Index(Box<Node>, Box<Node>),
    Call(Call),
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    /// `&&` of two or more, none of them an `All`.
    All(Vec<Node>),
    /// `||` of two or more, none of them an `Any`.
    Any(Vec<Node>),
    /// `condition ? then : otherwise`
    If(Box<[Node; 3]>),
}

/// A function, method or macro call.
#[derive(Debug, Clone)]
pub struct Call {
    pub target: Option<Box<Node>>,
    pub name: String,
    pub name_span: Span,
    pub args: Vec<Node>,
}

impl PartialEq for Call {
    fn eq(&self, other: &Call) -> bool {
        (&self.target, &self.name, &self.args) == (&other.target, &other.name, &other.args)
    }
}

/// Operators with two sides, apart from `&&` and `||`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Operator {
    pub const ALL: [Operator; 12] = {
        use Operator::*;
        [
            Equal,
            NotEqual,
            Less,
            LessEqual,
            Greater,
            GreaterEqual,
            In,
            Add,
            Subtract,
            Multiply,
            Divide,
            Modulo,
        ]
    };

    /// As written.
    pub fn sign(self) -> &'static str {
        match self {
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterEqual => ">=",
            Operator::In => "in",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Modulo => "%",
        }
    }
}

impl NodeKind {
    /// Flattens `&&` or `||` of parts that may be the same themselves.
    pub fn join(parts: Vec<Node>, any: bool) -> NodeKind {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match (part.kind, any) {
                (NodeKind::All(inner), false) | (NodeKind::Any(inner), true) => flat.extend(inner),
                (kind, _) => flat.push(Node { span: part.span, kind }),
            }
        }
        if any { NodeKind::Any(flat) } else { NodeKind::All(flat) }
    }
}
