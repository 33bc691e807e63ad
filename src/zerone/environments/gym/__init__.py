"""Gymnasium's environments here, and ours in Gymnasium."""
