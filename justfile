# Short names for the chores; each is one command that also works without just.

# Everything that a change must pass.
check:
    cargo xtask test

# House rules alone.
tidy:
    cargo xtask tidy

# A minute of fuzzing for each reader, or for the targets named.
fuzz *targets:
    cargo xtask fuzz --seconds 60 {{targets}}

# Two simulated weeks, scanned.
demo:
    cargo run --release -- demo
