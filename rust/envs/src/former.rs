//! Ids of former versions, which Gymnasium no longer has: which id is in their place, and what has changed since.

/// The versions of an environment: the number of each and what it brought, the first one's left out.
type Changes = &'static [(u32, &'static str)];

const LUNAR_LANDER: Changes = &[
    (1, "the contacts of the legs are observed and rewarded, the first push is harder"),
    (2, "engines cost reward"),
    (3, "wind and world begin anew with every episode, the bounds of observations are wider"),
];

const BIPEDAL_WALKER: Changes = &[
    (
        1,
        "the contacts of the legs are observed, motors are stronger and faster, the ground has more friction",
    ),
    (2, "motors cost reward"),
    (3, "the lidar sees what is nearest, not what is farthest"),
];

/// Names without the version. CartPole-v0 is not among the former ones: Gymnasium has kept it.
const FAMILIES: &[(&str, Changes)] = &[
    (
        "Acrobot",
        &[(1, "500 steps instead of 200, the angles' cosines and sines are observed in place of the angles")],
    ),
    ("Pendulum", &[(1, "simpler formulas, which play the same")]),
    ("LunarLander", LUNAR_LANDER),
    ("LunarLanderContinuous", LUNAR_LANDER),
    ("BipedalWalker", BIPEDAL_WALKER),
    ("BipedalWalkerHardcore", BIPEDAL_WALKER),
    (
        "CarRacing",
        &[
            (1, "a lap is complete with a share of its tiles, colours can be drawn at random"),
            (2, "the episode ends with the lap"),
            (3, "that end is a termination, not a truncation"),
        ],
    ),
];

/// What to say of the id of a former version, in any case of letters: its successor, and what each version since has
/// changed. `None` for any other name.
pub(crate) fn advice(id: &str) -> Option<String> {
    let (name, version) = id.rsplit_once('-')?;
    let version: u32 = version.strip_prefix(['v', 'V'])?.parse().ok()?;
    let &(name, changes) = FAMILIES.iter().find(|(family, _)| family.eq_ignore_ascii_case(name))?;
    let since: Vec<String> = changes
        .iter()
        .filter(|(number, _)| *number > version)
        .map(|(number, change)| format!("v{number}: {change}"))
        .collect();
    let (last, _) = changes.last()?;
    (!since.is_empty()).then(|| format!("its successor is {name}-v{last} ({})", since.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    #[test]
    fn every_change_since_is_named() {
        assert_eq!(
            advice("CarRacing-v1").unwrap(),
            "its successor is CarRacing-v3 (v2: the episode ends with the lap; v3: that end is a termination, not a \
             truncation)"
        );
        assert!(
            advice("bipedalwalkerhardcore-V2")
                .unwrap()
                .starts_with("its successor is BipedalWalkerHardcore-v3 (")
        );
    }

    #[test]
    fn successors_are_registered_and_have_no_successor() {
        for (family, changes) in FAMILIES {
            let (last, _) = changes.last().unwrap();
            assert!(changes.iter().map(|(number, _)| *number).eq(1..=*last));
            let successor = format!("{family}-v{last}");
            assert_eq!(registry::find(&successor).unwrap().id, successor);
            assert_eq!(advice(&successor), None);
            assert!((0..*last).all(|version| advice(&format!("{family}-v{version}")).is_some()));
        }
    }

    #[test]
    fn other_names_are_none_of_a_former_version() {
        for name in
            ["", "LunarLander", "LunarLander-2", "LunarLander-v", "LunarLander-v9", "Lander-v1", "-v1"]
        {
            assert_eq!(advice(name), None, "{name}");
        }
    }
}
