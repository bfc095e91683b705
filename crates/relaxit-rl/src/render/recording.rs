//! An episode, and the files made of it.

use std::borrow::Cow;
use std::io::{self, Write};

use super::{Picture, Render, Scene};
use crate::environment::{
    Acrobot, CartPole, Environment, EnvironmentName, EnvironmentOptions, Observation, Taxi, TimeLimit,
};
use crate::error::{Error, Result};

/// An episode, as it looked.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The scenes, from the start to the end: one more than there were steps.
    pub scenes: Vec<Scene>,
    /// How long each should be seen, in hundredths of a second.
    pub delay: u16,
    /// The sum of the rewards.
    pub episode_return: f64,
}

/// Records the episode of `seed`: `policy` gets an observation and the mask of the actions, and chooses one of them.
///
/// The episode must come to an end: give the environment a [`TimeLimit`](crate::environment::TimeLimit).
///
/// # Errors
/// If the environment fails.
///
/// # Panics
/// If `policy` chooses an action that there is not.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::{CartPole, TimeLimit};
/// use relaxit_rl::render::record;
/// let mut environment = TimeLimit::new(CartPole::new(), 20)?;
/// let recording = record(&mut environment, 0, |seen, _| usize::from(seen[2] + 0.5 * seen[3] > 0.0))?;
/// assert_eq!((recording.scenes.len(), recording.episode_return), (21, 20.0));
///
/// let mut file = Vec::new();
/// recording.write_gif(&mut file)?;
/// assert!(file.starts_with(b"GIF89a"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn record<E: Environment + Render>(
    environment: &mut E,
    seed: u64,
    mut policy: impl FnMut(&[f32], &[bool]) -> usize,
) -> Result<Recording> {
    let mut observation = environment.reset(seed)?;
    let mut recording = Recording { scenes: vec![environment.scene()], delay: E::DELAY, episode_return: 0.0 };
    let (mut seen, mut mask) = (vec![0.0; observation.width()], vec![true; environment.num_actions()]);
    loop {
        observation.write(&mut seen);
        environment.action_mask(&mut mask);
        let step = environment.step(policy(&seen, &mask))?;
        recording.scenes.push(environment.scene());
        recording.episode_return += step.reward;
        if step.ended() {
            return Ok(recording);
        }
        observation = step.observation;
    }
}

/// Records the episode of `seed` of the environment that [`EnvironmentName::make`] makes of `name` and `options`.
///
/// # Errors
/// For environments of Gymnasium, which this crate cannot draw, and for options that the environment does not take.
///
/// # Panics
/// If `policy` chooses an action that there is not.
///
/// # Examples
/// ```
/// use relaxit_rl::environment::{EnvironmentName, EnvironmentOptions};
/// use relaxit_rl::render::record_by_name;
/// let options = EnvironmentOptions::default();
/// let push = |seen: &[f32], _: &[bool]| if seen[5] > 0.0 { 2 } else { 0 };
/// let recording = record_by_name(&EnvironmentName::Acrobot, &options, 0, push)?;
/// assert_eq!(recording.episode_return, -121.0);
/// # Ok::<(), relaxit_rl::Error>(())
/// ```
pub fn record_by_name(
    name: &EnvironmentName,
    options: &EnvironmentOptions,
    seed: u64,
    policy: impl FnMut(&[f32], &[bool]) -> usize,
) -> Result<Recording> {
    match name {
        EnvironmentName::CartPole => {
            options.refuse_all("cartpole")?;
            record(&mut TimeLimit::new(CartPole::new(), CartPole::MAX_EPISODE_STEPS)?, seed, policy)
        }
        EnvironmentName::Acrobot => {
            options.refuse_all("acrobot")?;
            record(&mut TimeLimit::new(Acrobot::new(), Acrobot::MAX_EPISODE_STEPS)?, seed, policy)
        }
        EnvironmentName::Taxi => record(&mut TimeLimit::new(options.taxi()?, Taxi::MAX_EPISODE_STEPS)?, seed, policy),
        EnvironmentName::Gymnasium(_) => Err(Error::Environment {
            name: name.to_string(),
            problem: "only cartpole, acrobot and taxi can be drawn".to_owned(),
        }),
    }
}

impl Recording {
    /// Writes an animated GIF that repeats for ever, its last frame for a second longer.
    ///
    /// # Errors
    /// If `file` does.
    pub fn write_gif(&self, file: impl Write) -> io::Result<()> {
        let Some(first) = self.scenes.first().map(Scene::draw) else { return Ok(()) };
        let mut encoder = encoder(file, &first)?;
        encoder.set_repeat(gif::Repeat::Infinite).map_err(into_io)?;
        let last = self.scenes.len() - 1;
        let mut before = None;
        for (index, scene) in self.scenes.iter().enumerate() {
            let picture = scene.draw();
            let mut frame = changed(before.as_ref(), &picture);
            frame.delay = self.delay + if index == last { 100 } else { 0 };
            encoder.write_frame(&frame).map_err(into_io)?;
            before = Some(picture);
        }
        Ok(())
    }

    /// `count` scenes side by side, evenly spaced over the episode, its start and end among them.
    ///
    /// # Panics
    /// If there are no scenes, or the strip is wider than 65,535 pixels.
    #[must_use]
    pub fn strip(&self, count: usize) -> Picture {
        let count = count.clamp(1, self.scenes.len());
        let chosen = (0..count).map(|i| &self.scenes[i * (self.scenes.len() - 1) / (count - 1).max(1)]);
        let first = &self.scenes[0];
        let wide = usize::from(first.width);
        let width = u16::try_from(wide * count).expect("a strip of at most 65,535 pixels");
        let mut strip = Picture::blank(width, first.height, first.colours);
        for (i, scene) in chosen.enumerate() {
            strip.paste(&scene.draw(), i * wide);
        }
        strip
    }
}

impl Picture {
    /// Writes a GIF that stands still.
    ///
    /// # Errors
    /// If `file` does.
    pub fn write_gif(&self, file: impl Write) -> io::Result<()> {
        encoder(file, self)?.write_frame(&changed(None, self)).map_err(into_io)
    }
}

fn encoder<W: Write>(file: W, picture: &Picture) -> io::Result<gif::Encoder<W>> {
    gif::Encoder::new(file, picture.width(), picture.height(), picture.palette().as_flattened()).map_err(into_io)
}

/// The smallest frame that makes `before` into `after`.
#[allow(clippy::cast_possible_truncation)] // within the picture
fn changed(before: Option<&Picture>, after: &Picture) -> gif::Frame<'static> {
    let (width, height) = (usize::from(after.width()), usize::from(after.height()));
    let same = |x: usize, y: usize| {
        before.is_some_and(|before| before.pixels()[y * width + x] == after.pixels()[y * width + x])
    };
    let rows: Vec<usize> = (0..height).filter(|&y| !(0..width).all(|x| same(x, y))).collect();
    let columns: Vec<usize> = (0..width).filter(|&x| !(0..height).all(|y| same(x, y))).collect();
    // Where nothing changed, a pixel stands for nothing: a frame may not be empty.
    let span = |changed: &[usize]| match *changed {
        [] => (0, 1),
        [first, .., last] => (first, last + 1 - first),
        [only] => (only, 1),
    };
    let ((left, wide), (top, high)) = (span(&columns), span(&rows));
    let buffer: Vec<u8> =
        (top..top + high).flat_map(|y| after.pixels()[y * width + left..][..wide].iter().copied()).collect();
    gif::Frame {
        left: left as u16,
        top: top as u16,
        width: wide as u16,
        height: high as u16,
        buffer: Cow::Owned(buffer),
        ..gif::Frame::default()
    }
}

fn into_io(error: gif::EncodingError) -> io::Error {
    match error {
        gif::EncodingError::Io(error) => error,
        error => io::Error::other(error),
    }
}
