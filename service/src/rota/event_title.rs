//! Whom the title of a calendar event names.

use super::{Doer, MemberId};

/// Whom a calendar event's title names: `[Name] anything`, or `Name - Babysitter`. A name that is exactly a member's is that
/// member in brackets, any other is a helper's. `None` where the title names nobody.
pub fn doer_in_title(title: &str, member_named: impl Fn(&str) -> Option<MemberId>) -> Option<Doer> {
    let title = title.trim();
    let bracketed = title.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name.trim());
    let helper = || title.strip_suffix(" - Babysitter").map(str::trim);
    let name = bracketed.or_else(helper).filter(|name| !name.is_empty())?;
    Some(match bracketed.and_then(member_named) {
        Some(member) => Doer::Member(member),
        None => Doer::Helper(name.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::{super::scenario::id, *};

    #[test]
    fn a_title_names_a_member_a_helper_or_nobody() {
        let read = |title| doer_in_title(title, |name| (name == "Ada").then(|| id('A')));
        let helper = |name: &str| Some(Doer::Helper(name.to_owned()));
        assert_eq!(read("[Ada] bedtime"), Some(Doer::Member(id('A'))));
        assert_eq!(read(" [Ada]"), Some(Doer::Member(id('A'))));
        // A name that is not exactly a member's is somebody else's.
        assert_eq!(read("[ada] bedtime"), helper("ada"));
        assert_eq!(read("[Dana] bedtime"), helper("Dana"));
        assert_eq!(read("Dana - Babysitter"), helper("Dana"));
        assert_eq!(read("Ada - Babysitter"), helper("Ada"));
        for nobody in ["", "[]", "[ ] bedtime", "Ada bedtime", "[Ada bedtime", " - Babysitter", "Babysitter"] {
            assert_eq!(read(nobody), None, "{nobody}");
        }
    }
}
