//! Where the prompt service touches the world through somebody else's library, and keeps nothing.
//!
//! | module | turns | into |
//! |---|---|---|
//! | [`web_push`] | a phone's subscription | one encrypted wake-up, posted with care |
//! | [`whereabouts`] | an address | a network and a place, from files that the operator brings |
//! | [`user_agent`] | what a browser calls itself | a name that a person knows |
//! | [`passwords`] | five digits of a hash | the range of leaked hashes that starts with them |
//! | [`qr`] | a link | a picture of it, for a page or a terminal |
//!
//! Nothing here decides anything about a subscriber, reads a clock or remembers a call: time is an
//! argument, state is the store's. What cannot be found out is an error or `None`, never a guess.

mod address;
pub mod passwords;
pub mod qr;
pub mod user_agent;
pub mod web_push;
pub mod whereabouts;
