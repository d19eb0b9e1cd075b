use std::sync::mpsc;

use super::*;
use crate::executor::metrics::LanesMetrics;

fn metrics() -> LaneMetrics {
    LanesMetrics::new(&prometheus::Registry::new())
        .unwrap()
        .lane("test")
}

fn lane(workers: usize, queue: usize, deadline: Duration) -> Arc<Lane> {
    Arc::new(
        Lane::start(
            "test",
            LaneSettings {
                workers,
                queue,
                deadline,
                limit: Duration::from_millis(500),
                priority: Priority::Normal,
            },
            metrics(),
            || {},
        )
        .unwrap(),
    )
}

fn backlog(lane: &Lane) -> usize {
    lane.shared.lock().jobs.len()
}

fn client(number: u8) -> ClientKey {
    let address = [192, 0, 2, number];
    (number != 0).then(|| crate::client_key::lane_key(address.into()))
}

/// Queues a job that returns `name`.
async fn queued(
    lane: &Arc<Lane>,
    number: u8,
    name: &'static str,
) -> tokio::task::JoinHandle<Result<&'static str, ExecutorError>> {
    let before = backlog(lane);
    let job = tokio::spawn({
        let lane = Arc::clone(lane);
        async move { lane.run(client(number), move || name).await }
    });
    while backlog(lane) == before && !job.is_finished() {
        tokio::task::yield_now().await;
    }
    job
}

/// Occupies a worker until the returned sender is dropped.
async fn occupy(lane: &Arc<Lane>) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, has_started) = oneshot::channel();
    let lane = Arc::clone(lane);
    tokio::spawn(async move {
        lane.run(None, move || {
            let _ = started.send(());
            let _ = released.recv();
        })
        .await
    });
    has_started.await.unwrap();
    release
}

#[tokio::test]
async fn a_job_returns_its_result() {
    assert_eq!(
        lane(2, 4, Duration::from_secs(5)).run(None, || 6 * 7).await,
        Ok(42)
    );
}

#[tokio::test]
async fn a_full_queue_rejects_immediately() {
    let lane = lane(1, 1, Duration::from_secs(5));
    let release = occupy(&lane).await;
    let waiting = tokio::spawn({
        let lane = Arc::clone(&lane);
        async move { lane.run(None, || "waited").await }
    });
    while backlog(&lane) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(matches!(
        lane.check_room(&None),
        Err(ExecutorError::Overloaded { .. })
    ));
    assert!(matches!(
        lane.run(None, || "refused").await,
        Err(ExecutorError::Overloaded { .. })
    ));
    drop(release);
    assert_eq!(waiting.await.unwrap(), Ok("waited"));
    assert_eq!(lane.check_room(&None), Ok(()));
}

#[tokio::test]
async fn a_job_that_waited_too_long_is_not_run() {
    let deadline = Duration::from_millis(50);
    let lane = lane(1, 4, deadline);
    let release = occupy(&lane).await;
    let (ran, has_run) = mpsc::channel();
    let waited = tokio::spawn({
        let lane = Arc::clone(&lane);
        async move { lane.run(None, move || ran.send(())).await }
    });
    while backlog(&lane) == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(2 * deadline).await;
    drop(release);
    assert!(matches!(
        waited.await.unwrap(),
        Err(ExecutorError::Overloaded { .. })
    ));
    assert!(has_run.recv().is_err());
}

#[tokio::test]
async fn a_caller_gets_an_error_when_a_job_does_not_end() {
    let lane = lane(1, 4, Duration::from_millis(300));
    let (release, released) = mpsc::channel::<()>();
    let stuck = lane.run(None, move || released.recv()).await;
    assert!(matches!(stuck, Err(ExecutorError::Stuck { .. })));
    drop(release);
    assert_eq!(
        lane.run(None, || "the thread continues").await,
        Ok("the thread continues")
    );
}

#[tokio::test]
async fn one_client_cannot_fill_the_queue_for_others() {
    let lane = lane(1, 2, Duration::from_secs(5));
    let release = occupy(&lane).await;
    let first = queued(&lane, 1, "first").await;
    let second = queued(&lane, 1, "second").await;
    let third = queued(&lane, 1, "third").await.await.unwrap();
    assert!(matches!(third, Err(ExecutorError::Overloaded { .. })));
    let other = tokio::spawn({
        let lane = Arc::clone(&lane);
        async move { lane.run(client(2), || "other").await }
    });
    // It was displaced, and its caller gets the error immediately.
    assert!(matches!(
        second.await.unwrap(),
        Err(ExecutorError::Overloaded { .. })
    ));
    assert_eq!(lane.shared.metrics.rejected(RejectReason::Full), 1);
    assert_eq!(lane.shared.metrics.rejected(RejectReason::Displaced), 1);
    drop(release);
    assert_eq!(first.await.unwrap(), Ok("first"));
    assert_eq!(other.await.unwrap(), Ok("other"));
}

#[tokio::test]
async fn an_abandoned_job_takes_up_no_room_in_the_queue() {
    let lane = lane(1, 1, Duration::from_secs(5));
    let release = occupy(&lane).await;
    let abandoned = queued(&lane, 1, "abandoned").await;
    abandoned.abort();
    assert!(abandoned.await.unwrap_err().is_cancelled());
    let next = tokio::spawn({
        let lane = Arc::clone(&lane);
        async move { lane.run(client(1), || "next").await }
    });
    tokio::task::yield_now().await;
    drop(release);
    assert_eq!(next.await.unwrap(), Ok("next"));
}

#[tokio::test]
async fn a_thread_survives_a_job_that_panics() {
    let lane = lane(1, 4, Duration::from_secs(5));
    assert_eq!(
        lane.run(None, || panic!("planted")).await,
        Err::<(), _>(ExecutorError::Panicked { lane: "test" })
    );
    assert_eq!(lane.run(None, || 1).await, Ok(1));
}

#[tokio::test]
async fn a_thread_calls_on_idle_once_after_its_last_job() {
    let (calls, called) = mpsc::channel();
    let settings = LaneSettings {
        workers: 1,
        queue: 4,
        deadline: Duration::from_secs(5),
        limit: Duration::from_secs(5),
        priority: Priority::Normal,
    };
    let on_idle = move || calls.send(()).unwrap();
    let lane = Arc::new(Lane::start("test", settings, metrics(), on_idle).unwrap());
    let release = occupy(&lane).await;
    let next = queued(&lane, 1, "next").await;
    drop(release);
    assert_eq!(next.await.unwrap(), Ok("next"));
    called.recv().unwrap();
    drop(lane);
    assert!(
        called.recv().is_err(),
        "called between two jobs, or without having worked"
    );
}
