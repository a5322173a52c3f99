//! Connections of a server on one thread: accepted, and read request by request.

use std::io::{self, Read as _};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};

use crate::http::{Request, read_request};

/// Bytes read at once.
const BUFFER: usize = 256 << 10;

/// The connections, each under a token of its own.
pub struct Inbound<T> {
    /// The first connection's token.
    first: usize,
    interest: Interest,
    /// A connection keeps its place for ever: runs are short.
    connections: Vec<Option<Connection<T>>>,
    buffer: Vec<u8>,
}

/// One connection, and what its server knows of it.
pub struct Connection<T> {
    /// To write answers to.
    pub stream: TcpStream,
    /// The start of a request that is not whole.
    carry: Vec<u8>,
    /// The server's own.
    pub state: T,
}

impl<T: Default> Inbound<T> {
    /// None yet; tokens begin with this one.
    pub fn new(first: usize, interest: Interest) -> Self {
        Self { first, interest, connections: Vec::new(), buffer: vec![0; BUFFER] }
    }

    /// Takes all connections that wait.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn accept(&mut self, listener: &TcpListener, registry: &Registry) -> io::Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            registry.register(&mut stream, Token(self.first + self.connections.len()), self.interest)?;
            self.connections.push(Some(Connection { stream, carry: Vec::new(), state: T::default() }));
        }
    }

    /// The connection with this index, if it is not gone.
    pub fn get(&mut self, index: usize) -> Option<&mut Connection<T>> {
        self.connections.get_mut(index)?.as_mut()
    }

    /// All that are not gone.
    pub fn all(&mut self) -> impl Iterator<Item = &mut Connection<T>> {
        self.connections.iter_mut().flatten()
    }

    /// Reads what has come, and hands on each request that is whole; false from `take`: nothing that follows matters.
    pub fn receive(
        &mut self,
        index: usize,
        mut take: impl FnMut(&mut TcpStream, &mut T, Request<'_>) -> bool,
    ) {
        let Some(Some(Connection { stream, carry, state })) = self.connections.get_mut(index) else { return };
        loop {
            match stream.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(read) if read > 0 => carry.extend_from_slice(&self.buffer[..read]),
                _ => break,
            }
            let mut taken = 0;
            while let Some(request) = read_request(&carry[taken..]) {
                taken += request.length;
                if !take(stream, state, request) {
                    taken = carry.len();
                }
            }
            carry.drain(..taken);
        }
        self.connections[index] = None;
    }
}
