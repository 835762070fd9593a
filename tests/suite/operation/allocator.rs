//! The allocator of the processes.

use konnect_tests::{Process, Stack, TestApp, free_address};

use super::image::processes;

/// As jemalloc calls the threads that give memory back to the system.
const THREAD: &str = "jemalloc_bg_thd";

fn has_thread(process: &Process) -> bool {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{}/task", process.id())) else { return false };
    let names = tasks.flatten().map(|task| std::fs::read_to_string(task.path().join("comm")));
    names.flatten().any(|name| name.trim_end() == THREAD)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_gives_memory_back_by_threads_of_its_allocator() {
    let app = TestApp::start_live().await;
    let tokens = &app.api_config.tokens;
    let stack = Stack::new(&app)
        .with("KONNECT_BIND", &free_address())
        .with("KONNECT_KEYS_DIR", tokens.keys_dir.to_str().expect("a plain path"))
        .with("KONNECT_ISSUER", &tokens.issuer)
        .with("KONNECT_AUDIENCE", &tokens.audience)
        .with("TOSS_CLIENT_KEY", &app.api_config.toss_client_key);
    for name in processes() {
        let process = stack.start(&name);
        app.until(async || has_thread(&process)).await;
        process.kill().await;
    }
    app.leave().await;
}
