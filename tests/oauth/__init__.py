"""OAuth for agents, over HTTP: tokens, proofs, keys, and the attacks on them."""
