//! A bounded queue that several keys (clients) share fairly.
//!
//! Items are taken round-robin between the keys, and first in, first out within a key. When the queue is full, an item of a
//! key with fewer items displaces the newest item of the key with the most: one key can fill the queue, but cannot keep
//! others out of it.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A bounded queue of items, each of which belongs to a key.
#[derive(Debug)]
pub(crate) struct FairQueue<K, T> {
    bound: usize,
    length: usize,
    waiting: HashMap<K, VecDeque<T>>,
    /// The keys with items, each once, in round-robin order.
    order: VecDeque<K>,
}

/// The result of [`FairQueue::push`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed<T> {
    /// The item is queued.
    Queued,
    /// The item is queued, and displaced this one: the newest of the key with the most items.
    Displaced(T),
    /// The queue is full, and no other key has at least two more items than this one's.
    Rejected(T),
}

impl<K: Clone + Eq + Hash, T> FairQueue<K, T> {
    /// Creates an empty queue for `bound` items.
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            bound,
            length: 0,
            waiting: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.length
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.length >= self.bound
    }

    /// Whether an item of `key` would be queued now.
    pub(crate) fn has_room(&self, key: &K) -> bool {
        let own = self.waiting.get(key).map_or(0, VecDeque::len);
        !self.is_full() || self.waiting.values().any(|items| items.len() > own + 1)
    }

    /// Queues an item. If the queue is full, it displaces the newest item of the key with the most items, provided that this
    /// key has at least two more items than `key`; otherwise the item is rejected.
    pub(crate) fn push(&mut self, key: K, item: T) -> Pushed<T> {
        if !self.is_full() {
            self.add(key, item);
            return Pushed::Queued;
        }
        let own = self.waiting.get(&key).map_or(0, VecDeque::len);
        match self.take_newest_of_fullest(own + 1) {
            Some(displaced) => {
                self.add(key, item);
                Pushed::Displaced(displaced)
            }
            None => Pushed::Rejected(item),
        }
    }

    /// Takes the oldest item of the next key.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let key = self.order.pop_front()?;
        let items = self.waiting.get_mut(&key)?;
        let item = items.pop_front();
        if items.is_empty() {
            self.waiting.remove(&key);
        } else {
            self.order.push_back(key);
        }
        self.length = self.length.saturating_sub(usize::from(item.is_some()));
        item
    }

    /// Drops the items for which `keep` is false.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.waiting.retain(|_, items| {
            items.retain(&mut keep);
            !items.is_empty()
        });
        self.order.retain(|key| self.waiting.contains_key(key));
        self.length = self.waiting.values().map(VecDeque::len).sum();
    }

    fn add(&mut self, key: K, item: T) {
        let items = self.waiting.entry(key.clone()).or_default();
        if items.is_empty() {
            self.order.push_back(key);
        }
        items.push_back(item);
        self.length += 1;
    }

    /// Takes the newest item of the key with the most items, if it has more than `least`; of several, the last in order.
    /// The key has at least one item left, so it stays in `order`.
    fn take_newest_of_fullest(&mut self, least: usize) -> Option<T> {
        let fullest = self
            .order
            .iter()
            .max_by_key(|key| self.waiting.get(key).map_or(0, VecDeque::len))?;
        let items = self.waiting.get_mut(fullest)?;
        if items.len() <= least {
            return None;
        }
        let newest = items.pop_back();
        self.length = self.length.saturating_sub(usize::from(newest.is_some()));
        newest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn items_are_taken_round_robin_between_keys() {
        let mut queue = FairQueue::new(10);
        for (key, item) in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("b", 6)] {
            assert_eq!(queue.push(key, item), Pushed::Queued);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [1, 4, 5, 2, 6, 3]);
        assert!(queue.waiting.is_empty() && queue.order.is_empty());
    }

    #[test]
    fn a_full_queue_displaces_the_newest_item_of_the_key_with_the_most() {
        let mut queue = FairQueue::new(4);
        for item in 0..4 {
            assert_eq!(queue.push("storm", item), Pushed::Queued);
        }
        assert_eq!(queue.push("storm", 4), Pushed::Rejected(4));
        assert_eq!(queue.push("owner", 5), Pushed::Displaced(3));
        assert_eq!(queue.push("owner", 6), Pushed::Displaced(2));
        // Two each: no key has two more than another.
        assert_eq!(queue.push("owner", 7), Pushed::Rejected(7));
        assert_eq!(queue.push("other", 8), Pushed::Displaced(6));
        assert_eq!(queue.len(), 4);
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [0, 5, 8, 1]);
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Push(u8),
        Pop,
        DropEven,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0_u8..6).prop_map(Step::Push),
            // One key that floods the queue.
            6 => Just(Step::Push(200)),
            4 => Just(Step::Pop),
            1 => Just(Step::DropEven),
        ];
        prop::collection::vec(step, 0..200)
    }

    /// A model of the queue: the items of each key in order.
    type Reference = HashMap<u8, Vec<usize>>;

    fn most(reference: &Reference) -> usize {
        reference.values().map(Vec::len).max().unwrap_or(0)
    }

    proptest! {
        /// Against a model: never more items than the bound; first in, first out within a key; an item leaves only by being
        /// taken, displaced or dropped; none is rejected while there is room or another key has two more items.
        #[test]
        fn it_is_bounded_orderly_and_fair(bound in 1_usize..12, steps in steps()) {
            let mut queue = FairQueue::new(bound);
            let mut reference = Reference::new();
            for (number, step) in steps.into_iter().enumerate() {
                let before = reference.values().map(Vec::len).sum::<usize>();
                match step {
                    Step::Push(key) => {
                        let own = reference.get(&key).map_or(0, Vec::len);
                        let most = most(&reference);
                        let has_room = queue.has_room(&key);
                        let pushed = queue.push(key, (key, number));
                        prop_assert_eq!(has_room, !matches!(pushed, Pushed::Rejected(_)));
                        match pushed {
                            Pushed::Queued => {
                                prop_assert!(before < bound);
                                reference.entry(key).or_default().push(number);
                            }
                            Pushed::Displaced((other, displaced)) => {
                                prop_assert!(before == bound && most > own + 1);
                                let others = reference.get_mut(&other).unwrap();
                                prop_assert_eq!(others.len(), most);
                                prop_assert_eq!(others.pop(), Some(displaced));
                                reference.entry(key).or_default().push(number);
                            }
                            Pushed::Rejected(item) => {
                                prop_assert!(before == bound && most <= own + 1);
                                prop_assert_eq!(item, (key, number));
                            }
                        }
                    }
                    Step::Pop => match queue.pop() {
                        // `pop` returns an item whenever there is one.
                        None => prop_assert_eq!(before, 0),
                        Some((key, item)) => {
                            let own = reference.get_mut(&key).unwrap();
                            prop_assert_eq!(own.remove(0), item);
                        }
                    },
                    Step::DropEven => {
                        queue.retain(|(_, item)| item % 2 == 1);
                        for own in reference.values_mut() {
                            own.retain(|item| item % 2 == 1);
                        }
                    }
                }
                reference.retain(|_, own| !own.is_empty());
                prop_assert_eq!(queue.len(), reference.values().map(Vec::len).sum::<usize>());
                prop_assert!(queue.len() <= bound);
                prop_assert_eq!(queue.order.len(), reference.len());
                prop_assert_eq!(queue.waiting.len(), reference.len());
            }
        }

        /// No key starves: however many items one key adds, every other key is served within as many steps as there are keys.
        #[test]
        fn a_flood_of_one_key_delays_others_by_one_item_each(bound in 3_usize..64, storm in 1_usize..200) {
            let mut queue = FairQueue::new(bound);
            for _ in 0..storm {
                queue.push("storm", "storm");
            }
            for owner in ["first", "second"] {
                prop_assert!(!matches!(queue.push(owner, owner), Pushed::Rejected(_)));
            }
            let mut served = Vec::new();
            for _ in 0..3 {
                queue.push("storm", "storm");
                served.extend(queue.pop());
            }
            prop_assert!(served.contains(&"first") && served.contains(&"second"), "{:?}", served);
        }
    }
}
