"""Reading what is listed rather than searched, in slices that can be read alone: folders, tables, one large object."""
