//! What requests are told in each state.

use super::*;

fn leader(id: &str) -> Leader {
    Leader { id: id.into(), url: "http://leader:9091".into(), since: Timestamp::now(), term: 1 }
}

#[tokio::test]
async fn changes_go_to_the_leader_and_are_held_while_nobody_leads() {
    let leading = Membership::for_test("http://a:9091", Role::Leading, None, 7);
    assert_eq!((leading.place().await, leading.position()), (Ok(Place::Here), 7));
    let following = Membership::for_test("http://a:9091", Role::Following, None, 7);
    let placed = async { following.place().await };
    let elected = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        following.set_for_test(Role::Following, Some(leader("b")), 8);
    };
    let (placed, ()) = tokio::join!(placed, elected);
    assert!(matches!(placed, Ok(Place::At(Leader { id, .. })) if id == "b"));
    assert_eq!(following.applied(8).await, Ok(()));
    following.set_for_test(Role::SteppedBack("it is too old".into()), None, 8);
    assert_eq!(following.place().await, Err(NotReady::SteppedBack("it is too old".into())));
    assert_eq!(following.readable(), Err(NotReady::SteppedBack("it is too old".into())));
}

#[tokio::test]
async fn a_replica_that_still_reads_the_stream_sends_nothing_to_a_leader_of_the_past() {
    let reading = Membership::for_test("http://a:9091", Role::Following, Some(leader("b")), 7);
    reading.begins_anew();
    reading.shows(Role::Following, Some(leader("b")), false, [0, 0]);
    let placed = async { reading.place().await };
    let read = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        reading.shows(Role::Following, Some(leader("c")), true, [0, 0]);
    };
    let (placed, ()) = tokio::join!(placed, read);
    assert!(matches!(placed, Ok(Place::At(Leader { id, .. })) if id == "c"));
}

#[test]
fn a_leader_that_is_not_acknowledged_within_the_lease_shows_nothing() {
    let membership =
        Membership::new("http://a:9091", Duration::from_millis(30), Duration::from_secs(30));
    membership.set_for_test(Role::Leading, None, 1);
    membership.has_acknowledged(Instant::now());
    assert_eq!(membership.readable(), Ok(()));
    std::thread::sleep(Duration::from_millis(40));
    assert_eq!(membership.readable(), Err(NotReady::Unacknowledged(0)));
}

#[tokio::test]
async fn a_process_that_stood_still_takes_no_change_and_holds_none() {
    let lease = Duration::from_millis(200);
    let membership = Membership::new("http://a:9091", lease, Duration::from_secs(30));
    membership.set_for_test(Role::Leading, None, 1);
    membership.beats();
    membership.has_acknowledged(Instant::now());
    assert_eq!(membership.place().await, Ok(Place::Here));
    // Held, because the stream has acknowledged nothing; and while it is held, the process stands still.
    std::thread::sleep(lease + lease / 4);
    assert_eq!(membership.place().await, Err(NotReady::Paused(0)), "before the next beat");
    membership.beats();
    membership.has_acknowledged(Instant::now());
    let since = Instant::now();
    assert_eq!(membership.place().await, Err(NotReady::Paused(0)));
    assert_eq!(membership.ready_for_pushes(), Err(NotReady::Paused(0)));
    assert_eq!(membership.readable(), Ok(()), "what it shows has rules of its own");
    while membership.awake().is_err() {
        assert!(since.elapsed() < 5 * lease);
        tokio::time::sleep(lease / 10).await;
        membership.beats();
    }
    membership.has_acknowledged(Instant::now());
    assert_eq!(membership.place().await, Ok(Place::Here));
}

#[tokio::test]
async fn a_follower_that_is_cut_off_wants_no_pushes_and_passes_on_what_comes() {
    let lease = Duration::from_millis(50);
    let membership = Membership::new("http://a:9091", lease, Duration::from_secs(30));
    membership.shows(Role::Following, Some(leader("b")), true, [0, 0]);
    let hears_of = |id: &str| {
        let (id, url, seen) = (id.to_owned(), String::new(), Timestamp::now());
        membership.meets(Member { id, url, leads: false, position: 1, seen }, 3 * lease);
    };
    membership.hears(Instant::now());
    assert_eq!(membership.ready_for_pushes(), Ok(()));
    tokio::time::sleep(2 * lease).await;
    hears_of("c");
    // NATS is there and the leader is not: the next leader is waited for.
    assert_eq!(membership.ready_for_pushes(), Ok(()));
    assert_eq!(membership.try_place(), Err(NotReady::NoLeader));
    tokio::time::sleep(2 * lease).await;
    hears_of(membership.id());
    assert_eq!(membership.ready_for_pushes(), Err(NotReady::CutOff(0)), "it hears only itself");
    assert_eq!((membership.ready(), membership.readable()), (Ok(()), Ok(())));
    assert_eq!(membership.try_place(), Ok(Place::At(membership.leader().expect("it knows one"))));
    let since = Instant::now();
    assert_eq!(membership.applied(9).await, Err(NotReady::Behind(9)));
    assert!(since.elapsed() < HOLD_WAIT / 2, "it does not wait for what it cannot hear");
}
