"""The methods of SharedState, a module a domain; methods_async is made from these."""
