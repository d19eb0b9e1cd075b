//! A memory store that fails in one chosen transaction.

use std::sync::{Mutex, MutexGuard, PoisonError};

use doorward_domain::store::{Repositories, UnitOfWork, Verdict};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_testkit::MemoryStore;

/// The point in a transaction at which the store fails.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// Before it begins.
    Begin,
    /// After this many statements.
    Statement(u32),
    /// At the commit.
    Commit,
}

/// The memory store, failing as planned in one transaction and working before and after it. The memory store's own faults
/// affect every transaction, but a use case of several has to handle the loss of any single one.
#[derive(Debug, Default)]
pub struct Store {
    pub memory: MemoryStore,
    plan: Mutex<Plan>,
}

#[derive(Debug, Default)]
struct Plan {
    fault: Option<(u32, Fault)>,
    begun: u32,
    failed: bool,
}

/// The result of a planned fault.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// The number of transactions.
    pub begun: u32,
    /// Whether the store reported the failure.
    pub failed: bool,
}

/// The error of every planned failure.
pub fn outage() -> StoreError {
    StoreError::Unavailable("an outage".to_owned())
}

impl Store {
    /// Fails the transaction of this number, counted from 0 from now on.
    pub fn fail_in(&self, transaction: u32, fault: Fault) {
        *self.plan() = Plan {
            fault: Some((transaction, fault)),
            ..Plan::default()
        };
    }

    /// Removes the planned fault, and returns its result.
    pub fn mend(&self) -> Report {
        let plan = core::mem::take(&mut *self.plan());
        self.set(None);
        Report {
            begun: plan.begun,
            failed: plan.failed,
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, fault: Option<Fault>) {
        let error = |meant: bool| meant.then(outage);
        self.memory.fail_with(error(matches!(fault, Some(Fault::Begin))));
        self.memory
            .fail_commits_with(error(matches!(fault, Some(Fault::Commit))));
        match fault {
            Some(Fault::Statement(after)) => self.memory.fail_after(after, Some(outage())),
            _ => self.memory.fail_after(0, None),
        }
    }

    /// Sets the planned fault for the transaction that begins now.
    fn begin(&self) {
        let mut plan = self.plan();
        if let Some((number, fault)) = plan.fault {
            self.set((number == plan.begun).then_some(fault));
        }
        plan.begun += 1;
    }

    fn end(&self, result: StoreResult<()>) -> StoreResult<()> {
        if result.is_err() {
            self.plan().failed = true;
        }
        result
    }
}

impl UnitOfWork for Store {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        self.begin();
        self.end(self.memory.write(work))
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        self.begin();
        self.end(self.memory.read(work))
    }

    fn write_single(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        self.begin();
        self.end(self.memory.write_single(work))
    }

    fn read_single(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        self.begin();
        self.end(self.memory.read_single(work))
    }

    fn check(&self) -> StoreResult<()> {
        self.memory.check()
    }
}
