"""The SQL itself: how it is rendered, whether it is legal where it cannot run here, and how a server plans it."""
