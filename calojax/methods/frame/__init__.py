"""The frame around a generator: what physics knows of a shower beforehand is factored out, so that
the network learns its shape alone.

In the order of a shower's life: `crossing` finds where its trajectory crosses each layer,
`canonical` brings it to the standard place, `response` takes its visible energy and the layers'
shares away, `standard` puts the three together. Undone in the reverse order after generation.
"""
