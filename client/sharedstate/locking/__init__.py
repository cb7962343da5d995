"""How an agent waits for locks, holds them, renews them and learns that they were lost."""
