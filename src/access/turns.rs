//! Whose password is hashed next.
//!
//! To hash a password takes a processor for a tenth of a second, and any client can cause it. Therefore one password is
//! hashed at a time, and a bounded number waits. Turns are shared so that guesses keep no user out:
//!
//! - Users who exist and names that nobody has take turns. So do the users, and for one user the addresses of the clients.
//! - When no more may wait, a client takes the place of one whose user or address has more places.
//! - Passwords with an expensive hash have a lane of their own: nobody else waits for them.

use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;

use super::tag::Tag;
use super::user::User;

/// How many different credentials of users who exist may wait in a lane, and as many of other names.
pub const AUTH_WAITERS_MAX: usize = 64;
/// A hash of a higher cost is expensive: it takes half a second or more.
const CHEAP_COST_MAX: u32 = 12;

/// Who wants a password to be checked.
#[derive(Debug, Clone, Default)]
pub(super) struct Asker {
    /// `None` if nobody has the name.
    pub(super) user: Option<Arc<User>>,
    /// The address of the client; those without one count as one.
    pub(super) source: Option<IpAddr>,
}

impl Asker {
    fn name(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.name())
    }

    fn is_of_same_user(&self, other: &Asker) -> bool {
        self.name() == other.name()
    }
}

/// The lanes.
#[derive(Debug, Default)]
pub(super) struct Turns {
    lanes: [Mutex<Lane>; 2],
}

#[derive(Debug, Default)]
struct Lane {
    /// Those that wait, in the order of their arrival, and the one whose turn it is.
    waiting: Vec<Waiting>,
    is_busy: bool,
    was_user: bool,
    turns: u64,
    /// The round of the last turn, for names that nobody has and for users.
    rounds: [u64; 2],
}

#[derive(Debug)]
struct Waiting {
    tag: Tag,
    place: Weak<Place>,
    asker: Asker,
    /// Each address has one place in a round.
    round: u64,
    has_turn: bool,
}

/// The place of credentials that are checked. Requests with the same credentials share it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) stage: watch::Sender<Stage>,
    turn: Mutex<Option<Turn>>,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Waits,
    HasTurn,
    /// Whether the credentials are right.
    Checked(bool),
    /// Another check has taken the place.
    GaveWay,
}

impl Place {
    /// The turn, for the first request that takes it.
    pub(super) fn take_turn(&self) -> Option<Turn> {
        lock(&self.turn).take()
    }
}

/// The right to hash a password. The next turn begins when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    lane: usize,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut lane = lock(&self.turns.lanes[self.lane]);
        lane.waiting.retain(|waiting| !waiting.has_turn);
        lane.is_busy = false;
        self.turns.begin_next(lane, self.lane);
    }
}

impl Turns {
    /// A place for these credentials, whose hash has this cost; `None` if there is none.
    pub(super) fn wait(self: &Arc<Turns>, tag: Tag, cost: u32, asker: Asker) -> Option<Arc<Place>> {
        let at = usize::from(cost > CHEAP_COST_MAX);
        let mut lane = lock(&self.lanes[at]);
        // No other place is held here: the last holder of a place gives its turn on, and needs the lane for that.
        let same = lane.waiting.iter().find(|waiting| waiting.tag == tag);
        if let Some(place) = same.and_then(|waiting| waiting.place.upgrade()) {
            return Some(place);
        }
        if !lane.make_room(&asker) {
            return None;
        }
        let (stage, turn) = (watch::Sender::new(Stage::Waits), Mutex::default());
        let place = Arc::new(Place { stage, turn });
        lane.enter(tag, &place, asker);
        self.begin_next(lane, at);
        Some(place)
    }

    /// Gives the turn to the next place, if nobody has it.
    fn begin_next(self: &Arc<Turns>, mut lane: MutexGuard<'_, Lane>, at: usize) {
        if lane.is_busy {
            return;
        }
        let Some(place) = lane.next() else { return };
        lane.is_busy = true;
        drop(lane); // If the place is dropped by now, its turn is, and needs the lane.
        *lock(&place.turn) = Some(Turn { turns: Arc::clone(self), lane: at });
        place.stage.send_replace(Stage::HasTurn);
    }
}

impl Lane {
    fn enter(&mut self, tag: Tag, place: &Arc<Place>, asker: Asker) {
        let is_same =
            |of: &&Waiting| of.asker.is_of_same_user(&asker) && of.asker.source == asker.source;
        let last = self.waiting.iter().filter(is_same).map(|waiting| waiting.round).max();
        let round =
            self.rounds[usize::from(asker.user.is_some())].max(last.unwrap_or_default()) + 1;
        let place = Arc::downgrade(place);
        self.waiting.push(Waiting { tag, place, asker, round, has_turn: false });
    }

    fn next(&mut self) -> Option<Arc<Place>> {
        loop {
            // Requests that have gone wait no longer.
            self.waiting.retain(|waiting| waiting.place.strong_count() > 0);
            let has = |users: bool| {
                self.waiting.iter().any(|waiting| waiting.asker.user.is_some() == users)
            };
            let is_user = has(true) && !(self.was_user && has(false));
            let turn_before =
                |asker: &Asker| asker.user.as_ref().map(|user| user.last_turn.load(Relaxed));
            let of_kind =
                self.waiting.iter_mut().filter(|waiting| waiting.asker.user.is_some() == is_user);
            let next =
                of_kind.min_by_key(|waiting| (turn_before(&waiting.asker), waiting.round))?;
            let place = next.place.upgrade();
            next.has_turn = place.is_some();
            self.turns += 1;
            self.was_user = is_user;
            self.rounds[usize::from(is_user)] = next.round;
            if let Some(user) = &next.asker.user {
                user.last_turn.store(self.turns, Relaxed);
            }
            if place.is_some() {
                return place;
            }
        }
    }

    /// Makes room for one more, if need be in place of another. Returns whether there is room.
    fn make_room(&mut self, asker: &Asker) -> bool {
        self.waiting.retain(|waiting| waiting.has_turn || waiting.place.strong_count() > 0);
        let is_user = asker.user.is_some();
        let of_kind = || self.waiting.iter().filter(|of| of.asker.user.is_some() == is_user);
        if of_kind().count() < AUTH_WAITERS_MAX {
            return true;
        }
        // How many places the user has, and how many of them from this address.
        let places = |asker: &Asker| {
            let of_user = of_kind().filter(|of| of.asker.is_of_same_user(asker));
            of_user.fold((0, 0), |(user, source), of| {
                (user + 1, source + usize::from(of.asker.source == asker.source))
            })
        };
        let numbered = self.waiting.iter().enumerate();
        let others = numbered.filter(|(_, of)| of.asker.user.is_some() == is_user && !of.has_turn);
        // The latest of those that have the most places.
        let Some((at, other)) = others.max_by_key(|(_, of)| places(&of.asker)) else {
            return false;
        };
        let (ours, theirs) = (places(asker), places(&other.asker));
        let has_fewer = match other.asker.is_of_same_user(asker) {
            true => ours.1 + 1 < theirs.1,
            false => ours.0 + 1 < theirs.0,
        };
        if has_fewer && let Some(place) = self.waiting.remove(at).place.upgrade() {
            place.stage.send_replace(Stage::GaveWay);
        }
        has_fewer
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::checks::tests::tags;
    use super::*;

    const CHEAP: u32 = CHEAP_COST_MAX;

    fn user(name: &str) -> Option<Arc<User>> {
        Some(Arc::new(User::of_test(name)))
    }

    fn asker(user: &Option<Arc<User>>, source: u8) -> Asker {
        Asker { user: user.clone(), source: Some(IpAddr::from([10, 0, 0, source])) }
    }

    /// Which of the places has the turn.
    fn at_hand(places: &[Arc<Place>]) -> usize {
        let has_turn = |place: &Arc<Place>| *place.stage.borrow() == Stage::HasTurn;
        places.iter().position(has_turn).expect("one has it")
    }

    /// In which order the places get their turns.
    fn order(places: &[Arc<Place>]) -> Vec<usize> {
        let turn = |_| {
            let at = at_hand(places);
            places[at].stage.send_replace(Stage::Checked(false));
            drop(places[at].take_turn());
            at
        };
        (0..places.len()).map(turn).collect()
    }

    fn wait(askers: &[Asker]) -> (Arc<Turns>, Vec<Arc<Place>>) {
        let turns = Arc::<Turns>::default();
        let place = |(tag, asker): (Tag, &Asker)| turns.wait(tag, CHEAP, asker.clone());
        let places = tags(askers.len())
            .1
            .into_iter()
            .zip(askers)
            .map(|of| place(of).expect("there is room"));
        let places = places.collect();
        (turns, places)
    }

    #[test]
    fn users_who_exist_other_names_and_addresses_take_turns() {
        let (alice, bob, nobody) = (user("alice"), user("bob"), None);
        let askers = [
            asker(&nobody, 1), // 0: at once
            asker(&nobody, 1),
            asker(&nobody, 1),
            asker(&nobody, 2),
            asker(&alice, 1), // 4
            asker(&alice, 1),
            asker(&alice, 2), // 6
            asker(&bob, 1),
        ];
        let (_, places) = wait(&askers);
        assert_eq!(order(&places), [0, 4, 1, 7, 3, 6, 2, 5]);
    }

    #[test]
    fn a_flood_of_other_names_leaves_all_places_of_users() {
        let nobody = None;
        let flood: Vec<_> = (0..AUTH_WAITERS_MAX).map(|at| asker(&nobody, at as u8)).collect();
        let (turns, places) = wait(&flood);
        let tags = tags(3).1;
        assert!(turns.wait(tags[0], CHEAP, asker(&nobody, 200)).is_none());
        let user = turns.wait(tags[1], CHEAP, asker(&user("alice"), 0)).expect("there is room");
        drop(places[0].take_turn());
        assert_eq!(*user.stage.borrow(), Stage::HasTurn, "it is the next");
    }

    #[test]
    fn who_has_few_places_takes_one_of_who_has_many() {
        let (alice, bob) = (user("alice"), user("bob"));
        let flood: Vec<_> = (0..AUTH_WAITERS_MAX).map(|_| asker(&alice, 1)).collect();
        let (turns, places) = wait(&flood);
        let gave_way =
            || places.iter().filter(|place| *place.stage.borrow() == Stage::GaveWay).count();
        let tags = tags(4).1;
        assert!(turns.wait(tags[0], CHEAP, asker(&alice, 1)).is_none(), "its own places");
        let _address = turns.wait(tags[1], CHEAP, asker(&alice, 2)).expect("another address");
        let _user = turns.wait(tags[2], CHEAP, asker(&bob, 1)).expect("another user");
        assert_eq!(gave_way(), 2);
        assert_eq!(*places[0].stage.borrow(), Stage::HasTurn, "that goes on");
    }

    #[test]
    fn an_expensive_hash_delays_no_other() {
        let turns = Arc::<Turns>::default();
        let tags = tags(2).1;
        let dear = turns.wait(tags[0], CHEAP + 1, Asker::default()).expect("there is room");
        let cheap = turns.wait(tags[1], CHEAP, Asker::default()).expect("there is room");
        assert_eq!((*dear.stage.borrow(), *cheap.stage.borrow()), (Stage::HasTurn, Stage::HasTurn));
    }

    #[test]
    fn who_leaves_gives_the_turn_on() {
        let (turns, mut places) = wait(&[Asker::default(), Asker::default(), Asker::default()]);
        let last = places.pop().expect("there are three");
        drop(places);
        assert_eq!(*last.stage.borrow(), Stage::HasTurn);
        drop(last);
        assert!(!lock(&turns.lanes[0]).is_busy);
    }
}
