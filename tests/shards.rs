//! Real shards on several threads: their number changes nothing, of two pushes in conflict one wins,
//! and a scrape is one moment.

mod oracle {
    pub(crate) mod body;
    pub(crate) mod contest;
    pub(crate) mod drive;
    pub(crate) mod expose;
    pub(crate) mod gateway;
    pub(crate) mod key;
    pub(crate) mod line;
    pub(crate) mod model;
    pub(crate) mod number;
    pub(crate) mod own;
    pub(crate) mod refusal;
    pub(crate) mod scrape;
    pub(crate) mod traffic;
}

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use oracle::contest::{far_apart, move_about, one_series_in_many_groups, race};
use oracle::drive::{check_cut, delete, push, put, scrape, snapshot, start};
use oracle::gateway::Gateway;
use oracle::key::Key;
use oracle::refusal;
use oracle::scrape::Scrape;
use oracle::traffic::{Request, request};
use proptest::collection::vec;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use shardgate::scrape::{Form, Scrape as Exposing};
use shardgate::shard::Mode;
use tokio::task::JoinSet;

const TASKS: usize = 16;
const SHARDS: usize = 7;

/// After how many requests of a sequence a scrape is compared.
const REQUESTS_PER_SCRAPE: usize = 20;

/// Sends requests to that many shards and to the oracle, and answers all scrapes in between.
async fn replay(shards: usize, requests: &[Request]) -> Vec<Scrape> {
    let (shards, tasks) = start(shards);
    let mut oracle = Gateway::default();
    let mut scrapes = Vec::new();
    for (at, request) in requests.iter().enumerate() {
        match request {
            Request::Push { key, mode, body } => {
                let result = push(&shards, key, *mode, body).await;
                let expected = oracle.push(key, *mode, body.as_bytes());
                refusal::compare(&result, &expected).expect("the oracle agrees");
            }
            Request::Delete { key } => {
                delete(&shards, key).await;
                oracle.delete(key);
            }
            Request::Wipe => {
                shards.wipe().await.expect("the shards live");
                oracle.wipe();
            }
        }
        if at % REQUESTS_PER_SCRAPE == 0 || at + 1 == requests.len() {
            let scrape = scrape(&shards).await;
            assert_eq!(scrape, oracle.scrape());
            scrapes.push(scrape);
        }
    }
    drop(shards);
    tasks.join_all().await;
    scrapes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_traffic_through_any_number_of_shards_gives_the_same_scrapes() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..10 {
        let requests = vec(request(), 200).new_tree(&mut runner).expect("nothing is rejected");
        let requests = requests.current();
        let alone = replay(1, &requests).await;
        for shards in [2, 7, 64] {
            assert_eq!(replay(shards, &requests).await, alone, "{shards} shards");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_tasks_that_push_one_series_to_different_groups_exactly_one_wins() {
    let (shards, _tasks) = start(SHARDS);
    for _ in 0..100 {
        let pushes = one_series_in_many_groups().into_iter();
        let pushes = pushes.map(|(key, labels)| (key, format!("fought{{{labels}}} 1\n"))).collect();
        assert_eq!(race(&shards, pushes).await.len(), 1);
        assert_eq!(scrape(&shards).await["fought"].samples.len(), 1);
        shards.wipe().await.expect("the shards live");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_tasks_that_want_a_name_all_of_one_camp_win_and_no_others() {
    let camps: [&[&str]; 2] = [
        &[
            "# TYPE t counter\nt 1\n",
            "# TYPE t gauge\nt 1\n",
            "# TYPE t histogram\nt_sum 1\n",
            "# TYPE t summary\nt_sum 1\n",
        ],
        &["# TYPE t histogram\nt_sum 1\n", "t_count 1\n"],
    ];
    let (shards, _tasks) = start(SHARDS);
    for round in 0..100 {
        let camps = camps[round % 2];
        let key = |task: usize| Key::new([("job", "a"), ("task", &*task.to_string())]);
        let pushes = (0..TASKS).map(|task| (key(task), camps[task % camps.len()].to_owned()));
        let winners = race(&shards, pushes.collect()).await;
        let first = winners.first().expect("somebody was first") % camps.len();
        let camp: Vec<usize> = (0..TASKS).filter(|task| task % camps.len() == first).collect();
        assert_eq!(winners, camp);
        check_cut(&snapshot(&shards).await);
        shards.wipe().await.expect("the shards live");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_series_and_a_type_that_are_fought_over_have_one_holder_at_every_moment() {
    let (shards, _tasks) = start(SHARDS);
    let holders = Arc::new(AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    for (key, labels) in one_series_in_many_groups() {
        let (shards, holders) = (shards.clone(), Arc::clone(&holders));
        tasks.spawn(async move {
            let mut won = 0;
            for round in 0..200 {
                let kind = ["counter", "gauge"][round % 2];
                let body = format!("# TYPE fought {kind}\nfought{{{labels}}} 1\n");
                if put(&shards, &key, &body).await.is_err() {
                    continue;
                }
                won += 1;
                assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "somebody else holds it");
                check_cut(&snapshot(&shards).await);
                assert_eq!(holders.fetch_sub(1, Ordering::SeqCst), 1);
                match round % 3 {
                    0 => delete(&shards, &key).await,
                    1 => put(&shards, &key, "").await.expect("giving up cannot conflict"),
                    _ => put(&shards, &key, "other 1\n").await.expect("the group is its own"),
                }
            }
            won
        });
    }
    let won: u32 = tasks.join_all().await.into_iter().sum();
    assert!(won > 0);
    assert!(!scrape(&shards).await.contains_key("fought"));
    let (key, labels) = one_series_in_many_groups().swap_remove(5);
    put(&shards, &key, &format!("fought{{{labels}}} 1\n")).await.expect("nobody holds it any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushes_that_cannot_conflict_are_never_refused() {
    let (shards, _tasks) = start(SHARDS);
    let bodies = [
        "# TYPE c counter\nc 1\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_count 1\n",
        "# TYPE c counter\nc{x=\"1\"} 1\nc{x=\"2\"} 1\n",
        "# TYPE s summary\ns_sum 1\n# TYPE h histogram\nh_sum{x=\"1\"} 1\nh_sum 2\n",
        "",
    ];
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let shards = shards.clone();
        tasks.spawn(async move {
            let key = Key::new([("job", "a"), ("task", &*task.to_string())]);
            for round in 0..200 {
                let body = bodies[(task + round) % bodies.len()];
                put(&shards, &key, body).await.expect("nobody else pushes anything like it");
                if round % 5 == 0 {
                    delete(&shards, &key).await;
                }
            }
            put(&shards, &key, bodies[task % bodies.len()]).await.expect("as before");
            (key, bodies[task % bodies.len()])
        });
    }
    let mut oracle = Gateway::default();
    for (key, body) in tasks.join_all().await {
        oracle.push(&key, Mode::Replace, body.as_bytes()).expect("as before");
    }
    assert_eq!(scrape(&shards).await, oracle.scrape());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_scrape_sees_what_moves_between_shards_once_at_most() {
    let (shards, _tasks) = start(SHARDS);
    let stop = Arc::new(AtomicBool::new(false));
    let mut movers = JoinSet::new();
    let (left, right) = far_apart(&shards, "left", "right").await;
    let (on_left, on_right) = (left.labels["left"].clone(), right.labels["right"].clone());
    let series = [
        (left, format!("moved{{right=\"{on_right}\"}} 1\n")),
        (right, format!("moved{{left=\"{on_left}\"}} 2\n")),
    ];
    let (one, other) = far_apart(&shards, "one", "other").await;
    let kind = [
        (one, "# TYPE kind counter\nkind 1\n".to_owned()),
        (other, "# TYPE kind gauge\nkind 2\n".to_owned()),
    ];
    let (wide, narrow) = far_apart(&shards, "wide", "narrow").await;
    let name = [
        (wide, "# TYPE wide histogram\nwide_sum 1\n".to_owned()),
        (narrow, "wide_sum 2\n".to_owned()),
    ];
    for groups in [series, kind, name] {
        movers.spawn(move_about(shards.clone(), Arc::clone(&stop), groups));
    }
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..10_000 {
        let snapshots = snapshot(&shards).await;
        for (series, value) in check_cut(&snapshots) {
            if !series.starts_with("push_") {
                *seen.entry(format!("{series} {value}")).or_default() += 1;
            }
        }
        if round % 16 == 0 {
            let form = Form::TEXT;
            let (_, tasks) = Exposing::new(snapshots, Vec::new(), form);
            shards.adopt(tasks.into_iter().filter_map(|task| task.run().1).collect());
        }
    }
    stop.store(true, Ordering::Relaxed);
    assert!(movers.join_all().await.into_iter().all(|moves| moves > 100));
    // Each of the three on either side; a histogram has three lines.
    assert_eq!(seen.len(), 8, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_scrape_never_sees_half_a_push() {
    let (shards, _tasks) = start(SHARDS);
    let stop = Arc::new(AtomicBool::new(false));
    let pusher = tokio::spawn({
        let (shards, stop) = (shards.clone(), Arc::clone(&stop));
        async move {
            let key = Key::new([("job", "a")]);
            let mut round = 0;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                let body = format!("one {round}\n# TYPE other gauge\nother {round}\n");
                put(&shards, &key, &body).await.expect("nobody else pushes");
            }
        }
    });
    for _ in 0..2000 {
        let cut = check_cut(&snapshot(&shards).await);
        let value = |name: &str| cut.get(&format!("{name}{{instance=\"\",job=\"a\"}}"));
        assert_eq!(value("one"), value("other"));
    }
    stop.store(true, Ordering::Relaxed);
    pusher.await.expect("the pusher did not panic");
}
