"""`sharedstate setup`: our entries in the configuration of coding harnesses, and out again."""
