//! How large an expression may be.
//!
//! Parser, planner and evaluation call themselves for what stands inside of an expression, a chain such as `a or b or c` included:
//! one that is deep enough would use up the stack, which ends the process.

use super::ExpressionError;
use datafusion::sql::sqlparser::ast::{Expr, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use std::ops::ControlFlow;

/// Expressions inside of each other, at the most.
pub(super) const DEEPEST: usize = 200;
/// Words and signs that may put one expression into another, at the most: known before anything is parsed.
pub(super) const MOST_OPERATORS: usize = 2000;
/// Bytes of stack for expressions of that size, which the system gives when they are used.
const STACK: usize = 512 << 20;

/// Does `work` on a stack that is large enough for an expression of the greatest size.
pub(super) fn with_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, ExpressionError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        let thread = thread.map_err(ExpressionError::Thread)?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Whether a text has so few operators that it may be parsed. What is not SQL is for the parser to say.
pub(super) fn is_parsable(text: &str) -> bool {
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, text).tokenize() else { return true };
    let is_operator = |token: &&Token| {
        !matches!(
            token,
            Token::Whitespace(_)
                | Token::Comma
                | Token::Number(..)
                | Token::SingleQuotedString(_)
                | Token::RParen
        )
    };
    // A name and a word can't be told apart, so names count as well.
    tokens.iter().filter(is_operator).count() <= MOST_OPERATORS
}

/// Whether an expression is not too deep.
pub(super) fn is_shallow(expression: &Expr) -> bool {
    struct Depth(usize);
    impl Visitor for Depth {
        type Break = ();

        fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
            self.0 += 1;
            if self.0 > DEEPEST { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }

        fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
            self.0 -= 1;
            ControlFlow::Continue(())
        }
    }
    expression.visit(&mut Depth(0)).is_continue()
}
