"""`python -m sharedstate_agents.hook EVENT`."""

from sharedstate_agents.hook import main

main()
