//! Counts throttled requests in bounded memory.

use std::collections::HashMap;
use std::net::IpAddr;

use doorward_application::Refusals;
use doorward_domain::id::RequestId;
use doorward_domain::time::Timestamp;

use crate::client_key::client_key;

/// How many networks are counted separately, in all classes together. Each costs a few hundred bytes and, once a minute, a
/// row of the audit log. Further networks are counted together.
pub(super) const MAX_NETWORKS: usize = 1024;

/// Class and network. `None` is the entry of all networks beyond [`MAX_NETWORKS`] and of unknown addresses.
type Key = (&'static str, Option<ipnet::IpNet>);

/// The throttled requests since the last summary.
#[derive(Default)]
pub(super) struct Counter {
    counts: HashMap<Key, Count>,
    /// How many of the counts have a network.
    networks: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Count {
    requests: u64,
    since: Timestamp,
    ip: Option<IpAddr>,
    request_id: RequestId,
}
/// The count of one class and network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    key: Key,
    count: Count,
}

impl Counted {
    pub(super) const fn requests(&self) -> u64 {
        self.count.requests
    }

    /// Converts to the input of the use case that records it.
    pub(super) fn refusals(&self) -> Refusals {
        let (class, network) = self.key;
        Refusals {
            class,
            network: network.map(|network| network.to_string()),
            count: self.count.requests,
            since: self.count.since,
            ip: self.count.ip,
            request_id: self.count.request_id,
        }
    }
}

impl Counter {
    pub(super) fn add(
        &mut self,
        class: &'static str,
        ip: Option<IpAddr>,
        request_id: RequestId,
        now: Timestamp,
    ) {
        let key = self.room_for((class, ip.map(client_key)));
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
    pub(super) fn take(&mut self) -> Vec<Counted> {
        self.networks = 0;
        // Replacing the map also frees the memory that a flood needed.
        let counts = std::mem::take(&mut self.counts);
        counts
            .into_iter()
            .map(|(key, count)| Counted { key, count })
            .collect()
    }

    /// Adds counts again that could not be written. No request is lost; if there is no room for a network any more, its
    /// count is added to that of the others.
    pub(super) fn put_back(&mut self, taken: Vec<Counted>) {
        for Counted { key, mut count } in taken {
            let key = self.room_for(key);
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

    /// Returns the key itself if it has an entry or there is room for one, otherwise the key of all other networks.
    fn room_for(&self, key: Key) -> Key {
        if self.networks < MAX_NETWORKS || self.counts.contains_key(&key) {
            key
        } else {
            (key.0, None)
        }
    }

    fn insert(&mut self, key: Key, count: Count) {
        self.networks += usize::from(key.1.is_some());
        self.counts.insert(key, count);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use doorward_testkit::sample::request_id as request;
    use proptest::prelude::*;

    use super::*;

    const fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_seconds(second)
    }

    fn recorded(counter: &mut Counter) -> Vec<Refusals> {
        let mut recorded: Vec<_> = counter.take().iter().map(Counted::refusals).collect();
        recorded.sort_by_key(|refusals| (refusals.class, refusals.network.clone()));
        recorded
    }

    #[test]
    fn requests_of_one_network_in_one_class_are_one_count() {
        let mut counter = Counter::default();
        for (number, address) in ["192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::ffff"]
            .iter()
            .enumerate()
        {
            let second = i64::try_from(number).unwrap();
            counter.add(
                "sensitive",
                Some(address.parse().unwrap()),
                request(u32::try_from(number).unwrap()),
                at(second),
            );
        }
        counter.add("refresh", Some("192.0.2.1".parse().unwrap()), request(4), at(4));
        counter.add("refresh", None, request(5), at(5));
        let refusals = |class, network: Option<&str>, count, since, ip: Option<&str>, id| Refusals {
            class,
            network: network.map(str::to_owned),
            count,
            since: at(since),
            ip: ip.map(|ip| ip.parse().unwrap()),
            request_id: request(id),
        };
        assert_eq!(
            recorded(&mut counter),
            [
                refusals("refresh", None, 1, 5, None, 5),
                refusals("refresh", Some("192.0.2.1/32"), 1, 4, Some("192.0.2.1"), 4),
                refusals("sensitive", Some("192.0.2.1/32"), 2, 0, Some("192.0.2.1"), 0),
                refusals("sensitive", Some("2001:db8::/64"), 2, 2, Some("2001:db8::1"), 2),
            ]
        );
        assert_eq!(recorded(&mut counter), []);
    }

    #[test]
    fn counts_that_could_not_be_written_are_added_to_later_ones() {
        let mut counter = Counter::default();
        let ip = Some(IpAddr::from([192, 0, 2, 1]));
        counter.add("general", ip, request(1), at(1));
        let taken = counter.take();
        counter.add("general", ip, request(2), at(60));
        counter.put_back(taken);
        let recorded = recorded(&mut counter);
        assert_eq!(recorded.len(), 1);
        assert_eq!(
            (recorded[0].count, recorded[0].since, recorded[0].request_id),
            (2, at(1), request(1))
        );
    }

    proptest! {
        /// For any number of networks and any failed writes.
        #[test]
        fn memory_is_bounded_and_no_request_is_lost(rounds in proptest::collection::vec((0_u32..4000, any::<bool>()), 1..6)) {
            let mut counter = Counter::default();
            let mut written = 0;
            let mut counted = 0;
            for (networks, is_written) in rounds {
                for number in 0..networks {
                    let ip = Some(IpAddr::from((number.wrapping_mul(77)).to_be_bytes()));
                    counter.add("sensitive", ip, request(0), at(0));
                    counter.add("general", Some(IpAddr::from([192, 0, 2, 1])), request(0), at(0));
                    counted += 2;
                }
                prop_assert!(counter.counts.len() <= MAX_NETWORKS + 2);
                let taken = counter.take();
                if is_written {
                    written += taken.iter().map(Counted::requests).sum::<u64>();
                } else {
                    counter.put_back(taken);
                }
            }
            let taken = counter.take();
            let kept: BTreeSet<_> = taken.iter().map(|counted| counted.refusals().network).collect();
            prop_assert!(kept.len() <= MAX_NETWORKS + 1);
            written += taken.iter().map(Counted::requests).sum::<u64>();
            prop_assert_eq!(written, counted);
        }
    }
}
