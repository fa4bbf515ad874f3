/** A broker for tests: connections without a network, a clock that is advanced and turns that are ended by hand. */
export {};
