"""Records, their store, verification and the tables made of them."""
