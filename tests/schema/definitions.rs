//! What a schema document defines, one line per name: types, fields and arguments ("Person.foodDay(date)"), enum values.

use std::collections::BTreeMap;

use async_graphql::parser::{
    Positioned,
    types::{ConstDirective, FieldDefinition, InputValueDefinition, ServiceDocument, Type, TypeKind, TypeSystemDefinition},
};

/// Everything by its name.
pub type Definitions = BTreeMap<String, Definition>;

/// Something that has a name.
pub struct Definition {
    pub kind: Kind,
    pub described: bool,
    /// The reason of `@deprecated`.
    pub deprecated: Option<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    /// scalar, type, interface, union, enum or input.
    Type(&'static str),
    /// What a field answers.
    Output(Type),
    /// What an argument or a field of an input takes, and whether it has a default.
    Input(Type, bool),
    Value,
    /// A type of a union.
    Member,
}

impl Definition {
    /// "type", "[Food!]!", "value".
    pub fn text(&self) -> String {
        match &self.kind {
            Kind::Type(kind) => (*kind).to_owned(),
            Kind::Output(of) | Kind::Input(of, _) => of.to_string(),
            Kind::Value => "value".to_owned(),
            Kind::Member => "member".to_owned(),
        }
    }

    /// Whether whoever writes the thing around it must write this, too.
    pub fn demanded(&self) -> bool {
        matches!(&self.kind, Kind::Input(of, false) if !of.nullable)
    }
}

pub fn definitions(document: &ServiceDocument) -> Definitions {
    let mut all = Definitions::new();
    for definition in &document.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let definition = &definition.node;
        let name = definition.name.node.as_str();
        let word = match &definition.kind {
            TypeKind::Scalar => "scalar",
            TypeKind::Object(_) => "type",
            TypeKind::Interface(_) => "interface",
            TypeKind::Union(_) => "union",
            TypeKind::Enum(_) => "enum",
            TypeKind::InputObject(_) => "input",
        };
        let described = definition.description.is_some();
        all.insert(name.to_owned(), Definition { kind: Kind::Type(word), described, deprecated: None });
        match &definition.kind {
            TypeKind::Object(object) => fields(&mut all, name, &object.fields),
            TypeKind::Interface(interface) => fields(&mut all, name, &interface.fields),
            TypeKind::InputObject(input) => {
                all.extend(input.fields.iter().map(|field| taken(format!("{name}.{}", field.node.name), field)))
            }
            TypeKind::Enum(values) => all.extend(values.values.iter().map(|value| {
                let described = value.node.description.is_some();
                let deprecated = deprecated(&value.node.directives);
                (format!("{name}.{}", value.node.value), Definition { kind: Kind::Value, described, deprecated })
            })),
            TypeKind::Union(union) => {
                all.extend(union.members.iter().map(|member| {
                    (format!("{name}.{}", member.node), Definition { kind: Kind::Member, described: true, deprecated: None })
                }))
            }
            TypeKind::Scalar => {}
        }
    }
    all
}

fn fields(all: &mut Definitions, of: &str, fields: &[Positioned<FieldDefinition>]) {
    for field in fields.iter().map(|field| &field.node) {
        let name = format!("{of}.{}", field.name.node);
        all.extend(field.arguments.iter().map(|argument| taken(format!("{name}({})", argument.node.name), argument)));
        let kind = Kind::Output(field.ty.node.clone());
        all.insert(name, Definition { kind, described: field.description.is_some(), deprecated: deprecated(&field.directives) });
    }
}

fn taken(name: String, input: &Positioned<InputValueDefinition>) -> (String, Definition) {
    let input = &input.node;
    let kind = Kind::Input(input.ty.node.clone(), input.default_value.is_some());
    (name, Definition { kind, described: input.description.is_some(), deprecated: deprecated(&input.directives) })
}

fn deprecated(directives: &[Positioned<ConstDirective>]) -> Option<String> {
    let directive = directives.iter().find(|directive| directive.node.name.node == "deprecated")?;
    let reason = directive.node.arguments.iter().find(|(name, _)| name.node == "reason").map(|(_, reason)| &reason.node);
    Some(match reason {
        Some(async_graphql::Value::String(reason)) => reason.clone(),
        _ => String::new(),
    })
}
