//! Counts requests in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use doorward_domain::id::RequestId;
use doorward_domain::time::Timestamp;

/// The requests since the last summary, by group and member. Each member costs a few hundred bytes and, once a minute, a row
/// of the audit log. `None` is the entry of all members of a group beyond the limit, and of those that are unknown.
pub(super) struct Counter<G, M> {
    counts: HashMap<(G, Option<M>), Count>,
    /// How many of the counts have a member.
    members: usize,
    max_members: usize,
}

/// A number of requests, and the first of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) requests: u64,
    pub(super) since: Timestamp,
    pub(super) ip: Option<IpAddr>,
    pub(super) request_id: RequestId,
}

/// The count of one group and member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted<G, M> {
    pub(super) group: G,
    pub(super) member: Option<M>,
    pub(super) count: Count,
}

impl<G: Eq + Hash + Clone, M: Eq + Hash> Counter<G, M> {
    /// A counter that tells this many members apart, in all groups together.
    pub(super) fn new(max_members: usize) -> Self {
        Self {
            counts: HashMap::new(),
            members: 0,
            max_members,
        }
    }

    /// Counts a request.
    pub(super) fn add(
        &mut self,
        group: G,
        member: Option<M>,
        ip: Option<IpAddr>,
        request_id: RequestId,
        now: Timestamp,
    ) {
        let key = self.room_for((group, member));
        if let Some(known) = self.counts.get_mut(&key) {
            known.requests = known.requests.saturating_add(1);
            return;
        }
        let count = Count {
            requests: 1,
            since: now,
            ip: ip.filter(|_| key.1.is_some()),
            request_id,
        };
        self.insert(key, count);
    }

    /// Takes all counts and resets the counter.
    pub(super) fn take(&mut self) -> Vec<Counted<G, M>> {
        self.members = 0;
        // Replacing the map also frees the memory that a flood needed.
        let counts = std::mem::take(&mut self.counts);
        counts
            .into_iter()
            .map(|((group, member), count)| Counted { group, member, count })
            .collect()
    }

    /// Adds counts again that could not be written. No request is lost; if there is no room for a member any more, its
    /// count is added to that of the others.
    pub(super) fn put_back(&mut self, taken: Vec<Counted<G, M>>) {
        for Counted {
            group,
            member,
            mut count,
        } in taken
        {
            let key = self.room_for((group, member));
            count.ip = count.ip.filter(|_| key.1.is_some());
            match self.counts.get_mut(&key) {
                Some(known) => {
                    // The returned counts are older: their time and request id are kept.
                    count.requests = count.requests.saturating_add(known.requests);
                    count.since = count.since.min(known.since);
                    *known = count;
                }
                None => self.insert(key, count),
            }
        }
    }

    /// Returns the key itself if it has an entry or there is room for one, otherwise the key of all other members.
    fn room_for(&self, key: (G, Option<M>)) -> (G, Option<M>) {
        if self.members < self.max_members || self.counts.contains_key(&key) {
            key
        } else {
            (key.0, None)
        }
    }

    fn insert(&mut self, key: (G, Option<M>), count: Count) {
        self.members += usize::from(key.1.is_some());
        self.counts.insert(key, count);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use doorward_testkit::sample::request_id as request;
    use proptest::prelude::*;

    use super::*;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_seconds(second)
    }

    type Row = (&'static str, Option<u32>, u64, Timestamp, bool, RequestId);

    fn recorded(counter: &mut Counter<&'static str, u32>) -> Vec<Row> {
        let row = |Counted { group, member, count }: Counted<&'static str, u32>| {
            let Count {
                requests,
                since,
                ip,
                request_id,
            } = count;
            (group, member, requests, since, ip.is_some(), request_id)
        };
        let mut recorded: Vec<_> = counter.take().into_iter().map(row).collect();
        recorded.sort_unstable();
        recorded
    }

    #[test]
    fn requests_of_one_member_in_one_group_are_one_count() {
        let mut counter = Counter::new(10);
        counter.add("a", Some(1), Some(IP), request(0), at(0));
        counter.add("a", Some(1), None, request(1), at(1));
        counter.add("a", Some(2), Some(IP), request(2), at(2));
        counter.add("b", Some(1), Some(IP), request(3), at(3));
        counter.add("b", None, Some(IP), request(4), at(4));
        assert_eq!(
            recorded(&mut counter),
            [
                ("a", Some(1), 2, at(0), true, request(0)),
                ("a", Some(2), 1, at(2), true, request(2)),
                ("b", None, 1, at(4), false, request(4)),
                ("b", Some(1), 1, at(3), true, request(3)),
            ]
        );
        assert_eq!(recorded(&mut counter), []);
    }

    #[test]
    fn counts_that_could_not_be_written_are_added_to_later_ones() {
        let mut counter = Counter::new(10);
        counter.add("a", Some(1), Some(IP), request(1), at(1));
        let taken = counter.take();
        counter.add("a", Some(1), Some(IP), request(2), at(60));
        counter.put_back(taken);
        assert_eq!(
            recorded(&mut counter),
            [("a", Some(1), 2, at(1), true, request(1))]
        );
    }

    proptest! {
        /// For any number of members and any failed writes.
        #[test]
        fn memory_is_bounded_and_no_request_is_lost(rounds in proptest::collection::vec((0_u32..400, any::<bool>()), 1..6)) {
            let mut counter = Counter::new(100);
            let total = |taken: &[Counted<&'static str, u32>]| {
                taken.iter().map(|counted| counted.count.requests).sum::<u64>()
            };
            let mut written = 0;
            let mut counted = 0;
            for (members, is_written) in rounds {
                for number in 0..members {
                    counter.add("a", Some(number.wrapping_mul(77)), None, request(0), at(0));
                    counter.add("b", Some(1), None, request(0), at(0));
                    counted += 2;
                }
                prop_assert!(counter.counts.len() <= 102);
                let taken = counter.take();
                if is_written {
                    written += total(&taken);
                } else {
                    counter.put_back(taken);
                }
            }
            let taken = counter.take();
            let kept: BTreeSet<_> = taken.iter().map(|counted| counted.member).collect();
            prop_assert!(kept.len() <= 101);
            written += total(&taken);
            prop_assert_eq!(written, counted);
        }
    }
}
