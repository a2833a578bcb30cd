//! The macros `exists all exists_one map filter` over lists and the keys of maps.

use super::super::ast::{Call, Node, NodeKind};
use super::super::error::KflError;
use super::super::ir::{Each, Expr, Kind, Quantifier};
use super::super::types::Type;
use super::{Checker, Result};

impl Checker<'_> {
    pub(super) fn each(&mut self, call: &Call, quantifier: Quantifier) -> Result<Expr> {
        let (Some(target), [name, bodies @ ..]) = (&call.target, call.args.as_slice()) else {
            return Err(KflError::at(call.name_span.clone(), "a macro without its parts"));
        };
        let over = self.node(target)?;
        let item = match &over.ty {
            Type::List(item) => (**item).clone(),
            Type::Map(key, _) => (**key).clone(),
            Type::Dyn => Type::Dyn,
            ty => {
                let message = format!("`{}` goes over lists and maps, not {ty:#}", call.name);
                return Err(KflError::at(target.span.clone(), message));
            }
        };
        let NodeKind::Name(var) = &name.kind else {
            let message = format!("`{}` wants a variable name first, not `{name}`", call.name);
            return Err(KflError::at(name.span.clone(), message));
        };
        self.vars.push((var.clone(), item.clone()));
        let parts = self.bodies(quantifier, bodies, &item);
        self.vars.pop();
        let (test, yields) = parts?;
        let ty = match quantifier {
            Quantifier::Filter => Type::list_of(item),
            Quantifier::Map => Type::list_of(yields.ty.clone()),
            _ => Type::Bool,
        };
        let var = self.vars.len();
        Ok(Expr::new(ty, Kind::Each(Box::new(Each { quantifier, over, var, test, yields }))))
    }

    /// The predicate, and what `map` makes of an item.
    fn bodies(
        &mut self,
        quantifier: Quantifier,
        bodies: &[Node],
        item: &Type,
    ) -> Result<(Expr, Expr)> {
        let own = Expr::new(item.clone(), Kind::Var(self.vars.len() - 1));
        match (quantifier, bodies) {
            (Quantifier::Map, [yields]) => Ok((Expr::bool(true), self.node(yields)?)),
            (Quantifier::Map, [test, yields]) => Ok((self.test(test)?, self.node(yields)?)),
            (_, [test]) => Ok((self.test(test)?, own)),
            _ => Err(KflError::at(0..0, "a macro without its parts")),
        }
    }
}
