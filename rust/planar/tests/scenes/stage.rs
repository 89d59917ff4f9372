//! A world that carries out the commands of `scenes.txt`. What they mean is said where they are made, in
//! `record_scenes.py`.

use planar::{
    BodyDef, BodyId, BodyKind, ContactEvent, Filter, FixtureDef, FixtureId, JointId, ManifoldKind,
    RevoluteJointDef, Shape, Vec2, World,
};
use std::collections::HashMap;
use std::str::SplitWhitespace;

/// What Gymnasium's environments pass to every step: seconds, velocity iterations, position iterations.
pub const STEP: (f32, u32, u32) = (1.0 / 50.0, 180, 60);

/// A world, its parts by number, and what the letters mean.
pub struct Stage {
    world: World,
    bodies: Vec<Option<BodyId>>,
    fixtures: Vec<FixtureId>,
    joints: Vec<Option<JointId>>,
    letters: HashMap<char, &'static str>,
    /// Seconds, velocity iterations, position iterations.
    pub time: (f32, u32, u32),
    /// Events of contacts that ended because a body was destroyed since the last step.
    ended: Vec<[u32; 3]>,
    rays: Vec<Ray>,
}

/// A ray that is cast after every step, from a body's place.
struct Ray {
    body: usize,
    way: Vec2,
    /// The categories that stop it.
    mask: u16,
}

/// The words of a command, one by one.
struct Words<'a>(SplitWhitespace<'a>);

impl Words<'_> {
    fn next<T: std::str::FromStr>(&mut self) -> T {
        let word = self.0.next().expect("a command has all its words");
        word.parse().unwrap_or_else(|_| panic!("{word} is no {}", std::any::type_name::<T>()))
    }

    fn flag(&mut self) -> bool {
        self.next::<u8>() == 1
    }

    fn vector(&mut self) -> Vec2 {
        Vec2::new(self.next(), self.next())
    }

    fn vectors(&mut self) -> Vec<Vec2> {
        let values: Vec<f32> = self.0.by_ref().map(|word| word.parse().expect("a coordinate")).collect();
        values.chunks_exact(2).map(|point| Vec2::new(point[0], point[1])).collect()
    }
}

impl Stage {
    pub fn new() -> Self {
        Self {
            world: World::new(Vec2::ZERO),
            bodies: Vec::new(),
            fixtures: Vec::new(),
            joints: Vec::new(),
            letters: HashMap::new(),
            time: STEP,
            ended: Vec::new(),
            rays: Vec::new(),
        }
    }

    /// Does what `letter` means.
    pub fn act_on(&mut self, letter: char) {
        if letter != '.' {
            let command = self.letters[&letter];
            self.run(command);
        }
    }

    /// Takes a step.
    pub fn step(&mut self) {
        self.world.step(self.time.0, self.time.1, self.time.2);
    }

    /// Carries out a command.
    pub fn run(&mut self, command: &'static str) {
        if let Some((letter, meaning)) = command.strip_prefix("on ").and_then(|rest| rest.split_once(' ')) {
            self.letters.insert(letter.parse().expect("a letter"), meaning);
            return;
        }
        let mut words = Words(command.split_whitespace());
        let name: String = words.next();
        match name.as_str() {
            "time" => self.time = (words.next(), words.next(), words.next()),
            "gravity" => self.world = World::new(words.vector()),
            "body" => self.create_body(&mut words),
            "edge" | "box" | "polygon" => self.create_fixture(&name, &mut words),
            "joint" => self.create_joint(&mut words),
            "destroy" => self.destroy(words.next()),
            "speed" => {
                let joint = self.joints[words.next::<usize>()].expect("the joint exists");
                self.world.set_motor_speed(joint, words.next());
            }
            "strength" => {
                let joint = self.joints[words.next::<usize>()].expect("the joint exists");
                self.world.set_max_motor_torque(joint, words.next());
            }
            "ray" => self.rays.push(Ray { body: words.next(), way: words.vector(), mask: words.next() }),
            _ => self.act(&name, &mut words),
        }
        assert!(words.0.next().is_none(), "too many words: {command}");
    }

    /// Does something to a body.
    fn act(&mut self, name: &str, words: &mut Words) {
        let id = self.body(words.next());
        let body = *self.world.body(id);
        match name {
            "impulse" | "push" => {
                let (vector, point) = (body.world_vector(words.vector()), body.world_point(words.vector()));
                if name == "push" {
                    self.world.apply_force(id, vector, point, true);
                } else {
                    self.world.apply_linear_impulse(id, vector, point, true);
                }
            }
            "drag" => {
                let (factor, velocity) = (words.next::<f32>(), body.linear_velocity());
                let force = Vec2::new(-factor * velocity.x, -factor * velocity.y);
                self.world.apply_force_to_center(id, force, true);
            }
            "force" => {
                let force = words.vector();
                self.world.apply_force_to_center(id, force, words.flag());
            }
            "torque" => self.world.apply_torque(id, words.next(), true),
            "velocity" => self.world.set_linear_velocity(id, words.vector()),
            "spin" => self.world.set_angular_velocity(id, words.next()),
            _ => panic!("no command is called {name}"),
        }
    }

    fn body(&self, number: usize) -> BodyId {
        self.bodies[number].expect("the body exists")
    }

    fn create_body(&mut self, words: &mut Words) {
        let kind = match words.next::<String>().as_str() {
            "static" => BodyKind::Static,
            _ => BodyKind::Dynamic,
        };
        let def = BodyDef {
            kind,
            position: words.vector(),
            angle: words.next(),
            linear_damping: words.next(),
            angular_damping: words.next(),
            ..BodyDef::default()
        };
        self.bodies.push(Some(self.world.create_body(&def)));
    }

    fn create_fixture(&mut self, shape: &str, words: &mut Words) {
        let body = self.body(words.next());
        let mut def = FixtureDef {
            density: words.next(),
            friction: words.next(),
            restitution: words.next(),
            filter: Filter { category: words.next(), mask: words.next(), group: words.next() },
            is_sensor: words.flag(),
            ..FixtureDef::new(Shape::edge(Vec2::ZERO, Vec2::ZERO))
        };
        let points = words.vectors();
        def.shape = match shape {
            "edge" => Shape::edge(points[0], points[1]),
            "box" => Shape::rectangle(points[0].x, points[0].y),
            _ => Shape::polygon(&points),
        };
        self.fixtures.push(self.world.create_fixture(body, &def));
    }

    fn create_joint(&mut self, words: &mut Words) {
        let (body_a, body_b) = (self.body(words.next()), self.body(words.next()));
        let def = RevoluteJointDef {
            body_a,
            body_b,
            local_anchor_a: words.vector(),
            local_anchor_b: words.vector(),
            reference_angle: words.next(),
            enable_limit: words.flag(),
            lower_angle: words.next(),
            upper_angle: words.next(),
            enable_motor: words.flag(),
            motor_speed: words.next(),
            max_motor_torque: words.next(),
        };
        self.joints.push(Some(self.world.create_revolute_joint(&def)));
    }

    fn destroy(&mut self, number: usize) {
        let doomed = self.body(number);
        for joint in &mut self.joints {
            *joint = joint.filter(|&id| {
                let def = self.world.joint(id).def();
                def.body_a != doomed && def.body_b != doomed
            });
        }
        let before = self.world.contact_events().len();
        self.world.destroy_body(doomed);
        let ended = &self.world.contact_events()[before..];
        let ended: Vec<_> = ended.iter().map(|event| self.numbered(event)).collect();
        self.ended.extend(ended);
        self.bodies[number] = None;
    }

    /// Everything that can be read of the world after a step, as 32-bit words with their names.
    pub fn state(&mut self) -> State {
        let mut state = State(Vec::new());
        for (number, id) in self.bodies.iter().enumerate() {
            if let &Some(id) = id {
                let body = self.world.body(id);
                let of = |field: &str| format!("body {number}, {field}");
                state.vector(&of("position"), body.position());
                state.float(&of("angle"), body.angle());
                state.vector(&of("centre"), body.world_center());
                state.vector(&of("velocity"), body.linear_velocity());
                state.float(&of("angular velocity"), body.angular_velocity());
                state.word(&of("awake"), u32::from(body.is_awake()));
            }
        }
        for (number, id) in self.joints.iter().enumerate() {
            if let &Some(id) = id {
                let joint = self.world.joint(id);
                for (at, impulse) in joint.impulse().into_iter().enumerate() {
                    state.float(&format!("joint {number}, impulse {at}"), impulse);
                }
                state.float(&format!("joint {number}, motor impulse"), joint.motor_impulse());
            }
        }
        self.add_contacts(&mut state);
        self.add_events(&mut state);
        self.add_rays(&mut state);
        self.ended.clear();
        state
    }

    fn add_contacts(&self, state: &mut State) {
        let contacts = self.world.contacts();
        state.word("contacts", contacts.len() as u32);
        for contact in contacts {
            let (a, b) = (self.number(contact.fixture_a()), self.number(contact.fixture_b()));
            let of = |field: &str| format!("contact of {a} and {b}, {field}");
            let manifold = contact.manifold();
            state.word(&of("fixture A"), a);
            state.word(&of("fixture B"), b);
            state.word(&of("touching"), u32::from(contact.is_touching()));
            state.word(&of("points"), manifold.point_count as u32);
            if manifold.point_count > 0 {
                state.word(&of("kind"), if manifold.kind == ManifoldKind::FaceA { 1 } else { 2 });
                state.vector(&of("normal"), manifold.local_normal);
                state.vector(&of("point of the face"), manifold.local_point);
            }
            for point in &manifold.points[..manifold.point_count] {
                state.vector(&of("point"), point.local_point);
                state.float(&of("normal impulse"), point.normal_impulse);
                state.float(&of("tangent impulse"), point.tangent_impulse);
                state.word(&of("id"), point.id);
            }
        }
    }

    fn add_events(&self, state: &mut State) {
        let events = self.world.contact_events();
        state.word("events", (self.ended.len() + events.len()) as u32);
        for event in self.ended.iter().copied().chain(events.iter().map(|event| self.numbered(event))) {
            for (field, word) in ["touching", "fixture A", "fixture B"].into_iter().zip(event) {
                state.word(&format!("event, {field}"), word);
            }
        }
    }

    fn add_rays(&self, state: &mut State) {
        for ray in &self.rays {
            let from = self.world.body(self.body(ray.body)).position();
            let sees = |fixture| self.world.fixture(fixture).filter().category & ray.mask != 0;
            let [fraction] = self.world.cast_rays(from, [from + ray.way], sees);
            state.float("fraction of a ray", fraction.unwrap_or(1.0));
        }
    }

    fn numbered(&self, event: &ContactEvent) -> [u32; 3] {
        [u32::from(event.touching), self.number(event.fixture_a), self.number(event.fixture_b)]
    }

    /// A fixture's number in the scene: that of the last one created with this id.
    fn number(&self, id: FixtureId) -> u32 {
        self.fixtures.iter().rposition(|&other| other == id).expect("the fixture is of the scene") as u32
    }
}

impl AsMut<World> for Stage {
    fn as_mut(&mut self) -> &mut World {
        &mut self.world
    }
}

/// Words with their names.
pub struct State(pub Vec<(String, u32)>);

impl State {
    pub fn words(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|(_, word)| *word)
    }

    fn word(&mut self, field: &str, word: u32) {
        self.0.push((field.to_string(), word));
    }

    fn float(&mut self, field: &str, value: f32) {
        self.word(field, value.to_bits());
    }

    fn vector(&mut self, field: &str, value: Vec2) {
        self.float(field, value.x);
        self.float(field, value.y);
    }
}
