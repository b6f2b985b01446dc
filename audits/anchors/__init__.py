"""Where checkpoints go outside: one small module a kind of sink, all of one shape (`base.Sink`)."""
