//! Writes many mutants of some files into one program: which of them is alive is said when it runs.
//!
//! `zhuize-mutants FIRST SKIP FILE...` rewrites each file in place and prints a line for each mutant: number, file:line:column, what. Where
//! an operator stood there is `if crate::mutant(7) { a <= b } else { a < b }`; where a function began, `if crate::mutant(8) { return
//! true; }`. Numbers in the file SKIP (what did not compile) are counted and left out.

use quote::ToTokens;
use std::collections::BTreeSet;
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{BinOp, Expr, parse_quote};

struct Rewriter {
    next: u32,
    skip: BTreeSet<u32>,
    file: String,
    list: Vec<String>,
    name: String,
}

impl Rewriter {
    fn number(&mut self, span: proc_macro2::Span, what: &str) -> Option<u32> {
        let n = self.next;
        self.next += 1;
        if self.skip.contains(&n) {
            return None;
        }
        let at = span.start();
        self.list.push(format!("{n}\t{}:{}:{}\t{what} in {}", self.file, at.line, at.column + 1, self.name));
        Some(n)
    }

    fn body(&mut self, sig: &syn::Signature, block: &mut syn::Block) {
        if sig.constness.is_some() {
            return;
        }
        let outer = std::mem::replace(&mut self.name, sig.ident.to_string());
        let span = sig.ident.span();
        let values: Vec<Expr> = match &sig.output {
            syn::ReturnType::Default => vec![parse_quote!(())],
            syn::ReturnType::Type(_, ty) => {
                let text = ty.to_token_stream().to_string();
                let start = |s: &str| text == s || text.starts_with(&format!("{s} <"));
                if text == "bool" {
                    vec![parse_quote!(true), parse_quote!(false)]
                } else if ["usize", "u64", "u32", "i32", "i64", "u8"].contains(&text.as_str()) {
                    vec![parse_quote!(0), parse_quote!(1)]
                } else if start("Option") {
                    vec![parse_quote!(None)]
                } else if start("Vec") || text == "String" {
                    vec![parse_quote!(Default::default())]
                } else if text.starts_with("Result < ()") || text.starts_with("io :: Result < ()") {
                    vec![parse_quote!(Ok(()))]
                } else {
                    vec![]
                }
            }
        };
        // Comes before what stands in the body is numbered, goes in after that was rewritten.
        let mut made: Vec<syn::Stmt> = Vec::new();
        for v in values {
            let what = format!("return {}", v.to_token_stream());
            if let Some(n) = self.number(span, &what) {
                made.push(parse_quote!(if crate::mutant(#n) { return #v; }));
            }
        }
        visit_mut::visit_block_mut(self, block);
        block.stmts.splice(0..0, made);
        self.name = outer;
    }
}

fn tests(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|a| {
        let text = a.to_token_stream().to_string();
        text.contains("cfg (test)") || text == "# [test]"
    })
}

fn has_let(e: &Expr) -> bool {
    match e {
        Expr::Let(_) => true,
        Expr::Binary(b) if matches!(b.op, BinOp::And(_)) => has_let(&b.left) || has_let(&b.right),
        Expr::Paren(p) => has_let(&p.expr),
        _ => false,
    }
}

fn others(op: &BinOp) -> Vec<BinOp> {
    match op {
        BinOp::Eq(_) => vec![parse_quote!(!=)],
        BinOp::Ne(_) => vec![parse_quote!(==)],
        BinOp::Lt(_) => vec![parse_quote!(<=), parse_quote!(>)],
        BinOp::Le(_) => vec![parse_quote!(<), parse_quote!(>)],
        BinOp::Gt(_) => vec![parse_quote!(>=), parse_quote!(<)],
        BinOp::Ge(_) => vec![parse_quote!(>), parse_quote!(<)],
        BinOp::And(_) => vec![parse_quote!(||)],
        BinOp::Or(_) => vec![parse_quote!(&&)],
        BinOp::Add(_) => vec![parse_quote!(-)],
        BinOp::Sub(_) => vec![parse_quote!(+)],
        BinOp::Mul(_) => vec![parse_quote!(+)],
        BinOp::Div(_) => vec![parse_quote!(*)],
        BinOp::Rem(_) => vec![parse_quote!(/)],
        BinOp::BitAnd(_) => vec![parse_quote!(|)],
        BinOp::BitOr(_) => vec![parse_quote!(&)],
        BinOp::BitXor(_) => vec![parse_quote!(|)],
        BinOp::Shl(_) => vec![parse_quote!(>>)],
        BinOp::Shr(_) => vec![parse_quote!(<<)],
        BinOp::AddAssign(_) => vec![parse_quote!(-=)],
        BinOp::SubAssign(_) => vec![parse_quote!(+=)],
        BinOp::MulAssign(_) => vec![parse_quote!(+=)],
        BinOp::BitOrAssign(_) => vec![parse_quote!(&=)],
        BinOp::BitAndAssign(_) => vec![parse_quote!(|=)],
        _ => vec![],
    }
}

impl VisitMut for Rewriter {
    fn visit_item_mut(&mut self, i: &mut syn::Item) {
        match i {
            syn::Item::Const(_) | syn::Item::Static(_) | syn::Item::Macro(_) => {}
            syn::Item::Mod(m) if tests(&m.attrs) => {}
            syn::Item::Fn(f) if tests(&f.attrs) => {}
            _ => visit_mut::visit_item_mut(self, i),
        }
    }

    fn visit_item_fn_mut(&mut self, f: &mut syn::ItemFn) {
        self.body(&f.sig, &mut f.block);
    }

    fn visit_impl_item_mut(&mut self, i: &mut syn::ImplItem) {
        match i {
            syn::ImplItem::Fn(f) => self.body(&f.sig, &mut f.block),
            _ => {}
        }
    }

    fn visit_trait_item_mut(&mut self, i: &mut syn::TraitItem) {
        if let syn::TraitItem::Fn(f) = i
            && let Some(b) = &mut f.default
        {
            self.body(&f.sig, b);
        }
    }

    fn visit_type_mut(&mut self, _: &mut syn::Type) {}

    fn visit_pat_mut(&mut self, _: &mut syn::Pat) {}

    fn visit_expr_repeat_mut(&mut self, e: &mut syn::ExprRepeat) {
        self.visit_expr_mut(&mut e.expr);
    }

    fn visit_expr_mut(&mut self, e: &mut Expr) {
        let plain = e.clone();
        match &plain {
            Expr::Binary(b) if !has_let(&plain) => {
                let mut made = Vec::new();
                for op in others(&b.op) {
                    let what = format!("{} -> {}", b.op.to_token_stream(), op.to_token_stream());
                    if let Some(n) = self.number(b.op.span(), &what) {
                        made.push((n, op));
                    }
                }
                visit_mut::visit_expr_mut(self, e);
                for (n, op) in made.into_iter().rev() {
                    let (l, r) = (&b.left, &b.right);
                    let whole = e.clone();
                    *e = parse_quote!((if crate::mutant(#n) { (#l) #op (#r) } else { #whole }));
                }
            }
            Expr::Unary(u) if matches!(u.op, syn::UnOp::Not(_)) => {
                let made = self.number(u.op.span(), "drop !");
                visit_mut::visit_expr_mut(self, e);
                if let Some(n) = made {
                    let inner = &u.expr;
                    let whole = e.clone();
                    *e = parse_quote!((if crate::mutant(#n) { #inner } else { #whole }));
                }
            }
            _ => visit_mut::visit_expr_mut(self, e),
        }
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let next = args.next().expect("first number").parse().expect("a number");
    let skip = std::fs::read_to_string(args.next().expect("file of numbers")).unwrap_or_default();
    let skip = skip.split_whitespace().map(|n| n.parse().expect("a number")).collect();
    let mut r = Rewriter { next, skip, file: String::new(), list: Vec::new(), name: String::new() };
    for path in args {
        let mut file = syn::parse_file(&std::fs::read_to_string(&path).expect("a file")).expect("Rust");
        r.file.clone_from(&path);
        r.visit_file_mut(&mut file);
        std::fs::write(&path, prettyplease::unparse(&file)).expect("written");
    }
    r.list.iter().for_each(|l| println!("{l}"));
}
