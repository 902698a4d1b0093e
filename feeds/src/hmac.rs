//! HMAC-SHA256 with a key that is taken in once.
//!
//! The first block of both hashes depends on the key alone, so what it leaves behind is kept
//! instead of the key. Where messages begin alike, what their first blocks leave is kept as well.

use std::fmt;

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::Secret;

/// Bytes that the hash takes at a time.
const BLOCK: usize = 64;
/// Bytes behind a message: a mark, and its length in bits.
const MARK: u8 = 0x80;
const LENGTH_BYTES: usize = 8;

/// Where SHA-256 begins (FIPS 180-4, 5.3.3).
const BEGIN: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// A key, as what it leaves behind in both hashes. Wiped when it is dropped.
pub struct HmacKey {
    inner: [u32; 8],
    outer: [u32; 8],
}

/// What the first blocks of a message leave behind under a key. As secret as the key.
pub struct Midstate {
    state: [u32; 8],
    bytes: usize,
}

impl Midstate {
    /// How many bytes of the message it is of.
    #[inline(always)]
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

impl HmacKey {
    /// Takes `secret` in.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        let mut block = Zeroizing::new([0_u8; BLOCK]);
        // A key longer than a block stands for its hash (RFC 2104).
        let hash: Zeroizing<[u8; 32]>;
        let key = if secret.bytes().len() > BLOCK {
            hash = Zeroizing::new(Sha256::digest(secret.bytes()).into());
            &hash[..]
        } else {
            secret.bytes()
        };
        for (place, byte) in block.iter_mut().zip(key) {
            *place = *byte;
        }
        let state = |pad: u8| {
            let padded = Zeroizing::new(block.map(|byte| byte ^ pad));
            let mut state = BEGIN;
            compress256(&mut state, &[*padded]);
            state
        };
        Self { inner: state(0x36), outer: state(0x5c) }
    }

    /// What messages that begin with `prefix` may begin from: whole blocks of it.
    #[must_use]
    pub fn after(&self, prefix: &[u8]) -> Midstate {
        let (blocks, _) = prefix.as_chunks::<BLOCK>();
        let mut state = self.inner;
        compress256(&mut state, blocks);
        Midstate { state, bytes: BLOCK * blocks.len() }
    }

    /// The signature of `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        self.finish(self.inner, 0, message)
    }

    /// The signature of a message that goes on with `rest` behind the blocks of `begin`, which
    /// is of the same key.
    #[must_use]
    #[inline]
    pub fn sign_after(&self, begin: &Midstate, rest: &[u8]) -> [u8; 32] {
        self.finish(begin.state, begin.bytes, rest)
    }

    /// The same with the padding of [`pad`] behind `rest`, as whole blocks.
    #[inline(always)]
    pub(crate) fn sign_padded(&self, begin: &Midstate, rest: &[u8]) -> [u8; 32] {
        let mut state = begin.state;
        compress256(&mut state, rest.as_chunks::<BLOCK>().0);
        self.outer(&state)
    }

    #[inline]
    fn finish(&self, mut state: [u32; 8], before: usize, rest: &[u8]) -> [u8; 32] {
        let (blocks, tail) = rest.as_chunks::<BLOCK>();
        if !blocks.is_empty() {
            compress256(&mut state, blocks);
        }
        end(&mut state, tail, BLOCK + before + rest.len());
        self.outer(&state)
    }

    /// The outer hash over the inner one.
    #[inline(always)]
    fn outer(&self, inner: &[u32; 8]) -> [u8; 32] {
        let mut block = OUTER_END;
        let (places, _) = block.as_chunks_mut::<4>();
        places.iter_mut().zip(inner).for_each(|(place, word)| *place = word.to_be_bytes());
        let mut state = self.outer;
        compress256(&mut state, &[block]);
        let mut hash = [0; 32];
        let (places, _) = hash.as_chunks_mut::<4>();
        places.iter_mut().zip(state).for_each(|(place, word)| *place = word.to_be_bytes());
        hash
    }
}

/// What comes behind the inner hash in the second block of the outer one.
const OUTER_END: [u8; BLOCK] = {
    let mut block = [0; BLOCK];
    block[32] = MARK;
    // 96 bytes are 768 bits.
    block[BLOCK - 2] = 3;
    block
};

/// Writes the padding of the inner hash behind the first `length` bytes of `text`, which are a
/// whole message; where the blocks end. `None` if there is no room.
pub(crate) fn pad(text: &mut [u8], length: usize) -> Option<usize> {
    let end = (length + 1 + LENGTH_BYTES).next_multiple_of(BLOCK);
    let padding = text.get_mut(length..end)?;
    padding.fill(0);
    *padding.first_mut()? = MARK;
    *padding.last_chunk_mut()? = (8 * (BLOCK + length) as u64).to_be_bytes();
    Some(end)
}

/// Takes in the last bytes, less than a block, of a text of `length` bytes.
#[inline(always)]
fn end(state: &mut [u32; 8], tail: &[u8], length: usize) {
    let mut blocks = [[0_u8; BLOCK]; 2];
    let count = if tail.len() + 1 + LENGTH_BYTES > BLOCK { 2 } else { 1 };
    let bits = (8 * length as u64).to_be_bytes();
    let bytes = blocks.as_flattened_mut();
    if let Some((place, rest)) = bytes.split_at_mut_checked(tail.len())
        && let Some(mark) = rest.first_mut()
    {
        place.copy_from_slice(tail);
        *mark = MARK;
    }
    if let Some(place) = blocks.get_mut(count - 1).and_then(|block| block.last_chunk_mut()) {
        *place = bits;
    }
    compress256(state, blocks.get(..count).unwrap_or_default());
}

impl Drop for HmacKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl Drop for Midstate {
    fn drop(&mut self) {
        self.state.zeroize();
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Midstate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_cases_of_rfc_4231() {
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
        let longer = b"This is a test using a larger than block-size key and a larger than \
            block-size data. The key needs to be hashed before being used by the HMAC algorithm.";
        for (key, message, wanted) in [
            (
                vec![0x0b; 20],
                b"Hi There".to_vec(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 20],
                vec![0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                (1..=25).collect(),
                vec![0xcd; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            ),
            (
                vec![0xaa; 131],
                long.to_vec(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                vec![0xaa; 131],
                longer.to_vec(),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ] {
            assert_eq!(hex(&HmacKey::new(&Secret::new(key)).sign(&message)), wanted);
        }
    }

    #[test]
    fn nothing_is_shown() {
        let key = HmacKey::new(&Secret::new("hidden"));
        let all = format!("{key:?} {:?} {:?}", key.after(&[0; 64]), Secret::new("hidden"));
        assert_eq!(all, "*** *** ***");
    }

    proptest! {
        #[test]
        fn another_library_says_the_same(
            key in prop::collection::vec(any::<u8>(), 0..200),
            message in prop::collection::vec(any::<u8>(), 0..400),
            cut in 0_usize..400,
        ) {
            let ours = HmacKey::new(&Secret::new(key.clone()));
            let theirs = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
            let wanted = ring::hmac::sign(&theirs, &message);
            prop_assert_eq!(&ours.sign(&message)[..], wanted.as_ref());
            let begin = ours.after(&message[..cut.min(message.len())]);
            let rest = &message[begin.bytes..];
            prop_assert_eq!(&ours.sign_after(&begin, rest)[..], wanted.as_ref());
            let mut text = message.clone();
            text.resize(message.len() + 80, 0xff);
            let end = pad(&mut text, message.len()).unwrap();
            let rest = &text[begin.bytes..end];
            prop_assert_eq!(&ours.sign_padded(&begin, rest)[..], wanted.as_ref());
            prop_assert_eq!(pad(&mut text[..end - 1], message.len()), None);
        }
    }
}
