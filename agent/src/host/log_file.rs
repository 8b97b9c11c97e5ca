//! A log file, followed for ever: through its rotation by renaming and by truncation, before it exists and after it is gone.
//!
//! The file is looked at again and again rather than waited for: three looks cost nothing that can be measured, and need
//! no watch of each directory above one that may not be there yet. An old file is read to its end before the new one is
//! begun, and is kept for a moment, since whoever writes may not have noticed. A place is kept as the file's inode, how far
//! it was read and what stands there, so that reading goes on after a restart, also in a file that was put aside meanwhile.

mod location;
mod place;
mod tail;

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use node::chain::Chain;
use node::journal::Entry;
use node::log_line::{Framed, Reader};
use tokio::time::Instant;

use super::kmsg;
use super::root::Root;
use super::tally::{Loss, Tally};

pub use location::Location;
use location::{Found, Search};
use place::Place;
use tail::{LINE_BYTES, Line, Tail};

/// How often it is looked at.
pub const POLL: Duration = Duration::from_millis(500);
/// So many looks later nobody writes to an old file any more.
const GRACE: u8 = 10;
/// The most old files that are held open.
const OLD_FILES: usize = 64;

/// A log file.
#[derive(Debug)]
pub struct LogFile {
    name: &'static str,
    location: Location,
    search: Search,
    clock: kmsg::Clock,
    /// Lines of what is there at first that are older than this are of another boot.
    boot: Timestamp,
    /// Where the last run of this program was.
    place: Option<Place>,
    /// Files that are not written to any more, the oldest first.
    old: VecDeque<Old>,
    current: Option<Tail>,
    /// Reads the lines of the past, until it was read.
    past: Option<Reader>,
    /// Parts of a line of a container that has not ended, of its two streams.
    parts: [String; 2],
    next_look: Instant,
    has_looked: bool,
    tally: Tally,
}

#[derive(Debug)]
struct Old {
    tail: Tail,
    looks: u8,
}

impl LogFile {
    /// The log of this name, from the place of the last entry that an earlier run has seen.
    pub fn new(
        root: &Root,
        name: &'static str,
        location: Location,
        after: Option<&str>,
        clock: kmsg::Clock,
    ) -> Self {
        let (now, since_start) = clock();
        let age = SignedDuration::try_from(since_start).unwrap_or(SignedDuration::ZERO);
        Self {
            name,
            location,
            search: Search::new(root, location),
            clock,
            boot: now.checked_sub(age).unwrap_or(now),
            place: after.and_then(|place| place.parse().ok()),
            old: VecDeque::new(),
            current: None,
            past: None,
            parts: Default::default(),
            next_look: Instant::now(),
            has_looked: false,
            tally: Tally::default(),
        }
    }

    /// Whose log it is.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What was read so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether there is such a file: without one nothing on this node writes it, which is no fault.
    pub fn is_present(&self) -> bool {
        self.current.is_some()
    }

    /// When it shall be looked at again: nothing comes before that, once it has given all.
    pub fn next_look(&self) -> Instant {
        self.next_look
    }

    /// The next line that is there. Looks for more when it is time to.
    pub fn try_next(&mut self) -> Option<Entry> {
        let now = Instant::now();
        if now >= self.next_look {
            self.next_look = now + POLL;
            self.look();
        }
        if let Some(entry) = self.old_line() {
            return Some(entry);
        }
        loop {
            let tail = self.current.as_mut()?;
            match tail.line() {
                Ok(Some(line)) => {
                    let place = tail.place();
                    if let Some(entry) = self.entry(&line, place) {
                        return Some(entry);
                    }
                }
                Ok(None) => {
                    self.past = None;
                    return None;
                }
                Err(error) => {
                    tracing::warn!(%error, source = self.name, "a log file cannot be read; it is opened again");
                    self.tally.restarts += 1;
                    self.place = Some(tail.place());
                    self.current = None;
                    return None;
                }
            }
        }
    }

    /// The next line of the oldest file that has one.
    fn old_line(&mut self) -> Option<Entry> {
        for index in 0..self.old.len() {
            while let Some(old) = self.old.get_mut(index) {
                let Ok(Some(line)) = old.tail.line() else {
                    // One that cannot be read has ended as well.
                    old.tail.is_at_end = true;
                    break;
                };
                let place = old.tail.place();
                if let Some(entry) = self.entry(&line, place) {
                    return Some(entry);
                }
            }
        }
        None
    }

    /// Sees what became of the files since the last look.
    fn look(&mut self) {
        for old in &mut self.old {
            old.looks = old.looks.saturating_add(1);
            old.tail.look();
        }
        let is_over = |old: &Old| old.looks > GRACE && old.tail.is_at_end;
        while self.old.front().is_some_and(is_over) || self.old.len() > OLD_FILES {
            let Some(Old { mut tail, .. }) = self.old.pop_front() else {
                break;
            };
            if !tail.is_at_end {
                self.tally.lose(Loss::Rotated, 1);
            } else if tail.last_line().is_some() {
                // What it ends with has no end and never will.
                self.tally.lose(Loss::Cut, 1);
            }
        }
        let found = self.search.find();
        if let Some(mut tail) = self.current.take() {
            let is_intact = tail.look();
            if found
                .as_ref()
                .is_some_and(|found| found.inode == tail.inode())
            {
                self.current = Some(tail);
                if !is_intact {
                    self.emptied();
                }
                return;
            }
            self.old.push_back(Old { tail, looks: 0 });
        }
        if let Some(found) = found {
            self.begin(&found);
        }
        self.has_looked = true;
    }

    /// The file was emptied under our hands.
    fn emptied(&mut self) {
        if let Some(tail) = &mut self.current {
            let place = tail.place();
            tail.rewind();
            self.parts = Default::default();
            self.take_copy(&place);
        }
    }

    /// Takes up the copy that whoever empties a file makes first: it has what was not read.
    fn take_copy(&mut self, place: &Place) {
        let others = self.search.others().into_iter().rev();
        let copy = others
            .filter(|other| other.inode != place.inode)
            .find_map(|other| self.open_at(&other, place));
        match copy {
            Some(tail) => self.old.push_back(Old { tail, looks: 0 }),
            None => self.tally.lose(Loss::Truncated, 1),
        }
    }

    /// Begins with a file that was not read before, or not by this run.
    fn begin(&mut self, found: &Found) {
        // It was away for a moment only.
        if let Some(index) = self
            .old
            .iter()
            .position(|old| old.tail.inode() == found.inode)
        {
            self.current = self.old.remove(index).map(|old| old.tail);
            return;
        }
        let file = match self.search.open(found) {
            Ok(Some(file)) => file,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(error = %Chain(&error), source = self.name, "a log file is not read");
                return;
            }
        };
        let place = self.place.take();
        if let Some(place) = place {
            if place.inode == found.inode {
                self.current = self.open_at(found, &place);
                if self.current.is_some() {
                    return;
                }
                self.take_copy(&place);
            } else {
                self.resume_old(found, &place);
            }
        } else if let Some(old) = self.old.back() {
            self.between(old.tail.inode(), old.tail.modified(), found);
        } else if !self.has_looked {
            // Before any line has a clock, nobody knows that it is of this boot.
            let before = self.boot.checked_sub(SignedDuration::from_secs(1));
            let before = before.unwrap_or(self.boot);
            self.past = Some(Reader::since(before, (self.clock)().0));
        }
        self.current = Tail::new(file).ok();
    }

    /// The file was put aside while we did not run.
    fn resume_old(&mut self, found: &Found, place: &Place) {
        let others = self.search.others();
        let old = others.iter().find(|other| other.inode == place.inode);
        match old.and_then(|old| Some((old.modified, self.open_at(old, place)?))) {
            Some((modified, tail)) => {
                let inode = tail.inode();
                self.old.push_back(Old { tail, looks: 0 });
                self.between(inode, modified, found);
            }
            None => self.tally.lose(Loss::Rotated, 1),
        }
    }

    /// Takes up the files that came and went between the old one and the new one.
    fn between(&mut self, old: u64, modified: (i64, i64), new: &Found) {
        let others = self.search.others().into_iter();
        let between: Vec<Found> = others
            .filter(|other| other.inode != old && other.inode != new.inode)
            .filter(|other| other.modified > modified && other.modified <= new.modified)
            .filter(|other| self.old.iter().all(|old| old.tail.inode() != other.inode))
            .collect();
        for other in between {
            if let Ok(Some(file)) = self.search.open(&other)
                && let Ok(tail) = Tail::new(file)
            {
                self.old.push_back(Old { tail, looks: 0 });
            }
        }
    }

    fn open_at(&self, found: &Found, place: &Place) -> Option<Tail> {
        let file = self.search.open(found).ok().flatten()?;
        Tail::at(file, place).ok().flatten()
    }

    /// The entry that a line is; none for a part of one, and for one of another boot.
    fn entry(&mut self, line: &Line, place: Place) -> Option<Entry> {
        let (text, at) = match Framed::parse(&line.text).filter(|_| self.location.is_framed()) {
            Some(framed) => (self.joined(&framed)?, Some(framed.at)),
            None => (line.text.clone(), None),
        };
        let now = (self.clock)().0;
        // What comes while it is waited for is of now, where it does not say otherwise.
        let read = match &mut self.past {
            Some(reader) => reader.read(&text, Some(self.name)),
            None => Reader::new(now).read(&text, Some(self.name)),
        }?;
        let at = at.unwrap_or(read.at);
        let message = read.message.into_owned();
        if self.past.is_some() && at < self.boot {
            return None;
        }
        self.tally.read(at);
        self.tally.lose(Loss::Cut, line.is_cut.into());
        Some(Entry {
            unit: self.name.to_owned(),
            identifier: self.name.to_owned(),
            message,
            at,
            cursor: place.to_string(),
        })
    }

    /// What a container said, once its line has ended.
    fn joined(&mut self, framed: &Framed<'_>) -> Option<String> {
        let parts = self.parts.get_mut(usize::from(framed.is_error))?;
        let room = LINE_BYTES.saturating_sub(parts.len());
        if framed.text.len() > room {
            self.tally.lose(Loss::Cut, framed.is_end.into());
        }
        parts.push_str(
            framed
                .text
                .get(..framed.text.floor_char_boundary(room))
                .unwrap_or_default(),
        );
        framed.is_end.then(|| std::mem::take(parts))
    }
}

#[cfg(test)]
mod tests;
