//! Ids of a world's parts, and the tables that they are indices into.

use std::ops::{Index, IndexMut};

/// Defines an id type: an index that cannot be mistaken for another part's.
macro_rules! id {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            #[inline]
            pub(crate) fn from_index(index: usize) -> Self {
                Self(index as u32)
            }

            /// The number behind the id: 0 for the first part created. Numbers of destroyed parts are given out again, the
            /// last one first.
            #[inline]
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl From<usize> for $name {
            fn from(index: usize) -> Self {
                Self::from_index(index)
            }
        }

        impl From<$name> for usize {
            fn from(id: $name) -> Self {
                id.index()
            }
        }
    };
}

id! {
    /// A body of a [`World`](crate::World). It names nothing, or another body, once its body is destroyed.
    BodyId
}
id! {
    /// A fixture of a [`World`](crate::World). It names nothing, or another fixture, once its body is destroyed.
    FixtureId
}
id! {
    /// A joint of a [`World`](crate::World). It names nothing, or another joint, once one of its bodies is destroyed.
    JointId
}

/// Parts by id. A freed place is reused before the table grows, the last one freed first.
#[derive(Debug)]
pub(crate) struct Table<Id, T> {
    parts: Vec<T>,
    free: Vec<Id>,
}

impl<Id: Copy + From<usize> + Into<usize>, T: Copy> Table<Id, T> {
    pub(crate) const fn new() -> Self {
        Self { parts: Vec::new(), free: Vec::new() }
    }

    pub(crate) fn insert(&mut self, part: T) -> Id {
        if let Some(id) = self.free.pop() {
            self[id] = part;
            return id;
        }
        self.parts.push(part);
        Id::from(self.parts.len() - 1)
    }

    pub(crate) fn remove(&mut self, id: Id) {
        self.free.push(id);
    }

    pub(crate) fn clone_from(&mut self, source: &Self) {
        self.parts.clone_from(&source.parts);
        self.free.clone_from(&source.free);
    }
}

impl<Id: Into<usize>, T> Index<Id> for Table<Id, T> {
    type Output = T;

    #[inline]
    fn index(&self, id: Id) -> &T {
        &self.parts[id.into()]
    }
}

impl<Id: Into<usize>, T> IndexMut<Id> for Table<Id, T> {
    #[inline]
    fn index_mut(&mut self, id: Id) -> &mut T {
        &mut self.parts[id.into()]
    }
}
