//! The load tester from outside: the built program against servers that behave, and servers that
//! do not.

mod cli;
mod compare;
mod crash;
mod gateway;
mod guarded;
mod misbehaving;
mod open_loop;
mod program;
mod server;
mod shipped_profiles;
mod verify;
