"""Evidence that the engine's bits are the references': Gymnasium's for environments, PyTorch's for policies.

    versions, report, divergence      what is claimed about what, and how a broken claim reads
    references/, drivers, trace       one adapter per environment, who plays, what was played
    compare, open_loop, closed_loop, evaluated, golden            environments, with and without policies
    torch_policy, probe, forward, random_shapes, sweep, ...       the forward pass
    chunks, long, evidence            the long proof

`terminal.parity.run` puts them together. Needs the references' packages, except for `golden` and `evaluated`.
"""
