"""Method arguments to calls, a module a domain. Pure: no I/O, no clock; each has its method's name.

Both transports send these alike. The only thing drawn from outside is a fresh request id, where
none is given.
"""
