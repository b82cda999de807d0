//! Watches of this server's own connections.
