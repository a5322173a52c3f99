//! A copy of a log on its way: rows of keyspaces, one behind the other, then how many there were and a
//! checksum over all of it, so that half a copy is not taken for a whole one.

use std::io::{self, Read};

use xxhash_rust::xxh3::Xxh3Default;

const MAGIC: &[u8] = b"tagcast backup 1\n";
/// Bytes that go out at once, about.
const CHUNK: usize = 256 << 10;
/// Longest key or value that can be meant.
const MAX_FIELD: u32 = 64 << 20;

/// Writes a copy, a chunk at a time.
pub(super) struct Packer<'a> {
    sink: &'a mut dyn FnMut(Vec<u8>) -> bool,
    chunk: Vec<u8>,
    hash: Xxh3Default,
    rows: u64,
}

/// Nobody takes it any more.
#[derive(Debug)]
pub(super) struct NoTaker;

impl<'a> Packer<'a> {
    pub(super) fn new(sink: &'a mut dyn FnMut(Vec<u8>) -> bool) -> Self {
        Self { sink, chunk: MAGIC.to_vec(), hash: Xxh3Default::new(), rows: 0 }
    }

    pub(super) fn row(&mut self, keyspace: &str, key: &[u8], value: &[u8]) -> Result<(), NoTaker> {
        let begin = self.chunk.len();
        for field in [keyspace.as_bytes(), key, value] {
            self.chunk.extend(u32::try_from(field.len()).unwrap_or(u32::MAX).to_le_bytes());
            self.chunk.extend(field);
        }
        self.hash.update(&self.chunk[begin..]);
        self.rows += 1;
        if self.chunk.len() < CHUNK { Ok(()) } else { self.send() }
    }

    pub(super) fn finish(mut self) -> Result<(), NoTaker> {
        // An empty name can't be a keyspace's.
        self.chunk.extend(0_u32.to_le_bytes());
        self.chunk.extend(self.rows.to_le_bytes());
        self.chunk.extend(self.hash.digest().to_le_bytes());
        self.send()
    }

    fn send(&mut self) -> Result<(), NoTaker> {
        if (self.sink)(std::mem::take(&mut self.chunk)) { Ok(()) } else { Err(NoTaker) }
    }
}

/// A row of a copy: keyspace, key, value.
pub(super) type CopyRow = (String, Vec<u8>, Vec<u8>);

/// Reads a copy, and checks at its end that it is whole.
pub(super) struct Unpacker<R> {
    from: R,
    hash: Xxh3Default,
    rows: u64,
}

impl<R: Read> Unpacker<R> {
    pub(super) fn new(mut from: R) -> io::Result<Self> {
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic)?;
        if magic == *MAGIC {
            Ok(Self { from, hash: Xxh3Default::new(), rows: 0 })
        } else {
            Err(invalid("it is no copy of a log"))
        }
    }

    /// The next row; `None` at the end of a whole copy.
    pub(super) fn next(&mut self) -> io::Result<Option<CopyRow>> {
        let name = self.field()?;
        if name.is_empty() {
            return self.check().map(|()| None);
        }
        let (key, value) = (self.field()?, self.field()?);
        for field in [&name, &key, &value] {
            self.hash.update(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_le_bytes());
            self.hash.update(field);
        }
        self.rows += 1;
        let name = String::from_utf8(name).map_err(|_| invalid("a name is damaged"))?;
        Ok(Some((name, key, value)))
    }

    fn field(&mut self) -> io::Result<Vec<u8>> {
        let length = u32::from_le_bytes(self.array()?);
        if length > MAX_FIELD {
            return Err(invalid("a length is damaged"));
        }
        let mut field = Vec::new();
        (&mut self.from).take(length.into()).read_to_end(&mut field)?;
        if field.len() == length as usize { Ok(field) } else { Err(invalid("it is cut off")) }
    }

    fn check(&mut self) -> io::Result<()> {
        let (rows, checksum) = (u64::from_le_bytes(self.array()?), u64::from_le_bytes(self.array()?));
        if (rows, checksum) == (self.rows, self.hash.digest()) {
            Ok(())
        } else {
            Err(invalid("it is damaged"))
        }
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(rows: &[CopyRow]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut sink = |chunk: Vec<u8>| {
            out.extend(chunk);
            true
        };
        let mut packer = Packer::new(&mut sink);
        for (name, key, value) in rows {
            packer.row(name, key, value).unwrap();
        }
        packer.finish().unwrap();
        out
    }

    fn unpacked(bytes: &[u8]) -> io::Result<Vec<CopyRow>> {
        let mut unpacker = Unpacker::new(bytes)?;
        let mut rows = Vec::new();
        while let Some(row) = unpacker.next()? {
            rows.push(row);
        }
        Ok(rows)
    }

    proptest! {
        #[test]
        fn comes_back(rows: Vec<(u8, Vec<u8>, Vec<u8>)>) {
            let rows: Vec<_> = rows.into_iter().map(|(n, key, value)| (format!("k{n}"), key, value)).collect();
            prop_assert_eq!(unpacked(&packed(&rows)).unwrap(), rows);
        }

        #[test]
        fn half_a_copy_and_a_spoilt_one_are_seen(rows: Vec<(u8, Vec<u8>, Vec<u8>)>, at: prop::sample::Index, cut: bool) {
            let rows: Vec<_> = rows.into_iter().map(|(n, key, value)| (format!("k{n}"), key, value)).collect();
            let mut bytes = packed(&rows);
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1 }
            prop_assert!(unpacked(&bytes).is_err());
        }
    }
}
