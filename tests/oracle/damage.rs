//! Damage to a body: bytes flipped, put in, left out, lines swapped, doubled, lost, the end cut off.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Bytes that mean something to the format, or nothing at all.
const BYTES: &[u8] = b"\n\r\t {}=\"\\,#_:019.eE+-naHl\0\xff\xc3\xa9\xe2";

#[derive(Debug, Clone, Copy)]
enum Damage {
    Overwrite(Index, u8),
    Insert(Index, u8),
    Delete(Index),
    SwapLines(Index, Index),
    DoubleLine(Index),
    DropLine(Index),
    Cut(Index),
}

/// The body with a few things wrong.
pub(crate) fn damaged(body: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    vec(damage(), 1..4).prop_map(move |damages| damages.into_iter().fold(body.clone(), apply))
}

fn damage() -> impl Strategy<Value = Damage> {
    let byte = || prop_oneof![4 => select(BYTES), 1 => any::<u8>()];
    prop_oneof![
        3 => (any::<Index>(), byte()).prop_map(|(at, byte)| Damage::Overwrite(at, byte)),
        3 => (any::<Index>(), byte()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        2 => any::<Index>().prop_map(Damage::Delete),
        2 => any::<(Index, Index)>().prop_map(|(one, other)| Damage::SwapLines(one, other)),
        1 => any::<Index>().prop_map(Damage::DoubleLine),
        1 => any::<Index>().prop_map(Damage::DropLine),
        1 => any::<Index>().prop_map(Damage::Cut),
    ]
}

fn apply(mut body: Vec<u8>, damage: Damage) -> Vec<u8> {
    if body.is_empty() {
        return body;
    }
    let mut lines: Vec<&[u8]> = body.split_inclusive(|byte| *byte == b'\n').collect();
    let count = lines.len();
    match damage {
        Damage::SwapLines(one, other) => lines.swap(one.index(count), other.index(count)),
        Damage::DoubleLine(at) => lines.insert(at.index(count), lines[at.index(count)]),
        Damage::DropLine(at) => drop(lines.remove(at.index(count))),
        Damage::Overwrite(at, byte) => {
            let at = at.index(body.len());
            body[at] = byte;
            return body;
        }
        Damage::Insert(at, byte) => {
            body.insert(at.index(body.len() + 1), byte);
            return body;
        }
        Damage::Delete(at) => {
            body.remove(at.index(body.len()));
            return body;
        }
        Damage::Cut(at) => {
            body.truncate(at.index(body.len()));
            return body;
        }
    }
    lines.concat()
}
