//! Claims: which worker runs a job.
//!
//! The claims of a job are files `NAME.claim-0`, `NAME.claim-1`, … of which the last counts. Whoever creates it has the job,
//! and creation succeeds for one alone (`O_EXCL`). A worker that finds the last claim given up, or its worker dead, creates the
//! next one. Nothing is ever renamed, and claims are removed only when the job is done: so a worker that was slow to act upon
//! what it saw can never take away the claim of one that was faster, as it could with a single file that is removed or replaced.
//!
//! A worker is dead if its process is gone, which workers on the same machine can see, or if it has not touched its claim
//! for [`STALE`]. Ages are read by the clock of the file system, which clocks of other machines need not agree with.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// Without a touch for so long, a claim is void: more than network file systems keep the age of a file in their caches.
pub const STALE: Duration = Duration::from_mins(5);

/// Workers touch their claims as often as this.
pub const TOUCH: Duration = Duration::from_secs(15);

/// A process, as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The machine's name.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// When it was started, in the kernel's ticks since the machine was: numbers of processes are used again.
    started: Option<u64>,
    /// The machine's present life and its space of process numbers, which containers of one name do not share.
    space: Option<String>,
    /// Whether it has given the job up.
    #[serde(default)]
    released: bool,
}

impl Owner {
    /// This process.
    #[must_use]
    pub fn this() -> Self {
        let read = |path| fs::read_to_string(path).ok().map(|text: String| text.trim().to_owned());
        let boot = read("/proc/sys/kernel/random/boot_id");
        let space = fs::read_link("/proc/self/ns/pid").ok().map(|space| space.display().to_string());
        let pid = std::process::id();
        Self {
            host: read("/proc/sys/kernel/hostname")
                .or_else(|| std::env::var("HOSTNAME").ok())
                .unwrap_or_else(|| "unknown".into()),
            pid,
            started: started(pid),
            space: boot.zip(space).map(|(boot, space)| format!("{boot} {space}")),
            released: false,
        }
    }

    /// Whether the process runs, if that can be seen from `here`.
    fn lives(&self, here: &Self) -> Option<bool> {
        let same = self.host == here.host && self.space.is_some() && self.space == here.space;
        same.then(|| self.started.is_some() && started(self.pid) == self.started)
    }
}

/// When a process was started: `None` if there is no such process, or the system does not say.
fn started(pid: u32) -> Option<u64> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in brackets, which may hold anything.
    let mut fields = line.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    // One that has ended stays in the table until its parent has heard of it.
    if matches!(state, "Z" | "X") { None } else { fields.nth(18)?.parse().ok() }
}

/// The folder of a sweep, as one process sees it.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    here: Owner,
    /// The file system's clock less ours, in seconds.
    skew: f64,
}

/// What the claims of a job say.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Nobody runs it; the number of the next claim.
    Free(u64),
    /// Its worker is dead; the number of the next claim.
    Abandoned(u64),
    /// Somebody runs it: who, where that can be read.
    Taken(Option<Owner>),
}

impl Folder {
    /// The folder at `path`, which must be there if it is to be written.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        let here = Owner::this();
        let probe = path.join(format!(".clock-{}-{}", here.host, here.pid));
        // A folder that cannot be written has nothing to claim.
        let skew = (|| -> io::Result<f64> {
            fs::write(&probe, "")?;
            let theirs = fs::metadata(&probe)?.modified()?;
            let skew = seconds(theirs) - seconds(SystemTime::now());
            fs::remove_file(&probe)?;
            Ok(skew)
        })();
        Self { path: path.to_owned(), here, skew: skew.unwrap_or(0.0) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn claim(&self, job: &str, number: u64) -> PathBuf {
        self.path.join(format!("{job}.claim-{number}"))
    }

    /// Who runs `job`.
    #[must_use]
    pub fn standing(&self, job: &str) -> Standing {
        let mut next = 0;
        while self.claim(job, next).exists() {
            next += 1;
        }
        let Some(last) = next.checked_sub(1) else { return Standing::Free(0) };
        let path = self.claim(job, last);
        // One that is written in this moment cannot be read yet, but has an age.
        let owner: Option<Owner> = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if owner.as_ref().is_some_and(|owner| owner.released) {
            return Standing::Free(next);
        }
        let dead = match owner.as_ref().and_then(|owner| owner.lives(&self.here)) {
            Some(lives) => !lives,
            None => fs::metadata(&path)
                .and_then(|claim| claim.modified())
                .is_ok_and(|touched| seconds(SystemTime::now()) + self.skew - seconds(touched) > STALE.as_secs_f64()),
        };
        if dead { Standing::Abandoned(next) } else { Standing::Taken(owner) }
    }

    /// Claims `job`, or says why not: somebody has it, or was faster.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn take(&self, job: &str) -> io::Result<Result<Claim, Standing>> {
        let number = match self.standing(job) {
            Standing::Free(number) | Standing::Abandoned(number) => number,
            taken @ Standing::Taken(_) => return Ok(Err(taken)),
        };
        Ok(self.create(job, number)?.ok_or(Standing::Taken(None)))
    }

    /// The claim of that number, if nobody else has created it.
    fn create(&self, job: &str, number: u64) -> io::Result<Option<Claim>> {
        match OpenOptions::new().write(true).create_new(true).open(self.claim(job, number)) {
            Ok(file) => {
                let claim = Claim { folder: self.clone(), job: job.to_owned(), number, file };
                claim.write(&self.here)?;
                Ok(Some(claim))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A job that this process has.
///
/// Dropped, as by a panic, it stays claimed until the process ends.
#[derive(Debug)]
pub struct Claim {
    folder: Folder,
    job: String,
    number: u64,
    /// The claim itself, whatever its name may mean by now.
    file: File,
}

impl Claim {
    /// Shows that its worker lives; `false` if the job is another's by now.
    ///
    /// # Errors
    /// If the claim cannot be written.
    pub fn touch(&self) -> io::Result<bool> {
        // Somebody took this worker for dead, or removed its claim by hand.
        let ours = !self.folder.claim(&self.job, self.number + 1).exists()
            && self.folder.claim(&self.job, self.number).exists();
        if ours {
            // The same bytes, so that nobody reads half of them: writing sets the age by the file system's clock.
            self.write(&self.folder.here)?;
        }
        Ok(ours)
    }

    /// Gives the job up: another worker may have it.
    ///
    /// # Errors
    /// If the claim cannot be written.
    pub fn release(self) -> io::Result<()> {
        self.write(&Owner { released: true, ..self.folder.here.clone() })
    }

    /// Removes every claim of a job that is done. Who creates one now sees that it is done.
    pub fn finish(self) {
        for number in (0..=self.number).rev() {
            // What stays behind is of a process that ends, and is removed by the next that looks.
            let _ = fs::remove_file(self.folder.claim(&self.job, number));
        }
    }

    fn write(&self, owner: &Owner) -> io::Result<()> {
        let text = serde_json::to_vec(owner)?;
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&text)?;
        file.set_len(text.len() as u64)?;
        file.sync_all()
    }
}

fn seconds(time: SystemTime) -> f64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use std::sync::Barrier;

    fn folder() -> (tempfile::TempDir, Folder) {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::new(parent.path());
        assert!(folder.skew.abs() < 1.0, "{}", folder.skew);
        (parent, folder)
    }

    /// Writes a claim as another process would have.
    fn claimed_by(folder: &Folder, number: u64, owner: &Owner) -> PathBuf {
        let path = folder.claim("job", number);
        fs::write(&path, serde_json::to_vec(owner).unwrap()).unwrap();
        path
    }

    fn age(path: &Path, age: Duration) {
        File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn a_job_is_taken_once_until_it_is_given_up_or_done() {
        let (parent, folder) = folder();
        let claim = folder.take("job").unwrap().unwrap();
        assert_eq!(folder.take("job").unwrap().unwrap_err(), Standing::Taken(Some(Owner::this())));
        assert!(claim.touch().unwrap());
        claim.release().unwrap();
        assert_eq!(folder.standing("job"), Standing::Free(1));
        let claim = folder.take("job").unwrap().unwrap();
        assert!(folder.take("job").unwrap().is_err());
        claim.finish();
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    /// Workers that saw the same act upon it at different times.
    #[test]
    fn of_many_that_saw_a_job_free_one_has_it() {
        let (_parent, folder) = folder();
        let barrier = Barrier::new(8);
        for number in 0..20 {
            let claims: Vec<Claim> = std::thread::scope(|scope| {
                let worker = || {
                    barrier.wait();
                    folder.create("job", number).unwrap()
                };
                let workers: Vec<_> = (0..8).map(|_| scope.spawn(worker)).collect();
                workers.into_iter().filter_map(|worker| worker.join().unwrap()).collect()
            });
            assert_eq!(claims.len(), 1);
            assert!(matches!(folder.standing("job"), Standing::Taken(Some(_))));
            assert!(folder.create("job", number).unwrap().is_none());
        }
    }

    #[test]
    fn a_dead_worker_of_this_machine_is_seen_at_once() {
        let (_parent, folder) = folder();
        let mut child = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();
        let owner = Owner { pid: child.id(), started: started(child.id()), ..Owner::this() };
        let path = claimed_by(&folder, 0, &owner);
        // While it lives, an old claim is as good as a new one.
        age(&path, STALE * 2);
        assert_eq!(folder.standing("job"), Standing::Taken(Some(owner.clone())));
        child.kill().unwrap();
        // Before its parent has heard of it, and after.
        while started(owner.pid).is_some() {}
        assert_eq!(folder.standing("job"), Standing::Abandoned(1));
        child.wait().unwrap();
        assert_eq!(folder.standing("job"), Standing::Abandoned(1));
        // Another process that got its number is not it.
        claimed_by(&folder, 0, &Owner { started: Some(1), ..Owner::this() });
        assert_eq!(folder.standing("job"), Standing::Abandoned(1));
    }

    #[test]
    fn a_worker_elsewhere_lives_as_long_as_it_touches_its_claim() {
        let (_parent, folder) = folder();
        // A process of that number runs here, but that says nothing of another machine, nor of another life of this one.
        for elsewhere in [
            Owner { host: "elsewhere".into(), ..Owner::this() },
            Owner { space: Some("before pid:[1]".into()), ..Owner::this() },
            Owner { space: None, started: None, ..Owner::this() },
        ] {
            let path = claimed_by(&folder, 0, &elsewhere);
            assert_eq!(folder.standing("job"), Standing::Taken(Some(elsewhere)));
            age(&path, STALE + Duration::from_secs(5));
            assert_eq!(folder.standing("job"), Standing::Abandoned(1));
            age(&path, STALE.checked_sub(Duration::from_secs(5)).unwrap());
            assert!(matches!(folder.standing("job"), Standing::Taken(_)));
            // A machine whose clock is behind the file system's by a minute does not see it younger.
            let behind = Folder { skew: 60.0, ..folder.clone() };
            assert_eq!(behind.standing("job"), Standing::Abandoned(1));
        }
        // Half a claim has an age too.
        let path = folder.claim("job", 0);
        fs::write(&path, "{").unwrap();
        assert_eq!(folder.standing("job"), Standing::Taken(None));
        age(&path, STALE * 2);
        assert_eq!(folder.standing("job"), Standing::Abandoned(1));
    }

    #[test]
    fn a_worker_that_was_taken_for_dead_hears_of_it() {
        let (_parent, folder) = folder();
        let claim = folder.take("job").unwrap().unwrap();
        claimed_by(&folder, 1, &Owner { host: "elsewhere".into(), ..Owner::this() });
        assert!(!claim.touch().unwrap());
        let other = folder.take("other").unwrap().unwrap();
        fs::remove_file(folder.claim("other", 0)).unwrap();
        assert!(!other.touch().unwrap());
        assert!(folder.take("other").unwrap().is_ok());
    }
}
