//! Connections: pages of a list with cursors.

use async_graphql::{OutputType, SimpleObject, TypeName};
use service::page::Page;
use std::borrow::Cow;

/// What a page costs before it is read: one for each item that may be on it, and a tenth of that for each field of the item.
/// Pages within pages multiply, up to a figure of which hundreds can be added.
pub fn cost(first: Option<i32>, fields: usize) -> usize {
    const MOST: usize = 1_000_000;
    let items = usize::try_from(first.unwrap_or(service::page::DEFAULT_SIZE)).unwrap_or_default();
    (items.saturating_mul(10 + fields) / 10 + 1).min(MOST)
}

/// Where a page lies in its list.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether more follow after `endCursor`.
    has_next_page: bool,
    /// Whether there is something before `startCursor`.
    has_previous_page: bool,
    /// The cursor of the first item.
    start_cursor: Option<String>,
    /// The cursor of the last item: pass it as `after` for the next page.
    end_cursor: Option<String>,
}

/// An item and its cursor.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub struct Edge<Node: OutputType> {
    /// Where the item lies in the list.
    cursor: String,
    /// The item.
    node: Node,
}

/// A page of a list.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub struct Connection<Node: OutputType + Clone> {
    /// The items with their cursors.
    edges: Vec<Edge<Node>>,
    /// The items alone.
    nodes: Vec<Node>,
    /// Where this page lies in the list.
    page_info: PageInfo,
}

impl<Node: OutputType> TypeName for Edge<Node> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", Node::type_name()).into()
    }
}

impl<Node: OutputType + Clone> TypeName for Connection<Node> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", Node::type_name()).into()
    }
}

impl<Node: OutputType + Clone> Connection<Node> {
    /// The connection of a page that was asked for `after` a cursor.
    pub fn new<Row>(page: Page<Row>, after: bool, node: impl Fn(Row) -> Node) -> Self {
        let edges: Vec<_> = page.items.into_iter().map(|(cursor, row)| Edge { cursor, node: node(row) }).collect();
        let page_info = PageInfo {
            has_next_page: page.has_next,
            has_previous_page: after,
            start_cursor: edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: edges.last().map(|edge| edge.cursor.clone()),
        };
        Self { nodes: edges.iter().map(|edge| edge.node.clone()).collect(), edges, page_info }
    }
}
