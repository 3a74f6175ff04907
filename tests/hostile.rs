//! The gateway under attack: requests that nobody should send, clients that are slow, and clients that are too
//! many. The program itself runs, as a process of its own whose memory and descriptors can be looked at.

#[path = "blackbox/answer.rs"]
mod answer;

mod hostile {
    mod attack;
    mod bodies;
    mod bodies_packed;
    mod framing;
    mod heads;
    mod many;
    mod paths;
    mod request_line;
    mod slow;
    mod turns;

    pub(crate) mod case;
    pub(crate) mod exchange;
    pub(crate) mod gateway;
}
