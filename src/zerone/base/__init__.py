"""The ground: errors and frozen pytrees, imported by every room."""
