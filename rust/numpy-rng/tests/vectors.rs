//! Bit equality with NumPy: replays `numpy_vectors.txt`, which `record_vectors.py` beside it wrote and whose
//! format it describes.

use numpy_rng::{Generator, SeedSequence};

const VECTORS: &str = include_str!("numpy_vectors.txt");

/// One call in a script.
#[derive(Clone, Copy, Debug)]
enum Draw {
    Random,
    Normal,
    U32,
    U64,
    Uniform(f64, f64),
    Integers(i64, i64),
    Inclusive(i64, i64),
}

impl Draw {
    fn parse(text: &str) -> Self {
        let fields: Vec<&str> = text.split(':').collect();
        let integer = |text: &str| text.parse::<i64>().unwrap();
        match fields[..] {
            ["random"] => Self::Random,
            ["normal"] => Self::Normal,
            ["u32"] => Self::U32,
            ["u64"] => Self::U64,
            ["uniform", low, high] => Self::Uniform(low.parse().unwrap(), high.parse().unwrap()),
            ["integers", low, high] => Self::Integers(integer(low), integer(high)),
            ["inclusive", low, high] => Self::Inclusive(integer(low), integer(high)),
            _ => panic!("unknown draw {text}"),
        }
    }

    /// The value's bits.
    fn apply(self, rng: &mut Generator) -> u64 {
        match self {
            Self::Random => rng.random().to_bits(),
            Self::Normal => rng.standard_normal().to_bits(),
            Self::U32 => u64::from(rng.next_u32()),
            Self::U64 => rng.next_u64(),
            Self::Uniform(low, high) => rng.uniform(low, high).to_bits(),
            Self::Integers(low, high) => rng.integers(low, high) as u64,
            Self::Inclusive(low, high) => rng.integers_inclusive(low, high) as u64,
        }
    }

    fn parse_value(self, text: &str) -> u64 {
        match self {
            Self::Integers(..) | Self::Inclusive(..) => text.parse::<i64>().unwrap() as u64,
            _ => hexadecimal(text),
        }
    }
}

fn hexadecimal(text: &str) -> u64 {
    u64::from_str_radix(text, 16).unwrap()
}

/// The records of one kind, without the kind.
fn records(kind: &str) -> impl Iterator<Item = &'static str> {
    VECTORS.lines().filter_map(move |line| line.strip_prefix(kind)?.strip_prefix(' '))
}

fn scripts() -> Vec<Vec<Draw>> {
    records("script").map(|script| script.split(' ').map(Draw::parse).collect()).collect()
}

/// Little-endian words of an integer of any length in hexadecimal.
fn integer_words(hexadecimal: &str) -> Vec<u32> {
    let digits: Vec<char> = hexadecimal.chars().collect();
    digits.rchunks(8).map(|word| u32::from_str_radix(&word.iter().collect::<String>(), 16).unwrap()).collect()
}

/// Every way to build the sequence and the generator of this entropy: they must all agree with NumPy.
fn seeded(entropy: &str) -> Vec<(SeedSequence, Generator)> {
    let (kind, elements) = entropy.split_once(' ').unwrap_or((entropy, ""));
    let integers: Vec<&str> = elements.split(',').filter(|element| !element.is_empty()).collect();
    let with_generator = |sequence: SeedSequence| (sequence, Generator::from_seed_sequence(&sequence));
    match kind {
        "int" => {
            let mut all = vec![with_generator(SeedSequence::from_words(&integer_words(elements)))];
            if let Ok(seed) = u64::from_str_radix(elements, 16) {
                all.push((SeedSequence::from_u64(seed), Generator::from_seed(seed)));
                all.push(with_generator(SeedSequence::from_integers(&[seed])));
            }
            all
        }
        "words" => {
            let words: Vec<u32> =
                integers.iter().map(|word| u32::from_str_radix(word, 16).unwrap()).collect();
            vec![with_generator(SeedSequence::from_words(&words))]
        }
        "integers" => {
            let integers: Vec<u64> = integers.into_iter().map(hexadecimal).collect();
            vec![with_generator(SeedSequence::from_integers(&integers))]
        }
        _ => panic!("unknown entropy {entropy}"),
    }
}

fn assert_state_words(sequence: &SeedSequence, recorded: &str, entropy: &str) {
    let (dtype, words) = recorded.split_once(' ').unwrap();
    let expected: Vec<u64> = words.split(' ').map(hexadecimal).collect();
    let generated: Vec<u64> = match dtype {
        "u32" => {
            let mut generated = vec![0; expected.len()];
            sequence.generate_u32(&mut generated);
            generated.into_iter().map(u64::from).collect()
        }
        "u64" => {
            let mut generated = vec![0; expected.len()];
            sequence.generate_u64(&mut generated);
            generated
        }
        _ => panic!("unknown dtype {dtype}"),
    };
    assert_eq!(generated, expected, "generate_state ({dtype}) of {entropy}");
}

fn assert_final_state(rng: &Generator, recorded: &str, context: &str) {
    let bits = rng.bit_generator();
    let buffered = bits.buffered_u32().map(|half| format!(" {half:x}")).unwrap_or_default();
    assert_eq!(format!("{:x}{buffered}", bits.state()), recorded, "state after the draws of {context}");
}

fn assert_case(record: &str, scripts: &[Vec<Draw>]) {
    let [entropy, script, state_words, values, state] = record.split(" | ").collect::<Vec<_>>()[..] else {
        panic!("expected five fields: {record}");
    };
    let script = &scripts[script.parse::<usize>().unwrap()];
    let values: Vec<&str> = values.split(' ').collect();
    assert_eq!(values.len(), script.len(), "values of {entropy}");
    for (sequence, mut rng) in seeded(entropy) {
        assert_state_words(&sequence, state_words, entropy);
        for (position, (draw, value)) in script.iter().zip(&values).enumerate() {
            let (got, expected) = (draw.apply(&mut rng), draw.parse_value(value));
            assert_eq!(
                got, expected,
                "draw {position} of {entropy}, {draw:?}: {got:x}, NumPy has {expected:x}"
            );
        }
        assert_final_state(&rng, state, entropy);
    }
}

#[test]
fn the_recording_names_its_numpy() {
    assert_eq!(VECTORS.lines().next(), Some("numpy 2.4.6"));
}

#[test]
fn every_draw_of_a_thousand_seeds_equals_numpy() {
    let scripts = scripts();
    let mut cases = 0;
    for record in records("case") {
        assert_case(record, &scripts);
        cases += 1;
    }
    assert!(cases >= 1000, "only {cases} cases were recorded");
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// Replays all records of a long `kind`, between two digests what `draws` says. A digest that differs bounds the first
/// wrong draw; the cases above name it.
fn assert_long(kind: &str, draws: &[Draw]) {
    let mut runs = 0;
    for record in records(kind) {
        let [seed, rounds, digests, state] = record.split(" | ").collect::<Vec<_>>()[..] else {
            panic!("expected four fields: {record}");
        };
        let mut rng = Generator::from_seed(hexadecimal(seed));
        let rounds: usize = rounds.parse().unwrap();
        let mut digest = FNV_OFFSET;
        for (checkpoint, expected) in digests.split(' ').enumerate() {
            for draw in std::iter::repeat_n(draws, rounds).flatten() {
                digest = (digest ^ draw.apply(&mut rng)).wrapping_mul(FNV_PRIME);
            }
            assert_eq!(
                digest,
                hexadecimal(expected),
                "{kind}, seed {seed}: draws up to checkpoint {checkpoint}"
            );
        }
        assert_final_state(&rng, state, seed);
        runs += 1;
    }
    assert!(runs >= 8, "only {runs} runs were recorded");
}

/// 65,536 draws a seed, 4,096 for each digest.
#[test]
fn long_runs_equal_numpy() {
    assert_long("run", &scripts().concat());
}

/// 262,144 draws a seed, two millions in all: some 31,000 are not taken as they are, of which 500 are in the tail.
#[test]
fn long_runs_of_normals_equal_numpy() {
    assert_long("normals", &[Draw::Normal]);
}

/// Holds the recording to its purpose: without rejected words in both widths it would prove little about
/// `integers`.
#[test]
fn the_cases_reject_words_of_both_widths() {
    let scripts = scripts();
    let (mut narrow, mut wide) = (0, 0);
    for record in records("case") {
        let fields: Vec<&str> = record.split(" | ").collect();
        let (_, mut rng) = seeded(fields[0]).swap_remove(0);
        for draw in &scripts[fields[1].parse::<usize>().unwrap()] {
            let mut one_word = rng.clone();
            draw.apply(&mut rng);
            let span = match *draw {
                Draw::Integers(low, high) => high.wrapping_sub(low).wrapping_sub(1) as u64,
                Draw::Inclusive(low, high) => high.wrapping_sub(low) as u64,
                _ => 0,
            };
            if span == 0 {
                continue;
            } else if span <= u64::from(u32::MAX) {
                one_word.next_u32();
                narrow += usize::from(rng != one_word);
            } else {
                one_word.next_u64();
                wide += usize::from(rng != one_word);
            }
        }
    }
    assert!(narrow >= 500 && wide >= 500, "draws with rejections: {narrow} of 32 bits, {wide} of 64 bits");
}
