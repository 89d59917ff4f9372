//! Small scenes, step by step and bit by bit as the real Box2D played them (`record_scenes.py` recorded it).

#[path = "scenes/stage.rs"]
mod stage;

use lane_math::Isa;
use planar::step_together;
use stage::{STEP, Stage, State};

const COMMANDS: &str = include_str!("scenes/scenes.txt");
const RECORDED: &[u8] = include_bytes!("scenes/recorded.bin");

/// What happens in a scene.
#[derive(Clone, Copy)]
enum Event {
    /// A command is carried out.
    Command(&'static str),
    /// A step is taken, after what the letter means.
    Step(char),
}

/// A scene and its recording.
struct Scene {
    name: &'static str,
    /// Whether the recording has all words, or just their hash.
    in_full: bool,
    events: Vec<Event>,
    recording: Recording,
}

/// What is left of the recording of a scene.
#[derive(Clone, Copy)]
struct Recording(&'static [u8]);

impl Scene {
    /// All scenes.
    fn all() -> Vec<Self> {
        let mut recording = Recording(RECORDED);
        let scenes = COMMANDS.split("scene ").skip(1).map(|text| {
            let (title, commands) = text.split_once('\n').expect("a scene has commands");
            let (mode, name) = title.split_once(' ').expect("a scene has a mode and a name");
            let events = commands.lines().flat_map(Self::events).collect();
            let scene = Self { name, in_full: mode == "full", events, recording };
            scene.steps().for_each(|_| recording.skip(scene.in_full));
            scene
        });
        let scenes = scenes.collect();
        assert!(recording.0.is_empty(), "the recording goes on after the last step");
        scenes
    }

    /// A command, or the steps of a line of them.
    fn events(command: &'static str) -> Vec<Event> {
        match command.strip_prefix("steps ") {
            Some(letters) => letters.chars().map(Event::Step).collect(),
            None => vec![Event::Command(command)],
        }
    }

    fn steps(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| matches!(event, Event::Step(_)))
    }

    /// The first difference to the recording, if there is one.
    fn difference(&self, states: impl Iterator<Item = State>) -> Option<String> {
        let mut recording = self.recording;
        for (step, state) in states.enumerate() {
            if let Err(difference) = recording.check(self.in_full, &state) {
                return Some(format!("{}, step {step}: {difference}", self.name));
            }
        }
        None
    }
}

impl Recording {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (value, rest) = self.0.split_first_chunk().expect("the recording ends too early");
        self.0 = rest;
        *value
    }

    fn words(&mut self) -> Vec<u32> {
        (0..u16::from_le_bytes(self.take())).map(|_| u32::from_le_bytes(self.take())).collect()
    }

    fn skip(&mut self, in_full: bool) {
        if in_full {
            self.words();
        } else {
            self.take::<8>();
        }
    }

    /// Compares the state after the next step with the recorded one.
    fn check(&mut self, in_full: bool, state: &State) -> Result<(), String> {
        if !in_full {
            let equal = fnv1a(state.words()) == u64::from_le_bytes(self.take());
            return if equal { Ok(()) } else { Err("the hash of the state".to_string()) };
        }
        let recorded = self.words();
        for ((field, ours), &theirs) in state.0.iter().zip(&recorded) {
            if *ours != theirs {
                let (x, y) = (f32::from_bits(*ours), f32::from_bits(theirs));
                return Err(format!("{field}: {ours:#010x} ({x:?}), Box2D {theirs:#010x} ({y:?})"));
            }
        }
        let (ours, theirs) = (state.0.len(), recorded.len());
        if ours == theirs { Ok(()) } else { Err(format!("{ours} words, Box2D {theirs}")) }
    }
}

/// The 64-bit FNV-1a hash, taken over words instead of bytes.
fn fnv1a(words: impl Iterator<Item = u32>) -> u64 {
    words.fold(0xCBF2_9CE4_8422_2325, |hash, word| (hash ^ u64::from(word)).wrapping_mul(0x100_0000_01B3))
}

/// Plays a scene on its own; the states after its steps.
fn play(scene: &Scene, after_step: impl Fn(&mut Stage)) -> Vec<State> {
    let mut stage = Stage::new();
    let mut states = Vec::new();
    for &event in &scene.events {
        match event {
            Event::Command(command) => stage.run(command),
            Event::Step(letter) => {
                stage.act_on(letter);
                stage.step();
                states.push(stage.state());
                after_step(&mut stage);
            }
        }
    }
    states
}

/// Plays all scenes at once, their worlds stepped together; the states of each.
fn play_together(scenes: &[Scene], isa: Isa) -> Vec<Vec<State>> {
    let mut stages: Vec<_> = scenes.iter().map(|scene| (Stage::new(), scene.events.iter())).collect();
    let mut states: Vec<_> = scenes.iter().map(|_| Vec::new()).collect();
    loop {
        let mut stepping = Vec::new();
        for ((stage, events), states) in stages.iter_mut().zip(&mut states) {
            for &event in events.by_ref() {
                match event {
                    Event::Command(command) => stage.run(command),
                    Event::Step(letter) => {
                        stage.act_on(letter);
                        stepping.push((stage, states));
                        break;
                    }
                }
            }
        }
        if stepping.is_empty() {
            return states;
        }
        let mut worlds = Vec::new();
        for (stage, _) in &mut stepping {
            if stage.time == STEP {
                worlds.push(stage.as_mut());
            } else {
                stage.step();
            }
        }
        step_together(isa, &mut worlds, STEP.0, STEP.1, STEP.2);
        for (stage, states) in stepping {
            states.push(stage.state());
        }
    }
}

fn assert_none(differences: impl Iterator<Item = String>) {
    let differences: Vec<_> = differences.collect();
    assert!(differences.is_empty(), "{} scenes differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn every_scene_equals_box2d() {
    let scenes = Scene::all();
    let steps: usize = scenes.iter().map(|scene| scene.steps().count()).sum();
    assert!(steps > 10_000, "only {steps} steps were recorded");
    assert_none(scenes.iter().filter_map(|scene| scene.difference(play(scene, |_| {}).into_iter())));
}

#[test]
fn worlds_that_are_stepped_together_equal_box2d() {
    let scenes = Scene::all();
    for isa in Isa::all_available() {
        let states = play_together(&scenes, isa);
        assert_none(
            scenes.iter().zip(states).filter_map(|(scene, states)| scene.difference(states.into_iter())),
        );
    }
}

#[test]
fn a_copied_world_goes_on_as_the_original() {
    let scenes = Scene::all();
    // What the copies overwrite is another scene's world, grown or stepped further.
    let used = scenes[scenes.len() - 1].events.iter().fold(Stage::new(), |mut stage, &event| {
        match event {
            Event::Command(command) => stage.run(command),
            Event::Step(_) => stage.step(),
        }
        stage
    });
    let used = std::cell::RefCell::new(used);
    let go_on_with_a_copy = |stage: &mut Stage| {
        let mut used = used.borrow_mut();
        used.as_mut().clone_from(stage.as_mut());
        std::mem::swap(used.as_mut(), stage.as_mut());
    };
    assert_none(
        scenes.iter().filter_map(|scene| scene.difference(play(scene, go_on_with_a_copy).into_iter())),
    );
}

#[test]
fn a_single_bit_is_seen() {
    for scene in Scene::all() {
        let mut states = play(&scene, |_| {});
        let last = states.last_mut().and_then(|state| state.0.last_mut()).expect("a scene has steps");
        last.1 ^= 1;
        assert!(scene.difference(states.into_iter()).is_some(), "{}: a flaw went unseen", scene.name);
    }
}
