//! The gate's derived columns, made once for each different text.

use crate::carried::{Carried, CarriedColumn};
use crate::derived::{DerivedInput, Reading, TRUE};
use crate::intern::{Interner, NONE};
use crate::registry::{CarriedSpec, CarriedType};

/// Derives the columns of the tracks of one builder, once for each different text.
#[derive(Debug, Default)]
pub(crate) struct Deriver {
    columns: Vec<DerivedColumn>,
    /// Texts of inputs that tracks do not carry.
    pub(crate) texts: Interner,
}

#[derive(Debug)]
struct DerivedColumn {
    /// The place of the column among the carried ones.
    place: usize,
    inputs: Vec<KnownInput>,
    otherwise: Option<String>,
    carried_type: CarriedType,
}

/// An input, and what its texts say as far as they were seen.
#[derive(Debug)]
struct KnownInput {
    from: From,
    reading: Reading,
    /// By the number of the text: the number of the value or 1 for a true one, [`NONE`] where it says nothing, or [`UNSEEN`].
    said: Vec<u32>,
}

/// Whose numbers those of an input's texts are.
#[derive(Debug, Clone, Copy)]
enum From {
    /// A carried column, by its place.
    Carried(usize),
    /// An input that is not carried, by its place.
    Input(usize),
}

/// Stands for a text that was not looked at yet.
const UNSEEN: u32 = NONE - 1;

impl Deriver {
    pub(crate) fn new(carried: &[CarriedSpec], inputs: &[CarriedSpec]) -> Self {
        let place = |name: &str| {
            let is_it = |spec: &CarriedSpec| spec.name == name && spec.carried_type == CarriedType::Text;
            let of_carried = carried.iter().position(|spec| is_it(spec) && spec.derived.is_none());
            let of_inputs = || inputs.iter().position(is_it).map(From::Input);
            of_carried.map(From::Carried).or_else(of_inputs)
        };
        let column = |(column_place, spec): (usize, &CarriedSpec)| {
            let derived = spec.derived.as_ref()?;
            let known = |input: &DerivedInput| {
                Some(KnownInput {
                    from: place(&input.name)?,
                    reading: input.reading.clone(),
                    said: Vec::new(),
                })
            };
            Some(DerivedColumn {
                place: column_place,
                inputs: derived.inputs.iter().filter_map(known).collect(),
                otherwise: derived.otherwise.clone(),
                carried_type: spec.carried_type,
            })
        };
        Self { columns: carried.iter().enumerate().filter_map(column).collect(), texts: Interner::default() }
    }

    /// Adds the values of `rows` new rows to the derived columns. `inputs` are the numbers of these rows' texts that are not carried;
    /// carried columns of texts have theirs as their last.
    pub(crate) fn derive(
        &mut self,
        rows: usize,
        carried: &mut Carried,
        inputs: &[Vec<u32>],
        values: &mut Interner,
    ) {
        let Self { columns, texts } = self;
        for DerivedColumn { place, inputs: known, otherwise, carried_type } in columns {
            let (is_truth, mut default) = (*carried_type == CarriedType::Truth, None);
            let mut derived = Vec::with_capacity(rows);
            for row in 0..rows {
                let mut value = NONE;
                let mut has_text = false;
                for KnownInput { from, reading, said } in known.iter_mut() {
                    let number = match *from {
                        From::Carried(place) => {
                            let numbers = carried.texts(place);
                            numbers[numbers.len() - rows + row]
                        }
                        From::Input(place) => inputs[place][row],
                    };
                    if number == NONE {
                        continue;
                    }
                    has_text = true;
                    if said.len() <= number as usize {
                        said.resize(number as usize + 1, UNSEEN);
                    }
                    if said[number as usize] == UNSEEN {
                        let text = match from {
                            From::Carried(_) => values.get(number),
                            From::Input(_) => texts.get(number),
                        };
                        said[number as usize] = match reading.read(text) {
                            None => NONE,
                            Some(value) if is_truth => u32::from(value == TRUE),
                            Some(value) => values.intern(&value),
                        };
                    }
                    value = said[number as usize];
                    if value != NONE {
                        break;
                    }
                }
                derived.push(match otherwise {
                    _ if value != NONE => value,
                    _ if is_truth => 0,
                    Some(otherwise) if has_text => *default.get_or_insert_with(|| values.intern(otherwise)),
                    _ => NONE,
                });
            }
            match &mut carried.0[*place] {
                CarriedColumn::Texts(texts) => texts.extend(derived),
                CarriedColumn::Truths(truths) => truths.extend(derived.into_iter().map(|truth| truth as u8)),
                CarriedColumn::Numbers(_) => unreachable!("no number is derived"),
            }
        }
    }

    /// Bytes of memory, about, that the texts take and what is known of them.
    pub(crate) fn bytes(&self) -> u64 {
        let said = self.columns.iter().flat_map(|column| &column.inputs).map(|input| input.said.len());
        self.texts.bytes() + (said.sum::<usize>() * size_of::<u32>()) as u64
    }
}
